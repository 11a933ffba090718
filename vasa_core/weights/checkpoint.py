"""Reading and writing safetensors that say who they are.

The header of every file of ours names its `architecture`, the `sha256` of its tensors, and whatever else its
loader needs, as strings. Loading is strict: the wrong architecture, a changed byte, a missing or an extra
tensor, or a wrong shape is an error.
"""

import hashlib
import os
import uuid
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from ..errors import OutputError, WeightsError

SHIPPED = Path(__file__).parent / "shipped"


def shipped(name: str) -> Path:
    """Path of a weights file that is part of this repository, e.g. 'vision.safetensors'."""
    return SHIPPED / name


def load(path: str | Path, architecture: str) -> tuple[dict[str, Tensor], dict[str, str]]:
    """All tensors (on the CPU) and the header of a file of ours; WeightsError says what is wrong with it."""
    path = Path(path)
    if not path.is_file():
        folder = path.parent.absolute()
        raise WeightsError(f"The weights file {path.name} is missing from {folder}. Restore or download it.")
    try:
        with safe_open(path, framework="pt", device="cpu") as file:
            header = file.metadata() or {}
            tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError) as error:
        raise WeightsError(f"{path.name} is truncated or not a safetensors file ({error}). Get it again.") from error
    if header.get("architecture") != architecture:
        found = header.get("architecture", "unnamed")
        raise WeightsError(f"{path.name} holds '{found}' weights, but '{architecture}' is needed here.")
    if header.get("sha256", content_hash(tensors)) != content_hash(tensors):
        raise WeightsError(f"{path.name} is damaged: its tensors do not match its own SHA-256. Get it again.")
    return tensors, header


def tensor_names(path: str | Path) -> set[str]:
    """Names of the tensors in a safetensors file; an empty set for another kind of file, which `load` complains of."""
    try:
        with safe_open(path, framework="pt", device="cpu") as file:
            return set(file.keys())
    except (SafetensorError, OSError):
        return set()


def architecture_of(path: str | Path) -> str | None:
    """What a file of ours holds; None for another kind of file, which `load` complains of."""
    try:
        with safe_open(path, framework="pt", device="cpu") as file:
            return (file.metadata() or {}).get("architecture")
    except (SafetensorError, OSError):
        return None


def content_hash(tensors: dict[str, Tensor]) -> str:
    """Hexadecimal SHA-256 over names, types, shapes and bytes of tensors on the CPU, in the order of their names."""
    digest = hashlib.sha256()
    for key in sorted(tensors):
        tensor = tensors[key].contiguous()
        digest.update(f"{key} {tensor.dtype} {tuple(tensor.shape)};".encode())
        digest.update(tensor.reshape(-1).view(torch.uint8).numpy())
    return digest.hexdigest()


def load_into(module: nn.Module, tensors: dict[str, Tensor], name: str) -> None:
    """Fill `module` from `tensors`: every parameter and buffer, nothing left over. `name` is said on failure."""
    expected = module.state_dict()
    missing, extra = sorted(expected.keys() - tensors.keys()), sorted(tensors.keys() - expected.keys())
    wrong = [k for k in expected.keys() & tensors.keys() if expected[k].shape != tensors[k].shape]
    for what, keys in (("lacks", missing), ("has unknown", extra), ("has a wrong shape for", sorted(wrong))):
        if keys:
            raise WeightsError(f"{name} {what} {keys[0]}" + (f" and {len(keys) - 1} more." if keys[1:] else "."))
    module.load_state_dict(tensors)


def save(path: str | Path, tensors: dict[str, Tensor], architecture: str, **header: str) -> None:
    """Write atomically: a reader sees the old file or the new one, never a part."""
    path = Path(path)
    contiguous = {key: tensor.detach().cpu().contiguous() for key, tensor in tensors.items()}
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    try:
        told = {"architecture": architecture, "sha256": content_hash(contiguous), **header}
        save_file(contiguous, temporary, metadata=told)
        os.chmod(temporary, 0o644)  # safetensors leaves files that only their owner can read
        os.replace(temporary, path)
    except (OSError, SafetensorError) as error:
        raise OutputError(f"Cannot write {path}: {error}. Choose a folder with room and write permission.") from error
    finally:
        temporary.unlink(missing_ok=True)


def sha256(path: str | Path) -> str:
    """Hexadecimal SHA-256 of a file."""
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()
