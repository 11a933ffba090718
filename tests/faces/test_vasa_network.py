"""The face network's parts: standardised weights, rigid and non-rigid warps, the upright view, its sizes."""

import math

import pytest
import torch

from tests.faces.vasa_kit import lively_network
from vasa_core.faces.vasa import warping
from vasa_core.faces.vasa.codes import upright
from vasa_core.faces.vasa.layers import ResidualBlock, StandardConv, fold
from vasa_core.faces.vasa.network import FaceNetwork
from vasa_core.faces.vasa.presets import PRESETS, FacePreset


def pose(**values):
    names = ("pitch", "yaw", "roll", "tx", "ty", "log_scale")
    return torch.tensor([[float(values.get(name, 0.0)) for name in names]])


def blob(points, size, at, width=0.12):
    """exp(-distance^2) of grid points (..., n) from `at` (n,): something to find again."""
    return torch.exp(-((points - torch.tensor(at)) ** 2).sum(-1) / (2 * width**2)).view(1, 1, *size)


def centre_of(volume):
    """(3,) x, y, z of the mean of a volume (1, 1, D, H, W)."""
    weight = volume / volume.sum()
    return (warping.voxels(volume)[0] * weight[0, 0, ..., None]).sum((0, 1, 2))


def test_standardised_weights_have_no_mean_and_the_gains_norm():
    conv = StandardConv(3, 6, 5, gain=0.7)
    flat = conv.standardised().flatten(1)
    torch.testing.assert_close(flat.mean(1), torch.zeros(5), atol=1e-6, rtol=0)
    torch.testing.assert_close(flat.norm(dim=1), torch.full((5,), 0.7), atol=1e-3, rtol=0)


def test_a_residual_block_starts_as_its_shortcut():
    block = ResidualBlock(2, 8, 8)
    x = torch.randn(2, 8, 6, 6)
    assert torch.equal(block(x), x)
    assert ResidualBlock(2, 8, 12, up=(2, 2))(x).shape == (2, 12, 12, 12)
    assert ResidualBlock(3, 8, 12, down=(1, 2, 2))(torch.randn(2, 8, 4, 6, 6)).shape == (2, 12, 4, 3, 3)


def test_folding_changes_no_picture():
    network, picture = lively_network(), torch.rand(1, 3, 64, 64)
    with torch.no_grad():
        before = network.encode(picture)
        frame = network.decode(before.volume, before.identity, before.pose, before.dynamics)
        after = fold(network).encode(picture)
        folded = network.decode(after.volume, after.identity, after.pose, after.dynamics)
    torch.testing.assert_close(frame, folded, atol=1e-5, rtol=0)


def test_a_point_and_its_pose_can_be_taken_apart_again():
    points = torch.rand(3, 5, 4, 3) * 2 - 1
    poses = 0.5 * torch.randn(3, 6)
    torch.testing.assert_close(warping.rigid_inverse(warping.rigid(points, poses), poses), points, atol=1e-5, rtol=0)


@pytest.mark.parametrize(
    ("posed", "start", "end"),
    [
        (pose(tx=0.3, ty=-0.2), (0.1, 0.0, 0.0), (0.4, -0.2, 0.0)),
        (pose(log_scale=math.log(1.5)), (0.3, -0.2, 0.0), (0.45, -0.3, 0.0)),
        (pose(roll=math.pi / 2), (0.0, -0.4, 0.0), (0.4, 0.0, 0.0)),  # clockwise: the top goes to the right
        (pose(yaw=math.pi / 6), (0.0, 0.0, -0.4), (0.2, 0.0, -0.3464)),  # a nose, turned to the viewer's right
        (pose(pitch=math.pi / 6), (0.0, 0.0, -0.4), (0.0, -0.2, -0.3464)),  # and up
    ],
)
def test_the_canonical_volume_moves_as_the_signs_of_pose_say(posed, start, end):
    size = (32, 32, 32)
    canonical = blob(warping.voxels(torch.empty(1, 1, *size)), size, start)
    field = torch.zeros(1, 3, *size)
    moved = warping.to_pose(canonical, posed, field)
    torch.testing.assert_close(centre_of(moved), torch.tensor(end), atol=0.02, rtol=0)
    back = warping.to_canonical(moved, posed, field)
    torch.testing.assert_close(centre_of(back), torch.tensor(start), atol=0.02, rtol=0)


