"""dP, the liveliness of a head: by how much it turns from each frame to the next."""

from __future__ import annotations

import torch
from torch import Tensor

from ..errors import BadInput
from ..geometry import rotation_from_pose
from ..types import Motion


def turning(motion: Motion) -> Tensor:
    """(T - 1,) degrees, float64: the angle of the rotation between the head's orientations in adjacent frames.

    angle = arccos((trace(R[t + 1] R[t]^T) - 1) / 2), which is the geodesic distance of the rotations: how the head is
    described, by which angles and from which rest, does not matter.
    """
    rotation = rotation_from_pose(motion.pose.double())
    step = rotation[1:] @ rotation[:-1].mT
    cosine = (step.diagonal(dim1=1, dim2=2).sum(1) - 1) / 2
    return torch.acos(cosine.clamp(-1, 1)).rad2deg()


def head_turning(motion: Motion) -> float:
    """VASA-1's dP: the mean of `turning` in degrees a frame. Compare clips of one frame rate; the paper's is 25.

    Raises BadInput for less than two frames.
    """
    if len(motion) < 2:
        raise BadInput(f"The motion has {len(motion)} frames; how fast a head turns shows in two or more.")
    return float(turning(motion).mean())
