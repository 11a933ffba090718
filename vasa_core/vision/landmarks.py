"""The 478 points of MediaPipe's face mesh by name.

Points 0..467 are the mesh, 468..472 the iris on the viewer's left (centre, then its rim: right, top, left, bottom
as filmed), 473..477 the other. Left and right are the viewer's.
"""

import torch
from torch import Tensor

from ..errors import BadInput

MESH_POINTS, POINTS = 468, 478
LEFT_CORNER, RIGHT_CORNER = 33, 263  # outer corners of the eyes

LEFT_LIDS = [33, 7, 163, 144, 145, 153, 154, 155, 133, 246, 161, 160, 159, 158, 157, 173]
RIGHT_LIDS = [263, 249, 390, 373, 374, 380, 381, 382, 362, 466, 388, 387, 386, 385, 384, 398]
IRIS_LEFT, IRIS_RIGHT = list(range(468, 473)), list(range(473, 478))

# The order in which the network's region heads answer. Lids first, then rings further and further out, brows last.
LIPS = [
    61, 146, 91, 181, 84, 17, 314, 405, 321, 375, 291, 185, 40, 39, 37, 0, 267, 269, 270, 409,  # outer
    78, 95, 88, 178, 87, 14, 317, 402, 318, 324, 308, 191, 80, 81, 82, 13, 312, 311, 310, 415,  # inner
    76, 77, 90, 180, 85, 16, 315, 404, 320, 307, 306, 184, 74, 73, 72, 11, 302, 303, 304, 408,  # half-way out
    62, 96, 89, 179, 86, 15, 316, 403, 319, 325, 292, 183, 42, 41, 38, 12, 268, 271, 272, 407,  # half-way in
]  # fmt: skip
LEFT_EYE = [
    *LEFT_LIDS,
    130, 25, 110, 24, 23, 22, 26, 112, 243, 247, 30, 29, 27, 28, 56, 190,
    226, 31, 228, 229, 230, 231, 232, 233, 244, 113, 225, 224, 223, 222, 221, 189,
    35, 124, 46, 53, 52, 65,
    143, 111, 117, 118, 119, 120, 121, 128, 245, 156, 70, 63, 105, 66, 107, 55, 193,
]  # fmt: skip
RIGHT_EYE = [
    *RIGHT_LIDS,
    359, 255, 339, 254, 253, 252, 256, 341, 463, 467, 260, 259, 257, 258, 286, 414,
    446, 261, 448, 449, 450, 451, 452, 453, 464, 342, 445, 444, 443, 442, 441, 413,
    265, 353, 276, 283, 282, 295,
    372, 340, 346, 347, 348, 349, 350, 357, 465, 383, 300, 293, 334, 296, 336, 285, 417,
]  # fmt: skip


def with_depth(xy: Tensor, canonical: Tensor) -> Tensor:
    """(..., 478, 3) picture pixels from xy (..., 478, 2) in picture pixels and the same points in network units.

    ComfyUI's FACE_LANDMARKS gives landmarks_xy and landmarks_3d (..., 478, 3) that way; depth takes the scale between
    the two, which is the ratio of their spreads.
    """
    if xy.shape[-2:] != (POINTS, 2) or canonical.shape[-2:] != (POINTS, 3):
        raise BadInput(
            f"The face landmarks have shapes {tuple(xy.shape)} and {tuple(canonical.shape)}; "
            f"they must be 478 points of MediaPipe's face mesh, (478, 2) and (478, 3)."
        )
    spread = [(p - p.mean(dim=-2, keepdim=True)).square().sum(dim=(-1, -2)).sqrt() for p in (xy, canonical[..., :2])]
    scale = (spread[0] / spread[1].clamp_min(1e-6))[..., None, None]
    return torch.cat([xy, canonical[..., 2:] * scale], dim=-1)
