"""A face that is posed by the rig, and seen without pixels; small films."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from pathlib import Path

import torch
from torch import Tensor

from vasa_core.arkit import ARKIT
from vasa_core.faces.mesh import rig
from vasa_core.faces.mesh.posing import posed_landmarks
from vasa_core.media.write import VideoWriter
from vasa_core.train.behaviour import set_look
from vasa_core.types import Motion
from vasa_core.vision.track import FaceTrack

CROP, FPS = 512, 25.0
PORTRAIT = rig.canonical_mesh().vertices.double() * 118.0 + torch.tensor([256.0, 250.0, 0.0]).double()


def looking(yaw: float, pitch: float, head: float = 0.0, distance: float = 1.0, frames: int = 10) -> Tensor:
    """Landmarks (frames, 478, 3) of PORTRAIT with a gaze and a head's yaw in degrees, at a distance."""
    shapes = torch.zeros(frames, 52)
    eyes = torch.tensor([[math.radians(yaw - head), math.radians(pitch)]]).expand(frames, -1)
    set_look(shapes.numpy(), eyes.numpy())
    rest = Motion(rig.head_pose(PORTRAIT, CROP)[None].float(), torch.zeros(1, 52), FPS, ARKIT)
    turned = rest.pose + torch.tensor([0.0, math.radians(head), 0.0, 0.0, 0.0, -math.log(distance)])
    return posed_landmarks(PORTRAIT, rest, Motion(turned.expand(frames, -1), shapes, FPS, ARKIT), CROP)


def write_film(path: Path, frames: int = 40, sound: bool = True, fps: int = 25, side: int = 128, seed: int = 0) -> Path:
    """A video of changing colours, with a second of noise for each of its own."""
    generator = torch.Generator().manual_seed(seed)
    rate = 16000
    noise = 0.1 * torch.randn(1, round(frames * rate / fps), generator=generator) if sound else None
    colours = torch.randint(60, 200, (frames, 1, 1, 3), generator=generator, dtype=torch.uint8)
    with VideoWriter(path, fps, noise, rate if sound else None) as writer:
        writer.write(colours.expand(-1, side, side, -1).contiguous())
    return path


def follow(landmarks: Callable[[int], Tensor], side: int = 128) -> Callable:
    """Stands in for track_face: goes through the frames, and has seen landmarks(frames) in a crop that is the frame."""

    def track_face(vision: object, frames: Iterable[Tensor], fps: float) -> FaceTrack:
        count = sum(1 for _ in frames)
        scale = torch.diag(torch.tensor([CROP / side, CROP / side, 1.0]))
        return FaceTrack(landmarks(count).float(), scale, CROP, torch.zeros(count, dtype=torch.bool), (side, side))

    return track_face
