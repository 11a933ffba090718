"""E_g and E_d: a face that is posed to look somewhere, at a distance, reads as doing so."""

import math

import pytest
import torch

from tests.metrics.kit import PORTRAIT, looking
from vasa_core.errors import BadInput
from vasa_core.faces.mesh.gaze import gaze_and_size
from vasa_core.metrics import gaze_distance
from vasa_core.metrics.gaze_distance import distance_error, gaze_error, portrait_landmarks
from vasa_core.types import FaceCrop


@pytest.mark.parametrize(("yaw", "pitch", "head"), [(0, 0, 0), (15, 0, 0), (-10, 8, 0), (12, 0, -8), (0, -6, 10)])
def test_where_a_posed_face_looks_is_read(yaw, pitch, head):
    seen = looking(yaw, pitch, head)
    assert gaze_error(seen, PORTRAIT, (math.radians(yaw), math.radians(pitch))) < 1.5
    assert gaze_error(seen, PORTRAIT, (math.radians(yaw + 9), math.radians(pitch))) == pytest.approx(9, abs=1.5)


def test_glances_do_not_count():
    seen = torch.cat([looking(10, 0)] * 3 + [looking(-20, 5)] * 2)
    assert gaze_error(seen, PORTRAIT, (math.radians(10), 0.0)) < 1.5


@pytest.mark.parametrize("distance", [0.8, 1.0, 1.25])
def test_how_far_a_posed_face_is_is_read(distance):
    seen = looking(0, 0, distance=distance)
    assert distance_error(seen, PORTRAIT, distance) < 0.01
    assert distance_error(seen, PORTRAIT, 1.5) == pytest.approx(1.5 - distance, abs=0.01)


def test_the_portrait_is_found_in_the_video_as_a_square_and_whole(monkeypatch):
    generator = torch.Generator().manual_seed(0)
    picture = torch.nn.functional.interpolate(torch.rand(1, 3, 6, 6, generator=generator), (300, 300))[0]
    matrix = torch.tensor([[2.0, 0.0, -100.0], [0.0, 2.0, -60.0], [0.0, 0.0, 1.0]])
    square = torch.nn.functional.interpolate(picture[None, :, 30:286, 50:286], (512, 512))[0]
    crop = FaceCrop(square, PORTRAIT.float(), matrix, (300, 300))
    monkeypatch.setattr(gaze_distance, "crop_face", lambda vision, image: crop)
    small, _ = portrait_landmarks(None, picture, torch.nn.functional.interpolate(square[None], (256, 256))[0])
    torch.testing.assert_close(small, PORTRAIT / 2, atol=1e-3, rtol=0)
    whole, _ = portrait_landmarks(None, picture, picture)
    torch.testing.assert_close(whole[:, 0], (PORTRAIT[:, 0] + 100) / 2, atol=1e-3, rtol=0)
    assert float(gaze_and_size(whole[None], small)[1]) == pytest.approx(1.0)
    with pytest.raises(BadInput, match="neither a square"):
        portrait_landmarks(None, picture, torch.zeros(3, 200, 300))
