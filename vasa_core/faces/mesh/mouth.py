"""The inside of the mouth: teeth, tongue and cavity, drawn once per portrait in its own light and colours.

Sizes are in millimetres of an average face; one unit (the distance of the outer eye corners) is 90 of them. The
drawings are placed per frame by where the lips are in the picture, not by coefficients.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ... import arkit
from . import topology as face
from .filters import interpolate_line, smoothstep
from .layout import LUMA, FaceLayout
from .smile import bare_rims, photographed_teeth, teeth_colour
from .warp import sample

MILLIMETRE = 1.0 / 90.0  # units
HALF_WIDTH, HALF_HEIGHT = 0.5, 0.25  # units, of the drawings
SIDEWAYS = 0.07  # units that jawLeft moves the lower teeth
WARMTH = (0.35, 0.02, -0.12)  # of shadows in the mouth, lit by lips and tongue: change of light per share lost
NARROW = 0.006, 0.024  # units of opening: so narrow that no light reaches the teeth, and wide enough for it
HIDDEN = 0.022  # units that the lower teeth lie deeper where the picture's smile does not show them
MOVED = 0.02  # units that a lip has moved when the photographed teeth have given up its shadow
JAW_OPEN, JAW_LEFT, JAW_RIGHT = (arkit.INDEX[n] for n in ("jawOpen", "jawLeft", "jawRight"))


@dataclass(frozen=True)
class TeethRow:
    """One row from the middle to the side, in mm: widths, edge (y below the lip line, down positive), heights;
    and its arch, an ellipse of half-width and depth."""

    widths: tuple[float, ...]
    edges: tuple[float, ...]
    heights: tuple[float, ...]
    arch: tuple[float, float]
    upper: bool


UPPER_TEETH = TeethRow(
    (8.3, 6.6, 7.6, 7.0, 6.8, 9.0), (2.2, 1.4, 1.7, 0.4, -0.5, -1.2), (10, 9, 10, 8.5, 8, 7), (26.5, 40), True
)
LOWER_TEETH = TeethRow(
    (5.2, 5.8, 6.6, 6.8, 7.0, 9.0), (-1.2, -1.1, -1.3, -0.4, 0.3, 0.6), (8.5, 8.5, 9, 8, 8, 7), (23.5, 36), False
)
CANINE = 2


@dataclass(frozen=True)
class MouthInterior:
    """drawings (3, 4, h, w): upper teeth, lower teeth, tongue, colours multiplied by their cover.
    photo (7, S, S), rims (2, 4, S, S): teeth that the picture itself shows, and lips without them, as in smile.py;
    None where it shows none. cavity, slit (3,): colours of the depth, and of the line where lips all but touch.
    origin (2,) pixels: middle of the closed lip line; to_face (2, 2): pixels to units. lower_lip, upper_lip (53,):
    vertical travel of the middle of the lips per shape weight, units. half: of the mouth's width, units."""

    drawings: Tensor
    photo: Tensor | None
    rims: Tensor | None
    cavity: Tensor
    slit: Tensor
    origin: Tensor
    to_face: Tensor
    lower_lip: Tensor
    upper_lip: Tensor
    half: float


