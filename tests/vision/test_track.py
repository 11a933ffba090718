import pytest
import torch
import torch.nn.functional as F

from vasa_core.errors import BadInput, NoFaceFound
from vasa_core.geometry import apply_homography
from vasa_core.vision.detect import find_faces
from vasa_core.vision.track import fill_gaps, track_face


def shifted(image, pixels):
    return F.pad(image, (pixels, 40 - pixels, 0, 0), mode="replicate")


def test_landmarks_lie_in_one_fixed_crop_and_move_with_the_face(vision, images):
    frames = [shifted(images["astronaut"], k * 5) for k in range(6)]
    track = track_face(vision, iter(frames), 25.0)
    assert track.landmarks.shape == (6, 478, 3) and not track.lost.any() and track.image_size == (512, 552)
    centres = track.landmarks[..., 0].mean(dim=1)
    step = 5 * float(track.crop_from_image[0, 0])
    assert (centres.diff() - step).abs().max() < 1.5
    expected = apply_homography(track.crop_from_image, find_faces(vision, frames[0])[0].landmarks[:, :2])
    assert (track.landmarks[0, :, :2] - expected).norm(dim=1).median() < 2.0


def test_lost_frames_are_flagged_and_filled(vision, images):
    image, empty = images["astronaut"], torch.full((3, 512, 512), 0.5)
    track = track_face(vision, [empty, image, empty, image, image], 25.0)
    assert track.lost.tolist() == [True, False, True, False, False]
    assert torch.equal(track.landmarks[0], track.landmarks[1])
    torch.testing.assert_close(track.landmarks[2], track.landmarks[[1, 3]].mean(dim=0))


def test_index_follows_the_other_face(vision, images):
    large, small = (track_face(vision, [images["two_faces"]] * 2, 25.0, index=k) for k in (0, 1))
    assert large.crop_from_image[0, 0] < 0.7 * small.crop_from_image[0, 0]


def test_short_gaps_glide_and_long_ones_hold_first():
    def filled(gap, fps):
        points = [torch.zeros(1), *[None] * gap, torch.ones(1), None]
        return fill_gaps(points, fps).flatten().tolist()

    assert filled(3, 25.0) == pytest.approx([0, 0.25, 0.5, 0.75, 1, 1])
    long = filled(9, 4.0)  # 1 s is 4 frames: hold for 6, then glide
    assert long[:7] == pytest.approx([0] * 7) and long[7:] == pytest.approx([0.25, 0.5, 0.75, 1, 1])


def test_what_cannot_be_followed_is_said_so(vision, images):
    image, empty = images["astronaut"], torch.full((3, 512, 512), 0.5)
    with pytest.raises(NoFaceFound, match="1 of the video's 3 frames"):
        track_face(vision, [empty, image, empty], 25.0)
    with pytest.raises(NoFaceFound, match="No face"):
        track_face(vision, [empty], 25.0)
    with pytest.raises(NoFaceFound, match="Face 3 was asked for"):
        track_face(vision, [image], 25.0, index=3)
    with pytest.raises(BadInput, match="no frames"):
        track_face(vision, [], 25.0)
    with pytest.raises(BadInput, match="changes its size"):
        track_face(vision, [image, image[:, :400]], 25.0)
    with pytest.raises(BadInput, match="frame rate"):
        track_face(vision, [image], 0.0)
