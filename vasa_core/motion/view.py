"""A motion as curves for a viewer: in units that people read, and few enough points for a browser."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ..arkit import ARKIT, INDEX, LOOK_SIDEWAYS, LOOK_VERTICAL
from ..errors import BadInput
from ..types import Motion

MOST_POINTS = 2000
FIRST_CODES = 8  # of a space whose dynamics carry no names


@dataclass(frozen=True)
class Channel:
    """One curve (T,): `values` in `unit`, drawn on one scale with the others of its `group`."""

    name: str
    group: str
    unit: str
    values: Tensor


def viewed(motion: Motion) -> list[Channel]:
    """Pose in degrees, half crops and as a factor of size, then what the face does.

    ARKit's blendshapes as mouth, lids, brows (up is positive) and gaze in the head; of another space its first codes by
    number. Raises BadInput where the motion holds values that are not finite.
    """
    pose, dynamics = (part.detach().cpu().float() for part in (motion.pose, motion.dynamics))
    if not (pose.isfinite().all() and dynamics.isfinite().all()):
        raise BadInput("The input 'motion' holds values that are not numbers. Load or generate it again.")
    turn = torch.rad2deg(pose[:, :3])
    head = [Channel(name, "head", "°", turn[:, k]) for k, name in ((1, "yaw"), (0, "pitch"), (2, "roll"))]
    place = [Channel("x", "place", "", pose[:, 3]), Channel("y", "place", "", pose[:, 4])]
    size = Channel("scale", "scale", "×", pose[:, 5].exp())
    if motion.space == ARKIT:
        return [*head, *place, size, *_named(dynamics)]
    return [*head, *place, size, *(Channel(f"{k + 1}", "codes", "", v) for k, v in enumerate(dynamics.T[:FIRST_CODES]))]


def _named(dynamics: Tensor) -> list[Channel]:
    def one(name: str) -> Tensor:
        return dynamics[:, INDEX[name]]

    def both(name: str) -> Tensor:
        return (one(name + "Left") + one(name + "Right")) / 2

    brows = (one("browInnerUp") + both("browOuterUp")) / 2 - both("browDown")
    sideways = one("eyeLookOutLeft") - one("eyeLookInLeft") + one("eyeLookInRight") - one("eyeLookOutRight")
    gaze_yaw = torch.rad2deg(sideways / 2 * LOOK_SIDEWAYS)
    gaze_pitch = torch.rad2deg((both("eyeLookUp") - both("eyeLookDown")) * LOOK_VERTICAL)
    return [
        Channel("jaw", "mouth", "", one("jawOpen")),
        Channel("smile", "mouth", "", both("mouthSmile")),
        Channel("pucker", "mouth", "", one("mouthPucker")),
        Channel("blink", "eyes", "", both("eyeBlink")),
        Channel("brows", "eyes", "", brows),
        Channel("gaze yaw", "gaze", "°", gaze_yaw),
        Channel("gaze pitch", "gaze", "°", gaze_pitch),
    ]


def thinned(values: Tensor, most: int = MOST_POINTS) -> tuple[Tensor, float]:
    """A curve (T,) in at most `most` points, and how many frames each stands for.

    A longer one keeps the lowest and the highest value of every few frames, in their order: a blink is never lost.
    """
    if len(values) <= most:
        return values, 1.0
    frames = -(-len(values) // (most // 2))
    missing = -len(values) % frames
    spans = torch.cat([values, values[-1:].expand(missing)]).unflatten(0, (-1, frames))  # (N, frames)
    ends = torch.stack([spans.argmin(1), spans.argmax(1)], 1).sort(1).values  # (N, 2)
    return spans.gather(1, ends).flatten(), frames / 2
