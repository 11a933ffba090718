"""W: moves an appearance volume from the source keypoints to the driven ones.

Wang et al. 2021 (face-vid2vid), Guo et al. 2024 (LivePortrait). Parameters have the released names, with each batch
norm already folded into the convolution before it. The computation is arranged for speed, exact but for rounding (see
convolution.py); maps lie channels last: (B, D, H, W, C). In short:

- The flow of one keypoint is a shift, so it samples the volume by one small matrix per axis.
- The heat of a keypoint is a product of three curves, one per axis.
- The mask adds up to 1, so the mixed flow is the grid plus the mixed shifts.
- The occlusion's 7x7 convolution has one output: the products of its 49 taps come from one matrix product.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .convolution import FOURIER_7, REPEATED_2, WINOGRAD, Convolution, Direct, Scratch, prepare

POINTS = 21
FLOWS = POINTS + 1  # the background stays
VARIANCE = 0.01  # of a keypoint's heat
COMPRESSED = 4
ENCODER = (FLOWS * (1 + COMPRESSED), 64, 128, 256, 512, 1024)
DECODER = (1024, 512, 256, 128, 64, 32)
WIDTH = ENCODER[0] + DECODER[-1]
DEPTH, HEIGHT = 16, 64  # of the volume, which is as wide as high
TOGETHER = 4  # frames: their maps are large


class Warp(NamedTuple):
    """feature (B, 256, 64, 64) for the generator; flow (B, 16, 64, 64, 3); occlusion (B, 1, 64, 64) in [0, 1]."""

    feature: Tensor
    flow: Tensor
    occlusion: Tensor


class WarpingNetwork(nn.Module):
    """volume (1 or B, 32, 16, 64, 64), driven (B, 21, 3) and source keypoints (1 or B, 21, 3) -> Warp.

    The volume has the weights' floating type; keypoints are always float32, and so are flow and coordinates.
    `pause` is as in Scratch; the host may set it, to cancel.
    """

    pause: Callable[[], None] | None = None

    def __init__(self) -> None:
        super().__init__()
        self.dense_motion_network = DenseMotion()
        self.third = nn.ModuleDict({"conv": nn.Conv2d(512, 256, 3, padding=1)})
        self.fourth = nn.Conv2d(256, 256, 1)

    def forward(self, volume: Tensor, driven: Tensor, source: Tensor) -> Warp:
        scratch, parts = Scratch(self.pause), []
        volume, source = volume.expand(len(driven), -1, -1, -1, -1), source.expand(len(driven), -1, -1)
        for some in torch.arange(len(driven)).split(TOGETHER):
            some = slice(int(some[0]), int(some[-1]) + 1)
            parts.append(self._warped(volume[some], driven[some], source[some], scratch))
        return Warp(*(torch.cat(values) for values in zip(*parts, strict=True)))

    def _warped(self, volume: Tensor, driven: Tensor, source: Tensor, scratch: Scratch) -> Warp:
        flow, occlusion = self.dense_motion_network(volume, driven, source, scratch)
        moved = F.grid_sample(volume.float(), flow, align_corners=False).to(volume)  # (B, 32, 16, 64, 64)
        moved = moved.flatten(1, 2).permute(0, 2, 3, 1)[:, None]  # (B, 1, 64, 64, 512)
        third = prepare(self.third["conv"].weight, self.third["conv"].bias, WINOGRAD, scratch)(moved)
        feature = F.linear(F.leaky_relu_(third, 0.01), self.fourth.weight.flatten(1), self.fourth.bias)
        return Warp(feature[:, 0].permute(0, 3, 1, 2) * occlusion, flow, occlusion)


class DenseMotion(nn.Module):
    """Mixes the flows of the keypoints into one, and says what becomes hidden."""

    def __init__(self) -> None:
        super().__init__()
        self.compress = nn.Conv3d(32, COMPRESSED, 1)
        self.hourglass = Hourglass()
        self.mask = nn.Conv3d(WIDTH, FLOWS, 7, padding=3)
        self.occlusion = nn.Conv2d(DEPTH * WIDTH, 1, 7, padding=3)

    def forward(self, volume: Tensor, driven: Tensor, source: Tensor, scratch: Scratch) -> tuple[Tensor, Tensor]:
        small = F.relu(self.compress(volume))  # (B, 4, 16, 64, 64)
        shifts = F.pad(source - driven, (0, 0, 1, 0))  # (B, 22, 3); the background does not move
        x = self.hourglass(lambda out: keypoint_maps(small, driven, source, shifts, out), len(driven), small, scratch)
        flow = coordinate_grid(small.shape[2:], driven).repeat(len(driven), 1, 1, 1, 1)  # (B, 16, 64, 64, 3)
        mask = prepare(self.mask.weight, self.mask.bias, FOURIER_7, scratch)
        add_mixed(flow, shifts, mask, x)
        return flow, torch.sigmoid(self._occlusion(x))

    def _occlusion(self, x: Tensor) -> Tensor:
        """The logits (B, 1, 64, 64) of x (B, 16, 64, 64, 142)."""
        taps = self.occlusion.weight.unflatten(1, (WIDTH, DEPTH))[0].flip(2, 3)  # (142, 16, 7, 7)
        taps = taps.permute(1, 0, 2, 3).flatten(2)  # (16, 142, 49)
        products = torch.stack([torch.bmm(frame.flatten(1, 2), taps).sum(0) for frame in x])  # (B, H * W, 49)
        return F.fold(products.mT, x.shape[2:4], kernel_size=7, padding=3) + self.occlusion.bias[:, None, None]


class Hourglass(nn.Module):
    """Five halvings of height and width and back, every stage also handed across: (B, 16, 64, 64, 110) -> 142."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder, self.decoder = nn.Module(), nn.Module()
        pairs = zip(ENCODER[:-1], ENCODER[1:], strict=True)
        self.encoder.down_blocks = nn.ModuleList(ConvBlock(*pair) for pair in pairs)
        skips = (0, *reversed(ENCODER[1:-1]))
        self.decoder.up_blocks = nn.ModuleList(
            ConvBlock(inputs + skip, outputs)
            for inputs, skip, outputs in zip(DECODER[:-1], skips, DECODER[1:], strict=True)
        )
        self.decoder.conv = nn.Conv3d(WIDTH, WIDTH, 3, padding=1)

    def forward(self, fill, batch: int, like: Tensor, scratch: Scratch) -> Tensor:
        """`fill` writes the input maps into what it is given, a view; returns a scratch buffer."""
        ups = self.decoder.up_blocks
        stages = []  # what the decoder reads at each size: its own map from below, then the encoder's
        for index, channels in enumerate(ENCODER):
            size, below = HEIGHT >> index, DECODER[-1 - index] if index < len(ups) else 0
            stages.append(scratch.take(f"stage {index}", like, batch, DEPTH, size, size, below + channels))
        skips = [stage[..., stage.shape[-1] - channels :] for stage, channels in zip(stages, ENCODER, strict=True)]
        fill(skips[0])
        for block, x, pooled in zip(self.encoder.down_blocks, skips[:-1], skips[1:], strict=True):
            block.shrunk(x, pooled, scratch)
        for index, block in zip(reversed(range(len(ups))), ups, strict=True):
            block.grown(stages[index + 1], stages[index][..., : DECODER[-1 - index]], scratch)
        last = prepare(self.decoder.conv.weight, self.decoder.conv.bias, WINOGRAD, scratch)
        return F.relu_(last(stages[0], last.room("hourglass", stages[0])))


