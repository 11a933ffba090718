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
from ..metrics.capp import Block, CappConfig, CappNetwork, save_capp
from .ahead import Ahead
from .capp_data import FilmedHeads, HeadsAndVoices, PerformedSpeech, seed_of
from .distributed import ALONE, World
from .economy import Economy, economise
from .loop import Recipe, averaged, train
from .losses_log import recorded, save_curves

ANYWHERE = ("output", "clips", "speech", "encoder", "economy", "tensorboard")
"""Settings that may change while a training goes on: they name things, or change how fast it goes."""
SAID_EVERY = 50
COLDEST = 0.01  # the least temperature, as in CLIP
SURVEYED = 40  # clips whose windows give the means and deviations
Say = Callable[[str], None]


@dataclass(frozen=True)
class CappSettings:
    """Everything that decides the outcome.

    output: folder. clips: folder of clips with pose and features (shards.py); or else speech: folder of recordings
    (capp_data.PerformedSpeech), heard by `encoder` (a name, or the path of a Wav2Vec2) in `copies` of each. A step has
    `each` windows of `people` clips, in recipe.parts equal parts; what is not of a pair is of the same part.
    tensorboard: write losses for it, too. economy: what saves time and memory.
    """

    output: str
    clips: str | None = None
    speech: str | None = None
    encoder: str = "phonetic"
    copies: int = 4
    people: int = 8
    each: int = 8
    tensorboard: bool = False
    economy: Economy = field(default_factory=Economy)
    network: CappConfig = field(default_factory=CappConfig)
    recipe: Recipe = field(
        default_factory=lambda: Recipe(
            steps=20_000, learning_rate=5e-4, warm_up=500, weight_decay=0.1, average=0.999, save_every=500
        )
    )

    def __post_init__(self) -> None:
        if (self.clips is None) == (self.speech is None):
            raise ValueError("name either a folder of 'clips' or one of 'speech'")
        if self.copies < 1:
            raise ValueError(f"{self.copies} copies of each recording train nothing; at least 1 is needed")
        if self.people % self.recipe.parts:
            raise ValueError(f"{self.people} people cannot be split into {self.recipe.parts} equal parts")
        if self.people < 2 * self.recipe.parts or self.each < 1:
            raise ValueError("each part of a step needs windows of at least 2 people")


def train_capp(settings: CappSettings, device: str = "cpu", say: Say | None = None, world: World = ALONE) -> Path:
    """Train as `settings` say, going on where an earlier run stopped; returns the file of the trained network.

    Of several processes of a `world`, the leading one speaks and writes.
    """
    out, say = Path(settings.output), say if say and world.leads else (lambda text: None)
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"The folder {out} cannot be made ({error.strerror}). Name another output.") from error
    data: HeadsAndVoices
    if settings.clips is not None:
        data = FilmedHeads(settings.clips)
    else:
        data = PerformedSpeech(settings.speech, load_audio_encoder(settings.encoder), copies=settings.copies, say=say)
    recipe, made = settings.recipe, out / "capp.safetensors"
    torch.manual_seed(recipe.seed)  # the first weights
    network = new_network(settings, data).to(device)
    average, people = averaged(network), settings.people // recipe.parts
    economise([network.audio, network.pose], settings.economy, Block)
    drawn = Ahead(lambda generator: data.windows(seed_of(generator), people, settings.each), recipe, world)

    def loss(step: int, generator: torch.Generator) -> dict[str, Tensor]:
        features, pose = drawn(step, generator)
        torch.manual_seed(generator.initial_seed())  # dropout
        return capp_losses(network, features.to(device), pose.to(device))

    def keep(step: int) -> None:
        average.trained_on = f"{data.told}; {step} steps of {settings.people * settings.each} windows"
        save_capp(made, average, half=True)

    deciding = {name: value for name, value in asdict(settings).items() if name not in ANYWHERE}
    deciding["hearing"] = f"{data.encoder} {data.encoder_weights}"
    reports = train(network, average, loss, recipe, out / "state.safetensors", settings=deciding, world=world)
    for report in recorded(reports, out, world, out / "losses.png", settings.tensorboard):
        if report.step % recipe.save_every == 0 or report.step == recipe.steps:
            keep(report.step)
            save_curves(out / "losses.csv")
        if report.step % SAID_EVERY == 0 or report.step == recipe.steps:
            losses = ", ".join(f"{name} {value:.4f}" for name, value in report.losses.items())
            say(f"capp, step {report.step} of {recipe.steps}: {losses}")
    if world.leads:  # a run may have been stopped right before it wrote the file of its last step
        keep(recipe.steps)
    return made


def new_network(settings: CappSettings, data: HeadsAndVoices) -> CappNetwork:
    """A network with fresh weights that knows the means and deviations of its data."""
    network = CappNetwork(settings.network, data.encoder, data.channels, encoder_weights=data.encoder_weights)
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
