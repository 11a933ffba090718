"""Stage one of the starter: train the phonetic encoder on the speech corpus.

    build_corpus(folder) -> train_encoder(config, folder, out) -> phonetic.safetensors

The network hears windows of 3.2 s (windows.py), most of them recorded voices, varied so much that they can hardly be
learnt by heart (spectral.py). It is taught the mouth curves (squared error, closures and f/v weighted, since plain
regression hedges on brief events), the viseme of every frame, and the two events.
"""

import csv
import hashlib
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path

import torch
from torch import Generator, Tensor
from torch.nn import functional

from ..audio.mel import normalise
from ..audio.phonetic import (
    CURVES,
    EVENTS,
    VISEMES,
    PhoneticConfig,
    PhoneticEncoder,
    PhoneticNet,
    save_phonetic_encoder,
)
from . import spectral
from .loop import Recipe, averaged, train
from .spectral import Variety
from .speech import FPS, Shard, load_shard
from .windows import Window, WindowConfig, Windows

CLOSURE, LABIODENTAL = VISEMES.index("PBM"), VISEMES.index("FV")


@dataclass(frozen=True)
class EncoderConfig:
    """Everything that decides the outcome of the first stage, beside the corpus."""

    net: PhoneticConfig = field(default_factory=PhoneticConfig)
    recipe: Recipe = field(
        default_factory=lambda: Recipe(
            steps=12000, learning_rate=1.5e-3, warm_up=300, weight_decay=0.1, average=0.998, save_every=100, seed=11
        )
    )
    variety: Variety = field(default_factory=lambda: Variety().scaled(0.6))
    windows: WindowConfig = field(default_factory=WindowConfig)
    settle_from: float = 0.75  # share of the steps after which the variety shrinks, ...
    settle_to: float = 0.35  # ... to this part of it at the last
    curve_weights: tuple[float, ...] = (1.0, 1.5, 0.7, 0.7, 0.6, 0.5)
    closure_weight: float = 7.0  # of the aperture's error in and beside p b m
    labiodental_weight: float = 5.0  # of the tuck's error in and beside f v
    change_weight: float = 4.0  # of the error of frame differences, relative to that of the curves
    viseme_weight: float = 0.25
    event_weight: float = 0.3


def encoder_losses(
    net: PhoneticNet,
    batch: Window,
    config: EncoderConfig,
    generator: Generator,
    strength: float = 1.0,
) -> dict[str, Tensor]:
    """Named losses of one batch of windows, varied first, `strength` times as far as the config says."""
    mel, curves, viseme, inside = batch
    variety = config.variety.scaled(strength)
    mel = spectral.vary(mel, variety, generator)
    empty = spectral.chosen(mel, variety.noise_only_share, generator)
    mel = torch.where(empty, spectral.noise_only(mel, generator), mel)
    curves = curves.masked_fill(empty, 0.0)
    viseme = viseme.masked_fill(empty[..., 0], VISEMES.index("sil"))
    network_input = normalise(mel)
    level = variety.level * torch.randn(len(mel), 1, 1, generator=generator) / 3
    network_input = spectral.mask(network_input + level, variety, generator)

    heard, viseme_logits, event_logits = net(network_input)
    events = torch.stack([viseme == CLOSURE, viseme == LABIODENTAL], dim=-1).float()  # (B, T, 2)
    near = functional.max_pool1d(events.transpose(1, 2), 5, 1, padding=2).transpose(1, 2)  # +-40 ms
    weight = torch.tensor(config.curve_weights) * inside[..., None]
    weight[..., CURVES.index("aperture")] *= 1 + (config.closure_weight - 1) * near[..., EVENTS.index("closure")]
    weight[..., CURVES.index("tuck")] *= 1 + (config.labiodental_weight - 1) * near[..., EVENTS.index("labiodental")]
    error = heard - curves
    change = error.diff(dim=1)
    total = inside.sum().clamp_min(1)
    cross = functional.cross_entropy(viseme_logits.transpose(1, 2), viseme, reduction="none")
    binary = functional.binary_cross_entropy_with_logits(
        event_logits, events, reduction="none", pos_weight=torch.tensor(2.0)
    )
    return {
        "curves": 10 * (weight * error.square()).sum() / total / len(CURVES),
        "changes": 10 * config.change_weight * (weight[:, 1:] * change.square()).sum() / total / len(CURVES),
        "visemes": config.viseme_weight * (cross * inside).sum() / total,
        "events": config.event_weight * (binary.sum(-1) * inside).sum() / total,
    }


