"""The verbs of the command line under `train`: the shipped models again, and a face model of one's own."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

from .cli_arguments import usable_device
from .weights import checkpoint

# What training alone needs is imported where it is used, so that the other commands start fast.


def train(options: argparse.Namespace) -> None:
    """Train the shipped models again, or a model of your own."""
    options.stage(options)


def encoder(options: argparse.Namespace) -> None:
    """Train the shipped audio encoder again."""
    from .train.starter import train_encoder_model

    say(f"written: {train_encoder_model(Path(options.output), options.recordings, say)}")


def starter(options: argparse.Namespace) -> None:
    """Train the shipped audio encoder and then the motion model again."""
    _train_motion_model(options, None)


def motion(options: argparse.Namespace) -> None:
    """Train the shipped motion model again."""
    _train_motion_model(options, options.encoder or checkpoint.shipped("phonetic.safetensors"))


def face(options: argparse.Namespace) -> None:
    """Train a face model of your own, as a file of settings says."""
    from .train.face_stage import FaceSettings, train_face
    from .train.settings import read_settings

    settings = read_settings(options.settings, FaceSettings)
    say(f"written: {train_face(settings, str(usable_device(options.device)), say)}")


def _train_motion_model(options: argparse.Namespace, encoder: Path | None) -> None:
    from .train.starter import RECIPE, train_motion_model

    made = train_motion_model(
        Path(options.output),
        options.recordings,
        encoder=encoder,
        start=options.start,
        preset=options.preset,
        steps=RECIPE.steps if options.steps is None else options.steps,
        seed=options.seed,
        device=str(usable_device(options.device)),
        say=say,
    )
    say(f"written: {made}")


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

    verb(encoder, _corpus_options)
    verb(starter, _corpus_options, _motion_options, _device_option)
    sub = verb(motion, _corpus_options, _motion_options, _device_option)
    sub.add_argument("--encoder", type=Path, metavar="FILE", help="audio encoder (the shipped one)")
    sub = verb(face, _device_option)
    sub.add_argument("settings", help="a JSON file, see the README")


def _corpus_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("-o", "--output", default="training", help="folder for corpus, states and weights (training)")
    told = "labelled human speech; without it, synthetic voices alone"
    parser.add_argument("--recordings", type=Path, metavar="FOLDER", help=told)


def _motion_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--start", type=Path, metavar="FILE", help="motion model to go on from")
    parser.add_argument("--preset", default="starter", help="size of the motion model: starter or paper (starter)")
    parser.add_argument("--steps", type=int, help="training steps of the motion model (as many as the shipped one)")
    parser.add_argument("--seed", type=int, default=0, help="of everything that is drawn (0)")


def _device_option(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda, mps ... (auto)")
