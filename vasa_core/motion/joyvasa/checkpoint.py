"""The released JoyVASA file: a dict of the training's arguments and a state dict with the fine-tuned HuBERT inside.

Read with weights_only, strictly: every tensor is used, or is a table that a formula gives and that must agree with it.
Sizes come from the tensors' shapes, because the file's own arguments do not say all of them rightly. Our conversion
to safetensors holds the same tensors under the same names. `FROM_RELEASED` maps those names to ours.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path, PurePosixPath, PureWindowsPath

import torch
from torch import Tensor

from ...audio.hubert import hubert_from_tensors
from ...errors import WeightsError
from ...weights import checkpoint
from ...weights.foreign import flat_tensors, read_foreign
from .diffusion import schedule
from .hearing import JoyVasaHearing
from .network import JoyVasaDenoiser, Sizes, sines
from .options import FPS, JoyVasaOptions
from .template import Template, read_template

ARCHITECTURE = "joyvasa"
STEM = "motion_generator_hubert_chinese"
TEMPLATE = "motion_template"
MARK = "start_motion_feat"  # a tensor that every JoyVASA file has, and no other file
# What the arguments hold beside numbers and text. Paths become pure ones, which touch no disk.
HARMLESS = [
    argparse.Namespace,
    *((PurePosixPath, f"{module}.PosixPath") for module in ("pathlib", "pathlib._local")),
    *((PureWindowsPath, f"{module}.WindowsPath") for module in ("pathlib", "pathlib._local")),
]
HEADS = 8  # shapes do not tell
FROM_RELEASED = {
    "feature_proj.": "embed.",
    "diff_step_map.": "step.",
    "motion_dec.": "output.",
    "transformer.layers.": "layers.",
}
IN_LAYER = {
    "self_attn.in_proj_": "query_key_value.",
    "self_attn.out_proj.": "mix.",
    "linear1.": "widen.",
    "linear2.": "narrow.",
}


def read_released(path: str | Path) -> dict[str, Tensor]:
    """All tensors of the released .pt or its conversion, under the released names, float32 on the CPU."""
    path = Path(path)
    content = read_foreign(path, HARMLESS)
    if isinstance(content.get("model"), Mapping):
        _check_arguments(content.get("args"), path.name)
        content = content["model"]
    tensors = flat_tensors(content, path.name)
    if MARK not in tensors:
        raise WeightsError(f"{path.name} is no JoyVASA motion generator: it lacks {MARK}. Choose the file {STEM}.pt.")
    return {key: value.float() if value.is_floating_point() else value for key, value in tensors.items()}


def load_parts(
    path: str | Path, options: JoyVasaOptions, template: str | Path | None = None
) -> tuple[JoyVasaDenoiser, JoyVasaHearing, Template]:
    """The three parts of the model. The template is looked for beside the file where `template` does not name it."""
    path = Path(path)
    tensors = read_released(path)
    statistics = read_template(template or find_template(path))
    denoiser, hearing = parts_from_tensors(tensors, path.name, options)
    return denoiser, hearing, statistics


def parts_from_tensors(
    tensors: Mapping[str, Tensor], name: str, options: JoyVasaOptions
) -> tuple[JoyVasaDenoiser, JoyVasaHearing]:
    """Denoiser and hearing from the released tensors; WeightsError, naming the file `name`, where one does not fit."""
    rest = dict(tensors)
    try:
        sizes = _sizes(rest)
        heard = _taken(rest, "audio_encoder.")
        projection = _taken(rest, "audio_feature_map.")
        starts = {
            "start_audio": rest.pop("start_audio_feat")[0],
            "start_motion": rest.pop("start_motion_feat")[0],
            "no_audio": rest.pop("null_audio_feat")[0, 0],
        }
        _check_tables(rest, sizes, name)
        ours = starts | _ours(_taken(rest, "denoising_net."), sizes.layers, name)
    except (KeyError, IndexError, ValueError) as error:
        raise WeightsError(
            f"{name} is no JoyVASA motion generator as released ({error}). Download it again."
        ) from error
    if rest:
        raise WeightsError(f"{name} has unknown {next(iter(rest))}. Download it again.")
    denoiser = JoyVasaDenoiser(sizes, options.positions)
    checkpoint.load_into(denoiser, ours, name)
    hubert = hubert_from_tensors(heard, name)
    hearing = JoyVasaHearing(hubert, sizes.width, sizes.window, sizes.previous, options.chaining)
    checkpoint.load_into(hearing.project, projection, name)
    return denoiser, hearing


def find_template(path: Path) -> Path:
    """motion_template, as .safetensors or .pkl: beside the model, or in the published tree's folder of that name."""
    places = [path.parent, path.parent / TEMPLATE, path.parent.parent / TEMPLATE]
    for place in places:
        for ending in (".safetensors", ".pkl"):
            if (place / (TEMPLATE + ending)).is_file():
                return place / (TEMPLATE + ending)
    raise WeightsError(
        f"JoyVASA's {TEMPLATE}.pkl is missing from {path.parent}. Download it from the same place as {path.name} and "
        f"put it beside that file."
    )