class ConvBlock(nn.Module):
    """3x3x3 convolution and ReLU, then 2x2 mean pooling; or done on the map repeated twice in height and width."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.conv = nn.Conv3d(inputs, outputs, 3, padding=1)

    def shrunk(self, x: Tensor, out: Tensor, scratch: Scratch) -> None:
        """x (B, 16, H, W, C) -> out (B, 16, H / 2, W / 2, O)."""
        # On the smallest map, the many weights would take longer to transform than to use.
        kind = Direct if x.shape[2] == 4 else prepare
        for strip in kind(self.conv.weight, self.conv.bias, WINOGRAD, scratch).strips(x):
            values = F.relu_(strip.values).unflatten(5, (-1, 2))
            values = (values[..., 0, :] + values[..., 1, :]).unflatten(3, (-1, 2))
            half = values.shape[3]
            tiles = out.unflatten(3, (-1, half)).unflatten(2, (-1, half))[strip.samples, :, strip.rows]
            torch.add(values[:, :, :, :, 0], values[:, :, :, :, 1], out=tiles).mul_(0.25)

    def grown(self, x: Tensor, out: Tensor, scratch: Scratch) -> None:
        """x (B, 16, H, W, C) -> out (B, 16, 2 H, 2 W, O)."""
        prepare(self.conv.weight, self.conv.bias, REPEATED_2, scratch)(x, out)
        F.relu_(out)


def keypoint_maps(small: Tensor, driven: Tensor, source: Tensor, shifts: Tensor, out: Tensor) -> None:
    """Per flow how much hotter the driven keypoint is than the source's, and `small` as this flow alone moves it.

    small (B, 4, 16, 64, 64), keypoints (B, 21, 3), shifts (B, 22, 3); out (B, 16, 64, 64, 22 * 5).
    """
    maps = out.unflatten(-1, (FLOWS, 1 + COMPRESSED))
    maps[..., 0, 0] = 0.0  # no heat for the background
    for frame in range(len(driven)):
        heat = keypoint_heat(small.shape[2:], driven[frame]) - keypoint_heat(small.shape[2:], source[frame])
        maps[frame, ..., 1:, 0] = heat.permute(1, 2, 3, 0)
        x, y, z = (
            shift_matrix(size, shifts[frame, :, axis]).to(small) for axis, size in enumerate(reversed(small.shape[2:]))
        )  # (22, n, n)
        volume = small[frame]  # (4, 16, 64, 64)
        moved = volume @ x.mT[:, None, None]  # (22, 4, 16, 64, 64)
        moved = y[:, None, None] @ moved
        moved = z[:, None] @ moved.flatten(3)  # (22, 4, 16, 64 * 64)
        maps[frame, ..., 1:] = moved.unflatten(3, volume.shape[2:]).permute(2, 3, 4, 0, 1)


def shift_matrix(size: int, shifts: Tensor) -> Tensor:
    """(K, size, size) matrices that sample a line at its own coordinates plus each shift (K,), zeros around it.

    The coordinates have their ends on the first and last sample, while sampling has them half a sample outside, as
    published (grid_sample with align_corners=False).
    """
    steps = torch.arange(size, device=shifts.device, dtype=torch.float32)
    place = ((2.0 * steps / (size - 1) + shifts.float()[:, None]) * size - 1.0) / 2.0  # (K, size)
    return (1.0 - (place[..., None] - steps).abs()).clamp_min(0.0).to(shifts)


def keypoint_heat(size: tuple[int, ...], points: Tensor) -> Tensor:
    """exp(-|grid - point|^2 / 2 variance): (N, D, H, W) of points (N, 3).

    What is below 1e-20 is 0: a processor is many times slower with the subnormal numbers that it would become.
    """
    curves = []
    for n, axis in zip(size, (2, 1, 0), strict=True):
        line = torch.linspace(-1.0, 1.0, n, device=points.device)
        curves.append(torch.exp((line - points[:, axis, None].float()).square() / (-2.0 * VARIANCE)))  # (N, n)
    z, y, x = curves
    return F.threshold_(z[:, :, None, None] * (y[:, :, None] * x[:, None])[:, None], 1e-20, 0.0).to(points)


def add_mixed(flow: Tensor, shifts: Tensor, mask: Convolution, x: Tensor) -> None:
    """Add to flow (B, D, H, W, 3) the shifts (B, K, 3) mixed by the softmax of mask(x)."""
    for strip in mask.strips(x):
        p = strip.values.shape[3]
        tiles = flow.unflatten(3, (-1, p)).unflatten(2, (-1, p))[strip.samples, :, strip.rows]
        mixed = torch.softmax(strip.values.float(), dim=-1).flatten(1, -2) @ shifts[strip.samples]  # (n, N, 3)
        tiles += mixed.view(tiles.shape)


def coordinate_grid(size: tuple[int, ...], like: Tensor) -> Tensor:
    """(D, H, W, 3) coordinates x, y, z from -1 to 1, both ends on a sample."""
    z, y, x = (torch.linspace(-1.0, 1.0, n, device=like.device, dtype=like.dtype) for n in size)
    z, y, x = torch.meshgrid(z, y, x, indexing="ij")
    return torch.stack([x, y, z], dim=-1)
