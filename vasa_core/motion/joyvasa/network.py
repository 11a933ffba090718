"""JoyVASA's denoiser (Cao et al., 2024, after DiffPoseTalk): predicts the clean motion of a window of 100 frames.

110 tokens: ten previous frames, then the window. Every layer: self-attention over all tokens, then the audio, then a
feed-forward layer, each added and normed (post-norm). In the published network the audio comes in by cross-attention
under a mask that lets frame i see audio frame i alone. A softmax over one entry is 1, so queries and keys play no part,
and the attention is a linear map of that frame's audio: out_proj(v_proj(audio)). Here it is that one map.

That map does not depend on the diffusion step, so `prepare` computes it once per window, for all layers, and what the
previous frames' tokens start from. `denoise` is one step. Guidance runs both its branches as one batch, which share all
until the first audio comes in: until then the batch has one entry, and broadcasting widens it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ...attention import attention

POSITION_RULES = ("released", "ordered")
"""What stands for a token's place. 'released': one row of the table, that of the number of tokens, for every token, as
the code did when the released weights were trained; so tokens are told apart by their audio alone. 'ordered': row i for
token i, as the code does since December 2025."""


@dataclass(frozen=True)
class Sizes:
    """Read from the shapes of a file's tensors; the defaults are the released ones."""

    motion: int = 73
    width: int = 256
    layers: int = 8
    heads: int = 8
    hidden: int = 1024
    window: int = 100
    previous: int = 10
    steps: int = 50


@dataclass(frozen=True)
class Prepared:
    """What of a window stays the same in all steps. audio: (L, B, P + W, C), per layer. previous: (P, C)."""

    audio: Tensor
    previous: Tensor


class Layer(nn.Module):
    def __init__(self, sizes: Sizes) -> None:
        super().__init__()
        self.heads = sizes.heads
        self.query_key_value = nn.Linear(sizes.width, 3 * sizes.width)
        self.mix = nn.Linear(sizes.width, sizes.width)
        self.listen = nn.Linear(sizes.width, sizes.width)  # the cross-attention; its result comes in as `heard`
        self.widen = nn.Linear(sizes.width, sizes.hidden)
        self.narrow = nn.Linear(sizes.hidden, sizes.width)
        self.norm1, self.norm2, self.norm3 = (nn.LayerNorm(sizes.width) for _ in range(3))

    def forward(self, x: Tensor, heard: Tensor, first: int = 0) -> Tensor:
        """x (1 or B, N, C), heard (B, N, C) -> (B, N - first, C): the tokens from `first` on."""
        q, k, v = self.query_key_value(x).unflatten(-1, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        seen = attention(q[:, :, first:], k, v).transpose(1, 2).flatten(2)  # (1 or B, N - first, C)
        x = self.norm1(x[:, first:] + self.mix(seen))
        x = self.norm2(x + heard[:, first:])  # (B, N - first, C)
        return self.norm3(x + self.narrow(F.gelu(self.widen(x))))


class JoyVasaDenoiser(nn.Module):
    """Noisy motion, diffusion step and audio to clean motion. `positions`: one of POSITION_RULES."""

    def __init__(self, sizes: Sizes = Sizes(), positions: str = "released") -> None:
        super().__init__()
        self.sizes, self.positions = sizes, positions
        width = sizes.width
        self.start_audio = nn.Parameter(torch.zeros(sizes.previous, width))  # stands before the first window
        self.start_motion = nn.Parameter(torch.zeros(sizes.previous, sizes.motion))
        self.no_audio = nn.Parameter(torch.zeros(width))
        self.embed = nn.Linear(sizes.motion, width)
        self.step = nn.Sequential(nn.Linear(width, width), nn.GELU(), nn.Linear(width, width))
        self.layers = nn.ModuleList(Layer(sizes) for _ in range(sizes.layers))
        self.output = nn.Sequential(nn.Linear(width, width // 2), nn.GELU(), nn.Linear(width // 2, sizes.motion))

    def prepare(self, previous_motion: Tensor, previous_audio: Tensor, audio: Tensor) -> Prepared:
        """previous_motion (P, K), previous_audio (P, C), audio (B, W, C), a row for each branch of guidance."""
        tokens = torch.cat([previous_audio.expand(len(audio), -1, -1), audio], dim=1)  # (B, P + W, C)
        return Prepared(torch.stack([layer.listen(tokens) for layer in self.layers]), self.embed(previous_motion))

    def step_codes(self, steps: Tensor) -> Tensor:
        """(S,) diffusion steps -> (S, C)."""
        table = sines(self.sizes.steps + 1, self.sizes.width).to(self.embed.weight)
        return self.step(table[steps.to(table.device)])

    def places(self) -> Tensor:
        """(P + W, C), or (1, C) for all tokens alike: see POSITION_RULES."""
        tokens = self.sizes.previous + self.sizes.window
        table = sines(tokens + 1, self.sizes.width).to(self.embed.weight)
        return table[tokens:] if self.positions == "released" else table[:tokens]

    def denoise(self, x: Tensor, offset: Tensor, prepared: Prepared) -> Tensor:
        """One step: x (W, K), offset (1 or P + W, C) = place and step codes -> (B, W, K) clean motion."""
        tokens = torch.cat([prepared.previous, self.embed(x)]) + offset  # (P + W, C)
        tokens = tokens[None]
        for layer, heard in zip(self.layers[:-1], prepared.audio[:-1], strict=True):
            tokens = layer(tokens, heard)  # (B, P + W, C)
        return self.output(self.layers[-1](tokens, prepared.audio[-1], self.sizes.previous))

    def forward(
        self, motion: Tensor, audio: Tensor, previous_motion: Tensor, previous_audio: Tensor, step: Tensor
    ) -> Tensor:
        """The published call, for training and parity: (B, W, K), (B, W, C), (B, P, K), (B, P, C), (B,) integer
        steps -> (B, P + W, K)."""
        x = self.embed(torch.cat([previous_motion, motion], dim=1)) + self.places() + self.step_codes(step)[:, None]
        heard = torch.cat([previous_audio, audio], dim=1)
        for layer in self.layers:
            x = layer(x, layer.listen(heard))
        return self.output(x)


def sines(rows: int, width: int) -> Tensor:
    """(rows, width) of Vaswani et al. (2017): sines in even columns, cosines in odd ones."""
    angles = torch.arange(rows)[:, None] * torch.exp(torch.arange(0, width, 2) * (-math.log(10_000.0) / width))
    return torch.stack([angles.sin(), angles.cos()], dim=-1).flatten(1)
