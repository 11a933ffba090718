"""Plain numbers as values of the control widgets, so that any node that gives numbers can drive them."""

from __future__ import annotations

from comfy_api.latest import io

from ..vasa_core.types import EMOTIONS
from .widgets import DISTANCE, EMOTION, GAZE, RANGES, VERSION, emotion_from_widget


def _number(name: str, kind: str, key: str, default: float, step: float, tooltip: str) -> io.Input:
    low, high = RANGES[kind][key]
    return io.Float.Input(name, default=default, min=low, max=high, step=step, tooltip=tooltip)


class ControlValues(io.ComfyNode):
    """Numbers for gaze, distance and one emotion, to wire into the values of Gaze, Head Distance and Emotion."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="VASA_ControlValues",
            display_name="Control Values",
            category="VASA/controls",
            description="Turns numbers into values for Gaze, Head Distance and Emotion, so that other nodes can drive "
            "them.",
            search_aliases=["gaze value", "primitive", "number", "float to gaze", "drive control", "vasa values"],
            inputs=[
                _number("yaw", "VASA_GAZE", "yaw", 0.0, 0.5, "Degrees to the right as you see the picture."),
                _number("pitch", "VASA_GAZE", "pitch", 0.0, 0.5, "Degrees up."),
                _number("distance", "VASA_DISTANCE", "distance", 1.0, 0.01, "1 is as in the picture, 2 twice as far."),
                io.Combo.Input(
                    "emotion", options=list(EMOTIONS), default="happiness", tooltip="The emotion that 'strength' sets."
                ),
                _number("strength", "VASA_EMOTION", "happiness", 0.0, 0.01, "0 is none of it, 1 the full emotion."),
                EMOTION.Input(
                    "mixture", optional=True, extra_dict={"forceInput": True},
                    tooltip="A mixture from another Control Values to add this emotion to. The same emotion in it is "
                    "replaced.",
                ),
            ],
            outputs=[
                GAZE.Output("gaze", tooltip="For the value of Gaze, or an end of its curve."),
                DISTANCE.Output("distance", tooltip="For the value of Head Distance, or an end of its curve."),
                EMOTION.Output("emotion", tooltip="For the value of Emotion, an end of its curve, or another mixture."),
            ],
        )  # fmt: skip

    @classmethod
    def execute(
        cls, yaw: float, pitch: float, distance: float, emotion: str, strength: float, mixture: dict | None = None
    ) -> io.NodeOutput:
        """The dicts that the widgets hold."""
        known = {} if mixture is None else dict(zip(EMOTIONS, emotion_from_widget(mixture, "mixture"), strict=True))
        mixed = {name: number for name, number in {**known, emotion: strength}.items() if number}
        return io.NodeOutput(
            {"version": VERSION, "yaw": yaw, "pitch": pitch},
            {"version": VERSION, "distance": distance},
            {"version": VERSION, **mixed},
        )
