import pytest
import torch

from vasa_core.vision.warp import lay_over, pixel_centres, rounded_mask, warp


def similarity(scale, turn, x, y):
    cos, sin = scale * torch.cos(torch.tensor(turn)), scale * torch.sin(torch.tensor(turn))
    return torch.tensor([[cos, sin, x], [-sin, cos, y], [0.0, 0.0, 1.0]])


def ramp(height, width):
    """(1, 2, H, W) whose channels are the coordinates x and y of pixel centres."""
    return pixel_centres((height, width)).permute(2, 0, 1)[None].float()


def test_the_identity_changes_nothing_and_a_shift_brings_black():
    image = torch.rand(2, 3, 20, 30)
    assert torch.allclose(warp(image, torch.eye(3), (20, 30)), image, atol=1e-5)
    moved = warp(image, similarity(1.0, 0.0, 4.0, 0.0), (20, 30))
    assert torch.allclose(moved[..., 4:], image[..., :-4], atol=1e-5) and float(moved[..., :4].abs().max()) < 1e-5


def test_pixels_come_from_where_the_matrix_says():
    matrix = similarity(1.5, 0.3, -10.0, 6.0)
    out = warp(ramp(60, 80), matrix, (32, 32))[0].permute(1, 2, 0)
    there = out @ matrix[:2, :2].T + matrix[:2, 2]
    inside = (out > 1).all(-1) & (out < torch.tensor([79.0, 59.0])).all(-1)
    assert inside.float().mean() > 0.5
    assert torch.allclose(there[inside], pixel_centres((32, 32)).float()[inside], atol=1e-3)


def test_a_large_picture_is_filtered_before_it_shrinks():
    stripes = torch.zeros(1, 1, 512, 512)
    stripes[..., ::2] = 1.0
    small = warp(stripes, similarity(1 / 8, 0.0, 0.0, 0.0), (64, 64))
    assert torch.allclose(small, torch.full_like(small, 0.5), atol=0.02)
    out = warp(ramp(512, 512), similarity(1 / 8, 0.0, 0.0, 0.0), (64, 64))[0, :, 8:56, 8:56]
    assert torch.allclose(out, (8 * ramp(64, 64))[0, :, 8:56, 8:56], atol=0.1)


def test_the_mask_falls_over_its_ramp():
    at = torch.tensor([[100.5, 16.5], [100.5, 8.5], [100.5, 0.5], [0.5, 0.5], [100.5, -3.0]])
    torch.testing.assert_close(rounded_mask(at, 200, 16), torch.tensor([1.0, 0.5, 0.0, 0.0, 0.0]))


@pytest.mark.parametrize("place", [(-500.0, 0.0), (0.0, 900.0)])
def test_frames_beside_the_picture_leave_it_alone(place):
    picture = torch.rand(3, 40, 50)
    laid = lay_over(torch.ones(2, 3, 64, 64), picture, similarity(1.0, 0.2, *place), 0.1)
    assert torch.equal(laid, picture.expand(2, -1, -1, -1))
