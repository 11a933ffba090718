"""The shapes of jaw, lips, cheeks and nose. One-sided shapes are made for the subject's left and mirrored.

s runs over the lips from -1 (viewer's left corner) to 1; ring 0 is the outer edge of the red, 3 the inner one.
"""

from __future__ import annotations

import numpy as np

from vasa_core.faces.mesh import topology as face
from vasa_core.faces.mesh.rig import SEAL_OPENING

from .mesh_handles import STILL, Handles, Sculpture, move, smoothstep, vectors

JAW_TRAVEL = 0.33  # of vertex 14 on its arc about the hinge, at jawOpen 1
CLOSING_UPPER, CLOSING_LOWER = 0.30, 0.70  # mouthClose: which lip goes how much of the way
LOW_FACE = tuple(v for v in face.JAW_LINE if v not in (93, 323))
JAW_TIP = (152, 148, 377, 176, 400, 149, 378, 150, 379)
JAW_ANGLE, JAW_RAMUS = (136, 365, 172, 397), (58, 288)
JAW_RETREAT = 0.35  # of the hinge's backward travel: filmed jaws slide forward while they open
JAW_FOLLOWS = {
    1.0: (152, 148, 377, 176, 400), 0.97: (149, 378, 150, 379), 0.95: (136, 365), 0.85: (172, 397),
    0.6: (58, 288), 0.3: (132, 361), 0.07: (93, 323),
}  # fmt: skip
# What filmed lips keep shut of an opening of SEAL_OPENING in their middle, by place between middle and corner. That
# of the middle makes up for the dark line between the closed lips of a picture, which looks like a part of the opening.
SEAL_PLACES, SEAL_SHARES = (0.0, 0.24, 0.45, 0.63, 0.76, 0.91, 1.0), (0.25, 0.28, 0.40, 0.46, 0.32, 0.10, 0.0)
# How much the cheek of the subject's left follows the corner of the mouth in a smile.
SMILING_CHEEK = {
    425: 0.55, 411: 0.7, 280: 0.45, 427: 0.6, 330: 0.25, 266: 0.35, 347: 0.12, 346: 0.10, 352: 0.2, 376: 0.3, 433: 0.3,
}  # fmt: skip


def bulge(s: np.ndarray) -> np.ndarray:
    """1 in the middle of the lips, 0 at the corners."""
    return np.clip(1.0 - s * s, 0.0, 1.0)


def corner(s: np.ndarray) -> np.ndarray:
    """1 at the subject's left corner, 0 beyond the middle."""
    return smoothstep(-0.35, 1.0, s) ** 1.3


def half(s: np.ndarray) -> np.ndarray:
    """1 on the subject's left half of the lips."""
    return smoothstep(-0.5, 0.35, s)


def rest(s: np.ndarray, ring: int) -> np.ndarray:
    """Lips that stay where they are."""
    return vectors(0.0 * s, 0.0, 0.0)


def mouth_shapes(sculpture: Sculpture) -> dict[str, np.ndarray]:
    """All shapes of this file by ARKit name, each (468, 3)."""
    shapes = _jaw(sculpture) | _both_sided(sculpture)
    for name, shape in _left_sided(sculpture).items():
        shapes[name + "Left"], shapes[name + "Right"] = shape, sculpture.mirror(shape)
    return shapes


def lip_seal(sculpture: Sculpture) -> np.ndarray:
    """Corrective (468, 3): lips that part a little stay together towards the corners, where the shapes part them.

    Authored for the opening at which it is fully on.
    """

    def sealing(direction: float):
        def shape(s: np.ndarray, ring: int) -> np.ndarray:
            share = np.interp(np.abs(s), SEAL_PLACES, SEAL_SHARES)
            return vectors(0, direction * 0.5 * SEAL_OPENING * share * (0.0, 0.3, 0.7, 1.0)[ring], 0)

        return shape

    handles = sculpture.lips(sealing(1.0), sealing(-1.0))
    return sculpture.symmetric(sculpture.fill(handles, STILL + LOW_FACE + face.NOSE + face.CHIN))


