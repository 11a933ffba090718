"""LivePortrait as a face model: its contract, its keypoints against recorded ones, directions, options, half floats."""

from dataclasses import replace

import pytest
import torch

from tests.faces import contract
from tests.faces.liveportrait_kit import crop_of, light
from tests.goldens import golden, relative_error
from vasa_core import arkit, keypoints
from vasa_core.errors import BadInput, WeightsError, WrongSpace
from vasa_core.faces import load_face_model
from vasa_core.faces.liveportrait.animation import Mode, absolute_mask, driven_pose
from vasa_core.faces.liveportrait.model import LivePortraitFaceModel
from vasa_core.faces.liveportrait.portrait import LivePortraitOptions, driven_keypoints, posed, read_pictures
from vasa_core.faces.liveportrait.pose import rotation_from_degrees
from vasa_core.faces.liveportrait.warping import COMPRESSED, FLOWS, keypoint_maps
from vasa_core.geometry import pose_from_rotation
from vasa_core.pipeline import anchor, imitation, remarks, render, suited
from vasa_core.types import Motion, Portrait

PLAIN = LivePortraitOptions(lips="own", stitching=False)


@pytest.fixture(scope="module")
def pictures():
    return golden("lp_appearance")["images"].permute(0, 3, 1, 2).float() / 255.0  # (4, 3, 256, 256)


@pytest.fixture(scope="module")
def model(networks):
    return LivePortraitFaceModel(light(networks))


@pytest.fixture(scope="module")
def portrait(model, pictures):
    return model.encode(crop_of(pictures[0]))


def moved(portrait, **changes) -> Motion:
    """The rest with pose components changed by name, and `dynamics` added."""
    pose, dynamics = portrait.rest.pose.clone(), portrait.rest.dynamics.clone()
    for name, amount in changes.items():
        if name == "dynamics":
            dynamics = dynamics + amount
        else:
            pose[:, ("pitch", "yaw", "roll", "tx", "ty", "log_scale").index(name)] += amount
    return Motion(pose, dynamics, 25.0, keypoints.LIVEPORTRAIT)


def test_contract(model, portrait):
    contract.check_all(model, portrait, rest_levels=None)


def test_the_real_networks_paint_each_frame_by_itself(networks, pictures):
    model = LivePortraitFaceModel(networks)
    portrait = model.encode(crop_of(pictures[0]))
    motion = contract.lively_motion(model, portrait, 2)
    together = model.decode(portrait, motion)
    assert together.shape == (2, 3, 512, 512) and together.dtype == torch.float32
    assert float(together.std()) > 0.02 and float((together[0] - together[1]).abs().mean()) > 1e-3
    alone = model.decode_uint8(portrait, motion[1:])
    assert alone.shape == (1, 512, 512, 3)
    assert float((together[1].permute(1, 2, 0) * 255 - alone[0].float()).abs().max()) < 1.0


@pytest.mark.parametrize("lips", ["closed", "own"])
@pytest.mark.parametrize("stitching", [True, False])
def test_the_rest_gives_the_pictures_own_keypoints(networks, model, pictures, lips, stitching):
    options = LivePortraitOptions(lips=lips, stitching=stitching, multiplier=1.3)
    portrait = model.encode(crop_of(pictures[0]), options)
    recorded = golden("lp_motion_modes")["x_s"]
    assert relative_error(portrait.start, recorded) < 1e-5
    assert relative_error(driven_keypoints(networks, portrait, portrait.rest), recorded) < 1e-5


def test_dynamics_of_zero_are_the_own_face_with_closed_lips(model, portrait):
    lips = torch.zeros(21, dtype=torch.bool)
    lips[list(keypoints.LIPS)] = True
    assert torch.equal(portrait.base[0, lips], keypoints.neutral_expression()[lips])
    assert float(portrait.rest.dynamics.unflatten(1, (21, 3))[0, ~lips].abs().max()) == 0.0
    assert float(portrait.rest.dynamics.abs().max()) > 0.01


def test_what_is_read_has_the_recorded_pose(networks, pictures):
    recorded, read = golden("lp_motion"), read_pictures(networks.motion, pictures)
    assert relative_error(posed(read.keypoints, read.expression, read.pose), recorded["x_transformed"]) < 1e-5
    degrees = torch.rad2deg(read.pose[:, :3]) * torch.tensor([-1.0, -1.0, 1.0])
    assert relative_error(rotation_from_degrees(degrees), recorded["R"]) < 1e-5
    assert relative_error(read.pose[:, 5:].exp(), recorded["raw_scale"]) < 1e-5


