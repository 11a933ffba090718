"""The channels in which the denoiser sees motion: a linear view of pose and dynamics, normalised.

Blendshapes are badly conditioned for a network: what the eye judges is the lip aperture, which three of them make;
left and right mostly move together; looking left and looking right are one signed quantity in two shapes. So the
model works in channels with a plain meaning, and the two matrices here go there and back. They are part of the
model file.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ..arkit import ARKIT, INDEX
from ..types import POSE, MotionSpace

APERTURE = "aperture"
PARTING_LOWER, PARTING_UPPER = 1.6, 1.1
"""mouthLowerDown and mouthUpperUp of both sides, per unit by which the lips part beyond the jaw's opening, as in s, t.
Together they part the lips of the built-in face as far as one unit of jawOpen does: in the middle of the mouth .107 of
the eye distance per unit of mouthLowerDown, .095 of mouthUpperUp, .276 of jawOpen (faces/mesh, canonical shapes)."""
SPOKEN = (
    "jawOpen", APERTURE, "mouthStretch", "mouthSmile", "mouthFunnel", "mouthPucker", "mouthRollLower", "mouthUpperUp",
    "mouthPress",
)  # fmt: skip
"""Channels that the sound decides, up to what an emotion adds: the starter's training leaves them no chance."""
FREE = (float("-inf"), float("inf"))
# Both sides together, where the built-in speaker moves them together.
PAIRS = (
    "eyeBlink", "eyeSquint", "eyeWide", "mouthStretch", "mouthFrown", "mouthPress", "mouthUpperUp", "browDown",
    "cheekSquint", "noseSneer",
)  # fmt: skip
# Mean of both sides and half their difference, where one side may move alone.
SIDED = ("mouthSmile", "mouthDimple", "browOuterUp")
SINGLE = ("jawOpen", "mouthFunnel", "mouthPucker", "mouthRollLower", "mouthRollUpper", "mouthShrugLower",
          "mouthShrugUpper", "browInnerUp")  # fmt: skip


class MotionChannels(nn.Module):
    """Motion (..., 6 + D) to normalised channels (..., K) and back.

    A channel is a linear form of the motion, less its mean, over its scale. On the way back channels are kept
    between `low` and `high`, and dynamics within [0, 1] where those of the space are, as ARKit's. All of it but the
    names is in buffers, so a file brings the channels that its model was trained with.
    """

    def __init__(self, names: tuple[str, ...], space: MotionSpace) -> None:
        super().__init__()
        self.names, self.bounded = names, space == ARKIT
        count, width = len(names), space.width
        self.register_buffer("from_motion", torch.zeros(count, width))
        self.register_buffer("to_motion", torch.zeros(width, count))
        self.register_buffer("low", torch.full((count,), FREE[0]))
        self.register_buffer("high", torch.full((count,), FREE[1]))
        self.register_buffer("mean", torch.zeros(count))
        self.register_buffer("scale", torch.ones(count))

    def __len__(self) -> int:
        return len(self.names)

    def normalise(self, motion: Tensor) -> Tensor:
        """(..., 6 + D) -> (..., K)."""
        return (motion @ self.from_motion.mT - self.mean) / self.scale

    def restore(self, channels: Tensor) -> Tensor:
        """(..., K) -> (..., 6 + D)."""
        values = (channels * self.scale + self.mean).clamp(self.low, self.high)
        motion = values @ self.to_motion.mT
        if self.bounded:
            pose, dynamics = motion[..., : len(POSE)], motion[..., len(POSE) :]
            motion = torch.cat([pose, dynamics.clamp(0.0, 1.0)], dim=-1)
        return motion

    def fit(self, motion: Tensor, floor: float) -> None:
        """Set mean and scale from examples (N, 6 + D). No dynamics channel's scale falls below `floor`."""
        values = motion @ self.from_motion.mT
        self.mean.copy_(values.mean(0))
        scale = values.std(0)
        floors = torch.full_like(scale, floor)
        floors[: len(POSE)] = 1e-3
        self.scale.copy_(torch.maximum(scale, floors))


