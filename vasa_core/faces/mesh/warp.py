"""From motion to where each pixel of a frame comes from: forward fields, fold guard, inversion, sampling.

Grids are sampled with coordinates in [-1, 1] from the centre of the first sample to that of the last.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

NEWTON_STEPS = 4
FLATTEST = 0.20  # least area to which the head's motion may compress any place
FLATTEST_SHAPE = 0.08  # and the face's shapes: a closing lid is compressed a lot
FAR = 1e6
MIN_DETERMINANT, MAX_STEP = 0.25, 20.0  # of Newton's method: Jacobian, pixels
FOCAL = 6.0  # camera's distance in face widths


@dataclass(frozen=True)
class Lens:
    """What the projection needs of a portrait: centre (3,) of the head and focal length, in pixels."""

    centre: Tensor
    focal: float


@dataclass(frozen=True)
class HeadMotion:
    """Motion relative to the picture: matrix (T, 3, 3) rotation times scale, shift (T, 2) pixels."""

    matrix: Tensor
    shift: Tensor

    def project(self, points: Tensor, lens: Lens) -> Tensor:
        """Points (T or 1, 3, N) in pixels -> (T, 2, N) moved and seen in perspective; no motion, no change."""
        centred = points - lens.centre[:, None]
        moved = self.matrix @ centred  # (T, 3, N)
        ratio = (lens.focal + centred[:, 2:]) / (lens.focal + moved[:, 2:])
        return torch.addcmul((lens.centre[:2] + self.shift)[..., None], moved[:, :2], ratio)


def forward_field(head: HeadMotion, lens: Lens, at: Tensor, shape: Tensor, rigid: Tensor, strength: Tensor) -> Tensor:
    """Displacement (T, 2, h, w) in pixels of the places `at` (3, h, w) with depth, moved by the expression
    `shape` (T, 3, h, w) and, weighted by `rigid` (h, w) and the guard's `strength` (T,), by the head."""
    size = shape.shape[-2:]
    places = at.flatten(1) + shape.flatten(2)  # (T, 3, hw)
    moved = head.project(places, lens).unflatten(2, size)
    moved -= places[:, :2].unflatten(2, size)
    return torch.addcmul(shape[:, :2], moved, rigid * strength[:, None, None, None])


def guard_strength(head: HeadMotion, lens: Lens, at: Tensor, rigid: Tensor, matters: Tensor) -> Tensor:
    """(T,) in (0, 1]: the largest share of the head's displacement d with det(I + grad d) >= FLATTEST everywhere.

    at (3, h, w), rigid (h, w) on a regular grid; matters (h, w) bool. With J = grad d, det(I + k J) is a quadratic
    in k, so its first crossing is known in closed form.
    """
    step = float(at[0, 0, 1] - at[0, 0, 0])
    moved = head.project(at.flatten(1)[None], lens).unflatten(2, rigid.shape)
    share = _first_crossing((moved - at[:2]) * rigid, step, FLATTEST)  # (T, h - 2, w - 2)
    share = torch.where(matters[1:-1, 1:-1], share, torch.full_like(share, FAR))
    return soft_minimum(share.flatten(1).amin(1))


def guard_shapes(layers: list[Tensor], step: float) -> Tensor | None:
    """(T, 1, h, w) in (0, 1], how far each place may follow its shapes without folding, or None where it may fully.

    layers: displacements (T, 2 or 3, h, w) at nodes `step` pixels apart.
    """
    share = torch.stack([_first_crossing(layer[:, :2], step, FLATTEST_SHAPE) for layer in layers]).amin(0)
    if float(share.amin()) >= 1.0:
        return None
    share = F.pad(share[:, None].clamp(max=1.0), (1, 1, 1, 1), mode="replicate")
    lowest = -F.max_pool2d(-F.pad(share, (4, 4, 4, 4), mode="replicate"), 5, stride=1)
    return F.avg_pool2d(lowest, 5, stride=1)


