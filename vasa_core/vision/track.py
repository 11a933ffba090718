"""One face followed through a video, inside one fixed crop.

As in MediaPipe's video mode, the mesh is read in the square around the landmarks of the frame before; only where the
mesh sees no face there, the frame is searched anew, and the face that lies over the last known one is taken.

A frame without the face is lost. Lost frames between two found ones glide from one to the other within at most
GLIDE seconds, and hold still before; at the ends the nearest found frame holds. A face lost for longer than PATIENCE
may come back anywhere, and the largest is taken. A video with more lost than found frames is refused.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import Tensor

from ..errors import BadInput, NoFaceFound
from ..types import FRAME_SIZE
from .crop import check_size, choose_face, upright_framing
from .detect import PRESENCE, check_image, find_faces, landmark_boxes, read_mesh, squares_from_landmarks
from .model import Vision
from .sampling import overlap

GLIDE, PATIENCE = 1.0, 0.5  # seconds
SAME = 0.2  # boxes of one face before and after a short loss overlap at least this much


@dataclass(frozen=True)
class FaceTrack:
    """landmarks (T, 478, 3) in pixels of one fixed crop of `size`; crop_from_image (3, 3); lost (T,) bool, true where
    the landmarks are filled in; image_size (height, width) of the video."""

    landmarks: Tensor
    crop_from_image: Tensor
    size: int
    lost: Tensor
    image_size: tuple[int, int]


def track_face(
    vision: Vision,
    frames: Iterable[Tensor],
    fps: float,
    index: int = 0,
    box: tuple[float, float, float, float] | None = None,
    size: int = FRAME_SIZE,
) -> FaceTrack:
    """Follow one face through frames, each (3, H, W) in [0, 1]; index and box choose it as in crop_face.

    Frames are taken one at a time, so that a long video needs no more memory than a short one. The crop is framed
    around the median of all landmarks. Raises BadInput for no or unequal frames, NoFaceFound where there is no such
    face, where it is too small, or lost in more than half of the frames.
    """
    if not fps > 0:
        raise BadInput(f"The video's frame rate is {fps}; it must be above 0.")
    follower = FaceFollower(vision, max(1, round(PATIENCE * fps)), index, box)
    landmarks: list[Tensor | None] = []
    image_size = (0, 0)
    for frame in frames:
        check_image(frame, "A frame of the video")
        if landmarks and tuple(frame.shape[1:]) != image_size:
            raise BadInput("The video changes its size on the way. Cut it where the size changes.")
        image_size = (frame.shape[1], frame.shape[2])
        landmarks.append(follower.read(frame))
    if not landmarks:
        raise BadInput("The video has no frames.")
    seen = [points for points in landmarks if points is not None]
    if not seen:
        raise follower.complaint
    if 2 * len(seen) < len(landmarks):
        raise NoFaceFound(
            f"The face is seen in only {len(seen)} of the video's {len(landmarks)} frames. "
            f"Trim the video to the part where it is in view."
        )
    middle = torch.stack(seen).median(dim=0).values
    check_size(middle, "The face in the video")
    matrix, _ = upright_framing(middle, size)
    filled = fill_gaps(landmarks, fps)
    local = torch.cat([filled[..., :2] * matrix[0, 0] + matrix[:2, 2], filled[..., 2:] * matrix[0, 0]], dim=-1)
    return FaceTrack(local, matrix, size, torch.tensor([points is None for points in landmarks]), image_size)


def fill_gaps(landmarks: list[Tensor | None], fps: float) -> Tensor:
    """(T, ...) of T tensors of one shape, those that are None filled in from their neighbours; at least one is not."""
    known = [k for k, points in enumerate(landmarks) if points is not None]
    filled = torch.stack(
        [
            landmarks[min(known, key=lambda n: abs(n - k))] if points is None else points
            for k, points in enumerate(landmarks)
        ]
    )
    for before, after in zip(known[:-1], known[1:], strict=True):
        glide = min(after - before, max(1, round(GLIDE * fps)))
        for k in range(before + 1, after):
            weight = max(0.0, 1 - (after - k) / glide)
            filled[k] = torch.lerp(filled[before], filled[after], weight)
    return filled


class FaceFollower:
    """Knows where the face was last seen, and reads frame after frame."""

    def __init__(self, vision: Vision, patience: int, index: int, box: tuple[float, ...] | None) -> None:
        self.vision, self.patience, self.index, self.box = vision, patience, index, box
        self.last: Tensor | None = None  # landmarks (1, 478, 3) in picture pixels
        self.missing = 0  # frames since
        self.complaint: NoFaceFound | None = None

    def read(self, frame: Tensor) -> Tensor | None:
        """frame (3, H, W) -> landmarks (478, 3) in picture pixels on the CPU, None where the face is lost."""
        found = self._same_place(frame)
        if found is None:
            found = self._search(frame)
        if found is None:
            self.missing += 1
            return None
        self.last, self.missing = found, 0
        return found[0].cpu()

    def _same_place(self, frame: Tensor) -> Tensor | None:
        if self.last is None:
            return None
        found, presence = read_mesh(self.vision, self.vision.prepare(frame)[None], squares_from_landmarks(self.last))
        return found if presence[0] > PRESENCE else None

    def _search(self, frame: Tensor) -> Tensor | None:
        faces = find_faces(self.vision, frame)
        if self.last is not None and self.missing < self.patience:
            here = landmark_boxes(self.last)
            faces = [f for f in faces if overlap(landmark_boxes(f.landmarks[None]).to(here), here) > SAME]
        try:
            face = choose_face(faces, self.index, self.box)
        except NoFaceFound as complaint:
            self.complaint = complaint
            return None
        self.index, self.box = 0, None
        return face.landmarks[None].to(next(self.vision.parameters()).device)
