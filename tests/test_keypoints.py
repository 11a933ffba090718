import torch

from vasa_core import keypoints
from vasa_core.types import EMOTIONS


def points(dynamics):
    return dynamics.unflatten(-1, (21, 3))


def test_gaze_is_continuous_signed_and_ends():
    right, left, up = points(keypoints.gaze_offset(torch.tensor([[0.2, 0.0], [-0.2, 0.0], [0.0, 0.2]])))
    assert (
        float(right[[11, 15], 0].min()) > 0 and float(left[[11, 15], 0].max()) < 0 and float(up[[11, 15], 1].max()) < 0
    )
    assert float(keypoints.gaze_offset(torch.zeros(1, 2)).abs().max()) == 0.0
    far, farther = keypoints.gaze_offset(torch.tensor([[2.5, 2.5], [3.0, 3.0]]))
    assert torch.equal(far, farther)
    near = keypoints.gaze_offset(torch.tensor([[1e-4, 1e-4]]))
    assert float(near.abs().max()) < 1e-5


def test_the_eyes_turn_back_as_far_as_the_published_compensation():
    """Ditto's eyes move by 0.26 slider units sideways and 0.28e-3 keypoint units up per degree of the head."""
    one = torch.deg2rad(torch.tensor(1.0))
    right = points(keypoints.gaze_offset(torch.stack([one, torch.tensor(0.0)])))
    torch.testing.assert_close(right[15, 0], torch.tensor(0.26e-3))
    up = points(keypoints.gaze_offset(torch.stack([torch.tensor(0.0), one])))
    torch.testing.assert_close(up[11, 1], torch.tensor(-0.28e-3))


def test_emotions_add_and_neutral_is_nothing():
    each = keypoints.emotion_offset(torch.eye(8))
    assert set(keypoints.EMOTION_SLIDERS) == set(EMOTIONS)
    assert float(each[EMOTIONS.index("neutral")].abs().max()) == 0.0
    others = [k for k, name in enumerate(EMOTIONS) if name != "neutral"]
    assert float(each[others].abs().amax(1).min()) > 1e-3
    torch.testing.assert_close(keypoints.emotion_offset(torch.full((3, 8), 0.5)), each.sum(0).expand(3, -1) / 2)
    apart = torch.cdist(each, each) + torch.eye(8)
    assert float(apart.min()) > 1e-3


def test_changes_of_a_film_keep_its_lips():
    dynamics = torch.randn(9, 63, generator=torch.Generator().manual_seed(0)) + 1.0
    counted = points(keypoints.counted_from_calm(dynamics))
    lips = list(keypoints.LIPS)
    assert torch.equal(counted[:, lips], points(dynamics)[:, lips])
    others = [k for k in range(21) if k not in lips]
    assert float(counted[:, others].median(dim=0).values.abs().max()) == 0.0
