"""E_g and E_d: how far the main gaze direction and the head's distance in a video are from what was asked for.

Both count from the portrait, as the controls do: its own gaze is (0, 0) and its own distance 1. They are read from the
landmarks of our own tracker; VASA-1's figures come from other readers, so the two do not compare number by number.
"""

from __future__ import annotations

from math import degrees

import torch
import torch.nn.functional as F
from torch import Tensor

from ..errors import BadInput
from ..faces.mesh.gaze import gaze_and_size
from ..geometry import apply_homography
from ..motion.labels import main_direction, usual_distance
from ..types import FaceCrop
from ..vision.crop import crop_face
from ..vision.model import Vision

SAME_SHAPE = 0.02  # of height over width, by which a video may differ from the picture it shows whole
LOOK = 64  # pixels, of the small pictures that are compared


def gaze_error(landmarks: Tensor, rest: Tensor, wanted: tuple[float, float]) -> float:
    """Degrees between the main gaze direction of landmarks (T, 478, 3) and the one `wanted`, yaw and pitch in radians.

    rest (478, 3): the portrait in the video's pixels, see portrait_landmarks.
    """
    gaze, _ = gaze_and_size(landmarks.double(), rest.double())
    seen, asked = _direction(main_direction(gaze)), _direction(gaze.new_tensor(wanted))
    return degrees(float(torch.atan2(torch.linalg.cross(seen, asked).norm(), seen @ asked)))


def distance_error(landmarks: Tensor, rest: Tensor, wanted: float) -> float:
    """Difference of the usual head distance in landmarks (T, 478, 3) and the one `wanted`; 1 is the portrait's.

    rest (478, 3): as for gaze_error.
    """
    _, size = gaze_and_size(landmarks.double(), rest.double())
    return abs(float(usual_distance(size.log())) - wanted)


def portrait_landmarks(vision: Vision, picture: Tensor, frame: Tensor) -> tuple[Tensor, FaceCrop]:
    """(478, 3) landmarks of the portrait `picture` (3, H, W) in pixels of a video that begins with `frame`; its crop.

    The video shows the picture whole, or the square about its face that mesh and vasa models cut: whichever looks more
    like the frame (3, h, w). Raises NoFaceFound for a picture without a face, BadInput where the shapes rule out both.
    """
    crop = crop_face(vision, picture)
    height, width = frame.shape[1:]
    ways: list[tuple[Tensor, Tensor]] = []
    if abs(picture.shape[1] / picture.shape[2] - height / width) < SAME_SHAPE:
        to_picture = torch.linalg.inv(crop.crop_from_image.double())
        flat = apply_homography(to_picture, crop.landmarks[:, :2].double())
        whole = torch.cat([flat, crop.landmarks[:, 2:].double() * to_picture[0, 0]], dim=1)
        ways.append((picture, whole * (width / picture.shape[2])))
    if height == width:
        ways.append((crop.image, crop.landmarks.double() * (width / crop.image.shape[-1])))
    if not ways:
        raise BadInput(
            f"The video is {width} x {height}, neither a square nor of its portrait's shape. "
            f"Name the portrait that it was made of."
        )
    shown = _small(frame)
    return min(ways, key=lambda way: float((_small(way[0]) - shown).abs().mean()))[1], crop


def _direction(gaze: Tensor) -> Tensor:
    """(3,) unit vector of yaw and pitch (2,); a gaze of (0, 0) is along -z."""
    yaw, pitch = gaze.tan()
    return F.normalize(torch.stack([yaw, -pitch, -torch.ones_like(yaw)]), dim=0)


def _small(picture: Tensor) -> Tensor:
    return F.interpolate(picture[None].float(), (LOOK, LOOK), mode="bilinear", antialias=True)[0]
