"""Where released weights lie on this machine, in any of the layouts that people keep them in. Nothing is downloaded.

A model's folder may hold its files under their own names, side by side, in the tree of the repository that they come
from, or converted to safetensors. `models` folders are searched in the order given, the model's own folder first.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from ..errors import BadInput, WeightsError
from .registry import MODELS, ReleasedFile, ReleasedModel

SAFE = ".safetensors"
ROOT = Path(__file__).resolve().parents[2]


def released(name: str) -> ReleasedModel:
    """The released model of this name; BadInput lists the names there are."""
    if name not in MODELS:
        raise BadInput(f"There is no released model '{name}'. Choose one of: {', '.join(MODELS)}.")
    return MODELS[name]


def default_folder() -> Path:
    """The folder of models that the command line uses where none is named.

    The environment variable VASA_MODELS; else ComfyUI's `models`, where this pack lies in its custom_nodes; else
    `vasa` in the user's cache folder.
    """
    named = os.environ.get("VASA_MODELS")
    if named:
        return Path(named)
    if ROOT.parent.name == "custom_nodes" and (ROOT.parents[1] / "models").is_dir():
        return ROOT.parents[1] / "models"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "vasa"


def folders_in(models: Path, model: ReleasedModel) -> list[Path]:
    """The folders inside a folder of models in which the files of `model` are looked for; the first is its own."""
    return [models / model.folder, models / "vasa" / model.folder, models / "vasa"]


def on_disk(file: ReleasedFile, folders: Sequence[Path]) -> Path | None:
    """The file, or its conversion to safetensors, in the first of `folders` that has it; None where none has."""
    inside = file.path.split("/")
    tree = ["/".join(inside[start:]) for start in range(len(inside))]  # as in the repository, or below its folders
    names = [f"{file.stem}{SAFE}", *reversed(tree)]
    names += [name.removesuffix(Path(name).suffix) + SAFE for name in reversed(tree[:-1])]
    return next((folder / name for folder in folders for name in names if (folder / name).is_file()), None)


def find(model: ReleasedModel, folders: Sequence[Path]) -> dict[str, Path]:
    """{stem: path} of every file of `model`. WeightsError names the first missing one, its folder, address and hash."""
    found = {file.stem: on_disk(file, folders) for file in model.files}
    for file in model.files:
        if found[file.stem] is None:
            raise missing(file, model, folders[0])
    return found


def missing(file: ReleasedFile, model: ReleasedModel, folder: Path) -> WeightsError:
    """The error for a file that is not there: what, where it belongs, from where it comes, and how to know it."""
    known = f" (SHA-256 {file.sha256})" if file.sha256 else ""
    node = "" if model.kind == "metric" else "with the node Download Models or "
    return WeightsError(
        f"The file {file.name} of {model.title} is missing from {folder}: get it {node}with "
        f"`python -m vasa_core fetch {model.name}`, or put it there yourself from {file.address()}{known}."
    )
