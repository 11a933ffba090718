"""The shapes of lids and brows, made for the subject's left eye and mirrored."""

from __future__ import annotations

import numpy as np

from vasa_core.faces.mesh import topology as face

from .mesh_handles import Sculpture, move, vectors

BLINK_UPPER, BLINK_LOWER = 0.90, 0.10  # which lid goes how much of the way
UP = np.array([0.0, 1.0, 0.0])  # keeps the vertical part of a delta
BASE = (6, 168, 197, 195, 4, *face.OVAL, *face.UPPER_LIP_OUTER, 98, 327)
BROW_INWARD = np.array([1.0, 0.75, 0.45, 0.2, 0.0])  # how much a brow point belongs to the inner end; left brow


def eye_shapes(sculpture: Sculpture) -> dict[str, np.ndarray]:
    """All shapes of this file by ARKit name, each (468, 3)."""
    shapes = {}
    for name, shape in (_lids(sculpture) | _brows(sculpture)).items():
        shapes[name + "Left"], shapes[name + "Right"] = shape, sculpture.mirror(shape)
    return shapes | {"browInnerUp": _inner_brows(sculpture)}


def _other_eye() -> tuple[int, ...]:
    return (*face.UPPER_LID_RIGHT, *face.LOWER_LID_RIGHT, *face.BROW_TOP_RIGHT, *face.BROW_BOTTOM_RIGHT)


def _lids(sculpture: Sculpture) -> dict[str, np.ndarray]:
    upper, lower, crease = face.UPPER_LID_LEFT, face.LOWER_LID_LEFT, face.CREASE_LEFT
    bag, lower_bag = face.BAG_LEFT, face.LOWER_BAG_LEFT
    brow = face.BROW_TOP_LEFT + face.BROW_BOTTOM_LEFT
    gap = sculpture.vertices[list(lower)] - sculpture.vertices[list(upper)]  # (9, 3)
    middle = 1.0 - np.linspace(-1.0, 1.0, len(upper)) ** 2  # 0 at the corners
    away = BASE + _other_eye()

    def shape(handles: dict, *still: tuple[int, ...]) -> np.ndarray:
        return sculpture.fill(handles, away + sum(still, ()))

    def looking(side: float) -> np.ndarray:
        lids = move(upper, vectors(0.005 * side * middle, 0, 0)) | move(lower, vectors(0.004 * side * middle, 0, 0))
        return shape(lids | move(crease, [0.002 * side, 0, 0]), brow, bag)

    return {
        "eyeBlink": shape(
            move(upper, gap * BLINK_UPPER)
            | move(lower, -gap * BLINK_LOWER)
            | move(crease, vectors(0, 0.33 * gap[1:-1, 1], 0))
            | move(bag, [0, -0.006, 0]),
            brow,
            lower_bag,
        ),
        "eyeWide": shape(move(upper, -0.22 * gap * UP) | move(crease, [0, -0.012, 0]), lower, brow, bag),
        "eyeSquint": shape(
            move(lower, -0.30 * gap * UP)
            | move(upper, 0.12 * gap * UP)
            | move(bag, [0, -0.03, 0])
            | move(lower_bag, [0, -0.025, 0])
            | move(crease, [0, 0.006, 0]),
            face.BROW_TOP_LEFT,
        ),
        "eyeLookDown": shape(
            move(upper, 0.42 * gap * UP) | move(crease, [0, 0.010, 0]) | move(lower, 0.06 * gap * UP), bag, brow
        ),
        "eyeLookUp": shape(
            move(upper, -0.32 * gap * UP) | move(crease, [0, -0.010, 0]) | move(lower, -0.05 * gap * UP),
            bag,
            face.BROW_TOP_LEFT,
        ),
        "eyeLookIn": looking(-1.0),
        "eyeLookOut": looking(1.0),
        "cheekSquint": shape(
            move(lower, -0.18 * gap * UP)
            | move(bag, [0, -0.025, 0])
            | move(lower_bag, [0, -0.035, 0])
            | move((280, 347, 346, 330), [0, -0.04, 0]),
            upper,
            face.BROW_TOP_LEFT,
        ),
    }


def _brows(sculpture: Sculpture) -> dict[str, np.ndarray]:
    top, bottom, crease = face.BROW_TOP_LEFT, face.BROW_BOTTOM_LEFT, face.CREASE_LEFT
    eyes = (*face.UPPER_LID_LEFT, *face.LOWER_LID_LEFT, *face.UPPER_LID_RIGHT, *face.LOWER_LID_RIGHT)
    down = vectors(-0.022 * BROW_INWARD, 0.045 + 0.03 * BROW_INWARD, 0)
    raised = vectors(0, -0.065 * np.array([0.05, 0.25, 0.75, 1.0, 0.75]), 0)
    return {
        "browDown": sculpture.fill(
            move(top, down)
            | move(bottom, down)
            | move(crease, [0, 0.018, 0])
            | move((8,), [0, 0.02, 0])
            | move((9,), [0, 0.015, 0]),
            (*eyes, *BASE, 151, 10, *face.BROW_TOP_RIGHT, *face.BROW_BOTTOM_RIGHT),
        ),
        "browOuterUp": sculpture.fill(
            move(top, raised) | move(bottom, raised) | move(crease, [0, -0.016, 0]) | move((334, 298), [0, -0.05, 0]),
            (*face.UPPER_LID_LEFT, *face.LOWER_LID_LEFT, *_other_eye(), *BASE),
        ),
    }


def _inner_brows(sculpture: Sculpture) -> np.ndarray:
    raised = vectors(0, -0.070 * np.array([1.0, 0.85, 0.42, 0.12, 0.02]), 0)
    handles = move(face.BROW_TOP_LEFT, raised) | move(face.BROW_BOTTOM_LEFT, raised)
    handles |= move(face.BROW_TOP_RIGHT, raised[::-1]) | move(face.BROW_BOTTOM_RIGHT, raised[::-1])
    handles |= move((9,), [0, -0.05, 0]) | move((8,), [0, -0.025, 0]) | move((151,), [0, -0.03, 0])
    handles |= move(face.CREASE_RIGHT[4:] + face.CREASE_LEFT[:3], [0, -0.012, 0])
    eyes = (*face.UPPER_LID_LEFT, *face.LOWER_LID_LEFT, *face.UPPER_LID_RIGHT, *face.LOWER_LID_RIGHT)
    return sculpture.symmetric(sculpture.fill(handles, eyes + BASE))
