"""Where things lie on this portrait: face coordinates, the slits of mouth and eyes, the head's outline.

Face coordinates are two-dimensional: x along the line of the eyes to the viewer's right, y down the face, origin
midway between the outer eye corners, in units (the distance of those corners). They follow roll, not yaw.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from ...types import FaceCrop
from . import topology as face
from .drawn_eyes import fit_iris, lid_is_lower_by
from .filters import interpolate_line
from .rig import FaceFrame

OPEN_GAP = 0.045  # units: an opening of the lips wider than this may show teeth
BRIGHT_OPENING = 0.62  # of the skin's luma: an opening as bright as this shows teeth
HIDDEN_REACH, HIDDEN_DEPTH = 0.07, 0.25  # units: a point this far behind a near neighbour is hidden
LID_PROFILE = (0.0, 0.75, 1.0, 1.0, 1.0, 1.0, 1.0, 0.75, 0.0)  # of the lower lid's move, from corner to corner
LUMA = (0.299, 0.587, 0.114)


@dataclass(frozen=True)
class Ellipse:
    """Centre and radii in face coordinates, upright."""

    x: float
    y: float
    radius_x: float
    radius_y: float

    def distance(self, at: Tensor) -> Tensor:
        """0 at the centre, 1 on the rim; at (..., 2)."""
        return (((at[..., 0] - self.x) / self.radius_x) ** 2 + ((at[..., 1] - self.y) / self.radius_y) ** 2).sqrt()


@dataclass(frozen=True)
class EyeLayout:
    """One eye: lid lines (9, 2), centre and half-width in face coordinates; iris centre (2,) and radius in pixels."""

    upper: Tensor
    lower: Tensor
    x: float
    y: float
    half_width: float
    gap: float
    iris: Tensor
    iris_radius: float


class FaceLayout:
    """Measures of one crop. All tensors on the CPU."""

    def __init__(self, crop: FaceCrop) -> None:
        self.image, self.landmarks = crop.image.float().cpu(), crop.landmarks.float().cpu()
        self.size = self.image.shape[-1]
        self.frame = FaceFrame.from_landmarks(self.landmarks)
        self.unit = float(self.frame.unit)  # pixels
        across = self.landmarks[face.EYE_OUTER_LEFT, :2] - self.landmarks[face.EYE_OUTER_RIGHT, :2]
        x, y = (across / across.norm()).tolist()
        self.rotation = torch.tensor([[x, y], [-y, x]])  # picture -> face
        self.origin = self.frame.origin[:2]
        self._lower_lids()
        self.points = self.to_face(self.landmarks[:, :2])  # (478, 2)
        landmarks = self.landmarks
        self.face_height = float((landmarks[face.FOREHEAD_TOP] - landmarks[face.CHIN_TIP]).norm()) / self.unit
        self.face_width = float((landmarks[face.EAR_RIGHT] - landmarks[face.EAR_LEFT]).norm()) / self.unit
        self.chin_y = float(self.points[face.CHIN_TIP, 1])
        self.chin_x = float(self.points[face.CHIN_TIP, 0])
        self._measure_mouth()
        self.eyes = tuple(self._eye(*eye) for eye in (face.EYE_RIGHT, face.EYE_LEFT))

    def to_face(self, pixels: Tensor) -> Tensor:
        """(..., 2) picture pixels -> face coordinates."""
        return (pixels - self.origin) @ self.rotation.mT / self.unit

    def to_pixels(self, at: Tensor) -> Tensor:
        """(..., 2) face coordinates -> picture pixels."""
        return at * self.unit @ self.rotation + self.origin

    def pixel_grid(self, top: int = 0, left: int = 0, height: int | None = None, width: int | None = None) -> Tensor:
        """(height, width, 2) centres of the pixels of a part of the crop."""
        y = torch.arange(top, top + (height or self.size)) + 0.5
        x = torch.arange(left, left + (width or self.size)) + 0.5
        return torch.stack(torch.meshgrid(x, y, indexing="xy"), dim=-1)

    def lines(self, *indices: tuple[int, ...]) -> Tensor:
        """The points of several lines in one poly-line (K, 2)."""
        return torch.cat([self.points[list(i)] for i in indices])

    @cached_property
    def head(self) -> Ellipse:
        """The outline of the head with its hair; it follows the ears of a turned face."""
        ears = (self.landmarks[face.EAR_RIGHT, :2] + self.landmarks[face.EAR_LEFT, :2]) / 2
        middle = (self.points[face.FOREHEAD_TOP] + self.points[face.CHIN_TIP]) / 2
        x = 0.5 * float(middle[0]) + 0.5 * float(self.to_face(ears)[0])
        height = self.face_height
        return Ellipse(x, float(middle[1]) - 0.10 * height, 0.60 * height, 0.78 * height)

    @cached_property
    def visible(self) -> Tensor:
        """(468,) bool: vertices that no part of the face hides. On the far side of a turned head the mesh runs on
        behind the eye and the cheek, and what it does there must not reach the picture."""
        points, depth = self.points[: face.VERTICES], self.landmarks[: face.VERTICES, 2] / self.unit
        near = torch.cdist(points, points) < HIDDEN_REACH
        behind = depth[:, None] - depth[None] > HIDDEN_DEPTH
        return ~(near & behind).any(1)

    def slit_y(self, x: Tensor) -> Tensor:
        """Height of the mouth line at x, level beyond the corners."""
        return interpolate_line(x, self.slit)

    def patch_mean(self, indices: list[int], radius: int) -> Tensor:
        """(n, 3) mean colour of squares of 2 radius + 1 pixels around landmarks."""
        colours = []
        for x, y in self.landmarks[indices, :2].tolist():
            column, row = (min(max(int(v), radius), self.size - 1 - radius) for v in (x, y))
            square = self.image[:, row - radius : row + radius + 1, column - radius : column + radius + 1]
            colours.append(square.mean((1, 2)))
        return torch.stack(colours)

    def _lower_lids(self) -> None:
        """Move the landmarks of lower lids to where the eyes really end."""
        down = self.to_pixels(torch.tensor([0.0, 1.0])) - self.origin  # (2,) pixels of a unit
        self.landmarks = self.landmarks.clone()
        for _, lower, _, _ in (face.EYE_RIGHT, face.EYE_LEFT):
            further = lid_is_lower_by(self.image, self.landmarks[list(lower), :2], down)
            self.landmarks[list(lower), :2] += further * down * torch.tensor(LID_PROFILE)[:, None]

    def _measure_mouth(self) -> None:
        upper, lower = self.points[list(face.UPPER_LIP_INNER)], self.points[list(face.LOWER_LIP_INNER)]
        right, left = self.points[face.MOUTH_CORNER_RIGHT], self.points[face.MOUTH_CORNER_LEFT]
        self.mouth_x = float(right[0] + left[0]) / 2
        self.mouth_half = float(left[0] - right[0]) / 2
        self.slit = (upper + lower) / 2
        self.lip_gap = float((lower - upper)[:, 1].max())
        self.shows_teeth = self.lip_gap > OPEN_GAP and self._opening_is_bright(upper, lower)
        self.upper_line, self.lower_line = (upper, lower) if self.shows_teeth else (self.slit, self.slit)
        self.mouth_y = float(self.slit_y(torch.tensor([self.mouth_x])))

    def _opening_is_bright(self, upper: Tensor, lower: Tensor) -> bool:
        at = self.to_face(self.pixel_grid())
        x, y = at.unbind(-1)
        inside = (x > upper[0, 0]) & (x < upper[-1, 0])
        inside &= (y > interpolate_line(x, upper)) & (y < interpolate_line(x, lower))
        if int(inside.sum()) < 20:
            return False
        luma = torch.einsum("chw,c->hw", self.image, torch.tensor(LUMA))
        skin = self.patch_mean([205, 425, 50, 280, 199], 1) @ torch.tensor(LUMA)
        return bool(luma[inside].quantile(0.65) > BRIGHT_OPENING * skin.mean())

    def _eye(self, upper: tuple, lower: tuple, iris: int, rim: tuple) -> EyeLayout:
        up, low = self.points[list(upper)], self.points[list(lower)]
        centre = (up[0] + up[-1]) / 2
        middle = self.landmarks[iris, :2]
        radius = float((self.landmarks[list(rim), :2] - middle).norm(dim=1).mean())
        lids = (self.landmarks[list(line), :2] for line in (upper, lower))
        middle, radius = fit_iris(self.image, *lids, middle, radius)
        half = float((up[-1] - up[0])[0].abs()) / 2
        gap = float((low - up)[:, 1].max().clamp_min(0.01))
        return EyeLayout(up, low, float(centre[0]), float(centre[1]), half, gap, middle, radius)
