"""Faces in a picture: boxes from the detectors, 478 points from the mesh, the largest face first.

The steps and their constants are those of MediaPipe's face detection and face landmark graphs (0.10.21): the whole
picture, letterboxed, goes through a detector; overlapping boxes are averaged by score; a square of 1.5 times the box,
upright with the eyes, goes through the mesh; what the mesh does not believe to be a face is dropped.

Three steps are ours. Both detectors look, not one. Where faces are small or none is found, parts of the picture are
looked at too. And since detector and mesh alone also believe in dogs, each face gets a second look: the far detector,
which is harder to fool at close range, must agree on a close-up.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from ..errors import BadInput
from .blazeface import FarDetector, NearDetector
from .landmarks import LEFT_CORNER, RIGHT_CORNER
from .model import Vision
from .sampling import cut_out, overlap, picture_from_rectangle, square_around

SAME_FACE = 0.3  # boxes that overlap more than this show one face
FACE_MARGIN = 1.5  # side of the square around a face, over its box
PRESENCE = 0.5  # below this the mesh network does not see a face
CLOSE_UPS = (1.5, 2.0, 2.5)  # sides of the squares of the second look, over the face's box
# The best of them must score this. Of 84 finds in stock pictures, those below were an otter, dogs, a flower, helmets,
# prints, profiles and heads bowed or covered; the lowest open face, half turned away, had 0.49.
SECOND_LOOK = 0.45
LARGEST_SIDE = 2048  # larger pictures are searched on a smaller copy
SMALLEST_PART = 256  # pixels; usable faces in smaller parts are seen in the whole
SMALL = 1 / 8  # a face below this share of the picture's longer side: there may be more, look at parts


@dataclass(frozen=True)
class Face:
    """box (4,) x0 y0 x1 y1, keypoints (6, 2): eyes, nose, mouth, ears, and landmarks (478, 3), all in picture pixels
    (z too, negative towards the camera); score in [0, 1]. Left eye and ear first, as the viewer sees them."""

    box: Tensor
    score: float
    keypoints: Tensor
    landmarks: Tensor


@dataclass(frozen=True)
class Detections:
    """boxes (N, 4), keypoints (N, 6, 2) in picture pixels, scores (N,), best first."""

    boxes: Tensor
    keypoints: Tensor
    scores: Tensor


def find_faces(vision: Vision, image: Tensor) -> list[Face]:
    """All faces of image (3, H, W) in [0, 1], largest first; an empty list where there is none."""
    check_image(image, "The picture")
    shrink = max(1.0, max(image.shape[1:]) / LARGEST_SIDE)
    picture = vision.prepare(image)[None]
    if shrink > 1:
        size = [max(1, round(side / shrink)) for side in image.shape[1:]]
        picture = F.interpolate(picture, size, mode="bilinear", antialias=True)
    found = find_boxes(vision, picture)
    if not len(found.scores):
        return []
    landmarks, presence = read_mesh(vision, picture.expand(len(found.scores), -1, -1, -1), squares_of(found))
    believed = (presence > PRESENCE) & (second_look(vision, picture, found.boxes) > SECOND_LOOK)
    order = [k for k in found.scores.argsort(descending=True).tolist() if believed[k]]
    outlines, kept = landmark_boxes(landmarks), []
    for k in order:
        if not kept or float(overlap(outlines[k, None], outlines[kept]).max()) <= SAME_FACE:
            kept.append(k)
    parts = (found.boxes, found.keypoints, landmarks)
    boxes, keypoints, points = ((part * shrink).to(image.device) for part in parts)
    faces = [Face(boxes[k], float(found.scores[k]), keypoints[k], points[k]) for k in kept]
    return sorted(faces, key=lambda face: -float((face.box[2:] - face.box[:2]).prod()))


def find_boxes(vision: Vision, picture: Tensor) -> Detections:
    """What the detectors see in picture (1, 3, H, W), as a whole and, where that shows no or small faces, in parts."""
    height, width = picture.shape[-2:]
    whole = _windows(height, width, 1, picture)
    found = _join(detect(vision.near, picture, whole)[0], detect(vision.far, picture, whole)[0])
    for parts in (2, 4):
        sides = found.boxes[:, 2] - found.boxes[:, 0]
        enough = len(sides) and (parts > 2 or sides.min() > SMALL * max(height, width))
        if enough or max(height, width) <= parts * SMALLEST_PART:
            break
        windows = _windows(height, width, parts, picture)
        seen = detect(vision.far, picture.expand(len(windows), -1, -1, -1), windows)
        seen = Detections(*(torch.cat([getattr(s, name) for s in seen]) for name in ("boxes", "keypoints", "scores")))
        found = _join(found, _average_overlapping(seen))
    return found


def whole_window(image: Tensor) -> Tensor:
    """The square window (1, 5) around image (..., H, W): letterboxed, as MediaPipe shows a picture to its detectors."""
    return _windows(image.shape[-2], image.shape[-1], 1, image)


def detect(detector: NearDetector | FarDetector, images: Tensor, windows: Tensor) -> list[Detections]:
    """What one detector sees in the square windows (B, 5) of images (B, 3, H, W), overlapping boxes averaged."""
    scores, boxes, keypoints = _look(detector, images, windows)
    side = windows[:, 2, None, None]
    corner = windows[:, None, :2] - side / 2
    boxes = boxes * side + corner.repeat(1, 1, 2)
    keypoints = keypoints * side[..., None] + corner[:, :, None]
    return [
        _average_overlapping(Detections(b[likely], k[likely], s[likely]))
        for b, k, s, likely in zip(boxes, keypoints, scores, scores >= detector.threshold, strict=True)
    ]


def second_look(vision: Vision, picture: Tensor, boxes: Tensor) -> Tensor:
    """The far detector's best score (N,) on close-ups of each of boxes (N, 4) in picture (1, 3, H, W)."""
    zero = torch.zeros_like(boxes[:, :2])
    level = zero + torch.tensor([1.0, 0.0], device=boxes.device)
    best = []
    for margin in CLOSE_UPS:
        windows = square_around(boxes, zero, level, margin)
        scores, seen, _ = _look(vision.far, picture.expand(len(boxes), -1, -1, -1), windows)
        middle = boxes.new_tensor([[0.5 - 0.5 / margin] * 2 + [0.5 + 0.5 / margin] * 2])
        there = overlap(seen.flatten(0, 1), middle).reshape(scores.shape) > SAME_FACE
        best.append((scores * there).amax(dim=1))
    return torch.stack(best).amax(dim=0)


