"""The whole recipe of the starter, from nothing: corpus, audio encoder, its features, motion model.

    train_motion_model(folder)      everything that is missing, and then the motion model

Each part is written into `folder` and kept, so a stopped run goes on where it was. `recordings` is a folder of labelled
human speech (see speech.labelled_folder); without it, synthetic voices alone are used.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from ..audio.phonetic import ENCODER, load_phonetic_encoder
from ..errors import BadInput
from ..motion.model import FPS, load_motion_model
from .data import load_utterances, silences
from .encoder_stage import EncoderConfig, train_encoder
from .held import held_vowels
from .loop import Recipe, Report
from .motion_stage import train_motion
from .speech import SpeechConfig, build_corpus, features_of

RECIPE = Recipe(steps=21_500, learning_rate=1e-3, warm_up=100, average=0.998, save_every=200)
"""As many steps as the shipped model had; about two hours of one core."""
HELD = 100
"""Utterances with a held vowel, of every shard."""
SAID_EVERY = 50
Say = Callable[[str], None]


def train_encoder_model(folder: Path, recordings: Path | None = None, say: Say | None = None) -> Path:
    """Build the corpus in `folder`/corpus, train the audio encoder; returns `folder`/encoder/phonetic.safetensors."""
    folder.mkdir(parents=True, exist_ok=True)
    build_corpus(folder / "corpus", SpeechConfig(), recordings, say)
    return train_encoder(EncoderConfig(), folder / "corpus", folder / "encoder", progress=say)


def train_motion_model(
    folder: Path,
    recordings: Path | None = None,
    *,
    encoder: Path | None = None,
    start: Path | None = None,
    preset: str = "starter",
    steps: int = RECIPE.steps,
    seed: int = 0,
    device: str = "cpu",
    say: Say | None = None,
) -> Path:
    """Train the motion model in `folder`; returns `folder`/motion/starter.safetensors.

    encoder: a trained audio encoder; without it `folder`'s own, trained first if need be. start: a motion model to go
    on from. preset: 'starter' or 'paper'. device: where the network is trained. say: told about progress in lines of
    text. BadInput where `steps` is not positive.
    """
    if steps < 1:
        raise BadInput(f"The number of training steps must be at least 1, not {steps}.")
    folder.mkdir(parents=True, exist_ok=True)
    build_corpus(folder / "corpus", SpeechConfig(), recordings, say)
    path = encoder or train_encoder(EncoderConfig(), folder / "corpus", folder / "encoder", progress=say)
    hearing = load_phonetic_encoder(path)
    features, shards = folder / "features", sorted((folder / "corpus").glob("*.safetensors"))
    if not all((features / f"{shard.stem}.features.safetensors").exists() for shard in shards):
        features_of(folder / "corpus", hearing, features, say)
    utterances = load_utterances(folder / "corpus", features) + silences(hearing, FPS, seed)
    utterances += held_vowels(folder / "corpus", hearing, HELD, seed)
    out = folder / "motion" / "starter.safetensors"
    out.parent.mkdir(exist_ok=True)
    recipe = Recipe(
        steps, RECIPE.learning_rate, RECIPE.warm_up, average=RECIPE.average, save_every=RECIPE.save_every, seed=seed
    )
    train_motion(
        utterances,
        out,
        recipe,
        encoder=ENCODER,
        preset=preset,
        device=device,
        start=load_motion_model(start).train() if start else None,
        progress=lambda report: _tell(report, steps, say),
    )
    return out


def _tell(report: Report, steps: int, say: Say | None) -> None:
    if say and (report.step % SAID_EVERY == 0 or report.step == steps):
        losses = ", ".join(f"{name} {value:.4f}" for name, value in report.losses.items())
        say(f"motion, step {report.step} of {steps}: {losses}")
