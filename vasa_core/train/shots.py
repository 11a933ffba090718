"""Watching a video: where the face is in every frame, where a shot ends, and which frames are of no use.

watch(vision, pictures, fps, smallest) -> Watched       every frame once, at 6 KB a frame
usable_spans(watched, ...)                              what can become clips, and how many frames cannot, and why
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from math import radians

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from ..errors import BadInput
from ..faces.mesh.rig import FaceFrame
from ..geometry import pose_from_rotation
from ..vision.detect import find_faces, landmark_boxes
from ..vision.model import Vision
from ..vision.sampling import overlap
from ..vision.track import SAME, FaceFollower

FAULTS = ("", "next to a cut", "no face", "several faces", "face too small", "turned away", "picture stands still")
"""Why a frame is of no use, in rising order of what is said where several hold; '' is a good one."""
FINE, AT_CUT, NO_FACE, SEVERAL, SMALL, TURNED, STILL = range(len(FAULTS))

LOST = 0.2  # seconds without a face that are filled in
FROZEN = 0.5  # seconds in which nothing at all moves
LOOK_EVERY = 1.0  # seconds between two searches for further faces
COMPARABLE = 0.5  # side of another face over that of the followed one, from which there are two people
TURN = radians(45), radians(60)  # pitch, yaw: beyond, half of the face is hidden
AT_CUT_FRAMES = 2  # on either side of a cut
OTHER_COLOURS = 0.35  # share of the pixels that must change colour between two frames of different shots
JUMP, STEP = 0.2, 0.04  # shift of the landmarks over the face's extent: a cut in any case, a cut if it stands alone
FLICKER = 0.03  # change of a thumbnail in [0, 1] that is a cut if it stands alone
ALONE, NEAR = 3.0, 3  # such a change is so many times that of all frames this near
NOTHING = 5e-4  # largest change of a thumbnail's cell, in [0, 1], where the picture stands still
THUMBNAIL = (24, 32)
Progress = Callable[[int], None]  # frames done; what it raises ends the run


@dataclass(frozen=True)
class Watched:
    """landmarks (T, 478, 3) in pixels of the video, NaN where no face was found; cuts (T,) bool, true where a shot
    begins; faults (T,) uint8, places in FAULTS."""

    landmarks: Tensor
    cuts: Tensor
    faults: Tensor


def watch(
    vision: Vision, pictures: Iterable[np.ndarray], fps: float, smallest: float, progress: Progress | None = None
) -> Watched:
    """Watch a video's pictures (H, W, 3) uint8; smallest: pixels of its longer side below which a face is too small.

    Raises BadInput where there are no pictures or they change their size on the way.
    """
    follower = FaceFollower(vision, 0, 0, None)
    patience, every = max(1, round(LOST * fps)), max(1, round(LOOK_EVERY * fps))
    landmarks, colours, changes, largest, company = [], [0.0], [0.0], [1.0], []
    before, shape = None, None
    for number, picture in enumerate(pictures):
        if shape not in (None, picture.shape):
            raise BadInput("The video changes its size on the way. Cut it where the size changes.")
        shape = picture.shape
        frame = torch.from_numpy(picture).permute(2, 0, 1).float().div_(255.0)
        resting = follower.missing > patience and number % patience
        points = None if resting else follower.read(frame)
        landmarks.append(torch.full((478, 3), torch.nan) if points is None else points)
        if number % every == 0:
            company.append(points is not None and _others(vision, frame, points))
        now = F.adaptive_avg_pool2d(frame, THUMBNAIL), _histogram(picture)
        if before is not None:
            change = (now[0] - before[0]).abs()
            changes.append(float(change.mean()))
            largest.append(float(change.max()))
            colours.append(float((now[1] - before[1]).abs().sum()) / 2)
        before = now
        if progress is not None:
            progress(number + 1)
    if not landmarks:
        raise BadInput("The video has no frames.")
    points = torch.stack(landmarks)
    cuts = _cuts(points, torch.tensor(colours), torch.tensor(changes))
    faults = torch.zeros(len(points), dtype=torch.uint8)
    near_cut = F.max_pool1d(cuts[None].float(), 2 * AT_CUT_FRAMES + 1, 1, AT_CUT_FRAMES)[0].bool()
    faults[near_cut] = AT_CUT
    lost = points[:, 0, 0].isnan()
    faults[_long_runs(lost, patience)] = NO_FACE
    alone = torch.tensor(company).repeat_interleave(every)[: len(points)]
    faults[alone | torch.cat([alone[every:], alone[-every:]])[: len(points)]] = SEVERAL
    faults[_extent(points) < smallest] = SMALL
    turn = pose_from_rotation(FaceFrame.from_landmarks(points).axes)[:, :2].abs()
    faults[(turn > torch.tensor(TURN)).any(1)] = TURNED
    faults[_long_runs(torch.tensor(largest) < NOTHING, max(1, round(FROZEN * fps)))] = STILL
    return Watched(points, cuts, faults)


@dataclass(frozen=True)
class Stretch:
    """Frames [first, stop) of a video. fault: why they are of no use; '' for what can become a clip."""

    first: int
    stop: int
    fault: str = ""

    @property
    def frames(self) -> int:
        """How many."""
        return self.stop - self.first


def stretches(watched: Watched, shortest: int, longest: int, heard: int) -> list[Stretch]:
    """The whole video, in order: clips of `shortest` to `longest` frames, each within one shot, and what lies between.

    What is longer than `longest` is divided into equal clips. heard: frames that the sound covers.
    """
    faults = [FAULTS[fault] for fault in watched.faults.tolist()]
    faults[heard:] = ["no sound"] * (len(faults) - heard)
    cuts = watched.cuts.tolist()
    begins = [k for k in range(len(faults)) if k == 0 or faults[k] != faults[k - 1] or cuts[k]]
    found = []
    for first, stop in zip(begins, [*begins[1:], len(faults)], strict=True):
        fault = faults[first] or ("too short" if stop - first < shortest else "")
        parts = 1 if fault else -(-(stop - first) // longest)
        marks = [first + (stop - first) * k // parts for k in range(parts + 1)]
        found += [Stretch(a, b, fault) for a, b in zip(marks[:-1], marks[1:], strict=True)]
    return found


def _others(vision: Vision, frame: Tensor, points: Tensor) -> bool:
    """Whether a face comparable to the one at points (478, 3) is elsewhere in frame (3, H, W)."""
    own = landmark_boxes(points[None])
    for face in find_faces(vision, frame):
        box = landmark_boxes(face.landmarks[None]).cpu()
        if float(overlap(box, own)) < SAME and _side(box) >= COMPARABLE * _side(own):
            return True
    return False


def _side(box: Tensor) -> float:
    return float((box[0, 2:] - box[0, :2]).max())


def _extent(points: Tensor) -> Tensor:
    """(T,) longer side of landmarks (T, 478, 3); NaN where there are none."""
    return (points[..., :2].amax(1) - points[..., :2].amin(1)).amax(1)


def _histogram(picture: np.ndarray) -> Tensor:
    """(64,) shares of the colours of (H, W, 3) uint8, four levels a channel."""
    levels = picture[::4, ::4].astype(np.int64) >> 6
    counts = np.bincount((levels @ (16, 4, 1)).ravel(), minlength=64)
    return torch.from_numpy(counts / counts.sum()).float()


def _cuts(points: Tensor, colours: Tensor, changes: Tensor) -> Tensor:
    """(T,) bool: other colours at once, a leap of the face, or a change that stands alone. The first frame is none."""
    seen = ~points[:, 0, 0].isnan()
    last = torch.where(seen, torch.arange(len(points)), -1).cummax(0).values.clamp_min(0)
    known = points[last]  # lost frames as the one before, so that a leap over them is seen, too
    leap = torch.zeros(len(points))
    leap[1:] = known.diff(dim=0)[..., :2].norm(dim=-1).mean(-1) / _extent(known)[1:]
    leap = leap.nan_to_num(0.0)
    alone = _stands_alone(leap, STEP) | _stands_alone(changes, FLICKER)
    return (colours > OTHER_COLOURS) | (leap > JUMP) | alone


def _stands_alone(values: Tensor, least: float) -> Tensor:
    """(T,) bool: values (T,) above `least` and ALONE times all those within NEAR frames."""
    around = F.pad(values, (NEAR, NEAR)).unfold(0, 2 * NEAR + 1, 1).clone()  # (T, 7)
    around[:, NEAR] = 0.0
    return (values > least) & (values > ALONE * around.amax(1))


def _long_runs(flags: Tensor, longest: int) -> Tensor:
    """(T,) bool: those of flags (T,) that stand in runs of more than `longest`."""
    result = torch.zeros_like(flags)
    ends = torch.cat([flags.new_zeros(1), flags, flags.new_zeros(1)]).int().diff().nonzero()[:, 0].view(-1, 2)
    for first, stop in ends.tolist():
        result[first:stop] = stop - first > longest
    return result
