"""The verbs of the command line under `train`: data, the shipped models again, and a face model of one's own.

Prints on stderr, as the command line does: a training that takes hours says where it is.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

from .cli_arguments import frame_rate, usable_device
from .errors import BadInput
from .terminal import Bar
from .weights import checkpoint

# What training alone needs is imported where it is used, so that the other commands start fast.


def train(options: argparse.Namespace) -> None:
    """Train the shipped models again, or a model of your own."""
    options.stage(options)


def encoder(options: argparse.Namespace) -> None:
    """Train the shipped audio encoder again."""
    from .train.distributed import refuse_company
    from .train.starter import train_encoder_model

    refuse_company("train encoder")
    say(f"written: {train_encoder_model(_corpus_folder(options), options.recordings, say)}")


def starter(options: argparse.Namespace) -> None:
    """Train the shipped audio encoder and then the motion model again."""
    _train_motion_model(options, None)


def motion(options: argparse.Namespace) -> None:
    """Train the shipped motion model again, or one of your own for a trained face, as a file of settings says."""
    if options.settings is not None:
        _train_latent_motion(options)
        return
    _train_motion_model(options, options.encoder or checkpoint.shipped("phonetic.safetensors"))


def face(options: argparse.Namespace) -> None:
    """Train a face model of your own, as a file of settings says."""
    from .train.distributed import joined
    from .train.face_stage import FaceSettings, train_face
    from .train.settings import read_settings

    settings = read_settings(options.settings, FaceSettings)
    with joined(usable_device(options.device)) as world:
        made = train_face(settings, str(world.device), say, world)
    if world.leads:
        say(f"written: {made}")


def prepare(options: argparse.Namespace) -> None:
    """Turn a folder of talking videos into clips for training; run it again to go on where it was stopped."""
    from .train.distributed import refuse_company
    from .train.prepare import prepare as make
    from .train.preprocess import PrepareSettings

    refuse_company("train prepare")
    settings = PrepareSettings(options.size, options.fps, options.encoder, options.syncnet)
    bar = Bar()
    report = make(options.videos, options.output, settings, options.workers, bar.step("videos"), say)
    say(report.table())
    bar.done(options.output, "prepared")


def capp(options: argparse.Namespace) -> None:
    """Train the network behind the score CAPP, of voices and heads, as a file of settings says."""
    from .train.capp_stage import CappSettings, train_capp
    from .train.distributed import joined
    from .train.settings import read_settings

    settings = read_settings(options.settings, CappSettings)
    with joined(usable_device(options.device)) as world:
        made = train_capp(settings, str(world.device), say, world)
    if world.leads:
        say(f"written: {made}")


def _train_motion_model(options: argparse.Namespace, encoder: Path | None) -> None:
    from .train.distributed import refuse_company
    from .train.starter import RECIPE, train_motion_model

    refuse_company("train starter" if options.stage is starter else "train motion without settings")
    say(f"training the starter model again in {_corpus_folder(options)}, a matter of hours")
    if options.stage is motion:
        say("for a motion model of your own face and videos name a file of settings: train motion SETTINGS.json")
    made = train_motion_model(
        _corpus_folder(options),
        options.recordings,
        encoder=encoder,
        start=options.start,
        preset=options.preset or "starter",
        steps=RECIPE.steps if options.steps is None else options.steps,
        seed=options.seed or 0,
        device=str(usable_device(options.device)),
        say=say,
    )
    say(f"written: {made}")


def _train_latent_motion(options: argparse.Namespace) -> None:
    from .train.distributed import joined
    from .train.latent_stage import MotionSettings, train_latent_motion
    from .train.settings import read_settings

    for name in ("output", "recordings", "encoder", "start", "preset", "steps", "seed"):
        if getattr(options, name) is not None:
            raise BadInput(f"With a file of settings 'train motion' takes everything from it; leave out --{name}.")
    settings = read_settings(options.settings, MotionSettings)
    with joined(usable_device(options.device)) as world:
        made = train_latent_motion(settings, str(world.device), say, world)
    if world.leads:
        say(f"written: {made}")


def _corpus_folder(options: argparse.Namespace) -> Path:
    return Path(options.output or "training")


def say(text: str) -> None:
    """A line about what goes on."""
    print(text, file=sys.stderr, flush=True)


def add_train_command(command: Callable[[Callable], argparse.ArgumentParser]) -> None:
    """Add `train` and its verbs; `command` makes the parser of one."""
    verbs = command(train).add_subparsers(required=True, metavar="WHAT")

    def verb(stage: Callable, *groups: Callable) -> argparse.ArgumentParser:
        sub = verbs.add_parser(stage.__name__, help=stage.__doc__, description=stage.__doc__)
        sub.set_defaults(stage=stage)
        for group in groups:
            group(sub)
        return sub

    verb(prepare, _prepare_options)
    verb(encoder, _corpus_options)
    verb(starter, _corpus_options, _motion_options, _device_option)
    sub = verb(motion, _corpus_options, _motion_options, _device_option)
    sub.add_argument("settings", nargs="?", help="a JSON file, see the README; without it, the shipped one again")
    sub.add_argument("--encoder", type=Path, metavar="FILE", help="audio encoder (the shipped one)")
    for stage in (face, capp):
        verb(stage, _device_option).add_argument("settings", help="a JSON file, see the README")


def _prepare_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("videos", help="folder of videos, with a folder for each person or without")
    parser.add_argument("-o", "--output", required=True, metavar="FOLDER", help="where the clips go")
    parser.add_argument("--size", type=int, default=512, choices=(256, 512), help="pixels of a clip's side (512)")
    parser.add_argument("--fps", type=frame_rate, default=Fraction(25), help="frames per second of the clips (25)")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1, help="processes (one per core)")
    told = "audio encoder of the features: phonetic, or a Wav2Vec2 file (phonetic)"
    parser.add_argument("--encoder", default="phonetic", metavar="NAME|FILE", help=told)
    parser.add_argument("--syncnet", metavar="FILE", help="SyncNet's weights, to drop clips that are out of sync")


def _corpus_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("-o", "--output", help="folder for corpus, states and weights (training)")
    told = "labelled human speech; without it, synthetic voices alone"
    parser.add_argument("--recordings", type=Path, metavar="FOLDER", help=told)


def _motion_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--start", type=Path, metavar="FILE", help="motion model to go on from")
    parser.add_argument("--preset", help="size of the motion model: starter or paper (starter)")
    parser.add_argument("--steps", type=int, help="training steps of the motion model (as many as the shipped one)")
    parser.add_argument("--seed", type=int, help="of everything that is drawn (0)")


def _device_option(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda, mps ... (auto)")
