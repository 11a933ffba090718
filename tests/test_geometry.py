"""Sign conventions of types.py, and inverses."""

import torch

from vasa_core.geometry import apply_homography, pose_from_rotation, rotation_from_pose, similarity_between

NOSE = torch.tensor([0.0, 0.0, -1.0])


def nose_of(**angles: float) -> torch.Tensor:
    pose = torch.tensor([angles.get(name, 0.0) for name in ("pitch", "yaw", "roll")])
    return rotation_from_pose(pose) @ NOSE


def test_signs_as_the_viewer_sees():
    assert nose_of(yaw=0.3)[0] > 0.2
    assert nose_of(pitch=0.3)[1] < -0.2
    ear = rotation_from_pose(torch.tensor([0.0, 0.0, 0.3])) @ torch.tensor([1.0, 0.0, 0.0])
    assert ear[1] > 0.2


def test_pose_survives_the_round_trip():
    pose = (torch.rand(100, 3) - 0.5) * 2.0
    rotation = rotation_from_pose(pose)
    assert torch.allclose(torch.linalg.det(rotation), torch.ones(100), atol=1e-5)
    assert torch.allclose(pose_from_rotation(rotation), pose, atol=1e-5)


def test_similarity_is_recovered():
    points = torch.randn(7, 20, 3)
    rotation, shift = rotation_from_pose(torch.randn(7, 3) * 0.4), torch.randn(7, 3)
    target = 1.7 * points @ rotation.mT + shift[:, None]
    found_rotation, scale, found_shift = similarity_between(points, target)
    assert torch.allclose(found_rotation, rotation, atol=1e-4)
    assert torch.allclose(scale, torch.full((7,), 1.7), atol=1e-4)
    assert torch.allclose(found_shift, shift, atol=1e-4)


def test_homography_moves_points():
    matrix = torch.tensor([[2.0, 0.0, 1.0], [0.0, 2.0, -1.0], [0.0, 0.0, 1.0]])
    assert torch.equal(apply_homography(matrix, torch.tensor([[1.0, 1.0]])), torch.tensor([[3.0, 1.0]]))
