"""The motion reader of a face model, by the name or the file that settings give."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn

from ..errors import BadInput
from ..faces import load_face_model
from ..faces.liveportrait.model import LivePortraitFaceModel
from ..faces.liveportrait.reader import LivePortraitReader
from ..faces.mesh.model import MeshFaceModel
from ..faces.mesh.reader import MeshReader
from ..faces.vasa.model import VasaFaceModel
from ..types import MotionReader, MotionSpace
from ..vision.model import load_vision
from ..weights.checkpoint import content_hash


@dataclass(frozen=True)
class NamedReader:
    """A MotionReader of `space`. key: tells apart what two readers read, also in name of a folder; another for other
    weights. network: what to place on a device."""

    reader: MotionReader
    space: MotionSpace
    key: str
    network: nn.Module


def load_reader(face: str) -> NamedReader:
    """The reader of the face model `face`: the file of a trained one, 'mesh' or 'liveportrait'."""
    model = load_face_model(face)
    if isinstance(model, VasaFaceModel):
        return NamedReader(model.reader, model.space, model.space.name, model.network)  # named after its weights
    vision = load_vision()
    if isinstance(model, MeshFaceModel):
        return NamedReader(MeshReader(vision), model.space, _key(model.space, vision), vision)
    if isinstance(model, LivePortraitFaceModel):
        networks = nn.ModuleList([model.network.motion, vision])
        reader = LivePortraitReader(model.network, vision)
        return NamedReader(reader, model.space, _key(model.space, model.network.motion), networks)
    raise BadInput(
        f"The face model '{face}' reads no films, so no motion can be trained on it. Use a trained face file."
    )


def _key(space: MotionSpace, network: nn.Module) -> str:
    weights: dict[str, torch.Tensor] = {name: value.cpu() for name, value in network.state_dict().items()}
    return f"{space.name}-{content_hash(weights)[:8]}"
