"""The recorded outputs of the published LivePortrait and JoyVASA networks, and the weights they were recorded with.

They lie beside the other data that is not part of the repository: `goldens/` in the folder of shared_data.py. The
weights come from a rule (weight_rule.py there) that needs no more than a tensor's name and shape.
"""

from __future__ import annotations

import importlib.util
import json
from functools import cache
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch
from torch import Tensor

from tests.shared_data import shared_folder


def goldens_folder() -> Path | None:
    """The folder of the recorded outputs, or None."""
    folder = shared_folder()
    return folder / "goldens" if folder and (folder / "goldens").is_dir() else None


def golden(name: str) -> dict[str, Tensor | list[str]]:
    """All arrays of the file `name`.npz, text as a list; skips the test where the recorded outputs are not here."""
    with np.load(_folder() / f"{name}.npz", allow_pickle=False) as file:
        arrays = {key: np.asarray(file[key]) for key in file}
    return {key: a.tolist() if a.dtype.kind == "U" else torch.from_numpy(a) for key, a in arrays.items()}


def golden_json(name: str) -> dict:
    """The file `name`.json; skips the test where the recorded outputs are not here."""
    return json.loads((_folder() / f"{name}.json").read_text(encoding="utf-8"))


@cache
def weight_rule() -> ModuleType:
    """The module weight_rule.py: tensor, fill, data, fingerprint."""
    spec = importlib.util.spec_from_file_location("weight_rule", _folder() / "weight_rule.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def rule_data(name: str, shape: tuple[int, ...], scale: float = 1.0) -> Tensor:
    """An input or noise by its name, e.g. 'input/feature_3d'."""
    return torch.from_numpy(weight_rule().data(name, shape, scale))


def rule_weights(checkpoint: str) -> dict[str, Tensor]:
    """A checkpoint of manifest.json as its published file holds it: a state dict, or a dict of state dicts."""
    entry = golden_json("manifest")["checkpoints"][checkpoint]
    if "sub_dicts" in entry:
        return {name: _filled(part) for name, part in entry["sub_dicts"].items()}
    return _filled(entry)


def relative_error(ours: Tensor, recorded: Tensor) -> float:
    """Largest absolute difference by the largest absolute value."""
    assert ours.shape == recorded.shape, f"shape {tuple(ours.shape)}, recorded {tuple(recorded.shape)}"
    return float((ours.double() - recorded.double()).abs().max() / recorded.double().abs().max())


def _filled(entry: dict) -> dict[str, Tensor]:
    shapes = {key: shape for key, (_, shape) in entry["tensors"].items()}
    return {
        key: torch.from_numpy(np.asarray(v))
        for key, v in weight_rule().fill(entry["ckpt_name_for_rule"], shapes).items()
    }


def _folder() -> Path:
    folder = goldens_folder()
    if folder is None:
        pytest.skip("the recorded outputs of the published networks are not here (see tests/goldens.py)")
    return folder
