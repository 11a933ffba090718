"""What the motion viewer is told of a motion."""

import math

import pytest
import torch

from vasa_core.arkit import ARKIT, INDEX
from vasa_core.errors import BadInput
from vasa_core.motion.view import MOST_POINTS, thinned, viewed
from vasa_core.types import Motion, MotionSpace


def curves(motion):
    return {channel.name: channel.values for channel in viewed(motion)}


def test_units_are_those_that_people_read():
    pose = torch.tensor([[0.1, -0.2, 0.3, 0.4, -0.5, math.log(1.25)]])
    dynamics = torch.zeros(1, 52)
    for name, value in {"jawOpen": 0.5, "mouthSmileLeft": 0.4, "eyeLookOutLeft": 0.5, "eyeLookInRight": 0.5}.items():
        dynamics[0, INDEX[name]] = value
    dynamics[0, [INDEX["eyeLookDownLeft"], INDEX["eyeLookDownRight"]]] = 0.5
    found = {name: values.item() for name, values in curves(Motion(pose, dynamics, 25.0, ARKIT)).items()}
    degrees = {"pitch": math.degrees(0.1), "yaw": math.degrees(-0.2), "roll": math.degrees(0.3)}
    expected = degrees | {"x": 0.4, "y": -0.5, "scale": 1.25, "jaw": 0.5, "smile": 0.2, "blink": 0.0, "brows": 0.0}
    assert found == pytest.approx(expected | {"pucker": 0.0, "gaze yaw": 15.0, "gaze pitch": -10.0}, abs=1e-4)


def test_a_space_without_names_shows_its_first_codes():
    motion = Motion(torch.zeros(4, 6), torch.arange(48.0).view(4, 12), 25.0, MotionSpace("other", 12))
    found = curves(motion)
    assert list(found)[6:] == [str(k) for k in range(1, 9)]
    assert found["3"].tolist() == [2.0, 14.0, 26.0, 38.0]


def test_values_that_are_not_numbers_are_refused():
    with pytest.raises(BadInput, match="'motion'"):
        viewed(Motion(torch.full((2, 6), float("nan")), torch.zeros(2, 52), 25.0, ARKIT))


@pytest.mark.parametrize("frames", [1, 1999, 2000, 2001, 3999, 15000, 15007])
def test_a_long_curve_is_thinned_and_keeps_its_extremes_in_their_places(frames):
    values = torch.zeros(frames)
    values[frames // 2], values[-1] = 1.0, -1.0  # a blink of one frame
    points, each = thinned(values)
    assert len(points) <= MOST_POINTS and frames <= len(points) * each < frames + 2 * each
    assert (points.max(), points.min()) == (values.max(), values.min())
    if frames > 1:
        assert abs(points.argmax().item() * each - frames // 2) <= 2 * each
    if frames <= MOST_POINTS:
        assert torch.equal(points, values) and each == 1
