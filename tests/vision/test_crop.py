import pytest
import torch
import torch.nn.functional as F

from vasa_core.errors import BadInput, NoFaceFound
from vasa_core.geometry import apply_homography
from vasa_core.vision.crop import crop_face, crop_from_landmarks, cut_crop, paste_back, span_of
from vasa_core.vision.detect import find_faces
from vasa_core.vision.landmarks import with_depth


@pytest.fixture(scope="module")
def astronaut(vision, images):
    return crop_face(vision, images["astronaut"])


def test_crop_frames_the_face(astronaut):
    assert astronaut.image.shape == (3, 512, 512) and astronaut.matte.shape == (512, 512)
    assert astronaut.landmarks.shape == (478, 3) and astronaut.image_size == (512, 512)
    low, high = astronaut.landmarks[:, :2].amin(dim=0), astronaut.landmarks[:, :2].amax(dim=0)
    assert float((high - low).amax()) == pytest.approx(512 / 2.36, rel=0.05)
    assert (low + high)[0] / 2 == pytest.approx(256, abs=10)
    assert astronaut.image.min() >= 0 and astronaut.image.max() <= 1


def test_landmarks_in_the_crop_are_those_of_the_picture(vision, images, astronaut):
    mapped = apply_homography(astronaut.crop_from_image, find_faces(vision, images["astronaut"])[0].landmarks[:, :2])
    assert (mapped - astronaut.landmarks[:, :2]).norm(dim=1).median() < 2.5


def test_matte_holds_the_face_and_not_the_corner(astronaut):
    x, y = astronaut.landmarks[:, :2].round().long().clamp(0, 511).unbind(1)
    assert astronaut.matte[y, x].mean() > 0.95
    assert astronaut.matte[:60, :60].mean() < 0.2


def test_index_and_box_choose(vision, images):
    two = images["two_faces"]
    large, small = crop_face(vision, two), crop_face(vision, two, index=1)
    boxed = crop_face(vision, two, box=(600, 128, 856, 384))
    assert span_of(large.crop_from_image, 512)[2] > 1.7 * span_of(small.crop_from_image, 512)[2]
    assert torch.equal(boxed.crop_from_image, small.crop_from_image)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"index": 2}, "has 2"),
        ({"index": -1}, "index from 0 to 1"),
        ({"box": (0, 400, 20, 420)}, "inside the box"),
        ({"box": (600, 128, 856, 384), "index": 1}, "has 1"),
        ({"box": (20, 20, 10, 10)}, "is empty"),
    ],
)
def test_a_face_that_is_not_there_is_said_so(vision, images, options, said):
    with pytest.raises(BadInput, match=said):
        crop_face(vision, images["two_faces"], **options)


def test_no_face_and_too_small_a_face_are_said_so(vision, images):
    with pytest.raises(NoFaceFound, match="No face in the picture"):
        crop_face(vision, torch.full((3, 128, 128), 0.5))
    tiny = F.interpolate(images["astronaut"][None], (96, 96), mode="bilinear", antialias=True)[0]
    with pytest.raises(NoFaceFound, match="must be at least 48 px"):
        crop_face(vision, tiny)


def test_given_landmarks_are_kept(vision, images):
    landmarks = find_faces(vision, images["astronaut"])[0].landmarks
    crop = crop_from_landmarks(vision, images["astronaut"], landmarks, size=256)
    back = apply_homography(torch.linalg.inv(crop.crop_from_image), crop.landmarks[:, :2])
    assert crop.image.shape == (3, 256, 256)
    torch.testing.assert_close(back, landmarks[:, :2], atol=0.01, rtol=0)
    for bad in (landmarks[:468], landmarks * torch.nan, landmarks + 5000):
        with pytest.raises(BadInput, match="landmarks"):
            crop_from_landmarks(vision, images["astronaut"], bad)


def test_depth_of_native_landmarks_takes_the_pictures_scale():
    canonical = torch.randn(478, 3, generator=torch.Generator().manual_seed(0)) * 40 + 96
    angle = torch.tensor(0.3)
    turn = torch.stack([torch.stack([angle.cos(), -angle.sin()]), torch.stack([angle.sin(), angle.cos()])])
    points = with_depth(canonical[:, :2] @ turn.T * 2.5 + 30, canonical)
    torch.testing.assert_close(points[:, 2], canonical[:, 2] * 2.5)
    with pytest.raises(BadInput, match="478"):
        with_depth(canonical[:68, :2], canonical[:68])


def test_pasting_the_rest_frame_back_gives_the_picture(vision, images, astronaut):
    picture = images["astronaut"]
    pasted = paste_back(astronaut.image[None], picture, astronaut.crop_from_image)[0]
    assert (pasted - picture).abs().mean() < 0.005


def test_pasting_back_at_equal_size_is_exact_and_stays_inside():
    picture = torch.rand(3, 700, 600, generator=torch.Generator().manual_seed(0))
    matrix = torch.tensor([[1.0, 0, -40], [0, 1.0, -70], [0, 0, 1]])
    crop = cut_crop(picture, span_of(matrix, 512), 512)
    assert torch.equal(crop, picture[:, 70:582, 40:552])
    assert torch.allclose(paste_back(crop[None], picture, matrix)[0], picture, atol=1e-6)
    white = paste_back(torch.ones(2, 3, 512, 512), picture, matrix)
    assert white.shape == (2, 3, 700, 600) and (white[:, :, 200:400, 200:400] == 1).all()
    outside = torch.ones(700, 600, dtype=torch.bool)
    outside[70:582, 40:552] = False
    assert torch.equal(white[1][:, outside], picture[:, outside])
    edge = (white[0] - picture)[:, 71, 40:552].abs().max()
    assert edge < 0.02


def test_a_crop_beyond_the_border_repeats_the_border_and_pastes_inside():
    picture = torch.rand(3, 100, 120, generator=torch.Generator().manual_seed(1))
    matrix = torch.tensor([[2.0, 0, 100], [0, 2.0, 60], [0, 0, 1]])  # left -50, top -30, side 256
    assert span_of(matrix, 512) == (-50, -30, 256)
    crop = cut_crop(picture, (-50, -30, 256), 256)
    assert torch.equal(crop[:, 30:130, 50:170], picture)
    assert torch.equal(crop[:, 0, 0], picture[:, 0, 0]) and torch.equal(crop[:, 40, 0], picture[:, 10, 0])
    assert paste_back(torch.zeros(1, 3, 512, 512), picture, matrix).shape == (1, 3, 100, 120)
