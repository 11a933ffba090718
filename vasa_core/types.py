"""Every value that crosses a folder of this package, as frozen dataclasses and protocols.

The flow, in the order of the five stages:

    FaceCrop -> Portrait        one picture, encoded once
    Audio -> AudioFeatures      sound at the motion frame rate
    AudioFeatures, Controls -> Motion
    Portrait, Motion -> frames (T, 3, 512, 512) in [0, 1]

Signs, for head pose and gaze alike, as the viewer sees the picture: yaw positive to the viewer's right,
pitch positive up, roll positive clockwise. Angles are radians. Distance 1 is the portrait's own,
2 is twice as far (half the size).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Protocol, TypeVar, runtime_checkable

import torch
from torch import Tensor, nn

from .errors import BadInput, WrongSpace  # errors, like types, is the ground that all levels stand on

FRAME_SIZE = 512
POSE = ("pitch", "yaw", "roll", "tx", "ty", "log_scale")
EMOTIONS = ("anger", "contempt", "disgust", "fear", "happiness", "neutral", "sadness", "surprise")


@dataclass(frozen=True)
class Audio:
    """Mono sound: `samples` (N,) float32 in [-1, 1] at `rate` Hz."""

    samples: Tensor
    rate: int

    @property
    def duration(self) -> float:
        """Length in seconds."""
        return self.samples.shape[0] / self.rate


@dataclass(frozen=True)
class AudioFeatures:
    """`values` (T, C) at `fps` frames per second, made by the audio encoder named `encoder`.

    tail: (N, C), how the silence after the end would be heard, or None. Models of fixed windows fill the last with it.
    """

    values: Tensor
    fps: float
    encoder: str
    tail: Tensor | None = None


@dataclass(frozen=True)
class FaceCrop:
    """A square crop around one face of a picture.

    image: (3, S, S) RGB in [0, 1].
    landmarks: (478, 3) MediaPipe face mesh with irises, x and y in crop pixels (pixel centres at +0.5),
        z in the same unit, negative towards the camera.
    crop_from_image: (3, 3) homogeneous map from picture pixels to crop pixels.
    image_size: (height, width) of the whole picture in pixels.
    matte: (S, S) person matte in [0, 1], or None where no matte was computed.
    """

    image: Tensor
    landmarks: Tensor
    crop_from_image: Tensor
    image_size: tuple[int, int]
    matte: Tensor | None = None


@dataclass(frozen=True)
class MotionSpace:
    """What a dynamics code means: `name`, and its width `dynamics`. Head pose is common to all spaces."""

    name: str
    dynamics: int

    @property
    def width(self) -> int:
        """Channels of pose and dynamics together."""
        return len(POSE) + self.dynamics


@dataclass(frozen=True)
class Motion:
    """Head pose and facial dynamics over time.

    pose: (T, 6) pitch, yaw, roll in radians, tx, ty in half-crops (x right, y down), natural log of scale.
    dynamics: (T, D) in the units of `space`.
    fps: frames per second.
    origin: what it was made with, such as the motion model and the seed, for the tags of a video. Edits keep it.
    """

    pose: Tensor
    dynamics: Tensor
    fps: float
    space: MotionSpace
    origin: Mapping[str, str] = field(default_factory=dict, compare=False)

    def __post_init__(self) -> None:
        if self.pose.ndim != 2 or self.pose.shape[1] != len(POSE):
            raise BadInput(f"Motion pose has shape {tuple(self.pose.shape)}; it must be (frames, 6).")
        if self.dynamics.shape != (self.pose.shape[0], self.space.dynamics):
            raise BadInput(
                f"Motion dynamics has shape {tuple(self.dynamics.shape)}; the space '{self.space.name}' "
                f"needs ({self.pose.shape[0]}, {self.space.dynamics})."
            )

    def __len__(self) -> int:
        return self.pose.shape[0]

    def __getitem__(self, frames: slice) -> Motion:
        if not isinstance(frames, slice):
            raise TypeError("A Motion is sliced in time: motion[3:4], not motion[3].")
        return replace(self, pose=self.pose[frames], dynamics=self.dynamics[frames])

    @property
    def duration(self) -> float:
        """Length in seconds."""
        return len(self) / self.fps

    def joined(self) -> Tensor:
        """(T, 6 + D): pose and dynamics side by side."""
        return torch.cat([self.pose, self.dynamics], dim=1)

    def require(self, space: MotionSpace, user: str) -> None:
        """Raise WrongSpace unless this motion is of `space`; `user` names who asks."""
        if self.space != space:
            raise WrongSpace(
                f"{user} needs motion of the space '{space.name}', this motion is of '{self.space.name}'. "
                f"Use the face model and the motion model of one space."
            )


@dataclass(frozen=True)
class Portrait:
    """An encoded picture. Each face model adds its own tensors in a subclass.

    rest: one frame of Motion; decoding it gives back the picture.
    """

    crop: FaceCrop
    rest: Motion


@dataclass(frozen=True)
class Curve:
    """Values over time: `times` (K,) seconds, rising; `values` (K, C). One key is a constant.

    ease: 'linear', 'smooth' (monotone cubic) or 'step'. Before the first and after the last key the
    nearest key holds.
    """

    times: Tensor
    values: Tensor
    ease: str = "linear"

    @staticmethod
    def constant(*values: float) -> Curve:
        """A curve that holds `values` at all times."""
        return Curve(torch.zeros(1), torch.tensor([values], dtype=torch.float32))


@dataclass(frozen=True)
class Controls:
    """What the user asks of the motion. None means the paper's defaults: gaze at the camera, the portrait's own
    distance, and no emotion label (the motion model's learned null).

    gaze: Curve of (yaw, pitch) in radians, relative to the camera. distance: Curve of (1,), 1 is the
    portrait's own. emotion: Curve of (8,), offsets in the order of EMOTIONS, each in [0, 1].
    """

    gaze: Curve | None = None
    distance: Curve | None = None
    emotion: Curve | None = None


P = TypeVar("P", bound=Portrait)


class FaceModel(Protocol[P]):
    """Turns a portrait and a motion into frames. What some can do beyond this is declared below."""

    space: MotionSpace
    network: nn.Module

    def encode(self, crop: FaceCrop) -> P:
        """Once per picture."""
        ...

    def decode(self, portrait: P, motion: Motion) -> Tensor:
        """(T, 3, 512, 512) in [0, 1]. Stateless: decode(p, m)[k] equals decode(p, m[k:k+1])[0]."""
        ...


# What a face model may be able to do beyond that. Each ability is asked for with isinstance, and each is optional.


@runtime_checkable
class DecodesBytes(Protocol):
    """Has a faster way to frames of 8 bits than rounding those of `decode`."""

    def decode_uint8(self, portrait: Portrait, motion: Motion) -> Tensor:
        """(T, 512, 512, 3) uint8, equal to `decode` rounded."""
        ...


@runtime_checkable
class HasLimits(Protocol):
    """Cannot follow every motion."""

    def limits(self, portrait: Portrait, motion: Motion) -> list[str]:
        """What this portrait cannot follow of absolute `motion`, one sentence each for the user."""
        ...


@runtime_checkable
class TakesNotes(Protocol):
    """Remembers what the user should know of."""

    def notes(self) -> list[str]:
        """What happened since the last call, one sentence each."""
        ...


@runtime_checkable
class ConvertsMotion(Protocol):
    """Understands motion of other spaces than its own."""

    def converted(self, motion: Motion) -> Motion:
        """`motion` in the face model's space; raises WrongSpace for a space that it does not understand."""
        ...


@runtime_checkable
class ReadsFilms(Protocol):
    """Reads films in its own space, rather than as ARKit motion."""

    def read_film(self, vision: Any, frames: Iterable[Tensor], fps: float) -> Motion:
        """Absolute motion of the largest face in `frames` (3, H, W), which are gone through twice."""
        ...


@runtime_checkable
class Imitates(Protocol):
    """Can show a film's expression itself, rather than its changes."""

    def imitated(self, portrait: Portrait, motion: Motion) -> Motion:
        """`motion` read from a film, with dynamics that make this portrait look like the film."""
        ...


class MotionReader(Protocol):
    """Reads the motion of a filmed face."""

    def read(self, crops: Tensor, fps: float) -> Motion:
        """crops: (T, 3, S, S) in [0, 1], one fixed crop over time; returns T frames of motion."""
        ...


class AudioEncoder(Protocol):
    """Turns sound into features at the motion frame rate."""

    channels: int

    def __call__(self, audio: Audio, frames: int, fps: float) -> AudioFeatures:
        """Exactly `frames` frames at `fps`; frame i is centred on i / fps seconds."""
        ...
