"""Clips of filmed faces on disk: what `train prepare` writes and the stages of training read.

    write_shard(path, clips)        several clips into one safetensors file
    Clips(folder)                   all clips in a folder's shards; pictures, labels and sound of any part of one

A shard holds the clips of one source video, one after another, each at a constant frame rate in one fixed crop:
    pictures (bytes,) uint8         JPEG or PNG, one file per frame        picture_ends (F,) int64
    pose (F, 6), dynamics (F, 52), gaze (F, 2), landmarks (F, 478, 3), features (F, C)      whichever were measured
    samples (N,) int16              sound at 16 kHz
and its header's 'clips' is JSON: identity, source, start, fps, frames and samples of each.

Why so: safetensors is mapped into memory and read in slices, so the face stage fetches two pictures of a clip, and the
motion stage its labels and nothing of its pictures, where a tar archive would be read whole. Every picture stands by
itself, because pairs of random frames are drawn: H.264 with a key frame every 8 frames would take a ninth of the room,
but lose more, and take three times as long to draw from (figures: benchmarks/prepare.py).
"""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from itertools import accumulate
from pathlib import Path

import numpy as np
import torch
from PIL import Image, UnidentifiedImageError
from safetensors import SafetensorError, safe_open
from torch import Tensor

from ..audio.resample import SPEECH_RATE
from ..errors import BadInput
from ..types import POSE, Audio
from ..weights import checkpoint

ARCHITECTURE = "vasa-clips-1"
JPEG_QUALITY = 95  # 45 dB: above the loss that videos come with
LANDMARK_STEP = 1 / 32  # crop pixels: landmarks are whole multiples of it in int16, up to 1024 either way


@dataclass(frozen=True)
class Labels:
    """What was measured in T frames, None where nothing was.

    pose (T, 6) as in types.Motion; dynamics (T, 52) of the space 'arkit'; gaze (T, 2) yaw and pitch in radians relative
    to the camera; landmarks (T, 478, 3) in crop pixels; features (T, C) of the audio encoder that the shard names.
    """

    pose: Tensor | None = None
    dynamics: Tensor | None = None
    gaze: Tensor | None = None
    landmarks: Tensor | None = None
    features: Tensor | None = None


@dataclass(frozen=True)
class About:
    """Whose clip it is, from which video, from which second of it on, its frame rate, and how many frames and samples
    of sound it has."""

    identity: str
    source: str
    start: float
    fps: float
    frames: int
    samples: int


@dataclass(frozen=True)
class Clip:
    """A clip to be written: pictures are `about.frames` JPEG or PNG files; samples int16 at 16 kHz, or None."""

    about: About
    pictures: Sequence[bytes]
    labels: Labels
    samples: Tensor | None = None


@dataclass(frozen=True)
class Place:
    """Where a clip lies: its shard, and its first frame and sample in it."""

    about: About
    shard: Path
    first_frame: int
    first_sample: int


NAMES = tuple(field.name for field in fields(Labels))


def as_jpeg(picture: np.ndarray) -> bytes:
    """A picture (S, S, 3) uint8 as the bytes of a JPEG file."""
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "JPEG", quality=JPEG_QUALITY)
    return file.getvalue()


def as_png(picture: np.ndarray) -> bytes:
    """A picture (S, S, 3) uint8 as the bytes of a PNG file, without loss."""
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "PNG")
    return file.getvalue()


def from_still(data: bytes, name: str = "a clip") -> Tensor:
    """(3, S, S) uint8 of the bytes of a JPEG or PNG file; BadInput, naming where it is from, where they are damaged."""
    try:
        picture = np.array(Image.open(io.BytesIO(data)).convert("RGB"))
    except (UnidentifiedImageError, OSError) as error:
        raise BadInput(f"A picture in {name} is damaged ({error}). Prepare its video again.") from error
    return torch.from_numpy(picture).permute(2, 0, 1)


def write_shard(path: str | Path, clips: Sequence[Clip], encoder: str = "", encoder_weights: str = "") -> None:
    """Write clips into one file, atomically. encoder: the name of the audio encoder behind their features, and
    encoder_weights: which of that name, see audio.weights_of.

    BadInput where there is no clip, one is shorter than two frames, lengths differ, or only some have a label.
    """
    if not clips:
        raise BadInput("A shard needs at least one clip.")
    known = _known(clips)
    for clip in clips:
        _check(clip, known)
    together = b"".join(picture for clip in clips for picture in clip.pictures)
    tensors = {
        "pictures": torch.frombuffer(bytearray(together), dtype=torch.uint8),
        "picture_ends": torch.tensor(list(accumulate(len(p) for clip in clips for p in clip.pictures))),
    }
    for name in known:
        values = torch.cat([getattr(clip.labels, name) for clip in clips])
        tensors[name] = _packed(values) if name == "landmarks" else values.float()
    samples = [clip.samples for clip in clips if clip.samples is not None]
    if samples:
        tensors["samples"] = torch.cat(samples)
    told = json.dumps([asdict(clip.about) for clip in clips], ensure_ascii=False)
    checkpoint.save(path, tensors, ARCHITECTURE, clips=told, encoder=encoder, encoder_weights=encoder_weights)


def write_clip(path: str | Path, frames: Tensor, pose: Tensor | None = None, identity: str | None = None) -> None:
    """Write a shard of one clip from frames (T, 3, S, S), uint8 or in [0, 1], without loss, and pose (T, 6) or None.

    identity: who it is, by default somebody named like the file.
    """
    if frames.ndim != 4 or frames.shape[1] != 3 or frames.shape[2] != frames.shape[3]:
        raise BadInput(f"The clip's frames have shape {tuple(frames.shape)}; square (T, 3, S, S) are needed.")
    levels = frames if frames.dtype == torch.uint8 else (frames * 255).round().clamp(0, 255).to(torch.uint8)
    pictures = [as_png(picture) for picture in levels.permute(0, 2, 3, 1).contiguous().cpu().numpy()]
    about = About(identity or Path(path).stem, Path(path).stem, 0.0, 25.0, len(pictures), 0)
    write_shard(path, [Clip(about, pictures, Labels(pose=pose))])


