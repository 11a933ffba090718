"""The log-mel: where frames lie in time, what silence is, and what normalisation takes away."""

import math

import pytest
import torch

from vasa_core.audio import mel
from vasa_core.audio.mel import BANDS, log_mel, mel_filters, normalise


def tone(frequency: float, seconds: float = 1.0) -> torch.Tensor:
    return 0.3 * torch.sin(2 * math.pi * frequency * torch.arange(int(16000 * seconds)) / 16000)


@pytest.mark.parametrize("samples, frames", [(1, 1), (159, 1), (160, 2), (16000, 101), (16159, 101)])
def test_one_frame_every_ten_milliseconds(samples, frames):
    assert log_mel(torch.zeros(samples)).shape == (frames, BANDS)


@pytest.mark.parametrize("time", [0.1, 0.5, 0.93])
def test_a_click_is_centred_on_its_time(time):
    samples = torch.zeros(16000)
    samples[int(time * 16000)] = 1.0
    energy = log_mel(samples).exp().sum(1)
    centre = (energy * torch.arange(101) / 100).sum() / energy.sum()
    assert abs(float(centre) - time) < 0.001


def test_silence_is_the_floor():
    assert torch.allclose(log_mel(torch.zeros(8000)), torch.tensor(math.log(mel.POWER_FLOOR)))


def test_higher_tones_are_in_higher_bands():
    bands = [int(log_mel(tone(f))[50].argmax()) for f in (100, 300, 1000, 3000, 7000)]
    assert bands == sorted(set(bands))
    assert torch.allclose(mel_filters().sum(0), torch.ones(BANDS), atol=1e-5)


def test_blocks_do_not_show(monkeypatch):
    samples = torch.randn(16000, generator=torch.Generator().manual_seed(0))
    whole = log_mel(samples)
    monkeypatch.setattr(mel, "BLOCK", 7)
    assert torch.allclose(log_mel(samples), whole, atol=1e-5)


def test_level_does_not_matter_but_silence_stays_silent():
    speech = log_mel(tone(300) * torch.linspace(0.01, 1, 16000))
    assert torch.allclose(normalise(speech), normalise(speech - 4.0), atol=1e-4)
    assert normalise(log_mel(1e-5 * tone(300))).max() < -0.9  # -100 dB: not blown up
    assert torch.isfinite(normalise(log_mel(torch.zeros(16000)))).all()


def test_margin_is_silence_and_changes_nothing_inside():
    speech = log_mel(tone(300))
    padded = normalise(speech, 10)
    assert padded.shape == (121, 2 * BANDS)
    assert torch.equal(padded[10:-10], normalise(speech))
    assert torch.allclose(padded[:10, :BANDS], torch.tensor((8.5 - mel.DYNAMIC_RANGE) / 3))
