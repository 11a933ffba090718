"""Changing a Motion without a network: take apart, scale, smooth, freeze, trim, loop, splice, other frame rates.

Every function returns a new Motion. Times are seconds. Pose is edited channel by channel (angles in radians, no
wrapping: heads do not turn that far).
"""

from __future__ import annotations

import math
from dataclasses import replace

import torch
import torch.nn.functional as F
from torch import Tensor

from ..arkit import ARKIT
from ..errors import BadInput
from ..keypoints import LIVEPORTRAIT
from ..types import Motion

POSE_PART, DYNAMICS_PART, BOTH = "pose", "dynamics", "both"
PARTS = (POSE_PART, DYNAMICS_PART, BOTH)


def combine(pose_of: Motion, dynamics_of: Motion) -> Motion:
    """The head pose of one motion with the face of another; as long as the shorter, at the second one's rate."""
    pose = resample(pose_of, dynamics_of.fps).pose
    frames = min(len(pose), len(dynamics_of))
    origin = _both_origins(dynamics_of, pose_of)
    return replace(dynamics_of, pose=pose[:frames], dynamics=dynamics_of.dynamics[:frames], origin=origin)


def scale(motion: Motion, pose: float = 1.0, dynamics: float = 1.0) -> Motion:
    """Multiply head pose and dynamics; 0 stills them, 1 leaves them. Dynamics of ARKit's kind stay within [0, 1].

    In ARKit's and LivePortrait's dynamics 0 is a calm face. A trained network's codes have no such number: they count
    from their mean over the motion.
    """
    calm = 0.0 if motion.space in (ARKIT, LIVEPORTRAIT) else motion.dynamics.mean(0)
    scaled = calm + (motion.dynamics - calm) * dynamics
    if motion.space == ARKIT:
        scaled = scaled.clamp(0.0, 1.0)
    return replace(motion, pose=motion.pose * pose, dynamics=scaled)


def smooth(motion: Motion, seconds: float, part: str = POSE_PART) -> Motion:
    """Blur over time with a Gaussian of standard deviation `seconds`; the ends hold. Length is kept."""
    _check_part(part)
    if seconds < 0:
        raise BadInput(f"Smoothing over {seconds} seconds is not possible. Use 0 or more.")
    changes = {field: blurred(getattr(motion, field), seconds * motion.fps) for field in _fields(part)}
    return replace(motion, **changes)


def freeze(motion: Motion, time: float, part: str = BOTH) -> Motion:
    """Hold what the motion shows at `time` for its whole length."""
    _check_part(part)
    frame = min(max(round(time * motion.fps), 0), len(motion) - 1)
    changes = {f: getattr(motion, f)[frame : frame + 1].expand_as(getattr(motion, f)).clone() for f in _fields(part)}
    return replace(motion, **changes)


def trim(motion: Motion, start: float = 0.0, end: float | None = None) -> Motion:
    """The frames from `start` to `end` seconds; a negative time counts from the end."""
    duration = motion.duration
    start, end = (t + duration if t is not None and t < 0 else t for t in (start, end))
    first = round(max(0.0, start) * motion.fps)
    last = len(motion) if end is None else min(len(motion), round(end * motion.fps))
    if last <= first:
        raise BadInput(f"Nothing is left of a motion of {duration:.2f} s from {start:.2f} s on. Choose other times.")
    return motion[first:last]


def loop(motion: Motion, seconds: float, blend: float = 0.4) -> Motion:
    """Repeat until `seconds` are filled, each end blended into the next start over `blend` seconds."""
    wanted = max(1, round(seconds * motion.fps))
    blend = min(blend, motion.duration / 2)
    joined = motion
    while len(joined) < wanted:
        joined = splice(joined, motion, blend)
    return joined[:wanted]


def splice(first: Motion, second: Motion, blend: float = 0.4) -> Motion:
    """One after the other, overlapping by `blend` seconds in which the first fades into the second.

    At the first one's frame rate. Raises WrongSpace for motions of two spaces.
    """
    second.require(first.space, "Splicing")
    second = resample(second, first.fps)
    overlap = min(round(blend * first.fps), len(first), len(second))
    share = torch.linspace(0, 1, overlap + 2)[1:-1, None]  # (overlap, 1), without the ends themselves
    share = 0.5 - 0.5 * torch.cos(math.pi * share)

    def joined(a: Tensor, b: Tensor) -> Tensor:
        mixed = torch.lerp(a[len(a) - overlap :], b[:overlap], share.to(a))
        return torch.cat([a[: len(a) - overlap], mixed, b[overlap:]])

    pose, dynamics = joined(first.pose, second.pose), joined(first.dynamics, second.dynamics)
    return replace(first, pose=pose, dynamics=dynamics, origin=_both_origins(first, second))


def resample(motion: Motion, fps: float, frames: int | None = None) -> Motion:
    """The same motion at another frame rate (linear in time), of `frames` frames or as many as cover it.

    Frame i is at i / fps seconds; what lies beyond the last frame holds it. For whole chains of events `frames` comes
    from the sound, so that a motion at any rate ends with it.
    """
    if frames is None:
        frames = max(1, math.ceil(len(motion) * fps / motion.fps - 1e-6))
    if fps == motion.fps and frames == len(motion):
        return motion
    position = torch.arange(frames, dtype=torch.float64) * (motion.fps / fps)
    position = position.clamp(max=len(motion) - 1)
    low = position.floor().long()
    high = (low + 1).clamp(max=len(motion) - 1)
    share = (position - low)[:, None]
    pose, dynamics = (
        torch.lerp(x[low.to(x.device)], x[high.to(x.device)], share.to(x)) for x in (motion.pose, motion.dynamics)
    )
    return replace(motion, pose=pose, dynamics=dynamics, fps=float(fps))


def blurred(values: Tensor, deviation: float) -> Tensor:
    """(T, C) convolved along time with a Gaussian of `deviation` frames."""
    radius = math.ceil(3 * deviation)
    if radius == 0:
        return values.clone()
    offsets = torch.arange(-radius, radius + 1, dtype=values.dtype, device=values.device)
    kernel = torch.exp(-0.5 * (offsets / deviation).square())
    padded = F.pad(values.mT[:, None], (radius, radius), mode="replicate")  # (C, 1, T + 2 radius)
    return F.conv1d(padded, (kernel / kernel.sum())[None, None])[:, 0].mT.contiguous()


def _both_origins(first: Motion, second: Motion) -> dict[str, str]:
    """What both were made with; where they differ, one after the other."""
    both = {**second.origin, **first.origin}
    for name, other in second.origin.items():
        if both[name] != other:
            both[name] += f", {other}"
    return both


def _fields(part: str) -> tuple[str, ...]:
    return (POSE_PART, DYNAMICS_PART) if part == BOTH else (part,)


def _check_part(part: str) -> None:
    if part not in PARTS:
        raise BadInput(f"A motion has no part '{part}'. Use one of {', '.join(PARTS)}.")
