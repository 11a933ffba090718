"""The face model, its reader and its file, with a tiny network of random weights."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from tests.faces import contract
from tests.faces.vasa_kit import lively_network, picture_crop
from vasa_core.errors import BadInput, WeightsError, WrongSpace
from vasa_core.faces import load_face_model
from vasa_core.faces.vasa.files import ARCHITECTURE, load_face_network, save_face_network
from vasa_core.faces.vasa.layers import is_folded
from vasa_core.faces.vasa.model import VasaFaceModel
from vasa_core.media.read import read_image
from vasa_core.types import FaceModel, Motion, MotionSpace
from vasa_core.vision.crop import crop_face
from vasa_core.vision.model import load_vision
from vasa_core.weights import checkpoint

ASTRONAUT = Path(__file__).parents[2] / "assets" / "astronaut.png"

SPACE = MotionSpace("vasa", 16)


@pytest.fixture(scope="module")
def model():
    return VasaFaceModel(lively_network().eval(), SPACE)


@pytest.fixture(scope="module")
def portrait(model):
    return model.encode(picture_crop())


def test_contract(model: FaceModel, portrait):
    contract.check_all(model, portrait, rest_levels=None)


def test_each_part_of_motion_moves_the_picture(model, portrait):
    rest = portrait.rest
    still = model.decode(portrait, rest)
    turned = Motion(rest.pose + 0.3, rest.dynamics, 25.0, SPACE)
    speaking = Motion(rest.pose, rest.dynamics + 1.0, 25.0, SPACE)
    for motion in (turned, speaking):
        assert float((model.decode(portrait, motion) - still).abs().mean()) > 2e-3


def test_the_rest_is_what_the_reader_reads(model, portrait):
    read = model.reader.read(portrait.crop.image[None].expand(2, -1, -1, -1), 30.0)
    assert len(read) == 2 and read.fps == 30.0 and read.space == SPACE
    torch.testing.assert_close(read.joined()[1:], portrait.rest.joined(), atol=1e-5, rtol=0)


def test_the_reader_reads_a_long_clip_like_a_short_one(model):
    crops = torch.rand(19, 3, 64, 64)
    whole = model.reader.read(crops, 25.0).joined()
    torch.testing.assert_close(whole[17:], model.reader.read(crops[17:], 25.0).joined(), atol=1e-5, rtol=0)


def test_a_film_is_read_in_the_crop_of_its_face(model):
    picture = read_image(ASTRONAUT)
    vision = load_vision()
    film = model.read_film(vision, [picture, picture], 25.0)
    read = model.reader.read(crop_face(vision, picture).image[None], 25.0)
    assert len(film) == 2 and film.space == SPACE
    torch.testing.assert_close(film.pose[:1], read.pose, atol=0.05, rtol=0)
    with pytest.raises(TypeError, match="only once"):
        model.read_film(vision, iter([picture]), 25.0)


def test_the_user_is_told_of_a_small_network(model, portrait):
    assert "64 x 64" in model.limits(portrait, portrait.rest)[0]


def test_bfloat16_shows_nearly_the_same(model, portrait):
    half = VasaFaceModel(lively_network().eval().to(torch.bfloat16), SPACE)
    frames = half.decode(half.encode(portrait.crop), portrait.rest)
    assert frames.dtype == torch.float32
    assert float((frames - model.decode(portrait, portrait.rest)).abs().mean()) < 0.03


def test_what_is_no_picture_or_no_number_is_refused(model, portrait):
    with pytest.raises(BadInput, match="frames, 3, S, S"):
        model.reader.read(torch.rand(0, 3, 64, 64), 25.0)
    broken = Motion(portrait.rest.pose * float("nan"), portrait.rest.dynamics, 25.0, SPACE)
    with pytest.raises(BadInput, match="not numbers"):
        model.decode(portrait, broken)


def test_a_file_gives_back_the_model(tmp_path, model, portrait):
    path = tmp_path / "mine.safetensors"
    save_face_network(path, model.network, steps=7)
    loaded = load_face_model(str(path))
    assert loaded.space.name.startswith("vasa-") and is_folded(loaded.network)
    rest = replace(portrait.rest, space=loaded.space)
    torch.testing.assert_close(
        loaded.decode(loaded.encode(portrait.crop), rest), model.decode(portrait, portrait.rest), atol=1e-4, rtol=0
    )
    _, header = checkpoint.load(path, ARCHITECTURE)
    assert header["steps"] == "7" and header["space"] == loaded.space.name


def test_two_trainings_have_two_spaces_and_a_half_precision_copy_has_its_own(tmp_path, model, portrait):
    def space(network, **more):
        save_face_network(tmp_path / "f.safetensors", network, steps=7, **more)
        return load_face_model(str(tmp_path / "f.safetensors")).space

    one, other = space(model.network), space(lively_network(seed=1))
    assert one == space(model.network) == space(model.network, half=True)
    assert one != other and one.dynamics == other.dynamics
    with pytest.raises(WrongSpace, match=one.name):
        load_face_model(str(tmp_path / "f.safetensors")).decode(portrait, replace(portrait.rest, space=other))


def test_a_file_can_be_trained_on_and_named(tmp_path, model):
    path = tmp_path / "mine.safetensors"
    save_face_network(path, model.network, steps=7, space="vasa-drawings", half=True)
    loaded = load_face_network(path, trainable=True)
    assert loaded.space.name.startswith("vasa-drawings-") and not is_folded(loaded.network)
    assert all(p.requires_grad and p.dtype == torch.float32 for p in loaded.network.parameters())
    with pytest.raises(WeightsError, match="for use"):
        save_face_network(path, load_face_network(path).network, steps=8)


def test_an_untrained_network_is_neither_written_nor_read(tmp_path, model):
    path = tmp_path / "fresh.safetensors"
    with pytest.raises(WeightsError, match="untrained"):
        save_face_network(path, model.network, steps=0)
    assert not path.exists()
    save_face_network(path, model.network, steps=1)
    tensors, header = checkpoint.load(path, ARCHITECTURE)
    told = {k: v for k, v in header.items() if k not in ("architecture", "sha256")}
    checkpoint.save(path, tensors, ARCHITECTURE, **(told | {"steps": "0"}))
    with pytest.raises(WeightsError, match="untrained"):
        load_face_network(path)


@pytest.mark.parametrize(
    "change", [{"preset": "[]"}, {"preset": '{"size": 64}'}, {"steps": "many"}, {"dynamics": "17"}]
)
def test_a_header_that_is_not_a_face_networks_is_refused(tmp_path, model, change):
    path = tmp_path / "odd.safetensors"
    save_face_network(path, model.network, steps=1)
    tensors, header = checkpoint.load(path, ARCHITECTURE)
    told = {k: v for k, v in header.items() if k not in ("architecture", "sha256")}
    checkpoint.save(path, tensors, ARCHITECTURE, **(told | change))
    with pytest.raises(WeightsError, match="odd.safetensors"):
        load_face_network(path)


def test_a_file_of_something_else_is_refused(tmp_path):
    with pytest.raises(WeightsError, match="vasa-face-1"):
        load_face_network(checkpoint.shipped("starter.safetensors"))
    with pytest.raises(BadInput, match="no face model"):
        load_face_model("vasa")