@pytest.mark.parametrize("name", ["rel_all_stitch_posefriendly", "rel_all_nostitch_posefriendly", "abs_all_nostitch"])
def test_published_driving_through_the_face_model(networks, model, pictures, name):
    """The face model's own path gives the published keypoints where it is asked for the published options."""
    recorded = golden("lp_motion_modes")
    options = LivePortraitOptions(lips="own", stitching=not name.endswith("nostitch_posefriendly"), exact_rest=False)
    if name.startswith("abs"):
        options = PLAIN
    portrait = model.encode(crop_of(pictures[0]), options)
    filmed = Motion(
        torch.cat(
            [pose_from_rotation(recorded["drv_R"].mT), recorded["drv_t"][:, :2], recorded["drv_scale"].log()], dim=1
        ),
        (recorded["drv_exp"] - keypoints.neutral_expression()).flatten(1),
        25.0,
        keypoints.LIVEPORTRAIT,
    )
    if name.startswith("rel"):
        change = (recorded["drv_exp"] - recorded["drv_exp"][:1]).flatten(1)
        turned = recorded["drv_R"] @ recorded["drv_R"][:1].mT @ rotation_of(portrait)
        pose = portrait.rest.pose + filmed.pose - filmed.pose[:1]
        pose = torch.cat([pose_from_rotation(turned.mT), pose[:, 3:]], dim=1)
        motion = replace(filmed, pose=pose, dynamics=change)
    else:
        motion = anchor(imitation(model, portrait, filmed), portrait.rest)
    assert relative_error(driven_keypoints(networks, portrait, motion), recorded[f"x_d/{name}"]) < 1e-5


def rotation_of(portrait):
    degrees = torch.rad2deg(portrait.rest.pose[:, :3]) * torch.tensor([-1.0, -1.0, 1.0])
    return rotation_from_degrees(degrees)


def test_generated_speech_through_the_face_model(networks, model, pictures):
    """JoyVASA's rule, lips as generated and all else relative, is what dynamics mean on a portrait with closed lips."""
    made, mode = golden("joyvasa_motion_modes"), Mode(relative=False, stitching=False, spoken=True)
    portrait = model.encode(crop_of(pictures[0]), LivePortraitOptions(stitching=False, multiplier=1.1))
    dynamics = made["drv_exp"] - made["drv_exp"][:1]
    lips = list(keypoints.LIPS)
    dynamics[:, lips] = made["drv_exp"][:, lips] - keypoints.neutral_expression()[lips]
    start = SourceAndDriving(rotation_of(portrait), portrait.rest.pose[:, 5:].exp(), portrait.rest.pose[:, 3:5])
    driving = SourceAndDriving(made["drv_R"], made["drv_scale"], made["drv_t"][:, :2])
    rotation, scale, shift = driven_pose(start, driving, mode)
    pose = torch.cat([pose_from_rotation(rotation.mT), shift, scale.log()], dim=1)
    motion = Motion(pose, dynamics.flatten(1), 25.0, keypoints.LIVEPORTRAIT)
    assert relative_error(driven_keypoints(networks, portrait, motion), made["x_d/cli_default"]) < 1e-5


class SourceAndDriving:
    def __init__(self, rotation, scale, shift):
        self.rotation, self.scale, self.shift = rotation, scale, shift

    def __len__(self):
        return len(self.rotation)


def test_directions_are_those_of_every_face_model():
    nose, crown, zero = torch.tensor([[[0.0, 0.0, -1.0]]]), torch.tensor([[[0.0, -1.0, 0.0]]]), torch.zeros(1, 1, 3)

    def at(points, **pose):
        values = torch.tensor([[pose.get(n, 0.0) for n in ("pitch", "yaw", "roll", "tx", "ty", "log_scale")]])
        return posed(points, zero, values)[0, 0]

    assert at(nose, yaw=0.3)[0] > 0.25  # to the viewer's right
    assert at(nose, pitch=0.3)[1] < -0.25  # up
    assert at(crown, roll=0.3)[0] > 0.25  # clockwise
    assert at(nose, tx=0.1)[0] == pytest.approx(0.1) and at(nose, ty=0.1)[1] == pytest.approx(0.1)
    assert float(at(crown, log_scale=-0.6931472)[1]) == pytest.approx(-0.5)  # twice as far, half as large


