"""The motion stage on a face network's own codes: four clips are learnt by heart, runs go on, spaces are kept apart."""

import json
import shutil
from dataclasses import replace

import pytest
import torch

from tests.faces.vasa_kit import lively_network, picture_crop
from tests.train.talking_kit import write_talkers
from vasa_core.audio import load_audio_encoder, weights_of
from vasa_core.cli import main
from vasa_core.errors import BadInput, WrongSpace
from vasa_core.faces import load_face_model
from vasa_core.faces.vasa.files import save_face_network
from vasa_core.motion.generate import Sampling
from vasa_core.motion.labels import main_direction
from vasa_core.motion.model import ARCHITECTURE, load_motion_model
from vasa_core.pipeline import anchor, speak
from vasa_core.train.economy import Economy
from vasa_core.train.extraction import rows_of
from vasa_core.train.latent_stage import MotionSettings, train_latent_motion
from vasa_core.train.latent_windows import LatentWindows
from vasa_core.train.loop import Recipe
from vasa_core.train.losses_log import read_rows
from vasa_core.train.talkers import SyntheticTalkers
from vasa_core.train.talking_clips import ShardClips
from vasa_core.types import Controls, Curve
from vasa_core.weights import checkpoint

RECIPE = Recipe(steps=70, learning_rate=5e-3, warm_up=10, average=0.9, save_every=1000)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Two face networks and four clips of 2.4 seconds."""
    folder = tmp_path_factory.mktemp("talkers")
    for seed, name in enumerate(("face", "other")):
        save_face_network(folder / f"{name}.safetensors", lively_network(seed), steps=1)
    (folder / "clips").mkdir()
    write_talkers(folder / "clips", SyntheticTalkers(folder, 4, 32, seconds=2.4))
    return folder


def settings(folder, output, **more):
    told = {"face": str(folder / "face.safetensors"), "clips": str(folder / "clips"), "preset": "tiny", "batch": 12}
    return MotionSettings(**({"output": str(output), "recipe": RECIPE} | told | more))


@pytest.fixture(scope="module")
def trained(folder):
    """A motion model of the first face's space, and what its training said."""
    said = []
    return train_latent_motion(settings(folder, folder / "run"), say=said.append), said


def test_four_clips_are_learnt_by_heart(folder, trained):
    """What is sampled for sound and gaze of each of four clips is its own motion and no other's."""
    model, encoder = load_motion_model(trained[0]), load_audio_encoder("phonetic")
    rows = [rows_of(path, 0, 50) for path in sorted((folder / "clips" / "read").glob("*/*.safetensors"))]
    truth = torch.stack([model.channels.normalise(clip["motion"]) for clip in rows])  # (4, 50, K)
    clips = ShardClips(folder / "clips")
    for number, name in enumerate(clips.names):
        asked = Controls(gaze=Curve.constant(*main_direction(rows[number]["gaze"]).tolist()))
        motion = speak(model, encoder, clips.clip(name).audio, asked).joined()[:50]
        error = (model.channels.normalise(motion) - truth).square().mean((1, 2))
        others = torch.cat([error[:number], error[number + 1 :]])
        assert error[number] < 1.0 and error[number] < 0.5 * others.min(), (name, error)


def test_the_file_says_what_it_was_trained_on(folder, trained):
    path, said = trained
    model, face = load_motion_model(path), load_face_model(str(folder / "face.safetensors"))
    assert model.space == face.space and model.encoder == "phonetic" and model.fps == 25.0
    assert model.encoder_weights == weights_of(load_audio_encoder("phonetic"))
    assert any(f"space {face.space.name}" in line for line in said) and "step 70 of 70" in said[-1]
    rows = read_rows(path.with_name("losses.csv"))
    assert rows[0][3:] == ["position", "velocity"] and len(rows) == 71
    first, last = (sum(float(row[3]) for row in part) for part in (rows[1:11], rows[-10:]))
    assert last < 0.6 * first
    assert path.with_name("losses.png").is_file()


