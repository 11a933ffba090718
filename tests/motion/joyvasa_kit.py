"""JoyVASA's released files with weights by the rule of the recorded outputs, for the tests of this folder."""

from __future__ import annotations

import argparse
import pathlib
import pickle
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from tests.goldens import golden, rule_data, rule_weights
from vasa_core.motion.joyvasa.diffusion import schedule
from vasa_core.motion.joyvasa.network import sines

GENERATOR, TEMPLATE = "motion_generator_hubert_chinese.pt", "motion_template.pkl"


def released_tensors() -> dict[str, Tensor]:
    """The state dict of the released file: the rule's weights, and the tables that formulas give."""
    return rule_weights("joyvasa_motion_generator") | tables(50, 110, 256)


def tables(steps: int, tokens: int, width: int) -> dict[str, Tensor]:
    """What the released file stores although a formula gives it."""
    powers = schedule(steps)
    alphas = torch.cat([powers[:1], powers[1:] / powers[:-1]])
    kept = torch.cat([torch.zeros(2), (1 - powers[1:-1]) / (1 - powers[2:])])
    stored = {
        "diffusion_sched.betas": 1 - alphas,
        "diffusion_sched.alphas": alphas,
        "diffusion_sched.alpha_bars": powers,
        "diffusion_sched.sigmas_flex": (1 - alphas).sqrt(),
        "diffusion_sched.sigmas_inflex": (kept * (1 - alphas)).sqrt(),
        "denoising_net.PE.pe": sines(600, width)[None],
        "denoising_net.TE.pe": sines(steps + 1, width)[None],
    }
    mask = ~torch.eye(tokens, dtype=torch.bool)
    return {key: value.float() for key, value in stored.items()} | {"denoising_net.alignment_mask": mask}


def template_arrays() -> dict:
    """The recorded template under the published names, as numpy arrays."""
    return {key[5:]: value.numpy() for key, value in golden("joyvasa_run").items() if key.startswith("tmpl_")}


def write_released(folder: Path, tensors: dict[str, Tensor] | None = None, template: dict | None = None) -> Path:
    """Both files as published; returns the generator's path."""
    arguments = argparse.Namespace(n_heads=8, fps=25, n_layers=6, data_root=pathlib.Path("data"), use_indicator=True)
    torch.save({"args": arguments, "model": tensors or released_tensors(), "iter": 20000}, folder / GENERATOR)
    (folder / TEMPLATE).write_bytes(pickle.dumps(template or template_arrays()))
    return folder / GENERATOR


def tiny_template() -> dict:
    """A template of the published kind whose numbers are made up."""
    sizes = {"exp": 63, "scale": 1, "t": 3, "pitch": 1, "yaw": 1, "roll": 1}
    middle = {"exp": 0.0, "scale": 1.5, "t": 0.0, "pitch": 0.0, "yaw": 0.0, "roll": 0.0}
    half = {"exp": 0.02, "scale": 0.1, "t": 0.05, "pitch": 6.0, "yaw": 8.0, "roll": 4.0}
    made = {}
    for name, size in sizes.items():
        for statistic, value in (
            ("mean", middle[name]), ("std", half[name]),
            ("min", middle[name] - half[name]), ("max", middle[name] + half[name]),
        ):  # fmt: skip
            made[f"{statistic}_{name}"] = np.full(size, value, np.float32)
    return made


class RecordedNoise:
    """The noise of the recordings: draw k is rule_data('noise/<run>/k')."""

    def __init__(self, run: str) -> None:
        self.run, self.drawn = run, 0

    def __call__(self) -> Tensor:
        self.drawn += 1
        return rule_data(f"noise/{self.run}/{self.drawn - 1}", (1, 100, 73))[0]


def tiny_tensors(seed: int = 0) -> dict[str, Tensor]:
    """Random weights of a tiny network of the same build, under the released names: windows of 40 frames, 10 steps."""
    g = torch.Generator().manual_seed(seed)
    tensors: dict[str, Tensor] = {}

    def fill(name: str, *shape: int, norm: bool = False) -> None:
        fan = max(1, int(torch.tensor(shape[1:]).prod()))
        tensors[name] = torch.randn(*shape, generator=g) / fan**0.5 + (1.0 if norm else 0.0)

    def linear(name: str, outputs: int, inputs: int) -> None:
        fill(f"{name}.weight", outputs, inputs)
        fill(f"{name}.bias", outputs)
        tensors[f"{name}.bias"] *= 0.1

    def norm(name: str, width: int) -> None:
        fill(f"{name}.weight", width)
        tensors[f"{name}.weight"] = 1 + 0.1 * tensors[f"{name}.weight"]
        fill(f"{name}.bias", width)
        tensors[f"{name}.bias"] *= 0.1

    hubert, conv, width, motion, window, previous, steps = 64, 16, 32, 73, 40, 10, 10
    encoder = "audio_encoder."
    fill(f"{encoder}masked_spec_embed", hubert)
    for k, kernel in enumerate((10, 3, 3, 3, 3, 2, 2)):
        fill(f"{encoder}feature_extractor.conv_layers.{k}.conv.weight", conv, conv if k else 1, kernel)
    norm(f"{encoder}feature_extractor.conv_layers.0.layer_norm", conv)
    norm(f"{encoder}feature_projection.layer_norm", conv)
    linear(f"{encoder}feature_projection.projection", hubert, conv)
    fill(f"{encoder}encoder.pos_conv_embed.conv.bias", hubert)
    stem = f"{encoder}encoder.pos_conv_embed.conv.parametrizations.weight.original"
    tensors[stem + "0"] = 0.5 + torch.rand(1, 1, 8, generator=g)
    fill(stem + "1", hubert, hubert // 4, 8)
    norm(f"{encoder}encoder.layer_norm", hubert)
    block = f"{encoder}encoder.layers.0."
    for name in ("q_proj", "k_proj", "v_proj", "out_proj"):
        linear(f"{block}attention.{name}", hubert, hubert)
    linear(f"{block}feed_forward.intermediate_dense", 2 * hubert, hubert)
    linear(f"{block}feed_forward.output_dense", hubert, 2 * hubert)
    for name in ("layer_norm", "final_layer_norm"):
        norm(block + name, hubert)
    linear("audio_feature_map", width, hubert)
    for name, shape in (
        ("start_audio", (previous, width)),
        ("start_motion", (previous, motion)),
        ("null_audio", (1, width)),
    ):
        fill(f"{name}_feat", 1, *shape)
    net = "denoising_net."
    linear(f"{net}feature_proj", width, motion)
    for name in ("diff_step_map.0", "diff_step_map.2"):
        linear(net + name, width, width)
    linear(f"{net}motion_dec.0", width // 2, width)
    linear(f"{net}motion_dec.2", motion, width // 2)
    for layer in range(2):
        place = f"{net}transformer.layers.{layer}."
        for name in ("self_attn", "multihead_attn"):
            fill(f"{place}{name}.in_proj_weight", 3 * width, width)
            fill(f"{place}{name}.in_proj_bias", 3 * width)
            linear(f"{place}{name}.out_proj", width, width)
        linear(f"{place}linear1", 2 * width, width)
        linear(f"{place}linear2", width, 2 * width)
        for name in ("norm1", "norm2", "norm3"):
            norm(place + name, width)
    return tensors | tables(steps, window + previous, width)
