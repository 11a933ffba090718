"""Synthetic heads: what is drawn is what the truth says, and a seed gives the same heads everywhere."""

from dataclasses import replace

import pytest
import torch

from vasa_core.errors import WrongSpace
from vasa_core.faces.vasa.codes import upright
from vasa_core.faces.vasa.warping import rigid
from vasa_core.train.procedural_head import DYNAMICS, SPACE
from vasa_core.train.synthetic import POSE_RANGE, SyntheticHeads, draw_motion, performance
from vasa_core.types import POSE, Motion, MotionSpace

SIZE = 64


@pytest.fixture(scope="module")
def heads():
    return SyntheticHeads(4, SIZE, seed=3)


def motion(dynamics=None, **pose):
    """One frame: all zero but what is named."""
    place = torch.tensor([[float(pose.get(name, 0.0)) for name in POSE]])
    return Motion(place, torch.tensor([[float((dynamics or {}).get(name, 0.0)) for name in DYNAMICS]]), 25.0, SPACE)


def centre_of_change(heads, name, low=0.0, **pose):
    """(x, y) in half-crops: where the picture changes when one dynamics value goes from `low` to 1."""
    a, b = (heads.show(1, motion({name: value}, **pose))[0] for value in (low, 1.0))
    change = (a - b).abs().sum(0)
    axis = (torch.arange(SIZE) + 0.5) / SIZE * 2 - 1
    return torch.stack([(change.sum(0) * axis).sum(), (change.sum(1) * axis).sum()]) / change.sum()


@pytest.mark.parametrize(
    ("name", "low", "top", "bottom"),
    [
        ("jaw", 0.0, 0.15, 0.5), ("smile", -1.0, 0.15, 0.5), ("wide", -1.0, 0.15, 0.5), ("brow", -1.0, -0.3, 0.0),
        ("blink", 0.0, -0.2, 0.05), ("gaze_x", -1.0, -0.2, 0.05), ("gaze_y", -1.0, -0.2, 0.05),
    ],
)  # fmt: skip
def test_each_dynamics_value_changes_its_own_feature(heads, name, low, top, bottom):
    x, y = centre_of_change(heads, name, low)
    assert abs(float(x)) < 0.03 and top < float(y) < bottom


@pytest.mark.parametrize(
    ("pose", "axis", "sign"),
    [
        ({"yaw": 0.4}, 0, 1), ({"yaw": -0.4}, 0, -1), ({"pitch": 0.3}, 1, -1), ({"pitch": -0.3}, 1, 1),
        ({"tx": 0.2}, 0, 1), ({"ty": 0.2}, 1, 1),
    ],
)  # fmt: skip
def test_the_eyes_go_where_pose_says(heads, pose, axis, sign):
    moved = centre_of_change(heads, "blink", **pose) - centre_of_change(heads, "blink")
    assert sign * float(moved[axis]) > 0.08
    assert abs(float(moved[1 - axis])) < 0.05


@pytest.mark.parametrize(
    "pose", [{"yaw": 0.4}, {"yaw": -0.4}, {"pitch": 0.3}, {"roll": 0.5}, {"yaw": 0.4, "tx": 0.1, "log_scale": 0.1}]
)
def test_the_face_networks_rigid_warp_turns_heads_as_they_are_drawn(heads, pose):
    depth = torch.tensor([-0.42])  # the eyes lie about as far before the head's centre as its skull is deep
    eyes = torch.cat([centre_of_change(heads, "blink"), depth])
    expected = rigid(eyes[None, None], motion(**pose).pose)[0, 0, :2]
    # The eye that turns away shows less, so that the centre of both moves towards the other.
    torch.testing.assert_close(centre_of_change(heads, "blink", **pose), expected, atol=0.07, rtol=0)