def test_it_makes_the_face_talk_under_all_controls_and_no_other_face(folder, trained):
    face, other = (load_face_model(str(folder / f"{name}.safetensors")) for name in ("face", "other"))
    audio = ShardClips(folder / "clips").clip("00000-000-0000").audio
    asked = Controls(Curve.constant(0.2, 0.0), Curve.constant(1.3), Curve.constant(*[0.0] * 4, 1.0, *[0.0] * 3))
    model, sampling = load_motion_model(trained[0]), Sampling(steps=2)
    encoder = load_audio_encoder("phonetic")
    motion = speak(model, encoder, audio, asked, sampling)
    plain = speak(model, encoder, audio, Controls(), sampling)
    assert torch.isfinite(motion.joined()).all() and not torch.allclose(motion.dynamics, plain.dynamics, atol=1e-3)
    portrait = face.encode(picture_crop(64))
    assert face.decode(portrait, anchor(motion, portrait.rest)[:2]).shape == (2, 3, 512, 512)
    with pytest.raises(WrongSpace, match=face.space.name):
        anchor(motion, other.encode(picture_crop(64)).rest)


def test_a_finished_training_has_nothing_left_to_do(folder, trained):
    before, said = checkpoint.load(trained[0], ARCHITECTURE)[1], []
    train_latent_motion(settings(folder, folder / "run"), say=said.append)
    assert checkpoint.load(trained[0], ARCHITECTURE)[1] == before and len(said) == 1 and "training on" in said[0]


def test_a_finished_training_whose_model_is_gone_writes_it_again(folder, trained, tmp_path):
    """As after a kill between the last checkpoint and the file."""
    shutil.copytree(trained[0].parent, tmp_path / "run")
    made = tmp_path / "run" / trained[0].name
    made.unlink()
    assert train_latent_motion(settings(folder, tmp_path / "run")) == made
    assert checkpoint.load(made, ARCHITECTURE)[1] == checkpoint.load(trained[0], ARCHITECTURE)[1]  # with its hash


def test_a_run_keeps_its_channels_when_clips_have_come(folder, tmp_path, monkeypatch):
    clips, few = tmp_path / "clips", replace(RECIPE, steps=1, warm_up=0)
    clips.mkdir()
    write_talkers(clips, SyntheticTalkers(tmp_path, 2, 32, seconds=2.4))
    made = train_latent_motion(settings(folder, tmp_path / "run", clips=str(clips), batch=2, recipe=few))
    before = load_motion_model(made).channels
    shutil.rmtree(clips)
    clips.mkdir()
    write_talkers(clips, SyntheticTalkers(tmp_path, 3, 32, seconds=2.4, seed=7))
    cut, used = LatentWindows.batch, []
    monkeypatch.setattr(LatentWindows, "batch", lambda self, *rest: used.append(rest[1]) or cut(self, *rest))
    more = replace(few, steps=2)
    train_latent_motion(settings(folder, tmp_path / "run", clips=str(clips), batch=2, recipe=more))
    assert len(used) == 1 and torch.equal(used[0].mean, before.mean) and torch.equal(used[0].scale, before.scale)
    assert torch.equal(load_motion_model(made).channels.mean, before.mean)


@pytest.mark.parametrize("change", [{"face": "other.safetensors"}, {"audio_encoder": "log-mel"}])
def test_a_training_goes_on_with_its_own_face_and_encoder_only(folder, trained, change):
    if "face" in change:
        change = {"face": str(folder / change["face"])}
    with pytest.raises(BadInput, match=r"motion\.safetensors is of the space 'vasa-.*Name another output"):
        train_latent_motion(settings(folder, folder / "run", **change))


