"""Make the thumbnails of the workflows, workflows/*.jpg, with the pack's own face model.

python -m tools.thumbnails [FOLDER]
"""

from __future__ import annotations

import sys
from math import log, radians
from pathlib import Path

import torch
from PIL import Image

from vasa_core.arkit import ARKIT, INDEX
from vasa_core.faces import load_face_model
from vasa_core.media.read import read_image
from vasa_core.pipeline import anchor
from vasa_core.types import Motion
from vasa_core.vision.crop import crop_face
from vasa_core.vision.model import load_vision

from .errors import run_command

ROOT = Path(__file__).resolve().parent.parent
SIZE = 384
Look = dict[str, float]  # blendshapes by name; yaw, pitch in degrees; distance

SAYS_A: Look = {"jawOpen": 0.55, "mouthUpperUpLeft": 0.2, "mouthUpperUpRight": 0.2, "yaw": -4, "browInnerUp": 0.3}
SAYS_O: Look = {"jawOpen": 0.35, "mouthFunnel": 0.6, "mouthPucker": 0.4, "yaw": 5, "pitch": 3}
SAYS_E: Look = {"jawOpen": 0.25, "mouthStretchLeft": 0.4, "mouthStretchRight": 0.4, "yaw": 2}
STILL: Look = {}
LOOKS_LEFT: Look = {"yaw": -12, "eyeLookInLeft": 0.5, "eyeLookOutRight": 0.5}
LOOKS_RIGHT: Look = {"yaw": 12, "eyeLookOutLeft": 0.5, "eyeLookInRight": 0.5}
NEAR_HAPPY: Look = {"distance": 0.85, "mouthSmileLeft": 0.7, "mouthSmileRight": 0.7, "cheekSquintLeft": 0.5,
                    "cheekSquintRight": 0.5}  # fmt: skip
FAR_SURPRISED: Look = {"distance": 1.25, "browInnerUp": 0.8, "browOuterUpLeft": 0.6, "browOuterUpRight": 0.6,
                       "jawOpen": 0.25, "eyeWideLeft": 0.6, "eyeWideRight": 0.6}  # fmt: skip
TURNED: Look = {"yaw": -11, "pitch": 4}

# (portrait, what it does) for each tile, two rows of two or one row of two
SHEETS: dict[str, list[tuple[str, Look]]] = {
    "talking_portrait": [("drawn", SAYS_A)],
    "controls_over_time": [
        ("drawn", LOOKS_LEFT),
        ("drawn", LOOKS_RIGHT),
        ("drawn", NEAR_HAPPY),
        ("drawn", FAR_SURPRISED),
    ],
    "three_portraits": [("astronaut", SAYS_O), ("drawn", SAYS_O)],
    "pose_only_dynamics_only": [("drawn", TURNED), ("drawn", SAYS_E)],
    "driving_video": [("astronaut", SAYS_A | {"yaw": 9}), ("drawn", SAYS_A | {"yaw": 9})],
}


def main() -> None:
    """Draw every sheet."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "workflows"
    vision, face_model = load_vision(), load_face_model("mesh")
    portraits = {}
    for name in ("astronaut", "drawn"):
        portraits[name] = face_model.encode(crop_face(vision, read_image(ROOT / "assets" / f"{name}.png")))
    for sheet, tiles in SHEETS.items():
        pictures = []
        for name, look in tiles:
            portrait = portraits[name]
            frame = face_model.decode(portrait, anchor(motion_of(look), portrait.rest))[0]
            pixels = (frame.permute(1, 2, 0).clamp(0, 1) * 255).round().to(torch.uint8).numpy()
            pictures.append(Image.fromarray(pixels))
        joined(pictures).save(folder / f"{sheet}.jpg", quality=86)


def motion_of(look: Look) -> Motion:
    """One frame of motion, relative to the portrait."""
    pose, dynamics = torch.zeros(1, 6), torch.zeros(1, len(INDEX))
    pose[0, 0], pose[0, 1] = radians(look.get("pitch", 0)), radians(look.get("yaw", 0))
    pose[0, 5] = -log(look.get("distance", 1))
    for name, amount in look.items():
        if name in INDEX:
            dynamics[0, INDEX[name]] = amount
    return Motion(pose, dynamics, 25.0, ARKIT)


def joined(pictures: list[Image.Image]) -> Image.Image:
    """One picture alone; two as halves, cut to their middle; four as quarters. SIZE x SIZE."""
    sheet = Image.new("RGB", (SIZE, SIZE))
    half = SIZE // 2
    for k, picture in enumerate(pictures):
        if len(pictures) == 1:
            tile, place = picture.resize((SIZE, SIZE), Image.Resampling.LANCZOS), (0, 0)
        elif len(pictures) == 2:
            middle = picture.resize((SIZE, SIZE), Image.Resampling.LANCZOS)
            tile, place = middle.crop((half // 2, 0, half // 2 + half, SIZE)), (k * half, 0)
        else:
            tile = picture.resize((half, half), Image.Resampling.LANCZOS)
            place = (k % 2 * half, k // 2 * half)
        sheet.paste(tile, place)
    return sheet


if __name__ == "__main__":
    run_command(main)
