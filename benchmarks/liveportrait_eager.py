"""The published LivePortrait W and G as they are: plain modules, one operation after another.

The baseline of `liveportrait_speed.py`, and what the tests hold against recorded outputs, module by module. The
modules and parameters have the released names (spectral norm is folded when they are loaded).
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vasa_core.faces.liveportrait.released import find_files, fold_spectral_norm, read_released
from vasa_core.weights.checkpoint import load_into


def load_eager(folder: Path) -> tuple[EagerWarping, EagerGenerator]:
    """Both networks, from the folder with the released files."""
    files = find_files(folder)
    with torch.device("meta"):
        networks = EagerWarping(), EagerGenerator()
    for network, name in zip(networks, ("warping_module", "spade_generator"), strict=True):
        network.to_empty(device="cpu").eval().requires_grad_(False)
        load_into(network, fold_spectral_norm(read_released(files[name]), name), name)
    return networks


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


class EagerWarping(nn.Module):
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


FEATURES, WIDTH, HIDDEN, MIDDLE = 256, 512, 128, 6


class EagerGenerator(nn.Module):
    """feature (B, 256, 64, 64) -> picture (B, 3, 512, 512) RGB in [0, 1]."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Conv2d(FEATURES, WIDTH, 3, padding=1)
        for index in range(MIDDLE):
            self.add_module(f"G_middle_{index}", SpadeBlock(WIDTH, WIDTH))
        self.up_0 = SpadeBlock(WIDTH, WIDTH // 2)
        self.up_1 = SpadeBlock(WIDTH // 2, 64)
        self.conv_img = nn.Sequential(nn.Conv2d(64, 12, 3, padding=1))

    def forward(self, feature: Tensor) -> Tensor:
        x = self.fc(feature)  # (B, 512, 64, 64)
        for index in range(MIDDLE):
            x = self.get_submodule(f"G_middle_{index}")(x, feature)
        x = self.up_0(F.interpolate(x, scale_factor=2), feature)  # (B, 256, 128, 128)
        x = self.up_1(F.interpolate(x, scale_factor=2), feature)  # (B, 64, 256, 256)
        x = self.conv_img(F.leaky_relu(x, 0.2))  # (B, 12, 256, 256)
        return torch.sigmoid(F.pixel_shuffle(x, 2))


class SpadeBlock(nn.Module):
    """Two normalised convolutions and a shortcut, which is a 1x1 convolution where the width changes."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        middle = min(inputs, outputs)
        self.conv_0 = nn.Conv2d(inputs, middle, 3, padding=1)
        self.conv_1 = nn.Conv2d(middle, outputs, 3, padding=1)
        self.norm_0, self.norm_1 = Spade(inputs), Spade(middle)
        self.conv_s = nn.Conv2d(inputs, outputs, 1, bias=False) if inputs != outputs else None
        self.norm_s = Spade(inputs) if inputs != outputs else None

    def forward(self, x: Tensor, feature: Tensor) -> Tensor:
        shortcut = x if self.conv_s is None else self.conv_s(self.norm_s(x, feature))
        x = self.conv_0(F.leaky_relu(self.norm_0(x, feature), 0.2))
        return shortcut + self.conv_1(F.leaky_relu(self.norm_1(x, feature), 0.2))


class Spade(nn.Module):
    """Instance norm whose scale and shift are convolved from the feature map, resized to x by repetition."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.mlp_shared = nn.Sequential(nn.Conv2d(FEATURES, HIDDEN, 3, padding=1), nn.ReLU())
        self.mlp_gamma, self.mlp_beta = (nn.Conv2d(HIDDEN, channels, 3, padding=1) for _ in range(2))

    def forward(self, x: Tensor, feature: Tensor) -> Tensor:
        hidden = self.mlp_shared(F.interpolate(feature, size=x.shape[2:]))
        return F.instance_norm(x) * (1 + self.mlp_gamma(hidden)) + self.mlp_beta(hidden)
