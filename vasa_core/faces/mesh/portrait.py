"""Everything that is computed once per picture."""

from __future__ import annotations

from dataclasses import dataclass, fields, is_dataclass, replace
from typing import Any

import torch
from torch import Tensor

from ... import arkit
from ...errors import BadInput
from ...types import FRAME_SIZE, FaceCrop, Motion, Portrait
from . import rig
from .background import split_picture
from .eyes import Eyeball, build_eye
from .fields import NODES, Fields, build_fields, foreshortened, zones
from .filters import doubled
from .layout import EyeLayout, FaceLayout
from .limits import PoseLimits
from .masks import Masks, build_masks
from .mouth import MouthInterior, build_mouth
from .shading import build_shading
from .warp import FOCAL, Lens

# A mouth that shows its teeth in the picture is already drawn up and apart; it cannot do that once more.
SMILING = tuple(n for n in arkit.NAMES if n.startswith(("mouthSmile", "mouthUpperUp", "mouthStretch", "mouthDimple")))
FURTHER_SMILE = 0.45
TEETH_DEPTH = 0.06  # units behind the lips


@dataclass(frozen=True)
class MeshPortrait(Portrait):
    """An encoded picture.

    foreground (1, 4, 2S-1, 2S-1): the person, colours multiplied by cover, two samples a pixel, channels last.
    plate (S, S, 4): the backdrop, its fourth channel 0. shading (2, NODES, NODES): light of a smile.
    zones (3, n, 2): outlines of mouth and eyes in pixels.
    planes (3, 3, 3): three points each, pixels with depth, of the planes of teeth, right and left eyeball.
    matters (NODES/2, NODES/2) bool: where the fold guard looks.
    """

    fields: Fields
    masks: Masks
    lens: Lens
    foreground: Tensor
    plate: Tensor
    mouth: MouthInterior
    eyes: tuple[Eyeball, Eyeball]
    shading: Tensor
    zones: Tensor
    planes: Tensor
    matters: Tensor
    limits: PoseLimits

    def to(self, device: torch.device) -> MeshPortrait:
        """This portrait with its tensors on a device; the crop stays where it is."""
        return self if self.plate.device == device else _moved(self, device)


def encode(crop: FaceCrop) -> MeshPortrait:
    """Prepare a crop of 512 pixels for rendering, on the CPU."""
    if tuple(crop.image.shape) != (3, FRAME_SIZE, FRAME_SIZE):
        raise BadInput(f"The face crop has shape {tuple(crop.image.shape)}; the mesh face model needs (3, 512, 512).")
    layout = FaceLayout(crop)
    rest = rest_motion(layout.landmarks)
    shapes = foreshortened(layout, rig.fit_shapes(layout.landmarks))
    if layout.shows_teeth:
        shapes[[arkit.INDEX[name] for name in SMILING]] *= FURTHER_SMILE
    grid = build_fields(layout, shapes)
    foreground, plate = split_picture(layout, crop.matte)
    eyes = tuple(build_eye(layout, eye) for eye in layout.eyes)
    return MeshPortrait(
        crop=crop,
        rest=rest,
        fields=grid,
        masks=build_masks(layout),
        lens=Lens(layout.frame.centre, FOCAL * layout.face_width * layout.unit),
        foreground=doubled(foreground)[None].contiguous(memory_format=torch.channels_last),
        plate=torch.cat([plate, torch.zeros_like(plate[:1])]).permute(1, 2, 0).contiguous(),
        mouth=build_mouth(layout, shapes, rig.shape_weights(rest.dynamics)[0]),
        eyes=eyes,
        shading=build_shading(layout, FURTHER_SMILE if layout.shows_teeth else 1.0),
        zones=_outlines(layout),
        planes=torch.stack([_teeth_plane(layout, grid), *(_eye_plane(layout, grid, eye) for eye in layout.eyes)]),
        matters=torch.nn.functional.max_pool2d(foreground[None, 3:], 2 * FRAME_SIZE // NODES)[0, 0] > 0.1,
        limits=PoseLimits.of(float(rest.pose[0, 1])),
    )


def rest_motion(landmarks: Tensor) -> Motion:
    """The picture's own motion: its head pose, and how far its mouth is open."""
    dynamics = torch.zeros(1, len(arkit.NAMES))
    dynamics[0, arkit.INDEX["jawOpen"]] = rig.mouth_opening(landmarks)
    return Motion(rig.head_pose(landmarks, FRAME_SIZE)[None], dynamics, 25.0, arkit.ARKIT)


def _outlines(layout: FaceLayout) -> Tensor:
    angle = torch.arange(24) * (2 * torch.pi / 24)
    circle = torch.stack([angle.cos(), angle.sin()], dim=1)
    outlines = []
    for zone in zones(layout):
        inner = [circle * share * torch.tensor([zone.radius_x, zone.radius_y]) for share in (1.16, 0.8, 0.4)]
        outlines.append(layout.to_pixels(torch.cat(inner) + torch.tensor([zone.x, zone.y])))
    return torch.stack(outlines)


def _depth_at(grid: Fields, at: Tensor) -> Tensor:
    column, row = (at * (NODES / FRAME_SIZE)).long().clamp(0, NODES - 1).tolist()
    return grid.depth[row, column]


def _teeth_plane(layout: FaceLayout, grid: Fields) -> Tensor:
    middle = layout.to_pixels(torch.tensor([layout.mouth_x, layout.mouth_y]))
    axes = layout.frame.axes * layout.unit  # columns
    first = torch.cat([middle, (_depth_at(grid, middle) + TEETH_DEPTH * layout.unit)[None]])
    return torch.stack([first, first + 0.3 * axes[:, 0], first + 0.3 * axes[:, 1]])


def _eye_plane(layout: FaceLayout, grid: Fields, eye: EyeLayout) -> Tensor:
    corners = [layout.to_pixels(line) for line in (eye.upper[0], eye.upper[-1])]
    right, left = (torch.cat([at, _depth_at(grid, at)[None]]) for at in corners)
    return torch.stack([right, left, (right + left) / 2 + 0.2 * layout.unit * layout.frame.axes[:, 1]])


def _moved(value: Any, device: torch.device) -> Any:
    if isinstance(value, Tensor):
        return value.to(device)
    if isinstance(value, tuple):
        return tuple(_moved(v, device) for v in value)
    if is_dataclass(value) and not isinstance(value, FaceCrop):
        return replace(value, **{f.name: _moved(getattr(value, f.name), device) for f in fields(value)})
    return value
