"""Sound -> log-mel spectrogram at 100 frames per second, and its normalisation for the phonetic encoder.

log_mel(samples at 16 kHz)  (frames, 80)    natural log of mel power; frame i is centred on i * 10 ms
normalise(log_mel)          (frames, 160)   relative to the clip's loud level, and to its mean spectrum
"""

import math
from functools import lru_cache

import torch
from torch import Tensor

MEL_RATE = 16000  # Hz of the samples
MEL_FPS = 100  # frames per second
BANDS = 80
HOP, WINDOW, FFT = MEL_RATE // MEL_FPS, 400, 512
LOWEST, HIGHEST = 50.0, 7600.0  # Hz, edges of the filter bank
POWER_FLOOR = 1e-8
BLOCK = 6000  # frames transformed at once: a minute; memory does not grow with the clip

DYNAMIC_RANGE = 14.0  # nat of power (60 dB) kept under the loud level
ACTIVE_RANGE = 7.0  # nat (30 dB): frames that count for the mean spectrum
QUIETEST_LOUD_LEVEL = -4.0  # nat; speech at about -60 dB full scale. A clip below it stays quiet


def log_mel(samples: Tensor) -> Tensor:
    """(N,) samples at 16 kHz -> (N // 160 + 1, 80): natural log of mel power, 25 ms Hann windows, 10 ms apart.

    Frame i is centred on i * 10 ms; the clip is followed and preceded by silence.
    """
    frames = samples.shape[0] // HOP + 1
    padded = torch.nn.functional.pad(samples.float(), (WINDOW // 2, WINDOW // 2 + HOP))
    window = torch.hann_window(WINDOW, device=samples.device)
    filters = mel_filters().to(samples.device)
    blocks = []
    for first in range(0, frames, BLOCK):
        count = min(BLOCK, frames - first)
        piece = padded[first * HOP : (first + count - 1) * HOP + WINDOW]
        spectrum = torch.fft.rfft(piece.unfold(0, WINDOW, HOP) * window, FFT)  # (count, 257)
        blocks.append(torch.log(spectrum.abs().square() @ filters + POWER_FLOOR))  # (count, 80)
    return torch.cat(blocks)


@lru_cache(maxsize=1)
def mel_filters() -> Tensor:
    """(257, 80) triangular filters, equally spaced in mel = 2595 log10(1 + f / 700), each of weight 1."""

    def mel(frequency: float) -> float:
        return 2595 * math.log10(1 + frequency / 700)

    edges = 700 * (10 ** (torch.linspace(mel(LOWEST), mel(HIGHEST), BANDS + 2, dtype=torch.float64) / 2595) - 1)
    bins = torch.arange(FFT // 2 + 1, dtype=torch.float64) * MEL_RATE / FFT
    left, centre, right = edges[:-2], edges[1:-1], edges[2:]
    rising = (bins[:, None] - left) / (centre - left)
    falling = (right - bins[:, None]) / (right - centre)
    weights = torch.minimum(rising, falling).clamp_min(0)  # (257, 80)
    narrow = weights.sum(0) < 1e-6  # a low filter may fall between two bins: give it the nearest
    weights[(bins[:, None] - centre).abs().argmin(0)[narrow], narrow.nonzero()[:, 0]] = 1
    return (weights / weights.sum(0)).float()


def loud_level(energy: Tensor) -> Tensor:
    """(..., frames) log energy of frames -> (...): the clip's loud level, its 95 % quantile, not below a floor.

    The floor keeps silence silent: noise at -70 dB full scale is not blown up into something to lip-read.
    """
    frames = energy.shape[-1]
    rank = max(1, math.ceil(0.95 * frames))  # kthvalue: torch.quantile refuses more than 16 million values
    return energy.kthvalue(rank, dim=-1).values.clamp_min(QUIETEST_LOUD_LEVEL)


def normalise(mel: Tensor, margin: int = 0) -> Tensor:
    """(..., frames, 80) log-mel of a clip -> (..., margin + frames + margin, 160).

    Independent of level and, in its second half, of timbre; `margin` frames of silence are put to both ends.

    First 80: log power relative to the clip's loud level, cut off 60 dB below. Last 80: the same less the mean
    spectrum of the frames within 30 dB of the loud level. Both are about -1.8 in silence and 0 +- 1 in speech.
    """
    energy = mel.logsumexp(-1)  # (..., frames)
    loud = loud_level(energy)[..., None]
    relative = (mel - loud[..., None]).clamp_min(-DYNAMIC_RANGE)
    active = (energy > loud - ACTIVE_RANGE).to(mel.dtype)[..., None]  # (..., frames, 1)
    count = active.sum(-2, keepdim=True)
    mean = (relative * active).sum(-2, keepdim=True) / count.clamp_min(1)
    mean = torch.where(count > 0, mean, mean.new_tensor(-5.5))
    relative = torch.nn.functional.pad(relative, (0, 0, margin, margin), value=-DYNAMIC_RANGE)
    return torch.cat([(relative + 8.5) / 3, (relative - mean) / 3 + 1], dim=-1)
