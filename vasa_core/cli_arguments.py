"""How the command line reads what people type: angles, boxes, emotions, frame rates."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from fractions import Fraction

import torch

from .errors import BadInput
from .media.write import exact_rate
from .types import EMOTIONS


def joined(arguments: Sequence[str]) -> list[str]:
    """'--gaze -10,5' as '--gaze=-10,5', which argparse would take for an option."""
    joined: list[str] = []
    for argument in arguments:
        if joined and joined[-1] in ("--gaze", "--box") and argument.startswith("-"):
            joined[-1] += "=" + argument
        else:
            joined.append(argument)
    return joined


def numbers(count: int, form: str) -> Callable[[str], tuple[float, ...]]:
    """A parser of `count` numbers between commas; `form` says in its complaint what they are."""

    def parse(text: str) -> tuple[float, ...]:
        try:
            numbers = tuple(float(part) for part in text.split(","))
        except ValueError:
            numbers = ()
        if len(numbers) != count:
            raise argparse.ArgumentTypeError(f"'{text}' is not {form}")
        return numbers

    return parse


def mixed_emotion(text: str) -> dict[str, float]:
    """'happiness:0.6,anger' as {name: amount}."""
    emotions = {}
    for part in text.split(","):
        name, _, amount = part.partition(":")
        if name not in EMOTIONS:
            raise argparse.ArgumentTypeError(f"'{name}' is not one of {', '.join(EMOTIONS)}")
        try:
            emotions[name] = float(amount or 1.0)
        except ValueError:
            raise argparse.ArgumentTypeError(f"'{amount}' is not a number from 0 to 1") from None
    return emotions


def frame_rate(text: str) -> Fraction:
    """A frame rate, exactly."""
    try:
        return exact_rate(Fraction(text))
    except (ValueError, ZeroDivisionError, BadInput):
        raise argparse.ArgumentTypeError(f"'{text}' is not a frame rate; use 25, 29.97 or 30000/1001") from None


def usable_device(name: str) -> torch.device:
    """'auto': the accelerator where there is one, else the CPU. Raises BadInput for what torch does not know."""
    if name == "auto":
        return torch.accelerator.current_accelerator() if torch.accelerator.is_available() else torch.device("cpu")
    try:
        return torch.zeros(1, device=name).device
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0]
        raise BadInput(f"The device '{name}' cannot be used ({reason}). Use --device auto or cpu.") from error
