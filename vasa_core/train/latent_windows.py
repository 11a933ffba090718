"""Training windows of the motion stage on a face model's own codes: cut from clips on disk, labelled, and with some of
what is known withheld."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Generator, Tensor

from ..errors import BadInput
from ..motion.channels import MotionChannels
from ..motion.conditions import (
    AUDIO,
    DISTANCE,
    EMOTION,
    FIELDS,
    GAZE,
    PREVIOUS,
    PREVIOUS_AUDIO,
    PREVIOUS_MOTION,
    WINDOW,
    Conditions,
)
from ..motion.labels import main_direction, usual_distance
from ..types import EMOTIONS, POSE
from .extraction import ReadClip, rows_of

LOG_SCALE = POSE.index("log_scale")
ARRIVAL = 20
"""Frames of a window by which a head that comes nearer is there."""


@dataclass(frozen=True)
class Withheld:
    """Probabilities with which a window does not get what is known: VASA-1's 0.1 each, 0.5 for the previous window.

    tail: that the sound ends inside the window. noise: deviation of the noise on the previous motion, in normalised
    units, so that the model learns to continue its own imperfect motion.
    """

    audio: float = 0.1
    gaze: float = 0.1
    distance: float = 0.1
    emotion: float = 0.1
    previous: float = 0.5
    tail: float = 0.1
    noise: float = 0.02

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if not 0 <= value <= 1:
                raise ValueError(f"{name} is {value}; it must be between 0 and 1")


@dataclass(frozen=True)
class LatentBatch:
    """clean: (B, W, K) normalised channels. conditions: of the same windows."""

    clean: Tensor
    conditions: Conditions


class LatentWindows:
    """Windows of all clips, each as likely as any other. Raises BadInput where there are no clips.

    nearer: natural log of scale by which heads are moved towards the camera or away from it, at the most, and their
    labels with them. People who are filmed hardly come nearer, and a model that never saw it cannot be asked for it.
    """

    def __init__(self, clips: Sequence[ReadClip], withheld: Withheld, nearer: float = 0.0) -> None:
        if not clips:
            raise BadInput(f"No clip lasts for {WINDOW} frames. The motion stage needs longer ones, or any at all.")
        self.clips, self.withheld, self.nearer = clips, withheld, nearer
        self.ends = torch.tensor([clip.frames - WINDOW + 1 for clip in clips]).cumsum(0)  # windows up to each clip

    def __len__(self) -> int:
        return int(self.ends[-1])

    def examples(self, count: int, generator: Generator) -> tuple[Tensor, Tensor]:
        """Features (N, C) and motion (N, 6 + D) of `count` windows of 50 frames, one after the other."""
        cut = [self._cut(number) for number in self._chosen(count, generator)]
        motion, _ = self._moved(cut, generator)
        return torch.cat([c["features"][PREVIOUS:] for c in cut]), motion[:, PREVIOUS:].flatten(0, 1)

    def batch(self, size: int, channels: MotionChannels, generator: Generator) -> LatentBatch:
        """`size` windows; `channels` on the CPU."""
        cut = [self._cut(number) for number in self._chosen(size, generator)]
        moved, distance = self._moved(cut, generator)
        motion = channels.normalise(moved)  # (B, P + W, K)
        features = torch.stack([c["features"] for c in cut])  # (B, P + W, C)
        noise = torch.randn(motion[:, :PREVIOUS].shape, generator=generator)

        def over_time(labels: Tensor) -> Tensor:
            return labels[:, None].expand(-1, WINDOW, -1)  # (B, n) -> (B, W, n)

        gaze, emotion, known = (torch.stack([c[name] for c in cut]) for name in ("gaze", "emotion", "known"))
        conditions = Conditions(
            audio=features[:, PREVIOUS:],
            gaze=over_time(gaze),
            distance=over_time(distance),
            emotion=over_time(emotion),
            previous_motion=motion[:, :PREVIOUS] + self.withheld.noise * noise,
            previous_audio=features[:, :PREVIOUS],
            keep=known & self._kept(size, generator),
            valid=self._valid(size, generator),
        )
        return LatentBatch(motion[:, PREVIOUS:], conditions)

    def _chosen(self, count: int, generator: Generator) -> list[int]:
        return torch.randint(len(self), (count,), generator=generator).tolist()

    def _cut(self, number: int) -> dict[str, Tensor]:
        """Motion (P + W, 6 + D) and features (P + W, C) of a window with what precedes it, labels, and `known` (6,),
        which conditions there are. Before a clip's first frame that frame stands, and no previous one is known."""
        place = int(torch.searchsorted(self.ends, number, right=True))
        clip, start = self.clips[place], number - (int(self.ends[place - 1]) if place else 0)
        before = min(start, PREVIOUS)
        rows = rows_of(clip.motion, start - before, before + WINDOW)
        rows |= rows_of(clip.features, start - before, before + WINDOW)
        window = slice(before, None)
        known = torch.ones(len(FIELDS), dtype=torch.bool)
        known[[PREVIOUS_MOTION, PREVIOUS_AUDIO]] = before == PREVIOUS
        seen = rows.get("gaze", torch.empty(0, 2))[window]
        seen = seen[torch.isfinite(seen).all(1)]
        known[GAZE], known[EMOTION] = len(seen) > 0, "emotion" in rows
        filling = torch.arange(PREVIOUS + WINDOW).sub(PREVIOUS - before).clamp_min(0)
        return {
            "motion": rows["motion"][filling],
            "features": rows["features"][filling].float(),
            "gaze": main_direction(seen) if len(seen) else torch.full((2,), torch.nan),
            "distance": usual_distance(rows["motion"][window, LOG_SCALE])[None],
            "emotion": rows.get("emotion", torch.full((len(EMOTIONS),), torch.nan)),
            "known": known,
        }

    def _moved(self, cut: Sequence[dict[str, Tensor]], generator: Generator) -> tuple[Tensor, Tensor]:
        """Motion (B, P + W, 6 + D) of windows that were cut, moved in depth, and their distances (B, 1). Every other
        one moves within the window, so that its distance, and not what precedes it, says where it is to be."""
        motion, distance = (torch.stack([c[name] for c in cut]) for name in ("motion", "distance"))
        if self.nearer == 0:
            return motion, distance
        before, then = (self.nearer * (2 * torch.rand(2, len(cut), 1, generator=generator) - 1)).unbind(0)
        before[::2] = then[::2]
        share = ((torch.arange(PREVIOUS + WINDOW) - PREVIOUS + 1) / ARRIVAL).clamp(0, 1)
        motion[..., LOG_SCALE] += torch.lerp(before, then, share.square() * (3 - 2 * share))  # (B, P + W)
        return motion, distance * torch.exp(-then)

    def _kept(self, size: int, generator: Generator) -> Tensor:
        """(B, 6) bool: what is not withheld; previous motion and previous audio go together."""
        w = self.withheld
        shares = {AUDIO: w.audio, GAZE: w.gaze, DISTANCE: w.distance, EMOTION: w.emotion}
        chance = torch.tensor([float(shares.get(field, w.previous)) for field in range(len(FIELDS))])
        drawn = torch.rand(size, len(FIELDS), generator=generator)
        drawn[:, PREVIOUS_AUDIO] = drawn[:, PREVIOUS_MOTION]
        return drawn >= chance

    def _valid(self, size: int, generator: Generator) -> Tensor:
        """(B, W) bool: False where the sound has ended."""
        ends = torch.randint(1, WINDOW, (size,), generator=generator)
        ends[torch.rand(size, generator=generator) >= self.withheld.tail] = WINDOW
        return torch.arange(WINDOW) < ends[:, None]
