"""Lip sync, S_C and S_D: how well, and when, a speaking face fits its sound, by the released SyncNet.

    faces = sync_faces(load_vision(), video, video.fps)
    score_sync(load_syncnet(path), faces, video.fps, audio)  ->  SyncScore(confidence, distance, offset_frames)

Steps and constants are those of the published evaluation (github.com/joonson/syncnet_python): 25 frames and 100 spectra
a second; every window of five frames against the sounds up to 15 frames before and after; the distances' mean over
the windows. Their least is S_D, and their median less the least is S_C.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from math import floor
from typing import Protocol

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..audio.mfcc import RATE, mfcc
from ..audio.resample import resample
from ..errors import BadInput
from ..geometry import apply_homography
from ..types import Audio
from ..vision.detect import landmark_boxes
from ..vision.model import Vision
from ..vision.track import FaceTrack, track_face
from .syncnet import FRAMES, SIDE, SPECTRA

FPS = 25
PER_FRAME = 4  # spectra
FARTHEST = 15  # frames that sound is tried before and after
SHORTEST = 2 * FARTHEST  # frames: fewer leave no shift with much to compare
MARGIN = 0.4  # of half the face's box, around it and once more below
GREY = 110  # around the picture
STEADY = 13  # frames of the median that steadies the boxes
CHUNK = 20  # windows at once

Progress = Callable[[int, int], None]  # (windows done, of all); what it raises ends the run


@dataclass(frozen=True)
class SyncScore:
    """confidence: S_C, higher is better. distance: S_D, lower is better. offset_frames: by how many frames of 40 ms
    the sound comes too early (+) or too late (-), -15 to 15; delaying it by as many puts it right."""

    confidence: float
    distance: float
    offset_frames: int


class SyncNetwork(Protocol):
    """What places faces and sound in one space; in use, metrics.syncnet.SyncNet with its released weights."""

    def see(self, faces: Tensor) -> Tensor:
        """(T, 3, 224, 224) uint8 RGB -> (T - 4, C)."""
        ...

    def hear(self, spectra: Tensor) -> Tensor:
        """(N, 13, 20) -> (N, C)."""
        ...


def sync_faces(vision: Vision, frames: Iterable[Tensor], fps: float) -> Tensor:
    """(T, 3, 224, 224) uint8 RGB: the largest face of frames (3, H, W) in [0, 1], cut as SyncNet knows faces.

    The square has its middle 0.4 of half the box's longer side below the box's, and reaches 1.4 of it to every side.
    frames are gone through twice (a list, a tensor or a VideoReader). Raises NoFaceFound as track_face does. The
    published pipeline finds boxes with another detector; ours are the outlines of the face mesh.
    """
    return faces_along(track_face(vision, frames, fps), frames)


def faces_along(track: FaceTrack, frames: Iterable[Tensor]) -> Tensor:
    """As sync_faces, of frames whose face has been tracked."""
    points = apply_homography(torch.linalg.inv(track.crop_from_image), track.landmarks[..., :2])
    boxes = landmark_boxes(points)  # (T, 4) in picture pixels
    middle, half = (boxes[:, :2] + boxes[:, 2:]) / 2, (boxes[:, 2:] - boxes[:, :2]).amax(1) / 2
    places = _steadied(torch.cat([middle, half[:, None]], dim=1)).tolist()
    cuts = [_cut(frame, *place) for frame, place in zip(frames, places, strict=True)]
    return torch.stack(cuts)


def score_sync(
    network: SyncNetwork | nn.Module, faces: Tensor, fps: float, audio: Audio, progress: Progress | None = None
) -> SyncScore:
    """S_C, S_D and the offset of faces (T, 3, 224, 224) uint8 at `fps`, as sync_faces cuts them, and their sound.

    Both begin together; what one has more than the other is left out. Frames are taken from the nearest place at 25 a
    second, sound is resampled to 16 kHz. Raises BadInput for less than 1.2 seconds.
    """
    if faces.ndim != 4 or tuple(faces.shape[1:]) != (3, SIDE, SIDE) or faces.dtype != torch.uint8:
        raise BadInput(f"The faces are {tuple(faces.shape)} of {faces.dtype}; they must be (T, 3, 224, 224) of uint8.")
    if not fps > 0:
        raise BadInput(f"The video's frame rate is {fps}; it must be above 0.")
    samples = resample(audio, RATE).samples
    length = min(round(len(faces) * FPS / float(fps)), len(samples) // (PER_FRAME * RATE // 100))
    if length < SHORTEST:
        raise BadInput(
            f"Picture and sound last {length / FPS:.2f} seconds together, too short for a sync score. "
            f"Use a clip of at least {SHORTEST / FPS:.1f} seconds."
        )
    nearest = (torch.arange(length) * (float(fps) / FPS)).round().long().clamp(max=len(faces) - 1)
    spectra = mfcc(samples).unfold(0, SPECTRA, PER_FRAME)  # (windows, 13, 20)
    windows = length - FRAMES  # one less than there are, as published
    seen, heard = [], []
    with torch.inference_mode():
        for first in range(0, windows, CHUNK):
            if progress is not None:
                progress(first, windows)
            last = min(first + CHUNK, windows)
            seen.append(network.see(faces[nearest[first : last + FRAMES - 1]]).float().cpu())
            heard.append(network.hear(spectra[first:last]).float().cpu())
    if progress is not None:
        progress(windows, windows)
    return score_points(torch.cat(seen), torch.cat(heard))


def score_points(seen: Tensor, heard: Tensor) -> SyncScore:
    """The score of points seen (N, C) and heard (N, C): row i of both is of the same time.

    Beyond the ends the sound's points are 0, as published.
    """
    padded = F.pad(heard, (0, 0, FARTHEST, FARTHEST))
    shifted = (padded[k : k + len(heard)] for k in range(2 * FARTHEST + 1))  # the earliest sound first
    distances = torch.stack([F.pairwise_distance(seen, sound).mean() for sound in shifted])  # (31,)
    least, place = distances.min(0)
    return SyncScore(float(distances.median() - least), float(least), FARTHEST - int(place))


def _steadied(places: Tensor) -> Tensor:
    """(T, C): the median over 13 frames; beyond the ends the first and last hold."""
    reach = STEADY // 2
    padded = torch.cat([places[:1].expand(reach, -1), places, places[-1:].expand(reach, -1)])
    return padded.unfold(0, STEADY, 1).median(dim=2).values


def _cut(frame: Tensor, x: float, y: float, half: float) -> Tensor:
    """(3, 224, 224) uint8 of frame (3, H, W), around a face's box with its middle at x, y."""
    height, width = frame.shape[1:]
    reach = half * (1 + MARGIN)
    left, top, right, bottom = (floor(v) for v in (x - reach, y - half, x + reach, y + half * (1 + 2 * MARGIN)))
    beyond = [max(0, -left), max(0, right - width), max(0, -top), max(0, bottom - height)]
    inside = frame[:, max(top, 0) : bottom, max(left, 0) : right].float() * 255
    square = F.pad(inside, beyond, value=GREY)[None]
    return F.interpolate(square, (SIDE, SIDE), mode="bilinear")[0].round().clamp(0, 255).to(torch.uint8)
