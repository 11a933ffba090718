"""Reads motion of the space 'vasa' off filmed faces, with the encoders that the face model was trained with."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice

import torch
from torch import Tensor

from ...errors import BadInput
from ...types import Motion, MotionSpace
from ...vision.model import Vision
from ...vision.track import track_face
from ...vision.warp import warp
from .codes import resized
from .framing import middle
from .network import FaceNetwork

CHUNK = 16  # frames read at once


class VasaReader:
    """A MotionReader of one trained network. Pose is absolute, in units of what the network sees of the crop;
    dynamics is what that network calls z_dyn."""

    def __init__(self, network: FaceNetwork, space: MotionSpace) -> None:
        self.network, self.space = network, space

    @torch.no_grad()
    def read(self, crops: Tensor, fps: float) -> Motion:
        """crops (T, 3, S, S) in [0, 1], one fixed crop over time. Raises BadInput where there are none."""
        if crops.ndim != 4 or crops.shape[0] == 0 or crops.shape[1] != 3:
            raise BadInput(f"The crops have shape {tuple(crops.shape)}; the motion reader needs (frames, 3, S, S).")
        return self._motion((self._picture(crop) for crop in crops), fps)

    @torch.no_grad()
    def read_film(self, vision: Vision, frames: Iterable[Tensor], fps: float) -> Motion:
        """Frames (3, H, W) in [0, 1] of a film, which are gone through twice: to find the crop, and to read.

        Memory does not grow with the film's length. Raises NoFaceFound as track_face does.
        """
        if iter(frames) is frames:
            raise TypeError("frames can be gone through only once; give a list, a tensor or a VideoReader")
        track = track_face(vision, frames, fps)
        size = (track.size, track.size)
        return self._motion((self._picture(warp(f[None].float(), track.crop_from_image, size)[0]) for f in frames), fps)

    def _picture(self, crop: Tensor) -> Tensor:
        place = self.network.decoder.output.weight
        seen = middle(crop[None].to(place.device, torch.float32), self.network.preset.reach)
        small = resized(seen, self.network.preset.size)
        return small.clamp(0.0, 1.0).to(place.dtype)

    def _motion(self, pictures: Iterable[Tensor], fps: float) -> Motion:
        """pictures (1, 3, size, size) one by one."""
        poses, dynamics, rest = [], [], iter(pictures)
        while together := list(islice(rest, CHUNK)):
            pose, code = self.network.read_motion(torch.cat(together))
            poses.append(pose.float().cpu())
            dynamics.append(code.float().cpu())
        return Motion(torch.cat(poses), torch.cat(dynamics), fps, self.space)
