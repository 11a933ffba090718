"""fetch, convert and models, as a user types them."""

from __future__ import annotations

import dataclasses

import pytest
import torch
from safetensors import safe_open

from tests.goldens import rule_weights
from tests.weights.hub_server import HubServer
from vasa_core.cli import main
from vasa_core.weights import installed, registry

STITCHING = "stitching_retargeting_module"


@pytest.fixture
def server(monkeypatch):
    """A server that has one model, which is in the registry under the name liveportrait."""
    with HubServer({"folder/a.pth": b"first" * 1000, "b.pth": b"second"}) as running:
        model = dataclasses.replace(running.model(), name="liveportrait", folder="liveportrait")
        monkeypatch.setitem(registry.MODELS, "liveportrait", model)
        monkeypatch.setattr("vasa_core.weights.hub.constants.ENDPOINT", running.address)
        yield running


def test_fetch_says_the_terms_and_brings_the_files(server, tmp_path, capsys):
    assert main(["fetch", "liveportrait", "--folder", str(tmp_path)]) == 0
    assert (tmp_path / "liveportrait" / "a.pth").read_bytes() == b"first" * 1000
    said = capsys.readouterr().err
    assert "MIT licence" in said and "By downloading it you accept them" in said and "fetched in" in said


def test_fetch_fails_in_one_sentence(server, tmp_path, capsys):
    server.status = 404
    assert main(["fetch", "liveportrait", "--folder", str(tmp_path)]) == 2
    assert "a.pth was not downloaded" in capsys.readouterr().err


def test_models_lists_what_is_here(tmp_path, capsys):
    assert main(["models", "--folder", str(tmp_path)]) == 0
    said = capsys.readouterr().out
    assert "mesh" in said and "starter" in said and "0 of 5 files, 522 MB" in said and "0 of 2 files" in said
    for file in registry.LIVEPORTRAIT.files:
        (tmp_path / "liveportrait").mkdir(exist_ok=True)
        (tmp_path / "liveportrait" / file.name).touch()
    main(["models", "--folder", str(tmp_path)])
    assert [line for line in capsys.readouterr().out.splitlines() if "liveportrait" in line and " here " in line]


def test_a_folder_of_released_files_becomes_safetensors(tmp_path, capsys):
    source, target = tmp_path / "released", tmp_path / "safe"
    source.mkdir()
    more = {"epoch": 3, "something_else": {"mlp.0.weight": torch.zeros(2, 2)}}  # the published file is larger
    torch.save(rule_weights(STITCHING) | more, source / f"{STITCHING}.pth")
    assert main(["convert", str(source), str(target)]) == 0
    with safe_open(target / f"{STITCHING}.safetensors", framework="pt") as file:
        assert len(file.keys()) == 28
    assert installed.on_disk(registry.LIVEPORTRAIT.files[4], [target]).parent == target


def test_convert_refuses_what_it_does_not_know(tmp_path, capsys):
    (tmp_path / "other.pth").touch()
    assert main(["convert", str(tmp_path / "other.pth"), str(tmp_path / "other.safetensors")]) == 2
    assert "is no released file" in capsys.readouterr().err
    assert main(["convert", str(tmp_path), str(tmp_path)]) == 2
    assert "There is no released file in" in capsys.readouterr().err
