"""Where LivePortrait's crops lie, and how open eyes and mouth are: the published geometry.

KwaiVGI/LivePortrait, src/utils/crop.py, cropper.py and retargeting_utils.py. There a pixel's centre is a whole number;
here, as everywhere in this package, it lies at 0.5. The published crops go by landmarks of other detectors; ours are
the 478 points of MediaPipe's face mesh, of which `RECTANGLE` spans what the published points span: brows to chin, and
ear to ear.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from ...vision.landmarks import LEFT_LIDS, LIPS, RIGHT_LIDS

# Outer corner, inner corner, middle of the upper lid, of the lower lid; left and right are the viewer's.
LEFT_EYE, RIGHT_EYE = (33, 133, 159, 145), (263, 362, 386, 374)
MOUTH_CORNERS, INNER_LIPS = (61, 291), (13, 14)
JAW = (
    127, 234, 93, 132, 58, 172, 136, 150, 149, 176, 148, 152, 377, 400, 378, 379, 365, 397, 288, 361, 323, 454, 356,
)  # fmt: skip
BROWS = (70, 63, 105, 66, 107, 46, 53, 52, 65, 55, 300, 293, 334, 296, 336, 276, 283, 282, 295, 285)
RECTANGLE = tuple(sorted({*JAW, *BROWS, *LEFT_LIDS, *RIGHT_LIDS, *LIPS}))

SOURCE_SCALE, SOURCE_LIFT = 2.3, -0.125  # side over the face's longer extent; centre's shift, downwards, over the side
DRIVING_SCALE, DRIVING_LIFT = 2.2, -0.1
INPUT_SIZE = 256  # of what the networks see


@dataclass(frozen=True)
class PublishedFraming:
    """A `Framing` (vision/crop.py): the square in which LivePortrait expects a portrait.

    turned: stand the face upright; otherwise the square is upright in the picture.
    """

    scale: float = SOURCE_SCALE
    lift: float = SOURCE_LIFT
    turned: bool = True

    def __call__(self, landmarks: Tensor, size: int) -> Tensor:
        """landmarks (478, 2 or 3) in picture pixels -> crop_from_image (3, 3) of a crop of `size`."""
        centre, side, angle = face_square(landmarks, self.scale, self.lift)
        return square_to_crop(centre, side, angle if self.turned else 0.0, size).to(landmarks.device)


def face_square(landmarks: Tensor, scale: float, lift: float) -> tuple[Tensor, float, float]:
    """Centre (2,), side and angle of the square around landmarks (478, 2 or 3); see `square_around`."""
    xy = landmarks[:, :2].cpu().double()
    left, right, mouth = (xy[list(points)].mean(0) for points in (LEFT_EYE, RIGHT_EYE, MOUTH_CORNERS))
    return square_around(xy[list(RECTANGLE)], left, right, mouth, scale, lift)


def square_around(
    points: Tensor, left_eye: Tensor, right_eye: Tensor, mouth: Tensor | None, scale: float, lift: float
) -> tuple[Tensor, float, float]:
    """Centre (2,), side and angle (radians, clockwise) of the square around points (N, 2), all in pixels.

    The face's down is from between the eyes to the mouth, or, without a mouth, square to the line of the eyes.
    """
    if mouth is None:
        across = right_eye - left_eye
        down = torch.stack([-across[1], across[0]])
    else:
        down = mouth - (left_eye + right_eye) / 2
    length = down.norm()
    down = down / length if length > 1e-3 else down.new_tensor([0.0, 1.0])
    across = torch.stack([down[1], -down[0]])
    axes = torch.stack([across, down])  # (2, 2)
    local = points @ axes.T
    low, high = local.amin(0), local.amax(0)
    side = float((high - low).amax()) * scale
    centre = ((low + high) / 2) @ axes + down * (lift * side)
    return centre, side, float(torch.atan2(across[1], across[0]))


def square_to_crop(centre: Tensor, side: float, angle: float, size: int) -> Tensor:
    """crop_from_image (3, 3) float32 of a square, in continuous coordinates.

    The published map takes the square's centre to size / 2 where pixels' centres are whole numbers.
    """
    turn = torch.tensor(angle, dtype=torch.float64)
    cos, sin = size / side * torch.cos(turn), size / side * torch.sin(turn)
    linear = torch.stack([torch.stack([cos, sin]), torch.stack([-sin, cos])])  # (2, 2)
    shift = (size / 2 + 0.5) - linear @ centre.double()
    matrix = torch.eye(3, dtype=torch.float64)
    matrix[:2, :2], matrix[:2, 2] = linear, shift
    return matrix.float()


def driving_crop(landmarks: Tensor, size: int) -> Tensor:
    """crop_from_image (3, 3) of the one upright square for a whole driving video, from landmarks (T, 478, 2 or 3).

    The mean over its frames of the squares around the face.
    """
    squares = [face_square(frame, DRIVING_SCALE, DRIVING_LIFT) for frame in landmarks]
    centre = torch.stack([centre for centre, _, _ in squares]).mean(0)
    return square_to_crop(centre, sum(side for _, side, _ in squares) / len(squares), 0.0, size)


def network_input(images: Tensor) -> Tensor:
    """images (B, 3, S, S) -> (B, 3, 256, 256): means of whole pixels where S is a multiple of 256, else bilinear."""
    size = images.shape[-1]
    if size % INPUT_SIZE == 0:
        return F.avg_pool2d(images, size // INPUT_SIZE)
    return F.interpolate(images, (INPUT_SIZE, INPUT_SIZE), mode="bilinear", antialias=size > INPUT_SIZE)


def eye_openings(landmarks: Tensor) -> Tensor:
    """landmarks (..., 478, 2 or 3) -> (..., 2): height over width of the eyes, the viewer's left first."""
    return torch.stack([opening(landmarks, eye[2], eye[3], eye[0], eye[1]) for eye in (LEFT_EYE, RIGHT_EYE)], dim=-1)


def lip_opening(landmarks: Tensor) -> Tensor:
    """landmarks (..., 478, 2 or 3) -> (..., 1): distance of the inner lips over the mouth's width."""
    return opening(landmarks, *INNER_LIPS, *MOUTH_CORNERS)[..., None]


def opening(points: Tensor, upper: int, lower: int, one: int, other: int) -> Tensor:
    """(..., N, 2 or 3) -> (...): distance of points upper and lower over that of one and other, in the picture."""
    xy = points[..., :2]
    height, width = ((xy[..., a, :] - xy[..., b, :]).norm(dim=-1) for a, b in ((upper, lower), (one, other)))
    return height / (width + 1e-6)


def limited_size(height: int, width: int, largest: int = 1280, multiple: int = 2) -> tuple[int, int]:
    """The size at which the published program works on a picture: at most `largest`, cut to multiples of `multiple`."""
    if max(height, width) > largest:
        shorter = int(min(height, width) * (largest / max(height, width)))
        height, width = (largest, shorter) if height > width else (shorter, largest)
    return height - height % multiple, width - width % multiple
