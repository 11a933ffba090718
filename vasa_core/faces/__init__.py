"""Face models: each turns a portrait and a motion into frames. The table is the only list of them."""

from collections.abc import Callable

from ..errors import BadInput
from ..types import FaceModel
from .mesh.model import MeshFaceModel

FACE_MODELS: dict[str, Callable[[], FaceModel]] = {"mesh": MeshFaceModel}


def load_face_model(name: str) -> FaceModel:
    """The face model of this name; BadInput lists the names there are."""
    if name not in FACE_MODELS:
        raise BadInput(f"There is no face model '{name}'. Choose one of: {', '.join(FACE_MODELS)}.")
    return FACE_MODELS[name]()
