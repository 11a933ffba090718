"""Pictures, sounds and weights that people really have: each works, or ends in one sentence that says what to do.

Bad files as such are in media/test_read.py, unwritable outputs in media/test_write.py, stops in test_cli.py.
"""

import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from vasa_core.audio.phonetic import load_phonetic_encoder
from vasa_core.audio.resample import audio_from_waveform
from vasa_core.errors import BadInput, NoFaceFound, VasaError, WeightsError, WrongSpace
from vasa_core.faces import load_face_model
from vasa_core.faces.mesh import rig
from vasa_core.media.read import read_image
from vasa_core.motion.model import MotionModel, load_motion_model, save_motion_model
from vasa_core.pipeline import anchor, render
from vasa_core.types import Motion, MotionSpace
from vasa_core.vision.crop import crop_face
from vasa_core.vision.model import load_vision
from vasa_core.weights import checkpoint

sys.path.insert(0, str(Path(__file__).resolve().parent))
from shared_data import shared_folder

PORTRAIT = Path(__file__).resolve().parents[1] / "assets" / "astronaut.png"


@pytest.fixture(scope="module")
def vision():
    return load_vision()


@pytest.fixture(scope="module")
def portrait_picture():
    with Image.open(PORTRAIT) as picture:
        return picture.convert("RGB")


def one_sentence(error):
    """The message is short, ends like a sentence, and is no repr of something."""
    text = str(error.value)
    assert 20 < len(text) < 300 and text.endswith(".") and "\n" not in text, text
    return text


VARIANTS = {
    "grey": lambda p: p.convert("L"),
    "rgba": lambda p: p.convert("RGBA"),
    "palette": lambda p: p.convert("P"),
    "cmyk": lambda p: p.convert("CMYK"),
    "sixteen bit": lambda p: Image.fromarray(np.asarray(p.convert("L")).astype(np.uint16) * 257),
    "odd size": lambda p: p.crop((0, 0, p.width - 1 - p.width % 2, p.height - 1 - p.height % 2)),
    "large": lambda p: p.resize((p.width * 5, p.height * 5)),
}


@pytest.mark.parametrize("kind", VARIANTS)
def test_the_same_face_in_every_kind_of_file(kind, vision, portrait_picture, tmp_path):
    variant = VARIANTS[kind](portrait_picture)
    variant.save(tmp_path / "p.tif")
    crop = crop_face(vision, read_image(tmp_path / "p.tif"))
    plain = crop_face(vision, read_image(PORTRAIT))
    assert crop.image.shape == (3, 512, 512)
    assert (crop.landmarks - plain.landmarks)[:, :2].norm(dim=1).median() < 6  # px of 512


