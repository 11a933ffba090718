"""From the numbers that M reads to keypoints: angle bins, rotation, and the transform of LivePortrait.

LivePortrait's own angles are degrees, its rotation acts on row vectors from the right, and its axes are x right,
y down, z away from the viewer, in half crops.
"""

from __future__ import annotations

import torch
from torch import Tensor

BINS, BIN_WIDTH, FIRST_BIN = 66, 3.0, -97.5  # degrees


def degrees_from_bins(logits: Tensor) -> Tensor:
    """(..., 66) logits -> (...,) degrees: the mean of the bins under their softmax."""
    bins = torch.arange(BINS, device=logits.device, dtype=torch.float32)
    return (torch.softmax(logits.float(), dim=-1) * bins).sum(-1) * BIN_WIDTH + FIRST_BIN


def rotation_from_degrees(degrees: Tensor) -> Tensor:
    """(..., 3) pitch, yaw, roll in LivePortrait's degrees -> (..., 3, 3), to be used as `points @ rotation`.

    The transpose of Rz(roll) Ry(yaw) Rx(pitch), each right-handed.
    """
    angles = torch.deg2rad(degrees)
    (sx, sy, sz), (cx, cy, cz) = (f(angles).unbind(-1) for f in (torch.sin, torch.cos))
    zero, one = torch.zeros_like(sx), torch.ones_like(sx)
    pitch = _matrix(one, zero, zero, zero, cx, -sx, zero, sx, cx)
    yaw = _matrix(cy, zero, sy, zero, one, zero, -sy, zero, cy)
    roll = _matrix(cz, -sz, zero, sz, cz, zero, zero, zero, one)
    return (roll @ yaw @ pitch).mT


def degrees_from_rotation(rotation: Tensor) -> Tensor:
    """(..., 3, 3) of `rotation_from_degrees` -> (..., 3) pitch, yaw, roll in degrees; yaw within +-90."""
    pitch = torch.atan2(rotation[..., 1, 2], rotation[..., 2, 2])
    yaw = torch.asin((-rotation[..., 0, 2]).clamp(-1.0, 1.0))
    roll = torch.atan2(rotation[..., 0, 1], rotation[..., 0, 0])
    return torch.rad2deg(torch.stack([pitch, yaw, roll], dim=-1))


def transform_keypoints(
    keypoints: Tensor, rotation: Tensor, expression: Tensor, scale: Tensor, shift: Tensor
) -> Tensor:
    """scale * (keypoints @ rotation + expression) + (shift_x, shift_y, 0).

    keypoints and expression (B, 21, 3), rotation (B, 3, 3), scale (B, 1), shift (B, 2 or 3); returns (B, 21, 3).
    """
    moved = scale[..., None] * (keypoints @ rotation + expression)
    return moved + torch.nn.functional.pad(shift[:, None, :2], (0, 1))


def _matrix(*entries: Tensor) -> Tensor:
    return torch.stack(entries, dim=-1).unflatten(-1, (3, 3))
