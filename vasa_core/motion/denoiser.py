"""The diffusion transformer of VASA-1: predicts the clean motion of one window from its noisy one.

60 tokens: the ten previous frames, then the window's fifty. Each token joins by channel its motion, audio, gaze,
distance and emotion; what is missing is a learned null, one per field. The diffusion step conditions every token
through adaptive layer norms that start as the identity (adaLN-Zero, Peebles and Xie, 2023).

Four things are ours. The tokens get the best linear guess at x0 that x_t allows, so that pure noise is no input.
What the network predicts is added to a first guess: towards the end of sampling x_t (a skip as in Karras et al.,
2022), else the last previous frame, fading over the window as in an autoregression, and what small convolutions make
of the sound and of the noisy motion close by: lips and blinks are matters of a few frames. The noise of each channel
has a deviation of its own: what the sound decides, the lips, gets so much that few steps of sampling leave it no
chance, and what is left to chance gets 1. And a last layer filters each channel over time, across the seam to the
previous frames: heads are smooth, and the network need not learn that token by token.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..attention import attention
from ..types import EMOTIONS
from .conditions import (
    AUDIO,
    CONTROL_CHANNELS,
    DISTANCE,
    EMOTION,
    GAZE,
    PREVIOUS,
    PREVIOUS_AUDIO,
    PREVIOUS_MOTION,
    WINDOW,
    Conditions,
)
from .diffusion import clarity, signal_power

REACH = 4
"""Frames to each side that the last layer's filters see."""
GAZE_UNIT = 0.2
"""Radians of gaze that the network sees as 1."""
DISTANCE_UNIT = 0.15
"""Natural log of distance that the network sees as 1."""


@dataclass(frozen=True)
class Preset:
    """Size of a denoiser; `widen`: hidden width of its feed-forward layers over `width`."""

    layers: int
    width: int
    heads: int
    widen: int = 4


PRESETS = {
    "paper": Preset(layers=8, width=512, heads=8),
    "starter": Preset(layers=4, width=256, heads=4, widen=2),
    "tiny": Preset(layers=2, width=64, heads=2, widen=2),  # for a first try, and for tests
}


