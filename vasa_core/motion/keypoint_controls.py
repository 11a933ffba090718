"""Gaze, distance and emotion laid upon a motion of the space 'liveportrait', for motion models that take only sound.

Distance is exact: the head's scale. Gaze and emotion are offsets of the keypoints by the published editor's sliders
(keypoints.py), whose calibration has not been measured on a picture.
"""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from ..keypoints import LIVEPORTRAIT, emotion_offset, gaze_offset, slider
from ..types import Controls, Motion
from .controls import sample_controls
from .edit import blurred

DRIFT = 0.5  # seconds: what is slower in the eyes' own look gives way to the gaze asked for


def add_controls(motion: Motion, controls: Controls) -> Motion:
    """`motion` (space 'liveportrait', pose relative to the portrait's own) with what the controls ask for.

    distance d: log scale less ln d. emotion: each one's offset times its intensity. gaze: the eyes' look into the
    camera's frame, head and eyes together, is on average over a second the one asked for; quicker glances stay. Without
    a gaze the eyes do what the motion model made. WrongSpace for motion of another space.
    """
    motion.require(LIVEPORTRAIT, "A control by keypoints")
    gaze, distance, emotion, has_emotion = sample_controls(controls, len(motion), motion.fps)
    pose, dynamics = motion.pose.clone(), motion.dynamics
    pose[:, 5] -= distance[:, 0].log().to(pose)
    if controls.gaze is not None:
        world = look_of(dynamics) + motion.pose[:, [1, 0]]  # (T, 2): eyes in the head, and the head
        dynamics = dynamics + gaze_offset(gaze.to(world) - blurred(world, DRIFT * motion.fps))
    if has_emotion:
        dynamics = dynamics + emotion_offset(emotion.to(dynamics))
    return replace(motion, pose=pose, dynamics=dynamics)


def look_of(dynamics: Tensor) -> Tensor:
    """(T, 63) -> (T, 2) yaw and pitch of the eyes in the head, radians: the sliders of the gaze read backwards.

    By least squares over looking sideways, up, and opening the lids, which moves the same points.
    """
    unit = 0.1  # radians, small enough for the sliders' straight part
    right, left, up = gaze_offset(torch.tensor([[unit, 0.0], [-unit, 0.0], [0.0, unit]]))
    directions = torch.stack([(right - left) / 2, up, slider("eyes_open")])  # (3, 63)
    return (dynamics @ torch.linalg.pinv(directions).to(dynamics))[:, :2] * unit
