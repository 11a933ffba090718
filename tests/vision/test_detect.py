import pytest
import torch
import torch.nn.functional as F

from vasa_core.errors import BadInput
from vasa_core.vision.detect import Detections, _average_overlapping, detect, find_faces, second_look, whole_window


def resized(image, height, width):
    return F.interpolate(image[None], (height, width), mode="bilinear", antialias=True)[0].clamp(0, 1)


def test_all_faces_largest_first(vision, images):
    faces = find_faces(vision, images["two_faces"])
    assert len(faces) == 2
    (x, _), (small_x, _) = (face.landmarks[:, :2].mean(dim=0).tolist() for face in faces)
    assert x < 512 < small_x
    widths = [float(face.box[2] - face.box[0]) for face in faces]
    assert widths[0] == pytest.approx(2 * widths[1], rel=0.15)


def test_landmarks_follow_the_picture(vision, images):
    """Half the size gives half the coordinates; a picture twice as wide moves them by the border."""
    image = images["astronaut"]
    whole = find_faces(vision, image)[0].landmarks
    half = find_faces(vision, resized(image, 256, 256))[0].landmarks
    moved = find_faces(vision, F.pad(image, (300, 0, 0, 0)))[0].landmarks
    assert (2 * half - whole)[:, :2].norm(dim=1).median() < 3.0
    assert (moved - whole - torch.tensor([300.0, 0, 0]))[:, :2].norm(dim=1).median() < 3.0


def test_a_small_face_in_a_large_picture(vision, images):
    picture = torch.full((3, 2160, 3840), 0.4)
    picture[:, 1200:1584, 2900:3284] = resized(images["astronaut"], 384, 384)
    faces = find_faces(vision, picture)
    assert len(faces) == 1
    x, y = faces[0].landmarks[:, :2].mean(dim=0).tolist()
    assert 2900 < x < 3284 and 1200 < y < 1584


@pytest.mark.parametrize("size", [(64, 64), (301, 377), (1000, 90)])
def test_odd_sizes_run(vision, images, size):
    find_faces(vision, resized(images["astronaut"], *size))


def test_no_face_in_noise_or_nothing(vision):
    noise = torch.rand(3, 200, 300, generator=torch.Generator().manual_seed(0))
    assert find_faces(vision, noise) == []
    assert find_faces(vision, torch.zeros(3, 200, 200)) == []


def test_second_look_knows_faces(vision, images):
    image = images["astronaut"][None]
    box = find_faces(vision, images["astronaut"])[0].box
    elsewhere = torch.tensor([380.0, 20.0, 480.0, 120.0])
    sure, unsure = second_look(vision, image, torch.stack([box, elsewhere])).tolist()
    assert sure > 0.8 and unsure < 0.2


def test_detector_answers_each_picture_of_a_batch_alone(vision, images):
    both = torch.stack([images["astronaut"], images["astronaut"].flip(2)])
    window = whole_window(both)
    together = detect(vision.near, both, window.expand(2, -1))
    for k in range(2):
        alone = detect(vision.near, both[k : k + 1], window)[0]
        torch.testing.assert_close(together[k].boxes, alone.boxes, atol=0.05, rtol=0)


def test_overlapping_boxes_are_averaged_by_score():
    boxes = torch.tensor([[0.0, 0, 10, 10], [2, 0, 12, 10], [50, 50, 60, 60]])
    found = _average_overlapping(Detections(boxes, boxes[:, None, :2].repeat(1, 6, 1), torch.tensor([0.6, 0.9, 0.7])))
    assert found.scores.tolist() == pytest.approx([0.9, 0.7])
    assert found.boxes[0, 0] == pytest.approx((0.9 * 2 + 0.6 * 0) / 1.5)
    assert found.boxes[1].tolist() == [50, 50, 60, 60]


@pytest.mark.parametrize(
    "image",
    [
        torch.zeros(1, 64, 64),
        torch.zeros(64, 64, 3),
        torch.zeros(3, 64, 64, dtype=torch.uint8),
        torch.zeros(3, 8, 64),
        torch.full((3, 64, 64), torch.nan),
    ],
)
def test_unusable_pictures_are_refused_in_one_sentence(vision, image):
    with pytest.raises(BadInput, match="The picture"):
        find_faces(vision, image)
