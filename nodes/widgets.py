"""The values of this pack's own widgets: versioned dicts, as a workflow saves them, an API prompt sends them, and a
wire carries them.

    VASA_GAZE       {"version": 1, "yaw": 10.0, "pitch": -5.0}              degrees
    VASA_DISTANCE   {"version": 1, "distance": 1.2}                         1 is as in the picture
    VASA_EMOTION    {"version": 1, "happiness": 0.6, "surprise": 0.2}       a mixture; what is not named is 0

Dicts, because a bare list in a prompt is read as a link, and a version, so that a later form can be told apart. Ranges
and the limits of what looks natural are written once, here: the browser gets them with each input's options.
"""

from __future__ import annotations

from math import degrees, radians

from comfy_api.latest import io

from ..vasa_core.errors import BadInput
from ..vasa_core.faces.mesh.limits import FARTHEST, NEAREST, PITCH, YAW
from ..vasa_core.types import EMOTIONS

VERSION = 1
GAZE = io.Custom("VASA_GAZE")
DISTANCE = io.Custom("VASA_DISTANCE")
EMOTION = io.Custom("VASA_EMOTION")

RANGES = {
    "VASA_GAZE": {"yaw": (-30.0, 30.0), "pitch": (-20.0, 20.0)},
    "VASA_DISTANCE": {"distance": (0.5, 2.0)},
    "VASA_EMOTION": {name: (0.0, 1.0) for name in EMOTIONS},
}
NATURAL = {
    "VASA_GAZE": {"yaw": round(degrees(YAW)), "pitch": round(degrees(PITCH))},
    "VASA_DISTANCE": {"distance": (NEAREST, FARTHEST)},
}


def value_input(kind: type[io.ComfyTypeIO], name: str, default: dict[str, float], tooltip: str) -> io.Input:
    """The input of one of the types above: a widget of web/js/, and a socket."""
    options = {"default": {"version": VERSION, **default}, "ranges": RANGES[kind.io_type]}
    natural = {"natural": NATURAL[kind.io_type]} if kind.io_type in NATURAL else {}
    return kind.Input(name, tooltip=tooltip, extra_dict=options | natural)


def gaze_from_widget(value: object, name: str) -> tuple[float, float]:
    """VASA_GAZE to (yaw, pitch) in radians; `name` is the input that a refusal names."""
    numbers = _numbers(value, name, "VASA_GAZE", all_needed=True)
    return radians(numbers["yaw"]), radians(numbers["pitch"])


def distance_from_widget(value: object, name: str) -> tuple[float]:
    """VASA_DISTANCE to (distance,)."""
    return (_numbers(value, name, "VASA_DISTANCE", all_needed=True)["distance"],)


def emotion_from_widget(value: object, name: str) -> tuple[float, ...]:
    """VASA_EMOTION to eight strengths in the order of EMOTIONS."""
    numbers = _numbers(value, name, "VASA_EMOTION", all_needed=False)
    return tuple(numbers.get(emotion, 0.0) for emotion in EMOTIONS)


def _numbers(value: object, name: str, kind: str, all_needed: bool) -> dict[str, float]:
    """The named numbers of a widget's dict, each checked against its range."""
    ranges = RANGES[kind]
    if not isinstance(value, dict):
        form = ", ".join(f'"{key}": number' for key in list(ranges)[:2])
        raise BadInput(f"The input '{name}' needs a dict like {{\"version\": {VERSION}, {form}}}, not {value!r:.60}.")
    if value.get("version") != VERSION:
        raise BadInput(
            f"The input '{name}' has the version {value.get('version')!r:.20}; this pack reads version {VERSION}. "
            "Update the pack, or set the control again."
        )
    numbers = {key: number for key, number in value.items() if key != "version"}
    strange = [key for key in numbers if key not in ranges]
    if strange:
        raise BadInput(f"The input '{name}' holds '{strange[0]!s:.40}', which is none of: {', '.join(ranges)}.")
    for key, (low, high) in ranges.items():
        number = numbers.get(key, None if all_needed else 0.0)
        if isinstance(number, bool) or not isinstance(number, (int, float)) or not low <= number <= high:
            given = "none" if number is None else f"{number!r:.30}"
            raise BadInput(f"The input '{name}' needs a number from {low:g} to {high:g} for '{key}', not {given}.")
    return {key: float(number) for key, number in numbers.items()}
