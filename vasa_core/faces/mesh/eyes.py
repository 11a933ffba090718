"""Eyeballs behind the lids: the photographed eye, its sclera filled in where lid and iris hide it, and the iris as a
disc of its own that follows the gaze."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ... import arkit
from . import topology as face
from .filters import blur, doubled, fill, interpolate_line, smoothstep
from .layout import EyeLayout, FaceLayout
from .rig import EYEBALL_RADIUS
from .warp import sample

REACH = (0.42, 0.30)  # units around the eye's middle that the drawings cover
SPREADS = ((0.05, 1.0), (0.12, 0.1), (0.30, 0.01), (0.80, 1e-4))  # blur in eye widths, weight: sclera's fill
LID_SHADOW = 0.25  # share of the light that the upper lid takes from the eyeball at its edge
FIRST_MOVE = 0.8  # pixels of iris travel by which the photographed eye has given way to the drawn one


@dataclass(frozen=True)
class Eyeball:
    """ball (7, h, w): sclera without iris, the photograph, and where the photograph shows the eye.
    iris (4, h, w), colours multiplied by cover. Both at two samples a pixel, first sample at left_top (2,) pixels.
    lids (8, h, w): what upper and lower lid look like when the eye is shut: skin, and lashes on the upper one.
    iris_centre (2,) pixels; axes (2, 2): local x and y of the face in the picture, pixels per unit."""

    ball: Tensor
    iris: Tensor
    lids: Tensor
    left_top: Tensor
    iris_centre: Tensor
    axes: Tensor


def build_eye(layout: FaceLayout, eye: EyeLayout) -> Eyeball:
    """The eyeball of one eye, from its lids, its iris and the picture."""
    middle = layout.to_pixels(torch.tensor([eye.x, eye.y]))
    reach = torch.tensor(REACH) * layout.unit
    left, top = ((middle - reach).floor().clamp(0, layout.size - 8)).int().tolist()
    right, bottom = ((middle + reach).ceil().clamp(8, layout.size)).int().tolist()
    image = layout.image[:, top:bottom, left:right]
    at = layout.pixel_grid(top, left, bottom - top, right - left)
    x, y = layout.to_face(at).unbind(-1)
    pixel = 1.0 / layout.unit
    upper, lower = interpolate_line(x, eye.upper), interpolate_line(x, eye.lower)
    between_corners = (x - eye.x).abs() < eye.half_width
    inset = torch.minimum(y - upper, lower - y)  # units inside the opening
    margin = max(pixel, 0.09 * eye.gap)
    opening = (inset > margin) & between_corners
    distance = (at - eye.iris).norm(dim=-1)  # pixels
    radius = distance / eye.iris_radius  # in iris radii
    sclera = _fill_sclera(image, opening, inset, radius, 2 * eye.half_width * layout.unit)
    sclera = sclera * (1.0 - LID_SHADOW * (1.0 - smoothstep(0.0, 0.5 * eye.gap, y - upper)))
    # The photograph's own sclera is kept inside the opening; under iris and lids the fill takes over.
    keep = ((inset / margin).clamp(0.0, 1.0) * between_corners) * ((radius - 1.16) / 0.14).clamp(0.0, 1.0)
    sclera = torch.lerp(sclera, image, keep)
    seen = ((inset > -1.5 * pixel) & ((x - eye.x).abs() < eye.half_width + 2 * pixel)).float()
    iris = _complete_iris(image, opening.float(), at, eye.iris, radius)
    cover = ((1.11 - radius) / 0.11).clamp(0.0, 1.0)
    axes = layout.frame.axes[:2, :2] * layout.unit
    return Eyeball(
        doubled(torch.cat([sclera, image, blur(seen, 0.6)[None]])),
        doubled(torch.cat([iris * cover, cover[None]])),
        doubled(_shut_lids(layout, image, at, eye)),
        torch.tensor([left + 0.5, top + 0.5]),
        eye.iris,
        axes,
    )


def paint_eye(eye: Eyeball, source: Tensor, shift: Tensor) -> Tensor:
    """Colour (T, 3, h, w) of the eyeball at the rigid source places (T, 2, h, w); shift (T, 2) of the iris, units."""
    ball = _at(eye.ball, eye.left_top, source)
    moved = shift @ eye.axes.mT  # (T, 2) pixels
    centre = eye.iris_centre.view(1, 2, 1, 1)
    squeeze = 1.0 / (1.0 - (shift / EYEBALL_RADIUS).clamp(-0.7, 0.7).square()).sqrt()  # (T, 2) foreshortening
    place = centre + (source - moved[..., None, None] - centre) * squeeze[..., None, None]
    iris = _at(eye.iris, eye.left_top, place)
    cover = iris[:, 3:].clamp(0.0, 1.0)
    drawn = ball[:, :3] * (1.0 - cover) + iris[:, :3]
    still = torch.exp(-(moved.norm(dim=1) / FIRST_MOVE).square())[:, None, None, None]
    return torch.lerp(drawn, ball[:, 3:6], ball[:, 6:].clamp(0.0, 1.0) * still)


def shut_lid(eye: Eyeball, skin: Tensor, source: Tensor, weights: Tensor, side: str, upper: bool) -> Tensor:
    """A layer's pixels (T, 4, h, w), seen at source (T, 2, h, w), with the lid's own skin as far as the eye is shut.

    weights (T, 52 or more), side 'Right' or 'Left'.
    """
    blink = weights[:, arkit.INDEX["eyeBlink" + side]]
    if upper:
        shut = smoothstep(0.1, 0.9, blink + 0.3 * weights[:, arkit.INDEX["eyeLookDown" + side]])
    else:
        shut = smoothstep(0.5, 1.0, blink)
    shut = shut[:, None, None, None]
    lid = _at(eye.lids[:4] if upper else eye.lids[4:], eye.left_top, source)
    return torch.cat([skin[:, :3] * (1.0 - lid[:, 3:] * shut) + lid[:, :3] * shut, skin[:, 3:]], dim=1)


def _shut_lids(layout: FaceLayout, image: Tensor, at: Tensor, eye: EyeLayout) -> Tensor:
    """(8, h, w), colours multiplied by cover. In many pictures the open lid is a dark fold of a few pixels, which
    would be stretched to a smear; so its skin is taken from below the eye, in this eye's own light. Below, it covers
    what remains of the eye where the lid's line was found too high, as in drawn faces."""
    x, y = layout.to_face(at).unbind(-1)
    upper, lower = interpolate_line(x, eye.upper), interpolate_line(x, eye.lower)
    crease = interpolate_line(x, layout.points[list(face.CREASE_RIGHT if eye.x < 0 else face.CREASE_LEFT)])
    above = upper - y  # units above the lid's edge
    height = (upper - crease).clamp_min(0.03)
    v = (above / height).clamp(0.0, 1.6)  # 0 at the lashes, 1 at the crease
    along = ((x - eye.x) / eye.half_width).abs()
    ends = 1.0 - smoothstep(0.78, 1.02, along)
    bag = layout.patch_mean(list(face.LOWER_BAG_RIGHT if eye.x < 0 else face.LOWER_BAG_LEFT), 3)  # (5, 3)
    skin = bag[bag.mean(1).argsort()[1:4]].mean(0)
    shade = 0.80 + 0.14 * torch.sin(torch.pi * (1.0 - v).clamp(0.0, 1.0)) - 0.06 * along.clamp(max=1.0) ** 2
    painted = skin.view(3, 1, 1) * shade
    soft = blur(image, max(0.8, 0.02 * layout.unit))
    detail = (image - soft).clamp(-0.04, 0.04)
    unlike = (soft - painted).abs().mean(0)
    cover = smoothstep(0.006, 0.022, above) * (1.0 - smoothstep(0.70, 1.25, v)) * ends
    cover = cover * (0.45 + 0.45 * (unlike / 0.15).clamp(max=1.0))
    open_part = (y > upper) & (y < lower) & (along < 0.9)
    dark = image.mean(0)[open_part] if int(open_part.sum()) > 8 else image.mean(0).flatten()
    lashes = 0.35 * skin * min(1.0, float(dark.quantile(0.05) / skin.mean().clamp_min(0.05)) + 0.35)
    line = torch.exp(-(((above - 0.002) / 0.010) ** 2)) * ends * 0.75
    colour = (painted + detail) * cover * (1.0 - line) + lashes.view(3, 1, 1) * line
    below = y - lower
    under = smoothstep(-0.03, -0.012, below) * (1.0 - smoothstep(0.03, 0.09, below)) * ends
    plain = fill(image, ((below > 0.07) & (below < 0.20)).float())  # the skin further down, carried up
    under = under * ((image - plain).abs().mean(0) / 0.12).clamp(max=1.0)
    return torch.cat([colour, (cover + line - cover * line)[None], plain * under, under[None]])