def _jaw(sculpture: Sculpture) -> dict[str, np.ndarray]:
    """The lower jaw turns about an axis through the ears; lips and skin follow by weights."""
    mesh = sculpture.vertices
    ear = mesh[[face.EAR_RIGHT, face.EAR_LEFT]].mean(0)
    hinge = np.array([0.0, ear[1] + 0.05, ear[2] - 0.05])
    angle = JAW_TRAVEL / np.linalg.norm(mesh[face.LIP_BOTTOM, 1:] - hinge[1:])
    arm = mesh - hinge
    turned = np.stack(
        [
            arm[:, 0],
            np.cos(angle) * arm[:, 1] - np.sin(angle) * arm[:, 2],
            np.sin(angle) * arm[:, 1] + np.cos(angle) * arm[:, 2],
        ],
        axis=1,
    )
    jaw = (turned - arm) * [1.0, 1.0, JAW_RETREAT] + [0.0, 0.02, 0.0]  # (468, 3) were every vertex bone

    handles: Handles = {}
    for ring, (upper, lower) in enumerate(zip(face.UPPER_LIP_RINGS, face.LOWER_LIP_RINGS, strict=True)):
        for line, is_upper in ((upper, True), (lower, False)):
            s = sculpture.along_lips(line)
            if is_upper:
                weight = 0.40 * np.abs(s) ** (3.4, 3.0, 2.6, 2.2)[ring] + (0.08, 0.05, 0.03, 0.02)[ring] * bulge(s)
            else:
                weight = 0.40 + (0.53, 0.56, 0.58, 0.60)[ring] * bulge(s) ** (0.7, 0.8, 0.9, 1.0)[ring]
            inward = -0.03 * np.sign(s) * np.abs(s) ** (2.0 if is_upper else 1.5)
            for vertex, delta in zip(line, jaw[list(line)] * weight[:, None] + vectors(inward, 0, 0), strict=True):
                handles.setdefault(vertex, delta)
    handles |= move(face.CHIN, jaw[list(face.CHIN)])
    for weight, vertices in JAW_FOLLOWS.items():
        handles |= move(vertices, jaw[list(vertices)] * weight)
    opening = sculpture.symmetric(sculpture.fill(handles, (*STILL, 98, 327, 64, 294, 2, 94, 129, 358)))

    gap = opening[list(face.LOWER_LIP_INNER)] - opening[list(face.UPPER_LIP_INNER)]  # (11, 3)
    places = sculpture.along_lips(face.UPPER_LIP_INNER)

    def closing(share: float):
        def shape(s: np.ndarray, ring: int) -> np.ndarray:
            if ring == 3:  # point by point, so that jawOpen and mouthClose cancel
                return share * gap
            return share * np.stack([np.interp(s, places, gap[:, axis]) for axis in range(3)], axis=1)

        return shape

    lips = sculpture.lips(closing(CLOSING_UPPER), closing(-CLOSING_LOWER))
    aside = sculpture.lips(
        lambda s, ring: vectors(0.02 + 0 * s, 0, 0), lambda s, ring: vectors(0.07 * (0.4 + 0.6 * bulge(s)), 0, 0)
    )
    aside |= move(face.CHIN + JAW_TIP, [0.085, 0, 0]) | move(JAW_ANGLE, [0.06, 0, 0]) | move(JAW_RAMUS, [0.03, 0, 0])
    forward = sculpture.lips(rest, lambda s, ring: vectors(0 * s, -0.01 * bulge(s), -0.05 * (0.3 + 0.7 * bulge(s))))
    forward |= move(face.CHIN + JAW_TIP, [0, -0.01, -0.06])
    jaw_left = sculpture.fill(aside, STILL + face.NOSE)
    return {
        "jawOpen": opening,
        "mouthClose": sculpture.symmetric(sculpture.fill(lips, (*STILL, 199, 175, 152))),
        "jawLeft": jaw_left,
        "jawRight": sculpture.mirror(jaw_left),
        "jawForward": sculpture.symmetric(sculpture.fill(forward, STILL + face.NOSE)),
    }


def _both_sided(sculpture: Sculpture) -> dict[str, np.ndarray]:
    still, width = STILL + LOW_FACE + face.NOSE, sculpture.mouth_half

    def shape(upper, lower, extra: Handles | None = None) -> np.ndarray:
        return sculpture.symmetric(sculpture.fill(sculpture.lips(upper, lower) | (extra or {}), still))

    puffed = move((425, 411, 427, 376, 433), [0.05, 0.0, -0.06]) | move((280, 352), [0.02, 0.0, -0.03])
    puffed |= move((205, 187, 207, 147, 213), [-0.05, 0.0, -0.06]) | move((50, 123), [-0.02, 0.0, -0.03])
    puffed |= move((397, 288), [0.025, 0, -0.01]) | move((172, 58), [-0.025, 0, -0.01])
    cheeks = sculpture.lips(
        lambda s, ring: vectors(-0.02 * s, 0.004 * bulge(s), -0.02),
        lambda s, ring: vectors(-0.02 * s, -0.004 * bulge(s), -0.02),
    )
    puffed_still = tuple(v for v in still if v not in (172, 58, 397, 288))
    aside = sculpture.lips(lambda s, ring: vectors(0.085 + 0 * s, 0, 0), lambda s, ring: vectors(0.085 + 0 * s, 0, 0))
    mouth_left = sculpture.fill(aside | move((199, 200, 18, 83, 313), [0.03, 0, 0]), still)
    return {
        "mouthLeft": mouth_left,
        "mouthRight": sculpture.mirror(mouth_left),
        "mouthFunnel": shape(
            lambda s, ring: vectors(
                -0.30 * width * s, -0.05 * bulge(s) * (1, 1, 0.9, 0.8)[ring], -0.05 * (1 - 0.5 * s * s)
            ),
            lambda s, ring: vectors(
                -0.30 * width * s, 0.075 * bulge(s) * (0.9, 0.95, 1, 1)[ring], -0.05 * (1 - 0.5 * s * s)
            ),
        ),
        "mouthPucker": shape(
            lambda s, ring: vectors(
                -0.42 * width * s, (-0.020, -0.008, -0.002, 0.004)[ring] * bulge(s) - 0.005, -0.08 * (1 - 0.4 * s * s)
            ),
            lambda s, ring: vectors(
                -0.42 * width * s, (0.020, 0.008, 0.002, 0.004)[ring] * bulge(s) - 0.005, -0.08 * (1 - 0.4 * s * s)
            ),
        ),
        "mouthRollLower": shape(
            rest, lambda s, ring: vectors(0, (-0.040, -0.036, -0.022, -0.004)[ring] * bulge(s), 0.03 * bulge(s))
        ),
        "mouthRollUpper": shape(
            lambda s, ring: vectors(0, (0.034, 0.030, 0.018, 0.004)[ring] * bulge(s), 0.03 * bulge(s)), rest
        ),
        "mouthShrugLower": shape(
            lambda s, ring: vectors(0, -0.02 * bulge(s), 0),
            lambda s, ring: vectors(0, (-0.055, -0.05, -0.045, -0.04)[ring] * bulge(s), -0.02 * bulge(s)),
            move((199, 200, 175), [0, -0.05, -0.01]) | move((32, 262, 208, 428, 201, 421), [0, -0.04, 0]),
        ),
        "mouthShrugUpper": shape(lambda s, ring: vectors(0, -0.03 * bulge(s), -0.02 * bulge(s)), rest),
        "cheekPuff": sculpture.symmetric(sculpture.fill(cheeks | puffed, puffed_still)),
        "tongueOut": shape(
            lambda s, ring: vectors(0, -0.012 * bulge(s), 0), lambda s, ring: vectors(0, 0.05 * bulge(s), -0.01)
        ),
    }


