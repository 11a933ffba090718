"""The loader of LivePortrait's released files: both endings, other people's names, and what it refuses."""

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from tests.goldens import golden, relative_error
from vasa_core.errors import WeightsError
from vasa_core.faces.liveportrait.released import (
    FILES,
    convert,
    find_files,
    fold_batch_norm,
    fold_spectral_norm,
    load_networks,
    read_released,
)

STITCHING, APPEARANCE = "stitching_retargeting_module", "appearance_feature_extractor"


def test_converted_files_load_to_the_same_networks(released_folder, networks, tmp_path):
    for name in FILES:
        convert(released_folder / f"{name}.pth", tmp_path / f"{name}.safetensors")
    ours, theirs = load_networks(tmp_path).state_dict(), networks.state_dict()
    assert ours.keys() == theirs.keys() and all(torch.equal(ours[key], theirs[key]) for key in ours)
    with safe_open(tmp_path / f"{STITCHING}.safetensors", framework="pt") as file:
        assert file.metadata()["architecture"] == f"liveportrait/{STITCHING}"
        assert "retarget_eye_module.mlp.10.bias" in file.keys()  # noqa: SIM118


def test_keys_with_the_prefix_of_data_parallel_training(released_folder, networks, tmp_path):
    content = torch.load(released_folder / f"{STITCHING}.pth", weights_only=True)
    prefixed = {part: {f"module.{key}": value for key, value in tensors.items()} for part, tensors in content.items()}
    torch.save(prefixed, tmp_path / f"{STITCHING}.pth")
    files = find_files(released_folder) | {STITCHING: tmp_path / f"{STITCHING}.pth"}
    recorded = golden("lp_geometry_stitch")
    loaded = read_released(files[STITCHING])
    assert loaded.keys() == read_released(released_folder / f"{STITCHING}.pth").keys()
    assert relative_error(networks.stitching(recorded["st_src"], recorded["st_drv"]), recorded["st_out"]) < 1e-5


def test_published_subfolders_are_found(released_folder, tmp_path):
    for name, folder in FILES.items():
        (tmp_path / "liveportrait" / folder).mkdir(parents=True, exist_ok=True)
        (tmp_path / "liveportrait" / folder / f"{name}.pth").symlink_to(released_folder / f"{name}.pth")
    assert find_files(tmp_path).keys() == FILES.keys()


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(WeightsError, match=rf"{APPEARANCE}.pth .* missing from"):
        load_networks(tmp_path)


@pytest.mark.parametrize("change", ["missing", "extra", "shape"])
def test_every_key_must_be_there_and_be_used(change, released_folder, tmp_path):
    tensors = torch.load(released_folder / f"{APPEARANCE}.pth", weights_only=True)
    if change == "missing":
        del tensors["second.bias"]
    elif change == "extra":
        tensors["third.bias"] = torch.zeros(3)
    else:
        tensors["second.bias"] = torch.zeros(3)
    path = tmp_path / f"{APPEARANCE}.safetensors"
    save_file(tensors, path)
    with pytest.raises(WeightsError, match=rf"{APPEARANCE}.safetensors .*(second|third).bias"):
        load_networks(find_files(released_folder) | {APPEARANCE: path})
    with pytest.raises(WeightsError, match="second.bias|third.bias"):
        convert(path, tmp_path / "out.safetensors")
    assert not (tmp_path / "out.safetensors").exists()


def test_a_file_of_another_name_is_not_converted(released_folder, tmp_path):
    with pytest.raises(WeightsError, match="is no LivePortrait file"):
        convert(tmp_path / "model.pth", tmp_path / "out.safetensors")


def test_a_damaged_file(tmp_path):
    (tmp_path / f"{APPEARANCE}.pth").write_bytes(b"PK not weights")
    with pytest.raises(WeightsError, match="damaged"):
        read_released(tmp_path / f"{APPEARANCE}.pth")


def test_spectral_norm_uses_the_stored_vectors():
    weight, u, v = torch.randn(4, 3, 3, 3), torch.randn(4), torch.randn(27)
    folded = fold_spectral_norm({"c.weight_orig": weight, "c.weight_u": u, "c.weight_v": v, "c.bias": u}, "file")
    assert folded.keys() == {"c.weight", "c.bias"}
    torch.testing.assert_close(folded["c.weight"], weight / (u @ weight.flatten(1) @ v))
    with pytest.raises(WeightsError, match="file lacks c.weight_v"):
        fold_spectral_norm({"c.weight_orig": weight, "c.weight_u": u}, "file")


def test_batch_norm_goes_into_the_convolution():
    conv, norm = torch.nn.Conv2d(3, 4, 3).eval(), torch.nn.BatchNorm2d(4).eval()
    for tensor in (*norm.parameters(), norm.running_mean, norm.running_var):
        tensor.data.uniform_(0.5, 2.0)
    tensors = {f"a.conv.{k}": v for k, v in conv.state_dict().items()}
    tensors |= {f"a.norm.{k}": v for k, v in norm.state_dict().items()}
    folded, x = fold_batch_norm(tensors, "file"), torch.randn(1, 3, 8, 8)
    assert folded.keys() == {"a.conv.weight", "a.conv.bias"}
    with torch.no_grad():
        ours = torch.nn.functional.conv2d(x, folded["a.conv.weight"], folded["a.conv.bias"])
        torch.testing.assert_close(ours, norm(conv(x)))


def test_convert_keeps_the_released_tensors(released_folder, tmp_path):
    convert(released_folder / f"{APPEARANCE}.pth", tmp_path / "out.safetensors")
    released = torch.load(released_folder / f"{APPEARANCE}.pth", weights_only=True)
    ours = load_file(tmp_path / "out.safetensors")
    assert ours.keys() == released.keys() and all(torch.equal(ours[key], released[key]) for key in ours)
