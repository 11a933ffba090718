"""LPIPS (Zhang et al., 2018), version 0.1 with AlexNet: how different two pictures look to people.

The user names two files: the linear heads that come with the `lpips` package (weights/v0.1/alex.pth), and torchvision's
AlexNet weights (alexnet-owt-*.pth) below them. Nothing is downloaded.
"""

from __future__ import annotations

from pathlib import Path

import torch.nn.functional as F
from torch import Tensor, nn

from ..weights import checkpoint
from ..weights.foreign import flat_tensors, read_foreign
from .image import check_pair

LAYERS = ((64, 11, 4, 2), (192, 5, 1, 2), (384, 3, 1, 1), (256, 3, 1, 1), (256, 3, 1, 1))
"""Width, kernel, stride and padding of each convolution."""
POOLED = (1, 2)  # layers before which the map is halved
PUBLISHED = (0, 3, 6, 8, 10)  # numbers of the convolutions in torchvision's file
UNUSED = tuple(f"classifier.{k}.{what}" for k in (1, 4, 6) for what in ("weight", "bias"))
MEAN, DEVIATION = (-0.030, -0.088, -0.188), (0.458, 0.448, 0.450)  # of colours in [-1, 1]
TINY = 1e-10


class LpipsNetwork(nn.Module):
    """Two pictures (B, 3, H, W) in [0, 1] to their distances (B,); 0 where they are equal."""

    def __init__(self) -> None:
        super().__init__()
        self.convolutions, self.heads = nn.ModuleList(), nn.ModuleList()
        before = 3
        for width, kernel, stride, padding in LAYERS:
            self.convolutions.append(nn.Conv2d(before, width, kernel, stride, padding))
            self.heads.append(nn.Conv2d(width, 1, 1, bias=False))
            before = width

    def forward(self, made: Tensor, real: Tensor) -> Tensor:
        check_pair(made, real)
        distance = made.new_zeros(len(made))
        for head, a, b in zip(self.heads, self.features(made), self.features(real), strict=True):
            distance = distance + head((a - b).square()).mean((1, 2, 3))
        return distance

    def features(self, picture: Tensor) -> list[Tensor]:
        """Five maps of (B, 3, H, W) in [0, 1], each of length 1 over its channels at every place."""
        x = (2 * picture - 1 - picture.new_tensor(MEAN)[:, None, None]) / picture.new_tensor(DEVIATION)[:, None, None]
        maps = []
        for number, layer in enumerate(self.convolutions):
            x = F.relu(layer(F.max_pool2d(x, 3, 2) if number in POOLED else x))
            maps.append(x / (x.square().sum(1, keepdim=True).sqrt() + TINY))
        return maps


def load_lpips(heads: str | Path, alexnet: str | Path) -> LpipsNetwork:
    """The network with the published weights of both files, frozen. WeightsError where one is not that."""
    heads, alexnet = Path(heads), Path(alexnet)
    network = LpipsNetwork()
    tensors = flat_tensors(read_foreign(heads), heads.name)
    renamed = {f"lin{k}.model.1.weight": f"{k}.weight" for k in range(len(LAYERS))}
    checkpoint.load_into(network.heads, {renamed.get(k, k): value for k, value in tensors.items()}, heads.name)
    tensors = {k: v for k, v in flat_tensors(read_foreign(alexnet), alexnet.name).items() if k not in UNUSED}
    renamed = {f"features.{n}.{what}": f"{k}.{what}" for k, n in enumerate(PUBLISHED) for what in ("weight", "bias")}
    checkpoint.load_into(network.convolutions, {renamed.get(k, k): v for k, v in tensors.items()}, alexnet.name)
    return network.eval().requires_grad_(False)
