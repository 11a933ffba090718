"""Gaze, distance and emotion on motion of the space 'liveportrait': signs, linearity, and the head's turn."""

import math

import pytest
import torch

from vasa_core.arkit import ARKIT
from vasa_core.errors import WrongSpace
from vasa_core.keypoints import EYES, LIVEPORTRAIT, emotion_offset, gaze_offset
from vasa_core.motion.keypoint_controls import add_controls, look_of
from vasa_core.types import EMOTIONS, Controls, Curve, Motion

FRAMES, X, Y = 200, 0, 1


def still():
    return Motion(torch.zeros(FRAMES, 6), torch.zeros(FRAMES, 63), 25.0, LIVEPORTRAIT)


def moving(seed=0):
    g = torch.Generator().manual_seed(seed)
    return Motion(
        0.1 * torch.randn(FRAMES, 6, generator=g), 0.01 * torch.randn(FRAMES, 63, generator=g), 25.0, LIVEPORTRAIT
    )


def gazed(motion, yaw, pitch=0.0):
    """Dynamics with a constant gaze, degrees, asked for."""
    return add_controls(motion, Controls(gaze=Curve.constant(math.radians(yaw), math.radians(pitch)))).dynamics


def emotion(name, amount):
    return Curve.constant(*(amount if name == other else 0.0 for other in EMOTIONS))


def test_without_controls_nothing_changes():
    assert torch.equal(add_controls(moving(), Controls()).joined(), moving().joined())


def test_gaze_moves_the_pupils_where_the_viewer_sees_them_go():
    """Points 11 and 15 are the eyes'; x to the viewer's right, y down."""
    right, up = (gazed(still(), *angles).unflatten(1, (21, 3)) for angles in ((10, 0), (0, 10)))
    left = gazed(still(), -10).unflatten(1, (21, 3))
    for point in (11, 15):
        assert (right[:, point, X] > 1e-4).all() and (left[:, point, X] < -1e-4).all()
        assert (up[:, point, Y] < -1e-4).all()
    others = [point for point in range(21) if point not in EYES]
    assert (right[:, others] == 0).all() and (up[:, others] == 0).all()


def test_gaze_is_linear_in_the_angle():
    base = moving()
    none, ten, twenty = (gazed(base, yaw, yaw / 2) - gazed(base, 0) for yaw in (0, 10, 20))
    assert (none == 0).all() and torch.allclose(gazed(still(), 20, 10), 2 * gazed(still(), 10, 5), atol=1e-7)
    assert torch.allclose(twenty.mean(0), 2 * ten.mean(0), atol=2e-4) and ten.abs().max() > 1e-3


@pytest.mark.parametrize(("channel", "axis"), [(1, 0), (0, 1)])
def test_the_eyes_turn_against_the_head_to_keep_a_gaze(channel, axis):
    """A head turned by 8 degrees, and eyes that look straight ahead of it: they must turn back by 8."""
    motion = still()
    motion.pose[:, channel] = math.radians(8)
    look = look_of(gazed(motion, 0))
    expected = torch.zeros(FRAMES, 2)
    expected[:, axis] = -math.radians(8)
    assert torch.allclose(look, expected, atol=math.radians(1.0))


def test_eyes_that_compensate_the_head_already_are_left_alone():
    motion = still()
    motion.pose[:, 1] = math.radians(8)
    back = gaze_offset(torch.tensor([[-math.radians(8), 0.0]]))
    compensated = Motion(motion.pose, back.expand(FRAMES, -1), 25.0, LIVEPORTRAIT)
    assert torch.allclose(gazed(compensated, 0), compensated.dynamics, atol=2e-3)


def test_quick_glances_stay_around_the_gaze_asked_for():
    times = torch.arange(FRAMES) / 25
    glance = torch.stack([0.1 * torch.sin(2 * torch.pi * 2.5 * times), torch.zeros(FRAMES)], dim=1)
    motion = Motion(torch.zeros(FRAMES, 6), gaze_offset(glance), 25.0, LIVEPORTRAIT)
    look = look_of(gazed(motion, 10))[:, 0]
    assert float(look.mean()) == pytest.approx(math.radians(10), abs=math.radians(1.5))
    assert float(look.std()) == pytest.approx(float(glance[:, 0].std()), rel=0.25)


def test_a_look_read_back_is_the_look_laid_on():
    looks = torch.tensor([[0.1, 0.05], [-0.2, 0.1], [0.0, -0.15]])
    assert torch.allclose(look_of(gaze_offset(looks)), looks, atol=0.04)
    assert look_of(torch.zeros(2, 63)).abs().max() == 0


def test_twice_the_distance_is_half_the_size():
    motion = add_controls(moving(), Controls(distance=Curve.constant(2.0)))
    assert torch.allclose((motion.pose - moving().pose)[:, 5].exp(), torch.full((FRAMES,), 0.5))
    assert torch.equal(motion.pose[:, :5], moving().pose[:, :5]) and torch.equal(motion.dynamics, moving().dynamics)


@pytest.mark.parametrize("name", EMOTIONS)
def test_an_emotion_is_an_offset_in_proportion_to_its_intensity(name):
    half, whole = (
        add_controls(moving(), Controls(emotion=emotion(name, amount))).dynamics - moving().dynamics
        for amount in (0.5, 1.0)
    )
    assert torch.allclose(2 * half, whole, atol=1e-6)
    one_hot = torch.tensor([float(name == other) for other in EMOTIONS])
    assert torch.allclose(whole, emotion_offset(one_hot).expand(FRAMES, -1), atol=1e-6)
    assert (whole.abs().max() > 0.001) == (name != "neutral")


def test_controls_follow_their_curves():
    late = Curve(torch.tensor([0.0, 4.0]), torch.tensor([[1.0], [1.5]]), "step")
    motion = add_controls(still(), Controls(distance=late))
    assert (motion.pose[:100, 5] == 0).all() and torch.allclose(motion.pose[100:, 5].exp(), torch.tensor(1 / 1.5))


def test_motion_of_another_space_is_refused():
    with pytest.raises(WrongSpace):
        add_controls(Motion(torch.zeros(2, 6), torch.zeros(2, 52), 25.0, ARKIT), Controls())
