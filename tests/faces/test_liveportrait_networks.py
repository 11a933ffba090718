"""LivePortrait's networks against the recorded outputs of the published ones, at the tolerances of those records.

Where a network is wrong, the tests of the plain graph name its first wrong module. F and M are plain themselves; of
W and G a plain version is kept for this (benchmarks/liveportrait_eager.py), and ours are held against both.
"""

import pytest
import torch

from benchmarks.liveportrait_eager import load_eager
from tests.goldens import golden, golden_json, relative_error, rule_data, weight_rule
from vasa_core.faces.liveportrait import pose
from vasa_core.faces.liveportrait.motion import MotionNetwork
from vasa_core.faces.liveportrait.warping import coordinate_grid, keypoint_heat

CLOSE, FAR, HALF_STORED = 1e-5, 1e-4, 1e-3
DIGITS = 3e-5  # of a fingerprint, by the size of what it is taken of


@pytest.fixture(scope="module", autouse=True)
def inference():
    with torch.inference_mode():
        yield


@pytest.fixture(scope="module")
def pictures():
    return golden("lp_appearance")["images"].permute(0, 3, 1, 2).float() / 255.0  # (4, 3, 256, 256)


@pytest.fixture(scope="module")
def volume(networks, pictures):
    with torch.inference_mode():
        return networks.appearance(pictures[:1])


@pytest.fixture(scope="module")
def codes(networks, pictures):
    with torch.inference_mode():
        return networks.motion(pictures)


def first_wrong_module(network: torch.nn.Module, checkpoint: str, prefix: str, run) -> str | None:
    """Name and error of the first layer of a plain network whose output is not as recorded; None if all are."""
    recorded, wrong = golden_json("lp_module_fingerprints")[checkpoint], []
    met = set()

    def compare(name):
        def hook(module, inputs, output):
            if name in met or wrong or not isinstance(output, torch.Tensor):
                return
            met.add(name)
            expected = torch.tensor(recorded[name]["fp"], dtype=torch.float64)
            assert list(output.shape[1:]) == recorded[name]["shape"][1:], f"{name} has shape {tuple(output.shape)}"
            ours = torch.tensor(weight_rule().fingerprint(output[:1].numpy(), 2), dtype=torch.float64)
            error = float((ours - expected).abs().max() / expected[2])
            if not error < DIGITS:
                wrong.append(f"{name}: {error:.1e}")

        return hook

    hooks = [
        module.register_forward_hook(compare(prefix + name))
        for name, module in network.named_modules()
        if prefix + name in recorded and not list(module.children())
    ]
    try:
        run()
    finally:
        for hook in hooks:
            hook.remove()
    assert len(met) > len(recorded) / 2 or wrong
    return wrong[0] if wrong else None


def test_appearance_modules(networks, pictures):
    run = lambda: networks.appearance(pictures[:1])  # noqa: E731
    assert first_wrong_module(networks.appearance, "appearance_feature_extractor", "", run) is None


def test_motion_modules(networks, pictures):
    run = lambda: networks.motion(pictures[:1])  # noqa: E731
    assert first_wrong_module(networks.motion, "motion_extractor", "detector.", run) is None


def test_a_wrong_module_is_named(networks, pictures, monkeypatch):
    monkeypatch.setattr(networks.appearance.second, "forward", lambda x: torch.zeros(1, 512, 64, 64))
    run = lambda: networks.appearance(pictures[:1])  # noqa: E731
    assert first_wrong_module(networks.appearance, "appearance_feature_extractor", "", run).startswith("second:")


def test_appearance(volume):
    recorded = golden("lp_appearance")
    assert relative_error(volume[:, ::2, ::4, ::8, ::8], recorded["f_s_sub"]) < CLOSE
    assert relative_error(volume[0, :, :, 20:24, 30:34], recorded["f_s_crop"]) < CLOSE
    assert relative_error(volume.mean((0, 2, 3, 4)), recorded["f_s_chan_mean"]) < CLOSE


def test_motion(codes):
    recorded = golden("lp_motion")
    names = {"pitch": "pitch", "yaw": "yaw", "roll": "roll", "shift": "t", "scale": "scale"}
    for ours, theirs in {**names, "keypoints": "kp", "expression": "exp"}.items():
        assert relative_error(getattr(codes, ours).flatten(1), recorded[f"raw_{theirs}"]) < CLOSE, ours
    degrees = torch.stack([pose.degrees_from_bins(bins) for bins in (codes.pitch, codes.yaw, codes.roll)], dim=-1)
    for axis, name in enumerate(("pitch", "yaw", "roll")):
        assert relative_error(degrees[:, axis, None], recorded[f"deg_{name}"]) < CLOSE
    rotation = pose.rotation_from_degrees(degrees)
    assert relative_error(rotation, recorded["R"]) < CLOSE
    keypoints = pose.transform_keypoints(codes.keypoints, rotation, codes.expression, codes.scale, codes.shift)
    assert relative_error(keypoints, recorded["x_transformed"]) < CLOSE


def test_motion_norms_have_their_small_epsilon():
    """The recorded outputs are too coarse to show it."""
    norms = [module for module in MotionNetwork().modules() if isinstance(module, torch.nn.LayerNorm)]
    assert len(norms) == 23 and {norm.eps for norm in norms} == {1e-6}


