"""What the motion stage asks of its data: clips of one person each who talks, with the sound."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Protocol

import torch
from torch import Tensor

from ..errors import BadInput
from ..types import EMOTIONS, Audio
from ..weights.checkpoint import content_hash
from .shards import Clips, Place


@dataclass(frozen=True)
class TalkingClip:
    """One person in one fixed crop.

    frames: gives (T, 3, S, S) uint8 when it is called, `fps` a second; frame i belongs to i / fps seconds of `audio`.
    gaze: (T, 2) yaw, pitch relative to the camera in radians, not finite where it was not measured, or None.
    emotion: (8,) in the order of EMOTIONS, each 0 to 1, or None where nobody said.
    """

    frames: Callable[[], Tensor]
    fps: float
    audio: Audio
    gaze: Tensor | None = None
    emotion: Tensor | None = None


class MotionClips(Protocol):
    """Clips by name. `folder` is where what is read off them is kept; a name is usable as that of a file."""

    folder: Path
    names: Sequence[str]

    def version(self, name: str) -> str:
        """A text that is another one when the clip of this name is."""
        ...

    def clip(self, name: str) -> TalkingClip:
        """The clip of this name; its frames are not read yet."""
        ...


class ShardClips:
    """The clips that `train prepare` wrote into a folder, as MotionClips.

    emotions: of source videos by name, each (8,); those of others are not known. Raises BadInput where the folder holds
    no clips, or silent ones, and for emotions of a video that is not there.
    """

    def __init__(self, folder: str | Path, emotions: Mapping[str, Tensor] | None = None) -> None:
        self.folder, self.emotions = Path(folder), dict(emotions or {})
        self.clips = Clips(folder)
        numbers: Counter[str] = Counter()
        self.places: dict[str, Place] = {}
        for place in self.clips.places:
            if not place.about.samples:
                raise BadInput(f"The clips in {folder} have no sound. Prepare videos with sound for the motion stage.")
            self.places[f"{place.shard.stem}-{numbers[place.shard.stem]:04d}"] = place
            numbers[place.shard.stem] += 1
        strangers = set(self.emotions) - {place.about.source for place in self.clips.places}
        if strangers:
            raise BadInput(f"There is an emotion of '{min(strangers)}', but no clip in {folder} is of that video.")

    @property
    def names(self) -> list[str]:
        """Shard and number."""
        return list(self.places)

    def version(self, name: str) -> str:
        """When its shard was written, which clip of it this is, and how it is said to feel."""
        place = self.places[name]
        emotion = self.emotions.get(place.about.source)
        felt = "" if emotion is None else content_hash({"emotion": emotion})[:8]
        return f"{place.shard.stat().st_mtime_ns} {json.dumps(asdict(place.about))} {felt}"

    def clip(self, name: str) -> TalkingClip:
        """Sound and gaze; pictures are decoded when they are asked for."""
        place = self.places[name]
        return TalkingClip(
            lambda: self.clips.pictures(place, range(place.about.frames)),
            place.about.fps,
            self.clips.sound(place),
            self.clips.measured(place, names=["gaze"]).gaze,
            self.emotions.get(place.about.source),
        )


def read_emotions(path: str | Path) -> dict[str, Tensor]:
    """Emotions of videos from a JSON file, {VIDEO: {EMOTION: 0 to 1}}, each as (8,) in the order of EMOTIONS."""
    path = Path(path)
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
        found = {}
        for video, mixture in told.items():
            values = torch.zeros(len(EMOTIONS))
            for emotion, amount in mixture.items():
                if emotion not in EMOTIONS:
                    raise ValueError(f"'{video}' has '{emotion}'")
                if not 0 <= amount <= 1:
                    raise ValueError(f"'{video}' has {amount} of {emotion}")
                values[EMOTIONS.index(emotion)] = amount
            found[video] = values
    except (OSError, ValueError, AttributeError, TypeError) as error:
        raise BadInput(
            f"The emotions {path.name} cannot be used ({error}). They are JSON: names of videos, each with amounts "
            f"from 0 to 1 of {', '.join(EMOTIONS)}."
        ) from error
    return found
