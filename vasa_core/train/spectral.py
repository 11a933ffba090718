"""Variety for log-mel windows in training, cheap enough for every batch: timbre, colour, noise, band limit, masks.

All work on natural-log mel power (B, frames, 80) and draw from one generator.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import torch
from torch import Generator, Tensor

from ..audio.mel import BANDS, POWER_FLOOR

SILENCE = math.log(POWER_FLOOR)
GAPS = 3  # short stretches of a window, each hidden by chance
LOUD_SHARE = 0.9  # quantile of the frame energies that counts as the voice's level


@dataclass(frozen=True)
class Variety:
    """How far windows are varied: +- parts of the mel axis, nat of log power, shares of the windows."""

    warp: float = 0.15
    shift: float = 1.5  # bands
    bend: float = 1.5  # bands: deviation of a smooth displacement, so that each formant moves by itself
    blur: float = 0.6  # +- share of the spectrum's fine structure that is lost or made stronger
    jitter: float = 0.5  # greatest deviation of each value
    contrast: float = 0.15  # deviation of the natural log of how far the spectrum moves about its mean
    colour: float = 0.5
    tilt: float = 1.2
    level: float = 0.6
    noise_share: float = 0.6
    noise_below: tuple[float, float] = (2.0, 12.0)
    babble_share: float = 0.08
    band_share: float = 0.15
    mask_share: float = 0.7
    mask_bands: int = 14
    gap_share: float = 0.5  # chance of each of GAPS
    gap_frames: int = 10
    noise_only_share: float = 0.03

    def scaled(self, strength: float) -> Variety:
        """The same, `strength` times as far and as often."""
        names = ("warp", "shift", "bend", "jitter", "blur", "contrast", "colour", "tilt", "level")
        names += ("noise_share", "babble_share", "band_share", "mask_share", "gap_share")
        return replace(self, **{name: strength * getattr(self, name) for name in names})


def vary(mel: Tensor, variety: Variety, generator: Generator) -> Tensor:
    """(B, frames, 80) -> same, as if by other speakers, rooms, microphones and places."""
    mel = warp(mel, variety, generator)
    mel = blurred(mel, variety.blur, generator)
    mean = mel.mean(1, keepdim=True)
    mel = mean + (mel - mean) * torch.exp(variety.contrast * torch.randn(len(mel), 1, 1, generator=generator))
    jitter = variety.jitter * torch.rand(len(mel), 1, 1, generator=generator)
    mel = mel + jitter * torch.randn(mel.shape, generator=generator)
    mel = mel + colouring(mel.shape[0], variety.colour, variety.tilt, generator)[:, None]
    loud = voice_level(mel)
    mel = add(mel, noise(mel, loud, variety.noise_below, generator), variety.noise_share, generator)
    other = torch.randperm(mel.shape[0], generator=generator)
    babble = mel[other] - loud[other] + loud - uniform(mel, 2.0, 7.0, generator)
    mel = add(mel, babble, variety.babble_share, generator)
    cut = 50 + torch.randint(30, (mel.shape[0], 1, 1), generator=generator)
    above = (torch.arange(BANDS) > cut) & chosen(mel, variety.band_share, generator)
    return torch.where(above, mel - uniform(mel, 4.0, 9.0, generator), mel)


def warp(mel: Tensor, variety: Variety, generator: Generator) -> Tensor:
    """Stretch and shift the mel axis: another length of the vocal tract."""
    factor = 1 + (2 * torch.rand(mel.shape[0], 1, generator=generator) - 1) * variety.warp
    shift = (2 * torch.rand(mel.shape[0], 1, generator=generator) - 1) * variety.shift
    waves = torch.sin(math.pi * torch.tensor([1.0, 2.0, 3.0])[:, None] * torch.linspace(0, 1, BANDS))  # (3, 80)
    bend = variety.bend * torch.randn(mel.shape[0], 3, generator=generator) / torch.tensor([1.0, 2.0, 3.0])
    position = torch.arange(BANDS) * factor + shift + bend @ waves
    position = position.clamp(0, BANDS - 1 - 1e-4)  # (B, 80)
    low = position.long()
    rows = torch.arange(mel.shape[0])[:, None].expand_as(low)
    matrix = torch.zeros(mel.shape[0], BANDS, BANDS)  # linear interpolation as a product: fast on a CPU
    columns = torch.arange(BANDS).expand_as(low)
    matrix[rows, low, columns] = 1 - (position - low)
    matrix[rows, low + 1, columns] += position - low
    return mel @ matrix


def blurred(mel: Tensor, most: float, generator: Generator) -> Tensor:
    """Less of the fine structure (harmonics, sharp formants), or somewhat more: another pitch and voice quality."""
    share = most * (1.7 * torch.rand(mel.shape[0], 1, 1, generator=generator) - 0.7)
    bands = torch.arange(BANDS)
    near = (1 - (bands[:, None] - bands).abs() / 4).clamp_min(0)  # a triangle, 7 bands wide
    return torch.lerp(mel, mel @ (near / near.sum(0)), share)


def colouring(count: int, deviation: float, tilt: float, generator: Generator) -> Tensor:
    """(count, 80) smooth random curves over the mel axis: four cosines and a slope."""
    axis = torch.linspace(0, 1, BANDS)
    waves = torch.tensor([1.0, 2.0, 3.0, 5.0])[:, None]
    phase = 2 * math.pi * torch.rand(count, 4, 1, generator=generator)
    height = deviation * torch.randn(count, 4, 1, generator=generator)
    slope = tilt * torch.randn(count, 1, generator=generator)
    return (height * torch.cos(math.pi * waves * axis + phase)).sum(1) + slope * (axis - 0.5)


def voice_level(mel: Tensor) -> Tensor:
    """(B, frames, 80) -> (B, 1, 1): mean band level of loud frames."""
    energy = mel.logsumexp(-1)
    return energy.kthvalue(max(1, int(LOUD_SHARE * energy.shape[1])), dim=1).values[:, None, None] - math.log(BANDS)


def noise(mel: Tensor, level: Tensor, below: tuple[float, float], generator: Generator) -> Tensor:
    """Stationary coloured noise like `mel`, `below` nat under `level`, flickering as noise power does."""
    colour = colouring(mel.shape[0], 0.8, 2.0, generator)[:, None]
    flicker = 0.5 * torch.randn(mel.shape, generator=generator) - 0.15
    return level + colour + flicker - uniform(mel, *below, generator)


def add(mel: Tensor, other: Tensor, share: float, generator: Generator) -> Tensor:
    """The sum of two sounds in a share of the windows."""
    return torch.where(chosen(mel, share, generator), torch.logaddexp(mel, other), mel)


def noise_only(mel: Tensor, generator: Generator) -> Tensor:
    """Windows without any voice: noise of any level from inaudible to loud."""
    level = SILENCE / 2 * torch.ones(mel.shape[0], 1, 1)  # -9.2 nat: about -70 dB full scale
    return torch.logaddexp(noise(mel, level, (-9.0, 6.0), generator), mel.new_tensor(SILENCE))


def mask(network_input: Tensor, variety: Variety, generator: Generator) -> Tensor:
    """Normalised windows (B, frames, 160): up to `mask_bands` neighbouring bands and short gaps set to 0."""
    frames = network_input.shape[1]
    bands = stretch_of(BANDS, 1, variety.mask_bands, network_input, generator)[:, None]  # (B, 1, 80)
    hidden = torch.cat([bands, bands], dim=-1) & chosen(network_input, variety.mask_share, generator)
    for _ in range(GAPS):
        gap = stretch_of(frames, 2, variety.gap_frames, network_input, generator)[..., None]  # (B, frames, 1)
        hidden = hidden | (gap & chosen(network_input, variety.gap_share, generator))
    return network_input.masked_fill(hidden, 0.0)


def stretch_of(size: int, least: int, most: int, like: Tensor, generator: Generator) -> Tensor:
    """(B, size) bool: true in one stretch of `least` to `most` places."""
    width = torch.randint(least, most + 1, (like.shape[0], 1), generator=generator)
    first = (torch.rand(width.shape, generator=generator) * (size - width)).long()
    return (torch.arange(size) >= first) & (torch.arange(size) < first + width)


def uniform(like: Tensor, low: float, high: float, generator: Generator) -> Tensor:
    """(B, 1, 1) numbers between low and high."""
    return low + (high - low) * torch.rand(like.shape[0], 1, 1, generator=generator)


def chosen(like: Tensor, share: float, generator: Generator) -> Tensor:
    """(B, 1, 1) bool, true in a share of the windows."""
    return torch.rand(like.shape[0], 1, 1, generator=generator) < share