def build_mouth(layout: FaceLayout, shapes: Tensor, rest_weights: Tensor) -> MouthInterior:
    """shapes (52, 468, 3) pixels; rest_weights (52,) of the picture."""
    colours = _Colours(layout)
    width, height = 2 * int(layout.unit) + 1, int(layout.unit) + 1
    x = torch.linspace(-HALF_WIDTH, HALF_WIDTH, width) / MILLIMETRE
    y = torch.linspace(-HALF_HEIGHT, HALF_HEIGHT, height) / MILLIMETRE
    x, y = torch.meshgrid(x, y, indexing="xy")  # (h, w) mm
    pixel = 0.5 / MILLIMETRE / layout.unit
    drawings = torch.stack(
        [
            _draw_teeth(UPPER_TEETH, x, y, colours, pixel),
            _draw_teeth(LOWER_TEETH, x, y, colours, pixel),
            _draw_tongue(x, y, colours),
        ]
    )
    travel = shapes[:, [face.LIP_TOP, face.LIP_BOTTOM], :2] @ layout.rotation.mT / layout.unit  # (52, 2, 2)
    middle = layout.to_pixels(torch.tensor([layout.mouth_x, layout.mouth_y]))
    if layout.shows_teeth:
        top = layout.points[face.LIP_TOP] - rest_weights @ travel[:, 0]
        middle = layout.to_pixels(torch.stack([torch.tensor(layout.mouth_x), top[1]]))
    yaw = max(0.5, abs(float(layout.frame.axes[0, 0])))
    to_face = torch.diag(torch.tensor([1.0 / yaw, 1.0])) @ layout.rotation / layout.unit
    return MouthInterior(
        drawings,
        photographed_teeth(layout, colours.gum) if layout.shows_teeth else None,
        bare_rims(layout) if layout.shows_teeth else None,
        colours.cavity,
        0.6 * colours.gum + 0.2 * colours.cavity,
        middle,
        to_face,
        travel[:, 1, 1].contiguous(),
        travel[:, 0, 1].contiguous(),
        layout.mouth_half / yaw,
    )


def paint_mouth(
    mouth: MouthInterior, source: Tensor, weights: Tensor, change: Tensor, shadow_up: Tensor, shadow_low: Tensor
) -> Tensor:
    """Colour (T, 3, h, w) of the interior at the rigid source places (T, 2, h, w), pixels of the crop.

    weights, change (T, 52 or more) shape weights, absolute and counted from the picture. shadow_up, shadow_low
    (T, 1, h, w): blurred cover of the lips.
    """
    frames, _, height, width = source.shape
    local = mouth.to_face @ (source - mouth.origin.view(1, 2, 1, 1)).flatten(2)
    local = local.unflatten(2, (height, width))  # (T, 2, h, w) units

    def each(values: Tensor) -> Tensor:
        return values.view(frames, 1, 1)

    lower, upper = weights @ mouth.lower_lip, weights @ mouth.upper_lip
    jaw = weights[:, JAW_OPEN] * mouth.lower_lip[JAW_OPEN]
    aside = (weights[:, JAW_LEFT] - weights[:, JAW_RIGHT]) * SIDEWAYS
    drop = torch.minimum(torch.maximum(jaw, lower - 0.018), lower + 0.010)
    if mouth.photo is not None:
        drop = drop + HIDDEN  # a lip that hides the lower teeth in a smile takes them along
    raised = 0.35 * upper.clamp(max=0.0) + 0.5 * upper.clamp(min=0.0)
    opening = (lower - upper).clamp(min=0.0)
    places = [
        (torch.zeros_like(drop), raised),
        (aside, drop),
        (0.8 * aside, drop - 0.42 * opening.clamp(max=0.28) + 0.035),
    ]
    extent = source.new_tensor([HALF_WIDTH, HALF_HEIGHT]).view(1, 2, 1, 1)
    teeth, lower_teeth, tongue = (
        sample_open(mouth.drawings[k : k + 1], (local - torch.stack(place, 1)[..., None, None]) / extent)
        for k, place in enumerate(places)
    )
    depth = ((local[:, 1] - each(0.3 * drop)) / each(0.9 * drop + 0.05)).clamp(0.0, 1.0)
    colour = mouth.cavity.view(1, 3, 1, 1) * (0.55 + 0.55 * depth[:, None])
    colour = colour * (1.0 - tongue[:, 3:]) + tongue[:, :3]
    colour = colour * (1.0 - lower_teeth[:, 3:]) + 0.88 * lower_teeth[:, :3]
    if mouth.photo is None:
        colour = colour * (1.0 - teeth[:, 3:]) + teeth[:, :3]
    up = (shadow_up - 0.15).clamp_min(0.0)
    shade = (1.0 - 0.50 * up).clamp_min(0.5) * (1.0 - 0.20 * (shadow_low - 0.20).clamp_min(0.0))
    shade = shade * (1.0 - 0.70 * (local[:, :1].abs() / mouth.half).clamp(max=1.0) ** 2.5)
    colour = colour * shade * (1.0 + (1.0 - shade) * shade.new_tensor(WARMTH).view(1, 3, 1, 1))
    if mouth.photo is not None:
        size = mouth.photo.shape[-1]
        seen = sample(mouth.photo[None], (source - 0.5) * (2.0 / (size - 1)) - 1.0)
        moved = lips_moved(mouth, change)
        teeth = torch.lerp(seen[:, :3], seen[:, 3:6] * (1.0 - 0.5 * up), moved)
        colour = colour * (1.0 - seen[:, 6:]) + teeth
    wide = smoothstep(*NARROW, opening)[:, None, None, None]
    return torch.lerp(mouth.slit.view(1, 3, 1, 1), colour, wide)


