"""How far this portrait may be moved, and saying so: motion beyond is eased to a stop, so that nothing tears.

A turned portrait shows little of its far cheek; turning it further away would have to invent it. So the yaw allowed on
the side that the portrait already faces is smaller.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import degrees, exp, log, radians

import torch
from torch import Tensor

from ...geometry import pose_from_rotation, rotation_from_pose
from ...types import POSE, Motion

YAW, YAW_AWAY_LEAST, YAW_TOTAL = radians(15.0), radians(6.0), radians(25.0)
PITCH, ROLL = radians(14.0), radians(20.0)
SHIFT = 0.25  # half-crops
NEAREST, FARTHEST = 0.8, 1.3  # distance
ROOM = (radians(4.0), radians(5.0), radians(6.0), 0.10, 0.10, 0.06)  # how far beyond motion still creeps, as POSE


@dataclass(frozen=True)
class PoseLimits:
    """low, high (6,): the range of the pose relative to the picture that is followed exactly, in the order of POSE."""

    low: Tensor
    high: Tensor

    @staticmethod
    def of(rest_yaw: float) -> PoseLimits:
        """rest_yaw: radians, of the head in the picture."""
        away = min(YAW, max(YAW_AWAY_LEAST, YAW_TOTAL - abs(rest_yaw)))
        right, left = (away, YAW) if rest_yaw > 0 else (YAW, away)
        low = torch.tensor([-PITCH, -left, -ROLL, -SHIFT, -SHIFT, -log(FARTHEST)])
        high = torch.tensor([PITCH, right, ROLL, SHIFT, SHIFT, -log(NEAREST)])
        return PoseLimits(low, high)

    def ease(self, relative: Tensor) -> Tensor:
        """(T, 6) -> (T, 6): unchanged within the limits, beyond them never more than ROOM further."""
        low, high, room = self.low.to(relative), self.high.to(relative), relative.new_tensor(ROOM)
        inside = torch.minimum(torch.maximum(relative, low), high)
        return inside + room * torch.tanh((relative - inside) / room)

    def exceeded(self, relative: Tensor) -> list[str]:
        """One sentence for each kind of motion in (T, 6) that goes beyond the limits."""
        says = []
        for k, name in enumerate(POSE):
            least, most = float(relative[:, k].min()), float(relative[:, k].max())
            low, high = float(self.low[k]), float(self.high[k])
            if least < low - 1e-4 or most > high + 1e-4:
                says.append(_sentence(name, least, most, low, high))
        return says


def relative_pose(motion: Motion, rest: Motion) -> Tensor:
    """(T, 6) the head's motion from the picture: rotations composed, translation and log scale subtracted."""
    pose, home = motion.pose.float(), rest.pose.to(motion.pose).float()
    turn = rotation_from_pose(pose) @ rotation_from_pose(home).mT  # (T, 3, 3)
    return torch.cat([pose_from_rotation(turn), pose[:, 3:] - home[:, 3:]], dim=1)


def _sentence(name: str, least: float, most: float, low: float, high: float) -> str:
    if name in ("pitch", "yaw", "roll"):
        asked, allowed = (f"{degrees(a):.0f} to {degrees(b):.0f} degrees" for a, b in ((least, most), (low, high)))
        what = f"turns the head by a {name} of"
    elif name == "log_scale":
        asked, allowed = (f"{exp(-b):.2f} to {exp(-a):.2f}" for a, b in ((least, most), (low, high)))
        what = "puts the head at a distance of"
    else:
        asked, allowed = (f"{a:.2f} to {b:.2f} half-crops" for a, b in ((least, most), (low, high)))
        what = f"moves the head {'sideways' if name == 'tx' else 'up and down'} by"
    return f"The motion {what} {asked}, and this portrait follows {allowed}: beyond, it eases to a stop."