def test_geometry():
    recorded = golden("lp_geometry_stitch")
    assert relative_error(pose.rotation_from_degrees(recorded["pose_deg"]), recorded["pose_R"]) < CLOSE
    assert relative_error(pose.degrees_from_bins(recorded["bins"]), recorded["bins_deg"]) < CLOSE
    degrees = torch.cat([recorded[f"tk_{name}"] for name in ("pitch", "yaw", "roll")], dim=1)
    rotation = pose.rotation_from_degrees(degrees)
    torch.testing.assert_close(pose.degrees_from_rotation(rotation), degrees, atol=1e-3, rtol=0)
    keypoints, expression = (recorded[name].unflatten(1, (21, 3)) for name in ("tk_kp", "tk_exp"))
    moved = pose.transform_keypoints(keypoints, rotation, expression, recorded["tk_scale"], recorded["tk_t"])
    assert recorded["tk_t"][:, 2].abs().min() > 0 and relative_error(moved, recorded["tk_out"]) < CLOSE
    grid = coordinate_grid((16, 64, 64), moved)
    assert relative_error(grid[::5, ::21, ::21], recorded["grid_samples"]) < CLOSE
    heat = torch.stack([keypoint_heat((16, 64, 64), points) for points in recorded["tk_out"][:2]])
    assert relative_error(heat[:, :, ::5, ::9, ::9], recorded["kp2gauss"]) < CLOSE


def test_stitching_and_retargeting(networks):
    recorded = golden("lp_geometry_stitch")
    source, driven = recorded["st_src"], recorded["st_drv"]
    assert relative_error(networks.stitching(source, driven), recorded["st_out"]) < CLOSE
    assert relative_error(networks.lip(source, recorded["lip_ratio"]), recorded["lip_delta"]) < CLOSE
    assert relative_error(networks.eye(source, recorded["eye_ratio"]), recorded["eye_delta"]) < CLOSE


def test_warping_and_generator(networks, released_folder, volume, codes):
    """Ours and the plain graph, alone and one after another; in one test, so that each network runs once."""
    warped, drawn = golden("lp_warp"), golden("lp_generator")
    given = rule_data("input/feature_3d", (1, 32, 16, 64, 64), 0.7)
    feature = rule_data("input/seg", (1, 256, 64, 64), 0.6)
    plain_warping, plain_generator = load_eager(released_folder)
    points = warped["kp_driving"], warped["kp_source"]

    # The plain graph, on the inputs of the records, module by module.
    plain = {}
    run = lambda: plain.update(warp=plain_warping(given, *points))  # noqa: E731
    assert first_wrong_module(plain_warping, "warping_module", "", run) is None
    run = lambda: plain.update(picture=plain_generator(feature))  # noqa: E731
    assert first_wrong_module(plain_generator, "spade_generator", "", run) is None

    # Ours: two frames at once in W, so that frames do not mix; the second is the end-to-end one.
    stitched = networks.stitching(*(_keypoints(codes, index) for index in (0, 1)))
    assert relative_error(stitched, drawn["e2e_x_d"]) < CLOSE
    both = networks.warping(
        torch.cat([given, volume]),
        torch.cat([points[0], drawn["e2e_x_d"]]),
        torch.cat([points[1], drawn["e2e_x_s"]]),
    )
    pictures = networks.generator(torch.cat([feature, both.feature[1:]]))
    for warp in (plain["warp"], type(both)(*(value[:1] for value in both))):
        assert relative_error(warp.flow[:, ::3, ::9, ::9], warped["deformation_sub"]) < CLOSE
        assert relative_error(warp.flow, warped["deformation_f16"]) < HALF_STORED
        assert relative_error(warp.occlusion, warped["occlusion"]) < CLOSE
        assert relative_error(warp.feature[:, ::8, ::4, ::4], warped["out_sub"]) < FAR
        assert relative_error(warp.feature[0, :, 28:32, 40:44], warped["out_crop"]) < FAR
    assert relative_error(both.flow[1:, ::3, ::9, ::9], drawn["e2e_deform_sub"]) < CLOSE
    assert relative_error(both.occlusion[1:], drawn["e2e_occ"]) < CLOSE
    for picture, name in ((plain["picture"], "out"), (pictures[:1], "out"), (pictures[1:], "e2e")):
        assert relative_error(picture[0, :, 200:248, 300:348], drawn[f"{name}_crop"]) < FAR
        pooled = torch.nn.functional.avg_pool2d(picture, 4)
        assert relative_error(pooled, drawn[f"{name}_pool4"]) < HALF_STORED
    grey = (pictures[1] * 255.0).to(torch.uint8)[:, 200:248, 300:348].permute(1, 2, 0)  # truncated, as published
    assert (grey.int() - drawn["e2e_u8_crop"].int()).abs().max() <= 2


def _keypoints(codes, index):
    """(1, 21, 3) keypoints of one picture, as M says."""
    code = type(codes)(*(value[index : index + 1] for value in codes))
    degrees = torch.stack([pose.degrees_from_bins(bins) for bins in (code.pitch, code.yaw, code.roll)], dim=-1)
    rotation = pose.rotation_from_degrees(degrees)
    return pose.transform_keypoints(code.keypoints, rotation, code.expression, code.scale, code.shift)
