"""Gaze, head distance and emotion: each fixed, drawn as a curve, or set by keyframes, and chained into one control set.

Each node takes the controls made so far and returns them with its own added. Widgets hold degrees; the core radians.

A value that one looks at and drags (a direction, a distance, a mixture of emotions) is one input of its own type with a
widget of web/js/ and a socket, and not a row of number widgets: a pad moves two numbers at once, a mixture has eight,
and one dict stays whole when it is saved, cloned, undone, wired or sent through the API. Numbers are typed inside the
widget. Curves, seconds and keyframes stay ComfyUI's own widgets, which do that job.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from comfy_api.latest import io

from ..vasa_core.errors import BadInput
from ..vasa_core.motion.controls import add_curves
from ..vasa_core.types import EMOTIONS, Controls, Curve
from . import sockets
from .widgets import (
    DISTANCE,
    EMOTION,
    GAZE,
    distance_from_widget,
    emotion_from_widget,
    gaze_from_widget,
    value_input,
)

CATEGORY = "VASA/controls"
ROUNDING = 1e-5  # of a sum of emotions that makes 1
RISE = [(0.0, 0.0), (1.0, 1.0)]
SWELL = [(0.0, 0.0), (0.25, 1.0), (0.75, 1.0), (1.0, 0.0)]
CURVE_NOTE = "ComfyUI shows its curve editor in Nodes 2.0 only; elsewhere use keyframes or a Curve Editor node."


def _choice(
    name: str,
    kind: type[io.ComfyTypeIO],
    meaning: str,
    defaults: tuple[dict, dict, dict],
    keys: str,
    keys_tooltip: str,
    shape: list,
) -> io.Input:
    """The choice that all three nodes share: one value, a drawn curve between two, or keyframes as text.

    defaults: of the fixed value, and of the two ends of the curve.
    """
    fixed, start, end = defaults
    curve = [
        value_input(kind, "from", start, f"At the bottom of the curve. {meaning}"),
        value_input(kind, "to", end, f"At the top of the curve. {meaning}"),
        io.Curve.Input(
            "curve", default=shape, socketless=False,
            tooltip=f"How the value changes over time: the bottom is 'from', the top 'to'. {CURVE_NOTE}",
        ),
        io.Float.Input(
            "seconds", default=5.0, min=0.1, max=3600.0, step=0.1,
            tooltip="How long the whole width of the curve lasts. After that the last value holds.",
        ),
        io.Audio.Input("audio", optional=True, tooltip="Connect the sound to spread the curve over its whole length."),
    ]  # fmt: skip
    keyframes = [io.String.Input("keyframes", multiline=True, default=keys, tooltip=keys_tooltip)]
    options = [("fixed", [value_input(kind, "value", fixed, meaning)]), ("curve", curve), ("keyframes", keyframes)]
    return io.DynamicCombo.Input(
        name,
        options=[io.DynamicCombo.Option(key, inputs) for key, inputs in options],
        tooltip="Fixed: one value. Curve: from one value to another as drawn. Keyframes: any path.",
    )


def _chain_input() -> io.Input:
    return sockets.CONTROLS.Input(
        "controls", optional=True, tooltip="Controls to add this one to. Leave it open to start a new chain."
    )


def _chain_output() -> io.Output:
    return sockets.CONTROLS.Output(
        "controls", tooltip="The controls with this one added: for Generate Motion, or for the next control."
    )


def _curve(choice: dict | None, name: str, read: Callable, keyframes: Callable[[str], Curve]) -> Curve:
    """The curve that a choice named `name` holds. read(value, input name): a widget's value as a row of numbers."""
    if choice is None:  # ComfyUI leaves out a choice that there is not
        raise BadInput(f"The input '{name}' has no such choice. Use fixed, curve or keyframes.")
    way = choice[name]
    if way == "fixed":
        return Curve.constant(*read(choice["value"], f"{name}.value"))
    if way == "keyframes":
        return keyframes(choice["keyframes"])
    audio = choice.get("audio")
    seconds = choice["seconds"] if audio is None else sockets.audio_from_socket(audio).duration
    start, end = (read(choice[key], f"{name}.{key}") for key in ("from", "to"))
    return sockets.curve_from_drawing(choice["curve"], start, end, seconds)


