"""What the other benchmarks share: write frames to a video, have mediapipe look at it, compare landmarks."""

from __future__ import annotations

import subprocess
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

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
