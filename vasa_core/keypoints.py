"""LivePortrait's 21 keypoints: the dynamics of the motion space 'liveportrait', and what moves them.

Dynamics (63,) is keypoint-major: x, y, z of point 0, of point 1, ... It counts from the portrait's base expression, in
keypoint units (half crops before the head's scale): x to the viewer's right, y down, z away from the camera. It is
added after the head's rotation, so its directions are the viewer's.

The points are learnt, not placed by anyone, and no two carry a name. What is known of them, and is here, are published
constants: which of them move the lips and the eyes, the neutral expression of a driving picture
(KwaiVGI/LivePortrait, commit 1986663: src/live_portrait_pipeline.py, src/utils/resources), and by how much each slider
of the published editor moves which of them (src/gradio_pipeline.py, app.py).
"""

from math import degrees

import torch
from torch import Tensor

from .types import EMOTIONS, MotionSpace

POINTS = 21
LIVEPORTRAIT = MotionSpace("liveportrait", 3 * POINTS)
X, Y, Z = 0, 1, 2

LIPS = (6, 12, 14, 17, 19, 20)
EYES = (11, 13, 15, 16, 18)
# What a driving face shows when its expression is taken as it is; the rest stays the portrait's own.
WHOLE = (1, 2, 6, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20)
PARTIAL = ((3, Y), (4, Y), (5, Z), (8, Z), (9, Y), (9, Z))

# The expression of a face at rest with closed lips, in keypoint units.
NEUTRAL_EXPRESSION = (
    (-9.4524e-05, 2.4222e-04, -4.00974e-05),
    (2.08596e-04, 4.68054e-04, 1.27464e-05),
    (-1.24602e-04, 3.24972e-04, 4.425e-06),
    (1.19652e-04, -4.56624e-04, 5.40852e-05),
    (-2.65254e-04, -7.4598e-05, -1.5528e-05),
    (-3.34884e-05, -1.83036e-04, -3.49404e-06),
    (-4.75428e-07, -4.52466e-07, 1.59498e-06),
    (-5.41296e-04, 2.6328e-03, 7.2486e-06),
    (-1.1694e-05, 5.00502e-06, 9.9888e-06),
    (8.0286e-07, 5.19132e-06, -4.09344e-04),
    (1.66878e-04, -1.9815e-05, -8.8548e-05),
    (-1.51536e-05, 8.2506e-05, 5.94012e-06),
    (-2.61054e-07, 2.7591e-06, 2.21028e-06),
    (-6.6282e-05, -6.8286e-05, -3.45318e-06),
    (-8.3262e-04, -1.79592e-03, -2.59176e-06),
    (6.9714e-06, 3.65514e-05, -1.8978e-06),
    (-4.80876e-06, 7.1148e-06, -1.03236e-05),
    (-6.3684e-04, -1.1661e-03, 5.62314e-05),
    (2.8329e-04, -1.45656e-05, 1.09746e-05),
    (-4.16022e-06, -1.50906e-02, -2.5494e-03),
    (2.22474e-04, 5.62788e-03, 2.72646e-03),
)

# The published sliders: (point, axis, keypoint units per slider unit). Ranges are those of the published editor.
SLIDERS: dict[str, tuple[tuple[int, int, float], ...]] = {
    "smile": (  # -0.3 to 1.3
        (20, Y, -0.01), (14, Y, -0.02), (17, Y, 0.0065), (17, Z, 0.003),
        (13, Y, -0.00275), (16, Y, -0.00275), (3, Y, -0.0035), (7, Y, -0.0035),
    ),
    "wink": (  # 0 to 39: of the eye of points 11 and 13 alone
        (11, Y, 0.001), (13, Y, -0.0003), (17, X, 0.0003), (17, Y, 0.0003), (3, Y, -0.0003),
    ),
    "brows_up": ((1, Y, 0.001), (2, Y, -0.001)),  # 0 to 30: the positive half of "eyebrow"
    "brows_down": ((1, X, 0.001), (2, X, -0.001), (1, Y, -0.0003), (2, Y, 0.0003)),  # 0 to 30: its negative half
    "pout": ((19, X, 1.0),),  # -0.09 to 0.09
    "purse": ((14, Y, 0.001), (3, Y, -0.0005), (7, Y, -0.0005), (17, Z, -0.0005)),  # -20 to 15
    "grin": ((20, Z, -0.001), (20, Y, -0.001), (14, Y, -0.001)),  # 0 to 15
    "open": ((19, Y, 0.001), (19, Z, 0.0001), (17, Y, -0.0001)),  # -90 to 120: of the lips
    "look_right": ((11, X, 0.0007), (15, X, 0.001)),  # 0 to 30
    "look_left": ((11, X, -0.001), (15, X, -0.0007)),  # 0 to 30
    "look_up": ((11, Y, -0.0005), (13, Y, -0.00015), (15, Y, -0.0005), (16, Y, -0.00015)),  # -63 to 63: lids go along
    # What the vertical gaze slider does to the lids, by itself. PowerHouseMan/ComfyUI-AdvancedLivePortrait (nodes.py,
    # commit 0129205) offers it from -20, shut, to 5.
    "eyes_open": ((11, Y, -0.001), (13, Y, 0.0003), (15, Y, -0.001), (16, Y, 0.0003)),
}  # fmt: skip
EYES_SHUT = -20.0  # of "eyes_open"

