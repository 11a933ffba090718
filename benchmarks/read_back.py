"""What the other benchmarks share: write frames to a video, have mediapipe look at it, compare landmarks."""

from __future__ import annotations

import subprocess
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from vasa_core.faces.mesh import rig
from vasa_core.faces.mesh import topology as face
from vasa_core.faces.mesh.reader import LIPS
from vasa_core.media.write import VideoWriter

EYES = (*face.UPPER_LID_RIGHT, *face.LOWER_LID_RIGHT, *face.UPPER_LID_LEFT, *face.LOWER_LID_LEFT)
IRISES = (face.IRIS_RIGHT, face.IRIS_LEFT)


def write_video(path: Path, pieces: Iterable[Tensor], fps: float) -> Path:
    """Pieces uint8 (t, H, W, 3) -> an MP4 at `path`, as users get it."""
    with VideoWriter(path, fps=fps) as writer:
        for piece in pieces:
            writer.write(piece)
    return path


def mediapipe_landmarks(python: str, video: Path) -> Tensor:
    """(T, 478, 3) float64 as mediapipe sees them; `python` is the interpreter of its environment."""
    output = video.with_suffix(".npz")
    script = Path(__file__).with_name("mediapipe_track.py")
    subprocess.run([python, str(script), str(video), str(output)], check=True, stderr=subprocess.DEVNULL)
    return torch.from_numpy(np.load(output)["landmarks"])


def eye_distance(landmarks: Tensor) -> Tensor:
    """(T,) distance of the outer eye corners in the picture plane."""
    return (landmarks[:, face.EYE_OUTER_RIGHT, :2] - landmarks[:, face.EYE_OUTER_LEFT, :2]).norm(dim=-1)


def mouth_gap(landmarks: Tensor) -> Tensor:
    """(T,) distance of the lips' inner middle, over the eye distance."""
    return (landmarks[:, face.LIP_TOP, :2] - landmarks[:, face.LIP_BOTTOM, :2]).norm(dim=-1) / eye_distance(landmarks)


def mouth_width(landmarks: Tensor) -> Tensor:
    """(T,) distance of the corners of the mouth, over the eye distance."""
    corners = landmarks[:, face.MOUTH_CORNER_RIGHT, :2] - landmarks[:, face.MOUTH_CORNER_LEFT, :2]
    return corners.norm(dim=-1) / eye_distance(landmarks)


def eye_openings(landmarks: Tensor) -> Tensor:
    """(T,) opening of both eyes in the middle, over each eye's width, summed."""
    total = 0.0
    for upper, lower, _, _ in (face.EYE_RIGHT, face.EYE_LEFT):
        middle = len(upper) // 2
        gap = (landmarks[:, upper[middle], :2] - landmarks[:, lower[middle], :2]).norm(dim=-1)
        total = total + gap / (landmarks[:, upper[0], :2] - landmarks[:, upper[-1], :2]).norm(dim=-1)
    return total


def compared(truth: Tensor, output: Tensor) -> dict[str, float]:
    """Landmark figures of an output video (T, 478, 3) against its driver: errors over the eye distance."""
    seen = torch.isfinite(truth[:, 0, 0]) & torch.isfinite(output[:, 0, 0])
    truth, output = truth[seen], output[seen]
    scale = eye_distance(truth)[:, None]

    def error(points: tuple[int, ...]) -> float:
        index = list(points)
        return float(((truth[:, index, :2] - output[:, index, :2]).norm(dim=-1) / scale).mean())

    def agreement(measure) -> float:
        return float(torch.corrcoef(torch.stack([measure(truth), measure(output)]))[0, 1])

    return {
        "frames": int(seen.sum()),
        "missed": int((~seen).sum()),
        "lips": error(LIPS),
        "eyes": error(EYES),
        "iris": error(IRISES),
        "oval": error(face.OVAL),
        "gap r": agreement(mouth_gap),
        "gap gain": float(mouth_gap(output).std() / mouth_gap(truth).std()),
        "width r": agreement(mouth_width),
        "width gain": float(mouth_width(output).std() / mouth_width(truth).std()),
        "eye r": agreement(eye_openings),
        "eye gain": float(eye_openings(output).std() / eye_openings(truth).std()),
    }


def gaze_and_size(landmarks: Tensor, rest: Tensor) -> tuple[Tensor, Tensor]:
    """Gaze (T, 2) yaw and pitch in radians, and size (T,), of landmarks (T, 478, 3) against those of the picture.

    rest (478, 3): the portrait as mediapipe sees it; its gaze counts as (0, 0), its size as 1. The eye's turn in the
    head follows from the iris's way across an eyeball of 12 mm radius, and the head's turn is added.
    """
    frame, home = rig.FaceFrame.from_landmarks(landmarks), rig.FaceFrame.from_landmarks(rest)
    way = _iris_place(frame.to_local(landmarks)) - _iris_place(home.to_local(rest))  # (T, 2)
    sine = (way / rig.EYEBALL_RADIUS).clamp(-1.0, 1.0)
    forward = -torch.sqrt((1.0 - sine.square().sum(-1)).clamp_min(0.0))  # an eye looks along -z
    in_head = torch.cat([sine, forward[:, None]], dim=1)  # (T, 3)
    x, y, z = ((frame.axes @ home.axes.mT) @ in_head[..., None])[..., 0].unbind(-1)
    gaze = torch.stack([torch.atan2(x, -z), torch.atan2(-y, -z)], dim=1)
    return gaze, frame.unit / home.unit


def _iris_place(local: Tensor) -> Tensor:
    """(..., 2) mean place of the irises from the middles of their eyes' corners, in units."""
    places = [
        local[..., iris, :2] - (local[..., upper[0], :2] + local[..., upper[-1], :2]) / 2
        for upper, _, iris, _ in (face.EYE_RIGHT, face.EYE_LEFT)
    ]
    return (places[0] + places[1]) / 2
