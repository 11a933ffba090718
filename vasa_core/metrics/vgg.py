"""The perceptual network: VGG19 (Simonyan and Zisserman, 2015) as torchvision publishes it, up to its last used layer.

The user names the file (torchvision's vgg19 weights, .pth or .safetensors); nothing is downloaded. Without it there is
no perceptual loss: an untrained network would measure nothing.
"""

from __future__ import annotations

from pathlib import Path

import torch.nn.functional as F
from torch import Tensor, nn

from ..errors import WeightsError
from ..weights import checkpoint
from ..weights.foreign import flat_tensors, read_foreign

PLAN = ((64, 64), (128, 128), (256, 256, 256, 256), (512, 512, 512, 512), (512, 512, 512, 512))
"""Channels of the convolutions between poolings. The first of each group is what is compared."""
MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # of ImageNet, which it was trained on
UNUSED = tuple(f"classifier.{k}.{what}" for k in (0, 3, 6) for what in ("weight", "bias"))
SMALLEST = 32  # pixels, of a picture that is compared


def published_numbers() -> list[int]:
    """The number of each convolution in the published file, which counts ReLUs and poolings, too."""
    numbers, place = [], 0
    for group in PLAN:
        for _ in group:
            numbers.append(place)
            place += 2  # convolution and ReLU
        place += 1  # pooling
    return numbers


class PerceptualNetwork(nn.Module):
    """Pictures (B, 3, H, W) in [0, 1] to five feature maps, behind the ReLU of the first convolution of each group."""

    def __init__(self) -> None:
        super().__init__()
        channels = [3, *(width for group in PLAN for width in group)]
        used = 1 + sum(len(group) for group in PLAN[:-1])
        self.convolutions = nn.ModuleList(
            nn.Conv2d(a, b, 3, padding=1) for a, b in zip(channels[:used], channels[1 : used + 1], strict=True)
        )

    def forward(self, picture: Tensor) -> list[Tensor]:
        x = (picture - picture.new_tensor(MEAN)[:, None, None]) / picture.new_tensor(DEVIATION)[:, None, None]
        layers, features = iter(self.convolutions), []
        for number, group in enumerate(PLAN):
            x = F.relu(next(layers)(x if number == 0 else F.max_pool2d(x, 2)))
            features.append(x)
            if number + 1 < len(PLAN):
                for _ in group[1:]:
                    x = F.relu(next(layers)(x))
        return features


def load_vgg(path: str | Path) -> PerceptualNetwork:
    """The network with torchvision's published weights, frozen. WeightsError where the file is not that."""
    path = Path(path)
    found = flat_tensors(read_foreign(path), path.name)
    network = PerceptualNetwork()
    tensors, unused = {}, set(UNUSED)
    for place, number in enumerate(published_numbers()):
        for what in ("weight", "bias"):
            key = f"features.{number}.{what}"
            if place >= len(network.convolutions):
                unused.add(key)
            elif key in found:
                tensors[f"convolutions.{place}.{what}"] = found.pop(key)
    if strange := sorted(set(found) - unused):
        raise WeightsError(f"{path.name} has the unknown tensor {strange[0]}. Use torchvision's weights of vgg19.")
    checkpoint.load_into(network, tensors, path.name)
    return network.eval().requires_grad_(False)


def perceptual_distance(network: PerceptualNetwork, made: Tensor, real: Tensor, scales: int = 4) -> Tensor:
    """Mean absolute difference of features of pictures (B, 3, S, S), summed over layers and averaged over scales.

    Each scale has half the size of the one before, as in Wang et al. (2021); none is below 32 pixels.
    """
    total, counted = made.new_zeros(()), 0
    for scale in range(scales):
        if scale and made.shape[-1] < 2 * SMALLEST:
            break
        if scale:
            made, real = F.avg_pool2d(made, 2), F.avg_pool2d(real, 2)
        counted += 1
        for a, b in zip(network(made), network(real), strict=True):
            total = total + (a - b.detach()).abs().mean()
    return total / counted
