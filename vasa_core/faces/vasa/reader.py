"""Reads motion of the space 'vasa' off filmed faces, with the encoders that the face model was trained with."""

from __future__ import annotations

import torch
from torch import Tensor

from ...errors import BadInput
from ...types import Motion, MotionSpace
from .codes import resized
from .network import FaceNetwork

CHUNK = 16  # frames read at once


class VasaReader:
    """A MotionReader of one trained network. Pose is absolute; dynamics is what that network calls z_dyn."""

    def __init__(self, network: FaceNetwork, space: MotionSpace) -> None:
        self.network, self.space = network, space

    @torch.no_grad()
    def read(self, crops: Tensor, fps: float) -> Motion:
        """crops (T, 3, S, S) in [0, 1], one fixed crop over time. Raises BadInput where there are none."""
        if crops.ndim != 4 or crops.shape[0] == 0 or crops.shape[1] != 3:
            raise BadInput(f"The crops have shape {tuple(crops.shape)}; the motion reader needs (frames, 3, S, S).")
        place, size = self.network.decoder.output.weight, self.network.preset.size
        poses, dynamics = [], []
        for part in crops.split(CHUNK):
            pose, code = self.network.read_motion(resized(part.to(place.device), size).to(place.dtype))
            poses.append(pose.float().cpu())
            dynamics.append(code.float().cpu())
        return Motion(torch.cat(poses), torch.cat(dynamics), fps, self.space)
