"""Building blocks against independent statements of what they are, and weights files that are not ours."""

import math

import pytest
import torch
import torch.nn.functional as F

from vasa_core.errors import WeightsError
from vasa_core.vision.blazeface import _depth_to_space
from vasa_core.vision.layers import SameConv2d
from vasa_core.vision.model import load_vision
from vasa_core.vision.sampling import cut_out, overlap, square_around
from vasa_core.weights import checkpoint

PADDINGS = [(128, 5, 2, 1, 2), (9, 3, 2, 1, 1), (8, 3, 2, 0, 1), (7, 5, 1, 2, 2)]


@pytest.mark.parametrize(("size", "kernel", "stride", "before", "after"), PADDINGS)
def test_same_padding_is_tensorflows(size, kernel, stride, before, after):
    layer = SameConv2d(2, 3, kernel, stride)
    x = torch.randn(1, 2, size, size)
    expected = F.conv2d(F.pad(x, (before, after, before, after)), layer.weight, layer.bias, stride)
    assert expected.shape[-1] == math.ceil(size / stride)
    torch.testing.assert_close(layer(x), expected)


def test_depth_to_space_orders_row_column_channel():
    x = torch.arange(8.0).reshape(1, 8, 1, 1)  # index = (2 * row + column) * 2 + channel
    assert _depth_to_space(x)[0].tolist() == [[[0, 2], [4, 6]], [[1, 3], [5, 7]]]


def test_mesh_of_a_batch_is_that_of_each_alone(vision, images):
    x = F.interpolate(images["astronaut"][None], (192, 192))
    x = torch.cat([x, x.flip(3)])
    points, presence = vision.mesh(x)
    for k in range(2):
        alone, seen = vision.mesh(x[k : k + 1])
        torch.testing.assert_close(points[k], alone[0], atol=1e-2, rtol=0)
        torch.testing.assert_close(presence[k], seen[0], atol=1e-4, rtol=0)


def test_cut_out_of_an_upright_rectangle_is_the_picture_itself():
    picture = torch.rand(1, 3, 40, 60)
    torch.testing.assert_close(
        cut_out(picture, torch.tensor([[24.0, 18.0, 16.0, 16.0, 0.0]]), 16, "border"),
        picture[:, :, 10:26, 16:32],
        atol=1e-5,
        rtol=0,
    )
    outside = cut_out(picture, torch.tensor([[-20.0, -20.0, 8.0, 8.0, 0.0]]), 4, "zeros")
    assert not outside.any()
    nearest = cut_out(picture, torch.tensor([[-20.0, -20.0, 8.0, 8.0, 0.0]]), 4, "border")
    assert torch.allclose(nearest, picture[:, :, :1, :1].expand_as(nearest))


def test_a_turned_rectangle_turns_clockwise():
    picture = torch.zeros(1, 3, 41, 41)
    picture[:, :, 20, 30] = 1.0  # to the right of the centre
    turned = cut_out(picture, torch.tensor([[20.0, 20.0, 40.0, 40.0, math.pi / 2]]), 40, "zeros")
    assert turned[0, 0, 10, 20] > 0.9  # a view turned clockwise shows it above the centre


def test_square_around_is_upright_with_its_line():
    square = square_around(torch.tensor([[10.0, 20, 30, 80]]), torch.tensor([[0.0, 0]]), torch.tensor([[5.0, 5]]), 1.5)
    assert square[0].tolist() == pytest.approx([20, 50, 90, 90, math.pi / 4])


def test_overlap_is_intersection_over_union():
    a, b = torch.tensor([[0.0, 0, 2, 2]]), torch.tensor([[1.0, 0, 3, 2], [5, 5, 6, 6], [0, 0, 2, 2]])
    assert overlap(a, b)[0].tolist() == pytest.approx([1 / 3, 0, 1])


def test_weights_that_are_not_ours_are_refused(tmp_path):
    with pytest.raises(WeightsError, match="missing"):
        load_vision(tmp_path / "none.safetensors")
    cut = tmp_path / "cut.safetensors"
    cut.write_bytes(checkpoint.shipped("vision.safetensors").read_bytes()[:100_000])
    with pytest.raises(WeightsError, match="truncated"):
        load_vision(cut)
    checkpoint.save(tmp_path / "other.safetensors", {"x": torch.zeros(1)}, "vision")
    with pytest.raises(WeightsError, match="lacks"):
        load_vision(tmp_path / "other.safetensors")
