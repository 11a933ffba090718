"""A JSON file becomes settings, and every mistake in it is named."""

import json
from pathlib import Path

import pytest

from vasa_core.errors import BadInput
from vasa_core.train.face_stage import FaceSettings
from vasa_core.train.latent_stage import MotionSettings
from vasa_core.train.settings import read_settings

ROOT = Path(__file__).parents[2]


def read(tmp_path, values):
    path = tmp_path / "face.json"
    path.write_text(values if isinstance(values, str) else json.dumps(values), encoding="utf-8")
    return read_settings(path, FaceSettings)


def test_what_is_not_named_keeps_its_default(tmp_path):
    settings = read(
        tmp_path, {"output": "run", "losses": {"pairwise": 0}, "recipe": {"steps": 7, "momentum": [0, 0.9]}}
    )
    assert settings.losses.pairwise == 0.0 and settings.losses.cycle == FaceSettings("x").losses.cycle
    assert settings.recipe.steps == 7 and settings.recipe.momentum == (0.0, 0.9)
    assert settings.preset == "small" and settings.clips is None
    assert read(tmp_path, {"output": "run", "clips": "videos", "identity_network": None}).clips == "videos"


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ("{", "not JSON"),
        ([], "must be an object"),
        ({"output": "run", "losses": {"pairwize": 1}}, "no setting 'losses.pairwize'.*pairwise"),
        ({"output": "run", "batch": "8"}, "'batch' is \"8\"; it must be a whole number"),
        ({"output": "run", "batch": True}, "'batch' is true"),
        ({"output": "run", "losses": {"pose": None}}, "'losses.pose' is null; it must be a number"),
        ({"output": "run", "losses": 3}, "losses is 3; it must be an object"),
        ({"output": "run", "recipe": {"steps": 7, "momentum": [0.5]}}, "'recipe.momentum' is"),
        ({"output": "run", "preset": "huge"}, "no preset 'huge'; choose one of paper, small, mini, tiny"),
        ({"output": "run", "batch": 1}, "at least 2 pairs"),
        ({"output": "run", "recipe": {"steps": 0}}, "at least 1 is needed"),
        ({}, "'output' is missing"),
        ({"output": "run", "recipe": {"learning_rate": 1}}, "'recipe.steps' is missing"),
    ],
)
def test_mistakes_are_named(tmp_path, values, says):
    with pytest.raises(BadInput, match=says):
        read(tmp_path, values)


@pytest.mark.parametrize("path", sorted((ROOT / "benchmarks" / "face_settings").glob("*.json")), ids=lambda p: p.stem)
def test_the_benchmarks_settings_can_be_read(path):
    settings = read_settings(path, FaceSettings)
    assert settings.preset == path.stem.split("_")[0] and settings.output == f"training/face_{path.stem}"
    for name in ("pairwise", "cycle", "identity"):
        left_out = f"without_{name}" in path.stem or path.stem.endswith("start")
        assert (getattr(settings.losses, name) == 0) == left_out, name


def test_the_benchmarks_motion_settings_can_be_read():
    settings = read_settings(ROOT / "benchmarks" / "motion_settings" / "mini.json", MotionSettings)
    assert settings.face == "training/face_mini/face.safetensors" and settings.output == "training/motion_mini"


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(BadInput, match="cannot be read"):
        read_settings(tmp_path / "none.json", FaceSettings)