class DiffusionTransformer(nn.Module):
    """H(x_t, t, C) -> x0. `channels` K of motion, `audio_channels` C of audio features."""

    def __init__(self, preset: Preset, channels: int, audio_channels: int) -> None:
        super().__init__()
        width = preset.width
        self.nulls = nn.ParameterDict(
            {
                name: nn.Parameter(0.02 * torch.randn(size))  # small and not zero: a null is no value of its field
                for name, size in (
                    ("audio", audio_channels),
                    ("gaze", 2),
                    ("distance", 1),
                    ("emotion", len(EMOTIONS)),
                    ("previous_motion", channels),
                    ("previous_audio", audio_channels),
                )
            }
        )
        self.embed = nn.Linear(channels + audio_channels + CONTROL_CHANNELS, width)
        self.position = nn.Parameter(0.02 * torch.randn(PREVIOUS + WINDOW, width))
        self.step = nn.Sequential(nn.Linear(width, width), nn.SiLU(), nn.Linear(width, width), nn.SiLU())
        self.blocks = nn.ModuleList(Block(width, preset.heads, preset.widen) for _ in range(preset.layers))
        self.modulate = nn.Linear(width, 2 * width)
        self.output = nn.Linear(width, channels)
        self.hearing = Nearby(audio_channels, width // 2, channels)
        self.seeing = Nearby(channels + 2, width // 2, channels)
        self.register_buffer("noise", torch.ones(channels))
        self.trust = nn.Parameter(torch.zeros(channels))
        self.carry = nn.Parameter(torch.zeros(WINDOW, channels))
        self.filter = nn.Parameter(F.one_hot(torch.full((channels,), REACH), 2 * REACH + 1).float())
        for layer in (self.modulate, self.output):  # the network starts by predicting the mean motion
            nn.init.zeros_(layer.weight)
            nn.init.zeros_(layer.bias)

    def forward(self, x: Tensor, t: Tensor, conditions: Conditions) -> Tensor:
        """x (B, W, K) noisy motion, t (B,) integer diffusion times -> (B, W, K) clean motion."""
        step = self.step(time_embedding(t, self.position.shape[1]).to(x.dtype))  # (B, width)
        clear = clarity(t, self.noise)  # (B, 1, K)
        level = torch.stack([signal_power(t), 1 - signal_power(t)], dim=-1).to(x).sqrt()[:, None]  # (B, 1, 2)
        guess = clear / level[..., :1] * x  # of least squared error among those linear in x
        known = self.tokens(guess, conditions)  # (B, P + W, K + C + 11)
        tokens = self.embed(known) + self.position  # (B, P + W, width)
        for block in self.blocks:
            tokens = block(tokens, step)
        shift, scale = self.modulate(step)[:, None].chunk(2, dim=-1)
        new = self.output(_norm(tokens[:, PREVIOUS:]) * (1 + scale) + shift)  # (B, W, K)

        motion, audio, _ = known.split([len(self.noise), len(self.nulls["audio"]), CONTROL_CHANNELS], dim=-1)
        heard = self.hearing(audio)[:, PREVIOUS:]  # (B, W, K)
        seen = self.seeing(torch.cat([motion, level.expand(-1, motion.shape[1], -1)], dim=-1))[:, PREVIOUS:]
        continues = conditions.keep[:, PREVIOUS_MOTION, None, None]
        last = torch.where(continues, conditions.previous_motion[:, -1:], 0.0)  # (B, 1, K)
        left_open = torch.where(continues, (1 - self.carry.square()).clamp(min=0.04).sqrt(), 1.0)  # by the past
        trust = clear * self.trust.sigmoid()  # (B, 1, K)
        clean = trust * x + (1 - trust) * (self.carry * last + heard) + seen + left_open * new
        return self.steady(clean, conditions)  # (B, W, K)

    def steady(self, clean: Tensor, c: Conditions) -> Tensor:
        """(B, W, K) -> (B, W, K): each channel's own filter over REACH frames to both sides.

        Before the window stand the previous frames, or its first frame where there are none; after it, its last frame.
        """
        known = c.keep[:, PREVIOUS_MOTION, None, None]
        before = torch.where(known, c.previous_motion[:, -REACH:], clean[:, :1])
        after = clean[:, -1:].expand(-1, REACH, -1)
        line = torch.cat([before, clean, after], dim=1)  # (B, W + 2 REACH, K)
        return F.conv1d(line.mT, self.filter[:, None], groups=len(self.filter)).mT

    @torch.no_grad()
    def start_smooth(self, widths: Tensor, fading: Tensor, trust: Tensor, noise: Tensor) -> None:
        """Start each channel's filter as a Gaussian of `widths` (K,) frames, let its last previous frame fade over
        `fading` (K,) frames, and count x_t, where it is free of noise, by `trust` (K,) in 0..1; set the deviation of
        each channel's `noise` (K,).

        A width of 0 leaves the filter the identity, a fading of 0 carries nothing.
        """
        self.noise.copy_(noise)
        self.trust.copy_(trust.logit())
        frames = torch.arange(1, WINDOW + 1)[:, None]
        self.carry.copy_(torch.where(fading > 0, torch.exp(-frames / fading.clamp(min=1e-3)), 0.0))
        offset = torch.arange(-REACH, REACH + 1)
        filters = torch.exp(-0.5 * (offset / widths.clamp(min=1e-3)[:, None]).square())
        self.filter.copy_(filters / filters.sum(1, keepdim=True))

    def tokens(self, guess: Tensor, c: Conditions) -> Tensor:
        """(B, P + W, K + C + 11): what each token knows, with nulls where a condition is missing.

        guess: (B, W, K), of the window's motion.
        The three controls belong to the window; the previous frames' tokens hold their nulls.
        """
        heard = c.keep[:, AUDIO, None] & c.valid
        window = torch.cat(
            [
                guess,
                self._fill("audio", c.audio, heard),
                self._fill("gaze", c.gaze / GAZE_UNIT, c.keep[:, GAZE, None]),
                self._fill("distance", c.distance.log() / DISTANCE_UNIT, c.keep[:, DISTANCE, None]),
                self._fill("emotion", c.emotion, c.keep[:, EMOTION, None]),
            ],
            dim=-1,
        )  # (B, W, K + C + 11)
        absent = torch.cat([self.nulls[name] for name in ("gaze", "distance", "emotion")])
        previous = torch.cat(
            [
                self._fill("previous_motion", c.previous_motion, c.keep[:, PREVIOUS_MOTION, None]),
                self._fill("previous_audio", c.previous_audio, c.keep[:, PREVIOUS_AUDIO, None]),
                absent.expand(len(guess), PREVIOUS, -1),
            ],
            dim=-1,
        )  # (B, P, K + C + 11)
        return torch.cat([previous, window], dim=1)

    def _fill(self, name: str, values: Tensor, present: Tensor) -> Tensor:
        return torch.where(present[..., None], values, self.nulls[name])


class Nearby(nn.Module):
    """What each channel takes from the few frames around: a linear layer and a small convolutional network."""

    def __init__(self, inputs: int, width: int, channels: int) -> None:
        super().__init__()
        self.plain = nn.Linear(inputs, channels)
        self.first = nn.Conv1d(inputs, width, 5, padding=2)
        self.second = nn.Conv1d(width, width, 5, padding=2)
        self.last = nn.Conv1d(width, channels, 5, padding=2)
        for layer in (self.plain, self.last):
            nn.init.zeros_(layer.weight)
            nn.init.zeros_(layer.bias)

    def forward(self, values: Tensor) -> Tensor:
        """values (B, N, C) -> (B, N, K)."""
        hidden = F.gelu(self.first(values.mT))
        hidden = hidden + F.gelu(self.second(hidden))  # (B, width, N)
        return self.plain(values) + self.last(hidden).mT

    @torch.no_grad()
    def start_linear(self, values: Tensor, motion: Tensor, chosen: Tensor) -> None:
        """Let the `chosen` (K,) channels of motion (N, K) start as their best linear fit by the values (N, C)."""
        inputs = F.pad(values, (0, 1), value=1.0)
        ridge = 1e-3 * len(inputs) * torch.eye(inputs.shape[1])
        fit = torch.linalg.solve(inputs.mT @ inputs + ridge, inputs.mT @ motion)  # (C + 1, K)
        self.plain.weight[chosen] = fit[:-1, chosen].mT
        self.plain.bias[chosen] = fit[-1, chosen]


class Block(nn.Module):
    """Self-attention and a feed-forward layer, each scaled, shifted and gated by the diffusion step."""

    def __init__(self, width: int, heads: int, widen: int) -> None:
        super().__init__()
        self.heads = heads
        self.modulate = nn.Linear(width, 6 * width)
        self.query_key_value = nn.Linear(width, 3 * width)
        self.mix = nn.Linear(width, width)
        self.widen = nn.Linear(width, widen * width)
        self.narrow = nn.Linear(widen * width, width)
        nn.init.zeros_(self.modulate.weight)  # gates of 0: the block starts as the identity
        nn.init.zeros_(self.modulate.bias)

    def forward(self, tokens: Tensor, step: Tensor) -> Tensor:
        """tokens (B, N, width), step (B, width) -> (B, N, width)."""
        shift_a, scale_a, gate_a, shift_f, scale_f, gate_f = self.modulate(step)[:, None].chunk(6, dim=-1)
        tokens = tokens + gate_a * self.attend(_norm(tokens) * (1 + scale_a) + shift_a)
        hidden = F.gelu(self.widen(_norm(tokens) * (1 + scale_f) + shift_f), approximate="tanh")
        return tokens + gate_f * self.narrow(hidden)

    def attend(self, tokens: Tensor) -> Tensor:
        """(B, N, width) -> (B, N, width), every token to every token."""
        q, k, v = self.query_key_value(tokens).unflatten(-1, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        return self.mix(attention(q, k, v).transpose(1, 2).flatten(2))


def time_embedding(t: Tensor, width: int) -> Tensor:
    """(B,) diffusion times -> (B, width) sines and cosines (Vaswani et al., 2017)."""
    frequencies = torch.exp(-math.log(10_000.0) * torch.arange(width // 2, device=t.device) / (width // 2))
    angles = t.float()[:, None] * frequencies
    return torch.cat([angles.cos(), angles.sin()], dim=-1)


def _norm(tokens: Tensor) -> Tensor:
    return F.layer_norm(tokens, tokens.shape[-1:], eps=1e-6)
