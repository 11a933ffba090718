"""ARKit's 52 coefficients as offsets of LivePortrait's keypoints: a linear map, composed of the published sliders.

How far each coefficient moves its sliders is our own choice, made from the ranges of the published editor; no released
weight was at hand to measure it. LivePortrait's points have no names that tell left from right, so that the left and
the right half of a pair each do half of what both do. Coefficients without a slider (UNHEARD) are lost.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from math import degrees

import torch
from torch import Tensor

from ...arkit import ARKIT, LOOK_SIDEWAYS, LOOK_VERTICAL, NAMES
from ...keypoints import EYES_SHUT, GAZE_SIDEWAYS, GAZE_UP, LIVEPORTRAIT, slider
from ...types import Motion

SIDEWAYS, UP = degrees(LOOK_SIDEWAYS) * GAZE_SIDEWAYS, degrees(LOOK_VERTICAL) * GAZE_UP  # slider units at 1
JAW_OPEN = 120.0  # of "open", where the published editor ends

# What a coefficient of 1 does, in slider units; of a name without its side, what both sides do together.
SLIDERS_OF: dict[str, dict[str, float]] = {
    "eyeBlink": {"eyes_open": EYES_SHUT},
    "eyeSquint": {"eyes_open": -5.0},
    "eyeWide": {"eyes_open": 5.0},
    "eyeLookUp": {"look_up": UP},
    "eyeLookDown": {"look_up": -UP},
    "jawOpen": {"open": JAW_OPEN},
    "mouthClose": {"open": -JAW_OPEN},
    "mouthFunnel": {"purse": 10.0, "open": 20.0},
    "mouthPucker": {"purse": 15.0},
    "mouthLeft": {"pout": 0.06},
    "mouthRight": {"pout": -0.06},
    "jawLeft": {"pout": 0.06},
    "jawRight": {"pout": -0.06},
    "mouthSmile": {"smile": 1.0},
    "mouthFrown": {"smile": -0.3},
    "mouthDimple": {"grin": 4.0},
    "mouthStretch": {"grin": 10.0},
    "mouthUpperUp": {"grin": 8.0},
    "mouthLowerDown": {"open": 25.0},
    "mouthRollLower": {"open": -10.0},
    "mouthRollUpper": {"open": -6.0},
    "mouthShrugLower": {"open": -8.0},
    "mouthPress": {"open": -8.0},
    "browInnerUp": {"brows_up": 15.0},
    "browOuterUp": {"brows_up": 15.0},
    "browDown": {"brows_down": 30.0},
    "cheekSquint": {"eyes_open": -3.0},
    "noseSneer": {"grin": 4.0},
}
# Gaze is the one pair whose sides differ: one eye looks in where the other looks out.
ONE_SIDED: dict[str, dict[str, float]] = {
    "eyeLookOutLeft": {"look_right": SIDEWAYS / 2},
    "eyeLookInRight": {"look_right": SIDEWAYS / 2},
    "eyeLookInLeft": {"look_left": SIDEWAYS / 2},
    "eyeLookOutRight": {"look_left": SIDEWAYS / 2},
}
UNHEARD = ("cheekPuff", "jawForward", "mouthShrugUpper", "tongueOut")


def from_arkit(motion: Motion) -> Motion:
    """ARKit motion in LivePortrait's space; pose as it is. A coefficient of 0 moves nothing: lips are closed."""
    motion.require(ARKIT, "This conversion")
    dynamics = motion.dynamics @ arkit_matrix().to(motion.dynamics)  # (T, 63)
    return replace(motion, dynamics=dynamics, space=LIVEPORTRAIT)


@cache
def arkit_matrix() -> Tensor:
    """(52, 63): the dynamics of each coefficient at 1."""
    matrix = torch.zeros(len(NAMES), LIVEPORTRAIT.dynamics)
    for row, name in enumerate(NAMES):
        both = name.removesuffix("Left").removesuffix("Right")
        if name in ONE_SIDED or name in SLIDERS_OF:
            sliders, share = ONE_SIDED.get(name) or SLIDERS_OF[name], 1.0
        else:
            sliders, share = SLIDERS_OF.get(both, {}), 0.5
        for slid, amount in sliders.items():
            matrix[row] += share * amount * slider(slid)
    return matrix
