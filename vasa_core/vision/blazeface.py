"""MediaPipe's two face detectors as torch modules: NearDetector (short range) and FarDetector (full range).

Both look once at a square picture and answer, for each of a fixed set of anchors, a score and 16 numbers:
centre x, y, width, height of the box and x, y of six points (eyes, nose, mouth, ears), in input pixels from the
anchor. What to do with these numbers is in detect.py.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .layers import BlazeBlock, SameConv2d, upsample

NUMBERS = 16


class NearDetector(nn.Module):
    """BlazeFace for faces within about two metres of the camera. Input 128x128; 896 anchors."""

    size = 128
    grids = ((16, 2), (8, 6))  # (cells along one side, anchors in a cell)
    threshold = 0.5
    WIDTHS = (
        (24, 24),
        (24, 28),
        (28, 32),
        (32, 36),
        (36, 42),
        (42, 48),
        (48, 56),
        (56, 64),
        (64, 72),
        (72, 80),
        (80, 88),
    )
    HALVES = (2, 5)  # blocks that halve the resolution

    def __init__(self) -> None:
        super().__init__()
        self.stem = SameConv2d(3, 24, 5, 2)
        self.fine = nn.Sequential(
            *(BlazeBlock(a, b, 2 if k in self.HALVES else 1, nn.ReLU()) for k, (a, b) in enumerate(self.WIDTHS))
        )
        self.coarse = nn.Sequential(
            BlazeBlock(88, 96, 2, nn.ReLU()), *(BlazeBlock(96, 96, 1, nn.ReLU()) for _ in range(4))
        )
        self.scores = nn.ModuleList([nn.Conv2d(88, 2, 1), nn.Conv2d(96, 6, 1)])
        self.boxes = nn.ModuleList([nn.Conv2d(88, 2 * NUMBERS, 1), nn.Conv2d(96, 6 * NUMBERS, 1)])

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """x (B, 3, 128, 128) in [-1, 1] -> logits (B, 896), numbers (B, 896, 16)."""
        fine = self.fine(F.relu(self.stem(x)))  # (B, 88, 16, 16)
        coarse = self.coarse(fine)  # (B, 96, 8, 8)
        logits = [_by_anchor(head(f), 1) for head, f in zip(self.scores, (fine, coarse), strict=True)]
        numbers = [_by_anchor(head(f), NUMBERS) for head, f in zip(self.boxes, (fine, coarse), strict=True)]
        return torch.cat(logits, dim=1)[..., 0], torch.cat(numbers, dim=1)


class FarDetector(nn.Module):
    """The full-range detector, for faces within about five metres. Input 192x192; one anchor in each of 48x48 cells."""

    size = 192
    grids = ((48, 1),)
    threshold = 0.6

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 32, 3, 2, padding=1)
        self.stages = nn.ModuleList([
            _Stage([(32, 8, 32), (32, 8, 32)], None, False),  # 96x96
            _Stage([(32, 16, 64), (64, 16, 64), (64, 16, 64)], 48),  # 48x48
            _Stage([(64, 32, 128), (128, 32, 128), (128, 32, 128)], 64),  # 24x24
            _Stage([(128, 48, 192), (192, 48, 192), (192, 48, 192)], 96),  # 12x12
            _Stage([(192, 96, 384), (384, 96, 384), (384, 96, 384), (384, 96, 384)], 96),  # 6x6
        ])  # fmt: skip
        self.merges = nn.ModuleList([
            _Stage([(96, 48, 96), (96, 48, 96)], 64, False),
            _Stage([(64, 32, 64), (64, 32, 64)], 48, False),
            _Stage([(48, 24, 48)], None, False),
        ])  # fmt: skip
        self.score = nn.Sequential(nn.Conv2d(48, 4, 1), nn.Conv2d(4, 4, 3, 2, padding=1, groups=4))
        self.box = nn.Sequential(nn.Conv2d(48, 64, 1), nn.Conv2d(64, 64, 3, 2, padding=1, groups=64))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """x (B, 3, 192, 192) in [-1, 1] -> logits (B, 2304), numbers (B, 2304, 16)."""
        x = F.relu(self.stem(x))
        sides = []
        for stage in self.stages:
            x, side = stage(x)
            sides.append(side)
        side = sides.pop()
        for merge in self.merges:
            x, side = merge(sides.pop() + upsample(side))
        return _by_anchor(_depth_to_space(self.score(x)), 1)[..., 0], _by_anchor(_depth_to_space(self.box(x)), NUMBERS)


class _Stage(nn.Module):
    """Double blocks, (inputs, middle, outputs) each, the first of which may halve; and a side output for the merge."""

    def __init__(self, blocks: list[tuple[int, int, int]], side: int | None, halve: bool = True) -> None:
        super().__init__()
        self.blocks = nn.Sequential(*(_DoubleBlock(*b, 2 if halve and k == 0 else 1) for k, b in enumerate(blocks)))
        self.side = None if side is None else nn.Conv2d(blocks[-1][2], side, 1)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor | None]:
        x = self.blocks(x)
        return x, None if self.side is None else F.relu(self.side(x))


class _DoubleBlock(nn.Module):
    def __init__(self, inputs: int, middle: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.shortcut = inputs == outputs and stride == 1
        self.depthwise_in = nn.Conv2d(inputs, inputs, 3, stride, padding=1, groups=inputs)
        self.narrow = nn.Conv2d(inputs, middle, 1)
        self.depthwise_out = nn.Conv2d(middle, middle, 3, padding=1, groups=middle)
        self.widen = nn.Conv2d(middle, outputs, 1)

    def forward(self, x: Tensor) -> Tensor:
        change = self.widen(self.depthwise_out(F.relu(self.narrow(self.depthwise_in(x)))))
        return F.relu(x + change if self.shortcut else change)


def _by_anchor(x: Tensor, numbers: int) -> Tensor:
    """(B, A * numbers, H, W) -> (B, H * W * A, numbers), anchors of one cell side by side."""
    return x.permute(0, 2, 3, 1).reshape(x.shape[0], -1, numbers)


def _depth_to_space(x: Tensor) -> Tensor:
    """(B, 4 * C, H, W) -> (B, C, 2H, 2W) in TensorFlow's channel order (row, column, channel)."""
    batch, channels, height, width = x.shape
    x = x.reshape(batch, 2, 2, channels // 4, height, width)
    return x.permute(0, 3, 4, 1, 5, 2).reshape(batch, channels // 4, 2 * height, 2 * width)
