"""Face models: each turns a portrait and a motion into frames. The table is the only list of them."""

from collections.abc import Callable

from ..errors import BadInput
from ..types import FaceModel
from .mesh.model import MeshFaceModel
from .vasa.files import load_face_network

FACE_MODELS: dict[str, Callable[[], FaceModel]] = {"mesh": MeshFaceModel}


def load_face_model(name: str) -> FaceModel:
    """The face model of this name, or of this .safetensors file of a trained one; BadInput lists the names."""
    if name not in FACE_MODELS and name.endswith(".safetensors"):
        return load_face_network(name)
    if name not in FACE_MODELS:
        raise BadInput(f"There is no face model '{name}'. Choose one of: {', '.join(FACE_MODELS)}.")
    return FACE_MODELS[name]()
