"""From motion to where each pixel of a frame comes from: forward fields, fold guard, inversion, sampling.

Grids are sampled with coordinates in [-1, 1] from the centre of the first sample to that of the last.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

FLATTEST = 0.20  # least area to which the head's motion may compress any place
FLATTEST_SHAPE = 0.08  # and the face's shapes: a closing lid is compressed a lot
FAR = 1e6
MIN_DETERMINANT, MAX_STEP = 0.25, 6.0  # of Newton's method: Jacobian, pixels
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


class Inverse:
    """Finds where places come from: s with s + d(s) = target, by Newton's method.

    field (T, 2, H, W): d in pixels at nodes `step` pixels apart, the first at left_top (2,).
    """

    def __init__(self, field: Tensor, left_top: Tensor, step: float) -> None:
        height, width = field.shape[-2:]
        self.scale = field.new_tensor([2.0 / (step * (width - 1)), 2.0 / (step * (height - 1))]).view(1, 2, 1, 1)
        self.offset = -1.0 - left_top.view(1, 2, 1, 1) * self.scale
        padded = F.pad(field, (1, 1, 1, 1), mode="replicate")
        across = (padded[:, :, 1:-1, 2:] - padded[:, :, 1:-1, :-2]) * (0.5 / step)
        down = (padded[:, :, 2:, 1:-1] - padded[:, :, :-2, 1:-1]) * (0.5 / step)
        across[:, 0] += 1.0
        down[:, 1] += 1.0
        self.known = torch.cat([field, across, down], dim=1).contiguous(memory_format=torch.channels_last)

    def solve(self, targets: Tensor, steps: int, start: Tensor | None = None) -> Tensor:
        """targets (T or 1, 2, h, w) pixels -> s (T, 2, h, w); start: a first guess at s.

        Steps are short, because across a closing lid the field bends so much that long ones run in circles.
        """
        if start is None:
            grid = torch.addcmul(self.offset, targets, self.scale).expand(self.known.shape[0], -1, -1, -1)
            start = targets - sample(self.known, grid)[:, :2]
        source = start.expand(self.known.shape[0], -1, -1, -1)
        for _ in range(steps):
            value = sample(self.known, torch.addcmul(self.offset, source, self.scale))
            rest = (source - targets).add_(value[:, :2])
            xx, yx, xy, yy = value[:, 2:].unbind(1)
            inverse = torch.addcmul(xx * yy, xy, yx, value=-1.0).clamp_min_(MIN_DETERMINANT).reciprocal_()
            x = torch.addcmul(yy * rest[:, 0], xy, rest[:, 1], value=-1.0)
            y = torch.addcmul(xx * rest[:, 1], yx, rest[:, 0], value=-1.0)
            source = source - torch.stack([x, y], dim=1).mul_(inverse[:, None]).clamp_(-MAX_STEP, MAX_STEP)
        return source


def sample(texture: Tensor, at: Tensor, mode: str = "bilinear") -> Tensor:
    """texture (T or 1, C, H, W) at (T, 2, h, w) in [-1, 1] -> (T, C, h, w); beyond the edge the edge holds."""
    if texture.shape[0] != at.shape[0]:
        texture = texture.expand(at.shape[0], -1, -1, -1)
    return F.grid_sample(texture, at.permute(0, 2, 3, 1), mode=mode, padding_mode="border", align_corners=True)
