"""When JoyVASA hears what: each frame its own 40 ms, or, as published, two frames late; and how windows are pieced."""

import pytest
import torch

from tests.motion.joyvasa_kit import tiny_tensors
from vasa_core.errors import BadInput
from vasa_core.motion.joyvasa.checkpoint import parts_from_tensors
from vasa_core.motion.joyvasa.options import JoyVasaOptions, window_starts
from vasa_core.types import Audio

FRAME = 640  # samples of 40 ms


@pytest.fixture(scope="module")
def hearings():
    return {c: parts_from_tensors(tiny_tensors(), "tiny", JoyVasaOptions(c))[1] for c in ("overlap", "published")}


def sound(frames, seed=0):
    return 0.05 * torch.randn(frames * FRAME, generator=torch.Generator().manual_seed(seed))


def loudest_change(hearing, frames, at):
    """The frame at which a click in the middle of frame `at` of the sound is heard most."""
    plain = sound(frames)
    clicked = plain.clone()
    clicked[at * FRAME + FRAME // 2 - 40 : at * FRAME + FRAME // 2 + 40] += 0.9
    a, b = (hearing(Audio(samples, 16000), frames).values for samples in (plain, clicked))
    return int((a - b).square().sum(1).argmax())


@pytest.mark.parametrize("at", [3, 17, 30, 45, 61])
def test_a_click_is_heard_in_its_own_frame_and_two_frames_late_as_published(hearings, at):
    """Frame i of a video shows from i / 25 s on, and a click in the middle of those 40 ms belongs to it."""
    assert loudest_change(hearings["overlap"], 70, at) == at
    assert loudest_change(hearings["published"], 70, at) == at + 2


def test_sound_that_comes_a_frame_later_is_heard_a_frame_later(hearings):
    """Frame i hears what frame i - 1 hears of the sound as it was, but for what the edges of the window do."""
    hearing, frames = hearings["overlap"], 40
    plain = sound(frames + 1)
    now = hearing(Audio(plain[FRAME:], 16000), frames).values
    before = hearing(Audio(plain[:-FRAME], 16000), frames).values
    rows = slice(12, 28)
    same = (now[rows][:-1] - before[rows][1:]).norm() / now[rows].norm()
    unmoved = (now[rows][:-1] - before[rows][:-1]).norm() / now[rows].norm()
    assert same < 0.5 * unmoved


@pytest.mark.parametrize("frames", [1, 39, 40, 41, 100, 137])
@pytest.mark.parametrize("chaining", ["overlap", "published"])
def test_as_many_frames_as_asked_for_and_whole_windows_with_the_tail(hearings, frames, chaining):
    features = hearings[chaining](Audio(sound(frames), 16000), frames)
    assert features.values.shape == (frames, 32) and features.encoder == "joyvasa-hubert" and features.fps == 25
    starts = window_starts(frames, chaining, 40, 10)
    assert frames + len(features.tail) == starts[-1] + 40
    assert torch.isfinite(torch.cat([features.values, features.tail])).all()


@pytest.mark.parametrize("total", [40, 70, 100, 130, 160])
def test_pieces_cover_every_frame_once_with_room_to_both_sides(hearings, total):
    covered = []
    for start, first, last in hearings["overlap"].pieces(total):
        covered += range(start + first, start + last)
        assert start >= 0 and start + 40 <= total
        assert (first >= 10 or start == 0) and (last <= 30 or start + 40 == total)
    assert covered == list(range(total))


def test_another_rate_is_resampled_and_another_frame_rate_refused(hearings):
    long = Audio(torch.sin(torch.arange(48000) / 48000 * 2 * torch.pi * 200), 48000)
    short = Audio(torch.sin(torch.arange(16000) / 16000 * 2 * torch.pi * 200), 16000)
    a, b = (hearings["overlap"](audio, 25).values for audio in (long, short))
    assert (a - b)[3:-3].abs().max() < 0.05 * b.abs().max()
    with pytest.raises(BadInput, match="25 frames"):
        hearings["overlap"](short, 25, 30.0)


def test_sound_moves_the_lips_of_its_own_frame_most(tiny_joyvasa):
    """Sound that changes in one frame changes that frame of the clean motion most: no further delay in the network."""
    denoiser = tiny_joyvasa.denoiser
    g = torch.Generator().manual_seed(1)
    x, audio = torch.randn(40, 73, generator=g), torch.randn(1, 40, 32, generator=g)
    offset = denoiser.places() + denoiser.step_codes(torch.tensor([1]))
    for frame in (0, 13, 39):
        changed = audio.clone()
        changed[0, frame] += torch.randn(32, generator=g)
        with torch.no_grad():
            a, b = (
                denoiser.denoise(x, offset, denoiser.prepare(denoiser.start_motion, denoiser.start_audio, sound))[0]
                for sound in (audio, changed)
            )
        assert int((a - b).square().sum(1).argmax()) == frame
