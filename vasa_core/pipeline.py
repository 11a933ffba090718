"""The whole way in five sentences, each a function:

    speak        audio becomes features, and features become motion
    anchor       motion, which counts from the portrait's own pose, is laid upon it
    at_rate      and moved to the video's frame rate
    render       portrait and motion become frames, a few at a time
    pasted       and, where wanted, lie in the whole picture

For a driving video, `read_motion` takes the place of `speak`. It says what the film shows; `counted_from_calm` makes
changes of that, which any portrait can go through, and `imitation` what one portrait does to look like the film.

`talk` and `drive` are these in a row. Memory does not grow with the length of the video.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from fractions import Fraction

import torch
from torch import Tensor

from . import keypoints
from .audio.align import frame_count
from .faces.mesh.reader import motion_from_landmarks
from .geometry import pose_from_rotation, rotation_from_pose
from .motion.edit import resample
from .motion.generate import Sampling, generate
from .motion.model import MotionModel
from .types import (
    Audio,
    AudioEncoder,
    Controls,
    ConvertsMotion,
    DecodesBytes,
    FaceCrop,
    FaceModel,
    HasLimits,
    Imitates,
    Motion,
    Portrait,
    ReadsFilms,
    TakesNotes,
)
from .vision.crop import paste_back
from .vision.model import Vision
from .vision.track import track_face

Progress = Callable[[int, int], None]  # (done, of all); what it raises ends the run
CHUNK = 8  # frames decoded at once


def talk(
    face_model: FaceModel,
    portrait: Portrait,
    motion_model: MotionModel,
    encoder: AudioEncoder,
    audio: Audio,
    controls: Controls | None = None,
    sampling: Sampling | None = None,
    seed: int = 0,
    fps: float | Fraction = 25,
    progress: Progress | None = None,
) -> Iterator[Tensor]:
    """uint8 (t, 512, 512, 3) pieces of a talking video that lasts as long as `audio`, within a frame."""
    motion = suited(face_model, speak(motion_model, encoder, audio, controls, sampling, seed, progress))
    motion = anchor(motion, portrait.rest)
    return render(face_model, portrait, at_rate(motion, fps, audio.duration), progress=progress)


def drive(
    face_model: FaceModel,
    portrait: Portrait,
    vision: Vision,
    frames: Iterable[Tensor],
    fps: float | Fraction,
    progress: Progress | None = None,
) -> Iterator[Tensor]:
    """uint8 (t, 512, 512, 3) pieces of the portrait moving like the face in `frames` (3, H, W), frame for frame."""
    motion = counted_from_calm(read_motion(vision, frames, fps, face_model))
    return render(face_model, portrait, anchor(motion, portrait.rest), progress=progress)


def speak(
    motion_model: MotionModel,
    encoder: AudioEncoder,
    audio: Audio,
    controls: Controls | None = None,
    sampling: Sampling | None = None,
    seed: int = 0,
    progress: Progress | None = None,
) -> Motion:
    """Motion that covers `audio`, at the motion model's frame rate; pose counts from the portrait's own.

    Raises BadInput where the encoder is not the one that the motion model was trained with.
    """
    features = encoder(audio, frame_count(audio.duration, motion_model.fps), motion_model.fps)
    generator = torch.Generator().manual_seed(seed)
    return generate(motion_model, features, controls or Controls(), sampling or Sampling(), generator, progress)


def suited(face_model: FaceModel, motion: Motion) -> Motion:
    """`motion` in the face model's space: as it is, or converted where the face model can; else WrongSpace."""
    if motion.space != face_model.space and isinstance(face_model, ConvertsMotion):
        return face_model.converted(motion)
    motion.require(face_model.space, "The face model")
    return motion


def anchor(motion: Motion, rest: Motion) -> Motion:
    """Absolute motion: the head of `rest` (one frame) turned, moved and scaled as `motion` says; dynamics as they are.

    Turns are about the viewer's axes. Raises WrongSpace where the two are of different spaces.
    """
    motion.require(rest.space, "This portrait")
    start = rest.pose[:1].to(motion.pose)  # (1, 6)
    turn = pose_from_rotation(rotation_from_pose(motion.pose) @ rotation_from_pose(start))  # (T, 3)
    return replace(motion, pose=torch.cat([turn, motion.pose[:, 3:] + start[:, 3:]], dim=1))


def counted_from_calm(motion: Motion) -> Motion:
    """Motion read from a film as changes, the inverse of `anchor`: pose counts from the median pose of the clip.

    So do the offsets of LivePortrait's keypoints, except the lips', where 0 is a closed mouth, as it is in ARKit.
    """
    calm = motion.pose.contiguous().median(dim=0, keepdim=True).values  # (1, 6); expanded tensors give wrong medians
    pose = _counted_from(calm, motion.pose)
    if motion.space == keypoints.LIVEPORTRAIT:
        return replace(motion, pose=pose, dynamics=keypoints.counted_from_calm(motion.dynamics))
    return replace(motion, pose=pose)


