"""The built-in face model: the picture itself on a face mesh, moved by ARKit's 52 shapes and the head's pose."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ...arkit import ARKIT
from ...errors import BadInput
from ...types import FRAME_SIZE, FaceCrop, Motion, MotionSpace
from .limits import relative_pose
from .portrait import MeshPortrait, encode
from .render import render
from .rig import canonical_mesh


class MeshNetwork(nn.Module):
    """The shipped mesh as a module, so that a host can place it; frames are rendered on its device."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("vertices", canonical_mesh().vertices.clone())

    @property
    def device(self) -> torch.device:
        """Where the host has put this model."""
        return self.vertices.device


class MeshFaceModel:
    """FaceModel of the motion space 'arkit'. Needs no weights but the shipped mesh, and no GPU."""

    space: MotionSpace = ARKIT

    def __init__(self) -> None:
        self.network = MeshNetwork()

    def encode(self, crop: FaceCrop) -> MeshPortrait:
        """Prepare a crop (3, 512, 512) with its landmarks, and its matte where there is one."""
        return encode(crop).to(self.network.device)

    @torch.no_grad()
    def decode(self, portrait: MeshPortrait, motion: Motion) -> Tensor:
        """Frames (T, 3, 512, 512) in [0, 1] of absolute motion; the portrait's rest gives back the picture."""
        portrait = self._checked(portrait, motion)
        frames = [part[..., :3].clamp(0.0, 1.0).permute(0, 3, 1, 2) for part in render(portrait, motion)]
        if not frames:
            return portrait.plate.new_zeros(0, 3, FRAME_SIZE, FRAME_SIZE)
        return torch.cat(frames)

    @torch.no_grad()
    def decode_uint8(self, portrait: MeshPortrait, motion: Motion) -> Tensor:
        """Frames (T, 512, 512, 3) uint8: `decode` rounded, at a fraction of its cost in memory."""
        portrait = self._checked(portrait, motion)
        frames = torch.empty(len(motion), FRAME_SIZE, FRAME_SIZE, 3, dtype=torch.uint8, device=portrait.plate.device)
        done = 0
        for part in render(portrait, motion):
            levels = part.mul_(255.0).round_().clamp_(0.0, 255.0).to(torch.uint8)
            frames[done : done + len(part)] = levels[..., :3]
            done += len(part)
        return frames

    def limits(self, portrait: MeshPortrait, motion: Motion) -> list[str]:
        """What this portrait cannot follow of a motion, one sentence each; empty where all of it is honoured."""
        motion.require(self.space, "The face model 'mesh'")
        return portrait.limits.exceeded(relative_pose(motion, portrait.rest)) if len(motion) else []

    def _checked(self, portrait: MeshPortrait, motion: Motion) -> MeshPortrait:
        motion.require(self.space, "The face model 'mesh'")
        if not (torch.isfinite(motion.pose).all() and torch.isfinite(motion.dynamics).all()):
            raise BadInput("The motion holds values that are not numbers. Load or generate it again.")
        return portrait.to(self.network.device)
