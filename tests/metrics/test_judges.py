"""The networks that judge pictures, which the user brings: VGG19 and ArcFace's improved ResNet-50."""

import pytest
import torch

from vasa_core.errors import WeightsError
from vasa_core.faces.mesh.rig import FaceFrame, canonical_mesh
from vasa_core.metrics.recognition import (
    PUBLISHED,
    RecognitionNetwork,
    RecognitionSizes,
    aligned,
    likeness,
    load_recognition,
    save_recognition,
)
from vasa_core.metrics.vgg import MEAN, PLAN, load_vgg, perceptual_distance, published_numbers


@pytest.fixture(scope="module")
def vgg(tmp_path_factory):
    """A file with torchvision's keys and random weights; the classifier, which is not used, is cut short."""
    generator = torch.Generator().manual_seed(0)
    channels = [3, *(width for group in PLAN for width in group)]
    tensors = {"classifier.0.weight": torch.zeros(1), "classifier.0.bias": torch.zeros(1)}
    for number, a, b in zip(published_numbers(), channels[:-1], channels[1:], strict=True):
        tensors[f"features.{number}.weight"] = torch.randn(b, a, 3, 3, generator=generator) * (2 / (9 * a)) ** 0.5
        tensors[f"features.{number}.bias"] = torch.randn(b, generator=generator) * 0.1
    path = tmp_path_factory.mktemp("vgg") / "vgg19.pth"
    torch.save(tensors, path)
    return path


def test_vgg_computes_what_torchvision_does(vgg):
    models = pytest.importorskip("torchvision.models.vgg", reason="torchvision, the reference, is not installed")
    reference = models.make_layers(models.cfgs["E"])
    tensors = torch.load(vgg, weights_only=True)
    reference.load_state_dict({k.removeprefix("features."): v for k, v in tensors.items() if k.startswith("features.")})
    picture = torch.rand(1, 3, 64, 64)
    deviation = torch.tensor([0.229, 0.224, 0.225])[:, None, None]
    x, expected = (picture - torch.tensor(MEAN)[:, None, None]) / deviation, []
    with torch.no_grad():
        for number, layer in enumerate(reference):
            x = layer(x)
            if number in (1, 6, 11, 20, 29):  # relu1_1 ... relu5_1
                expected.append(x.clone())
        found = load_vgg(vgg)(picture)
    for a, b in zip(found, expected, strict=True):
        torch.testing.assert_close(a, b, atol=1e-4, rtol=1e-4)


def test_vgg_files_that_are_something_else_are_refused(tmp_path):
    torch.save({"features.1.weight": torch.zeros(64)}, tmp_path / "strange.pth")
    with pytest.raises(WeightsError, match="features.1.weight"):
        load_vgg(tmp_path / "strange.pth")
    torch.save({"features.0.weight": torch.zeros(64, 3, 3, 3)}, tmp_path / "short.pth")
    with pytest.raises(WeightsError, match="lacks"):
        load_vgg(tmp_path / "short.pth")
    with pytest.raises(WeightsError, match="missing"):
        load_vgg(tmp_path / "none.pth")


def test_perceptual_distance_grows_with_the_difference_and_reaches_only_what_was_made(vgg):
    network = load_vgg(vgg)
    real = torch.rand(1, 3, 64, 64, requires_grad=True)
    made = (real.detach() + 0.02 * torch.randn(1, 3, 64, 64)).requires_grad_()
    near = perceptual_distance(network, made, real)
    near.backward()
    assert float(made.grad.abs().sum()) > 0 and real.grad is None
    assert all(p.grad is None for p in network.parameters())
    with torch.no_grad():
        assert float(perceptual_distance(network, real, real)) == 0.0
        assert perceptual_distance(network, torch.rand(1, 3, 64, 64), real) > 2 * near


def test_the_recognition_network_has_the_published_layout(tmp_path):
    with torch.device("meta"):
        network = RecognitionNetwork()
    keys = network.state_dict()
    assert sum(p.numel() for p in network.parameters()) == 43_590_848
    assert {"conv1.weight", "layer1.0.downsample.1.running_var", "layer3.13.prelu.weight", "fc.weight"} <= keys.keys()
    assert keys["layer4.0.downsample.0.weight"].shape == (512, 256, 1, 1) and keys["fc.weight"].shape == (512, 25088)
    torch.save({"conv1.weight": torch.zeros(64, 3, 3, 3)}, tmp_path / "short.pth")
    with pytest.raises(WeightsError, match=r"short\.pth lacks"):
        load_recognition(tmp_path / "short.pth")


def test_recognition_tells_a_picture_from_another(tmp_path):
    torch.manual_seed(0)
    path = tmp_path / "backbone.pth"
    torch.save(RecognitionNetwork().state_dict(), path)
    network = load_recognition(path)
    assert not network.training and not any(p.requires_grad for p in network.parameters())
    pictures, pose = torch.rand(2, 3, 64, 64), torch.zeros(2, 6)
    with torch.no_grad():
        same, other = likeness(network, pictures, pose, pictures[:1].expand(2, -1, -1, -1), pose).tolist()
    assert same == pytest.approx(1.0, abs=1e-4) and other < 0.99


def test_a_recognition_network_of_other_pictures_is_kept_with_its_sizes(tmp_path):
    torch.manual_seed(0)
    network = RecognitionNetwork(RecognitionSizes(32, (8, 16), (1, 1), 12)).eval()
    with pytest.raises(WeightsError, match="untrained"):
        save_recognition(tmp_path / "heads.safetensors", network, 0, "synthetic heads")
    save_recognition(tmp_path / "heads.safetensors", network, 5, "synthetic heads")
    again = load_recognition(tmp_path / "heads.safetensors")
    assert not again.training and not any(p.requires_grad for p in again.parameters())
    pictures, pose = torch.rand(2, 3, 64, 64), torch.zeros(2, 6)
    with torch.no_grad():
        torch.testing.assert_close(again(aligned(pictures, pose, 32)), network(aligned(pictures, pose, 32)))
        assert likeness(again, pictures, pose, pictures, pose).tolist() == pytest.approx([1.0, 1.0])


def test_faces_are_aligned_as_recognition_networks_expect():
    """The eyes of an average head lie where the published template has them."""
    vertices = canonical_mesh().vertices
    frame = FaceFrame.from_landmarks(vertices)
    eyes = (frame.to_local(vertices)[[468, 473]] - frame.to_local(frame.centre[None]))[:, :2] * 0.46  # half-crops
    size = 256
    axis = (torch.arange(size) + 0.5) / size * 2 - 1
    grid = torch.stack(torch.meshgrid(axis, axis, indexing="xy"), dim=-1)
    for eye, expected in zip(eyes, ((38.29, 51.70), (73.53, 51.50)), strict=True):
        dot = torch.exp(-((grid - eye) ** 2).sum(-1) / 2e-3).expand(1, 3, -1, -1)
        view = aligned(dot, torch.zeros(1, 6), PUBLISHED.side)[0, 0]
        pixels = torch.arange(PUBLISHED.side) + 0.5
        found = torch.stack([(view.sum(0) * pixels).sum(), (view.sum(1) * pixels).sum()]) / view.sum()
        torch.testing.assert_close(found, torch.tensor(expected), atol=1.0, rtol=0)
