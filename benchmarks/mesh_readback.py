"""Gaze and distance of the mesh face model, read back by mediapipe 0.10.21 from its own videos.

    python -m benchmarks.mesh_readback --mediapipe MP_PYTHON [PICTURE ...] [--keep FOLDER]

Each picture looks around (eyes alone, then with the head turning the other way, as eyes do that hold their gaze) and
comes nearer and goes away. Printed are the mean gaze error in degrees, the gain of each axis (1 is right), and the
mean absolute log of measured size times distance. Without pictures, three of the test portraits are used.
"""

from __future__ import annotations

import argparse
import math
import tempfile
from pathlib import Path

import torch
from torch import Tensor

from benchmarks.read_back import mediapipe_landmarks, write_video
from tests.shared_data import shared_folder
from vasa_core import arkit
from vasa_core.faces.mesh.gaze import gaze_and_size
from vasa_core.faces.mesh.model import MeshFaceModel
from vasa_core.media.read import read_image
from vasa_core.pipeline import anchor, render
from vasa_core.types import Motion
from vasa_core.vision.crop import crop_face
from vasa_core.vision.model import Vision, load_vision

FPS, HOLD, SETTLE = 25.0, 4, 2  # frames that each pose is held, and of these how many the tracker is given to settle
SIDEWAYS, VERTICAL, TURN = (-20.0, -10.0, 10.0, 20.0), (-12.0, -6.0, 6.0, 12.0), (-10.0, 10.0)  # degrees
DISTANCES = (0.8, 0.9, 1.1, 1.2, 1.3)
PICTURES = ("portrait_s3.jpg", "portrait_s9.jpg", "portrait_s12.jpg")


def looking(gaze_yaw: float, gaze_pitch: float, head_yaw: float = 0.0, distance: float = 1.0) -> Motion:
    """One frame that looks at a gaze (degrees, as the viewer sees it) with the head turned by head_yaw."""
    dynamics = torch.zeros(1, len(arkit.NAMES))
    sideways, up = (
        math.radians(gaze_yaw - head_yaw) / arkit.LOOK_SIDEWAYS,
        math.radians(gaze_pitch) / arkit.LOOK_VERTICAL,
    )
    for name, value in (
        ("eyeLookOutLeft", sideways),
        ("eyeLookInRight", sideways),
        ("eyeLookInLeft", -sideways),
        ("eyeLookOutRight", -sideways),
        ("eyeLookUpLeft", up),
        ("eyeLookUpRight", up),
        ("eyeLookDownLeft", -up),
        ("eyeLookDownRight", -up),
    ):
        dynamics[0, arkit.INDEX[name]] = max(0.0, min(1.0, value))
    pose = torch.tensor([[0.0, math.radians(head_yaw), 0.0, 0.0, 0.0, -math.log(distance)]])
    return Motion(pose, dynamics, FPS, arkit.ARKIT)


def programme() -> tuple[list[Motion], Tensor]:
    """The poses, and what each should read as: (n, 3) gaze yaw and pitch in radians, distance."""
    wanted = [(0.0, 0.0, 0.0, 1.0)]
    wanted += [(yaw, 0.0, 0.0, 1.0) for yaw in SIDEWAYS] + [(0.0, pitch, 0.0, 1.0) for pitch in VERTICAL]
    wanted += [(gaze, 0.0, head, 1.0) for head in TURN for gaze in (-8.0, 0.0, 8.0)]
    wanted += [(0.0, 0.0, 0.0, distance) for distance in DISTANCES]
    truth = torch.tensor([(math.radians(yaw), math.radians(pitch), far) for yaw, pitch, _, far in wanted])
    return [looking(*w) for w in wanted], truth.double()


def read_back(python: str, vision: Vision, picture: Path, folder: Path) -> dict[str, float]:
    """Render the programme for one picture and measure it."""
    model = MeshFaceModel()
    portrait = model.encode(crop_face(vision, read_image(picture)))
    poses, truth = programme()
    held = Motion(
        torch.cat([p.pose for p in poses]).repeat_interleave(HOLD, 0),
        torch.cat([p.dynamics for p in poses]).repeat_interleave(HOLD, 0),
        FPS,
        arkit.ARKIT,
    )
    video = write_video(folder / f"{picture.stem}_gaze.mp4", render(model, portrait, anchor(held, portrait.rest)), FPS)
    seen = mediapipe_landmarks(python, video).unflatten(0, (len(poses), HOLD))[:, SETTLE:].mean(1)  # (n, 478, 3)
    gaze, size = gaze_and_size(seen, seen[0])
    eyes, turned = slice(1, 1 + len(SIDEWAYS) + len(VERTICAL)), slice(1, len(poses) - len(DISTANCES))
    error = (gaze - truth[:, :2]).norm(dim=1).rad2deg()
    yaws, pitches = slice(1, 1 + len(SIDEWAYS)), slice(1 + len(SIDEWAYS), eyes.stop)
    return {
        "gaze error": float(error[turned].mean()),
        "eyes alone": float(error[eyes].mean()),
        "worst": float(error[turned].max()),
        "gain sideways": gain(gaze[yaws, 0], truth[yaws, 0]),
        "gain vertical": gain(gaze[pitches, 1], truth[pitches, 1]),
        "distance error": float((size * truth[:, 2]).log().abs()[-len(DISTANCES) :].mean()),
    }


def gain(measured: Tensor, wanted: Tensor) -> float:
    """Slope of measured over wanted values through zero."""
    return float((measured * wanted).sum() / wanted.square().sum())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("pictures", nargs="*", type=Path)
    parser.add_argument("--mediapipe", required=True, help="python of an environment with mediapipe 0.10.21")
    parser.add_argument("--keep", type=Path, help="folder for the videos")
    arguments = parser.parse_args()
    pictures, shared = arguments.pictures, shared_folder()
    if not pictures:
        if shared is None:
            parser.error("no pictures given, and no data folder of the tests (VASA_SHARED) found")
        pictures = [shared / "media" / name for name in PICTURES]
    vision = load_vision()
    with tempfile.TemporaryDirectory() as temporary:
        folder = arguments.keep or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        for picture in pictures:
            figures = read_back(arguments.mediapipe, vision, picture, folder)
            print(f"{picture.stem}:", *(f"{name} {value:.3f}" for name, value in figures.items()), flush=True)


if __name__ == "__main__":
    main()