def lips_moved(mouth: MouthInterior, change: Tensor) -> Tensor:
    """(T, 1, 1, 1) in [0, 1]: how far the middle of the lips is from where the picture has it."""
    travel = (change @ mouth.upper_lip).abs() + (change @ mouth.lower_lip).abs()
    return smoothstep(0.0, MOVED, travel)[:, None, None, None]


def bare_lip(mouth: MouthInterior, skin: Tensor, place: Tensor, change: Tensor, upper: bool) -> Tensor:
    """A layer's pixels (T, 4, h, w), seen at `place` (T, 2, h, w) in [-1, 1], without the light of the teeth."""
    if mouth.rims is None:
        return skin
    rim = sample(mouth.rims[:1] if upper else mouth.rims[1:], place) * lips_moved(mouth, change)
    return torch.cat([skin[:, :3] * (1.0 - rim[:, 3:]) + rim[:, :3], skin[:, 3:]], dim=1)


def sample_open(texture: Tensor, at: Tensor) -> Tensor:
    """As warp.sample, but nothing beyond the edge."""
    texture = texture.expand(at.shape[0], -1, -1, -1)
    return torch.nn.functional.grid_sample(texture, at.permute(0, 2, 3, 1), align_corners=True)


class _Colours:
    """Teeth, gums, tongue and cavity in the light and the tint of this picture."""

    def __init__(self, layout: FaceLayout) -> None:
        luma_of = torch.tensor(LUMA)
        skin = layout.patch_mean([50, 280, 205, 425, 101, 330, 4, 5, 151, 9, 199], 3)  # (11, 3)
        luma = skin @ luma_of
        saturation = float(((skin.amax(1) - skin.amin(1)).mean() / 0.12).clamp(0.0, 1.0))
        light = float((0.55 * luma.quantile(0.75) + 0.45 * luma[[2, 3, 10]].median()).clamp(0.15, 0.80)) * 1.18
        bright = skin[luma.argsort()[-4:]].mean(0)
        bright = bright / bright.mean()
        # White is what the picture's light makes of it: the warmer the skin's lights, the further towards their hue.
        warm = float(((bright[0] / bright[2].clamp_min(0.05) - 1.2) / 0.8).clamp(0.0, 1.0))
        share = 0.45 + 0.25 * warm
        tint = share * bright + (1.0 - share) * torch.tensor([1.02, 1.0, 0.96])
        tint = tint / tint.mean() * torch.tensor([1.01, 0.99, 0.94])
        self.teeth = min(1.04 * light, 0.92 / max(1.0, float(tint.max()))) * tint
        if layout.shows_teeth:
            self.teeth = teeth_colour(layout)
        lips = layout.patch_mean([14, 17, 84, 314, 0, 37, 267], 1).median(0).values

        def coloured(*rgb: float) -> Tensor:
            colour = torch.tensor(rgb)
            return torch.lerp((colour @ luma_of).expand(3), colour, saturation) * light

        self.tongue = 0.5 * coloured(0.80, 0.36, 0.36) + 0.45 * lips
        self.gum = 0.5 * coloured(0.80, 0.42, 0.42) + 0.5 * lips
        self.cavity = coloured(0.30, 0.095, 0.085)


