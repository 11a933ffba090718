"""Rotations and similarities. Angles are radians throughout.

Axes: x to the viewer's right, y down, z away from the camera; a face looks along -z.
R = Rz(roll) @ Ry(yaw) @ Rx(pitch), with the signs of types.py.
"""

import torch
from torch import Tensor


def rotation_from_pose(pose: Tensor) -> Tensor:
    """(..., >=3) pitch, yaw, roll -> (..., 3, 3) rotation matrices."""
    (sp, sy, sr), (cp, cy, cr) = (f(pose[..., :3]).unbind(-1) for f in (torch.sin, torch.cos))
    zero, one = torch.zeros_like(sp), torch.ones_like(sp)
    pitch = _matrix(one, zero, zero, zero, cp, sp, zero, -sp, cp)
    yaw = _matrix(cy, zero, -sy, zero, one, zero, sy, zero, cy)
    roll = _matrix(cr, -sr, zero, sr, cr, zero, zero, zero, one)
    return roll @ yaw @ pitch


def pose_from_rotation(rotation: Tensor) -> Tensor:
    """(..., 3, 3) rotation matrices -> (..., 3) pitch, yaw, roll; yaw within +-90 degrees."""
    pitch = torch.atan2(-rotation[..., 2, 1], rotation[..., 2, 2])
    yaw = torch.asin(rotation[..., 2, 0].clamp(-1.0, 1.0))
    roll = torch.atan2(rotation[..., 1, 0], rotation[..., 0, 0])
    return torch.stack([pitch, yaw, roll], dim=-1)


def similarity_between(source: Tensor, target: Tensor, weights: Tensor | None = None) -> tuple[Tensor, Tensor, Tensor]:
    """Least-squares similarity target ~ scale * R @ source + shift, after Umeyama (1991).

    source (..., N, 3) and target (..., N, 3), weights (N,) of the points or None for equal ones; returns
    R (..., 3, 3), scale (...), shift (..., 3).
    """
    count = source.shape[-2]
    share = source.new_full((count, 1), 1.0 / count) if weights is None else (weights / weights.sum())[:, None]
    source_mean, target_mean = (share * source).sum(-2, keepdim=True), (share * target).sum(-2, keepdim=True)
    a, b = source - source_mean, target - target_mean
    u, s, vh = torch.linalg.svd(b.mT @ (share * a))
    sign = torch.ones_like(s)
    sign[..., -1] = torch.sign(torch.linalg.det(u @ vh))
    rotation = (u * sign[..., None, :]) @ vh
    scale = (s * sign).sum(-1) / (share * a.square()).sum((-1, -2))
    shift = target_mean[..., 0, :] - scale[..., None] * (rotation @ source_mean.mT)[..., 0]
    return rotation, scale, shift


def apply_homography(matrix: Tensor, points: Tensor) -> Tensor:
    """(3, 3) homogeneous map applied to (..., 2) points."""
    ones = torch.ones_like(points[..., :1])
    mapped = torch.cat([points, ones], dim=-1) @ matrix.mT.to(points)
    return mapped[..., :2] / mapped[..., 2:]


def _matrix(*entries: Tensor) -> Tensor:
    return torch.stack(entries, dim=-1).unflatten(-1, (3, 3))
