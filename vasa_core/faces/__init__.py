"""Face models: each turns a portrait and a motion into frames. The table is the only list of them."""

from collections.abc import Callable, Mapping
from pathlib import Path

from ..errors import BadInput
from ..types import FaceModel
from ..weights import installed, registry
from .liveportrait.model import LivePortraitFaceModel
from .liveportrait.released import load_networks
from .mesh.model import MeshFaceModel
from .vasa.files import load_face_network

Files = str | Path | Mapping[str, Path]  # the folder that weights lie in, or {name of a file without its ending: path}


def load_face_model(name: str, files: Files | None = None) -> FaceModel:
    """The face model of this name, or of this .safetensors file of a trained one; BadInput lists the names.

    files: where the released weights of 'liveportrait' lie, by default the folder of `installed.default_folder`;
    WeightsError names the first file that is missing, its folder and its address.
    """
    if name not in FACE_MODELS and name.endswith(".safetensors"):
        return load_face_network(name)
    if name not in FACE_MODELS:
        raise BadInput(f"There is no face model '{name}'. Choose one of: {', '.join(FACE_MODELS)}.")
    return FACE_MODELS[name](files)


def _mesh(_: Files | None) -> FaceModel:
    return MeshFaceModel()


def _liveportrait(files: Files | None) -> FaceModel:
    if not isinstance(files, Mapping):
        own = registry.LIVEPORTRAIT
        folders = installed.folders_in(installed.default_folder(), own) if files is None else [Path(files)]
        files = installed.find(own, folders)
    return LivePortraitFaceModel(load_networks(files))


FACE_MODELS: dict[str, Callable[[Files | None], FaceModel]] = {"mesh": _mesh, "liveportrait": _liveportrait}
