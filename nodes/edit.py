"""Change and see a motion, without any network."""

from __future__ import annotations

import numpy as np
import torch
from comfy_api.latest import io

from ..vasa_core.errors import BadInput
from ..vasa_core.motion import edit as edits
from ..vasa_core.motion.plot import plot_motion
from ..vasa_core.types import Motion
from . import host, sockets

CATEGORY = "VASA/motion"

# The first choice needs a widget: ComfyUI's frontend 1.47 cannot build a node whose first choice brings only sockets.
EDITS = {
    "scale": lambda motion, o: edits.scale(motion, o["pose"], o["face"]),
    "pose of this, face of other": lambda motion, o: edits.combine(motion, o["other"]),
    "smooth": lambda motion, o: edits.smooth(motion, o["seconds"], PARTS[o["part"]]),
    "freeze": lambda motion, o: edits.freeze(motion, o["time"], PARTS[o["part"]]),
    "trim": lambda motion, o: edits.trim(motion, o["start"], o["end"] or None),
    "loop": lambda motion, o: edits.loop(motion, o["seconds"], o["blend"]),
    "splice": lambda motion, o: edits.splice(motion, o["other"], o["blend"]),
    "frame rate": lambda motion, o: edits.resample(motion, o["fps"]),
}
PARTS = {"head pose": edits.POSE_PART, "face": edits.DYNAMICS_PART, "both": edits.BOTH}


def _seconds(name: str, default: float, low: float, tooltip: str) -> io.Input:
    return io.Float.Input(name, default=default, min=low, max=3600.0, step=0.01, tooltip=tooltip)


def _part(default: str) -> io.Input:
    return io.Combo.Input("part", options=list(PARTS), default=default, tooltip="What to change.")


def _other(tooltip: str) -> io.Input:
    return sockets.MOTION.Input("other", tooltip=tooltip)


def _options() -> list[io.DynamicCombo.Option]:
    blend = _seconds("blend", 0.4, 0.0, "Seconds over which one end fades into the next start.")
    inputs = {
        "pose of this, face of other": [_other("The motion that gives the face: mouth, eyes, brows.")],
        "scale": [
            io.Float.Input("pose", default=1.0, min=0.0, max=3.0, step=0.05, tooltip="Head motion; 0 holds it still."),
            io.Float.Input("face", default=1.0, min=0.0, max=3.0, step=0.05, tooltip="Face motion; 0 holds it still."),
        ],
        "smooth": [_seconds("seconds", 0.1, 0.0, "How wide the smoothing is in time."), _part("head pose")],
        "freeze": [_seconds("time", 0.0, 0.0, "The moment in seconds that is held."), _part("head pose")],
        "trim": [
            _seconds("start", 0.0, -3600.0, "Where the kept part starts; a negative time counts from the end."),
            _seconds("end", 0.0, -3600.0, "Where the kept part ends; 0 or a negative time counts from the end."),
        ],
        "loop": [_seconds("seconds", 10.0, 0.04, "How long the looped motion lasts."), blend],
        "splice": [_other("The motion that follows."), blend],
        "frame rate": [
            io.Float.Input("fps", default=25.0, min=1.0, max=240.0, step=0.01, tooltip="Frames per second.")
        ],
    }
    return [io.DynamicCombo.Option(key, inputs[key]) for key in EDITS]


class EditMotion(io.ComfyNode):
    """One edit of a motion; chain several."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="VASA_EditMotion",
            display_name="Edit Motion",
            category=CATEGORY,
            description="Mix, scale, smooth, freeze, trim, loop or splice a motion. Chain several for several edits.",
            search_aliases=["retarget", "mix motion", "smooth motion", "trim", "loop", "still head", "lips only"],
            inputs=[
                sockets.MOTION.Input(
                    "motion", tooltip="The motion to change. It is left as it is; a new one comes out."
                ),
                io.DynamicCombo.Input("edit", options=_options(), tooltip="What to do with the motion."),
            ],
            outputs=[sockets.MOTION.Output("motion", tooltip="The changed motion.")],
        )

    @classmethod
    def execute(cls, motion: Motion, edit: dict | None = None) -> io.NodeOutput:
        """Call the one core function of this edit."""
        if edit is None:  # ComfyUI leaves out a choice that there is not
            raise BadInput(f"The input 'edit' has no such choice. Use one of: {', '.join(EDITS)}.")
        return io.NodeOutput(EDITS[edit["edit"]](motion, edit))


class MotionPlot(io.ComfyNode):
    """A motion as curves over time."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="VASA_MotionPlot",
            display_name="Motion Plot",
            category=CATEGORY,
            description="Draws a motion as curves over time: head, distance, mouth, lids and gaze.",
            search_aliases=["graph", "chart", "curves", "visualize motion", "debug motion"],
            inputs=[sockets.MOTION.Input("motion", tooltip="The motion to draw.")],
            outputs=[io.Image.Output("plot", tooltip="One picture of all curves.")],
        )

    @classmethod
    def execute(cls, motion: Motion) -> io.NodeOutput:
        """Draw with the core and hand over a native picture."""
        pixels = np.asarray(plot_motion(motion).convert("RGB"), dtype=np.float32) / 255.0
        return io.NodeOutput(host.to_output(torch.from_numpy(pixels)[None]))
