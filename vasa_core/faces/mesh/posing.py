"""Where the rig puts a face's landmarks for a given motion: the renderer's geometry without the pixels."""

from __future__ import annotations

import torch
from torch import Tensor

from ...geometry import rotation_from_pose
from ...types import Motion
from . import rig
from . import topology as face


def posed_landmarks(landmarks: Tensor, rest: Motion, motion: Motion, crop_size: int) -> Tensor:
    """(T, 478, 3) landmarks in crop pixels of absolute `motion`, in scaled orthographic projection.

    landmarks (478, 3) of the portrait at its `rest` (one frame), in a crop of `crop_size` pixels. Correctives and
    IRIS_GAIN are left out: they make the picture look to a tracker as the 52 shapes alone mean it.
    """
    frame = rig.FaceFrame.from_landmarks(landmarks)
    pose, home = motion.pose.to(landmarks), rest.pose.to(landmarks)
    dynamics, calm = motion.dynamics.to(landmarks), rest.dynamics.to(landmarks)
    shapes = dynamics.shape[1]
    weights = rig.shape_weights(dynamics) - rig.shape_weights(calm)  # (T, 53)
    points = landmarks.repeat(len(motion), 1, 1)
    points[:, : face.VERTICES] += torch.einsum("tk,kvc->tvc", weights[:, :shapes], rig.fit_shapes(landmarks)[:shapes])
    shift = (rig.iris_shift(dynamics) - rig.iris_shift(calm)) * (frame.unit / rig.IRIS_GAIN)  # (T, 2, 2)
    for eye, (_, _, iris, rim) in enumerate((face.EYE_RIGHT, face.EYE_LEFT)):
        points[:, [iris, *rim]] += (shift[:, eye] @ frame.axes[:, :2].mT)[:, None]
    turn = rotation_from_pose(pose) @ rotation_from_pose(home).mT  # (T, 3, 3)
    size = (pose[:, 5] - home[:, 5]).exp()[:, None, None]
    moved = torch.nn.functional.pad((pose[:, 3:5] - home[:, 3:5]) * crop_size / 2, (0, 1))  # (T, 3)
    return size * (points - frame.centre) @ turn.mT + (frame.centre + moved)[:, None]
