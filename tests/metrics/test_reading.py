"""What is measured of one video: each figure from what it is about, and a reason where there is none."""

import math
from dataclasses import replace

import pytest
import torch
from torch import nn

from tests.metrics import kit
from vasa_core.errors import BadInput, NoFaceFound
from vasa_core.metrics import reading, video
from vasa_core.metrics.reading import Clip, Judges, Wish, read_clip, reenactment
from vasa_core.metrics.recognition import RecognitionSizes
from vasa_core.metrics.report import NAMES
from vasa_core.types import FaceCrop

NOBODY = Judges(vision=None)


class Colours(nn.Module):
    """Stands in for the networks that see pictures: mean colours."""

    sizes = RecognitionSizes(side=28)

    def __init__(self):
        super().__init__()
        self.none = nn.Parameter(torch.zeros(()))

    def forward(self, pictures):
        return pictures.mean(tuple(range(2, pictures.ndim))).repeat(1, 400 // 3 + 1)[:, :400] + self.none


class Aside:
    """Stands in for SyncNet: everything seen is three from everything heard."""

    def see(self, faces):
        assert faces.shape[1:] == (3, 224, 224)
        return torch.full((len(faces) - 4, 1), 3.0)

    def hear(self, spectra):
        assert spectra.shape[1:] == (13, 20)
        return torch.zeros(len(spectra), 1)


@pytest.fixture
def film(tmp_path, monkeypatch):
    monkeypatch.setattr(reading, "track_face", kit.follow(lambda count: kit.looking(10, 0, distance=1.1, frames=count)))
    crop = FaceCrop(torch.rand(3, 512, 512), kit.PORTRAIT.float(), torch.eye(3), (512, 512))
    monkeypatch.setattr(reading, "portrait_landmarks", lambda vision, picture, frame: (kit.PORTRAIT / 4, crop))
    monkeypatch.setattr(reading, "read_image", lambda path: None)
    return kit.write_film(tmp_path / "film.mp4")


def test_without_networks_there_are_the_figures_that_need_none(film, tmp_path):
    seen = []
    wish = Wish(tmp_path / "portrait.png", (math.radians(10), 0.0), 1.3)
    found = read_clip(Clip(film, wish=wish), NOBODY, progress=lambda done, total: seen.append((done, total)))
    assert found.values.keys() == {"dP", "E_g", "E_d"} and found.features is None
    assert found.values["dP"] == pytest.approx(0.0, abs=1e-2) and found.values["E_g"] < 1.5
    assert found.values["E_d"] == pytest.approx(0.2, abs=0.01)
    assert found.reasons.keys() == set(NAMES) - found.values.keys()
    assert "--syncnet" in found.reasons["S_C"] and "--lpips" in found.reasons["LPIPS"]
    assert seen[0] == (0, 40) and seen[-1] == (40, 40)


@pytest.mark.parametrize(
    ("wish", "told"),
    [(Wish(), reading.NO_WISH), (Wish(gaze=(0.0, 0.0)), reading.NO_PORTRAIT), ("real", reading.UNASKED)],
)
def test_reasons_of_what_was_not_asked(film, wish, told):
    clip = Clip(film, real=True) if wish == "real" else Clip(film, wish=wish)
    found = read_clip(clip, replace(NOBODY, recognition=Colours()))
    assert found.reasons["E_g"] == found.reasons["E_d"] == told
    if clip.real:
        assert 0.5 < found.values["ID"] <= 1 and found.reasons["PSNR"] == reading.ITSELF
    else:
        assert found.reasons["ID"] == reading.NO_PORTRAIT and found.reasons["PSNR"] == reading.NO_ORIGINAL


def test_networks_see_the_square_and_clips_of_it(film, tmp_path, monkeypatch):
    monkeypatch.setattr(video, "SIDE", 16)
    judges = replace(NOBODY, i3d=Colours(), recognition=Colours(), syncnet=Aside())
    found = read_clip(Clip(film, wish=Wish(tmp_path / "portrait.png")), judges, step=3)
    assert found.features.shape == (len(range(0, 40 - 24, 3)), 400)
    assert found.values["ID"] > 0.9 and "FVD_25" not in found.reasons
    assert found.values["S_D"] == pytest.approx(3.0, abs=1e-3) and found.values["S_C"] == pytest.approx(0.0, abs=1e-3)


def test_a_mute_video_and_another_sound(tmp_path, film):
    mute = kit.write_film(tmp_path / "mute.mp4", sound=False)
    judges = replace(NOBODY, syncnet=Aside())
    assert "no sound" in read_clip(Clip(mute), judges).reasons["S_C"]
    assert "S_C" in read_clip(Clip(mute, sound=film), judges).values
    short = kit.write_film(tmp_path / "short.mp4", frames=20)
    assert "too short" in read_clip(Clip(short), judges).reasons["S_D"]


def test_a_video_without_a_face_is_said_to_be_one(film, monkeypatch):
    def nobody(vision, frames, fps):
        raise NoFaceFound("No face in the video.")

    monkeypatch.setattr(reading, "track_face", nobody)
    found = read_clip(Clip(film, original=film), NOBODY)
    assert found.reasons["dP"] == found.reasons["E_g"] == "No face in the video."
    assert found.values == {"PSNR": math.inf, "SSIM": pytest.approx(1.0)}
    with pytest.raises(BadInput, match="no video at"):
        read_clip(Clip(film.with_name("none.mp4")), NOBODY)


def test_reenactment_is_frame_by_frame():
    real = torch.rand(3, 3, 24, 24, generator=torch.Generator().manual_seed(0))
    found = reenactment(real + 0.1, torch.cat([real, real]))
    assert found["PSNR"] == pytest.approx(20.0, abs=1e-3) and found["SSIM"] < 1 and "LPIPS" not in found
    assert reenactment(real + 0.1, real.roll(1, 0))["PSNR"] < 10
    with pytest.raises(BadInput, match="cannot be compared"):
        reenactment(real, real[:, :, :20])
