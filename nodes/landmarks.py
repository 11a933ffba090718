"""What ComfyUI's own face detectors send, FACE_LANDMARKS and BOUNDING_BOX, to core tensors.

FACE_LANDMARKS is {"frames": one list of faces per picture, "image_size": (H, W), "connection_sets": ...}; a face holds
landmarks_xy (478, 2) in picture pixels, landmarks_3d (478, 3) in the detector's own unit, 52 blendshapes by name and a
4x4 transformation_matrix.
"""

from __future__ import annotations

import torch
from torch import Tensor

from ..vasa_core.errors import BadInput, NoFaceFound


def box_from_socket(box: dict | list, index: int) -> tuple[float, float, float, float]:
    """A native BOUNDING_BOX, alone or as the lists of a detector, to x0, y0, x1, y1 in pixels; `index` chooses one."""
    while isinstance(box, list):
        if not box:
            raise BadInput("The input 'bounding_box' is empty: the detector found nothing. Leave it open instead.")
        place = 0 if isinstance(box[0], list) else index
        if place >= len(box):
            raise BadInput(
                f"The input 'bounding_box' holds {len(box)} boxes, so there is no face_index {index}. Use a lower one."
            )
        box = box[place]
    if box["width"] <= 0 or box["height"] <= 0:
        raise BadInput("The input 'bounding_box' has no area. Draw it around the face, or leave it open.")
    return box["x"], box["y"], box["x"] + box["width"], box["y"] + box["height"]


def landmarks_of_picture(payload: dict, index: int, picture: Tensor) -> Tensor:
    """One face of a native FACE_LANDMARKS of one picture (3, H, W) to landmarks (478, 3) in picture pixels."""
    if tuple(payload["image_size"]) != tuple(picture.shape[-2:]):
        raise BadInput("The input 'face_landmarks' belongs to a picture of another size. Detect them on this image.")
    faces = payload["frames"][0] if payload["frames"] else []
    if index >= len(faces):
        raise NoFaceFound(
            f"The input 'face_landmarks' holds {len(faces)} faces, so there is no face_index {index}. "
            f"Raise num_faces in Detect Face Landmarks, or choose a lower index."
        )
    return _landmarks(faces[index])


def blendshapes_over_time(payload: dict) -> tuple[dict[str, Tensor], Tensor]:
    """Blendshapes {name: (T,)} and head matrices (T, 4, 4) of the first face of each frame of a native FACE_LANDMARKS.

    NoFaceFound where a frame has no face.
    """
    frames = payload["frames"]
    missing = [k for k, faces in enumerate(frames) if not faces]
    if missing or not frames:
        raise NoFaceFound(
            f"The input 'face_landmarks' has no face in {len(missing)} of {len(frames)} frames. Set "
            f"missing_frame_fallback to 'interpolate' in Detect Face Landmarks, or use Motion From Video."
        )
    first = [faces[0] for faces in frames]
    if any("transformation_matrix" not in face for face in first):
        raise BadInput("The input 'face_landmarks' has filled-in frames without a head matrix. Use Motion From Video.")
    matrices = torch.stack([torch.as_tensor(face["transformation_matrix"]).float() for face in first])
    names = first[0]["blendshapes"]
    return {name: torch.tensor([float(face["blendshapes"][name]) for face in first]) for name in names}, matrices


def _landmarks(face: dict) -> Tensor:
    """(478, 3) in picture pixels; depth, which the payload has in the detector's own unit, is scaled as x and y are."""
    flat, canonical = (torch.as_tensor(face[key]).float() for key in ("landmarks_xy", "landmarks_3d"))
    spread, canonical_spread = ((p[:, :2] - p[:, :2].mean(0)).norm() for p in (flat, canonical))
    return torch.cat([flat, canonical[:, 2:] * (spread / canonical_spread)], dim=1)