def _draw_teeth(row: TeethRow, x: Tensor, y: Tensor, colours: _Colours, pixel: float) -> Tensor:
    """(4, h, w), colour multiplied by cover."""
    angle = torch.linspace(0.0, torch.pi / 2, 500)
    along_x, along_z = row.arch[0] * angle.sin(), row.arch[1] * (1.0 - angle.cos())
    arc = torch.cat([torch.zeros(1), torch.hypot(along_x.diff(), along_z.diff()).cumsum(0)])

    def at(position: float, values: Tensor) -> float:
        return float(interpolate_line(torch.tensor([position]), torch.stack([arc, values], 1)))

    cover, colour = torch.zeros_like(x), torch.zeros(3, *x.shape)
    side, begin = x.abs(), 0.0
    rows = zip(row.widths, row.edges, row.heights, strict=True)
    for k, (width, edge, tall) in enumerate(rows):
        inner, outer = at(begin, along_x), at(begin + width, along_x)
        turned, depth = at(begin + width / 2, angle), at(begin + width / 2, along_z)
        begin += width
        half = (outer - inner) / 2
        u = (side - (inner + outer) / 2) / half  # -1..1 across the tooth
        v = (edge - y if row.upper else y - edge) / tall  # 0 at the edge, 1 at the gum
        corner = 0.13 * u.abs() ** 1.7 if k == CANINE else 0.055 * u.abs() ** 3.5
        inside = torch.minimum((1.0 - u.abs() * (1.0 + 0.10 * v)) * half, (v - corner) * tall)  # mm
        tooth = (inside / (1.2 * pixel) + 0.6).clamp(0.0, 1.0) * (v < 1.25)
        arch_shade = (0.46 + 0.54 * max(0.0, torch.cos(torch.tensor(turned)).item()) ** 0.8) * max(
            0.35, 1 - 0.01 * depth
        )
        shade = arch_shade * (0.88 + 0.12 * (1.0 - 0.9 * u * u).clamp(0.0, 1.0))
        shade = shade * (1.0 - 0.10 * torch.exp(-v.clamp_min(0.0) / 0.07)) * (1.0 - 0.10 * v.clamp(0.0, 1.0))
        gum = smoothstep(0.93, 1.02, v - 0.10 * u * u)
        painted = (
            colours.teeth.view(3, 1, 1) * shade * (1.0 - gum) + colours.gum.view(3, 1, 1) * (0.8 * arch_shade) * gum
        )
        colour = torch.where(tooth > cover, painted, colour)
        cover = torch.maximum(cover, tooth)
    # Between the teeth: darker tooth, never black.
    reach = at(begin, along_x)
    between = (colours.teeth * (0.66 if row.upper else 0.60) * torch.tensor([1.0, 0.90, 0.82])).view(3, 1, 1)
    edge = interpolate_line(side, torch.stack([torch.linspace(0.0, 27.0, len(row.edges)), torch.tensor(row.edges)], 1))
    behind = ((edge - y if row.upper else y - edge) / 1.6 - 0.4).clamp(0.0, 1.0) * (side < reach)
    whole = torch.maximum(cover, behind)
    return torch.cat([(colour * cover + between * (1.0 - cover)) * whole, whole[None]])


def _draw_tongue(x: Tensor, y: Tensor, colours: _Colours) -> Tensor:
    distance = torch.hypot(x / 19.0, (y - 9.0).clamp(-9.0, 0.0) / 12.5)
    cover = ((1.0 - distance) / 0.30).clamp(0.0, 1.0)
    groove = 1.0 - 0.35 * torch.exp(-((x / 1.6) ** 2)) * ((y + 2.0) / 8.0).clamp(0.0, 1.0)
    shade = (
        (0.55 + 0.45 * ((y + 3.0) / 9.0).clamp(0.0, 1.0)) * groove * (1.0 - 0.5 * (x / 20.0).abs().clamp(max=1.0) ** 2)
    )
    return torch.cat([colours.tongue.view(3, 1, 1) * shade * cover, cover[None]])
