"""From any waveform to clean mono sound, and from any rate to another."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import torch
import torchaudio.functional
from torch import Tensor

from ..errors import BadAudio
from ..types import Audio

SHORTEST = 0.3  # seconds: the least that a motion can follow
RATES = (4000, 384000)  # Hz that a recording may have
SPEECH_RATE = 16000  # Hz, what every audio encoder here listens to
LARGEST_RATIO = (
    1000  # parts of a resampling ratio: exact for all usual rates, else within 10 ms an hour, in small memory
)


def audio_from_waveform(waveform: Tensor | None, rate: int) -> Audio:
    """Mono Audio, the mean of the channels of `waveform` (N,), (C, N) or (1, C, N), clamped to [-1, 1].

    Raises BadAudio where there is none, or it is empty, shorter than 0.3 s, or holds NaN or infinity.
    """
    if waveform is None:
        raise BadAudio("There is no audio: the input is empty or the video has no sound. Connect a speech clip.")
    if waveform.ndim == 3 and waveform.shape[0] == 1:
        waveform = waveform[0]
    if waveform.ndim not in (1, 2):
        raise BadAudio(f"The audio has shape {tuple(waveform.shape)}; give one clip, as (channels, samples).")
    if not RATES[0] <= rate <= RATES[1]:
        raise BadAudio(f"The audio's sample rate is {rate} Hz. Use a recording of 8000 to 48000 Hz.")
    samples = waveform.float().mean(0) if waveform.ndim == 2 else waveform.float()  # (N,)
    if samples.numel() == 0:
        raise BadAudio("The audio is empty. Use a clip of at least 0.3 seconds.")
    if samples.shape[0] < SHORTEST * rate:
        seconds = samples.shape[0] / rate
        raise BadAudio(f"The audio lasts {seconds:.2f} seconds, too short to speak to. Use at least 0.3 seconds.")
    if not torch.isfinite(samples).all():
        raise BadAudio("The audio holds samples that are not numbers (NaN or infinity). Export the clip again.")
    return Audio(samples.clamp(-1.0, 1.0), int(rate))


def resample(audio: Audio, rate: int = SPEECH_RATE) -> Audio:
    """The same sound at another rate (windowed sinc, torchaudio); ceil(N * rate / audio.rate) samples."""
    if audio.rate == rate:
        return audio
    ratio = Fraction(rate, audio.rate).limit_denominator(LARGEST_RATIO)
    samples = torchaudio.functional.resample(audio.samples, ratio.denominator, ratio.numerator)
    return replace(audio, samples=samples, rate=rate)
