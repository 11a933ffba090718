"""The face-recognition network that tells people apart: ArcFace's improved ResNet-50 (Deng et al., 2019).

The user names the file (the published `iresnet50` backbone, .pth or .safetensors); nothing is downloaded. Without it
there is neither an identity loss nor an identity figure. The attributes have the names of the published file's keys.
"""

from __future__ import annotations

from pathlib import Path

import torch.nn.functional as F
from torch import Tensor, nn

from ..faces.vasa.codes import upright
from ..weights import checkpoint
from ..weights.foreign import flat_tensors, read_foreign

SIDE = 112  # pixels of the aligned face
WIDTHS, BLOCKS, LENGTH = (64, 128, 256, 512), (3, 4, 14, 3), 512
REACH, CENTRE = 0.512, -0.092
"""Where the published alignment template lies about a head of average proportions, in half-crops: half its side, and
its middle below the head's centre. From the eyes' places in the template, (38.3, 51.7) and (73.5, 51.5) of 112."""


class Block(nn.Module):
    """Two convolutions between batch norms, beside a shortcut; the second one may halve the size."""

    def __init__(self, inside: int, outside: int, stride: int) -> None:
        super().__init__()
        self.bn1 = nn.BatchNorm2d(inside)
        self.conv1 = nn.Conv2d(inside, outside, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(outside)
        self.prelu = nn.PReLU(outside)
        self.conv2 = nn.Conv2d(outside, outside, 3, stride, padding=1, bias=False)
        self.bn3 = nn.BatchNorm2d(outside)
        if stride > 1 or inside != outside:
            shortcut = nn.Conv2d(inside, outside, 1, stride, bias=False)
            self.downsample = nn.Sequential(shortcut, nn.BatchNorm2d(outside))
        else:
            self.downsample = nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        hidden = self.bn2(self.conv1(self.bn1(x)))
        return self.bn3(self.conv2(self.prelu(hidden))) + self.downsample(x)


class RecognitionNetwork(nn.Module):
    """Aligned faces (B, 3, 112, 112) in [0, 1] to vectors (B, 512) whose direction is the person."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, WIDTHS[0], 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(WIDTHS[0])
        self.prelu = nn.PReLU(WIDTHS[0])
        before = WIDTHS[0]
        for level, (width, count) in enumerate(zip(WIDTHS, BLOCKS, strict=True), start=1):
            blocks = [Block(before, width, 2), *(Block(width, width, 1) for _ in range(count - 1))]
            self.add_module(f"layer{level}", nn.Sequential(*blocks))
            before = width
        self.bn2 = nn.BatchNorm2d(before)
        self.fc = nn.Linear(before * (SIDE // 16) ** 2, LENGTH)
        self.features = nn.BatchNorm1d(LENGTH)

    def forward(self, face: Tensor) -> Tensor:
        x = self.prelu(self.bn1(self.conv1(2 * face - 1)))
        for level in range(1, len(BLOCKS) + 1):
            x = getattr(self, f"layer{level}")(x)
        return self.features(self.fc(self.bn2(x).flatten(1)))


def load_recognition(path: str | Path) -> RecognitionNetwork:
    """The network with published weights, frozen. WeightsError where the file is not that."""
    path = Path(path)
    network = RecognitionNetwork()
    checkpoint.load_into(network, flat_tensors(read_foreign(path), path.name), path.name)
    return network.eval().requires_grad_(False)


def likeness(network: RecognitionNetwork, a: Tensor, a_pose: Tensor, b: Tensor, b_pose: Tensor) -> Tensor:
    """(B,) cosine similarity of the people in pictures a and b (B, 3, S, S), aligned by their poses (B, 6)."""
    faces = (network(upright(p, pose, SIDE, REACH, CENTRE)) for p, pose in ((a, a_pose), (b, b_pose)))
    return F.cosine_similarity(*faces)
