"""The light of a smile: the fold from the nose's wing past the mouth's corner darkens, the cheek above is lit.

A photo pulled into a smile has neither, and looks pulled. The maps lie on the coarse grid; they are warped with it.
"""

import torch
from torch import Tensor

from ... import arkit
from .fields import NODES
from .filters import smoothstep
from .layout import FaceLayout

FOLDS = ((129, 203, 206, 216), (358, 423, 426, 436))  # right and left, from the nose's wing down
CHEEKS = (50, 280)
FOLD_WIDTH, CHEEK_SIZE = 0.035, 0.13  # units
FOLD_DEPTH, CHEEK_LIGHT = 0.11, 0.05  # share of the light at a full smile
TINT = (0.80, 1.0, 1.10)  # skin's shadows are warm
SMILES = [arkit.INDEX["mouthSmileRight"], arkit.INDEX["mouthSmileLeft"]]


def build_shading(layout: FaceLayout, strength: float) -> Tensor:
    """(2, NODES, NODES): change of light at a full smile of the right and of the left corner."""
    step = layout.size / NODES
    line = (torch.arange(NODES) + 0.5) * step
    at = layout.to_face(torch.stack(torch.meshgrid(line, line, indexing="xy"), dim=-1))  # (N, N, 2)
    maps = []
    for fold, cheek, outwards in zip(FOLDS, CHEEKS, (-1.0, 1.0), strict=True):
        points = layout.points[list(fold)]
        distance = torch.stack([_to_segment(at, a, b) for a, b in zip(points[:-1], points[1:], strict=True)]).amin(0)
        begin = smoothstep(0.0, 0.08, at[..., 1] - points[0, 1] + 0.03)  # fades in below the wing
        dark = torch.exp(-((distance / FOLD_WIDTH) ** 2)) * begin
        middle = layout.points[cheek] + torch.tensor([0.02 * outwards, -0.02])
        light = torch.exp(-((at - middle) / CHEEK_SIZE).square().sum(-1))
        maps.append(strength * (CHEEK_LIGHT * light - FOLD_DEPTH * dark))
    return torch.stack(maps)


def smile_light(maps: Tensor, change: Tensor) -> Tensor | None:
    """Change of light (T, 1, NODES, NODES) in the picture at rest, None where nobody smiles; change (T, 52 or more)."""
    smiles = change[:, SMILES].clamp(0.0, 1.0)
    return None if float(smiles.amax()) < 1e-3 else torch.einsum("tk,khw->thw", smiles, maps)[:, None]


def _to_segment(at: Tensor, a: Tensor, b: Tensor) -> Tensor:
    along = ((at - a) @ (b - a) / (b - a).square().sum()).clamp(0.0, 1.0)
    return (at - a - along[..., None] * (b - a)).norm(dim=-1)
