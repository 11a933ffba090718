"""A face that is posed by the rig, and seen without pixels."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from vasa_core.arkit import ARKIT
from vasa_core.faces.mesh import rig
from vasa_core.faces.mesh.posing import posed_landmarks
from vasa_core.train.behaviour import set_look
from vasa_core.types import Motion

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
