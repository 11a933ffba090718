"""G: warped features -> the picture. SPADE (Park et al. 2019) as LivePortrait uses it (Guo et al. 2024).

Parameters have the released names, with spectral norm already folded into `weight`.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

FEATURES, WIDTH, HIDDEN, MIDDLE = 256, 512, 128, 6


class Generator(nn.Module):
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