def plain_channels(space: MotionSpace) -> MotionChannels:
    """Every number of the motion is a channel of its own: for any space."""
    names = (*POSE, *(f"dynamics{k}" for k in range(space.dynamics)))
    channels = MotionChannels(names, space)
    channels.from_motion.copy_(torch.eye(space.width))
    channels.to_motion.copy_(torch.eye(space.width))
    return channels


def lip_aperture(dynamics: Tensor) -> Tensor:
    """(...) opening between the lips of ARKit's `dynamics` (..., 52), in units of jawOpen."""
    lower = dynamics[..., [INDEX["mouthLowerDownLeft"], INDEX["mouthLowerDownRight"]]].mean(-1)
    return dynamics[..., INDEX["jawOpen"]] - dynamics[..., INDEX["mouthClose"]] + lower / PARTING_LOWER


def parted(amount: float) -> dict[str, float]:
    """Blendshapes that part the lips by `amount` more than the jaw does; what is below 0 of each is to be left out."""
    lower = amount * PARTING_LOWER
    return {"mouthClose": -amount, "mouthLowerDownLeft": lower, "mouthLowerDownRight": lower}


def arkit_channels() -> MotionChannels:
    """The starter's channels of the space 'arkit': see the tables above."""
    rows: list[tuple[str, dict[str, float], dict[str, float], tuple[float, float]]] = []
    # name, motion -> channel, channel -> motion, limits
    for side in PAIRS:
        left, right = side + "Left", side + "Right"
        rows.append((side, {left: 0.5, right: 0.5}, {left: 1.0, right: 1.0}, (0.0, 1.0)))
    for side in SIDED:
        left, right = side + "Left", side + "Right"
        rows.append((side, {left: 0.5, right: 0.5}, {left: 1.0, right: 1.0}, (0.0, 1.0)))
        rows.append((side + "Difference", {left: 0.5, right: -0.5}, {left: 1.0, right: -1.0}, (-0.5, 0.5)))
    for name in SINGLE:
        back = {name: 1.0} | (parted(-1.0) if name == "jawOpen" else {})
        rows.append((name, {name: 1.0}, back, (0.0, 1.0)))
    # The aperture less the jaw's opening: below 0 it is all mouthClose, above it all mouthLowerDown; the other clamps
    # at 0. So the way there and back is linear, and exact where only one of the two is at work.
    lower = 0.5 / PARTING_LOWER
    opening = {"jawOpen": 1.0, "mouthClose": -1.0, "mouthLowerDownLeft": lower, "mouthLowerDownRight": lower}
    rows.append((APERTURE, opening, parted(1.0), (0.0, 1.0)))
    # Signed looks, positive to the viewer's right and up; the subject's left eye is on the viewer's right.
    right = {"eyeLookOutLeft": 1.0, "eyeLookInRight": 1.0, "eyeLookInLeft": -1.0, "eyeLookOutRight": -1.0}
    up = {"eyeLookUpLeft": 1.0, "eyeLookUpRight": 1.0, "eyeLookDownLeft": -1.0, "eyeLookDownRight": -1.0}
    for name, shapes in (("lookYaw", right), ("lookPitch", up)):
        rows.append((name, {shape: 0.5 * sign for shape, sign in shapes.items()}, shapes, (-1.0, 1.0)))

    channels = MotionChannels((*POSE, *(row[0] for row in rows)), ARKIT)
    for k in range(len(POSE)):
        channels.from_motion[k, k] = channels.to_motion[k, k] = 1.0
    for k, (_, forward, back, (low, high)) in enumerate(rows, start=len(POSE)):
        for name, factor in forward.items():
            channels.from_motion[k, len(POSE) + INDEX[name]] = factor
        for name, factor in back.items():
            channels.to_motion[len(POSE) + INDEX[name], k] += factor
        channels.low[k], channels.high[k] = low, high
    return channels
