"""W: moves an appearance volume from the source keypoints to the driven ones.

Wang et al. 2021 (face-vid2vid), Guo et al. 2024 (LivePortrait). Parameters have the released names.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

POINTS = 21
FLOWS = POINTS + 1  # the background stays
VARIANCE = 0.01  # of a keypoint's heat
COMPRESSED = 4
ENCODER = (FLOWS * (1 + COMPRESSED), 64, 128, 256, 512, 1024)
DECODER = (1024, 512, 256, 128, 64, 32)


class Warp(NamedTuple):
    """feature (B, 256, 64, 64) for the generator; flow (B, 16, 64, 64, 3); occlusion (B, 1, 64, 64) in [0, 1]."""

    feature: Tensor
    flow: Tensor
    occlusion: Tensor


class WarpingNetwork(nn.Module):
    """volume (B, 32, 16, 64, 64), driven and source keypoints (B, 21, 3) -> Warp."""

    def __init__(self) -> None:
        super().__init__()
        self.dense_motion_network = DenseMotion()
        self.third = ConvNorm(512, 256, dimensions=2)
        self.fourth = nn.Conv2d(256, 256, 1)

    def forward(self, volume: Tensor, driven: Tensor, source: Tensor) -> Warp:
        volume, source = volume.expand(len(driven), -1, -1, -1, -1), source.expand(len(driven), -1, -1)
        flow, occlusion = self.dense_motion_network(volume, driven, source)
        moved = F.grid_sample(volume, flow, align_corners=False).flatten(1, 2)  # (B, 512, 64, 64)
        feature = self.fourth(F.leaky_relu(self.third(moved), 0.01)) * occlusion
        return Warp(feature, flow, occlusion)


class DenseMotion(nn.Module):
    """Mixes the flows of the keypoints into one, and says what becomes hidden."""

    def __init__(self) -> None:
        super().__init__()
        self.compress = nn.Conv3d(32, COMPRESSED, 1)
        self.norm = nn.BatchNorm3d(COMPRESSED)
        self.hourglass = Hourglass()
        width = ENCODER[0] + DECODER[-1]
        self.mask = nn.Conv3d(width, FLOWS, 7, padding=3)
        self.occlusion = nn.Conv2d(16 * width, 1, 7, padding=3)

    def forward(self, volume: Tensor, driven: Tensor, source: Tensor) -> tuple[Tensor, Tensor]:
        small = F.relu(self.norm(self.compress(volume)))  # (B, 4, 16, 64, 64)
        size = small.shape[2:]
        grid = coordinate_grid(size, driven)  # (16, 64, 64, 3)
        flows = sparse_flows(grid, driven, source)  # (B, 22, 16, 64, 64, 3)
        moved = F.grid_sample(
            small.repeat_interleave(FLOWS, 0), flows.flatten(0, 1), align_corners=False
        )  # (B * 22, 4, 16, 64, 64)
        heat = keypoint_heat(grid, driven) - keypoint_heat(grid, source)  # (B, 21, 16, 64, 64)
        heat = F.pad(heat, (0, 0, 0, 0, 0, 0, 1, 0))  # none for the background
        x = torch.cat([heat[:, :, None], moved.unflatten(0, (-1, FLOWS))], dim=2).flatten(1, 2)  # (B, 110, ...)
        x = self.hourglass(x)  # (B, 142, 16, 64, 64)
        mask = torch.softmax(self.mask(x), dim=1)  # (B, 22, 16, 64, 64)
        flow = torch.einsum("bkdhw,bkdhwc->bdhwc", mask, flows)
        return flow, torch.sigmoid(self.occlusion(x.flatten(1, 2)))


class Hourglass(nn.Module):
    """Five halvings of height and width and back, every stage also handed across."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder, self.decoder = nn.Module(), nn.Module()
        self.encoder.down_blocks = nn.ModuleList(
            ConvNorm(*pair) for pair in zip(ENCODER[:-1], ENCODER[1:], strict=True)
        )
        skips = (0, *reversed(ENCODER[1:-1]), 0)
        self.decoder.up_blocks = nn.ModuleList(
            ConvNorm(inputs + skip, outputs)
            for inputs, outputs, skip in zip(DECODER[:-1], DECODER[1:], skips, strict=False)
        )
        self.decoder.conv = nn.Conv3d(ENCODER[0] + DECODER[-1], ENCODER[0] + DECODER[-1], 3, padding=1)
        self.decoder.norm = nn.BatchNorm3d(ENCODER[0] + DECODER[-1])

    def forward(self, x: Tensor) -> Tensor:
        stages = [x]
        for block in self.encoder.down_blocks:
            stages.append(F.avg_pool3d(F.relu(block(stages[-1])), (1, 2, 2)))
        x = stages.pop()
        for block in self.decoder.up_blocks:
            x = F.relu(block(F.interpolate(x, scale_factor=(1, 2, 2))))
            x = torch.cat([x, stages.pop()], dim=1)
        return F.relu(self.decoder.norm(self.decoder.conv(x)))


class ConvNorm(nn.Module):
    """Convolution of size 3 and batch norm with the stored statistics."""

    def __init__(self, inputs: int, outputs: int, dimensions: int = 3) -> None:
        super().__init__()
        self.conv = (nn.Conv2d, nn.Conv3d)[dimensions - 2](inputs, outputs, 3, padding=1)
        self.norm = (nn.BatchNorm2d, nn.BatchNorm3d)[dimensions - 2](outputs)

    def forward(self, x: Tensor) -> Tensor:
        return self.norm(self.conv(x))


def coordinate_grid(size: tuple[int, ...], like: Tensor) -> Tensor:
    """(D, H, W, 3) coordinates x, y, z from -1 to 1, both ends on a sample."""
    z, y, x = (torch.linspace(-1.0, 1.0, n, device=like.device, dtype=like.dtype) for n in size)
    z, y, x = torch.meshgrid(z, y, x, indexing="ij")
    return torch.stack([x, y, z], dim=-1)


def sparse_flows(grid: Tensor, driven: Tensor, source: Tensor) -> Tensor:
    """Where each keypoint alone would take every sample from: (B, 22, D, H, W, 3); the first is the background."""
    offsets = F.pad(source - driven, (0, 0, 1, 0))  # (B, 22, 3)
    return grid + offsets[:, :, None, None, None, :]


def keypoint_heat(grid: Tensor, points: Tensor) -> Tensor:
    """exp(-|grid - point|^2 / 2 variance): (B, N, D, H, W) of points (B, N, 3)."""
    distance = (grid - points[:, :, None, None, None, :]).square().sum(-1)
    return torch.exp(-0.5 * distance / VARIANCE)