def test_a_displacement_turns_with_the_head():
    """A field that fetches from 0.2 to the left moves what it shows to the right, where it is rolled, down."""
    size = (16, 32, 32)
    canonical = blob(warping.voxels(torch.empty(1, 1, *size)), size, (0.0, 0.0, 0.0))
    field = torch.zeros(1, 3, *size)
    field[:, 0] = -0.2
    for posed, end in ((pose(), (0.2, 0.0, 0.0)), (pose(roll=math.pi / 2), (0.0, 0.2, 0.0))):
        moved = centre_of(warping.to_pose(canonical, posed, field))
        torch.testing.assert_close(moved, torch.tensor(end), atol=0.02, rtol=0)


def test_the_upright_view_undoes_place_roll_and_size():
    size = 64
    axis = (torch.arange(size) + 0.5) / size * 2 - 1
    grid = torch.stack(torch.meshgrid(axis, axis, indexing="xy"), dim=-1)
    posed = pose(tx=0.2, ty=-0.1, roll=0.5, log_scale=math.log(0.7))
    eye = warping.rigid(torch.tensor([[[0.2, -0.1, 0.0]]]), posed)[0, 0, :2].tolist()
    picture = blob(grid, (size, size), eye, width=0.05).expand(-1, 3, -1, -1)
    view = upright(picture, posed, 32, reach=0.8)[0, 0]
    axis = (torch.arange(32) + 0.5) / 32 * 2 - 1
    found = torch.stack([(view.sum(0) * axis).sum(), (view.sum(1) * axis).sum()]) / view.sum()
    torch.testing.assert_close(0.8 * found, torch.tensor([0.2, -0.1]), atol=0.02, rtol=0)


def test_no_gradient_enters_the_pose_through_the_view():
    posed = pose(tx=0.1).requires_grad_()
    assert not upright(torch.rand(1, 3, 32, 32), posed, 16).requires_grad


def test_every_parameter_takes_part():
    network = lively_network()
    picture = torch.rand(2, 3, 64, 64)
    face = network.encode(picture)
    made = network.decode(face.volume, face.identity, face.pose, face.dynamics.flip(0))
    (made - picture).square().sum().backward()
    idle = [n for n, p in network.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0]
    assert idle == []


def test_no_code_and_no_condition_can_go_silent_for_good():
    network = lively_network()
    for code in (network.codes.identity, network.codes.dynamics, network.codes.pose):
        torch.nn.init.constant_(code.gather.bias, -20.0)
    for generator in (network.source_warp, network.target_warp):
        torch.nn.init.constant_(generator.from_identity.bias, -20.0)
    picture = torch.rand(2, 3, 64, 64)
    face = network.encode(picture)
    network.decode(face.volume, face.identity, face.pose, face.dynamics.flip(0)).square().sum().backward()
    for part in (network.codes.identity.stem, network.codes.dynamics.stem, network.codes.pose.stem):
        assert float(part.weight.grad.abs().sum()) > 0
    for generator in (network.source_warp, network.target_warp):
        assert float(generator.from_dynamics.weight.grad.abs().sum()) > 0


def test_filters_start_at_length_one():
    for conv in (StandardConv(2, 6, 5), StandardConv(3, 16, 64)):
        lengths = conv.weight.detach().flatten(1).norm(dim=1)
        torch.testing.assert_close(lengths, torch.ones_like(lengths), atol=0.3, rtol=0)


def test_the_paper_preset_has_the_papers_sizes():
    preset = PRESETS["paper"]
    with torch.device("meta"):
        network = FaceNetwork(preset)
    assert 190e6 < sum(p.numel() for p in network.parameters()) < 210e6
    assert (preset.size, preset.volume_channels, preset.volume_shape) == (512, 96, (16, 64, 64))
    assert len(network.decoder.blocks) == 8


@pytest.mark.parametrize(("name", "size", "most"), [("small", 128, 20e6), ("mini", 48, 1e6)])
def test_the_small_presets_are_small(name, size, most):
    with torch.device("meta"):
        network = FaceNetwork(PRESETS[name])
    assert network.preset.size == size and sum(p.numel() for p in network.parameters()) < most


def test_a_preset_whose_warp_does_not_reach_the_volume_is_refused():
    sizes = {**vars(PRESETS["tiny"]), "warp": (32, 16, 8)}
    with pytest.raises(ValueError, match="levels of warp"):
        FacePreset(**sizes)
