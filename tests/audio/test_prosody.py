"""Loudness, voicing and pitch of sounds whose answer is known."""

import math

import pytest
import torch

from vasa_core.audio import prosody as module
from vasa_core.audio.prosody import loudness_db, prosody, voicing_and_pitch


def voice(pitch: torch.Tensor) -> torch.Tensor:
    """A buzz of 20 harmonics; `pitch` (N,) in Hz at 16 kHz."""
    phase = 2 * math.pi * torch.cumsum(pitch.double(), 0) / 16000
    return sum(torch.sin(k * phase) / k for k in range(1, 21)).float() * 0.1


@pytest.mark.parametrize("pitch", [80.0, 121.0, 220.0, 350.0])
def test_pitch_of_a_buzz(pitch):
    voicing, heard = voicing_and_pitch(voice(torch.full((16000,), pitch)))
    assert voicing[5:-5].min() > 0.9
    assert (heard[5:-5] / pitch - 1).abs().max() < 0.02


def test_noise_and_silence_are_unvoiced():
    noise = 0.1 * torch.randn(16000, generator=torch.Generator().manual_seed(0))
    assert prosody(noise)[:, 1].mean() < 0.4
    silence = prosody(torch.zeros(16000))
    assert silence.shape == (51, 3)
    assert (silence[:, 0] < -1.9).all() and (silence[:, 1:] == 0).all()


def test_rising_pitch_rises_around_the_median():
    glide = prosody(voice(torch.linspace(100, 200, 32000)))
    assert glide[10, 2] < -0.25 < 0.15 < glide[-10, 2]
    assert (glide[10:-10, 2].diff() > -0.02).all()


def test_loudness_is_in_decibels_and_relative_to_the_clip():
    assert abs(float(loudness_db(torch.full((16000,), 0.1))[25]) + 20) < 0.01
    quiet, loud = prosody(0.05 * voice(torch.full((16000,), 150.0))), prosody(voice(torch.full((16000,), 150.0)))
    assert torch.allclose(quiet[:, 0], loud[:, 0], atol=1e-3)
    assert abs(float(loud[25, 0])) < 0.05


def test_loudness_rises_when_the_sound_does():
    sound = voice(torch.full((32000,), 150.0))
    sound[:16000] *= 0.01
    loudness = prosody(sound)[:, 0]
    assert loudness[45] < -1.8 and loudness[55] > -0.2  # 1.0 s is frame 50


def test_blocks_do_not_show(monkeypatch):
    sound = voice(torch.linspace(100, 200, 16000))
    whole = prosody(sound)
    monkeypatch.setattr(module, "BLOCK", 7)
    assert torch.allclose(prosody(sound), whole, atol=1e-4)
