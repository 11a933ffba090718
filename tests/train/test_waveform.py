"""Varied sound keeps the times of its phones."""

import math

import numpy as np
import pytest

from vasa_core.train import waveform
from vasa_core.train.phones import Segment


def clicks(rate: int, times: list[float], seconds: float) -> np.ndarray:
    samples = np.zeros(int(rate * seconds), np.float32)
    for time in times:
        at = round(time * rate)
        samples[at - 20 : at + 21] = np.hanning(41)
    return samples


@pytest.mark.parametrize("rate", [16000, 22050, 32000, 48000])
@pytest.mark.parametrize("seed", range(4))
def test_clicks_stay_on_their_segments(rate, seed):
    random = np.random.default_rng(seed)
    segments = [Segment(0.0, 0.5, ("a",)), Segment(0.5, 1.2, ("i",)), Segment(1.2, 1.5, ("o",))]
    samples, moved = waveform.retimed(clicks(rate, [0.5, 1.2], 1.5), rate, segments, random, vary=True)
    samples, moved = waveform.surrounded(samples, moved, random)
    samples = waveform.slow_gain(samples, random)
    for i, edge in ((1, moved[2].start), (2, moved[3].start)):
        near = samples[int((edge - 0.05) * 16000) : int((edge + 0.05) * 16000)]
        assert abs(int(near.argmax()) - 800) <= 4, i  # within 0.25 ms
    assert [s.visemes for s in moved] == [("sil",), ("a",), ("i",), ("o",), ("sil",)]
    assert all(a.end == pytest.approx(b.start) for a, b in zip(moved, moved[1:], strict=False))
    assert moved[-1].end >= len(samples) / 16000


def test_resampling_keeps_a_tone():
    tone = np.sin(2 * math.pi * 440 * np.arange(22050) / 22050).astype(np.float32)
    result, _ = waveform.retimed(tone, 22050, [], np.random.default_rng(0), vary=False)
    wanted = np.sin(2 * math.pi * 440 * np.arange(16000) / 16000)
    assert len(result) == 16000
    assert np.abs(result - wanted)[200:-200].max() < 0.01


def test_room_and_band_do_not_delay():
    click = clicks(16000, [0.5], 1.0)
    assert waveform.reverberated(click, 0.3, 6, np.random.default_rng(0)).argmax() == click.argmax()
    assert waveform.band_limited(click, 100, 4000, 2).argmax() == click.argmax()


def test_recorded_sound_is_finite_and_in_range():
    for seed in range(12):
        sound = waveform.recorded(clicks(16000, [0.5], 1.0), np.random.default_rng(seed))
        assert sound.dtype == np.float32 and np.isfinite(sound).all() and np.abs(sound).max() < 2.5


@pytest.mark.parametrize("least, found", [(1, 1), (7, 8), (11, 12), (17, 18), (1001, 1024), (97, 100)])
def test_smooth_numbers(least, found):
    assert waveform.smooth_number(least) == found
