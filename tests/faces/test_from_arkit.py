"""ARKit's coefficients as LivePortrait's keypoint offsets: what must hold whatever the amounts are."""

import pytest
import torch

from vasa_core import arkit, keypoints
from vasa_core.errors import WrongSpace
from vasa_core.faces.liveportrait.from_arkit import SLIDERS_OF, UNHEARD, arkit_matrix, from_arkit
from vasa_core.types import Motion


def offsets(**coefficients):
    """(21, 3) of coefficients by name."""
    dynamics = torch.zeros(1, 52)
    for name, amount in coefficients.items():
        dynamics[0, arkit.INDEX[name]] = amount
    return from_arkit(Motion(torch.zeros(1, 6), dynamics, 25.0, arkit.ARKIT)).dynamics.unflatten(1, (21, 3))[0]


def test_pose_and_time_stay_and_zero_is_zero():
    motion = Motion(torch.randn(3, 6), torch.zeros(3, 52), 30.0, arkit.ARKIT)
    converted = from_arkit(motion)
    assert converted.space == keypoints.LIVEPORTRAIT and converted.fps == 30.0
    assert torch.equal(converted.pose, motion.pose) and float(converted.dynamics.abs().max()) == 0.0


def test_it_is_linear():
    torch.testing.assert_close(
        offsets(jawOpen=0.4, eyeBlinkLeft=1.0), 0.4 * offsets(jawOpen=1.0) + offsets(eyeBlinkLeft=1.0)
    )


def test_every_coefficient_is_heard_but_those_that_are_named():
    silent = {name for name, row in zip(arkit.NAMES, arkit_matrix(), strict=True) if float(row.abs().max()) == 0.0}
    assert silent == set(UNHEARD)
    known = {name.removesuffix("Left").removesuffix("Right") for name in arkit.NAMES} | set(arkit.NAMES)
    assert set(SLIDERS_OF) <= known


def test_both_sides_make_one_slider():
    both = offsets(eyeBlinkLeft=1.0, eyeBlinkRight=1.0)
    torch.testing.assert_close(both, keypoints.EYES_SHUT * keypoints.slider("eyes_open").unflatten(0, (21, 3)))
    assert float(both[[11, 15], 1].min()) > 0  # upper points go down
    smile = offsets(mouthSmileLeft=1.0, mouthSmileRight=1.0)
    torch.testing.assert_close(smile, keypoints.slider("smile").unflatten(0, (21, 3)))


def test_the_mouth_opens_and_closes():
    assert float(offsets(jawOpen=1.0)[19, 1]) > 0.05
    torch.testing.assert_close(offsets(jawOpen=0.7, mouthClose=0.7), torch.zeros(21, 3), atol=1e-7, rtol=0)


@pytest.mark.parametrize(
    ("names", "gaze"),
    [
        (("eyeLookOutLeft", "eyeLookInRight"), (arkit.LOOK_SIDEWAYS, 0.0)),
        (("eyeLookInLeft", "eyeLookOutRight"), (-arkit.LOOK_SIDEWAYS, 0.0)),
        (("eyeLookUpLeft", "eyeLookUpRight"), (0.0, arkit.LOOK_VERTICAL)),
        (("eyeLookDownLeft", "eyeLookDownRight"), (0.0, -arkit.LOOK_VERTICAL)),
    ],
)
def test_gaze_means_the_same_in_both_spaces(names, gaze):
    expected = keypoints.gaze_offset(torch.tensor([gaze])).unflatten(1, (21, 3))[0]
    torch.testing.assert_close(offsets(**dict.fromkeys(names, 1.0)), expected)


def test_other_motion_is_refused():
    with pytest.raises(WrongSpace, match="arkit"):
        from_arkit(Motion(torch.zeros(1, 6), torch.zeros(1, 63), 25.0, keypoints.LIVEPORTRAIT))