class Gaze(io.ComfyNode):
    """Where the eyes look, in degrees as the viewer sees the picture."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="VASA_Gaze",
            display_name="Gaze",
            category=CATEGORY,
            description="Where the eyes look, relative to the camera: fixed, drawn as a curve, or by keyframes.",
            search_aliases=["eyes", "look at", "eye direction", "eye contact", "vasa gaze"],
            inputs=[
                _choice(
                    "gaze",
                    GAZE,
                    "Drag the eyes. Yaw is degrees to the right as you see the picture, pitch degrees up; 0, 0 is at "
                    "the camera. The head follows within the marked frame, the eyes further.",
                    defaults=(
                        {"yaw": 0.0, "pitch": 0.0},
                        {"yaw": -15.0, "pitch": 0.0},
                        {"yaw": 15.0, "pitch": 0.0},
                    ),
                    keys="0: 0, 0\n2: 15, 0\n4: 0, 0",
                    keys_tooltip="One line for each key: seconds: yaw, pitch. Yaw is degrees right, pitch degrees up.",
                    shape=RISE,
                ),
                _chain_input(),
            ],
            outputs=[_chain_output()],
        )

    @classmethod
    def execute(cls, gaze: dict | None = None, controls: Controls | None = None) -> io.NodeOutput:
        """Put the gaze curve, in radians, in place of any that the chain held."""

        def keyframes(text: str) -> Curve:
            curve = sockets.curve_from_keyframes(text, ("yaw", "pitch"))
            return replace(curve, values=curve.values.deg2rad())

        curve = _curve(gaze, "gaze", gaze_from_widget, keyframes)
        return io.NodeOutput(replace(controls or Controls(), gaze=curve))


class HeadDistance(io.ComfyNode):
    """How far the head is from the camera."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        meaning = "1 is as in the picture, 2 twice as far (half the size). The built-in face follows 0.8 to 1.3."
        return io.Schema(
            node_id="VASA_HeadDistance",
            display_name="Head Distance",
            category=CATEGORY,
            description="How far the head is from the camera: fixed, drawn as a curve, or by keyframes.",
            search_aliases=["zoom", "camera distance", "head size", "lean in", "vasa distance"],
            inputs=[
                _choice(
                    "distance",
                    DISTANCE,
                    meaning,
                    defaults=({"distance": 1.0}, {"distance": 1.0}, {"distance": 1.2}),
                    keys="0: 1.0\n2: 1.2\n4: 1.0",
                    keys_tooltip=f"One line for each key: seconds: distance. {meaning}",
                    shape=RISE,
                ),
                _chain_input(),
            ],
            outputs=[_chain_output()],
        )

    @classmethod
    def execute(cls, distance: dict | None = None, controls: Controls | None = None) -> io.NodeOutput:
        """Put the distance curve in place of any that the chain held."""
        curve = _curve(
            distance,
            "distance",
            distance_from_widget,
            lambda text: sockets.curve_from_keyframes(text, ("distance",)),
        )
        return io.NodeOutput(replace(controls or Controls(), distance=curve))


class Emotion(io.ComfyNode):
    """A mixture of emotions, added to those that the chain already holds."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="VASA_Emotion",
            display_name="Emotion",
            category=CATEGORY,
            description="How the face feels while it talks: one emotion or a mixture, fixed, a curve, or keyframes.",
            search_aliases=["expression", "mood", "smile", "angry", "happy", "sad", "vasa emotion"],
            inputs=[
                _choice(
                    "emotion",
                    EMOTION,
                    "Drag a petal: 0 is none, 1 the full emotion. Several petals make a mixture.",
                    defaults=({"happiness": 0.6}, {}, {"happiness": 0.8}),
                    keys="0: neutral 0\n1: happiness 0.8\n3: happiness 0.4, surprise 0.3",
                    keys_tooltip="One line for each key: seconds: emotion strength, emotion strength. "
                    "0 is none, 1 the full emotion; an emotion that a line does not name is 0 there.",
                    shape=SWELL,
                ),
                _chain_input(),
            ],
            outputs=[_chain_output()],
        )

    @classmethod
    def execute(cls, emotion: dict | None = None, controls: Controls | None = None) -> io.NodeOutput:
        """Add the mixture over time to what the chain holds."""
        chain = controls or Controls()
        curve = _curve(
            emotion,
            "emotion",
            emotion_from_widget,
            lambda text: sockets.mixture_curve_from_keyframes(text, EMOTIONS),
        )
        if chain.emotion is not None:
            curve = add_curves(chain.emotion, curve)
        worst = ((curve.values - 0.5).abs() > 0.5 + ROUNDING).any(0).nonzero()[:, 0]
        if len(worst):
            name = EMOTIONS[int(worst[0])]
            raise BadInput(f"The input 'emotion' brings {name} outside 0 to 1, chained emotions counted. Lower it.")
        return io.NodeOutput(replace(chain, emotion=replace(curve, values=curve.values.clamp(0.0, 1.0))))
