"""Values of the pack's own widgets, as prompts send them."""

from __future__ import annotations


def looking(yaw: float, pitch: float) -> dict:
    """Inputs of a Gaze node that looks in one direction, in degrees."""
    return {"gaze": "fixed", "gaze.value": {"version": 1, "yaw": yaw, "pitch": pitch}}