def test_gaze_moves_the_eyes_alone_and_the_right_way(networks, model, pictures):
    portrait = model.encode(crop_of(pictures[0]), PLAIN)
    upright = Motion(torch.zeros(1, 6), portrait.rest.dynamics, 25.0, keypoints.LIVEPORTRAIT)
    still = driven_keypoints(networks, portrait, upright)
    for gaze, axis, sign in (((0.3, 0.0), 0, 1), ((-0.3, 0.0), 0, -1), ((0.0, 0.3), 1, -1), ((0.0, -0.3), 1, 1)):
        offset = keypoints.gaze_offset(torch.tensor([gaze]))
        there = driven_keypoints(networks, portrait, replace(upright, dynamics=upright.dynamics + offset)) - still
        changed = (there[0].abs() > 1e-6).any(-1).nonzero().flatten().tolist()
        assert set(changed) <= set(keypoints.EYES) and {11, 15} <= set(changed)
        assert float(there[0, [11, 15], axis].mul(sign).min()) > 1e-3


def test_options_move_what_they_name(networks, model, pictures):
    crop = crop_of(pictures[0])
    plain = model.encode(crop, PLAIN)
    at_rest = driven_keypoints(networks, plain, plain.rest)
    for options in (
        LivePortraitOptions(lips="own", stitching=False, eye_opening=0.5),
        LivePortraitOptions(lips="own", stitching=False, lip_opening=0.2),
        LivePortraitOptions(lips="normalised", stitching=False),
        LivePortraitOptions(lips="own", exact_rest=False),
    ):
        portrait = model.encode(crop, options)
        assert float((driven_keypoints(networks, portrait, portrait.rest) - at_rest).abs().max()) > 1e-3
    wide = model.encode(crop, replace(PLAIN, multiplier=2.0))
    motion = moved(plain, tx=0.1, dynamics=0.01)
    once = driven_keypoints(networks, plain, motion) - plain.start
    torch.testing.assert_close(driven_keypoints(networks, wide, motion) - wide.start, 2 * once)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"lips": "shut"}, "closed, own, normalised"),
        ({"eye_opening": 0.9}, "eye_opening is 0.9"),
        ({"lip_opening": -0.1}, "lip_opening is -0.1"),
        ({"multiplier": 4.0}, "multiplier is 4"),
    ],
)
def test_options_out_of_range_are_said_so(options, said):
    with pytest.raises(BadInput, match=said):
        LivePortraitOptions(**options)


def test_a_crop_of_another_size_and_a_picture_without_a_head(model, pictures):
    with pytest.raises(BadInput, match="512"):
        model.encode(replace(crop_of(pictures[0]), image=pictures[0]))
    with pytest.raises(BadInput, match="sees no head"):
        model.encode(crop_of(pictures[0] * float("nan")))


def test_frames_that_overflow_half_floats_are_made_again(networks, portrait):
    model = LivePortraitFaceModel(light(networks, strength=1e5))
    motion = contract.lively_motion(model, portrait, 5)
    expected = model.decode(portrait, motion)
    assert model.notes() == []
    for network in model.halves:
        network.half()
    frames = model.decode(portrait, motion)
    torch.testing.assert_close(frames, expected, atol=5e-3, rtol=0)
    assert model.halves[1].mix.weight.dtype == torch.float16  # the host's choice stays
    assert "5 frames" in remarks(model, portrait, motion)[0] and model.notes() == []


def test_broken_weights_are_said_so(networks, portrait):
    model = LivePortraitFaceModel(light(networks))
    model.network.generator.mix.weight.fill_(float("nan"))
    with pytest.raises(BadInput, match="not numbers"):
        model.decode(portrait, portrait.rest)


def test_bfloat16_shows_nearly_the_same(networks, portrait):
    model = LivePortraitFaceModel(light(networks))
    motion = contract.lively_motion(model, portrait, 2)
    expected = model.decode(portrait, motion)
    for network in model.halves:
        network.to(torch.bfloat16)
    frames = model.decode(portrait, motion)
    assert frames.dtype == torch.float32 and model.notes() == []
    assert 0 < float((frames - expected).abs().max()) < 0.05