# Slider units per degree of gaze, sideways and up. The one published relation between the two is how far
# antgroup/ditto-talkinghead (core/atomic_components/motion_stitch.py, commit e9191cf) turns the eyes back per degree
# of the head's turn: 0.26 units of look_left/right, and 0.28 e-3 keypoint units up, which look_up makes of 0.56 units.
GAZE_SIDEWAYS, GAZE_UP = 0.26, 0.56
LARGEST_LOOK = (30.0, 63.0)  # slider units at which the published editor ends

# An emotion of intensity 1 in slider units: our own composition of the published sliders. What it adds to the lips is
# small, because they speak at the same time.
EMOTION_SLIDERS: dict[str, dict[str, float]] = {
    "anger": {"brows_down": 25.0, "eyes_open": -2.0, "smile": -0.25},
    "contempt": {"smile": 0.3, "pout": 0.02, "eyes_open": -3.0, "brows_down": 5.0},
    "disgust": {"brows_down": 15.0, "eyes_open": -4.0, "grin": 6.0, "smile": -0.25},
    "fear": {"brows_up": 18.0, "eyes_open": 4.0, "grin": 3.0},
    "happiness": {"smile": 1.0, "eyes_open": -1.0, "grin": 2.0},
    "neutral": {},
    "sadness": {"brows_up": 8.0, "eyes_open": -5.0, "smile": -0.3},
    "surprise": {"brows_up": 28.0, "eyes_open": 5.0, "open": 10.0},
}


def neutral_expression() -> Tensor:
    """(21, 3) keypoint units: the published neutral expression."""
    return torch.tensor(NEUTRAL_EXPRESSION)


def slider(name: str) -> Tensor:
    """(63,) dynamics of one unit of a published slider; a key of SLIDERS."""
    offset = torch.zeros(POINTS, 3)
    for point, axis, amount in SLIDERS[name]:
        offset[point, axis] = amount
    return offset.flatten()


def gaze_offset(gaze: Tensor) -> Tensor:
    """(..., 2) yaw and pitch of the eyes in the head, radians, signs of types.py -> (..., 63) dynamics.

    0 is the portrait's own look. Looks end where the published sliders do. How far a unit turns an eye differs from
    face to face; the calibration is GAZE_SIDEWAYS and GAZE_UP.
    """
    sideways = (gaze[..., :1] * (degrees(1) * GAZE_SIDEWAYS)).clamp(-LARGEST_LOOK[0], LARGEST_LOOK[0])
    up = (gaze[..., 1:] * (degrees(1) * GAZE_UP)).clamp(-LARGEST_LOOK[1], LARGEST_LOOK[1])
    right, left, above = (slider(name).to(gaze) for name in ("look_right", "look_left", "look_up"))
    return sideways.clamp_min(0) * right - sideways.clamp_max(0) * left + up * above


def emotion_offset(emotion: Tensor) -> Tensor:
    """(..., 8) intensities in the order of EMOTIONS, each 0 to 1 -> (..., 63) dynamics, their sum."""
    table = [sum((v * slider(k) for k, v in EMOTION_SLIDERS[name].items()), torch.zeros(63)) for name in EMOTIONS]
    return emotion @ torch.stack(table).to(emotion)


def counted_from_calm(dynamics: Tensor) -> Tensor:
    """Dynamics (T, 63) of a film, counted from the published neutral expression, as changes for any face.

    The lips stay as they are, so that 0 is a closed mouth; the other points count from their median over the film.
    """
    lips = torch.zeros(POINTS, 3, dtype=torch.bool, device=dynamics.device)
    lips[list(LIPS)] = True
    return dynamics - dynamics.median(dim=0).values.masked_fill(lips.flatten(), 0.0)
