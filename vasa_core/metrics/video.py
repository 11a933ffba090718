"""FVD_25: Frechet video distance (Unterthiner et al., 2018) between stretches of 25 consecutive frames.

Features are I3D's 400 Kinetics logits. Clips slide over each video, so that a few minutes give enough of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import torch
import torch.nn.functional as F
from torch import Tensor

from ..errors import BadInput
from .i3d import LOGITS, SIDE, VideoNetwork

CLIP = 25  # frames
STEP = 5  # frames from the start of one clip to that of the next
FEWEST = LOGITS + 1  # clips, of either kind: with fewer, the features' covariance has no full rank


def sliding_clips(frames: Iterable[Tensor], step: int = STEP) -> Iterator[Tensor]:
    """(25, 3, 224, 224) of each stretch of 25 consecutive `frames` (3, H, W) in [0, 1], one every `step` frames."""
    held: list[Tensor] = []
    for number, frame in enumerate(frames):
        held = [*held[-(CLIP - 1) :], resized(frame)]
        if len(held) == CLIP and (number + 1 - CLIP) % step == 0:
            yield torch.stack(held)


def resized(frame: Tensor) -> Tensor:
    """(3, H, W) -> (3, 224, 224), bilinear and not low-pass filtered, as FVD was published."""
    return F.interpolate(frame[None], (SIDE, SIDE), mode="bilinear", align_corners=False)[0]


@torch.inference_mode()
def clip_features(network: VideoNetwork, clips: Iterable[Tensor]) -> Tensor:
    """(N, 400) float64 on the CPU, of N `clips` (25, 3, 224, 224), one at a time on the network's device."""
    device = next(network.parameters()).device
    features = [network(clip.transpose(0, 1)[None].to(device))[0].double().cpu() for clip in clips]
    return torch.stack(features) if features else torch.zeros(0, LOGITS, dtype=torch.float64)


def fvd(made: Tensor, real: Tensor) -> float:
    """FVD of features (N, 400) and (M, 400); BadInput where either has so few clips that it would say nothing."""
    for what, features in (("generated", made), ("real", real)):
        if len(features) < FEWEST:
            raise BadInput(
                f"FVD_25 needs {FEWEST} clips of {CLIP} frames of each kind, and the {what} videos give "
                f"{len(features)}. Evaluate more or longer videos, or let the clips start closer to one another."
            )
    return frechet_distance(made, real)


def frechet_distance(a: Tensor, b: Tensor) -> float:
    """Squared 2-Wasserstein distance of the Gaussians through samples a (N, D) and b (M, D), in float64.

    |m_a - m_b|^2 + tr(A + B - 2 (A^1/2 B A^1/2)^1/2), Dowson and Landau (1982), with unbiased covariances A and B.
    """
    a, b = a.double(), b.double()
    values, vectors = torch.linalg.eigh(torch.cov(a.mT))
    root = (vectors * values.clamp_min(0).sqrt()) @ vectors.mT  # (D, D) A^1/2
    between = torch.linalg.eigvalsh(root @ torch.cov(b.mT) @ root).clamp_min(0).sqrt().sum()
    apart = (a.mean(0) - b.mean(0)).square().sum()
    return float(apart + a.var(0).sum() + b.var(0).sum() - 2 * between)