def test_keypoints_are_as_fine_in_half_precision():
    """In bfloat16 a keypoint could only jump by a pixel of the frame at a time."""
    volume, source = torch.rand(1, 4, 16, 64, 64), torch.rand(1, 21, 3) - 0.5
    driven = source + 1e-3

    def change(dtype):
        maps = torch.empty(2, 16, 64, 64, FLOWS * (1 + COMPRESSED), dtype=dtype)
        both = torch.cat([source, driven])
        shifts = torch.nn.functional.pad(source - both, (0, 0, 1, 0))
        keypoint_maps(volume.expand(2, -1, -1, -1, -1).to(dtype), both, source.expand(2, -1, -1), shifts, maps)
        return (maps[1] - maps[0]).float().unflatten(-1, (FLOWS, -1))[..., 0]  # the heat

    exact = change(torch.float32)
    assert float(exact.abs().max()) > 1e-3
    assert float((change(torch.bfloat16) - exact).abs().max()) < 0.02 * float(exact.abs().max())


def test_arkit_motion_is_converted_and_other_motion_refused(model, portrait):
    dynamics = torch.zeros(2, 52)
    dynamics[1, arkit.INDEX["jawOpen"]] = 0.5
    motion = Motion(torch.zeros(2, 6), dynamics, 25.0, arkit.ARKIT)
    absolute = anchor(suited(model, motion), portrait.rest)
    frames = torch.cat(list(render(model, portrait, absolute)))
    assert frames.shape == (2, 512, 512, 3) and not torch.equal(frames[0], frames[1])
    assert "ARKit" in remarks(model, portrait, absolute)[0]
    with pytest.raises(WrongSpace, match="elsewhere"):
        suited(model, replace(motion, space=replace(arkit.ARKIT, name="elsewhere")))


def test_wide_turns_are_remarked(model, portrait):
    assert model.limits(portrait, portrait.rest) == []
    assert "60 degrees" in model.limits(portrait, moved(portrait, yaw=torch.deg2rad(torch.tensor(60.0))))[0]
    assert "2.0 times" in model.limits(portrait, moved(portrait, log_scale=-0.6931))[0]


def test_imitation_takes_pose_and_expression_over(model, portrait):
    filmed = moved(portrait, yaw=0.2, log_scale=0.5, dynamics=torch.linspace(-1, 1, 63))
    absolute = anchor(imitation(model, portrait, filmed), portrait.rest)
    torch.testing.assert_close(absolute.pose[:, :5], filmed.pose[:, :5], atol=1e-5, rtol=0)
    torch.testing.assert_close(absolute.pose[:, 5], portrait.rest.pose[:, 5])  # the head keeps its size
    shown = portrait.base[0] + absolute.dynamics[0].unflatten(0, (21, 3))
    own = portrait.base[0] + portrait.rest.dynamics[0].unflatten(0, (21, 3))
    read = keypoints.neutral_expression() + filmed.dynamics[0].unflatten(0, (21, 3))
    torch.testing.assert_close(shown, torch.where(absolute_mask() > 0, read, own))
    foreign = Motion(torch.zeros(1, 6), torch.zeros(1, 52), 25.0, arkit.ARKIT)
    with pytest.raises(WrongSpace, match="arkit"):
        imitation(model, Portrait(portrait.crop, foreign), filmed)


def test_missing_weights_are_named_with_their_address(tmp_path, monkeypatch):
    with pytest.raises(WeightsError, match=r"appearance_feature_extractor\.pth.*missing from .*https://"):
        load_face_model("liveportrait", tmp_path)
    monkeypatch.setenv("VASA_MODELS", str(tmp_path))
    with pytest.raises(WeightsError, match=str(tmp_path)):
        load_face_model("liveportrait")
    with pytest.raises(BadInput, match="liveportrait"):
        load_face_model("nobody")


def test_released_files_load_by_name(released_folder, networks):
    model = load_face_model("liveportrait", released_folder)
    assert isinstance(model, LivePortraitFaceModel)
    assert torch.equal(model.network.motion.fc_exp.weight, networks.motion.fc_exp.weight)
