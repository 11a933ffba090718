"""Tracks the face in a video with mediapipe itself; run by other benchmarks in an environment that has mediapipe.

    PYTHON benchmarks/mediapipe_track.py VIDEO OUT.npz

mediapipe 0.10.21 needs numpy below 2, so it lives apart: python -m venv mp; mp/bin/pip install mediapipe==0.10.21.
OUT.npz holds landmarks (T, 478, 3) in pixels (NaN where there is no face).
"""

import sys

import cv2
import mediapipe
import numpy as np

POINTS = 478


def track(path: str) -> np.ndarray:
    """(T, 478, 3) landmarks in pixels of the video at `path`."""
    video, frames = cv2.VideoCapture(path), []
    options = {"static_image_mode": False, "max_num_faces": 1, "refine_landmarks": True}
    with mediapipe.solutions.face_mesh.FaceMesh(**options) as mesh:
        while True:
            there, picture = video.read()
            if not there:
                return np.stack(frames)
            height, width = picture.shape[:2]
            found = mesh.process(cv2.cvtColor(picture, cv2.COLOR_BGR2RGB)).multi_face_landmarks
            points = np.full((POINTS, 3), np.nan)
            if found:
                points = np.array([[p.x * width, p.y * height, p.z * width] for p in found[0].landmark])
            frames.append(points)


if __name__ == "__main__":
    np.savez_compressed(sys.argv[2], landmarks=track(sys.argv[1]))
