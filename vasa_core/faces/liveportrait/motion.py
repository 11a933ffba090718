"""M: one picture of a face -> its canonical keypoints, expression, pose, shift and scale.

ConvNeXt V2 tiny (Woo et al. 2023) with seven linear heads (Guo et al. 2024, LivePortrait). Parameters have the
released names without their common prefix `detector.`.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

DEPTHS, WIDTHS = (3, 3, 9, 3), (96, 192, 384, 768)
EPSILON = 1e-6
POINTS, BINS = 21, 66


class MotionCode(NamedTuple):
    """What M says of B pictures; `pose.py` makes keypoints of it.

    keypoints: (B, 21, 3) canonical, the person's own shape, free of pose and expression.
    expression: (B, 21, 3) offsets of the keypoints.
    pitch, yaw, roll: (B, 66) logits over angle bins.
    shift: (B, 3) translation; z is never used.
    scale: (B, 1).
    """

    keypoints: Tensor
    expression: Tensor
    pitch: Tensor
    yaw: Tensor
    roll: Tensor
    shift: Tensor
    scale: Tensor


class MotionNetwork(nn.Module):
    """picture (B, 3, 256, 256) RGB in [0, 1] -> MotionCode."""

    def __init__(self) -> None:
        super().__init__()
        stem = nn.Sequential(nn.Conv2d(3, WIDTHS[0], 4, stride=4), ChannelNorm(WIDTHS[0]))
        self.downsample_layers = nn.ModuleList([stem])
        for inputs, outputs in zip(WIDTHS[:-1], WIDTHS[1:], strict=True):
            self.downsample_layers.append(nn.Sequential(ChannelNorm(inputs), nn.Conv2d(inputs, outputs, 2, stride=2)))
        self.stages = nn.ModuleList(
            nn.Sequential(*(Block(width) for _ in range(depth))) for depth, width in zip(DEPTHS, WIDTHS, strict=True)
        )
        self.norm = nn.LayerNorm(WIDTHS[-1], EPSILON)
        self.fc_kp, self.fc_exp = nn.Linear(WIDTHS[-1], 3 * POINTS), nn.Linear(WIDTHS[-1], 3 * POINTS)
        self.fc_pitch, self.fc_yaw, self.fc_roll = (nn.Linear(WIDTHS[-1], BINS) for _ in range(3))
        self.fc_t, self.fc_scale = nn.Linear(WIDTHS[-1], 3), nn.Linear(WIDTHS[-1], 1)

    def forward(self, picture: Tensor) -> MotionCode:
        x = picture
        for shrink, stage in zip(self.downsample_layers, self.stages, strict=True):
            x = stage(shrink(x))  # (B, 768, 8, 8) at the end
        x = self.norm(x.mean((2, 3)))  # (B, 768)
        return MotionCode(
            keypoints=self.fc_kp(x).unflatten(1, (POINTS, 3)),
            expression=self.fc_exp(x).unflatten(1, (POINTS, 3)),
            pitch=self.fc_pitch(x),
            yaw=self.fc_yaw(x),
            roll=self.fc_roll(x),
            shift=self.fc_t(x),
            scale=self.fc_scale(x),
        )


class ChannelNorm(nn.LayerNorm):
    """LayerNorm over the channels of (B, C, H, W)."""

    def __init__(self, channels: int) -> None:
        super().__init__(channels, EPSILON)

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x.movedim(1, -1)).movedim(-1, 1)


class Block(nn.Module):
    """Depthwise 7x7, then a bottleneck over channels with global response norm, and the input added."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.dwconv = nn.Conv2d(width, width, 7, padding=3, groups=width)
        self.norm = nn.LayerNorm(width, EPSILON)
        self.pwconv1 = nn.Linear(width, 4 * width)
        self.grn = GlobalResponseNorm(4 * width)
        self.pwconv2 = nn.Linear(4 * width, width)

    def forward(self, x: Tensor) -> Tensor:
        y = self.norm(self.dwconv(x).movedim(1, -1))  # (B, H, W, C)
        y = self.pwconv2(self.grn(F.gelu(self.pwconv1(y))))
        return x + y.movedim(-1, 1)


class GlobalResponseNorm(nn.Module):
    """x * (1 + gamma * N) + beta, N the L2 norm of a channel over the map by its mean over channels (Woo et al.)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.gamma, self.beta = (nn.Parameter(torch.zeros(1, 1, 1, channels)) for _ in range(2))

    def forward(self, x: Tensor) -> Tensor:
        norm = torch.linalg.vector_norm(x, dim=(1, 2), keepdim=True)  # (B, 1, 1, C)
        return torch.addcmul(self.beta + x, self.gamma * (norm / (norm.mean(-1, keepdim=True) + EPSILON)), x)
