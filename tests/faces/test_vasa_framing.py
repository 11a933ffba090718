"""The middle of the crop: portraits, films, clips and synthetic heads show a network of few pixels the same part."""

from math import log
from pathlib import Path

import pytest
import torch

from tests.faces.vasa_kit import lively_network
from vasa_core.faces.vasa.framing import MiddleFraming, middle, seen_in_middle
from vasa_core.faces.vasa.model import VasaFaceModel
from vasa_core.media.read import read_image
from vasa_core.train.face_data import ClipFolder
from vasa_core.train.shards import write_clip
from vasa_core.train.synthetic import POSE_RANGE, SyntheticHeads
from vasa_core.types import Motion, MotionSpace
from vasa_core.vision.crop import crop_face
from vasa_core.vision.model import load_vision

ASTRONAUT = Path(__file__).parents[2] / "assets" / "astronaut.png"


@pytest.fixture(scope="module")
def model():
    return VasaFaceModel(lively_network(preset="mini").eval(), MotionSpace("vasa", 16))


def test_the_middle_is_cut_evenly():
    pictures = torch.arange(100.0).reshape(1, 10, 10)
    assert middle(pictures, 0.6).tolist() == pictures[:, 2:8, 2:8].tolist()
    assert torch.equal(middle(pictures, 1.0), pictures)


def test_a_portrait_is_framed_as_films_are_read(model):
    picture, vision = read_image(ASTRONAUT), load_vision()
    usual, closer = crop_face(vision, picture), crop_face(vision, picture, framing=model.framing)
    zoom = closer.crop_from_image[0, 0] / usual.crop_from_image[0, 0]
    assert float(zoom) == pytest.approx(1 / model.network.preset.reach, abs=1e-4)
    rest = model.encode(closer).rest
    read = model.reader.read(usual.image[None], 25.0)
    torch.testing.assert_close(read.joined(), rest.joined(), atol=0.02, rtol=0)
    assert not torch.allclose(model.encode(usual).rest.joined(), rest.joined(), atol=0.1)


def test_a_network_that_sees_all_of_the_crop_has_no_framing_of_its_own():
    assert VasaFaceModel(lively_network(), MotionSpace("vasa", 16)).framing is None


def test_the_framing_lies_about_the_centre_of_the_usual_crop():
    landmarks = torch.rand(478, 3, generator=torch.Generator().manual_seed(0)) * 100 + 50
    usual, closer = MiddleFraming(1.0)(landmarks, 80), MiddleFraming(0.5)(landmarks, 80)
    inside = torch.linalg.inv(usual) @ torch.tensor([40.0, 40.0, 1.0])
    torch.testing.assert_close(closer @ inside, torch.tensor([40.0, 40.0, 1.0]), atol=1e-4, rtol=0)
    torch.testing.assert_close(closer[0, 0], 2 * usual[0, 0])


def test_poses_count_in_what_is_seen():
    pose = torch.tensor([[0.1, 0.2, 0.3, 0.06, -0.03, 0.1]])
    expected = torch.tensor([[0.1, 0.2, 0.3, 0.1, -0.05, 0.1 - log(0.6)]])
    torch.testing.assert_close(seen_in_middle(pose, 0.6), expected)
    assert torch.equal(seen_in_middle(pose, 1.0), pose)


def test_synthetic_heads_and_clips_show_the_same_middle(tmp_path):
    """A head drawn in the middle lies where the middle of the whole crop shows it, at the pose that is told."""
    whole, close = SyntheticHeads(2, 80, seed=3), SyntheticHeads(2, 48, seed=3, reach=0.6)
    whole.heads.wave.zero_()  # a backdrop is part of the picture, and so not the same in its middle
    close.heads.wave.zero_()
    pose = torch.tensor(POSE_RANGE) * torch.tensor([[0.5, -0.8, 1.0, 1.0, -0.5, -1.0]]).expand(3, -1)
    motion = Motion(pose, torch.full((3, 7), 0.3), 25.0, whole.clip(0, 1).motion.space)
    frames = whole.show(1, motion)
    close_motion = Motion(seen_in_middle(pose, 0.6), motion.dynamics, 25.0, motion.space)
    torch.testing.assert_close(middle(frames, 0.6), close.show(1, close_motion), atol=0.02, rtol=0)
    for name in ("a", "b"):
        write_clip(tmp_path / f"{name}.safetensors", frames, pose, identity=name)
    pairs = ClipFolder(tmp_path, 48, reach=0.6).pairs(2, torch.Generator().manual_seed(0))
    torch.testing.assert_close(pairs.first[0], close.show(1, close_motion)[0], atol=0.02, rtol=0)
    torch.testing.assert_close(pairs.first_pose[:1], close_motion.pose[:1])


def test_pairs_of_heads_tell_poses_of_what_they_show():
    pairs = SyntheticHeads(3, 24, seed=1, reach=0.6).pairs(3, torch.Generator().manual_seed(2))
    usual = SyntheticHeads(3, 24, seed=1).pairs(3, torch.Generator().manual_seed(2))
    torch.testing.assert_close(pairs.first_pose, seen_in_middle(usual.first_pose, 0.6))
    assert float((pairs.first - usual.first).abs().mean()) > 0.02
