"""G: warped features -> the picture. SPADE (Park et al. 2019) as LivePortrait uses it (Guo et al. 2024).

Parameters have the released names, with spectral norm already folded into `weight`. The computation is arranged for
speed, exact but for rounding; see convolution.py. Maps lie channels last: (B, 1, H, W, C). In short:

- A SPADE's hidden map is a convolution of the feature map, which the published graph first repeats to the size of x.
  Here it is computed at the size of the feature map, and repeated ones are never stored.
- The scale and the shift of one norm come from one convolution; they are used strip by strip.
- x is repeated to the size of the block only where it is read.
- The shift of a shortcut's norm has no activation behind it, so its convolution and the shortcut's are one.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .convolution import AFTER_4, REPEATED_2, REPEATED_4, WINOGRAD, Algorithm, Convolution, Scratch, Strip, prepare

FEATURES, WIDTH, HIDDEN, MIDDLE = 256, 512, 128, 6
EPSILON = 1e-5
# Of a block by how many times the feature map is repeated: the algorithms of the hidden map, and of what follows it.
HIDDEN_BY, AFTER_BY = {1: WINOGRAD, 2: REPEATED_2, 4: REPEATED_4}, {1: WINOGRAD, 2: WINOGRAD, 4: AFTER_4}


class Generator(nn.Module):
    """feature (B, 256, 64, 64) -> picture (B, 3, 512, 512) RGB in [0, 1]. `pause` is as in Scratch."""

    pause: Callable[[], None] | None = None

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Conv2d(FEATURES, WIDTH, 3, padding=1)
        for index in range(MIDDLE):
            self.add_module(f"G_middle_{index}", SpadeBlock(WIDTH, WIDTH, repeats=1))
        self.up_0 = SpadeBlock(WIDTH, WIDTH // 2, repeats=2)
        self.up_1 = SpadeBlock(WIDTH // 2, 64, repeats=4)
        self.conv_img = nn.Sequential(nn.Conv2d(64, 12, 3, padding=1))

    def forward(self, feature: Tensor) -> Tensor:
        scratch = Scratch(self.pause)
        feature = feature.permute(0, 2, 3, 1)[:, None].contiguous()  # (B, 1, 64, 64, 256)
        x = _convolve(self.fc, feature, scratch)  # (B, 1, 64, 64, 512)
        for index in range(MIDDLE):
            x = self.get_submodule(f"G_middle_{index}")(x, feature, scratch)
        pictures = [self._enlarged(*frame, scratch) for frame in zip(x.split(1), feature.split(1), strict=True)]
        return torch.cat(pictures)

    def _enlarged(self, x: Tensor, feature: Tensor, scratch: Scratch) -> Tensor:
        """The last blocks, for one frame at a time: their maps are large."""
        x = self.up_0(x, feature, scratch)  # (1, 1, 128, 128, 256)
        x = F.leaky_relu_(self.up_1(x, feature, scratch), 0.2)  # (1, 1, 256, 256, 64)
        x = _convolve(self.conv_img[0], x, scratch)  # (1, 1, 256, 256, 12)
        return torch.sigmoid(F.pixel_shuffle(x[:, 0].permute(0, 3, 1, 2), 2))


class SpadeBlock(nn.Module):
    """Two normalised convolutions and a shortcut, which is a 1x1 convolution where the width changes.

    repeats: how often the feature map is repeated along each axis to the size of the block. Where the width changes,
    x comes at half the size of the block, and is repeated twice.
    """

    def __init__(self, inputs: int, outputs: int, repeats: int) -> None:
        super().__init__()
        middle = min(inputs, outputs)
        self.repeats, self.shrinks = repeats, inputs != outputs
        self.conv_0 = nn.Conv2d(inputs, middle, 3, padding=1)
        self.conv_1 = nn.Conv2d(middle, outputs, 3, padding=1)
        self.norm_0, self.norm_1 = Spade(inputs), Spade(middle)
        if self.shrinks:
            self.conv_s, self.norm_s = nn.Conv2d(inputs, outputs, 1, bias=False), Spade(inputs)

    def forward(self, x: Tensor, feature: Tensor, scratch: Scratch) -> Tensor:
        spades = [self.norm_0, self.norm_1, *([self.norm_s] if self.shrinks else [])]
        hidden = self._hidden_maps(spades, feature, scratch)
        algorithm = AFTER_BY[self.repeats]
        normalised = Normalised(x, 1 + self.shrinks, scratch)
        y = self.norm_0(normalised, hidden[0], algorithm, scratch)
        y = _convolve(self.conv_0, y, scratch, "convolved")
        y = self.norm_1(Normalised(y, 1, scratch), hidden[1], algorithm, scratch)
        y = _convolve(self.conv_1, y, scratch)
        if self.shrinks:
            x = self.norm_s.shortcut(normalised, hidden[2], self.conv_s.weight, algorithm, scratch)
        return y.add_(x)

    def _hidden_maps(self, spades: list[Spade], feature: Tensor, scratch: Scratch) -> tuple[Tensor, ...]:
        """The hidden maps of several norms at once, each (B, 1, H, W, 128); of 4 repeats three kinds are stored."""
        first = [spade.mlp_shared[0] for spade in spades]
        weight, bias = torch.cat([conv.weight for conv in first]), torch.cat([conv.bias for conv in first])
        convolution = prepare(weight, bias, HIDDEN_BY[self.repeats], scratch)
        return F.relu_(convolution(feature, convolution.room("hidden", feature))).split(HIDDEN, dim=-1)


class Spade(nn.Module):
    """Instance norm whose scale and shift are convolved from the feature map, resized to x by repetition."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.mlp_shared = nn.Sequential(nn.Conv2d(FEATURES, HIDDEN, 3, padding=1), nn.ReLU())
        self.mlp_gamma, self.mlp_beta = (nn.Conv2d(HIDDEN, channels, 3, padding=1) for _ in range(2))

    def forward(self, x: Normalised, hidden: Tensor, algorithm: Algorithm, scratch: Scratch) -> Tensor:
        """leaky_relu(x * (1 + gamma) + beta)."""
        both = self._gamma_and(self.mlp_beta.weight, self.mlp_beta.bias, algorithm, scratch)
        out = x.room("modulated", self.mlp_beta.out_channels)
        for strip in both.strips(hidden):
            gamma, beta = x.tiled(strip.values).chunk(2, dim=-1)
            target = torch.addcmul(beta, gamma, x.part(strip), out=x.tiles_of(out, strip))
            F.leaky_relu_(target, 0.2)
        return out

    def shortcut(self, x: Normalised, hidden: Tensor, weight: Tensor, algorithm: Algorithm, scratch: Scratch) -> Tensor:
        """weight (O, C, 1, 1) applied to x * (1 + gamma) + beta without an activation."""
        matrix = weight.flatten(1)  # (O, C)
        beta_weight = torch.einsum("oc,cikl->oikl", matrix, self.mlp_beta.weight)
        both = self._gamma_and(beta_weight, matrix @ self.mlp_beta.bias, algorithm, scratch)
        out = x.room("shortcut", len(matrix))
        for strip in both.strips(hidden):
            gamma, beta = x.tiled(strip.values).split([matrix.shape[1], matrix.shape[0]], dim=-1)
            scaled = torch.mul(gamma, x.part(strip), out=scratch.take("scaled", gamma, *gamma.shape))
            torch.add(scaled @ matrix.mT, beta, out=x.tiles_of(out, strip))
        return out

    def _gamma_and(self, weight: Tensor, bias: Tensor, algorithm: Algorithm, scratch: Scratch) -> Convolution:
        """The convolution of the hidden map that gives 1 + gamma, and behind it what `weight` and `bias` say."""
        weights = torch.cat([self.mlp_gamma.weight, weight])
        return prepare(weights, torch.cat([1 + self.mlp_gamma.bias, bias]), algorithm, scratch)


