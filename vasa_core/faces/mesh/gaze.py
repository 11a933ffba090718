"""Where a filmed face looks and how large it is, against a picture of it: from landmarks alone, frame by frame."""

from __future__ import annotations

import torch
from torch import Tensor

from . import rig
from . import topology as face


def gaze_and_size(landmarks: Tensor, rest: Tensor) -> tuple[Tensor, Tensor]:
    """Gaze (T, 2) yaw and pitch in radians, and size (T,), of landmarks (T, 478, 3) against those of the picture.

    rest (478, 3): the portrait as the same tracker sees it; its gaze counts as (0, 0), its size as 1. The eye's turn in
    the head follows from the iris's way across an eyeball of 12 mm radius, and the head's turn is added.
    """
    frame, home = rig.FaceFrame.from_landmarks(landmarks), rig.FaceFrame.from_landmarks(rest)
    way = _iris_place(frame.to_local(landmarks)) - _iris_place(home.to_local(rest))  # (T, 2)
    sine = (way / rig.EYEBALL_RADIUS).clamp(-1.0, 1.0)
    forward = -torch.sqrt((1.0 - sine.square().sum(-1)).clamp_min(0.0))  # an eye looks along -z
    in_head = torch.cat([sine, forward[:, None]], dim=1)  # (T, 3)
    x, y, z = ((frame.axes @ home.axes.mT) @ in_head[..., None])[..., 0].unbind(-1)
    gaze = torch.stack([torch.atan2(x, -z), torch.atan2(-y, -z)], dim=1)
    return gaze, frame.unit / home.unit


def _iris_place(local: Tensor) -> Tensor:
    """(..., 2) mean place of the irises from the middles of their eyes' corners, in units."""
    places = [
        local[..., iris, :2] - (local[..., upper[0], :2] + local[..., upper[-1], :2]) / 2
        for upper, _, iris, _ in (face.EYE_RIGHT, face.EYE_LEFT)
    ]
    return (places[0] + places[1]) / 2