def test_without_settings_it_is_said_that_the_starter_is_trained(tmp_path, capfd, monkeypatch):
    def stopped(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("vasa_core.train.starter.train_motion_model", stopped)
    assert main(["train", "motion", "-o", str(tmp_path / "run")]) == 130
    said = capfd.readouterr().err
    assert "the starter model again" in said and "train motion SETTINGS.json" in said


def test_a_stopped_run_goes_on_to_the_same_losses(folder, tmp_path):
    short = replace(RECIPE, steps=6, save_every=2, warm_up=1)

    class Killed(Exception):
        pass

    def kill(text):
        if "step 5" in text:
            raise Killed

    def run(name, say=None):
        train_latent_motion(settings(folder, tmp_path / name, batch=2, recipe=short), say=say)
        made = checkpoint.load(tmp_path / name / "motion.safetensors", ARCHITECTURE)[1]["sha256"]
        return read_rows(tmp_path / name / "losses.csv"), made

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("vasa_core.train.latent_stage.SAID_EVERY", 1)
        with pytest.raises(Killed):
            run("stopped", kill)
    assert len(read_rows(tmp_path / "stopped" / "losses.csv")) == 6  # the heading and five steps, the last for nothing
    assert run("stopped") == run("whole")


def test_velocity_may_be_left_out_and_time_and_memory_saved(folder, tmp_path):
    def loss(name, **more):
        told = settings(
            folder, tmp_path / name, batch=4, velocity=0.0, recipe=replace(RECIPE, steps=1, parts=2), **more
        )
        rows = read_rows(train_latent_motion(told).with_name("losses.csv"))
        assert rows[0][3:] == ["position"]
        return float(rows[1][3])

    exact = loss("exact")
    assert loss("lean", economy=Economy(checkpointing=True)) == exact
    assert loss("half", economy=Economy("bfloat16")) == pytest.approx(exact, rel=0.02)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"preset": "huge"}, "no preset 'huge'"),
        ({"batch": 0}, "at least 1"),
        ({"batch": 3, "recipe": {"steps": 1, "parts": 2}}, "2 equal parts"),
        ({"velocity": -1.0}, "0 or more"),
        ({"withheld": {"gaze": 2}}, "between 0 and 1"),
        ({"nearer": -0.1}, "between 0 and 1"),
        ({"clips": "nowhere"}, "nowhere holds no clips"),
        ({"face": "nobody"}, "no face model 'nobody'"),
        ({"audio_encoder": "ears"}, "no audio encoder 'ears'"),
    ],
)
def test_mistakes_in_the_settings_are_one_sentence(folder, tmp_path, capfd, change, says):
    told = {"output": str(tmp_path / "run"), "face": str(folder / "face.safetensors"), "clips": str(folder / "clips")}
    path = tmp_path / "motion.json"
    path.write_text(json.dumps(told | change), encoding="utf-8")
    assert main(["train", "motion", str(path), "--device", "cpu"]) == 2
    assert says in capfd.readouterr().err


def test_the_command_trains_what_its_settings_say(folder, tmp_path, capfd):
    told = {"output": str(tmp_path / "run"), "face": str(folder / "face.safetensors"), "clips": str(folder / "clips")}
    told |= {"preset": "tiny", "batch": 2, "recipe": {"steps": 1}, "withheld": {"gaze": 0.3}}
    path = tmp_path / "motion.json"
    path.write_text(json.dumps(told), encoding="utf-8")
    assert main(["train", "motion", str(path), "--device", "cpu"]) == 0
    assert "step 1 of 1" in capfd.readouterr().err and (tmp_path / "run" / "motion.safetensors").is_file()


@pytest.mark.parametrize("option", [["--steps", "3"], ["--preset", "paper"], ["--seed", "1"], ["-o", "x"]])
def test_settings_leave_no_room_for_the_starters_options(tmp_path, capfd, option):
    assert main(["train", "motion", "some.json", *option]) == 2
    assert f"leave out {'--output' if option[0] == '-o' else option[0]}" in capfd.readouterr().err
