"""Rigid and non-rigid warps between the posed and the canonical volume.

Coordinates are half-crops: x to the viewer's right, y down, z away, each in [-1, 1] over the volume, which is what
grid_sample takes. The canonical head is frontal, in the middle, at log scale 0. A field of displacements lives in
canonical space, so it turns with the head:

    to canonical    canonical(c) = posed(rigid(c + field_in(c)))
    to a pose       posed(p) = canonical(c + field_out(c)), where c = rigid^-1(p)

Each is one sampling of the volume, however many parts its warp has. Coordinates are float32 in any precision.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ...geometry import rotation_from_pose
from ...types import POSE
from .layers import ResidualBlock, groups_of
from .presets import WARP_PLANE, FacePreset

SLOPE = 0.2
"""Of negative values in the condition, which a plain ReLU could silence for good."""
LARGEST = 2.0
"""Of the log scale; beyond it coordinates would overflow."""


class WarpGenerator(nn.Module):
    """Identity and motion become a field of displacements (B, 3, D, H, W) in half-crops, within +-1.

    A learned cube is enlarged step by step by 3D residual blocks whose group norms are conditioned on the sum of the
    embedded codes. Pose is among them, as sines and cosines: what does not turn with the head, a background, has to be
    held back by it. The field starts at 0.
    """

    def __init__(self, preset: FacePreset) -> None:
        super().__init__()
        self.from_identity = nn.Linear(preset.identity, preset.condition)
        self.from_dynamics = nn.Linear(preset.dynamics, preset.condition)
        self.from_pose = nn.Linear(len(POSE) + 3, preset.condition)
        self.start = nn.Parameter(torch.empty(preset.warp[0], WARP_PLANE, WARP_PLANE, WARP_PLANE).uniform_(-1.7, 1.7))
        self.blocks = nn.ModuleList()
        depth = WARP_PLANE
        for inside, outside in zip(preset.warp[:-1], preset.warp[1:], strict=True):
            deeper = 2 if depth < preset.volume_depth else 1
            depth *= deeper
            self.blocks.append(ResidualBlock(3, inside, outside, up=(deeper, 2, 2), condition=preset.condition))
        self.norm = nn.GroupNorm(groups_of(preset.warp[-1]), preset.warp[-1])
        self.output = nn.Conv3d(preset.warp[-1], 3, 3, padding=1)
        nn.init.zeros_(self.output.weight)
        nn.init.zeros_(self.output.bias)

    def forward(self, identity: Tensor, pose: Tensor, dynamics: Tensor) -> Tensor:
        """(B, I), (B, 6), (B, D) -> (B, 3, D, H, W)."""
        angles = torch.cat([pose[:, :3].sin(), pose[:, :3].cos() - 1, pose[:, 3:]], dim=1)  # (B, 9)
        angles = angles.to(self.from_pose.weight.dtype)
        told = self.from_identity(identity) + self.from_dynamics(dynamics) + self.from_pose(angles)
        condition = F.leaky_relu(told, SLOPE)  # (B, condition)
        x = self.start.expand(len(condition), -1, -1, -1, -1)  # (B, C, 4, 4, 4)
        for block in self.blocks:
            x = block(x, condition)
        return torch.tanh(self.output(F.relu(self.norm(x))))


def to_canonical(volume: Tensor, pose: Tensor, field: Tensor) -> Tensor:
    """The posed volume (B, C, D, H, W) of heads at `pose` (B, 6), brought into canonical space."""
    points = voxels(volume) + field.float().movedim(1, -1)  # (B, D, H, W, 3)
    return sample(volume, rigid(points, pose))


def to_pose(volume: Tensor, pose: Tensor, field: Tensor) -> Tensor:
    """The canonical volume (B, C, D, H, W) brought to `pose` (B, 6)."""
    points = rigid_inverse(voxels(volume), pose)  # (B, D, H, W, 3)
    return sample(volume, points + sample(field.float(), points).movedim(1, -1))


def rigid(points: Tensor, pose: Tensor) -> Tensor:
    """Canonical points (B or 1, ..., 3) of heads at `pose` (B, 6), where they are in the crop: (B, ..., 3)."""
    rotation, scale, shift = _similarity(pose)
    points = points.expand(len(pose), *points.shape[1:])
    return (points.flatten(1, -2) @ (scale * rotation).mT + shift).view(points.shape)


def rigid_inverse(points: Tensor, pose: Tensor) -> Tensor:
    """The inverse of `rigid`."""
    rotation, scale, shift = _similarity(pose)
    points = points.expand(len(pose), *points.shape[1:])
    return ((points.flatten(1, -2) - shift) @ (rotation / scale)).view(points.shape)


def voxels(volume: Tensor) -> Tensor:
    """(1, D, H, W, 3) centres of the voxels of `volume` (B, C, D, H, W): x, y, z."""
    axes = [(torch.arange(n, device=volume.device, dtype=torch.float32) + 0.5) * (2 / n) - 1 for n in volume.shape[2:]]
    z, y, x = torch.meshgrid(*axes, indexing="ij")
    return torch.stack([x, y, z], dim=-1)[None]


def sample(volume: Tensor, points: Tensor) -> Tensor:
    """Values of `volume` (B, C, D, H, W) at points (B, ..., 3), trilinear; its faces continue outside."""
    values = F.grid_sample(volume.float(), points, padding_mode="border", align_corners=False)
    return values.to(volume.dtype)


def _similarity(pose: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Rotation (B, 3, 3), scale (B, 1, 1) and shift (B, 1, 3) of poses (B, 6), float32."""
    pose = pose.float()
    scale = pose[:, 5].clamp(-LARGEST, LARGEST).exp()[:, None, None]
    return rotation_from_pose(pose), scale, F.pad(pose[:, 3:5], (0, 1))[:, None]
