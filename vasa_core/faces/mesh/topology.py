"""Which of the 478 MediaPipe points lies where on the face.

Left and right are the subject's own, as in arkit.py: the subject's left is on the viewer's right. Every lip and
lid line runs along x from the viewer's left to the viewer's right, corner to corner, and lines that face each
other (upper and lower lip, upper and lower lid) have equal length: point k of one lies over point k of the other.
"""

# Lips: outer edge, two rings inside the red, inner edge. Corners are shared by the upper and the lower line.
UPPER_LIP_OUTER = (61, 185, 40, 39, 37, 0, 267, 269, 270, 409, 291)
LOWER_LIP_OUTER = (61, 146, 91, 181, 84, 17, 314, 405, 321, 375, 291)
UPPER_LIP_INNER = (78, 191, 80, 81, 82, 13, 312, 311, 310, 415, 308)
LOWER_LIP_INNER = (78, 95, 88, 178, 87, 14, 317, 402, 318, 324, 308)
UPPER_LIP_RINGS = (
    UPPER_LIP_OUTER,
    (76, 184, 74, 73, 72, 11, 302, 303, 304, 408, 306),
    (62, 183, 42, 41, 38, 12, 268, 271, 272, 407, 292),
    UPPER_LIP_INNER,
)
LOWER_LIP_RINGS = (
    LOWER_LIP_OUTER,
    (76, 77, 90, 180, 85, 16, 315, 404, 320, 307, 306),
    (62, 96, 89, 179, 86, 15, 316, 403, 319, 325, 292),
    LOWER_LIP_INNER,
)
MOUTH_CORNER_RIGHT, MOUTH_CORNER_LEFT = 61, 291
LIP_TOP, LIP_BOTTOM = 13, 14  # middle of the inner edge

# Lids: the edge that meets the eyeball.
UPPER_LID_RIGHT = (33, 246, 161, 160, 159, 158, 157, 173, 133)
LOWER_LID_RIGHT = (33, 7, 163, 144, 145, 153, 154, 155, 133)
UPPER_LID_LEFT = (362, 398, 384, 385, 386, 387, 388, 466, 263)
LOWER_LID_LEFT = (362, 382, 381, 380, 374, 373, 390, 249, 263)
CREASE_RIGHT = (247, 30, 29, 27, 28, 56, 190)  # the fold of the upper lid
CREASE_LEFT = (414, 286, 258, 257, 259, 260, 467)
BAG_RIGHT = (110, 24, 23, 22, 26, 112)  # under the lower lid, then one ring further down
BAG_LEFT = (341, 256, 252, 253, 254, 339)
LOWER_BAG_RIGHT = (228, 229, 230, 231, 232)
LOWER_BAG_LEFT = (452, 451, 450, 449, 448)
EYE_OUTER_RIGHT, EYE_OUTER_LEFT = 33, 263
EYE_INNER_RIGHT, EYE_INNER_LEFT = 133, 362

# Irises: centre, and the four points of the rim.
IRIS_RIGHT, IRIS_LEFT = 468, 473
IRIS_RIM_RIGHT, IRIS_RIM_LEFT = (469, 470, 471, 472), (474, 475, 476, 477)

# Brows, from the viewer's left to the viewer's right.
BROW_TOP_RIGHT = (70, 63, 105, 66, 107)
BROW_BOTTOM_RIGHT = (46, 53, 52, 65, 55)
BROW_TOP_LEFT = (336, 296, 334, 293, 300)
BROW_BOTTOM_LEFT = (285, 295, 282, 283, 276)

OVAL = (
    10, 338, 297, 332, 284, 251, 389, 356, 454, 323, 361, 288, 397, 365, 379, 378, 400, 377, 152,
    148, 176, 149, 150, 136, 172, 58, 132, 93, 234, 127, 162, 21, 54, 103, 67, 109,
)  # fmt: skip
JAW_LINE = (93, 132, 58, 172, 136, 150, 149, 176, 148, 152, 377, 400, 378, 379, 365, 397, 288, 361, 323)
CHIN = (199, 200, 175, 18, 83, 313, 201, 421, 208, 428, 32, 262)
FOREHEAD_TOP, CHIN_TIP = 10, 152
MIDLINE = (10, 151, 9, 8, 168, 6, 197, 195, 5, 4, 2, 13, 17, 199, 152)  # from the forehead down
EAR_RIGHT, EAR_LEFT = 234, 454
NOSE = (1, 2, 4, 5, 6, 168, 195, 197, 98, 327, 64, 294, 129, 358, 48, 278, 122, 351, 19, 94)
NOSE_BASE = 2
NOSE_WING_RIGHT, NOSE_WING_LEFT = (64, 129, 98, 48), (294, 358, 327, 278)
FOREHEAD = (151, 9, 8, 108, 337, 69, 299, 104, 333, 68, 298)
CHEEK_RIGHT = (50, 205, 187, 207, 118, 117, 101, 36, 123, 147, 213, 116, 111)
CHEEK_LEFT = (280, 425, 411, 427, 347, 346, 330, 266, 352, 376, 433, 345, 340)

# Points that follow the skull and not the expression: head pose is fitted to these, above all to the core, whose
# places the tracker knows best.
STABLE = (
    33, 133, 362, 263, 168, 6, 197, 195, 9, 8, 151, 10, 108, 337, 69, 299,
    127, 356, 234, 454, 162, 389, 21, 251, 54, 284,
)  # fmt: skip

STABLE_CORE = (33, 133, 362, 263, 168, 6, 197, 195)

# One eye: (upper lid, lower lid, iris, iris rim). Right first, as the viewer reads.
EYE_RIGHT = (UPPER_LID_RIGHT, LOWER_LID_RIGHT, IRIS_RIGHT, IRIS_RIM_RIGHT)
EYE_LEFT = (UPPER_LID_LEFT, LOWER_LID_LEFT, IRIS_LEFT, IRIS_RIM_LEFT)
VERTICES, POINTS = 468, 478  # without and with the irises
