"""Faces in a picture: boxes from the detectors, 478 points from the mesh, the largest face first.

The steps and their constants are those of MediaPipe's face detection and face landmark graphs (0.10.21): the whole
picture, letterboxed, goes through a detector; overlapping boxes are averaged by score; a square of 1.5 times the box,
upright with the eyes, goes through the mesh; what the mesh does not believe to be a face is dropped.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from ..errors import BadInput
from .blazeface import FarDetector, NearDetector
from .landmarks import LEFT_CORNER, RIGHT_CORNER
from .model import Vision
from .sampling import cut_out, overlap, picture_from_rectangle, square_around

SAME_FACE = 0.3  # boxes that overlap more than this show one face
FACE_MARGIN = 1.5  # side of the square around a face, over its box
PRESENCE = 0.5  # below this the mesh network does not see a face
LARGEST_SIDE = 2048  # larger pictures are searched on a smaller copy


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
    found = find_boxes(vision, vision.prepare(image)[None])[0]
    if not len(found.scores):
        return []
    images = vision.prepare(image)[None].expand(len(found.scores), -1, -1, -1)
    landmarks, presence = read_mesh(vision, images, squares_of(found))
    faces = [
        Face(box.to(image.device), float(score), keypoints.to(image.device), points.to(image.device))
        for box, score, keypoints, points, seen in zip(
            found.boxes, found.scores, found.keypoints, landmarks, presence, strict=True
        )
        if seen > PRESENCE
    ]
    return sorted(faces, key=lambda face: -float((face.box[2:] - face.box[:2]).prod()))


def find_boxes(vision: Vision, images: Tensor) -> list[Detections]:
    """Detections in each of images (B, 3, H, W), by the near detector, and the far one where the near one saw none."""
    near = detect(vision.near, images)
    far = detect(vision.far, images)
    return [_join(a, b) for a, b in zip(near, far, strict=True)]


def detect(detector: NearDetector | FarDetector, images: Tensor) -> list[Detections]:
    """What one detector sees in each of images (B, 3, H, W), overlapping boxes averaged by score."""
    height, width = images.shape[-2:]
    side = max(height, width)
    square = images.new_tensor([[width / 2, height / 2, side, side, 0.0]], dtype=torch.float32)
    inputs = cut_out(images, square.expand(len(images), -1), detector.size, "zeros") * 2 - 1
    logits, numbers = (x.float() for x in detector(inputs))
    scores = torch.sigmoid(logits.clamp(-100, 100))
    points = numbers.unflatten(2, (-1, 2)) / detector.size  # (B, A, 8, 2): centre, size, six keypoints
    anchors = _anchors(detector).to(points)[None, :, None]
    points = torch.cat([points[:, :, :1] + anchors, points[:, :, 1:2], points[:, :, 2:] + anchors], dim=2)
    scale = points.new_tensor([side, side])
    offset = points.new_tensor([(side - width) / 2, (side - height) / 2])
    found = []
    for score, point in zip(scores, points, strict=True):
        likely = score >= detector.threshold
        centre, extent = point[likely, 0] * scale - offset, point[likely, 1] * scale
        boxes = torch.cat([centre - extent / 2, centre + extent / 2], dim=1)
        found.append(_average_overlapping(boxes, point[likely, 2:] * scale - offset, score[likely]))
    return found


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


def _anchors(detector: NearDetector | FarDetector) -> Tensor:
    """(A, 2) centres of the anchors in [0, 1]."""
    rows = []
    for cells, per_cell in detector.grids:
        centres = (torch.arange(cells) + 0.5) / cells
        y, x = torch.meshgrid(centres, centres, indexing="ij")
        rows.append(torch.stack([x, y], dim=-1).reshape(-1, 1, 2).expand(-1, per_cell, -1).reshape(-1, 2))
    return torch.cat(rows)


def _average_overlapping(boxes: Tensor, keypoints: Tensor, scores: Tensor) -> Detections:
    """Weighted non-maximum suppression: the best box takes in all that overlap it, and so on with the rest."""
    order = scores.argsort(descending=True)
    boxes, keypoints, scores = boxes[order], keypoints[order], scores[order]
    similar = overlap(boxes, boxes) > SAME_FACE
    left = torch.ones_like(scores, dtype=torch.bool)
    kept = []
    while left.any():
        best = int(left.int().argmax())
        group = left & (similar[best] | (torch.arange(len(left), device=left.device) == best))
        weight = scores[group] / scores[group].sum()
        kept.append((weight @ boxes[group], torch.einsum("n,nkc->kc", weight, keypoints[group]), scores[best]))
        left &= ~group
    if not kept:
        return Detections(boxes, keypoints, scores)
    return Detections(*(torch.stack(column) for column in zip(*kept, strict=True)))


def _join(near: Detections, far: Detections) -> Detections:
    """All of `near`, and what of `far` it has not seen."""
    new = (overlap(far.boxes, near.boxes) <= SAME_FACE).all(dim=1)
    boxes = torch.cat([near.boxes, far.boxes[new]])
    return Detections(boxes, torch.cat([near.keypoints, far.keypoints[new]]), torch.cat([near.scores, far.scores[new]]))
