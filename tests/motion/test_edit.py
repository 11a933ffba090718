"""Editing motions: each function does what its docstring says, to the frame."""

from dataclasses import replace

import pytest
import torch

from vasa_core.arkit import ARKIT
from vasa_core.errors import BadInput, WrongSpace
from vasa_core.keypoints import LIVEPORTRAIT
from vasa_core.motion import edit
from vasa_core.types import Motion, MotionSpace


def motion(frames=50, fps=25.0, seed=0):
    g = torch.Generator().manual_seed(seed)
    return Motion(torch.randn(frames, 6, generator=g) * 0.1, torch.rand(frames, 52, generator=g), fps, ARKIT)


def test_pose_of_one_and_dynamics_of_another():
    a, b = motion(50, seed=1), motion(30, seed=2)
    both = edit.combine(a, b)
    assert len(both) == 30 and both.pose.equal(a.pose[:30]) and both.dynamics.equal(b.dynamics)
    assert len(edit.combine(motion(120, fps=60.0), motion(50))) == 50


def test_scale():
    a = motion()
    scaled = edit.scale(a, pose=0.5, dynamics=2.0)
    torch.testing.assert_close(scaled.pose, a.pose * 0.5)
    torch.testing.assert_close(scaled.dynamics, (a.dynamics * 2).clamp(0, 1))
    keypoints = Motion(a.pose, 3 * a.dynamics.repeat(1, 2)[:, : LIVEPORTRAIT.dynamics], 25.0, LIVEPORTRAIT)
    torch.testing.assert_close(edit.scale(keypoints, dynamics=2.0).dynamics, keypoints.dynamics * 2)


def test_codes_without_a_zero_are_scaled_about_their_mean():
    a = motion()
    code = Motion(a.pose, 7 + a.dynamics[:, :5], 25.0, MotionSpace("vasa-1f0c22d9", 5))
    usual = code.dynamics.mean(0)
    torch.testing.assert_close(edit.scale(code, dynamics=0.0).dynamics, usual.expand(50, 5))
    torch.testing.assert_close(edit.scale(code, dynamics=2.0).dynamics, 2 * code.dynamics - usual)
    torch.testing.assert_close(edit.scale(code, pose=0.0).dynamics, code.dynamics)


def test_smooth_keeps_constants_and_lessens_trembling():
    a = motion(100)
    smoothed = edit.smooth(a, 0.1, "both")
    assert len(smoothed) == 100
    assert smoothed.pose.diff(dim=0).abs().mean() < 0.3 * a.pose.diff(dim=0).abs().mean()
    still = edit.freeze(a, 1.0)
    torch.testing.assert_close(edit.smooth(still, 0.2, "both").dynamics, still.dynamics)
    assert edit.smooth(a, 0.1, "pose").dynamics.equal(a.dynamics)
    assert edit.smooth(a, 0.0).pose.equal(a.pose)


def test_freeze_holds_one_part():
    a = motion()
    frozen = edit.freeze(a, 0.4, "dynamics")
    assert frozen.dynamics.eq(a.dynamics[10]).all() and frozen.pose.equal(a.pose)
    with pytest.raises(BadInput, match="no part"):
        edit.freeze(a, 0.0, "mouth")


def test_trim():
    a = motion(50)
    assert edit.trim(a, 0.4, 1.2).pose.equal(a.pose[10:30])
    assert edit.trim(a, -0.4).pose.equal(a.pose[40:])
    with pytest.raises(BadInput, match="Nothing is left"):
        edit.trim(a, 3.0)


def test_loop_has_the_length_and_no_jump():
    t = torch.arange(50)[:, None] / 50.0
    ramp = Motion(t.expand(50, 6), t.expand(50, 52), 25.0, ARKIT)
    looped = edit.loop(ramp, 7.0, blend=0.4)
    assert len(looped) == 175
    assert looped.pose.diff(dim=0).abs().max() < 0.2  # a hard joint would jump by 0.98
    assert looped.pose[:40].equal(ramp.pose[:40])


def test_edits_keep_what_a_motion_was_made_with():
    a = replace(motion(50, seed=1), origin={"motion_model": "starter", "seed": "1"})
    b = replace(motion(40, seed=2), origin={"motion_model": "starter", "seed": "2"})
    both = {"motion_model": "starter", "seed": "1, 2"}
    assert edit.splice(a, b).origin == both and edit.combine(b, a).origin == both
    for edited in (edit.scale(a, 0.5), edit.trim(a, 0.2), edit.loop(a, 4.0), edit.smooth(a, 0.1), edit.resample(a, 30)):
        assert edited.origin == a.origin


def test_splice():
    a, b = motion(50, seed=1), motion(40, seed=2)
    joined = edit.splice(a, b, 0.4)
    assert len(joined) == 80
    assert joined.pose[:40].equal(a.pose[:40]) and joined.pose[50:].equal(b.pose[10:])
    assert len(edit.splice(a, b, 0.0)) == 90
    with pytest.raises(WrongSpace):
        edit.splice(a, Motion(b.pose, b.dynamics[:, :5], 25.0, MotionSpace("other", 5)))


@pytest.mark.parametrize("fps", [12.5, 24, 25, 29.97, 30, 50, 60])
def test_resample_keeps_times(fps):
    t = torch.arange(100)[:, None] / 25.0
    a = Motion(t.expand(100, 6), t.expand(100, 52), 25.0, ARKIT)
    b = edit.resample(a, fps)
    assert 0 <= len(b) / fps - a.duration < 1 / fps + 1e-6 and b.fps == fps
    expected = (torch.arange(len(b)) / fps).clamp(max=99 / 25.0)
    torch.testing.assert_close(b.pose[:, 0], expected)
    assert len(edit.resample(a, fps, 7)) == 7
    assert edit.resample(a, 25.0) is a
