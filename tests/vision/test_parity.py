"""Our networks and pipeline against stored answers of mediapipe 0.10.21."""

import numpy as np
import torch
import torch.nn.functional as F

from tests.vision import pictures
from vasa_core.vision.crop import HALF
from vasa_core.vision.detect import detect, find_faces, read_mesh, squares_of, whole_window
from vasa_core.vision.sampling import cut_out
from vasa_core.vision.track import track_face


def distance(ours, theirs):
    """(..., 478) in pixels of a 512x512 crop."""
    ours, theirs = np.asarray(ours), np.asarray(theirs)
    extent = np.ptp(theirs[..., :2], axis=-2).max(axis=-1)
    return np.linalg.norm((ours - theirs)[..., :2], axis=-1) * (512 / (2 * HALF * extent))[..., None]


def plain_faces(vision, image):
    """MediaPipe's own steps alone: near detector, mesh."""
    found = detect(vision.near, image[None], whole_window(image))[0]
    landmarks, presence = read_mesh(vision, image[None].expand(len(found.scores), -1, -1, -1), squares_of(found))
    return landmarks[presence > 0.5]


def test_both_detectors_answer_as_mediapipe(vision, images, goldens):
    for name, image in images.items():
        height, width = image.shape[1:]
        for detector in ("near", "far"):
            expected = goldens[f"{name}/{detector}"]
            found = detect(getattr(vision, detector), image[None], whole_window(image))[0]
            sure = found.scores > expected[:, 0].min(initial=1.0) - 0.02
            assert int(sure.sum()) == len(expected), (name, detector)
            boxes = expected[:, 1:5] * [width, height, width, height]
            boxes[:, 2:] += boxes[:, :2]
            keypoints = expected[:, 5:].reshape(-1, 6, 2) * [width, height]
            side = (boxes[:, 2] - boxes[:, 0]).max(initial=1.0)
            np.testing.assert_allclose(found.scores[sure], expected[:, 0], atol=0.02)
            np.testing.assert_allclose(found.boxes[sure], boxes, atol=0.02 * side)
            np.testing.assert_allclose(found.keypoints[sure], keypoints, atol=0.02 * side)


def test_landmarks_are_mediapipes(vision, images, goldens):
    for name, image in images.items():
        expected, ours = goldens[f"{name}/landmarks"], plain_faces(vision, image)
        assert len(ours) == len(expected) == (2 if name == "two_close" else 0 if name == "two_faces" else 1), name
        for face in expected:
            apart = min((distance(other, face) for other in ours), key=np.median)
            assert np.median(apart) < 0.5 and np.percentile(apart, 95) < 1.0, (name, np.median(apart))


def test_depth_is_mediapipes(vision, images, goldens):
    expected = goldens["astronaut/landmarks"][0]
    ours = plain_faces(vision, images["astronaut"])[0].numpy()
    assert np.abs(ours - expected)[:, 2].max() < 0.01 * np.ptp(expected[:, 0])


def test_matte_is_mediapipes(vision, images, goldens):
    for name, image in images.items():
        height, width = image.shape[1:]
        whole = torch.tensor([[width / 2, height / 2, width, height, 0.0]])
        matte = vision.matte(cut_out(image[None], whole, vision.matte.size, "zeros"))[:, None]
        matte = F.interpolate(matte, (height, width), mode="bilinear")[0, 0, ::4, ::4]
        expected = torch.from_numpy(goldens[f"{name}/matte"] / 255).float()
        assert (matte - expected).abs().mean() < 0.01, name


def test_real_portraits_and_video_frames(vision, media, goldens):
    for name, pixels in pictures.shared(media):
        image = torch.from_numpy(pixels.copy()).movedim(-1, -3).float() / 255
        expected, ours = goldens[f"{name}/landmarks"], plain_faces(vision, image)
        assert len(ours) == len(expected) == 1, name
        assert np.median(distance(ours, expected)) < 0.5, name
        assert len(find_faces(vision, image)) == (0 if name == "portrait_s30" else 1), name  # s30 is a dog


def test_a_followed_video_is_mediapipes(vision, media, goldens):
    frames = pictures.film(media / f"{pictures.FILM}.mp4", pictures.FILM_FRAMES)
    track = track_face(vision, torch.from_numpy(frames).movedim(-1, -3).float() / 255, 25.0)
    back = torch.linalg.inv(track.crop_from_image)
    ours = track.landmarks * back[0, 0]
    ours[..., :2] += back[:2, 2]
    assert not track.lost.any()
    assert np.median(distance(ours, goldens["film/landmarks"])) < 0.5
