"""The mesh face model on the bundled astronaut, who smiles with her mouth open."""

import math
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from tests.faces import contract
from vasa_core.arkit import ARKIT, INDEX
from vasa_core.errors import BadInput
from vasa_core.faces import load_face_model
from vasa_core.faces.mesh.layout import FaceLayout
from vasa_core.geometry import pose_from_rotation, rotation_from_pose
from vasa_core.media.read import read_image
from vasa_core.types import Motion
from vasa_core.vision.crop import crop_face
from vasa_core.vision.model import load_vision

ASTRONAUT = Path(__file__).parents[2] / "assets" / "astronaut.png"


@pytest.fixture(scope="module")
def crop():
    return crop_face(load_vision(), read_image(ASTRONAUT))


@pytest.fixture(scope="module")
def model():
    return load_face_model("mesh")


@pytest.fixture(scope="module")
def portrait(model, crop):
    return model.encode(crop)


def moved(portrait, turn=(0.0, 0.0, 0.0), shift=(0.0, 0.0, 0.0), shapes=None, **more):
    """One frame: the rest turned by (pitch, yaw, roll) degrees, with shapes set to absolute values."""
    relative = torch.tensor([math.radians(a) for a in turn])
    angles = pose_from_rotation(rotation_from_pose(relative) @ rotation_from_pose(portrait.rest.pose[0]))
    pose = torch.cat([angles, portrait.rest.pose[0, 3:] + torch.tensor(shift)])[None]
    dynamics = portrait.rest.dynamics.clone()
    for name, value in {**(shapes or {}), **more}.items():
        dynamics[0, INDEX[name]] = value
    return Motion(pose, dynamics, 25.0, ARKIT)


def difference(model, portrait, motion):
    """(S, S) mean absolute change of the picture, 0 to 255."""
    return (model.decode(portrait, motion)[0] - portrait.crop.image).abs().mean(0) * 255.0


def test_contract(model, portrait):
    contract.check_all(model, portrait)


def test_contract_without_a_matte(model, crop):
    portrait = model.encode(replace(crop, matte=None))
    contract.check_rest(model, portrait)
    contract.check_extremes(model, portrait)


def test_fast_frames_are_the_rounded_frames(model, portrait):
    motion = contract.lively_motion(model, portrait, 3)
    fast = model.decode_uint8(portrait, motion)
    exact = model.decode(portrait, motion).permute(0, 2, 3, 1) * 255.0
    assert fast.shape == (3, 512, 512, 3) and fast.dtype == torch.uint8
    assert float((fast.float() - exact).abs().max()) <= 0.51


def test_open_mouth_is_part_of_the_rest_and_closes(model, portrait, crop):
    opening = float(portrait.rest.dynamics[0, INDEX["jawOpen"]])
    assert opening > 0.2
    layout = FaceLayout(crop)
    assert layout.shows_teeth
    inside = mouth_middle(crop)
    closed = model.decode(portrait, moved(portrait, jawOpen=0.0))[0]
    top, left = inside
    teeth = crop.image[:, top - 2 : top + 3, left - 8 : left + 9].mean()
    lips = closed[:, top - 2 : top + 3, left - 8 : left + 9].mean()
    assert float(lips) < float(teeth) - 0.05  # red lips where there were white teeth


def mouth_middle(crop):
    """Row and column between the lips."""
    x, y = crop.landmarks[[13, 14], :2].mean(0).tolist()
    return int(y), int(x)


def test_blink_hides_the_iris_and_moves_nothing_else(model, portrait, crop):
    change = difference(model, portrait, moved(portrait, eyeBlinkLeft=1.0))
    x, y = (int(v) for v in crop.landmarks[473, :2])  # the subject's left iris
    assert float(change[y - 2 : y + 3, x - 2 : x + 3].mean()) > 15.0
    assert float(change[int(crop.landmarks[0, 1]) :].mean()) < 0.05  # from the upper lip down
    x, y = (int(v) for v in crop.landmarks[468, :2])
    assert float(change[y - 4 : y + 5, x - 4 : x + 5].mean()) < 1.0  # the other eye


def test_gaze_moves_the_iris_the_right_way(model, portrait, crop):
    x, y = (int(v) for v in crop.landmarks[468, :2])
    look_right = {"eyeLookInRight": 1.0, "eyeLookOutLeft": 1.0}  # the subject's left is the viewer's right
    frame = model.decode(portrait, moved(portrait, shapes=look_right))[0].mean(0)
    assert darkest_column(frame, x, y) > darkest_column(crop.image.mean(0), x, y) + 2