def read_mesh(vision: Vision, images: Tensor, squares: Tensor) -> tuple[Tensor, Tensor]:
    """The mesh of the face in each square (B, 5) of images (B, 3, H, W).

    Returns landmarks (B, 478, 3) in picture pixels and presence (B,) in [0, 1].
    """
    size = vision.mesh.size
    points, presence = vision.mesh(cut_out(images, squares, size, "border"))
    points = points.float() / size  # (B, 478, 3)
    xy = picture_from_rectangle(squares, points[..., :2] - 0.5)
    z = points[..., 2:] * squares[:, 2, None, None]
    return torch.cat([xy, z], dim=2), presence.float()


def squares_of(found: Detections) -> Tensor:
    """Squares (N, 5) around detections, upright with the eyes: where the mesh is read first."""
    return square_around(found.boxes, found.keypoints[:, 0], found.keypoints[:, 1], FACE_MARGIN)


def squares_from_landmarks(landmarks: Tensor) -> Tensor:
    """Squares (B, 5) around known landmarks (B, 478, 3): where to look for the same face again."""
    corners = landmarks[:, LEFT_CORNER, :2], landmarks[:, RIGHT_CORNER, :2]
    return square_around(landmark_boxes(landmarks), *corners, FACE_MARGIN)


def landmark_boxes(landmarks: Tensor) -> Tensor:
    """(B, 4) x0 y0 x1 y1 of landmarks (B, N, >=2)."""
    return torch.cat([landmarks[..., :2].amin(dim=1), landmarks[..., :2].amax(dim=1)], dim=1)


