"""The four vision networks as one module with one shipped weights file."""

from pathlib import Path

import torch
from torch import Tensor, nn

from ..weights import checkpoint
from .blazeface import FarDetector, NearDetector
from .face_mesh import FaceMesh
from .matte import MatteNetwork

ARCHITECTURE = "vision"


class Vision(nn.Module):
    """near, far: face detectors; mesh: 478 points of a face; matte: the person's outline.

    Its functions are in detect.py (find_faces), landmarks.py, crop.py (crop_face, paste_back) and track.py.
    """

    def __init__(self) -> None:
        super().__init__()
        self.near = NearDetector()
        self.far = FarDetector()
        self.mesh = FaceMesh()
        self.matte = MatteNetwork()

    def prepare(self, image: Tensor) -> Tensor:
        """`image` where the weights are, in float32, which the weights keep too: coordinates need it."""
        return image.to(next(self.parameters()).device, torch.float32)


def load_vision(path: str | Path | None = None) -> Vision:
    """The networks with the shipped weights, or those of `path`, in eval mode on the CPU, without gradients.

    Raises WeightsError where the file is missing, truncated or of another architecture.
    """
    path = checkpoint.shipped("vision.safetensors") if path is None else Path(path)
    tensors, _ = checkpoint.load(path, ARCHITECTURE)
    with torch.device("meta"):
        vision = Vision()
    vision = vision.to_empty(device="cpu")
    checkpoint.load_into(vision, tensors, path.name)
    vision = vision.to(memory_format=torch.channels_last)  # a quarter faster on a CPU
    return vision.eval().requires_grad_(False)
