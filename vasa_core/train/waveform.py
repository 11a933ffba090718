"""Variety for recorded and synthetic voices: speed and timbre, tempo, loudness, room, microphone.

Each function takes samples at 16 kHz and a random generator and keeps the times of the phones true.
"""

from fractions import Fraction

import numpy as np
from numpy.random import Generator

from ..audio.mel import MEL_RATE
from .phones import Segment

SPEEDS = (1.0, 1.0, 0.78, 0.84, 0.9, 0.95, 1.05, 1.1, 1.17, 1.25)  # factors on pitch, formants and tempo together
REVERB_SHARE, BAND_SHARE, SATURATION_SHARE, GAIN_SHARE = 0.4, 0.3, 0.12, 0.6


def stretched(samples: np.ndarray, ratio: Fraction) -> np.ndarray:
    """Band-limited resampling to round(N * ratio) samples, by the Fourier transform; silence surrounds the sound."""
    blocks = smooth_number(-(-(len(samples) + 64) // ratio.denominator))
    size = blocks * ratio.denominator  # lengths of small factors transform fast
    spectrum = np.fft.rfft(np.pad(samples, (0, size - len(samples))))
    result = np.fft.irfft(spectrum[: blocks * ratio.numerator // 2 + 1], blocks * ratio.numerator) * float(ratio)
    return result[: round(len(samples) * ratio)].astype(np.float32)


def smooth_number(least: int) -> int:
    """The smallest number from `least` on without a prime factor above 5."""
    number = max(1, least)
    while True:
        rest = number
        for factor in (2, 3, 5):
            while rest % factor == 0:
                rest //= factor
        if rest == 1:
            return number
        number += 1


def retimed(
    samples: np.ndarray, rate: int, segments: list[Segment], random: Generator, vary: bool
) -> tuple[np.ndarray, list[Segment]]:
    """Sound at `rate` -> at 16 kHz, played faster or slower where `vary`, with its segments."""
    speed = Fraction(random.choice(SPEEDS) if vary else 1.0).limit_denominator(100)
    ratio = Fraction(MEL_RATE, rate) / speed
    result = samples if ratio == 1 else stretched(samples, ratio)
    return result, [Segment(s.start / float(speed), s.end / float(speed), s.visemes) for s in segments]


def surrounded(samples: np.ndarray, segments: list[Segment], random: Generator) -> tuple[np.ndarray, list[Segment]]:
    """Silence of 0.05 to 0.7 s before and 0.05 to 0.5 s after."""
    before, after = random.uniform(0.05, 0.7), random.uniform(0.05, 0.5)
    before = int(before * MEL_RATE) / MEL_RATE
    result = np.pad(samples, (int(before * MEL_RATE), int(after * MEL_RATE)))
    moved = [Segment(s.start + before, s.end + before, s.visemes) for s in segments]
    first, last = moved[0].start, moved[-1].end
    silence = [Segment(0.0, first, ("sil",))] if first > 0 else []
    return result, [*silence, *moved, Segment(last, max(len(result) / MEL_RATE, last + 0.01), ("sil",))]


def slow_gain(samples: np.ndarray, random: Generator) -> np.ndarray:
    """In 60 % of the calls a drifting gain (4 dB deviation, knots 0.8 s apart), so that louder comes to mean wider."""
    if random.random() > GAIN_SHARE:
        return samples
    knots = max(2, int(len(samples) / MEL_RATE / 0.8) + 2)
    gain = np.interp(np.arange(len(samples)), np.linspace(0, len(samples), knots), random.normal(0, 4, knots))
    return samples * 10 ** (gain / 20).astype(np.float32)


def recorded(samples: np.ndarray, random: Generator) -> np.ndarray:
    """A room (40 %), a band limit (30 %), saturation (12 %), faint noise (half) and a level, as in recordings."""
    if random.random() < REVERB_SHARE:
        samples = reverberated(samples, random.uniform(0.08, 0.6), random.uniform(2, 16), random)
    if random.random() < BAND_SHARE:
        samples = band_limited(
            samples, random.uniform(60, 300), random.uniform(2800, 7600), int(random.choice([1, 2, 4]))
        )
    peak = np.abs(samples).max() + 1e-6
    if random.random() < SATURATION_SHARE:
        samples = np.tanh(samples / peak * random.uniform(1, 4)) * peak
    if random.random() < 0.5:
        noise = random.standard_normal(len(samples), dtype=np.float32)
        samples = samples + noise * peak * 10 ** (random.uniform(-70, -40) / 20)
    return (samples / peak * 10 ** (random.uniform(-26, -1) / 20)).astype(np.float32)


def reverberated(samples: np.ndarray, seconds: float, below: float, random: Generator) -> np.ndarray:
    """A tail of noise that falls by 60 dB in `seconds`, its energy `below` dB under the direct sound."""
    length = int(seconds * MEL_RATE)
    tail = random.standard_normal(length) * np.exp(-6.9 * np.arange(length) / length)
    tail[: int(0.003 * MEL_RATE)] = 0
    tail *= 10 ** (-below / 20) / np.sqrt(np.square(tail).sum())
    tail[0] = 1
    size = 1 << (len(samples) + length - 1).bit_length()
    return np.fft.irfft(np.fft.rfft(samples, size) * np.fft.rfft(tail, size), size)[: len(samples)].astype(np.float32)


def band_limited(samples: np.ndarray, low: float, high: float, order: int) -> np.ndarray:
    """Butterworth magnitudes of `order` at both edges (Hz), without phase: nothing moves in time."""
    size = 1 << (len(samples) + 2000).bit_length()
    frequency = np.fft.rfftfreq(size, 1 / MEL_RATE) + 1e-3
    response = 1 / np.sqrt((1 + (low / frequency) ** (2 * order)) * (1 + (frequency / high) ** (2 * order)))
    return np.fft.irfft(np.fft.rfft(samples, size) * response, size)[: len(samples)].astype(np.float32)
