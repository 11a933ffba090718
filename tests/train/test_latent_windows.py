"""Windows of read clips: where they are cut, how they are labelled, and what is withheld how often."""

from dataclasses import replace

import pytest
import torch

from tests.train.talking_kit import SPACE, ToyClips, ToyEncoder, toy_reader
from vasa_core.errors import BadInput
from vasa_core.motion.channels import plain_channels
from vasa_core.motion.conditions import (
    AUDIO,
    DISTANCE,
    EMOTION,
    FIELDS,
    GAZE,
    PREVIOUS,
    PREVIOUS_AUDIO,
    PREVIOUS_MOTION,
    WINDOW,
)
from vasa_core.train.extraction import extract
from vasa_core.train.latent_windows import ARRIVAL, LOG_SCALE, LatentWindows, Withheld

NOTHING = Withheld(0, 0, 0, 0, 0, 0, 0)


def windows_of(folder, withheld=NOTHING, nearer=0.0, **more):
    clips = extract(ToyClips(folder, **more), toy_reader(), ToyEncoder(), 25.0, lambda text: None)
    return LatentWindows(clips, withheld, nearer)


def draw(windows, size=64, seed=0):
    return windows.batch(size, plain_channels(SPACE), torch.Generator().manual_seed(seed))


def test_batches_repeat_by_their_generator(tmp_path):
    windows = windows_of(tmp_path, Withheld())
    a, b, c = draw(windows, seed=1), draw(windows, seed=1), draw(windows, seed=2)
    assert torch.equal(a.clean, b.clean) and torch.equal(a.conditions.keep, b.conditions.keep)
    assert not torch.equal(a.clean, c.clean)
    assert a.clean.shape == (64, WINDOW, 9) and a.conditions.previous_audio.shape == (64, PREVIOUS, 2)


def test_motion_sound_and_what_precedes_them_are_of_the_same_frames(tmp_path):
    batch = draw(windows_of(tmp_path, count=1))
    c = batch.conditions
    code = torch.cat([c.previous_motion, batch.clean], dim=1)[..., 6] * 70  # the frame's number
    heard = torch.cat([c.previous_audio, c.audio], dim=1)[..., 0]
    torch.testing.assert_close(code, heard, atol=1e-3, rtol=0)
    kept = c.keep[:, PREVIOUS_MOTION]
    assert kept.any() and (heard[kept].diff(dim=1) == 1).all()
    assert torch.equal(kept, c.audio[:, 0, 0] >= PREVIOUS)  # before a clip's tenth frame there are not ten
    assert torch.equal(kept, c.keep[:, PREVIOUS_AUDIO])
    starts = c.audio[:, 0, 0].unique()
    assert starts.min() == 0 and starts.max() == 70 - WINDOW


def test_heads_come_nearer_with_their_labels_and_nothing_else_of_them_changes(tmp_path):
    still, moved = (draw(windows_of(tmp_path, nearer=nearer), 200) for nearer in (0.0, 0.3))
    before, there = (
        (b - a)[..., LOG_SCALE]
        for a, b in (
            (still.conditions.previous_motion, moved.conditions.previous_motion),
            (still.clean, moved.clean),
        )
    )
    farther = (moved.conditions.distance / still.conditions.distance).log()[..., 0]  # (B, W)
    torch.testing.assert_close(there[:, ARRIVAL:], -farther[:, ARRIVAL:], atol=1e-5, rtol=0)
    assert 0.25 < float(there.abs().max()) <= 0.3 and abs(float(there[:, -1].mean())) < 0.05
    torch.testing.assert_close(before[::2, :1], there[::2, -1:], atol=1e-5, rtol=0)  # every other one stays where it is
    assert float((before[1::2, 0] - there[1::2, -1]).abs().mean()) > 0.1
    assert float(there.diff(dim=1).abs().max()) < 0.06  # and comes smoothly
    others = [k for k in range(9) if k != LOG_SCALE]
    assert torch.equal(still.clean[..., others], moved.clean[..., others])
    assert torch.equal(still.conditions.audio, moved.conditions.audio)


def test_each_window_of_all_clips_is_as_likely(tmp_path):
    clips = extract(ToyClips(tmp_path, count=2), toy_reader(), ToyEncoder(), 25.0, lambda text: None)
    windows = LatentWindows([replace(clips[0], frames=50), clips[1]], NOTHING)
    assert len(windows) == 1 + 21
    gaze = draw(windows, 220).conditions.gaze[:, 0, 0]
    assert 0 < (gaze == 0).sum() < 30


def test_what_is_known_is_withheld_as_often_as_asked(tmp_path):
    asked = Withheld(audio=0.1, gaze=0.15, distance=0.2, emotion=0.25, previous=0.5, tail=0.3)
    windows = windows_of(tmp_path, asked, count=2)
    windows.clips = [replace(clip, motion=windows.clips[1].motion) for clip in windows.clips]  # both know everything
    batches = [draw(windows, 400, seed).conditions for seed in range(4)]
    keep, valid = (torch.cat([getattr(b, name) for b in batches]) for name in ("keep", "valid"))
    later = torch.cat([b.audio[:, 0, 0] >= PREVIOUS for b in batches])
    missing = {field: 1 - keep[:, field].float().mean() for field in range(len(FIELDS))}
    for field, share in ((AUDIO, 0.1), (GAZE, 0.15), (DISTANCE, 0.2), (EMOTION, 0.25)):
        assert abs(missing[field] - share) < 0.035, FIELDS[field]
    assert abs(1 - keep[later][:, PREVIOUS_MOTION].float().mean() - 0.5) < 0.06
    assert torch.equal(keep[:, PREVIOUS_MOTION], keep[:, PREVIOUS_AUDIO])
    assert abs((~valid).any(1).float().mean() - 0.3) < 0.05
    assert valid[:, 0].all() and (valid.int().diff(dim=1) <= 0).all()  # only the end is missing
    both = (~keep[:, AUDIO] & ~keep[:, GAZE]).float().mean()
    assert both < 0.06  # each is withheld by itself


def test_a_missing_label_is_a_flag_and_no_number(tmp_path):
    c = draw(windows_of(tmp_path)).conditions  # clips 1 and 3 say how they feel, 0 and 2 do not
    unknown = ~c.keep[:, EMOTION]
    assert 0 < unknown.sum() < len(c)
    assert torch.isnan(c.emotion[unknown]).all() and (c.emotion[~unknown].sum(-1) == 1).all()
    c = draw(windows_of(tmp_path / "unknown", known=False)).conditions
    assert not c.keep[:, [GAZE, EMOTION]].any() and torch.isnan(c.gaze).all() and c.keep[:, [AUDIO, DISTANCE]].all()


def test_labels_hold_for_the_window(tmp_path):
    c = draw(windows_of(tmp_path)).conditions
    assert sorted({round(float(g), 1) for g in c.gaze[:, 0, 0]}) == [0.0, 0.1, 0.2, 0.3]
    assert (c.gaze == c.gaze[:, :1]).all()
    near = c.distance[:, 0, 0] < 1  # the toy's scale rises, so later windows are nearer
    assert torch.equal(near, c.audio[:, 0, 0] > 10)


def test_no_clips_and_impossible_shares_are_refused():
    with pytest.raises(BadInput, match="No clip lasts"):
        LatentWindows([], NOTHING)
    with pytest.raises(ValueError, match="tail is 1.5"):
        Withheld(tail=1.5)
