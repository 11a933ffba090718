"""Films read in LivePortrait's space, and a whole drive with it."""

from itertools import repeat

import pytest
import torch

from tests.faces.liveportrait_kit import light
from tests.goldens import golden
from tests.shared_data import shared_folder
from vasa_core import keypoints
from vasa_core.errors import NoFaceFound
from vasa_core.faces.liveportrait.crop import driving_crop, network_input
from vasa_core.faces.liveportrait.model import LivePortraitFaceModel
from vasa_core.faces.liveportrait.portrait import LivePortraitOptions, read_pictures
from vasa_core.faces.liveportrait.reader import LivePortraitReader
from vasa_core.media.read import read_image
from vasa_core.pipeline import counted_from_calm, drive, pasted, read_motion
from vasa_core.vision.crop import covers_whole_pixels, crop_face
from vasa_core.vision.detect import find_faces
from vasa_core.vision.model import load_vision
from vasa_core.vision.warp import warp


@pytest.fixture(scope="module")
def vision():
    return load_vision()


@pytest.fixture(scope="module")
def face():
    folder = shared_folder()
    if folder is None:
        pytest.skip("the real portraits are not here (see tests/shared_data.py)")
    return read_image(folder / "media" / "portrait_s12.jpg")


@pytest.fixture(scope="module")
def model(networks):
    return LivePortraitFaceModel(light(networks))


def film(face, frames=3):
    """The portrait becoming darker."""
    return [face * (1 - 0.1 * k) for k in range(frames)]


def test_a_long_clip_is_read_like_a_short_one(networks):
    pictures = golden("lp_appearance")["images"].permute(0, 3, 1, 2).float() / 255.0
    crops = pictures[[0, 1, 2, 3, 0, 1, 2, 3, 0, 1]].repeat_interleave(2, 2).repeat_interleave(2, 3)
    reader = LivePortraitReader(networks, None)
    motion = reader.read(crops, 24.0)
    assert len(motion) == 10 and motion.fps == 24.0 and motion.space == keypoints.LIVEPORTRAIT
    torch.testing.assert_close(motion.joined()[8:], reader.read(crops[:2], 24.0).joined(), atol=1e-4, rtol=0)
    expression = read_pictures(networks.motion, pictures).expression
    read = motion.dynamics[:4].unflatten(1, (21, 3)) + keypoints.neutral_expression()
    torch.testing.assert_close(read, expression, atol=1e-4, rtol=0)
    smooth = LivePortraitReader(networks, None, smooth=True).read(crops, 24.0)
    assert 0 < float((smooth.dynamics - motion.dynamics).abs().max()) < 0.1


def test_a_film_is_read_in_the_published_driving_crop(networks, model, vision, face):
    frames = film(face)
    motion = read_motion(vision, frames, 25, model)
    found = torch.stack([find_faces(vision, frame)[0].landmarks for frame in frames])
    matrix = driving_crop(found, 512)
    crops = torch.cat([network_input(warp(frame[None], matrix, (512, 512))) for frame in frames])
    expected = read_pictures(networks.motion, crops)
    assert float((motion.pose - expected.pose).abs().max()) < 0.05  # the tracker's landmarks differ a little
    changes = counted_from_calm(motion)
    assert float(changes.pose.median(dim=0).values.abs().max()) < 0.01


def test_films_that_cannot_be_read_are_said_so(model, vision, face):
    with pytest.raises(TypeError, match="only once"):
        read_motion(vision, (frame for frame in film(face)), 25, model)
    with pytest.raises(NoFaceFound):
        read_motion(vision, [torch.zeros_like(face)] * 2, 25, model)


def test_a_drive_from_a_picture_into_the_whole_picture(model, vision, face):
    crop = crop_face(vision, face, framing=model.framing)
    assert not covers_whole_pixels(crop.crop_from_image, 512) and crop.image.shape == (3, 512, 512)
    portrait = model.encode(crop, LivePortraitOptions(lips="own"))
    pieces = list(drive(model, portrait, vision, film(face), 25))
    assert torch.cat(pieces).shape == (3, 512, 512, 3)
    whole = torch.cat(list(pasted(pieces, repeat(face), crop)))
    assert whole.shape == (3, *face.shape[1:], 3)
    corner = (face[:, :4, :4] * 255).round().to(torch.uint8).permute(1, 2, 0)
    assert torch.equal(whole[0, :4, :4], corner)
