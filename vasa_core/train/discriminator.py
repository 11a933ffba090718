"""The adversary of the face stage: spectrally normalised patch discriminators at several scales (Wang et al., 2018)."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm


class PatchDiscriminator(nn.Module):
    """A picture (B, 3, S, S) in [0, 1] to a map of scores; each score sees one patch. Features come along."""

    def __init__(self, width: int, halvings: int) -> None:
        super().__init__()
        channels = [3, *(min(width << level, 8 * width) for level in range(halvings + 1))]
        strides = [2] * halvings + [1]
        self.layers = nn.ModuleList(
            spectral_norm(nn.Conv2d(a, b, 4, stride, padding=1))
            for a, b, stride in zip(channels[:-1], channels[1:], strides, strict=True)
        )
        self.output = spectral_norm(nn.Conv2d(channels[-1], 1, 4, padding=1))

    def forward(self, picture: Tensor) -> tuple[Tensor, list[Tensor]]:
        x, features = 2 * picture - 1, []
        for layer in self.layers:
            x = F.leaky_relu(layer(x), 0.2)
            features.append(x)
        return self.output(x), features


class Discriminator(nn.Module):
    """`scales` patch discriminators, each on a picture of half the size of the one before.

    Its spectral norms are estimated by `settle` only, not by every look, so that all parts of a step see one network.
    """

    def __init__(self, width: int = 64, halvings: int = 3, scales: int = 2) -> None:
        super().__init__()
        self.parts = nn.ModuleList(PatchDiscriminator(width, halvings) for _ in range(scales))
        self.eval()

    @torch.no_grad()
    def settle(self) -> None:
        """Bring the spectral norms up to date, by one more power iteration: once a step."""
        self.train()
        for part in self.parts:
            for layer in (*part.layers, part.output):
                layer.parametrizations.weight()
        self.eval()

    def forward(self, picture: Tensor) -> tuple[list[Tensor], list[list[Tensor]]]:
        """Scores and features of each scale."""
        scores, features = [], []
        for scale, part in enumerate(self.parts):
            score, seen = part(picture if scale == 0 else F.avg_pool2d(picture, 1 << scale))
            scores.append(score)
            features.append(seen)
        return scores, features


def hinge_real_and_made(real: list[Tensor], made: list[Tensor]) -> Tensor:
    """What the discriminator minimises: scores above 1 for real pictures, below -1 for made ones."""
    parts = [F.relu(1 - r).mean() + F.relu(1 + m).mean() for r, m in zip(real, made, strict=True)]
    return torch.stack(parts).mean()


def hinge_made(made: list[Tensor]) -> Tensor:
    """What the generator minimises: high scores for what it made."""
    return -torch.stack([m.mean() for m in made]).mean()


def feature_distance(real: list[list[Tensor]], made: list[list[Tensor]]) -> Tensor:
    """Feature matching: mean absolute difference over all layers and scales; no gradient into `real`."""
    pairs = [(r, m) for one, other in zip(real, made, strict=True) for r, m in zip(one, other, strict=True)]
    return torch.stack([(r.detach() - m).abs().mean() for r, m in pairs]).mean()
