"""Mel-frequency cepstral coefficients as SyncNet hears them: those of the package python_speech_features, its defaults.

S. Davis, P. Mermelstein (1980), with the habits of HTK: emphasis of high frequencies before, liftering after, and the
frame's energy in place of the first coefficient. Everything is computed in float64, since silence is minus infinity
but for rounding.
"""

from __future__ import annotations

import math
from functools import lru_cache

import torch
import torch.nn.functional as F
from torch import Tensor

RATE = 16000  # Hz
HOP, WINDOW, FFT = 160, 400, 512  # samples: 10 ms, 25 ms, and a power of two
FILTERS, COEFFICIENTS, LIFTER = 26, 13, 22
EMPHASIS = 0.97
FULL_SCALE = 32768  # the energy is absolute, and counts in steps of 16-bit sound
EPSILON = torch.finfo(torch.float64).eps  # stands for a power of 0


def mfcc(samples: Tensor) -> Tensor:
    """(N,) samples at 16 kHz in [-1, 1], N > 0 -> (frames, 13) float32; frame i covers samples 160 i to 160 i + 400.

    Column 0 is the natural log of the frame's energy, the others are liftered cepstra of 26 triangular mel filters.
    The last frame is filled up with silence.
    """
    steps = (samples.double() * FULL_SCALE).round().clamp(-FULL_SCALE, FULL_SCALE - 1)
    sharpened = torch.cat([steps[:1], steps[1:] - EMPHASIS * steps[:-1]])
    frames = 1 + max(0, math.ceil((len(steps) - WINDOW) / HOP))
    padded = F.pad(sharpened, (0, (frames - 1) * HOP + WINDOW - len(steps)))
    power = torch.fft.rfft(padded.unfold(0, WINDOW, HOP), FFT).abs().square() / FFT  # (frames, 257)
    bands = power @ mel_triangles().to(power)  # (frames, 26)
    energy, bands = (torch.where(x == 0, EPSILON, x).log() for x in (power.sum(1, keepdim=True), bands))
    cepstra = bands @ liftered_cosines().to(bands)  # (frames, 13)
    return torch.cat([energy, cepstra[:, 1:]], dim=1).float()


@lru_cache(maxsize=1)
def mel_triangles() -> Tensor:
    """(257, 26): filters from 0 to 8000 Hz, equally spaced in mel = 2595 log10(1 + f / 700), edges on whole bins."""
    highest = 2595 * math.log10(1 + RATE / 2 / 700)
    frequencies = 700 * (10 ** (torch.linspace(0, highest, FILTERS + 2, dtype=torch.float64) / 2595) - 1)
    edges = ((FFT + 1) * frequencies / RATE).floor()
    left, centre, right = edges[:-2], edges[1:-1], edges[2:]
    bins = torch.arange(FFT // 2 + 1, dtype=torch.float64)[:, None]
    rising, falling = (bins - left) / (centre - left), (right - bins) / (right - centre)
    return torch.where(bins < centre, rising, falling).clamp_min(0)


@lru_cache(maxsize=1)
def liftered_cosines() -> Tensor:
    """(26, 13): the orthonormal cosine transform (DCT-II), its row n scaled by 1 + 11 sin(pi n / 22)."""
    band = torch.arange(FILTERS, dtype=torch.float64)[:, None] + 0.5
    order = torch.arange(COEFFICIENTS, dtype=torch.float64)
    cosines = math.sqrt(2 / FILTERS) * torch.cos(math.pi * order * band / FILTERS)
    cosines[:, 0] /= math.sqrt(2)
    return cosines * (1 + LIFTER / 2 * torch.sin(math.pi * order / LIFTER))
