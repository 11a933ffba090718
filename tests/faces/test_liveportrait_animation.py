"""The published animation modes against recorded keypoints of the published programs."""

import dataclasses

import pytest
import torch

from tests.goldens import golden, relative_error
from vasa_core.faces.liveportrait.animation import Faces, Mode, driven_keypoints, hull_volume, smoothed
from vasa_core.faces.liveportrait.crop import opening
from vasa_core.faces.liveportrait.pose import rotation_from_degrees

LIMIT = 1e-5
MODES = {
    **{f"rel_{region}_stitch": Mode(region=region) for region in ("all", "exp", "pose", "lip", "eyes")},
    **{f"abs_{region}_stitch": Mode(False, region) for region in ("all", "exp", "pose", "lip", "eyes")},
    "rel_all_nostitch_exprfriendly": Mode(stitching=False),
    "rel_all_nostitch_posefriendly": Mode(stitching=False, expression_friendly=False),
    "abs_all_nostitch": Mode(relative=False, stitching=False),
    "rel_all_stitch_posefriendly": Mode(expression_friendly=False),
    "rel_all_stitch_mult1.3": Mode(multiplier=1.3),
    "rel_all_stitch_normlip": Mode(normalise_lips=True),
    "rel_all_stitch_eye": Mode(retarget_eyes=True),
    "rel_all_stitch_lip": Mode(retarget_lips=True),
    "abs_all_stitch_eyelip": Mode(relative=False, retarget_eyes=True, retarget_lips=True),
    "rel_all_stitch_single_driving": Mode(),
}
CLI = Mode(relative=False, stitching=False, spoken=True, multiplier=1.1)
GUI = Mode(normalise_lips=True, spoken=True)
SPOKEN_MODES = {
    "cli_default": CLI,
    "cli_exp": dataclasses.replace(CLI, region="exp"),
    "cli_lip": dataclasses.replace(CLI, region="lip"),
    "cli_pose": dataclasses.replace(CLI, region="pose"),
    "gradio_default": GUI,
    "gradio_posefriendly": dataclasses.replace(GUI, expression_friendly=False),
    "gradio_nonormlip": dataclasses.replace(GUI, normalise_lips=False),
}


def recorded_ratios(landmarks):
    """Eyes (T, 2) and lips (T, 1) of the 203 landmarks (T, 203, 2) of the published program."""
    eyes = torch.stack([opening(landmarks, 6, 18, 0, 12), opening(landmarks, 30, 42, 24, 36)], dim=-1)
    return eyes, opening(landmarks, 90, 102, 48, 66)[..., None]


@pytest.fixture(scope="module")
def recorded():
    return golden("lp_motion_modes")


@pytest.fixture(scope="module")
def source(recorded):
    degrees = torch.cat([recorded["src_pitch"], recorded["src_yaw"], recorded["src_roll"]], dim=1)
    code = (recorded[f"src_{name}"] for name in ("kp", "exp"))
    placed = recorded["src_scale"], recorded["src_t"]
    return Faces(*code, rotation_from_degrees(degrees), *placed, *recorded_ratios(recorded["src_lmk"][None]))


@pytest.fixture(scope="module")
def driving(recorded):
    code = (recorded[f"drv_{name}"] for name in ("kp", "exp", "R", "scale", "t"))
    return Faces(*code, *recorded_ratios(recorded["drv_lmk"]))


def test_the_sources_keypoints(recorded, source, driving):
    assert relative_error(source.posed(), recorded["x_s"]) < LIMIT
    assert relative_error(driving.posed(), recorded["drv_x_s"]) < LIMIT
    assert relative_error(driving.eyes, recorded["c_eyes"][:, 0]) < LIMIT
    assert relative_error(driving.lips, recorded["c_lip"][:, 0]) < LIMIT


def test_every_recorded_mode_is_tried(recorded):
    assert set(recorded["names"]) == set(MODES)
    assert set(golden("joyvasa_motion_modes")["names"]) == set(SPOKEN_MODES)


@pytest.mark.parametrize("name", MODES)
def test_published_modes(recorded, source, driving, networks, name):
    if name.endswith("single_driving"):
        driving = Faces(*(getattr(driving, field.name)[1:2] for field in dataclasses.fields(Faces)))
    driven = driven_keypoints(source, driving, MODES[name], networks)
    assert relative_error(driven, recorded[f"x_d/{name}"]) < LIMIT


@pytest.mark.parametrize("name", SPOKEN_MODES)
def test_modes_of_generated_speech(source, networks, name):
    made = golden("joyvasa_motion_modes")
    driving = Faces(source.keypoints, *(made[f"drv_{key}"] for key in ("exp", "R", "scale", "t")))
    driven = driven_keypoints(source, driving, SPOKEN_MODES[name], networks)
    assert relative_error(driven, made[f"x_d/{name}"]) < LIMIT


def test_the_smoother(recorded):
    assert relative_error(smoothed(recorded["smooth_in"][:, 0]), recorded["smooth_out"]) < LIMIT


def test_a_smoother_that_trusts_no_observation_holds_still():
    still = smoothed(torch.randn(20, 2), observation=1e6, process=1e-9)
    assert float(still.std(dim=0).max()) < 1e-3


def test_hull_volume_of_a_box_with_points_inside_and_on_its_sides():
    corners = torch.cartesian_prod(*[torch.tensor([0.0, 1.0])] * 3) * torch.tensor([1.0, 2.0, 3.0])
    more = torch.tensor([[0.5, 1.0, 1.5], [0.5, 1.0, 3.0], [0.2, 0.0, 0.0]])
    assert hull_volume(torch.cat([corners, more])) == pytest.approx(6.0, rel=1e-5)


def test_hull_volume_is_that_of_scipy():
    spatial = pytest.importorskip("scipy.spatial")
    points = torch.randn(5, 21, 3, generator=torch.Generator().manual_seed(0))
    for cloud in points:
        assert hull_volume(cloud) == pytest.approx(spatial.ConvexHull(cloud.double().numpy()).volume, rel=1e-5)