def imitation(face_model: FaceModel, portrait: Portrait, motion: Motion) -> Motion:
    """Motion read from a film, for `anchor` to give this portrait the pose and the expression of the film themselves.

    The head keeps its size.
    """
    if isinstance(face_model, Imitates):
        portrait.rest.require(face_model.space, "The face model")
        motion = face_model.imitated(portrait, motion)
    pose = _counted_from(portrait.rest.pose[:1].to(motion.pose), motion.pose)
    return replace(motion, pose=torch.cat([pose[:, :5], torch.zeros_like(pose[:, 5:])], dim=1))


def _counted_from(start: Tensor, pose: Tensor) -> Tensor:
    """Absolute poses (T, 6) from a start (1, 6): what `anchor` adds to it."""
    turn = pose_from_rotation(rotation_from_pose(pose) @ rotation_from_pose(start).mT)
    return torch.cat([turn, pose[:, 3:] - start[:, 3:]], dim=1)


def at_rate(motion: Motion, fps: float | Fraction, duration: float) -> Motion:
    """`motion` at another frame rate, with as many frames as cover `duration` seconds of sound."""
    return resample(motion, float(fps), frame_count(duration, float(fps)))


def read_motion(
    vision: Vision, frames: Iterable[Tensor], fps: float | Fraction, face_model: FaceModel | None = None
) -> Motion:
    """Motion of the largest face in `frames` (3, H, W) in [0, 1], one by one; pose is absolute.

    In the space of the face model where it reads films itself, which goes through `frames` twice (a list, a tensor or a
    VideoReader); else ARKit motion. Raises NoFaceFound where there is no face, or it is lost for too long.
    """
    if isinstance(face_model, ReadsFilms):
        return face_model.read_film(vision, frames, float(fps))
    track = track_face(vision, frames, float(fps))
    return motion_from_landmarks(track.landmarks, float(fps), track.size)


def render(
    face_model: FaceModel,
    portrait: Portrait,
    motion: Motion,
    chunk: int = CHUNK,
    progress: Progress | None = None,
) -> Iterator[Tensor]:
    """uint8 (t, 512, 512, 3) RGB frames of absolute `motion`, `chunk` at a time, on the face model's device.

    progress is called before each piece with the frames done. Raises WrongSpace for motion of another space.
    """
    motion.require(face_model.space, "The face model")
    for first in range(0, len(motion), chunk):
        if progress is not None:
            progress(first, len(motion))
        yield decode_uint8(face_model, portrait, motion[first : first + chunk])
    if progress is not None:
        progress(len(motion), len(motion))


def remarks(face_model: FaceModel, portrait: Portrait, motion: Motion) -> list[str]:
    """What the user should read after rendering absolute `motion`, one sentence each.

    What the portrait cannot follow, and what happened since the face model was asked last.
    """
    limits = face_model.limits(portrait, motion) if isinstance(face_model, HasLimits) else []
    return limits + (face_model.notes() if isinstance(face_model, TakesNotes) else [])


@torch.inference_mode()
def decode_uint8(face_model: FaceModel, portrait: Portrait, motion: Motion) -> Tensor:
    """(T, 512, 512, 3) uint8: by the face model's own fast way where it has one, else rounded from `decode`."""
    if isinstance(face_model, DecodesBytes):
        return face_model.decode_uint8(portrait, motion)
    frames = face_model.decode(portrait, motion)  # (T, 3, 512, 512)
    return (frames * 255.0).round().clamp(0, 255).to(torch.uint8).permute(0, 2, 3, 1)


def pasted(pieces: Iterable[Tensor], pictures: Iterable[Tensor], crop: FaceCrop) -> Iterator[Tensor]:
    """uint8 (1, H, W, 3): each 512-pixel frame of `pieces` laid back into its own of the whole `pictures`.

    pictures: (3, H, W) in [0, 1], at least as many as frames: one picture, repeated, or a film of it.
    """
    behind = iter(pictures)
    for piece in pieces:
        for frame, picture in zip(piece, behind, strict=False):  # `behind` goes on with the next piece
            face = frame.permute(2, 0, 1)[None].float() / 255.0  # (1, 3, 512, 512)
            whole = paste_back(face, picture.to(face), crop.crop_from_image)  # (1, 3, H, W)
            yield (whole * 255.0).round().clamp(0, 255).to(torch.uint8).permute(0, 2, 3, 1)
