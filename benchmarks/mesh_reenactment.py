"""How well the mesh face model repeats a filmed face: each video drives a portrait cut from its own calmest frame.

    python -m benchmarks.mesh_reenactment --mediapipe MP_PYTHON [VIDEO ...] [--frames N] [--keep FOLDER]

The driver's crop and our output are both written as MP4 and tracked by mediapipe 0.10.21 (see mediapipe_track.py).
Printed are landmark errors over the distance of the outer eye corners, correlations and gains. Without videos,
those in the data folder of the tests are used. The tracker is of the kind that reads the driver, so the figures say
that the face obeys the motion, not that it looks real.
"""

from __future__ import annotations

import argparse
import tempfile
from itertools import islice
from math import degrees
from pathlib import Path

import torch
from torch import Tensor

from benchmarks.read_back import compared, mediapipe_landmarks, write_video
from tests.shared_data import shared_folder
from vasa_core.faces.mesh.fitting import smooth
from vasa_core.faces.mesh.limits import YAW
from vasa_core.faces.mesh.model import MeshFaceModel
from vasa_core.faces.mesh.reader import calmest_frame, motion_from_landmarks
from vasa_core.geometry import pose_from_rotation, rotation_from_pose
from vasa_core.media.read import read_video
from vasa_core.pipeline import anchor, render
from vasa_core.types import FaceCrop, Motion
from vasa_core.vision.crop import cut_crop, person_matte, span_of
from vasa_core.vision.model import load_vision
from vasa_core.vision.track import track_face

VIDEOS = ("talking_d10.mp4", "talking_d11.mp4", "talking_jp_M2.mp4")


def reenact(video: Path, folder: Path, most: int | None = None) -> tuple[Path, Path, Tensor]:
    """Write the driver's crop and our repetition of it; returns both paths, and the frames (T,) within the limits.

    most: only the first so many frames are used.
    """
    reader, vision = read_video(video), load_vision()
    fps = float(reader.fps)
    track = track_face(vision, islice(reader, most), fps)
    motion = motion_from_landmarks(track.landmarks, fps, track.size)
    calm = calmest_frame(smooth(track.landmarks.double()))
    span = span_of(track.crop_from_image, track.size)
    crops = torch.stack([cut_crop(frame, span, track.size) for frame in islice(reader, len(motion))])
    matte = person_matte(vision, crops[calm])
    picture = FaceCrop(crops[calm], track.landmarks[calm], track.crop_from_image, track.image_size, matte)
    model = MeshFaceModel()
    portrait = model.encode(picture)
    from_calm = counted_from(motion, motion[calm : calm + 1])
    name = video.stem
    driver = write_video(folder / f"{name}_driver.mp4", [(crops * 255).round().byte().permute(0, 2, 3, 1)], fps)
    output = write_video(folder / f"{name}_mesh.mp4", render(model, portrait, anchor(from_calm, portrait.rest)), fps)
    return driver, output, from_calm.pose[:, 1].abs() <= YAW


def counted_from(motion: Motion, still: Motion) -> Motion:
    """`motion` with its pose counted from that of `still`, as anchor expects it."""
    turn = pose_from_rotation(rotation_from_pose(motion.pose) @ rotation_from_pose(still.pose).mT)
    pose = torch.cat([turn, motion.pose[:, 3:] - still.pose[:, 3:]], dim=1)
    return Motion(pose, motion.dynamics, motion.fps, motion.space)


def report(name: str, figures: dict[str, float]) -> None:
    values = (f"{k} {v:.3f}" if isinstance(v, float) else f"{k} {v}" for k, v in figures.items())
    print(f"{name}:", *values, flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("videos", nargs="*", type=Path)
    parser.add_argument("--mediapipe", required=True, help="python of an environment with mediapipe 0.10.21")
    parser.add_argument("--frames", type=int, help="only the first so many frames")
    parser.add_argument("--keep", type=Path, help="folder for the videos")
    arguments = parser.parse_args()
    videos = arguments.videos
    if not videos:
        shared = shared_folder()
        if shared is None:
            parser.error("no videos given, and no data folder of the tests (VASA_SHARED) found")
        videos = [shared / "media" / name for name in VIDEOS]
    with tempfile.TemporaryDirectory() as temporary:
        folder = arguments.keep or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        for video in videos:
            driver, output, followed = reenact(video, folder, arguments.frames)
            both = [mediapipe_landmarks(arguments.mediapipe, path) for path in (driver, output)]
            report(video.stem, compared(*both))
            if not followed.all():
                name = f"{video.stem}, frames within {degrees(YAW):.0f} degrees of yaw"
                report(name, compared(*(landmarks[followed] for landmarks in both)))


if __name__ == "__main__":
    main()
