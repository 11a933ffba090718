"""A cheap check of sound against lips: at which shift does the opening of the mouth follow the voice best?

The opening seen (landmarks) is correlated with the opening heard (the phonetic encoder's aperture) at every lag within
0.6 s. Seconds of one clip say little, so all clips of a video are taken together, and only strong evidence counts:
speech itself repeats, and a short peak elsewhere is usual. Figures on real videos: benchmarks/prepare.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt

import torch
import torch.nn.functional as F
from torch import Tensor

from ..faces.mesh import rig

FARTHEST = 0.6  # seconds of lag that are looked at
SLOW = 1.0  # seconds: slower changes of the opening are no speech
WIDTH = 0.12  # seconds about the best lag that belong to its peak
ENOUGH = 10.0  # seconds of clips, below which nothing is concluded
STRONG = 5.0  # standard errors that the correlation must be above 0
AHEAD = 0.1  # what it must exceed that of every lag outside the peak by
TOLERATED = 0.18  # seconds: trackers and compression shift what is seen by up to 0.1


@dataclass(frozen=True)
class Lag:
    """seconds: by which the sound is late (negative: early); sure: whether the evidence is strong."""

    seconds: float
    sure: bool

    @property
    def bad(self) -> bool:
        """Whether sound and lips are certainly apart."""
        return self.sure and abs(self.seconds) > TOLERATED


def lip_opening(landmarks: Tensor) -> Tensor:
    """(T,) how far the lips' middle is open in landmarks (T, 478, 3), over the distance of the outer eye corners."""
    points = landmarks.double()
    return rig.lip_gaps(rig.FaceFrame.from_landmarks(points).to_local(points))[:, 3:6].mean(1).float()


def lag_of_sound(seen: Sequence[Tensor], heard: Sequence[Tensor], fps: float) -> Lag:
    """The lag of the sound of clips: seen and heard openings (T,) of each, on one frame grid."""
    lags = range(-round(FARTHEST * fps), round(FARTHEST * fps) + 1)
    sums = torch.zeros(len(lags), 3, dtype=torch.float64)
    frames = sum(len(opening) for opening in seen)
    for a, b in zip(seen, heard, strict=True):
        if len(a) > len(lags):
            a, b = _quick(a, fps), _quick(b, fps)
            sums += torch.stack([_products(a, b, lag) for lag in lags])
    correlation = sums[:, 0] / (sums[:, 1] * sums[:, 2]).sqrt().clamp_min(1e-12)  # (lags,)
    best = int(correlation.argmax())
    elsewhere = torch.arange(len(lags)).sub(best).abs() > WIDTH * fps
    ahead = float(correlation[best] - correlation[elsewhere].max())
    strong = float(correlation[best]) * sqrt(frames * 25.0 / fps) >= STRONG
    return Lag(lags[best] / fps, frames >= ENOUGH * fps and strong and ahead >= AHEAD)


def _quick(opening: Tensor, fps: float) -> Tensor:
    """(T,) without what is slower than speech."""
    reach = round(SLOW * fps / 2)
    padded = F.pad(opening[None, None].double(), (reach, reach), mode="replicate")
    return opening.double() - F.avg_pool1d(padded, 2 * reach + 1, 1)[0, 0]


def _products(seen: Tensor, heard: Tensor, lag: int) -> Tensor:
    """(3,) sums of seen * heard, seen^2 and heard^2 where frame t of what is seen meets t + lag of what is heard."""
    a, b = seen[max(0, -lag) : len(seen) - max(0, lag)], heard[max(0, lag) : len(heard) - max(0, -lag)]
    a, b = a - a.mean(), b - b.mean()
    return torch.stack([(a * b).sum(), a.square().sum(), b.square().sum()])
