"""A mouth that shows its teeth in the picture: its own teeth behind the lips, and the lips' rims without teeth.

At rest all of this is the photograph. As the lips move away from where they were, the teeth give up the shadow that
the lips threw on them there, and the lips the light of the teeth that the photograph mixed into their rims: a bright
line that would keep closed lips apart.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import pad

from . import topology as face
from .filters import blur, fill, interpolate_line, smoothstep
from .layout import LUMA, FaceLayout

SHADOWED = 0.035  # units below the upper lip that lie in its shadow
RIM = 0.045  # units of a lip next to the teeth that may hold their light


class _Mouth:
    """The picture about the mouth: image (3, h, w), face coordinates x and y (h, w), and its place in the crop."""

    def __init__(self, layout: FaceLayout) -> None:
        corners = layout.landmarks[list(face.UPPER_LIP_OUTER + face.LOWER_LIP_OUTER), :2]
        reach = 0.25 * layout.unit
        left, top = (corners.amin(0) - reach).floor().clamp(0, layout.size - 8).int().tolist()
        right, bottom = (corners.amax(0) + reach).ceil().clamp(8, layout.size).int().tolist()
        self.image = layout.image[:, top:bottom, left:right]
        self.x, self.y = layout.to_face(layout.pixel_grid(top, left, bottom - top, right - left)).unbind(-1)
        self.upper, self.lower = (interpolate_line(self.x, line) for line in (layout.upper_line, layout.lower_line))
        self.margins = (left, layout.size - right, top, layout.size - bottom)

    def in_crop(self, planes: Tensor) -> Tensor:
        """(..., h, w) -> (..., S, S), nothing around it."""
        return pad(planes, self.margins)


def photographed_teeth(layout: FaceLayout, gum: Tensor) -> Tensor:
    """(7, S, S): the picture inside the open lips, carried on above them; the same without the upper lip's shadow; and
    its cover, nothing below the lower lip's line. Colours are multiplied by the cover."""
    mouth, pixel = _Mouth(layout), 1.0 / layout.unit
    y, upper, lower = mouth.y, mouth.upper, mouth.lower
    within = (mouth.x - layout.mouth_x).abs() < layout.mouth_half

    def carried(above: float) -> Tensor:
        teeth = fill(mouth.image, ((y > upper + above) & (y < lower - 2 * pixel) & within).float())
        return torch.lerp(teeth, 0.8 * gum.view(3, 1, 1).expand_as(teeth), smoothstep(0.0, 0.05, upper - y))

    known = ((y > upper - pixel) & (y < lower + pixel) & within).float()
    photo = torch.lerp(carried(2 * pixel), mouth.image, known)
    free = (lower - upper > 2 * SHADOWED).float()  # towards the corners the shadow is all there is
    lit = torch.lerp(carried(SHADOWED), photo, blur(smoothstep(0.6 * SHADOWED, SHADOWED, y - upper), 0.7))
    lit = torch.lerp(photo, lit, blur(free, 2.0))
    cover = ((lower + 1.5 * pixel - y) / (1.5 * pixel)).clamp(0.0, 1.0) * (y > upper - 0.10)
    return mouth.in_crop(torch.cat([photo * cover, lit * cover, cover[None]]))


def bare_rims(layout: FaceLayout) -> Tensor:
    """(2, 4, S, S): the rims of upper and lower lip in the colour of the lip beside them, multiplied by their cover."""
    mouth, luma = _Mouth(layout), torch.tensor(LUMA).view(3, 1, 1)
    rims = []
    for rings, line, down in (
        (face.UPPER_LIP_RINGS, mouth.upper, -1.0),
        (face.LOWER_LIP_RINGS, mouth.lower, 1.0),
    ):
        outer, inner = (interpolate_line(mouth.x, layout.points[list(ring)]) for ring in (rings[0], rings[2]))
        depth, height = (mouth.y - line) * down, (outer - line) * down  # units into the lip
        safe = (0.45 * height).clamp(0.01, RIM)
        between = (mouth.y - outer) * (mouth.y - inner) < 0
        lip = fill(mouth.image, (between & (depth > safe) & (depth < 0.9 * height)).float())
        cover = smoothstep(-0.03, -0.01, depth) * (1.0 - smoothstep(0.6, 1.0, depth / safe))
        cover = cover * (1.0 - smoothstep(0.94, 1.0, (mouth.x - layout.mouth_x).abs() / layout.mouth_half))
        cover = cover * smoothstep(-0.01, 0.05, ((mouth.image - lip) * luma).sum(0))  # only what is brighter
        rims.append(torch.cat([lip * cover, cover[None]]))
    return mouth.in_crop(torch.stack(rims))


def teeth_colour(layout: FaceLayout) -> Tensor:
    """(3,) of the photographed teeth: the brighter part of the opening."""
    mouth = _Mouth(layout)
    middle = (mouth.x - layout.mouth_x).abs() < 0.6 * layout.mouth_half
    inside = mouth.image[:, (mouth.y > mouth.upper) & (mouth.y < mouth.lower) & middle]  # (3, n)
    light = inside.mean(0)
    return inside[:, light >= light.quantile(0.6)].mean(1)
