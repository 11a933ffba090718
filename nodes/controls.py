"""Gaze, head distance and emotion: each fixed, drawn as a curve, or set by keyframes, and chained into one control set.

Each node takes the controls made so far and returns them with its own added. Widgets hold degrees; the core radians.
"""

from __future__ import annotations

from dataclasses import replace
from math import radians

from comfy_api.latest import io

from ..vasa_core.errors import BadInput
from ..vasa_core.motion.controls import add_curves
from ..vasa_core.types import EMOTIONS, Controls, Curve
from . import sockets

CATEGORY = "VASA/controls"
RISE = [(0.0, 0.0), (1.0, 1.0)]
SWELL = [(0.0, 0.0), (0.25, 1.0), (0.75, 1.0), (1.0, 0.0)]
CURVE_NOTE = "ComfyUI shows its curve editor in Nodes 2.0 only; elsewhere use keyframes or a Curve Editor node."


def _slider(name: str, default: float, low: float, high: float, step: float, tooltip: str) -> io.Input:
    return io.Float.Input(
        name, default=default, min=low, max=high, step=step, display_mode=io.NumberDisplay.slider, tooltip=tooltip
    )


def _choice(name: str, tooltip: str, fixed: list, drawn: list, keys: str, keys_tooltip: str, shape: list) -> io.Input:
    """The choice that all three nodes share: one value, a drawn curve between two, or keyframes as text."""
    curve = [
        *drawn,
        io.Curve.Input(
            "curve", default=shape, socketless=False,
            tooltip=f"The way over time: the bottom is 'from', the top 'to'. {CURVE_NOTE}",
        ),
        io.Float.Input(
            "seconds", default=5.0, min=0.1, max=3600.0, step=0.1,
            tooltip="The time that the width of the curve stands for. After it the last value holds.",
        ),
        io.Audio.Input("audio", optional=True, tooltip="Connect the sound to spread the curve over its whole length."),
    ]  # fmt: skip
    keyframes = [io.String.Input("keyframes", multiline=True, default=keys, tooltip=keys_tooltip)]
    options = [("fixed", fixed), ("curve", curve), ("keyframes", keyframes)]
    return io.DynamicCombo.Input(
        name, options=[io.DynamicCombo.Option(key, inputs) for key, inputs in options], tooltip=tooltip
    )


def _chain_input() -> io.Input:
    return sockets.CONTROLS.Input("controls", optional=True, tooltip="Controls to add to. Leave it open to start.")


def _chain_output() -> io.Output:
    return sockets.CONTROLS.Output(
        "controls", tooltip="The controls with this one added: for Generate Motion, or for the next control."
    )


def _curve(choice: dict, start: tuple[float, ...], end: tuple[float, ...]) -> Curve:
    audio = choice.get("audio")
    seconds = choice["seconds"] if audio is None else sockets.audio_from_socket(audio).duration
    return sockets.curve_from_drawing(choice["curve"], start, end, seconds)