def test_place_roll_and_size_are_exact():
    """Seen from where the truth says it is, the head looks as at rest. The light, which stays, is put in front."""
    heads = SyntheticHeads(2, 192, seed=3)
    heads.heads = replace(heads.heads, light=torch.tensor([[0.0, 0.0, -1.0]]).expand(2, -1))
    truth = motion(roll=0.4, tx=0.2, ty=-0.15, log_scale=-0.25)
    still = upright(heads.show(1, motion()), motion().pose, 32, reach=0.3)
    moved = heads.show(1, truth)
    assert float((upright(moved, truth.pose, 32, reach=0.3) - still).abs().mean()) < 0.03
    assert float((upright(moved, motion().pose, 32, reach=0.3) - still).abs().mean()) > 0.08


def test_the_backdrop_stands_still(heads):
    corner = (..., slice(0, 6), slice(0, 6))
    still, moved = heads.show(0, motion()), heads.show(0, motion(yaw=0.5, tx=0.1, roll=0.2))
    assert torch.equal(still[corner], moved[corner]) and not torch.equal(still, moved)


def test_pairs_show_one_identity_each_and_know_their_poses(heads):
    pairs = heads.pairs(6, torch.Generator().manual_seed(1))
    assert pairs.first.shape == pairs.second.shape == (6, 3, SIZE, SIZE)
    assert float(pairs.first.min()) >= 0.0 and float(pairs.first.max()) <= 1.0
    assert bool((pairs.first_pose.abs() <= torch.tensor(POSE_RANGE) + 1e-6).all())
    corners = [p[..., :6, :6].mean((2, 3)) for p in (pairs.first, pairs.second)]  # of the backdrop
    torch.testing.assert_close(corners[0], corners[1], atol=1e-4, rtol=0)
    assert len(torch.unique(corners[0][:4, 0])) == 4  # four identities before one comes again
    again = heads.pairs(6, torch.Generator().manual_seed(1))
    assert torch.equal(pairs.second, again.second)


def test_drawn_motion_fills_its_range():
    pose, dynamics = draw_motion(2000, torch.Generator().manual_seed(0))
    amount = pose / torch.tensor(POSE_RANGE)
    assert bool((amount.abs() <= 1 + 1e-6).all()) and bool((amount.amax(0) > 0.98).all())
    for name, values in zip(DYNAMICS, dynamics.mT, strict=True):
        assert float(values.max()) > 0.98 and float(values.min()) < (0.02 if name in ("jaw", "blink") else -0.98)
    together = torch.corrcoef(torch.cat([pose, dynamics], 1).mT) - torch.eye(13)
    assert float(together.abs().max()) < 0.1


def test_a_clip_shows_its_motion(heads):
    clip = heads.clip(2, 18)
    assert clip.frames.shape == (18, 3, SIZE, SIZE) and len(clip.motion) == 18
    torch.testing.assert_close(clip.frames[17:], heads.show(2, clip.motion[17:]), atol=1e-4, rtol=0)
    assert not torch.equal(heads.clip(2, 18, number=1).motion.pose, clip.motion.pose)


def test_a_performance_is_smooth_and_blinks():
    motion = performance(500, 25.0, torch.Generator().manual_seed(0))
    assert float(motion.pose.diff(dim=0).abs().max()) < 0.08
    blink = motion.dynamics[:, DYNAMICS.index("blink")]
    assert float(blink.max()) > 0.6 and float((blink > 0.1).float().mean()) < 0.2
    assert len(performance(0, 25.0, torch.Generator())) == 0


def test_heads_come_from_their_seed_alone(heads):
    same, more, other = SyntheticHeads(4, SIZE, 3), SyntheticHeads(7, SIZE, 3), SyntheticHeads(4, SIZE, 4)
    assert torch.equal(same.heads.skin, heads.heads.skin) and torch.equal(more.heads.skin[:4], heads.heads.skin)
    assert not torch.equal(other.heads.skin, heads.heads.skin)


def test_other_motion_is_refused(heads):
    foreign = Motion(torch.zeros(1, 6), torch.zeros(1, 7), 25.0, MotionSpace("vasa", 7))
    with pytest.raises(WrongSpace):
        heads.show(0, foreign)