def _at(texture: Tensor, left_top: Tensor, places: Tensor) -> Tensor:
    height, width = texture.shape[-2:]
    scale = places.new_tensor([4.0 / (width - 1), 4.0 / (height - 1)]).view(1, 2, 1, 1)  # two samples a pixel
    return sample(texture[None], (places - left_top.view(1, 2, 1, 1)) * scale - 1.0)


def _fill_sclera(image: Tensor, opening: Tensor, inset: Tensor, radius: Tensor, width: float) -> Tensor:
    """The white of the eye carried smoothly under the iris and the lids."""
    known = (opening & (radius > 1.22)).float()
    if float(known.sum()) < 12:
        known = ((inset > 0) & (radius > 1.1)).float()
    known = known * image.mean(0).square()  # the white itself, rather than what the lashes' shadow leaves of it
    total, weights = torch.zeros_like(image), torch.full_like(known, 1e-7)
    for reach, strength in SPREADS:
        sigma = max(0.7, reach * width)
        total = total + strength * blur(image * known, sigma)
        weights = weights + strength * blur(known, sigma)
    return total / weights


def _complete_iris(image: Tensor, opening: Tensor, at: Tensor, centre: Tensor, radius: Tensor) -> Tensor:
    """The iris where lids cover it: from its mirror images about its centre, else from its own radial profile."""
    height, width = image.shape[-2:]
    left_top = at[0, 0]
    offset = at - centre
    total, weight = image * opening * 4.0, opening * 4.0
    stacked = torch.cat([image * opening, opening[None]])[None]
    for flip_x, flip_y, strength in ((-1, 1, 1.0), (1, -1, 0.6), (-1, -1, 0.6)):
        place = centre + offset * torch.tensor([flip_x, flip_y])
        place = (place - left_top) * torch.tensor([2.0 / (width - 1), 2.0 / (height - 1)]) - 1.0
        mirrored = torch.nn.functional.grid_sample(stacked, place[None].float(), align_corners=True)[0]
        share = strength * (opening < 0.5)
        total, weight = total + mirrored[:3] * share, weight + mirrored[3] * share
    profile = _radial_profile(image, opening, radius)
    total, weight = total + 0.02 * profile, weight + 0.02
    whole = total / weight
    return torch.lerp(blur(whole, 0.7), whole, smoothstep(0.3, 0.9, opening))


def _radial_profile(image: Tensor, opening: Tensor, radius: Tensor) -> Tensor:
    """Mean colour of the visible iris at each radius, (3, h, w)."""
    rings = torch.linspace(0.0, 1.2, 13)
    near = torch.exp(-(((radius[None] - rings[:, None, None]) / 0.08) ** 2)) * opening  # (13, h, w)
    broad = opening * (radius < 1.1)
    fallback = (image * broad).sum((1, 2)) / broad.sum().clamp_min(1e-3)
    amounts = near.sum((1, 2))
    colours = (torch.einsum("rhw,chw->rc", near, image) + 0.5 * fallback) / (amounts + 0.5)[:, None]
    position = (radius / 0.1).clamp(0.0, 11.999)
    low = position.floor().long()
    t = (position - low)[None]
    return torch.lerp(colours[low].permute(2, 0, 1), colours[low + 1].permute(2, 0, 1), t)