def test_exif_rotated(vision, portrait_picture, tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # stored lying on its left side
    portrait_picture.transpose(Image.Transpose.ROTATE_90).save(tmp_path / "p.jpg", exif=exif, quality=95)
    crop, plain = crop_face(vision, read_image(tmp_path / "p.jpg")), crop_face(vision, read_image(PORTRAIT))
    assert (crop.landmarks - plain.landmarks)[:, :2].norm(dim=1).median() < 3


@pytest.mark.parametrize("size", [(64, 64), (7680, 4320)])
def test_smallest_and_largest_sizes_end_well(size, vision, portrait_picture):
    """64 px hold a face too small, 8K a portrait as high as the picture: each works or says why not."""
    canvas = Image.new("RGB", size, (90, 100, 110))
    side = min(size)
    canvas.paste(portrait_picture.resize((side, side)), ((size[0] - side) // 2, 0))
    image = torch.from_numpy(np.asarray(canvas).copy()).permute(2, 0, 1).float() / 255
    try:
        assert crop_face(vision, image).image.shape == (3, 512, 512)
    except NoFaceFound as error:
        assert size == (64, 64) and "larger picture" in str(error)


@pytest.mark.parametrize("kind", ["nothing", "noise", "black", "one pixel", "tiny face"])
def test_no_usable_face(kind, vision, portrait_picture):
    generator = torch.Generator().manual_seed(0)
    image = {
        "nothing": torch.full((3, 300, 400), 0.6),
        "noise": torch.rand(3, 300, 400, generator=generator),
        "black": torch.zeros(3, 512, 512),
        "one pixel": torch.zeros(3, 1, 1),
    }.get(kind)
    if kind == "tiny face":
        canvas = Image.new("RGB", (1000, 1000), (90, 100, 110))
        canvas.paste(portrait_picture.resize((40, 40)), (480, 480))
        image = torch.from_numpy(np.asarray(canvas).copy()).permute(2, 0, 1).float() / 255
    with pytest.raises(BadInput) as error:
        crop_face(vision, image)
    one_sentence(error)


@pytest.mark.parametrize("name", ["portrait_s30.jpg"])
def test_an_animal(name, vision):
    shared = shared_folder()
    if shared is None:
        pytest.skip("the picture of a dog is not part of the repository (VASA_SHARED)")
    with pytest.raises(NoFaceFound) as error:
        crop_face(vision, read_image(shared / "media" / name))
    assert "person" in one_sentence(error) or "face" in one_sentence(error)


def test_a_batch_and_wrong_shapes(vision):
    for wrong in (torch.rand(2, 3, 64, 64), torch.rand(64, 64), torch.rand(4, 64, 64), torch.zeros(3, 0, 10)):
        with pytest.raises(BadInput) as error:
            crop_face(vision, wrong)
        one_sentence(error)
    with pytest.raises(BadInput) as error:
        crop_face(vision, torch.full((3, 64, 64), float("nan")))
    one_sentence(error)


@pytest.mark.parametrize("waveform", [None, torch.zeros(0), torch.zeros(1, 100), torch.full((1, 9999), float("nan"))])
def test_sound_that_cannot_be_spoken_to(waveform):
    with pytest.raises(VasaError) as error:
        audio_from_waveform(waveform, 16000)
    text = str(error.value)
    assert text.endswith(".") and "\n" not in text


def damaged_copies(source, folder):
    """(kind, path) of broken copies of a weights file."""
    data = source.read_bytes()
    changed = bytearray(data)
    changed[-1000] ^= 0x10
    contents = {"truncated": data[: len(data) // 2], "changed": bytes(changed), "empty": b"", "text": b"not weights"}
    for kind, content in contents.items():
        path = folder / f"{kind}.safetensors"
        path.write_bytes(content)
        yield kind, path
    yield "missing", folder / "missing.safetensors"


def test_damaged_weights(tmp_path):
    small = MotionModel(MotionSpace("other", 4), "phonetic", 38)
    save_motion_model(tmp_path / "motion.safetensors", small)
    cases = {
        checkpoint.shipped("vision.safetensors"): load_vision,
        checkpoint.shipped("phonetic.safetensors"): load_phonetic_encoder,
        tmp_path / "motion.safetensors": load_motion_model,
    }
    for source, load in cases.items():
        for kind, path in damaged_copies(source, tmp_path):
            if kind == "changed" and "sha256" not in checkpoint.load(source, _architecture(source))[1]:
                pytest.fail(f"{source.name} does not carry the SHA-256 of its tensors")
            with pytest.raises(WeightsError, match=path.name):
                load(path)
        load(source)  # and the good one still loads
        assert shutil.copy(source, tmp_path / "good.safetensors") and load(tmp_path / "good.safetensors")


def _architecture(path):
    from safetensors import safe_open

    with safe_open(path, framework="pt") as file:
        return file.metadata()["architecture"]


def test_weights_of_something_else(tmp_path):
    with pytest.raises(WeightsError, match="needed here"):
        load_vision(checkpoint.shipped("mesh.safetensors"))
    with pytest.raises(WeightsError, match="needed here"):
        load_motion_model(checkpoint.shipped("vision.safetensors"))
    save_motion_model(tmp_path / "m.safetensors", MotionModel(MotionSpace("other", 4), "phonetic", 38))
    with pytest.raises(WeightsError, match="'other', but 'arkit'"):
        load_motion_model(tmp_path / "m.safetensors", space=load_face_model("mesh").space)


def test_motion_of_another_space_or_not_finite(vision):
    model = load_face_model("mesh")
    portrait = model.encode(crop_face(vision, read_image(PORTRAIT)))
    other = Motion(torch.zeros(2, 6), torch.zeros(2, 4), 25.0, MotionSpace("other", 4))
    for use in (lambda: anchor(other, portrait.rest), lambda: next(render(model, portrait, other))):
        with pytest.raises(WrongSpace) as error:
            use()
        assert "'other'" in str(error.value) and "'arkit'" in str(error.value)
    broken = Motion(torch.full((2, 6), float("nan")), torch.zeros(2, 52), 25.0, model.space)
    with pytest.raises(BadInput, match="not numbers"):
        next(render(model, portrait, broken))
    fine = next(render(model, portrait, portrait.rest))
    assert (fine[0].permute(2, 0, 1) - portrait.crop.image * 255).abs().mean() < 1.0  # the next run works


def test_the_shipped_mesh_is_checked(tmp_path, monkeypatch):
    for _, path in damaged_copies(checkpoint.shipped(rig.FILE_NAME), tmp_path):
        monkeypatch.setattr(checkpoint, "SHIPPED", tmp_path)
        monkeypatch.setattr(rig, "FILE_NAME", path.name)
        rig.canonical_mesh.cache_clear()
        with pytest.raises(WeightsError, match=path.name):
            rig.canonical_mesh()
    rig.canonical_mesh.cache_clear()