class Normalised:
    """Instance norm of x (B, 1, H, W, C), of which each value stands for `factor` values along each axis.

    Neither the normalised nor the repeated map is stored: the strips of a modulation ask for their part of it.
    """

    def __init__(self, x: Tensor, factor: int, scratch: Scratch) -> None:
        self.x, self.factor, self.scratch = x, factor, scratch
        rows = x.flatten(1, 3).float()  # (B, N, C)
        share = rows.new_full((len(rows), 1, rows.shape[1]), 1.0 / rows.shape[1])
        mean = torch.bmm(share, rows)  # (B, 1, C); far faster than a mean over rows
        centred = torch.sub(rows, mean, out=scratch.take("centred", rows, *rows.shape))
        scale = torch.rsqrt(torch.bmm(share, centred.square_()) + EPSILON)
        self.scale, self.shift = (v.to(x)[:, :, None, None] for v in (scale, -mean * scale))  # (B, 1, 1, 1, C)

    def room(self, name: str, channels: int) -> Tensor:
        """A buffer for a map of the full size."""
        batch, depth, height, width, _ = self.x.shape
        return self.scratch.take(name, self.x, batch, depth, height * self.factor, width * self.factor, channels)

    def tiled(self, values: Tensor) -> Tensor:
        """(n, 1, rows, p, columns, p, C) with each p split into (p / factor, factor)."""
        return values.unflatten(5, (-1, self.factor)).unflatten(3, (-1, self.factor))

    def tiles_of(self, full: Tensor, strip: Strip) -> Tensor:
        """The strip's place in a map of the full size, as `tiled` gives it."""
        p = strip.values.shape[3]
        tiles = self.tiled(full.unflatten(3, (-1, p)).unflatten(2, (-1, p)))
        return tiles[strip.samples, :, strip.rows]

    def part(self, strip: Strip) -> Tensor:
        """The strip's part of the normalised map, as `tiled` gives it."""
        p = strip.values.shape[3] // self.factor
        x = self.x.unflatten(3, (-1, p, 1)).unflatten(2, (-1, p, 1))[strip.samples, :, strip.rows]
        shift, scale = (v[strip.samples, :, :, :, None, None, None, None] for v in (self.shift, self.scale))
        part = torch.addcmul(shift, x, scale, out=self.scratch.take("part", x, *x.shape))
        return part.expand(-1, -1, -1, -1, self.factor, -1, -1, self.factor, -1)


def _convolve(conv: nn.Conv2d, x: Tensor, scratch: Scratch, name: str | None = None) -> Tensor:
    """A 3x3 convolution of the module's weights, into the scratch buffer `name` where one is given."""
    convolution = prepare(conv.weight, conv.bias, WINOGRAD, scratch)
    return convolution(x, convolution.room(name, x) if name else None)
