"""Identity similarity: the mean cosine over a clip, of faces that are aligned by their poses."""

import pytest
import torch
from torch import nn

from vasa_core.metrics.identity import identity_similarity, person
from vasa_core.metrics.recognition import RecognitionSizes


class Colours(nn.Module):
    """Stands in for the recognition network: the mean colour."""

    def __init__(self):
        super().__init__()
        self.place, self.sizes = nn.Parameter(torch.zeros(())), RecognitionSizes(side=56)

    def forward(self, faces):
        assert faces.shape[1:] == (3, 56, 56)
        return faces.mean((2, 3)) + self.place


def test_it_is_the_mean_cosine():
    people = torch.tensor([[1.0, 0.0], [0.0, 2.0], [-3.0, 0.0], [1.0, 1.0]])
    assert identity_similarity(people, torch.tensor([5.0, 0.0])) == pytest.approx((1 + 0 - 1 + 0.5**0.5) / 4)


def test_the_face_is_looked_at_where_its_pose_says():
    picture = torch.zeros(1, 3, 256, 256)
    picture[:, 0] = 1.0
    picture[:, :, 60:150, :100] = torch.tensor([0.0, 1.0, 0.0])[:, None, None]  # a small green face up on the left
    poses = torch.zeros(2, 6)
    poses[1, 3:] = torch.tensor([-0.6, -0.15, -1.2])
    middle, left = person(Colours(), picture.expand(2, -1, -1, -1), poses)
    assert middle[0] > 0.6 and left[1] > 0.95