def darkest_column(luma, x, y):
    """Column with the least light around (x, y), smoothed."""
    columns = luma[y - 3 : y + 4, x - 14 : x + 15].mean(0)
    return int(torch.nn.functional.avg_pool1d(columns[None, None], 7, 1)[0, 0].argmin())


def test_pose_signs(model, portrait, crop):
    """Yaw positive moves the nose to the viewer's right, pitch positive up, roll positive tilts clockwise."""
    nose = crop.landmarks[4, :2]

    def travel(**kind):
        frame = model.decode(portrait, moved(portrait, **kind))[0]
        return shift_of(crop.image, frame, nose)

    assert travel(turn=(0, 10, 0))[0] > 3
    assert travel(turn=(10, 0, 0))[1] < -3
    assert travel(shift=(0.1, 0.0, 0.0))[0] == pytest.approx(25.6, abs=2.0)
    assert travel(turn=(0, 0, 10))[0] < 0  # below the centre of the turn


def shift_of(before, after, at, reach=34, half=10):
    """(x, y) pixels by which the patch at `at` has moved, by least squares over all whole shifts."""
    x, y = (int(v) for v in at)
    patch = before[:, y - half : y + half, x - half : x + half]
    area = after[:, y - half - reach : y + half + reach, x - half - reach : x + half + reach]
    windows = area.unfold(1, 2 * half, 1).unfold(2, 2 * half, 1)  # (3, n, n, 20, 20)
    error = (windows - patch[:, None, None]).square().mean((0, 3, 4))
    row, column = divmod(int(error.argmin()), error.shape[1])
    return column - reach, row - reach


def test_distance_scales_the_face(model, portrait, crop):
    near, far = (moved(portrait, shift=(0.0, 0.0, -math.log(d))) for d in (0.8, 1.3))
    eyes = crop.landmarks[[33, 263], :2]
    centre = crop.landmarks[[33, 263, 152, 10], :2].mean(0)
    for motion, scale in ((near, 1.25), (far, 1 / 1.3)):
        frame = model.decode(portrait, motion)[0]
        assert bool(torch.isfinite(frame).all())
        moved_by = torch.tensor([shift_of(crop.image, frame, eye, reach=40, half=6) for eye in eyes]).float()
        distance = (eyes + moved_by - (eyes + moved_by).flip(0)).norm(dim=1)[0]
        assert float(distance / (eyes[0] - eyes[1]).norm()) == pytest.approx(scale, rel=0.08), centre


def test_backdrop_stays_still_and_the_border_is_the_pictures(model, portrait, crop):
    change = difference(model, portrait, moved(portrait, turn=(5, 10, 5)))
    border = torch.ones(512, 512, dtype=torch.bool)
    border[3:-3, 3:-3] = False
    assert float(change[border].max()) < 3.0
    backdrop = (crop.matte < 0.02)[:150]
    assert float(change[:150][backdrop].median()) < 1.0


def test_limits_are_said_and_kept(model, portrait):
    assert model.limits(portrait, moved(portrait, turn=(10, 14, 10))) == []
    said = model.limits(portrait, moved(portrait, turn=(0, 40, 0)))
    assert len(said) == 1 and "yaw" in said[0] and "eases" in said[0]
    assert any("distance" in s for s in model.limits(portrait, moved(portrait, shift=(0.0, 0.0, -math.log(2.0)))))
    far, farther = (model.decode(portrait, moved(portrait, turn=(0, yaw, 0)))[0] for yaw in (40, 80))
    assert float((far - farther).abs().mean()) * 255.0 < 0.5  # eased to a stop


def test_motion_that_is_not_a_number_is_refused(model, portrait):
    motion = moved(portrait)
    motion.dynamics[0, 3] = float("nan")
    with pytest.raises(BadInput, match="not numbers"):
        model.decode(portrait, motion)


def test_crop_of_another_size_is_refused(model, crop):
    with pytest.raises(BadInput, match="512"):
        model.encode(replace(crop, image=crop.image[:, ::2, ::2]))


def test_unknown_face_model_is_refused():
    with pytest.raises(BadInput, match="mesh"):
        load_face_model("nobody")


def test_a_smile_darkens_the_fold_beside_the_nose(model, portrait, crop):
    smile = moved(portrait, mouthSmileLeft=1.0, mouthSmileRight=1.0)
    unlit = replace(portrait, shading=torch.zeros_like(portrait.shading))
    change = (model.decode(portrait, smile)[0] - model.decode(unlit, smile)[0]).mean(0)
    assert float(change.min()) < -0.02 and float(change.max()) > 0.005  # fold and cheek
    assert float(change[:150].abs().max()) == 0.0  # not the forehead
