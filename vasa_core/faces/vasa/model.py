"""The paper's own face model, behind the same protocol as the others: portrait and motion become frames."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor

from ...errors import BadInput
from ...types import FRAME_SIZE, FaceCrop, Motion, MotionSpace
from ...vision.model import Vision
from .codes import resized
from .framing import MiddleFraming
from .network import FaceNetwork
from .portrait import VasaPortrait
from .reader import VasaReader

CHUNK = 8  # frames decoded at once


class VasaFaceModel:
    """FaceModel of a network's own motion space. `load_face_network` in files.py reads trained ones.

    A network of less than 512 pixels works at its own size; its frames are enlarged, and `limits` says so. `framing` is
    for crop_face: the middle of the usual crop where the network was made for that, else None.
    """

    def __init__(self, network: FaceNetwork, space: MotionSpace) -> None:
        if space.dynamics != network.preset.dynamics:
            raise ValueError(f"The network has {network.preset.dynamics} dynamics, the space {space.dynamics}.")
        self.network, self.space = network, space
        reach = network.preset.reach
        self.framing = MiddleFraming(reach) if reach < 1 else None

    @property
    def reader(self) -> VasaReader:
        """Reads the motion that this model shows."""
        return VasaReader(self.network, self.space)

    @torch.no_grad()
    def encode(self, crop: FaceCrop) -> VasaPortrait:
        """Once per picture: canonical volume, identity, and the picture's own pose and dynamics."""
        if crop.image.ndim != 3 or crop.image.shape[0] != 3 or crop.image.shape[1] != crop.image.shape[2]:
            raise BadInput(f"The face crop has shape {tuple(crop.image.shape)}; a square (3, S, S) is needed.")
        device, dtype = self._place()
        picture = resized(crop.image.to(device, torch.float32)[None], self.network.preset.size)
        face = self.network.encode(picture.clamp(0.0, 1.0).to(dtype))
        rest = Motion(face.pose.float().cpu(), face.dynamics.float().cpu(), 25.0, self.space)
        return VasaPortrait(crop, rest, face.volume, face.identity)

    @torch.no_grad()
    def decode(self, portrait: VasaPortrait, motion: Motion) -> Tensor:
        """Frames (T, 3, 512, 512) in [0, 1], float32, of absolute motion."""
        motion.require(self.space, "The face model 'vasa'")
        if not (torch.isfinite(motion.pose).all() and torch.isfinite(motion.dynamics).all()):
            raise BadInput("The motion holds values that are not numbers. Load or generate it again.")
        device, dtype = self._place()
        portrait = portrait.to(device, dtype)
        frames = torch.empty(len(motion), 3, FRAME_SIZE, FRAME_SIZE, device=device)
        for first in range(0, len(motion), CHUNK):
            part = motion[first : first + CHUNK]
            pose, dynamics = part.pose.to(device, torch.float32), part.dynamics.to(device, dtype)
            made = self.network.decode(portrait.volume, portrait.identity, pose, dynamics)
            frames[first : first + CHUNK] = _enlarged(made.float())
        return frames

    def read_film(self, vision: Vision, frames: Iterable[Tensor], fps: float) -> Motion:
        """Absolute motion of the largest face in `frames` (3, H, W), which are gone through twice."""
        return self.reader.read_film(vision, frames, fps)

    def limits(self, portrait: VasaPortrait, motion: Motion) -> list[str]:
        """What the user should know of these frames, one sentence each."""
        size = self.network.preset.size
        if size == FRAME_SIZE:
            return []
        return [f"This face model was trained at {size} x {size} pixels; its frames are enlarged to {FRAME_SIZE}."]

    def _place(self) -> tuple[torch.device, torch.dtype]:
        weight = self.network.decoder.output.weight
        return weight.device, weight.dtype


def _enlarged(frames: Tensor) -> Tensor:
    if frames.shape[-1] == FRAME_SIZE:
        return frames
    size = (FRAME_SIZE, FRAME_SIZE)
    return torch.nn.functional.interpolate(frames, size, mode="bicubic", align_corners=False).clamp(0.0, 1.0)
