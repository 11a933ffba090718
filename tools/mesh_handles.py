"""Sculpting on the canonical face mesh: a few vertices are moved by hand, a radial basis carries the rest along.

Coordinates: x to the viewer's right, y down, z away from the viewer; the unit is the distance between the outer
eye corners (about 90 mm); the origin lies midway between these corners.
"""

from __future__ import annotations

import numpy as np

from vasa_core.faces.mesh import topology as face

Handles = dict[int, np.ndarray]
# Vertices that no movement of the mouth carries along.
STILL = (
    *(6, 168, 195, 197, 5, 4, 1),
    *face.UPPER_LID_RIGHT, *face.LOWER_LID_RIGHT, *face.UPPER_LID_LEFT, *face.LOWER_LID_LEFT,
    *face.FOREHEAD, *face.BROW_BOTTOM_RIGHT, *face.BROW_BOTTOM_LEFT,
    *(10, 338, 109, 284, 54, 251, 21, 389, 162, 356, 127, 454, 234),
)  # fmt: skip


def smoothstep(low: float, high: float, x: np.ndarray) -> np.ndarray:
    """0 below `low`, 1 above `high`, a cubic between."""
    t = np.clip((x - low) / (high - low), 0.0, 1.0)
    return t * t * (3.0 - 2.0 * t)


def vectors(x, y, z) -> np.ndarray:
    """(n, 3) from three broadcastable components."""
    return np.stack(np.broadcast_arrays(*(np.asarray(c, float) for c in (x, y, z))), axis=-1)


class Sculpture:
    """The canonical vertices and the two operations that make a shape of handles: fill and mirror."""

    def __init__(self, vertices: np.ndarray, mirror: np.ndarray):
        """vertices (478, 3) symmetric about x = 0; mirror (478,) index of each vertex's mirror image."""
        self.vertices, self.mirror_index = vertices[: face.VERTICES], mirror[: face.VERTICES]
        self.mouth_half = float(vertices[face.MOUTH_CORNER_LEFT, 0])

    def fill(self, handles: Handles, still: tuple[int, ...] = ()) -> np.ndarray:
        """Deltas (468, 3): handles keep theirs, `still` stay, the rest follows a radial basis in x, y.

        Kernel -sqrt(r^2 + 0.02^2) with an affine part, interpolating the handles.
        """
        values = {v: np.zeros(3) for v in still} | handles
        index = np.array(list(values))
        delta = np.array(list(values.values()), float)
        points, count = self.vertices[:, :2], len(index)
        affine = np.concatenate([np.ones((len(points), 1)), points], axis=1)
        kernel = -np.sqrt(((points[:, None] - points[index][None]) ** 2).sum(-1) + 0.02**2)
        system = np.zeros((count + 3, count + 3))
        system[:count, :count] = kernel[index]
        system[:count, count:] = affine[index]
        system[count:, :count] = affine[index].T
        weights = np.linalg.solve(system, np.concatenate([delta, np.zeros((3, 3))]))
        filled = kernel @ weights[:count] + affine @ weights[count:]
        filled[index] = delta
        return filled

    def mirror(self, shape: np.ndarray) -> np.ndarray:
        """The same shape on the other side of the face."""
        return shape[self.mirror_index] * [-1.0, 1.0, 1.0]

    def symmetric(self, shape: np.ndarray) -> np.ndarray:
        """The mean of a shape and its mirror image."""
        return 0.5 * (shape + self.mirror(shape))

    def along_lips(self, line: tuple[int, ...]) -> np.ndarray:
        """(11,) place of each vertex of a lip line: -1 at the viewer's left corner, 1 at the right one."""
        return np.clip(self.vertices[list(line), 0] / self.mouth_half, -1.05, 1.05)

    def lips(self, upper, lower) -> Handles:
        """Handles on all four rings; upper(s, ring) and lower(s, ring) give (11, 3), ring 0 outer to 3 inner."""
        handles: Handles = {}
        for rings, shape in ((face.UPPER_LIP_RINGS, upper), (face.LOWER_LIP_RINGS, lower)):
            for ring, line in enumerate(rings):
                for vertex, delta in zip(line, shape(self.along_lips(line), ring), strict=True):
                    handles.setdefault(vertex, delta)
        return handles


def move(vertices: tuple[int, ...], deltas) -> Handles:
    """The same delta for all vertices, or one row of `deltas` each."""
    rows = np.broadcast_to(np.asarray(deltas, float), (len(vertices), 3))
    return dict(zip(vertices, rows, strict=True))