def _first_crossing(d: Tensor, step: float, least: float) -> Tensor:
    """(T, h - 2, w - 2) smallest k > 0 with det(I + k grad d) = least, FAR where there is none. d (T, 2, h, w)."""
    across = (d[:, :, 1:-1, 2:] - d[:, :, 1:-1, :-2]) / (2 * step)
    down = (d[:, :, 2:, 1:-1] - d[:, :, :-2, 1:-1]) / (2 * step)
    trace = across[:, 0] + down[:, 1]
    determinant = across[:, 0] * down[:, 1] - across[:, 1] * down[:, 0]
    # The smaller positive root of determinant k^2 + trace k + 1 - least, in the form that is stable near 0
    inner = trace.square() - 4.0 * determinant * (1.0 - least)
    k = 2.0 * (1.0 - least) / (inner.clamp_min(0.0).sqrt() - trace).clamp_min(2.0 / FAR)
    return torch.where(inner < 0, torch.full_like(k, FAR), k)


def soft_minimum(worst: Tensor) -> Tensor:
    """min(1, worst) without a corner: 1 from 1.25 on."""
    eased = 1.0 - (1.25 - worst).clamp_min(0.0).square()
    return torch.where(worst > 0.75, eased, worst).clamp(max=1.0)


def invert(field: Tensor, left_top: Tensor, step: float, targets: Tensor, steps: int = NEWTON_STEPS) -> Tensor:
    """Where targets come from: s (T, 2, h, w) with s + d(s) = target, in pixels, by Newton's method.

    field (T, 2, H, W): d at nodes `step` pixels apart, the first at left_top (2,); targets (T or 1, 2, h, w).
    """
    height, width = field.shape[-2:]
    scale = field.new_tensor([2.0 / (step * (width - 1)), 2.0 / (step * (height - 1))]).view(1, 2, 1, 1)
    padded = F.pad(field, (1, 1, 1, 1), mode="replicate")
    across = (padded[:, :, 1:-1, 2:] - padded[:, :, 1:-1, :-2]) / (2 * step)
    down = (padded[:, :, 2:, 1:-1] - padded[:, :, :-2, 1:-1]) / (2 * step)
    known = torch.cat([field, across, down], dim=1).contiguous(memory_format=torch.channels_last)
    target = (targets - left_top.view(1, 2, 1, 1)) * scale - 1.0
    target = target.expand(field.shape[0], -1, -1, -1)
    source = target.clone()
    for _ in range(steps + 1):
        value = sample(known, source)
        dx, dy, xx, yx, xy, yy = value.unbind(1)
        rest_x = (source[:, 0] - target[:, 0]) / scale[0, 0, 0, 0] + dx
        rest_y = (source[:, 1] - target[:, 1]) / scale[0, 1, 0, 0] + dy
        xx, yy = xx + 1.0, yy + 1.0
        inverse = 1.0 / (xx * yy - xy * yx).clamp_min(MIN_DETERMINANT)
        step_x = ((yy * rest_x - xy * rest_y) * inverse).clamp(-MAX_STEP, MAX_STEP)
        step_y = ((xx * rest_y - yx * rest_x) * inverse).clamp(-MAX_STEP, MAX_STEP)
        source = source - torch.stack([step_x, step_y], dim=1) * scale
    return (source + 1.0) / scale + left_top.view(1, 2, 1, 1)


def sample(texture: Tensor, at: Tensor, mode: str = "bilinear") -> Tensor:
    """texture (T or 1, C, H, W) at (T, 2, h, w) in [-1, 1] -> (T, C, h, w); beyond the edge the edge holds."""
    if texture.shape[0] != at.shape[0]:
        texture = texture.expand(at.shape[0], -1, -1, -1)
    return F.grid_sample(texture, at.permute(0, 2, 3, 1), mode=mode, padding_mode="border", align_corners=True)