def _left_sided(sculpture: Sculpture) -> dict[str, np.ndarray]:
    still = STILL + LOW_FACE + face.NOSE
    wing = face.NOSE_WING_LEFT

    def shape(upper, lower, extra: Handles | None = None) -> np.ndarray:
        return sculpture.fill(sculpture.lips(upper, lower) | (extra or {}), still)

    def pulled(delta: tuple[float, float, float], sharpness: float = 1.0):
        return lambda s, ring: corner(s)[:, None] ** sharpness * np.array(delta)

    smile = np.array([0.105, -0.085, 0.055])
    cheek = {v: smile * share * [0.75, 1.05, 0.3] for v, share in SMILING_CHEEK.items()}
    cheek |= move(wing, [0.018, -0.012, 0]) | move(face.LOWER_BAG_LEFT, [0, -0.012, 0])
    cheek |= move(face.BAG_LEFT, [0, -0.006, 0]) | move((199, 200, 18), [0, -0.006, 0])

    def smiling(thinning: tuple[float, ...]):
        def lip(s: np.ndarray, ring: int) -> np.ndarray:
            return corner(s)[:, None] * smile + vectors(0, thinning[ring] * bulge(s) * (s > -0.6), 0)

        return lip

    return {
        "mouthSmile": shape(smiling((0.012, 0.006, 0, -0.006)), smiling((-0.004, -0.002, 0, 0)), cheek),
        "mouthFrown": shape(
            pulled((0.01, 0.07, 0.01), 1.4), pulled((0.01, 0.07, 0.01), 1.4), move((199, 200), [0, -0.012, 0])
        ),
        "mouthDimple": shape(pulled((0.05, -0.01, 0.05), 1.5), pulled((0.05, -0.01, 0.05), 1.5)),
        "mouthStretch": shape(pulled((0.10, 0.03, 0.04)), pulled((0.10, 0.03, 0.04))),
        "mouthLowerDown": shape(
            rest,
            lambda s, ring: vectors(
                0.01 * half(s), 0.085 * half(s) * bulge(s) ** 0.8 * (0.9, 0.95, 1, 1)[ring], 0.01 * half(s)
            ),
            move((18, 83, 313, 199), [0, 0.015, 0]),
        ),
        "mouthUpperUp": shape(
            lambda s, ring: vectors(0, -0.075 * half(s) * bulge(s) ** 0.8 * (0.9, 0.95, 1, 1)[ring], 0.015 * half(s)),
            rest,
            move(wing, [0.01, -0.018, 0]),
        ),
        "mouthPress": shape(
            lambda s, ring: vectors(0.01 * half(s), (0.016, 0.012, 0.004, 0)[ring] * half(s) * bulge(s), 0),
            lambda s, ring: vectors(0.01 * half(s), (-0.018, -0.012, -0.004, 0)[ring] * half(s) * bulge(s), 0),
        ),
        "noseSneer": sculpture.fill(
            sculpture.lips(lambda s, ring: vectors(0, (-0.03, -0.022, -0.01, 0)[ring] * half(s) * bulge(s), 0), rest)
            | move(wing, [0.012, -0.035, 0.005])
            | move((437, 343, 420, 360), [0, -0.02, 0])
            | move(face.LOWER_BAG_LEFT, [0, -0.008, 0]),
            STILL + LOW_FACE,
        ),
    }