class Gaze(io.ComfyNode):
    """Where the eyes look, in degrees as the viewer sees the picture."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        right, up = "Degrees to the right as you see the picture; ", "Degrees upwards; "
        return io.Schema(
            node_id="VASA_Gaze",
            display_name="Gaze",
            category=CATEGORY,
            description="Where the eyes look, relative to the camera: fixed, drawn as a curve, or by keyframes.",
            search_aliases=["eyes", "look at", "eye direction", "eye contact", "vasa gaze"],
            inputs=[
                _choice(
                    "gaze",
                    "Fixed: one direction. Curve: from one direction to another as drawn. Keyframes: any path.",
                    fixed=[
                        _slider("yaw", 0.0, -30.0, 30.0, 0.5, right + "0 is at the camera."),
                        _slider("pitch", 0.0, -20.0, 20.0, 0.5, up + "0 is at the camera."),
                    ],
                    drawn=[
                        _slider("from_yaw", -15.0, -30.0, 30.0, 0.5, right + "at the bottom of the curve."),
                        _slider("from_pitch", 0.0, -20.0, 20.0, 0.5, up + "at the bottom of the curve."),
                        _slider("to_yaw", 15.0, -30.0, 30.0, 0.5, right + "at the top of the curve."),
                        _slider("to_pitch", 0.0, -20.0, 20.0, 0.5, up + "at the top of the curve."),
                    ],
                    keys="0: 0, 0\n2: 15, 0\n4: 0, 0",
                    keys_tooltip="One line for each key: seconds: yaw, pitch. Yaw is degrees right, pitch degrees up.",
                    shape=RISE,
                ),
                _chain_input(),
            ],
            outputs=[_chain_output()],
        )

    @classmethod
    def execute(cls, gaze: dict, controls: Controls | None = None) -> io.NodeOutput:
        """Put the gaze curve, in radians, in place of any that the chain held."""
        if gaze["gaze"] == "fixed":
            curve = Curve.constant(radians(gaze["yaw"]), radians(gaze["pitch"]))
        elif gaze["gaze"] == "curve":
            ends = [tuple(radians(gaze[f"{end}_{axis}"]) for axis in ("yaw", "pitch")) for end in ("from", "to")]
            curve = _curve(gaze, *ends)
        else:
            curve = sockets.curve_from_keyframes(gaze["keyframes"], ("yaw", "pitch"))
            curve = replace(curve, values=curve.values.deg2rad())
        return io.NodeOutput(replace(controls or Controls(), gaze=curve))


class HeadDistance(io.ComfyNode):
    """How far the head is from the camera."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        meaning = "1 is as in the picture, 2 twice as far (half the size). The built-in face honours 0.8 to 1.3."
        return io.Schema(
            node_id="VASA_HeadDistance",
            display_name="Head Distance",
            category=CATEGORY,
            description="How far the head is from the camera: fixed, drawn as a curve, or by keyframes.",
            search_aliases=["zoom", "camera distance", "head size", "lean in", "vasa distance"],
            inputs=[
                _choice(
                    "distance",
                    "Fixed: one distance. Curve: from one to another as drawn. Keyframes: any path.",
                    fixed=[_slider("value", 1.0, 0.5, 2.0, 0.01, meaning)],
                    drawn=[
                        _slider("from_value", 1.0, 0.5, 2.0, 0.01, f"At the bottom of the curve. {meaning}"),
                        _slider("to_value", 1.2, 0.5, 2.0, 0.01, f"At the top of the curve. {meaning}"),
                    ],
                    keys="0: 1.0\n2: 1.2\n4: 1.0",
                    keys_tooltip=f"One line for each key: seconds: distance. {meaning}",
                    shape=RISE,
                ),
                _chain_input(),
            ],
            outputs=[_chain_output()],
        )

    @classmethod
    def execute(cls, distance: dict, controls: Controls | None = None) -> io.NodeOutput:
        """Put the distance curve in place of any that the chain held."""
        if distance["distance"] == "fixed":
            curve = Curve.constant(distance["value"])
        elif distance["distance"] == "curve":
            curve = _curve(distance, (distance["from_value"],), (distance["to_value"],))
        else:
            curve = sockets.curve_from_keyframes(distance["keyframes"], ("distance",))
        return io.NodeOutput(replace(controls or Controls(), distance=curve))


class Emotion(io.ComfyNode):
    """One emotion, mixed with those that the chain already holds."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="VASA_Emotion",
            display_name="Emotion",
            category=CATEGORY,
            description="How the face feels while it talks: fixed, a curve, or keyframes. Chain several to mix them.",
            search_aliases=["expression", "mood", "smile", "angry", "happy", "sad", "vasa emotion"],
            inputs=[
                io.Combo.Input("emotion", options=list(EMOTIONS), default="happiness", tooltip="Which emotion to add."),
                _choice(
                    "strength",
                    "Fixed: one strength. Curve: from one to another as drawn. Keyframes: any path.",
                    fixed=[_slider("value", 0.6, 0.0, 1.0, 0.01, "0 is none, 1 the full emotion.")],
                    drawn=[
                        _slider("from_value", 0.0, 0.0, 1.0, 0.01, "Strength at the bottom of the curve."),
                        _slider("to_value", 0.8, 0.0, 1.0, 0.01, "Strength at the top of the curve."),
                    ],
                    keys="0: 0\n1: 0.8\n3: 0",
                    keys_tooltip="One line for each key: seconds: strength. 0 is none, 1 the full emotion.",
                    shape=SWELL,
                ),
                _chain_input(),
            ],
            outputs=[_chain_output()],
        )

    @classmethod
    def execute(cls, emotion: str, strength: dict, controls: Controls | None = None) -> io.NodeOutput:
        """Add the strength of one emotion over time to what the chain holds."""
        chain = controls or Controls()
        if strength["strength"] == "fixed":
            one = Curve.constant(strength["value"])
        elif strength["strength"] == "curve":
            one = _curve(strength, (strength["from_value"],), (strength["to_value"],))
        else:
            one = sockets.curve_from_keyframes(strength["keyframes"], ("strength",))
        values = one.values.new_zeros(one.values.shape[0], len(EMOTIONS))
        values[:, EMOTIONS.index(emotion)] = one.values[:, 0]
        curve = replace(one, values=values)  # (K, 8)
        if chain.emotion is not None:
            curve = add_curves(chain.emotion, curve)
        if curve.values.min() < 0.0 or curve.values.max() > 1.0:
            raise BadInput(f"The input 'strength' brings {emotion} outside 0 to 1, chained emotions counted. Lower it.")
        return io.NodeOutput(replace(chain, emotion=curve))
