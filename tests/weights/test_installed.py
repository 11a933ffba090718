"""The table of released weights, and where their files are found on this machine."""

from __future__ import annotations

import json

import pytest

from tests.shared_data import shared_folder
from vasa_core.errors import BadInput, WeightsError
from vasa_core.weights import installed
from vasa_core.weights.registry import JOYVASA, LIVEPORTRAIT, MODELS

HEXADECIMAL = set("0123456789abcdef")


def test_every_entry_is_complete_and_plausible():
    for name, model in MODELS.items():
        assert model.name == name and model.kind in ("face", "motion", "metric") and model.folder
        assert model.licence and model.holder and model.home.startswith("https://") and model.terms().endswith(".")
        assert len({file.name for file in model.files}) == len(model.files)
        for file in model.files:
            assert len(file.revision) == 40 and set(file.revision) <= HEXADECIMAL
            assert file.sha256 is None or (len(file.sha256) == 64 and set(file.sha256) <= HEXADECIMAL)
            assert file.address() == f"https://huggingface.co/{file.repository}/resolve/{file.revision}/{file.path}"


def test_the_entries_agree_with_the_manifest_of_checkpoints():
    shared = shared_folder()
    if shared is None or not (shared / "goldens" / "manifest.json").is_file():
        pytest.skip("The manifest of the checkpoints is not here.")
    manifest = json.loads((shared / "goldens" / "manifest.json").read_text())["checkpoints"]
    files = {entry["file"]: entry for entry in manifest.values()}
    for model in (LIVEPORTRAIT, JOYVASA):
        for file in model.files:
            entry = files[file.path]
            assert file.repository.split("/")[1] == entry["repo"].split("/")[1]
            if file.size is not None and "n_elements" in entry:
                assert 0 <= file.size - 4 * entry["n_elements"] < 200_000  # float32, and names


def test_a_released_model_is_known_by_name():
    assert installed.released("joyvasa") is JOYVASA
    with pytest.raises(BadInput, match="'vasa'.*liveportrait, joyvasa, syncnet"):
        installed.released("vasa")


LAYOUTS = {
    "side by side": lambda file: file.name,
    "safetensors": lambda file: f"{file.stem}.safetensors",
    "as released": lambda file: file.path.removeprefix("liveportrait/"),
    "whole repository": lambda file: file.path,
}


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("place", ["liveportrait", "vasa/liveportrait", "vasa"])
def test_files_are_found_in_every_layout_and_place(tmp_path, layout, place):
    for file in LIVEPORTRAIT.files:
        path = tmp_path / place / LAYOUTS[layout](file)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")
    found = installed.find(LIVEPORTRAIT, installed.folders_in(tmp_path, LIVEPORTRAIT))
    assert set(found) == {file.stem for file in LIVEPORTRAIT.files}
    assert all(path.is_file() for path in found.values())


def test_a_conversion_is_preferred_to_the_original(tmp_path):
    file = LIVEPORTRAIT.files[0]
    (tmp_path / file.name).write_bytes(b"x")
    (tmp_path / f"{file.stem}.safetensors").write_bytes(b"x")
    assert installed.on_disk(file, [tmp_path]).suffix == ".safetensors"


def test_a_missing_file_is_one_sentence_with_file_folder_address_and_hash(tmp_path):
    file = LIVEPORTRAIT.files[0]
    (tmp_path / "liveportrait").mkdir()
    (tmp_path / "liveportrait" / file.name).write_bytes(b"x")
    with pytest.raises(WeightsError) as caught:
        installed.find(LIVEPORTRAIT, installed.folders_in(tmp_path, LIVEPORTRAIT))
    message = str(caught.value)
    assert message.startswith("The file motion_extractor.pth of LivePortrait is missing from ")
    assert str(tmp_path / "liveportrait") in message and LIVEPORTRAIT.files[1].address() in message
    assert LIVEPORTRAIT.files[1].sha256 in message
    assert "fetch liveportrait" in message and message.endswith(".") and ". " not in message


def test_the_default_folder_follows_the_environment(tmp_path, monkeypatch):
    monkeypatch.setenv("VASA_MODELS", str(tmp_path))
    assert installed.default_folder() == tmp_path
    monkeypatch.delenv("VASA_MODELS")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(installed, "ROOT", tmp_path / "pack")
    assert installed.default_folder() == tmp_path / "vasa"


def test_a_pack_inside_comfyui_uses_comfyuis_models(tmp_path, monkeypatch):
    (tmp_path / "models").mkdir()
    monkeypatch.delenv("VASA_MODELS", raising=False)
    monkeypatch.setattr(installed, "ROOT", tmp_path / "custom_nodes" / "vasa")
    assert installed.default_folder() == tmp_path / "models"
