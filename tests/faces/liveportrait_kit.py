"""LivePortrait with its own networks for reading poses, and small ones in place of those that paint.

Painting one frame takes seconds on a CPU; what the face model does around it does not depend on how it is done.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from vasa_core.faces.liveportrait.released import LivePortraitNetworks
from vasa_core.faces.liveportrait.warping import Warp
from vasa_core.types import FaceCrop
from vasa_core.vision.warp import pixel_centres


class Shrunk(nn.Module):
    """In place of F: the picture itself, many times over."""

    def __init__(self) -> None:
        super().__init__()
        self.gain = nn.Parameter(torch.ones(1))

    def forward(self, picture: Tensor) -> Tensor:
        small = nn.functional.avg_pool2d(picture * self.gain, 4).mean(1)  # (B, 64, 64)
        return small[:, None, None].repeat(1, 32, 16, 1, 1)


class Splats(nn.Module):
    """In place of W: a blot where each driven keypoint is, minus one where it was."""

    def __init__(self) -> None:
        super().__init__()
        self.width = nn.Parameter(torch.tensor(0.02))

    def forward(self, volume: Tensor, driven: Tensor, source: Tensor) -> Warp:
        blots = self.blots(driven) - self.blots(source)  # (B, 21, 64, 64)
        return Warp(blots.to(volume), blots[:, :, None, :, :, None], blots[:, :1])

    def blots(self, points: Tensor) -> Tensor:
        grid = (pixel_centres((64, 64)) / 32 - 1).to(points)
        away = (grid - points[:, :, None, None, :2]).square().sum(-1)
        return torch.exp(-away / (2 * self.width.float()))


class Paint(nn.Module):
    """In place of G. A `strength` of 1e5 overflows float16."""

    def __init__(self, strength: float = 1.0) -> None:
        super().__init__()
        self.mix = nn.Conv2d(21, 3, 1)
        self.strength = strength
        for k, parameter in enumerate(self.parameters()):
            nn.init.normal_(parameter, generator=torch.Generator().manual_seed(k))

    def forward(self, feature: Tensor) -> Tensor:
        small = self.mix(feature) * self.strength
        small = torch.sigmoid((small - small.mean((1, 2, 3), keepdim=True)) / self.strength)
        return nn.functional.interpolate(small, (512, 512), mode="bilinear")


def light(networks: LivePortraitNetworks, strength: float = 1.0) -> nn.Module:
    """`networks` with Shrunk, Splats and Paint instead of the three large networks of the picture itself."""
    instead = nn.Module()
    for name in ("motion", "stitching", "lip", "eye"):
        instead.add_module(name, getattr(networks, name))
    instead.appearance, instead.warping, instead.generator = Shrunk(), Splats(), Paint(strength)
    return instead.eval().requires_grad_(False)


def crop_of(picture: Tensor, landmarks: Tensor | None = None) -> FaceCrop:
    """picture (3, 256, 256) in [0, 1] as a crop of 512, of which the networks see exactly this picture again."""
    image = picture.repeat_interleave(2, 1).repeat_interleave(2, 2)
    points = torch.rand(478, 3, generator=torch.Generator().manual_seed(0)) * 512 if landmarks is None else landmarks
    return FaceCrop(image, points, torch.eye(3), (512, 512))
