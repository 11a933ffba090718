"""Gaze, distance and emotion over time, all three as keys on one timeline.

VASA_TIMELINE is a versioned dict, as the other widgets' values are (widgets.py):

    {"version": 1,
     "gaze": {"ease": "smooth", "keys": [{"t": 0.0, "yaw": 10.0, "pitch": 0.0}, ...]},    degrees
     "distance": {"ease": "linear", "keys": [{"t": 1.5, "distance": 1.2}, ...]},
     "emotion": {"ease": "step", "keys": [{"t": 0.0, "happiness": 0.5}, ...]}}            what is not named is 0

Times are seconds, rising. A lane that is left out or has no keys asks for nothing.
"""

from __future__ import annotations

from itertools import pairwise

import torch
from comfy_api.latest import io

from ..vasa_core.errors import BadInput
from ..vasa_core.types import EMOTIONS, Controls, Curve
from . import sockets
from .controls import CATEGORY
from .widgets import NATURAL, RANGES, VERSION

TIMELINE = io.Custom("VASA_TIMELINE")
LANES = {"gaze": ("yaw", "pitch"), "distance": ("distance",), "emotion": EMOTIONS}
EASES = ("smooth", "linear", "step")
LATEST = 36000.0  # seconds that a key may be at
LIMITS = {name: limits for ranges in RANGES.values() for name, limits in ranges.items()}
PEAKS = 50  # of the waveform, a second
START = {
    "version": VERSION,
    "gaze": {"ease": "smooth", "keys": [{"t": 0.0, "yaw": 0.0, "pitch": 0.0}]},
    "distance": {"ease": "smooth", "keys": [{"t": 0.0, "distance": 1.0}]},
    "emotion": {"ease": "smooth", "keys": []},
}


class ControlTimeline(io.ComfyNode):
    """Gaze, head distance and emotion as keys below the sound's waveform."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        natural = {name: limits for kind in NATURAL.values() for name, limits in kind.items()}
        return io.Schema(
            node_id="VASA_ControlTimeline",
            display_name="Control Timeline",
            category=CATEGORY,
            description="Gaze, head distance and emotion over time: keys on three lanes below the sound's waveform.",
            search_aliases=["keyframes", "animation", "schedule", "curve editor", "automation", "vasa timeline"],
            inputs=[
                TIMELINE.Input(
                    "timeline", extra_dict={"default": START, "ranges": LIMITS, "natural": natural},
                    tooltip="Double-click a lane to add a key, drag it in time and value, press Delete to remove it. "
                    "After a click into the timeline the wheel zooms in time; drag a lane to move along.",
                ),
                io.Audio.Input(
                    "audio", optional=True,
                    tooltip="The speech, to show its waveform. It does not change the controls.",
                ),
                sockets.CONTROLS.Input(
                    "controls", optional=True,
                    tooltip="Controls from other nodes. Where they set gaze, distance or emotion, they replace that "
                    "lane.",
                ),
            ],
            outputs=[
                sockets.CONTROLS.Output(
                    "controls", tooltip="The lanes as controls: for Generate Motion, or for the next control."
                )
            ],
        )  # fmt: skip

    @classmethod
    def execute(cls, timeline: dict, audio: dict | None = None, controls: Controls | None = None) -> io.NodeOutput:
        """The lanes as curves, in radians; and the sound's peaks for the browser."""
        curves = curves_from_timeline(timeline)
        if controls is not None:
            curves |= {lane: curve for lane in LANES if (curve := getattr(controls, lane)) is not None}
        return io.NodeOutput(Controls(**curves), ui=None if audio is None else peaks_for_browser(audio))


def curves_from_timeline(timeline: object) -> dict[str, Curve | None]:
    """VASA_TIMELINE to the curve of each lane, None where it has no keys. BadInput names the lane and the cure."""
    if not isinstance(timeline, dict) or timeline.get("version") != VERSION:
        given = f"the version {timeline.get('version')!r:.20}" if isinstance(timeline, dict) else f"{timeline!r:.40}"
        raise BadInput(
            f"The input 'timeline' needs a dict of version {VERSION}, not {given}. Update the pack, or set it again."
        )
    strange = [name for name in timeline if name not in LANES and name != "version"]
    if strange:
        raise BadInput(f"The input 'timeline' holds '{strange[0]!s:.40}', which is none of: {', '.join(LANES)}.")
    return {lane: _curve(timeline.get(lane, {}), lane) for lane in LANES}


def _curve(content: object, lane: str) -> Curve | None:
    keys = content.get("keys", []) if isinstance(content, dict) else None
    if not isinstance(keys, list) or not all(isinstance(key, dict) for key in keys):
        raise BadInput(f"The lane '{lane}' of 'timeline' needs a dict with a list of keys. Set it again.")
    ease = content.get("ease", EASES[0])
    if ease not in EASES:
        raise BadInput(f"The lane '{lane}' of 'timeline' eases '{ease!s:.20}'. Use one of: {', '.join(EASES)}.")
    for key in keys:
        strange = [name for name in key if name not in LANES[lane] and name != "t"]
        if strange:
            names = ", ".join(("t", *LANES[lane]))
            raise BadInput(f"The lane '{lane}' of 'timeline' sets '{strange[0]!s:.40}', which is none of: {names}.")
    times = [_number(key, "t", lane, (0.0, LATEST), None) for key in keys]
    if any(later <= earlier for earlier, later in pairwise(times)):
        raise BadInput(f"The keys of the lane '{lane}' of 'timeline' need to rise in time. Move or remove one.")
    if not keys:
        return None
    rest = 0.0 if lane == "emotion" else None
    rows = [[_number(key, name, lane, LIMITS[name], rest) for name in LANES[lane]] for key in keys]
    values = torch.tensor(rows, dtype=torch.float64)  # (K, C)
    return Curve(torch.tensor(times, dtype=torch.float64), values.deg2rad() if lane == "gaze" else values, ease)


def _number(key: dict, name: str, lane: str, limits: tuple[float, float], rest: float | None) -> float:
    """A number of a key; `rest` stands for one that is not there, if any does."""
    number, (low, high) = key.get(name, rest), limits
    if isinstance(number, bool) or not isinstance(number, (int, float)) or not low <= number <= high:
        given = "none" if number is None else f"{number!r:.30}"
        raise BadInput(
            f"A key of the lane '{lane}' of 'timeline' needs a number from {low:g} to {high:g} for '{name}', "
            f"not {given}. Set it again."
        )
    return float(number)


def peaks_for_browser(audio: dict) -> dict[str, list]:
    """{"peaks": the loudest sample of each 1 / PEAKS seconds, 0 to 255; "seconds": [the sound's length]}."""
    sound = sockets.audio_from_socket(audio)
    count = max(1, round(sound.duration * PEAKS))
    peaks = torch.nn.functional.adaptive_max_pool1d(sound.samples.abs().cpu()[None], count)[0]  # (P,)
    return {"peaks": peaks.mul(255).round().int().tolist(), "seconds": [sound.duration]}