@torch.no_grad()
def measure(net: PhoneticNet, shard: Shard) -> dict[str, float]:
    """How well a network hears whole utterances: mean correlation per curve at 25/s, viseme accuracy, closure AUC.

    The AUC is over frames inside speech: the chance that a frame of p b m has a higher closure than another one.
    """
    encoder = PhoneticEncoder(net.config).eval()
    encoder.net.load_state_dict(net.state_dict())
    correlations, right, closure, labels = [], [], [], []
    for start, length in zip(shard.starts.tolist(), shard.lengths.tolist(), strict=True):
        heard = encoder.heard(shard.mel[4 * start : 4 * (start + length)].float())
        curves = shard.curves[2 * start : 2 * (start + length)].float()
        viseme = shard.viseme[2 * start : 2 * (start + length)].long()
        correlations.append(correlation(heard[::2, : len(CURVES)], curves[::2]) * length)
        speech = viseme != VISEMES.index("sil")
        right.append((heard[:, len(CURVES) : len(CURVES) + len(VISEMES)].argmax(-1) == viseme)[speech])
        closure.append(heard[:, len(CURVES) + len(VISEMES)][speech])
        labels.append((viseme == CLOSURE)[speech])
    mean = torch.stack(correlations).sum(0) / shard.lengths.sum()
    return {
        **{name: float(value) for name, value in zip(CURVES, mean, strict=True)},
        "viseme accuracy": float(torch.cat(right).float().mean()),
        "closure AUC": ranking(torch.cat(closure), torch.cat(labels)),
    }


def correlation(a: Tensor, b: Tensor) -> Tensor:
    """(T, C), (T, C) -> (C,) Pearson correlations over time, 0 where either is constant."""
    a, b = a - a.mean(0), b - b.mean(0)
    scale = a.norm(dim=0) * b.norm(dim=0)
    return torch.where(scale > 1e-6, (a * b).sum(0) / scale.clamp_min(1e-6), scale.new_zeros(()))


def ranking(score: Tensor, label: Tensor) -> float:
    """Area under the ROC curve: the chance that a true one scores above a false one."""
    ranks = torch.empty(len(score))
    ranks[score.argsort()] = torch.arange(1, len(score) + 1, dtype=torch.float32)
    true, false = int(label.sum()), int((~label).sum())
    return float((ranks[label].double().sum() - true * (true + 1) / 2) / max(1, true * false))


def train_encoder(
    config: EncoderConfig,
    corpus: Path,
    out: Path,
    resume: bool = True,
    progress: Callable[[str], None] | None = None,
    measure_every: int = 500,
) -> Path:
    """Train on the shards in `corpus`; returns the path of the encoder, `out`/phonetic.safetensors.

    `out` also gets state.safetensors, from which a stopped run goes on (unless resume is False), and encoder.csv, the
    learning curve with figures on held-out voices. About two hours of one core at the default settings.
    """
    out.mkdir(parents=True, exist_ok=True)
    state, result = out / "state.safetensors", out / "phonetic.safetensors"
    if not resume:
        state.unlink(missing_ok=True)
        (out / "encoder.csv").unlink(missing_ok=True)
    torch.manual_seed(config.recipe.seed)  # the first weights
    net = PhoneticNet(config.net)
    average = averaged(net)
    windows = Windows(corpus, config.windows)
    held_out = {name: corpus / f"{name}.safetensors" for name in ("human_held_out", "flite_held_out")}
    held_out = {name: load_shard(path) for name, path in held_out.items() if path.exists()}
    digest = hashlib.sha256(json.dumps(asdict(config), sort_keys=True).encode()).hexdigest()

    def loss(step: int, generator: Generator) -> dict[str, Tensor]:
        torch.manual_seed(generator.initial_seed())  # dropout
        ending = (step / config.recipe.steps - config.settle_from) / (1 - config.settle_from)
        strength = 1 - (1 - config.settle_to) * max(0.0, ending)
        return encoder_losses(net, windows.draw(generator), config, generator, strength)

    running: dict[str, float] = {}
    for report in train(net, average, loss, config.recipe, state):
        for name, value in report.losses.items():
            running[name] = 0.98 * running.get(name, value) + 0.02 * value
        if report.step % measure_every == 0 or report.step == config.recipe.steps:
            figures = {f"{voices} {k}": v for voices, s in held_out.items() for k, v in measure(average, s).items()}
            row = {"step": report.step, **{f"loss {k}": v for k, v in running.items()}, **figures}
            write_row(out / "encoder.csv", row)
            save_phonetic_encoder(result, average, steps=str(report.step), recipe=digest, fps=str(FPS))
            if progress:
                progress(" ".join(f"{k}={v:.4g}" for k, v in row.items()))
    return result


def write_row(path: Path, row: dict[str, float]) -> None:
    """Append one line to a CSV file, with a heading when it is new."""
    new = not path.exists()
    with open(path, "a", newline="") as file:
        writer = csv.DictWriter(file, row)
        if new:
            writer.writeheader()
        writer.writerow({key: f"{value:.5g}" for key, value in row.items()})
