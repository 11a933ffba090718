"""The three code encoders, z_id, z_pose and z_dyn, and the view of the face that two of them see.

Head pose is six explicit numbers in the units of types.Motion. Identity and dynamics are read from a view that already
is moved, turned in the plane and scaled as the pose says, so that four of the six have no way into them. Dynamics see
the inner face alone: of a whole head they would first of all hold whose it is.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ...types import POSE
from .layers import ResidualBlock, StandardConv, groups_of
from .presets import FacePreset

REACH = 0.8
"""Half the side of the upright view, in half-crops at log scale 0: forehead to chin with some room."""
FACE_REACH, FACE_CENTRE = 0.45, 0.1
"""Of the view of the inner face, brows to chin: half its side, and how far its middle lies below the head's centre, in
half-crops at log scale 0."""
SLOPE = 0.2
"""Of negative values before a code: a plain ReLU there can go silent for all faces, and then never speaks again."""
UNIT = 0.25
"""Radians, half-crops or natural logs that the pose encoder's last layer sees as 1."""
LARGEST = 1.5
"""Of the log scale that a view follows; beyond it there is no face to see."""


class CodeEncoder(nn.Module):
    """A residual network from a picture (B, 3, view, view) in [0, 1] to a code (B, length).

    Its last map is read place by place, not averaged: where something is matters for all three codes.
    """

    def __init__(self, view: int, widths: tuple[int, ...], blocks: tuple[int, ...], length: int) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, widths[0], 7, stride=2, padding=3)
        stages: list[nn.Module] = []
        before = widths[0]
        for width, count in zip(widths, blocks, strict=True):
            stages.append(ResidualBlock(2, before, width, down=(2, 2)))
            stages += [ResidualBlock(2, width, width) for _ in range(count - 1)]
            before = width
        self.stages = nn.Sequential(*stages)
        self.norm = nn.GroupNorm(groups_of(before), before)
        places = (view >> (len(widths) + 1)) ** 2
        self.gather = StandardConv(2, before, before // 4, kernel=1)
        self.output = nn.Linear(before // 4 * places, length)

    def forward(self, picture: Tensor) -> Tensor:
        x = self.stages(self.stem(2 * picture - 1))  # (B, C, h, w)
        x = F.leaky_relu(self.gather(F.relu(self.norm(x))), SLOPE)  # (B, C / 4, h, w)
        return self.output(x.flatten(1))  # (B, length)


class Codes(nn.Module):
    """All three encoders: pictures (B, 3, size, size) become z_id (B, I), pose (B, 6) and z_dyn (B, D)."""

    def __init__(self, preset: FacePreset) -> None:
        super().__init__()
        self.view = preset.view
        self.identity = CodeEncoder(preset.view, preset.code_widths, preset.identity_blocks, preset.identity)
        self.dynamics = CodeEncoder(preset.view, preset.code_widths, preset.dynamics_blocks, preset.dynamics)
        self.pose = CodeEncoder(preset.view, preset.code_widths, preset.pose_blocks, len(POSE))
        nn.init.zeros_(self.pose.output.bias)
        nn.init.uniform_(self.pose.output.weight, -1e-3, 1e-3)  # starts at the usual place, frontal

    def read_pose(self, picture: Tensor) -> Tensor:
        """(B, 6) absolute head pose, float32."""
        return UNIT * self.pose(resized(picture, self.view)).float()

    def read_identity(self, picture: Tensor, pose: Tensor) -> Tensor:
        """(B, I) of the face that stands at `pose`."""
        return self.identity(upright(picture, pose, self.view))

    def read_dynamics(self, picture: Tensor, pose: Tensor) -> Tensor:
        """(B, D) of the face that stands at `pose`."""
        return self.dynamics(upright(picture, pose, self.view, FACE_REACH, FACE_CENTRE))


def upright(picture: Tensor, pose: Tensor, size: int, reach: float = REACH, centre: float = 0.0) -> Tensor:
    """The face of `picture` (B, 3, S, S) in the middle, upright and of one size: (B, 3, size, size).

    pose (B, 6) gives position, roll and scale; no gradient flows into it. reach: half the view's side in half-crops at
    log scale 0. centre: how far below the head's own centre the view is centred, in the same unit.
    """
    place = pose.detach().float()
    scale = place[:, 5].clamp(-LARGEST, LARGEST).exp()
    cosine, sine = scale * place[:, 2].cos(), scale * place[:, 2].sin()  # roll is clockwise, y points down
    across, along = torch.stack([cosine, sine], 1), torch.stack([-sine, cosine], 1)  # (B, 2) the view's x and y axes
    middle = place[:, 3:5] + centre * along
    matrix = torch.stack([reach * across, reach * along, middle], dim=2)  # (B, 2, 3)
    finer = max(1, round(picture.shape[-1] * reach / size))
    if finer > 1:  # the view is coarser than the picture
        picture = F.avg_pool2d(picture, finer)
    grid = F.affine_grid(matrix, [len(picture), 3, size, size], align_corners=False)
    view = F.grid_sample(picture.float(), grid, padding_mode="border", align_corners=False)
    return view.to(picture.dtype)


def resized(picture: Tensor, size: int) -> Tensor:
    """(B, 3, S, S) -> (B, 3, size, size), low-pass filtered."""
    if picture.shape[-1] == size:
        return picture
    small = F.interpolate(picture.float(), (size, size), mode="bilinear", antialias=True, align_corners=False)
    return small.to(picture.dtype)
