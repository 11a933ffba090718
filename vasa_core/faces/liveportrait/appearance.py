"""F: one picture of a face -> its appearance volume, computed once per portrait.

Guo et al. 2024 (LivePortrait), after Wang et al. 2021 (face-vid2vid). Parameters have the released names.
"""

from __future__ import annotations

from collections import OrderedDict

import torch.nn.functional as F
from torch import Tensor, nn

CHANNELS, DEPTH = 32, 16  # of the volume; a channel of the flat map is c * DEPTH + d


class AppearanceNetwork(nn.Module):
    """picture (B, 3, 256, 256) RGB in [0, 1] -> volume (B, 32, 16, 64, 64)."""

    def __init__(self) -> None:
        super().__init__()
        self.first = ConvBlock(3, 64)
        self.down_blocks = nn.ModuleList([ConvBlock(64, 128), ConvBlock(128, 256)])
        self.second = nn.Conv2d(256, CHANNELS * DEPTH, 1)
        self.resblocks_3d = nn.Sequential(OrderedDict((f"3dr{i}", ResidualBlock(CHANNELS)) for i in range(6)))

    def forward(self, picture: Tensor) -> Tensor:
        x = self.first(picture)  # (B, 64, 256, 256)
        for block in self.down_blocks:
            x = F.avg_pool2d(block(x), 2)  # (B, 256, 64, 64) at the end
        return self.resblocks_3d(self.second(x).unflatten(1, (CHANNELS, DEPTH)))  # (B, 32, 16, 64, 64)


class ConvBlock(nn.Module):
    """3x3 convolution, batch norm with the stored statistics, ReLU."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, 3, padding=1)
        self.norm = nn.BatchNorm2d(outputs)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.norm(self.conv(x)))


class ResidualBlock(nn.Module):
    """Norm, ReLU and 3x3x3 convolution, twice, and the input added."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm1, self.norm2 = nn.BatchNorm3d(channels), nn.BatchNorm3d(channels)
        self.conv1, self.conv2 = (nn.Conv3d(channels, channels, 3, padding=1) for _ in range(2))

    def forward(self, x: Tensor) -> Tensor:
        y = self.conv1(F.relu(self.norm1(x)))
        return x + self.conv2(F.relu(self.norm2(y)))