def convert(path: str | Path, out: str | Path) -> None:
    """Write the released generator, or the template that belongs to it, as .safetensors with the released names.

    WeightsError where the file does not fit.
    """
    path = Path(path)
    if path.stem == TEMPLATE:
        checkpoint.save(out, read_template(path).named(), TEMPLATE)
        return
    tensors = read_released(path)
    parts_from_tensors(tensors, path.name, JoyVasaOptions())
    checkpoint.save(out, tensors, ARCHITECTURE)


def is_joyvasa(path: Path) -> bool:
    """Whether a weights file is to be read here: a pickle, or a safetensors that says so or has JoyVASA's tensors."""
    return path.suffix in (".pt", ".pth") or MARK in checkpoint.tensor_names(path)


def _check_arguments(arguments: object, name: str) -> None:
    told = vars(arguments) if isinstance(arguments, argparse.Namespace) else {}
    for key, ours in (("n_heads", HEADS), ("fps", FPS)):
        if told.get(key, ours) != ours:
            raise WeightsError(f"{name} was trained with {key} {told[key]}; only {ours:g} is known here.")


def _sizes(tensors: Mapping[str, Tensor]) -> Sizes:
    _, previous, motion = tensors[MARK].shape
    layers = {key.split(".")[3] for key in tensors if key.startswith("denoising_net.transformer.layers.")}
    hidden, width = tensors["denoising_net.transformer.layers.0.linear1.weight"].shape
    window = len(tensors["denoising_net.alignment_mask"]) - previous
    steps = len(tensors["diffusion_sched.betas"]) - 1
    return Sizes(motion, width, len(layers), HEADS, hidden, window, previous, steps)


def _check_tables(rest: dict[str, Tensor], sizes: Sizes, name: str) -> None:
    """Take the tables out that formulas give: schedule, sines, and the mask by which a frame hears itself alone."""
    powers = schedule(sizes.steps)
    alphas = torch.cat([powers[:1], powers[1:] / powers[:-1]])
    betas = 1 - alphas
    kept = torch.cat([torch.ones(1), (1 - powers[:-1]) / (1 - powers[1:])])  # of the noise's variance
    tables = {
        "diffusion_sched.betas": betas,
        "diffusion_sched.alphas": alphas,
        "diffusion_sched.alpha_bars": powers,
        "diffusion_sched.sigmas_flex": betas.sqrt(),
        "diffusion_sched.sigmas_inflex": (kept * betas).sqrt(),
        "denoising_net.alignment_mask": ~torch.eye(sizes.previous + sizes.window, dtype=torch.bool),
    }
    for key in ("denoising_net.PE.pe", "denoising_net.TE.pe"):  # their lengths are only what training allowed for
        if key in rest:
            tables[key] = sines(rest[key].shape[1], sizes.width)[None]
    for key, expected in tables.items():
        found = rest.pop(key)
        if found.shape != expected.shape or not torch.allclose(found.double(), expected.double(), atol=2e-4):
            raise WeightsError(f"{name} has another {key} than the published network; it cannot be run here.")


def _ours(tensors: dict[str, Tensor], layers: int, name: str) -> dict[str, Tensor]:
    """The denoiser's tensors under our names, each layer's cross-attention folded into one linear map."""
    ours = {}
    for layer in range(layers):
        cross = _taken(tensors, f"transformer.layers.{layer}.multihead_attn.")
        width = cross["out_proj.weight"].shape[0]
        if cross["in_proj_weight"].shape != (3 * width, width):
            raise WeightsError(f"{name} has a wrong shape for the cross-attention of layer {layer}. Download it again.")
        outer, inner = cross.pop("out_proj.weight").double(), cross.pop("in_proj_weight")[2 * width :].double()
        bias = outer @ cross.pop("in_proj_bias")[2 * width :].double() + cross.pop("out_proj.bias")
        if cross:
            raise WeightsError(f"{name} has unknown {next(iter(cross))} in layer {layer}. Download it again.")
        ours[f"layers.{layer}.listen.weight"] = (outer @ inner).float()
        ours[f"layers.{layer}.listen.bias"] = bias.float()
    for key, value in tensors.items():
        for table in (FROM_RELEASED, IN_LAYER):
            for theirs, mine in table.items():
                key = key.replace(theirs, mine)
        ours[key] = value
    return ours


def _taken(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """Take out the tensors whose names start with `prefix`, without it."""
    return {key.removeprefix(prefix): tensors.pop(key) for key in list(tensors) if key.startswith(prefix)}