class Clips:
    """The clips in the shards of a folder, in the order of the shards' names; `places` lists them.

    labels: names of the labels that every shard has. encoder, encoder_weights: the one audio encoder behind all
    features, or '' where that is not known.
    Raises BadInput where there are no shards, one is not a shard, only some have a label, or encoders differ.
    """

    def __init__(self, folder: str | Path) -> None:
        self.places: list[Place] = []
        paths, known = sorted(Path(folder).glob("*.safetensors")), {}
        encoders, weights = set(), set()
        if not paths:
            raise BadInput(f"The folder {folder} holds no clips. Make them with: train prepare VIDEOS -o {folder}.")
        for path in paths:
            with _opened(path) as file:
                header, names = file.metadata(), set(file.keys())
            known[path] = names & set(NAMES)
            encoders |= {header["encoder"]} - {""}
            weights |= {header.get("encoder_weights", "")} - {""}
            first_frame = first_sample = 0
            for told in json.loads(header["clips"]):
                about = About(**told)
                self.places.append(Place(about, path, first_frame, first_sample))
                first_frame, first_sample = first_frame + about.frames, first_sample + about.samples
        self.labels = set.intersection(*known.values())
        for name in sorted(set.union(*known.values()) - self.labels):
            what = "their poses" if name == "pose" else f"the label '{name}'"
            raise BadInput(f"Only some clips in {folder} know {what}. Measure all of them, or none.")
        if len(encoders) > 1 or len(weights) > 1:
            raise BadInput(f"The clips in {folder} were heard by different audio encoders. Prepare them with one.")
        self.encoder, self.encoder_weights = "".join(encoders), "".join(weights)

    def __len__(self) -> int:
        return len(self.places)

    def identities(self) -> dict[str, list[Place]]:
        """The clips of each person."""
        found: dict[str, list[Place]] = {}
        for place in self.places:
            found.setdefault(place.about.identity, []).append(place)
        return found

    def pictures(self, place: Place, frames: Sequence[int]) -> Tensor:
        """(len(frames), 3, S, S) uint8: these frames of a clip."""
        with _opened(place.shard) as file:
            ends, pictures = file.get_slice("picture_ends"), file.get_slice("pictures")
            shown = []
            for frame in frames:
                at = place.first_frame + frame
                start, stop = [0, *ends[max(0, at - 1) : at + 1].tolist()][-2:]
                shown.append(from_still(pictures[start:stop].numpy().tobytes(), place.shard.name))
        return torch.stack(shown)

    def measured(self, place: Place, first: int = 0, frames: int | None = None, names: Sequence[str] = NAMES) -> Labels:
        """The labels `names` of `frames` frames from `first` on, by default of the whole clip; those it knows."""
        count = place.about.frames - first if frames is None else frames
        span = slice(place.first_frame + first, place.first_frame + first + count)
        with _opened(place.shard) as file:
            read = {name: file.get_slice(name)[span] for name in names if name in self.labels}
        if "landmarks" in read:
            read["landmarks"] = read["landmarks"].float() * LANDMARK_STEP
        return Labels(**read)

    def sound(self, place: Place) -> Audio:
        """The sound of a clip; BadInput where it has none."""
        if not place.about.samples:
            raise BadInput(f"The clip at {place.about.start:.1f} s of {place.about.source} has no sound.")
        with _opened(place.shard) as file:
            samples = file.get_slice("samples")[place.first_sample : place.first_sample + place.about.samples]
        return Audio(samples.float() / 32768.0, SPEECH_RATE)


def _known(clips: Sequence[Clip]) -> list[str]:
    """Names of the labels that all of the clips have."""
    having = {name: sum(getattr(clip.labels, name) is not None for clip in clips) for name in NAMES}
    for name, count in having.items():
        if 0 < count < len(clips):
            raise BadInput(f"Only {count} of {len(clips)} clips of a shard have the label '{name}'.")
    return [name for name, count in having.items() if count]


def _check(clip: Clip, known: Sequence[str]) -> None:
    frames, place = clip.about.frames, f"The clip at {clip.about.start:.1f} s of {clip.about.source}"
    if frames < 2 or len(clip.pictures) != frames:
        raise BadInput(f"{place} has {len(clip.pictures)} pictures; at least two are needed, and {frames} were said.")
    for name in known:
        shape = tuple(getattr(clip.labels, name).shape)
        if shape[0] != frames or (name == "pose" and shape[1:] != (len(POSE),)):
            raise BadInput(f"{place}: {name} has shape {shape} for {frames} frames.")
    if (0 if clip.samples is None else len(clip.samples)) != clip.about.samples:
        raise BadInput(f"{place} has another length of sound than was said.")


def _packed(landmarks: Tensor) -> Tensor:
    return (landmarks / LANDMARK_STEP).round().clamp(-32768, 32767).to(torch.int16)


def _opened(path: Path) -> safe_open:
    try:
        file = safe_open(path, framework="pt", device="cpu")
    except (SafetensorError, OSError) as error:
        raise BadInput(f"{path.name} is not a clip ({error}). Take it out of the folder, or write it again.") from error
    if (file.metadata() or {}).get("architecture") != ARCHITECTURE:
        raise BadInput(f"{path.name} is not a shard of clips. Take it out of the folder of clips.")
    return file
