"""Corrects what the face mesh finds of eyes in drawn faces: there the lower lid lies further down, and the iris is
larger and elsewhere, than a network trained on people believes. In photographs both corrections come out as nothing.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from .filters import interpolate_line

LOWEST, STEP, ACROSS = 0.12, 0.004, 0.012  # units: search below the lid's line, its step, half the width of an edge
REDDER, EYE_LIKE = 0.015, 0.02  # how much redder (red over the sum) skin is than the eye, to move the line
ANGLES = 32
RADII = (0.85, 1.6, 0.05)  # of the found iris
MOVES = ((-0.3, 0.35, 0.1), (-0.2, 0.55, 0.1))  # of the found centre, in found radii: across, down
CLEAR = 0.12  # change of colour across an edge from which on it is clear enough
CLEARER = 0.012  # how much clearer, on average, than the found circle another one has to be


def pixels_at(image: Tensor, at: Tensor) -> Tensor:
    """(C, ...) bilinear values of the picture (C, H, W) at pixel positions (..., 2)."""
    height, width = image.shape[-2:]
    grid = (at - 0.5) * at.new_tensor([2.0 / (width - 1), 2.0 / (height - 1)]) - 1.0
    flat = F.grid_sample(image[None], grid.reshape(1, 1, -1, 2), padding_mode="border", align_corners=True)
    return flat[0, :, 0].unflatten(1, at.shape[:-1])


def lid_is_lower_by(image: Tensor, lower: Tensor, down: Tensor) -> float:
    """How far below the found lower lid (9, 2) pixels the eye really ends, in units; 0 where it ends there.

    down (2,): pixels of one unit down the face. The eye, white or coloured, is less red than skin.
    """
    shares = torch.linspace(1.0, 7.0, 25)
    low = shares.floor().long().clamp(max=7)
    line = torch.lerp(lower[low], lower[low + 1], (shares - low)[:, None])  # (25, 2)
    depths = torch.arange(-ACROSS, LOWEST + 3 * ACROSS, STEP)
    colour = pixels_at(image, line + depths[:, None, None] * down)  # (3, D, 25)
    red = colour[0] / colour.sum(0).clamp_min(0.05)
    reach = round(ACROSS / STEP)
    edge = (red[2 * reach :] - red[: -2 * reach]).clamp(-0.1, 0.1).mean(1)  # (D - 2 reach,), of depth STEP * k
    edge = edge[: round(LOWEST / STEP)]
    best = int(edge.argmax())
    skin = red[best + 2 * reach :][:reach].mean(0)
    between = (skin - red[reach : reach + best + 1]).mean()
    return best * STEP if float(edge[best] - edge[0]) > REDDER and float(between) > EYE_LIKE else 0.0


def fit_iris(image: Tensor, upper: Tensor, lower: Tensor, centre: Tensor, radius: float) -> tuple[Tensor, float]:
    """Centre (2,) and radius in pixels of the circle with the clearest edge to something lighter, left and right.

    upper, lower (9, 2): the lids' lines in pixels, upright. The found circle stays where no other is CLEARER.
    """
    radii = torch.arange(*RADII) * radius
    across, down = (torch.arange(*moves) * radius for moves in MOVES)
    centres = centre + torch.cartesian_prod(across, down)  # (M, 2)
    centres = torch.cat([centre[None], centres])
    angle = torch.arange(ANGLES) * (2 * torch.pi / ANGLES)
    rays = torch.stack([angle.cos(), angle.sin()], dim=1)  # (A, 2)
    rim = max(1.0, 0.1 * radius)  # pixels on either side of the circle

    def seen(radii: Tensor) -> tuple[Tensor, Tensor]:
        at = centres[:, None, None] + radii[None, :, None, None] * rays  # (M, R, A, 2)
        x, y = at.unbind(-1)
        inside = (y > interpolate_line(x, upper) + 1.0) & (y < interpolate_line(x, lower) - 0.5)
        inside &= (x > lower[:, 0].min()) & (x < lower[:, 0].max())
        return pixels_at(image, at), inside

    (outer, free), (inner, also) = seen(radii + rim), seen(radii - rim)
    free = (free & also).float()
    change = outer - inner  # (3, M, R, A)
    edge = change.abs().mean(0) * (change.mean(0) > -0.02) * free
    edge = edge.clamp(max=CLEAR)
    sides = (rays[:, 0] > 0.3).float(), (rays[:, 0] < -0.3).float()  # a shadow is an edge on one side only
    both = torch.stack([(edge @ side) / (free @ side + 0.06 * ANGLES) for side in sides]).amin(0)
    rise = edge.sum(-1) / (free.sum(-1) + 0.12 * ANGLES) * (both > 0.25 * CLEAR)  # (M, R)
    found = rise[0, (radii - radius).abs().argmin()]
    best = int(rise.argmax())
    if float(rise.flatten()[best] - found) < CLEARER:
        return centre, radius
    return centres[best // len(radii)], float(radii[best % len(radii)])
