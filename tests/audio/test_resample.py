"""Any waveform becomes clean mono sound, or one sentence."""

import math

import pytest
import torch

from vasa_core.audio.resample import audio_from_waveform, resample
from vasa_core.errors import BadAudio
from vasa_core.types import Audio


def tone(rate, seconds, hertz=440.0):
    return 0.5 * torch.sin(2 * math.pi * hertz * torch.arange(int(rate * seconds)) / rate)


def test_mono_is_the_mean_of_the_channels():
    left, right = tone(16000, 1.0), tone(16000, 1.0, 300.0)
    audio = audio_from_waveform(torch.stack([left, right]), 16000)
    torch.testing.assert_close(audio.samples, (left + right) / 2)
    torch.testing.assert_close(audio_from_waveform(left[None, None], 16000).samples, left)
    torch.testing.assert_close(audio_from_waveform(left, 16000).samples, left)


@pytest.mark.parametrize("rate", [8000, 11025, 16000, 22050, 44100, 48000, 96000])
@pytest.mark.parametrize("seconds", [0.3, 2.0])
def test_a_tone_stays_that_tone(rate, seconds):
    audio = resample(Audio(tone(rate, seconds), rate), 16000)
    assert audio.rate == 16000 and audio.samples.shape[0] == math.ceil(int(rate * seconds) * 16000 / rate)
    inner = slice(400, audio.samples.shape[0] - 400)
    error = (audio.samples - 0.5 * torch.sin(2 * math.pi * 440 * torch.arange(audio.samples.shape[0]) / 16000))[inner]
    assert error.abs().max() < 0.01


def test_odd_rates_need_little_memory_and_keep_time():
    audio = resample(Audio(tone(44099, 20.0), 44099), 16000)
    assert abs(audio.duration - 20.0) < 1e-3


def test_silence_is_silence():
    assert resample(audio_from_waveform(torch.zeros(2, 44100), 44100)).samples.abs().max() == 0


@pytest.mark.parametrize(
    ("waveform", "rate", "says"),
    [
        (None, 16000, "no audio"),
        (torch.zeros(0), 16000, "empty"),
        (torch.zeros(1, 0), 16000, "empty"),
        (torch.zeros(1, 4799), 16000, "too short"),
        (torch.full((1, 16000), float("nan")), 16000, "not numbers"),
        (torch.full((16000,), float("inf")), 16000, "not numbers"),
        (torch.zeros(2, 1, 16000), 16000, "one clip"),
        (torch.zeros(16000), 0, "sample rate"),
    ],
)
def test_bad_audio_is_one_sentence(waveform, rate, says):
    with pytest.raises(BadAudio, match=says):
        audio_from_waveform(waveform, rate)


def test_the_shortest_that_works_is_three_tenths():
    assert audio_from_waveform(torch.zeros(1, 4800), 16000).duration == pytest.approx(0.3)


def test_loud_samples_are_clamped():
    assert audio_from_waveform(torch.full((16000,), 3.0), 16000).samples.max() == 1.0
