"""A vowel that is held, made by a source and three resonances: does the mouth stay open as long as it sounds?

Used by starter_motion.py. No recording of the training corpus has one. Needs scipy.
"""

import numpy as np
import torch

from vasa_core.types import Audio

RATE = 16000
FORMANTS = {"a": (730, 1090, 2440), "e": (530, 1840, 2480), "o": (570, 840, 2410)}
"""Hz, of a man's voice (Peterson and Barney, 1952)."""
BANDWIDTHS = (80, 100, 140)
BEFORE = 0.4
"""Seconds of silence before and after."""


def held_vowel(name: str, seconds: float, pitch: float = 125.0) -> Audio:
    """Silence, a vowel of FORMANTS held for `seconds` with a slight vibrato, silence."""
    from scipy.signal import lfilter

    time = np.arange(int(seconds * RATE)) / RATE
    phase = np.cumsum(pitch * (1 + 0.012 * np.sin(2 * np.pi * 5.2 * time))) / RATE
    sound = np.diff(np.floor(phase), prepend=0.0)  # one pulse a period
    sound = lfilter([1.0], [1.0, -1.88, 0.8836], sound)  # the glottis: 12 dB an octave
    sound = lfilter([1.0, -1.0], [1.0], sound)  # radiation from the lips
    for centre, width in zip(FORMANTS[name], BANDWIDTHS, strict=True):
        radius = np.exp(-np.pi * width / RATE)
        sound = lfilter([1.0], [1.0, -2 * radius * np.cos(2 * np.pi * centre / RATE), radius**2], sound)
    sound += 1e-3 * sound.std() * np.random.default_rng(0).standard_normal(len(sound))
    sound *= 0.1 / sound.std() * np.clip(np.minimum(time, time[-1] - time) / 0.04, 0, 1)
    pause = np.zeros(int(BEFORE * RATE))
    return Audio(torch.from_numpy(np.concatenate([pause, sound, pause])).float().clamp(-1, 1), RATE)


def kept_open(aperture: np.ndarray, seconds: float, fps: float = 25.0) -> tuple[float, float]:
    """Mean aperture 0.2 to 0.5 s after the vowel begins, and the lowest mean of 0.4 s from then to 0.2 s before its
    end."""
    begin, end = round((BEFORE + 0.2) * fps), round((BEFORE + seconds - 0.2) * fps)
    first, later = aperture[begin : begin + round(0.3 * fps)], aperture[begin:end]
    means = np.convolve(later, np.full(10, 0.1), "valid")
    return float(first.mean()), float(means.min())
