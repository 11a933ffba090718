"""The five released LivePortrait files, read strictly, and put into our networks.

Each may be the published .pth or a .safetensors with the same keys (as `convert` writes, and as others publish).
Our modules have the released names; `NETWORKS` says which part of which file each network is. Spectral norm is folded
into the weight here, once, with the stored vectors.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor, nn

from ...errors import WeightsError
from ...weights import checkpoint
from ...weights.foreign import flat_tensors, read_foreign
from .appearance import AppearanceNetwork
from .generator import Generator
from .motion import MotionNetwork
from .retargeting import EyeRetargeting, LipRetargeting, Stitching
from .warping import WarpingNetwork

# Each network: the released file without its ending, and what the keys of this network begin with there.
NETWORKS = {
    "appearance": ("appearance_feature_extractor", ""),
    "motion": ("motion_extractor", "detector."),
    "warping": ("warping_module", ""),
    "generator": ("spade_generator", ""),
    "stitching": ("stitching_retargeting_module", "retarget_shoulder."),
    "lip": ("stitching_retargeting_module", "retarget_mouth."),
    "eye": ("stitching_retargeting_module", "retarget_eye."),
}
# The files, and the folder that each is published in.
FILES = {
    "appearance_feature_extractor": "base_models",
    "motion_extractor": "base_models",
    "warping_module": "base_models",
    "spade_generator": "base_models",
    "stitching_retargeting_module": "retargeting_models",
}
RETARGETING = ("retarget_shoulder", "retarget_mouth", "retarget_eye")
ENDINGS = (".safetensors", ".pth")
NORM_PARTS = ("weight", "bias", "running_mean", "running_var", "num_batches_tracked")
BATCH_NORM_EPSILON = 1e-5


class LivePortraitNetworks(nn.Module):
    """The seven networks: F, M, W, G, and the three of S."""

    def __init__(self) -> None:
        super().__init__()
        self.appearance = AppearanceNetwork()
        self.motion = MotionNetwork()
        self.warping = WarpingNetwork()
        self.generator = Generator()
        self.stitching, self.lip, self.eye = Stitching(), LipRetargeting(), EyeRetargeting()


def load_networks(files: str | Path | Mapping[str, Path]) -> LivePortraitNetworks:
    """The networks in float32 on the CPU, from a folder (see `find_files`) or from {name in FILES: path}."""
    paths = files if isinstance(files, Mapping) else find_files(files)
    networks = _empty_networks()
    for name in FILES:
        _load_file(networks, read_released(paths[name]), name, paths[name].name)
    return networks.eval().requires_grad_(False)


def find_files(folder: str | Path) -> dict[str, Path]:
    """The five files in `folder` or its published subfolders; WeightsError names the first that is missing."""
    folder, found = Path(folder), {}
    for name, subfolder in FILES.items():
        places = [folder, folder / subfolder, folder / "liveportrait" / subfolder]
        candidates = [place / (name + ending) for place in places for ending in ENDINGS]
        present = [path for path in candidates if path.is_file()]
        if not present:
            raise WeightsError(
                f"{name}.pth (or .safetensors) is missing from {folder}. Download LivePortrait's weights."
            )
        found[name] = present[0]
    return found


def read_released(path: str | Path) -> dict[str, Tensor]:
    """All tensors of a released file under one spelling of its keys, whatever its ending.

    A part `module.` of a key is dropped, and `retarget_eye_module.x` becomes `retarget_eye.x`. What the file of S holds
    beside its three networks is passed over.
    """
    content = read_foreign(path)
    if Path(path).stem == "stitching_retargeting_module":  # as published it is larger than the networks it is read for
        content = {key: value for key, value in content.items() if key.startswith(RETARGETING)}
    tensors = flat_tensors(content, Path(path).name)
    return {key.replace("_module.", ".").replace("module.", ""): value for key, value in tensors.items()}


def convert(path: str | Path, out: str | Path) -> None:
    """Write a released file, named as released, as .safetensors with the released keys.

    The three networks of S get the prefixes `retarget_shoulder_module.`, `retarget_mouth_module.` and
    `retarget_eye_module.`, as in other conversions. WeightsError where the file is none of FILES or does not fit.
    """
    path = Path(path)
    if path.stem not in FILES:
        raise WeightsError(f"{path.name} is no LivePortrait file. Its name must be one of: {', '.join(FILES)}.")
    tensors = read_released(path)
    _load_file(_empty_networks(), tensors, path.stem, path.name)
    if path.stem == "stitching_retargeting_module":
        tensors = {key.replace(".", "_module.", 1): value for key, value in tensors.items()}
    checkpoint.save(out, tensors, f"liveportrait/{path.stem}")


def fold_spectral_norm(tensors: Mapping[str, Tensor], name: str) -> dict[str, Tensor]:
    """Each weight_orig, weight_u, weight_v becomes weight = weight_orig / (u . W v), in float64; others stay.

    W is weight_orig as (outputs, rest); u and v are taken as stored, without a further power step. `name` is said
    where one of the three is missing.
    """
    folded = dict(tensors)
    for key in [key for key in tensors if key.endswith("weight_orig")]:
        stem = key.removesuffix("_orig")
        missing = [stem + ending for ending in ("_u", "_v") if stem + ending not in tensors]
        if missing:
            raise WeightsError(f"{name} lacks {missing[0]}. Download it again.")
        weight, u, v = (folded.pop(stem + ending).double() for ending in ("_orig", "_u", "_v"))
        folded[stem] = (weight / torch.dot(u, weight.flatten(1) @ v)).float()
    return folded


def fold_batch_norm(tensors: Mapping[str, Tensor], name: str) -> dict[str, Tensor]:
    """Put each batch norm into the convolution before it, in float64: `x.conv` and `x.norm` become one `x`.

    The one pair with other names is `compress` and the `norm` beside it. `name` is said where a tensor is missing.
    """
    folded = dict(tensors)
    for key in [key for key in tensors if key.endswith("norm.running_mean")]:
        stem = key.removesuffix("norm.running_mean")
        conv = stem + ("conv" if stem + "conv.weight" in tensors else "compress")
        names = [f"{conv}.weight", f"{conv}.bias", *(f"{stem}norm.{part}" for part in NORM_PARTS)]
        missing = [part for part in names if part not in tensors]
        if missing:
            raise WeightsError(f"{name} lacks {missing[0]}. Download it again.")
        weight, bias, gain, offset, mean, variance, _ = (folded.pop(part).double() for part in names)
        scale = gain / torch.sqrt(variance + BATCH_NORM_EPSILON)
        folded[f"{conv}.weight"] = (weight * scale.view(-1, *[1] * (weight.ndim - 1))).float()
        folded[f"{conv}.bias"] = ((bias - mean) * scale + offset).float()
    return folded


def _empty_networks() -> LivePortraitNetworks:
    with torch.device("meta"):
        networks = LivePortraitNetworks()
    return networks.to_empty(device="cpu")


def _load_file(networks: LivePortraitNetworks, tensors: Mapping[str, Tensor], name: str, said: str) -> None:
    """Fill the networks that the released file `name` holds; every tensor must be used. `said` is named on failure."""
    rest = fold_spectral_norm(tensors, said)
    rest = fold_batch_norm(rest, said) if name == "warping_module" else rest
    for attribute, (file, prefix) in NETWORKS.items():
        if file == name:
            mine = {key.removeprefix(prefix): rest.pop(key) for key in list(rest) if key.startswith(prefix)}
            checkpoint.load_into(networks.get_submodule(attribute), mine, said)
    if rest:
        raise WeightsError(f"{said} has unknown {next(iter(rest))}.")
