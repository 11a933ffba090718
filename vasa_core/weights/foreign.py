"""Reading weights that others published: a .pth or .pt of tensors, or a .safetensors, as a nested dict of tensors.

A pickle is only read with torch's `weights_only`, which builds tensors and plain containers and nothing else; the few
further types that a published file holds are named by its loader in `allowed`. Keys and shapes are the business of
the network's own loader.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from ..errors import WeightsError

UnpicklingError = torch.serialization.pickle.UnpicklingError  # what torch raises for a type that it refuses


def read_foreign(path: str | Path, allowed: Sequence[type] = ()) -> dict[str, Any]:
    """What a published weights file holds, on the CPU; WeightsError says what is wrong with the file.

    allowed: types beside tensors and plain containers that the file may hold, e.g. argparse.Namespace.
    """
    path = Path(path)
    if not path.is_file():
        folder = path.parent.absolute()
        raise WeightsError(f"The weights file {path.name} is missing from {folder}. Download it into that folder.")
    try:
        if path.suffix == ".safetensors":
            with safe_open(path, framework="pt", device="cpu") as file:
                return {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
        with torch.serialization.safe_globals(list(allowed)):
            content = torch.load(path, map_location="cpu", weights_only=True)
    except (SafetensorError, UnpicklingError, RuntimeError, EOFError, OSError) as error:
        reason = str(error).splitlines()[0]
        raise WeightsError(f"{path.name} is damaged or not a weights file ({reason}). Download it again.") from error
    if not isinstance(content, Mapping):
        raise WeightsError(f"{path.name} holds a {type(content).__name__}, not named tensors. Download it again.")
    return dict(content)


def flat_tensors(content: Mapping[str, Any], name: str, joint: str = ".") -> dict[str, Tensor]:
    """Nested dicts of tensors as one dict, keys put together with `joint`; WeightsError where a leaf is no tensor."""
    flat: dict[str, Tensor] = {}
    for key, value in content.items():
        if isinstance(value, Mapping):
            flat |= {f"{key}{joint}{inner}": tensor for inner, tensor in flat_tensors(value, name, joint).items()}
        elif isinstance(value, Tensor):
            flat[key] = value
        else:
            raise WeightsError(f"{name} holds a {type(value).__name__} under '{key}', not a tensor. Download it again.")
    return flat
