"""JoyVASA's released files with weights by the rule of the recorded outputs, for the tests of this folder."""

from __future__ import annotations

import argparse
import pathlib
import pickle
from pathlib import Path

import torch
from torch import Tensor

from tests.goldens import golden, rule_data, rule_weights
from vasa_core.motion.joyvasa.diffusion import schedule
from vasa_core.motion.joyvasa.network import sines

GENERATOR, TEMPLATE = "motion_generator_hubert_chinese.pt", "motion_template.pkl"


def released_tensors() -> dict[str, Tensor]:
    """The state dict of the released file: the rule's weights, and the tables that formulas give."""
    powers = schedule(50)
    alphas = torch.cat([powers[:1], powers[1:] / powers[:-1]])
    kept = torch.cat([torch.zeros(1), (1 - powers[:-1]) / (1 - powers[1:]).clamp(min=1e-9)])[1:]
    tables = {
        "diffusion_sched.betas": 1 - alphas,
        "diffusion_sched.alphas": alphas,
        "diffusion_sched.alpha_bars": powers,
        "diffusion_sched.sigmas_flex": (1 - alphas).sqrt(),
        "diffusion_sched.sigmas_inflex": torch.cat([powers[:1] * 0, (kept * (1 - alphas[1:])).sqrt()]),
    }
    return rule_weights("joyvasa_motion_generator") | {
        **{key: value.float() for key, value in tables.items()},
        "denoising_net.alignment_mask": ~torch.eye(110, dtype=torch.bool),
        "denoising_net.PE.pe": sines(600, 256)[None],
        "denoising_net.TE.pe": sines(501, 256)[None],
    }


def template_arrays() -> dict:
    """The recorded template under the published names, as numpy arrays."""
    return {key[5:]: value.numpy() for key, value in golden("joyvasa_run").items() if key.startswith("tmpl_")}


def write_released(folder: Path, tensors: dict[str, Tensor] | None = None) -> Path:
    """Both files as published; returns the generator's path."""
    arguments = argparse.Namespace(n_heads=8, fps=25, n_layers=6, data_root=pathlib.Path("data"), use_indicator=True)
    torch.save({"args": arguments, "model": tensors or released_tensors(), "iter": 20000}, folder / GENERATOR)
    (folder / TEMPLATE).write_bytes(pickle.dumps(template_arrays()))
    return folder / GENERATOR


class RecordedNoise:
    """The noise of the recordings: draw k is rule_data('noise/<run>/k')."""

    def __init__(self, run: str) -> None:
        self.run, self.drawn = run, 0

    def __call__(self) -> Tensor:
        self.drawn += 1
        return rule_data(f"noise/{self.run}/{self.drawn - 1}", (1, 100, 73))[0]
