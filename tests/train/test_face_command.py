"""`python -m vasa_core train face`: settings in, a face model out, and mistakes named."""

import json

import pytest

from vasa_core.cli import main
from vasa_core.faces import load_face_model


def settings_file(tmp_path, **more):
    path = tmp_path / "face.json"
    recipe = {"steps": 1, "warm_up": 1}
    told = {"output": str(tmp_path / "run"), "preset": "tiny", "identities": 2, "batch": 2, "recipe": recipe} | more
    path.write_text(json.dumps(told), encoding="utf-8")
    return str(path)


def test_it_trains_what_the_settings_say_and_goes_on(tmp_path, capfd):
    losses = {"adversarial": 0, "matching": 0, "pairwise": 0, "cycle": 0}
    path = settings_file(tmp_path, losses=losses)
    assert main(["train", "face", path, "--device", "cpu"]) == 0
    said = capfd.readouterr().err
    assert "perceptual loss is off" in said and "step 1 of 1" in said and "written" in said
    assert load_face_model(str(tmp_path / "run" / "face.safetensors")).space.name.startswith("vasa-")
    assert main(["train", "face", path, "--device", "cpu"]) == 0
    assert "step 1" not in capfd.readouterr().err  # nothing was left to do
    path = settings_file(tmp_path, losses=losses, batch=4)
    assert main(["train", "face", path, "--device", "cpu"]) == 2
    assert "was trained with batch 2, not 4" in capfd.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["train"], "required: WHAT"),
        (["train", "face"], "required: settings"),
        (["train", "face", "SETTINGS", "--steps", "3"], "unrecognized arguments: --steps 3"),
        (["train", "encoder", "--steps", "3"], "unrecognized arguments: --steps 3"),
    ],
)
def test_a_wrong_command_is_refused(tmp_path, capfd, arguments, says):
    path = settings_file(tmp_path)
    with pytest.raises(SystemExit) as stop:
        main([path if word == "SETTINGS" else word for word in arguments])
    assert stop.value.code == 2 and says in capfd.readouterr().err


def test_a_missing_file_of_settings_is_named(capfd):
    assert main(["train", "face", "none.json"]) == 2
    assert "none.json cannot be read" in capfd.readouterr().err


def test_a_wrong_setting_is_named(tmp_path, capfd):
    assert main(["train", "face", settings_file(tmp_path, stepz=3)]) == 2
    assert "no setting 'stepz'" in capfd.readouterr().err
