"""What mediapipe itself sees in pictures and videos; run by vision_parity.py in an environment that has mediapipe.

    PYTHON benchmarks/mediapipe_faces.py PICTURES.npz OUT.npz

PICTURES.npz holds uint8 RGB arrays: a picture (H, W, 3), or a video (T, H, W, 3). For each picture, OUT.npz holds
name/landmarks (faces, 478, 3) in pixels, name/near and name/far (faces, 17): score, left, top, width, height and six
keypoints in shares of the picture, and name/matte (H, W). For a video, name/landmarks (T, 478, 3), NaN without a face.
"""

import sys

import mediapipe
import numpy as np

SOLUTIONS = mediapipe.solutions
POINTS, MOST_FACES = 478, 10


def picture_facts(picture: np.ndarray) -> dict[str, np.ndarray]:
    facts = {"landmarks": landmarks_of(new_mesh(True, MOST_FACES), picture)}
    for name, selection in (("near", 0), ("far", 1)):
        with SOLUTIONS.face_detection.FaceDetection(min_detection_confidence=0.5, model_selection=selection) as finder:
            found = finder.process(picture).detections or []
        facts[name] = np.array([numbers_of(detection) for detection in found], np.float32).reshape(-1, 17)
    with SOLUTIONS.selfie_segmentation.SelfieSegmentation(model_selection=0) as matting:
        facts["matte"] = matting.process(picture).segmentation_mask.astype(np.float32)
    return facts


def new_mesh(still: bool, most: int) -> "SOLUTIONS.face_mesh.FaceMesh":
    return SOLUTIONS.face_mesh.FaceMesh(static_image_mode=still, max_num_faces=most, refine_landmarks=True)


def landmarks_of(mesh: "SOLUTIONS.face_mesh.FaceMesh", picture: np.ndarray) -> np.ndarray:
    height, width = picture.shape[:2]
    faces = mesh.process(picture).multi_face_landmarks or []
    points = [[[p.x * width, p.y * height, p.z * width] for p in face.landmark] for face in faces]
    return np.array(points, np.float32).reshape(-1, POINTS, 3)


def numbers_of(detection: object) -> list[float]:
    place = detection.location_data
    box = place.relative_bounding_box
    keypoints = [number for point in place.relative_keypoints for number in (point.x, point.y)]
    return [detection.score[0], box.xmin, box.ymin, box.width, box.height, *keypoints]


def video_landmarks(frames: np.ndarray) -> np.ndarray:
    mesh, nothing = new_mesh(False, 1), np.full((1, POINTS, 3), np.nan, np.float32)
    return np.concatenate([found if len(found := landmarks_of(mesh, f)) else nothing for f in frames])


if __name__ == "__main__":
    out = {}
    for name, pixels in np.load(sys.argv[1]).items():
        facts = picture_facts(pixels) if pixels.ndim == 3 else {"landmarks": video_landmarks(pixels)}
        out |= {f"{name}/{key}": value for key, value in facts.items()}
    np.savez_compressed(sys.argv[2], **out)