def check_image(image: Tensor, name: str) -> None:
    """BadInput unless image is (3, H, W), finite, and not empty."""
    if image.ndim != 3 or image.shape[0] != 3:
        raise BadInput(f"{name} has shape {tuple(image.shape)}; it must be colour, (3, height, width).")
    if not image.is_floating_point():
        raise BadInput(f"{name} holds {image.dtype}; it must hold floats in [0, 1].")
    if min(image.shape[1:]) < 16:
        raise BadInput(f"{name} is only {image.shape[2]}x{image.shape[1]} px. Use one of at least 64 px.")
    if not torch.isfinite(image).all():
        raise BadInput(f"{name} holds numbers that are not finite. Load it again.")


def _look(detector: NearDetector | FarDetector, images: Tensor, windows: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """scores (B, A), boxes (B, A, 4), keypoints (B, A, 6, 2) of all anchors, in shares of the windows (B, 5)."""
    logits, numbers = detector(cut_out(images, windows, detector.size, "zeros") * 2 - 1)
    points = numbers.float().unflatten(2, (-1, 2)) / detector.size  # (B, A, 8, 2): centre, extent, six keypoints
    anchors = _anchors(detector).to(points)[:, None]
    centre, extent = points[:, :, :1] + anchors, points[:, :, 1:2]
    boxes = torch.cat([centre - extent / 2, centre + extent / 2], dim=3)[:, :, 0]
    return torch.sigmoid(logits.float().clamp(-100, 100)), boxes, points[:, :, 2:] + anchors


def _windows(height: int, width: int, parts: int, like: Tensor) -> Tensor:
    """Square windows (N, 5) over a picture: 1/parts of its longer side, half overlapping; with 1, one around it all."""
    side = max(height, width) / parts
    rows, columns = (_centres(length, side, parts) for length in (height, width))
    windows = [(x, y, side, side, 0.0) for y in rows for x in columns]
    return torch.tensor(windows, dtype=torch.float32, device=like.device)


def _centres(length: int, side: float, parts: int) -> list[float]:
    if length <= side:
        return [length / 2]
    count = 2 * parts - 1
    return [side / 2 + k * (length - side) / (count - 1) for k in range(count)]


def _anchors(detector: NearDetector | FarDetector) -> Tensor:
    """(A, 2) centres of the anchors in [0, 1]."""
    rows = []
    for cells, per_cell in detector.grids:
        centres = (torch.arange(cells) + 0.5) / cells
        y, x = torch.meshgrid(centres, centres, indexing="ij")
        rows.append(torch.stack([x, y], dim=-1).reshape(-1, 1, 2).expand(-1, per_cell, -1).reshape(-1, 2))
    return torch.cat(rows)


def _average_overlapping(found: Detections) -> Detections:
    """Weighted non-maximum suppression: the best box takes in all that overlap it, and so on with the rest."""
    order = found.scores.argsort(descending=True)
    boxes, keypoints, scores = found.boxes[order], found.keypoints[order], found.scores[order]
    similar = overlap(boxes, boxes) > SAME_FACE
    left = torch.ones_like(scores, dtype=torch.bool)
    kept = []
    while left.any():
        best = int(left.int().argmax())
        group = left & similar[best]
        group[best] = True
        weight = scores[group] / scores[group].sum()
        kept.append((weight @ boxes[group], torch.einsum("n,nkc->kc", weight, keypoints[group]), scores[best]))
        left &= ~group
    if not kept:
        return found
    return Detections(*(torch.stack(column) for column in zip(*kept, strict=True)))


def _join(known: Detections, more: Detections) -> Detections:
    """All of `known`, and what of `more` is not among it."""
    new = (overlap(more.boxes, known.boxes) <= SAME_FACE).all(dim=1)
    return Detections(
        torch.cat([known.boxes, more.boxes[new]]),
        torch.cat([known.keypoints, more.keypoints[new]]),
        torch.cat([known.scores, more.scores[new]]),
    )
