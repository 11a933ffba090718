"""What the motion stage learns from, read off clips once and kept on disk: motion codes, and audio features.

    FOLDER/read/READER/CLIP.safetensors     motion (T, 6 + D), gaze (T, 2) and emotion (8,) where they are known
    FOLDER/heard/ENCODER/CLIP.safetensors   features (T, C) float16

READER and ENCODER are named after their weights, so those of another training are never taken for these. A run that was
stopped goes on with the clips that are missing; a clip that has changed is read again. Per hour of video these files
take about 0.05 GB of motion (D = 128) and 0.14 GB of features (C = 768).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn

from ..audio import weights_of
from ..errors import NoFaceFound, OutputError
from ..motion.conditions import WINDOW
from ..motion.edit import resample
from ..motion.labels import arkit_gaze
from ..pipeline import counted_from_calm
from ..types import Audio, AudioEncoder, Motion, MotionSpace
from ..weights import checkpoint
from .distributed import ALONE, World
from .readers import NamedReader
from .talking_clips import MotionClips, TalkingClip

MOTION, FEATURES = "vasa-clip-motion-1", "vasa-clip-features-1"
POSITION = MotionSpace("position", 2)  # of gaze, so that it moves to another frame rate as motion does
SAID_EVERY = 20  # clips
Say = Callable[[str], None]


@dataclass(frozen=True)
class ReadClip:
    """The two files of a clip of `frames` frames at the motion model's rate."""

    motion: Path
    features: Path
    frames: int


def extract(
    clips: MotionClips, reader: NamedReader, encoder: nn.Module, fps: float, say: Say, world: World = ALONE
) -> list[ReadClip]:
    """Read every clip that is not read yet, at `fps` frames a second; returns those that last for a window or more.

    Head pose counts from the clip's median, as a motion model's counts from the portrait's own. A clip in which the
    reader finds no face is said, and left out from then on. Several processes each begin at another place of the list,
    and pass over what others have read.
    """
    motions, heard = clips.folder / "read" / reader.key, clips.folder / "heard" / encoder_key(encoder)
    _make(motions, heard)
    names, read, found = list(clips.names), 0, {}
    begin = world.rank * len(names) // world.size
    for number, name in enumerate(names[begin:] + names[:begin], 1):
        motion, features, version = motions / f"{name}.safetensors", heard / f"{name}.safetensors", clips.version(name)
        frames = _rows(motion, MOTION, "motion", version)
        if frames is None or (frames and _rows(features, FEATURES, "features", version) != frames):
            clip = clips.clip(name)
            frames = _read(clip, name, reader, motion, fps, version, say) if frames is None else frames
            if frames:
                _hear(clip, encoder, features, fps, frames, version)
            read += 1
            if read % SAID_EVERY == 0 or number == len(names):
                say(f"reading clips: {number} of {len(names)}")
        found[name] = ReadClip(motion, features, frames)
    usable = [found[name] for name in names if found[name].frames >= WINDOW]
    if len(usable) < len(names):
        say(f"left out: {len(names) - len(usable)} clips of less than {WINDOW} frames, or without a face")
    return usable


def encoder_key(encoder: nn.Module) -> str:
    """A name for an audio encoder that is another one when its weights are."""
    return f"{encoder_name(encoder)}-{weights_of(encoder)}"


def encoder_name(encoder: AudioEncoder) -> str:
    """What the features of an audio encoder call it."""
    return encoder(Audio(torch.zeros(8000), 16000), 1, 25.0).encoder


def _read(clip: TalkingClip, name: str, reader: NamedReader, path: Path, fps: float, version: str, say: Say) -> int:
    """Write motion and labels; returns the number of frames, 0 where the reader finds no face."""
    try:
        absolute = reader.reader.read(clip.frames().float() / 255.0, clip.fps)
    except NoFaceFound as error:
        say(f"left out, clip {name}: {error}")
        checkpoint.save(path, {"motion": torch.zeros(0, reader.space.width)}, MOTION, clip=version)
        return 0
    motion = resample(absolute, fps)
    tensors = {"motion": counted_from_calm(motion).joined().float().cpu()}
    gaze = clip.gaze
    if gaze is None and absolute.space.name == "arkit":
        gaze = arkit_gaze(absolute)
    if gaze is not None:
        angles = Motion(torch.zeros(len(gaze), 6), gaze.float().cpu(), clip.fps, POSITION)
        tensors["gaze"] = resample(angles, fps, len(motion)).dynamics
    if clip.emotion is not None:
        tensors["emotion"] = clip.emotion.float()
    checkpoint.save(path, tensors, MOTION, clip=version)
    return len(motion)


def _hear(clip: TalkingClip, encoder: nn.Module, path: Path, fps: float, frames: int, version: str) -> None:
    values = encoder(clip.audio, frames, fps).values
    checkpoint.save(path, {"features": values.half().cpu()}, FEATURES, clip=version)


def _rows(path: Path, architecture: str, tensor: str, version: str) -> int | None:
    """Rows of a tensor in a file of this version; None where there is no such file, or it is not whole."""
    if not path.is_file():
        return None
    try:
        with safe_open(path, framework="pt", device="cpu") as file:
            header = file.metadata() or {}
            current = (header.get("architecture"), header.get("clip")) == (architecture, version)
            return file.get_slice(tensor).get_shape()[0] if current else None
    except SafetensorError:
        return None


def _make(*folders: Path) -> None:
    for folder in folders:
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OutputError(f"The folder {folder} cannot be made ({error.strerror}). Choose another one.") from error


def rows_of(path: Path, first: int, count: int) -> dict[str, Tensor]:
    """Rows [first, first + count) of every tensor in a file of one clip; 'emotion' whole."""
    with safe_open(path, framework="pt", device="cpu") as file:
        return {
            key: file.get_tensor(key) if key == "emotion" else file.get_slice(key)[first : first + count]
            for key in file.keys()  # noqa: SIM118
        }
