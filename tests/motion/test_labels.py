"""Main gaze direction by histogram, usual distance, and gaze of blendshapes."""

import math

import numpy as np
import pytest
import torch

from vasa_core.arkit import ARKIT
from vasa_core.errors import BadInput, WrongSpace
from vasa_core.motion.labels import arkit_gaze, main_direction, usual_distance
from vasa_core.train.behaviour import set_look
from vasa_core.types import Motion, MotionSpace


def gaze(*parts, stray=1.0, seed=0):
    """Frames (count, yaw, pitch) in degrees, each straying."""
    generator = torch.Generator().manual_seed(seed)
    places = torch.cat([torch.tensor([[yaw, pitch]]).expand(count, -1) for count, yaw, pitch in parts])
    return torch.deg2rad(places + stray * torch.randn(places.shape, generator=generator))


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize(("yaw", "pitch"), [(0.0, 0.0), (12.0, -6.0), (-18.0, 3.9), (2.0, 2.0)])
def test_the_larger_of_two_modes_is_found_and_not_their_mean(yaw, pitch, seed):
    found = torch.rad2deg(main_direction(gaze((34, yaw, pitch), (26, yaw + 15.0, pitch - 10.0), seed=seed)))
    assert (found - torch.tensor([yaw, pitch])).norm() < 1.0


def test_blinks_and_glances_do_not_move_it():
    looking = gaze((50, 8.0, 2.0))
    looking[::6, 1] -= math.radians(25.0)  # lids that come down look like eyes that do
    looking[40:46, 0] += math.radians(20.0)
    assert (torch.rad2deg(main_direction(looking)) - torch.tensor([8.0, 2.0])).norm() < 0.8
    assert abs(math.degrees(looking.mean(0)[1]) - 2.0) > 3.0  # a mean would


def test_frames_without_a_gaze_are_passed_over():
    looking = gaze((30, -5.0, 0.0))
    looking[::2] = float("nan")
    assert (torch.rad2deg(main_direction(looking)) - torch.tensor([-5.0, 0.0])).norm() < 1.0
    assert torch.equal(main_direction(looking[1:2]), looking[1])
    with pytest.raises(BadInput, match="No frame has a gaze"):
        main_direction(looking[:1])


def test_distance_is_the_inverse_of_size():
    log_scale = torch.zeros(21)
    log_scale[:11] = -math.log(2.0)  # half the size for most of the time
    assert usual_distance(log_scale) == pytest.approx(2.0) and usual_distance(-log_scale) == pytest.approx(0.5)


def test_gaze_of_blendshapes_adds_the_heads_turn_to_the_eyes():
    shapes = np.zeros((1, 52), dtype=np.float32)
    set_look(shapes, np.radians([[10.0, -5.0]]))
    pose = torch.tensor([[math.radians(3.0), math.radians(-4.0), 0.0, 0.0, 0.0, 0.0]])  # pitch, yaw
    motion = Motion(pose, torch.from_numpy(shapes), 25.0, ARKIT)
    torch.testing.assert_close(torch.rad2deg(arkit_gaze(motion)), torch.tensor([[6.0, -2.0]]))
    with pytest.raises(WrongSpace):
        arkit_gaze(Motion(pose, torch.zeros(1, 4), 25.0, MotionSpace("other", 4)))
