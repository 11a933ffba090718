"""CAPP's training: two encoders learn which head belongs to which voice, as CLIP learns which text to which picture.

    settings (JSON) -> train_capp -> OUTPUT/capp.safetensors, with state, losses.csv and its curves beside it

Of the B x B pairs of a step's windows, the B true ones must have the greatest cosine in their rows and columns
(A. Radford et al., 2021); the temperature is learnt.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from ..audio import load_audio_encoder
from ..errors import OutputError
from ..metrics.capp import CappConfig, CappNetwork, save_capp
from .capp_data import FilmedHeads, HeadsAndVoices, PerformedSpeech, seed_of
from .loop import Recipe, averaged, train
from .losses_log import logged, save_curves

SAID_EVERY = 50
COLDEST = 0.01  # the least temperature, as in CLIP
SURVEYED = 40  # clips whose windows give the means and deviations
Say = Callable[[str], None]


@dataclass(frozen=True)
class CappSettings:
    """Everything that decides the outcome.

    output: folder. clips: folder of clips with pose and features (shards.py); or else speech: folder of recordings
    (capp_data.PerformedSpeech), heard by `encoder` (a name, or the path of a Wav2Vec2) in `copies` of each. A step has
    `each` windows of `people` clips.
    """

    output: str
    clips: str | None = None
    speech: str | None = None
    encoder: str = "phonetic"
    copies: int = 4
    people: int = 8
    each: int = 8
    network: CappConfig = field(default_factory=CappConfig)
    recipe: Recipe = field(
        default_factory=lambda: Recipe(
            steps=20_000, learning_rate=5e-4, warm_up=500, weight_decay=0.1, average=0.999, save_every=500
        )
    )

    def __post_init__(self) -> None:
        if (self.clips is None) == (self.speech is None):
            raise ValueError("name either a folder of 'clips' or one of 'speech'")
        if self.people < 2 or self.each < 1:
            raise ValueError("a step needs windows of at least 2 people")
        if self.recipe.steps < 1:
            raise ValueError(f"{self.recipe.steps} steps train nothing; at least 1 is needed")


def train_capp(settings: CappSettings, device: str = "cpu", say: Say | None = None) -> Path:
    """Train as `settings` say, going on where an earlier run stopped; returns the file of the trained network."""
    out = Path(settings.output)
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"The folder {out} cannot be made ({error.strerror}). Name another output.") from error
    data: HeadsAndVoices
    if settings.clips is not None:
        data = FilmedHeads(settings.clips)
    else:
        data = PerformedSpeech(settings.speech, load_audio_encoder(settings.encoder), copies=settings.copies, say=say)
    torch.manual_seed(settings.recipe.seed)  # the first weights, and dropout
    network = new_network(settings, data).to(device)
    average = averaged(network)

    def loss(step: int, generator: torch.Generator) -> dict[str, Tensor]:
        features, pose = data.windows(seed_of(generator), settings.people, settings.each)
        return capp_losses(network, features.to(device), pose.to(device))

    made = out / "capp.safetensors"
    deciding = {name: value for name, value in asdict(settings).items() if name not in ("output", "recipe")}
    reports = train(network, average, loss, settings.recipe, out / "state.safetensors", settings=deciding)
    for report in logged(reports, out / "losses.csv"):
        if report.step % settings.recipe.save_every == 0 or report.step == settings.recipe.steps:
            average.trained_on = f"{data.told}; {report.step} steps of {settings.people * settings.each} windows"
            save_capp(made, average, half=True)
            save_curves(out / "losses.csv")
        if say and (report.step % SAID_EVERY == 0 or report.step == settings.recipe.steps):
            losses = ", ".join(f"{name} {value:.4f}" for name, value in report.losses.items())
            say(f"capp, step {report.step} of {settings.recipe.steps}: {losses}")
    return made


def new_network(settings: CappSettings, data: HeadsAndVoices) -> CappNetwork:
    """A network with fresh weights that knows the means and deviations of its data."""
    network = CappNetwork(settings.network, data.encoder, data.channels)
    features, pose = data.windows(np.random.default_rng(settings.recipe.seed), SURVEYED, settings.each)
    for encoder, values in ((network.audio, features), (network.pose, pose - pose.mean(1, keepdim=True))):
        flat = values.flatten(0, 1)
        encoder.mean.copy_(flat.mean(0))
        encoder.deviation.copy_(flat.std(0).clamp_min(1e-4))
    return network


def capp_losses(network: CappNetwork, features: Tensor, pose: Tensor) -> dict[str, Tensor]:
    """Cross-entropies of which head belongs to each voice, and which voice to each head, of B windows each."""
    heard, watched = network.hear(features), network.watch(pose)  # (B, space)
    cosines = heard @ watched.T  # (B, B)
    logits = cosines / network.temperature.exp().clamp_min(COLDEST)
    true = torch.arange(len(logits), device=logits.device)
    return {"heads": 0.5 * F.cross_entropy(logits, true), "voices": 0.5 * F.cross_entropy(logits.T, true)}
