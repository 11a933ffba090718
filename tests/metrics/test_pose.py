"""dP: known turns give their angles, whatever the axes and the rest."""

import pytest
import torch

from vasa_core.arkit import ARKIT
from vasa_core.errors import BadInput
from vasa_core.geometry import pose_from_rotation, rotation_from_pose
from vasa_core.metrics.pose import head_turning, turning
from vasa_core.types import Motion


def motion(angles: torch.Tensor) -> Motion:
    pose = torch.cat([angles, torch.rand(len(angles), 3)], dim=1)
    return Motion(pose, torch.zeros(len(pose), 52), 25.0, ARKIT)


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_a_steady_turn_is_its_angle(axis):
    angles = torch.zeros(10, 3)
    angles[:, axis] = torch.arange(10) * torch.tensor(0.5).deg2rad()
    assert turning(motion(angles)).numpy() == pytest.approx(0.5, abs=1e-4)
    assert head_turning(motion(angles)) == pytest.approx(0.5, abs=1e-4)


def test_a_head_that_only_moves_and_grows_does_not_turn():
    assert head_turning(motion(torch.full((5, 3), 0.2))) == pytest.approx(0.0, abs=1e-5)


def test_it_does_not_depend_on_the_rest():
    """Turned by a rotation of the camera, the same head turns as much; the sum of its angles' changes would differ."""
    angles = 0.4 * torch.randn(20, 3, generator=torch.Generator().manual_seed(0))
    view = rotation_from_pose(torch.tensor([0.3, -0.8, 0.5]))
    seen = pose_from_rotation(view @ rotation_from_pose(angles))
    assert turning(motion(seen)).numpy() == pytest.approx(turning(motion(angles)).numpy(), abs=1e-3)
    assert not torch.allclose(seen.diff(dim=0).norm(dim=1), angles.diff(dim=0).norm(dim=1), atol=1e-2)


def test_one_frame_is_refused():
    with pytest.raises(BadInput, match="has 1 frames"):
        head_turning(motion(torch.zeros(1, 3)))
