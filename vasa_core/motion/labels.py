"""Labels of a clip or of a window, from what was measured frame by frame: for training, and for what evaluation asks.

VASA-1 clusters a gaze estimator's angles by histogram and takes the main direction. Distance is the window's usual one,
in units of the clip's own usual distance, since a portrait's own distance is 1 whatever the camera was.
"""

from __future__ import annotations

from math import radians

import torch
from torch import Tensor

from ..arkit import ARKIT, INDEX, LOOK_SIDEWAYS, LOOK_VERTICAL
from ..errors import BadInput
from ..types import Motion

CELL = radians(4.0)
"""Side of a cell of the histogram: eyes that rest on one thing stray a degree or two."""


def main_direction(angles: Tensor) -> Tensor:
    """(2,) yaw, pitch in radians: where gaze (T, 2) rests longest.

    The fullest block of 3 x 3 cells of a histogram is found, and the frames near its mean are averaged. So glances and
    the dips that blinks cause have no part in it, as long as they are the smaller part. Frames that are not finite were
    not measured. BadInput where none was.
    """
    known = angles[torch.isfinite(angles).all(1)]
    if len(known) == 0:
        raise BadInput("No frame has a gaze, so there is no main direction. Leave the label out.")
    cells = (known / CELL).floor().long()  # (T, 2)
    places, inside, counts = cells.unique(dim=0, return_inverse=True, return_counts=True)
    near = (places[:, None] - places).abs().amax(-1) <= 1  # (K, K)
    fullest = int((near.float() @ counts.float() + 1e-3 * counts).argmax())
    middle = known[near[fullest][inside]].mean(0)
    return known[(known - middle).norm(dim=1) <= 1.5 * CELL].mean(0) if len(known) > 1 else middle


def usual_distance(log_scale: Tensor) -> Tensor:
    """() head distance of frames (T,) whose log scale counts from the clip's median, where the distance is 1."""
    return torch.exp(-log_scale.median())


def arkit_gaze(motion: Motion) -> Tensor:
    """(T, 2) gaze relative to the camera, radians, of absolute ARKit motion: the eyes' turn and the head's.

    Raises WrongSpace for motion of another space.
    """
    motion.require(ARKIT, "Gaze from blendshapes")

    def look(name: str) -> Tensor:
        return motion.dynamics[:, INDEX["eyeLook" + name]]

    right = (look("OutLeft") - look("InLeft") + look("InRight") - look("OutRight")) / 2
    up = (look("UpLeft") - look("DownLeft") + look("UpRight") - look("DownRight")) / 2
    return torch.stack([right * LOOK_SIDEWAYS, up * LOOK_VERTICAL], dim=1) + motion.pose[:, [1, 0]]
