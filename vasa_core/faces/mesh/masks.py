"""Which layer shows where, in the picture at rest: the upper layer above a slit, the lower one below, and the
interior (teeth, eyeball) in an opening. Lines are soft over about one pixel and a half."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from .fields import seams, zones
from .filters import blur, interpolate_line, smoothstep
from .layout import Ellipse, FaceLayout

SOFT = 1.5  # pixels
CONTACT = 0.045  # units: reach of the shadow that a lip or lid throws on what is behind it


@dataclass(frozen=True)
class Masks:
    """upper (1, 4, S, S): the upper layer's share, it blurred (its shadow), where the layers count, where an interior
    may show. lower (1, 4, S, S): the lower layer's share, blurred, where the layers count, nothing.
    Channels last."""

    upper: Tensor
    lower: Tensor


def build_masks(layout: FaceLayout) -> Masks:
    """Masks of one portrait, over the whole crop."""
    at = layout.to_face(layout.pixel_grid())  # (S, S, 2)
    x, y = at.unbind(-1)
    soft = SOFT / layout.unit

    def beyond(line: Tensor, softness: float = soft) -> Tensor:
        return ((y - line) / softness + 0.5).clamp(0.0, 1.0)

    _, nose, _ = seams(layout, x)
    upper_lids = torch.cat([eye.upper for eye in layout.eyes])
    lower_lids = torch.cat([eye.lower for eye in layout.eyes])
    over_eyes = 1.0 - beyond(interpolate_line(x, upper_lids))
    under_eyes = beyond(interpolate_line(x, lower_lids))
    inner_corners = sorted([float(layout.points[133, 0]), float(layout.points[362, 0])])
    outer_corners = sorted([float(layout.points[33, 0]), float(layout.points[263, 0])])
    beside = (x < outer_corners[0]) | (x > outer_corners[1]) | ((x > inner_corners[0]) & (x < inner_corners[1]))
    under_eyes = torch.where(beside, 1.0 - over_eyes, under_eyes)
    over_lips, under_lips = 1.0 - beyond(_line(layout, x, "upper")), beyond(_line(layout, x, "lower"))
    lips = layout.mouth_x, layout.mouth_half
    beside = (x - lips[0]).abs() > lips[1]
    under_lips = torch.where(beside, 1.0 - over_lips, under_lips)
    turn = beyond(nose, 4.0 * soft)  # 0 above the middle of the nose, 1 below
    upper = torch.where(y < nose - 4.0 * soft, over_eyes, turn * over_lips)
    lower = torch.where(y < nose - 4.0 * soft, under_eyes, torch.maximum(1.0 - turn, under_lips))
    shadow = max(2.0, CONTACT * layout.unit)
    zone = torch.stack([1.0 - smoothstep(1.04, 1.16, zone.distance(at)) for zone in zones(layout)]).amax(0)
    sides = (
        (upper, blur(upper, shadow), zone, _openings(layout, at)),
        (lower, blur(lower, shadow), zone, torch.zeros_like(zone)),
    )
    return Masks(*(torch.stack(side)[None].contiguous(memory_format=torch.channels_last) for side in sides))


def _line(layout: FaceLayout, x: Tensor, side: str) -> Tensor:
    return interpolate_line(x, layout.upper_line if side == "upper" else layout.lower_line)


def _openings(layout: FaceLayout, at: Tensor) -> Tensor:
    mouth = Ellipse(layout.mouth_x, layout.mouth_y, 0.98 * layout.mouth_half, 1.6 * layout.mouth_half)
    eyes = (Ellipse(eye.x, eye.y, eye.half_width, 0.24) for eye in layout.eyes)
    inside = torch.stack([(zone.distance(at) < 1.0).float() for zone in (mouth, *eyes)]).amax(0)
    return blur(inside, 1.0)
