"""What a face network of few pixels sees of the usual crop: its middle, which the face fills.

A preset's `reach` says how much of the crop's side that is; 1 is all of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import log

import torch
from torch import Tensor

from ...vision.crop import upright_framing


@dataclass(frozen=True)
class MiddleFraming:
    """A `Framing` (vision/crop.py): the middle of the usual crop, `reach` of its side."""

    reach: float

    def __call__(self, landmarks: Tensor, size: int) -> Tensor:
        """landmarks (478, 2 or 3) in picture pixels -> crop_from_image (3, 3) of a crop of `size`."""
        usual, _ = upright_framing(landmarks, size)
        zoom = torch.eye(3, device=usual.device) / self.reach
        zoom[:2, 2] = 0.5 * size * (1 - 1 / self.reach)
        zoom[2, 2] = 1.0
        return zoom @ usual


def middle(pictures: Tensor, reach: float) -> Tensor:
    """The middle of pictures (..., S, S), `reach` of their side, to the nearest whole pixel."""
    side = pictures.shape[-1]
    margin = round(0.5 * side * (1 - reach))
    return pictures[..., margin : side - margin, margin : side - margin]


def seen_in_middle(pose: Tensor, reach: float) -> Tensor:
    """Poses (T, 6) of the usual crop in the units of its middle."""
    return torch.cat([pose[:, :3], pose[:, 3:5] / reach, pose[:, 5:] - log(reach)], dim=1)
