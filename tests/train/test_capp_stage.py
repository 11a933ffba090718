"""CAPP's training: heads that follow voices, what they learn of each other, and settings that make no sense."""

import json
from dataclasses import replace

import numpy as np
import pytest
import soundfile
import torch

from vasa_core.audio.mel_encoder import LogMelEncoder
from vasa_core.cli import main
from vasa_core.errors import BadInput
from vasa_core.metrics.capp import ARCHITECTURE, CappConfig, CappNetwork, load_capp
from vasa_core.train import capp_stage
from vasa_core.train.capp_data import FilmedHeads, PerformedSpeech, recordings
from vasa_core.train.capp_stage import CappSettings, capp_losses, new_network, train_capp
from vasa_core.train.distributed import ALONE, World
from vasa_core.train.loop import Recipe
from vasa_core.train.losses_log import read_rows
from vasa_core.train.shards import About, Clip, Labels, as_png, write_shard
from vasa_core.train.speech import is_held_out
from vasa_core.weights import checkpoint

TINY = CappConfig(width=16, pose_layers=2, audio_layers=1, heads=2, summary=4, space=16, dropout=0.0)
NAMES = ("ann", "bea", "cid", "dot", "eva", "flo")
TRAINED, KEPT = (next(name for name in NAMES if is_held_out(name) == kept) for kept in (False, True))


@pytest.fixture(scope="module")
def speech(tmp_path_factory):
    """Two speakers, whose syllables are bursts of a harmonic tone."""
    folder = tmp_path_factory.mktemp("speech")
    random, labels = np.random.default_rng(0), {}
    for number, speaker in enumerate((TRAINED, KEPT)):
        time = np.arange(6 * 16000) / 16000
        tone = np.sign(np.sin(2 * np.pi * (110 + 40 * number) * time))
        beats = np.interp(time, np.arange(0, 6, 0.12), random.random(50) ** 2)
        soundfile.write(folder / f"{speaker}.wav", 0.3 * tone * beats, 16000)
        labels[f"{speaker}.wav"] = {"speaker": speaker}
    (folder / "labels.json").write_text(json.dumps(labels))
    return folder


@pytest.fixture(scope="module")
def clips(tmp_path_factory):
    """Two people of 4 and of 2 seconds, whose heads nod with what is heard."""
    folder = tmp_path_factory.mktemp("clips")
    generator = torch.Generator().manual_seed(0)
    for name, frames in (("ann", 100), ("bob", 50)):
        features = torch.randn(frames, 3, generator=generator)
        pose = torch.cat([features, torch.zeros(frames, 3)], dim=1)
        about = About(name, name, 0.0, 25.0, frames, 0)
        pictures = [as_png(np.zeros((8, 8, 3), np.uint8))] * frames
        write_shard(folder / f"{name}.safetensors", [Clip(about, pictures, Labels(pose, features=features))], "toy")
    return folder


def test_a_head_is_drawn_afresh_and_its_voice_is_the_recording(speech):
    data = PerformedSpeech(speech, LogMelEncoder())
    assert data.encoder == "log-mel" and data.channels == 320 and "1 recordings" in data.told
    one, two = (data.windows(np.random.default_rng(seed), 2, 3) for seed in (0, 1))
    assert one[0].shape == (6, 75, 320) and one[1].shape == (6, 75, 6)
    again = data.windows(np.random.default_rng(0), 2, 3)
    assert torch.equal(one[0], again[0]) and torch.equal(one[1], again[1]) and not torch.equal(one[1], two[1])


def test_speakers_for_measuring_are_kept_apart(speech, tmp_path):
    assert [path.stem for path in recordings(speech, False)] == [TRAINED]
    assert [path.stem for path in recordings(speech, True)] == [KEPT]
    with pytest.raises(BadInput, match="no labels.json"):
        recordings(tmp_path, False)


def test_filmed_heads_come_with_their_own_sound(clips):
    data = FilmedHeads(clips)
    features, pose = data.windows(np.random.default_rng(0), 3, 2)
    assert (data.encoder, data.channels) == ("toy", 3) and "1 clips of 1 people" in data.told
    assert features.shape == (6, 75, 3) and torch.equal(features, pose[..., :3])


def test_voices_and_heads_that_belong_together_are_found():
    """A few steps tell the true pairs of twelve from all others."""
    torch.manual_seed(0)
    network = CappNetwork(TINY, "toy", 3)
    optimiser = torch.optim.Adam(network.parameters(), 3e-3)
    features = torch.randn(12, 75, 3)
    pose = torch.cat([features, torch.zeros(12, 75, 3)], dim=2)
    losses = []
    for _ in range(10):
        loss = torch.stack(list(capp_losses(network, features, pose).values())).sum()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert losses[0] > 2.0 and losses[-1] < 0.2
    with torch.no_grad():
        cosines = network.hear(features) @ network.watch(pose).T
    assert (cosines.argmax(0) == torch.arange(12)).all() and (cosines.argmax(1) == torch.arange(12)).all()


def test_the_loss_is_the_two_cross_entropies(clips):
    data = FilmedHeads(clips)
    torch.manual_seed(0)
    network = new_network(CappSettings("", clips=str(clips), network=TINY), data)
    features, pose = data.windows(np.random.default_rng(0), 1, 4)
    losses = capp_losses(network, features, pose)
    logits = network.hear(features) @ network.watch(pose).T / 0.07
    expected = [-0.5 * logits.log_softmax(dim).diagonal().mean().item() for dim in (1, 0)]
    assert [losses["heads"].item(), losses["voices"].item()] == pytest.approx(expected, rel=1e-4)


def test_a_command_trains_and_the_file_says_on_what(speech, tmp_path, capfd):
    recipe = {"steps": 2, "warm_up": 1, "save_every": 1}
    told = {"output": str(tmp_path / "run"), "speech": str(speech), "encoder": "log-mel", "copies": 2, "people": 2}
    told |= {"each": 2, "recipe": recipe, "network": {"width": 16, "pose_layers": 2, "audio_layers": 1, "heads": 2}}
    path = tmp_path / "capp.json"
    path.write_text(json.dumps(told))
    assert main(["train", "capp", str(path), "--device", "cpu"]) == 0
    assert "step 2 of 2" in capfd.readouterr().err
    network = load_capp(tmp_path / "run" / "capp.safetensors")
    assert (
        network.encoder == "log-mel" and "training speakers" in network.trained_on and "2 steps" in network.trained_on
    )
    assert (tmp_path / "run" / "losses.png").exists()


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({}, "either a folder of 'clips' or one of 'speech'"),
        ({"speech": "a", "clips": "b"}, "either a folder"),
        ({"speech": "a", "people": 1}, "at least 2 people"),
        ({"speech": "a", "copies": 0}, "0 copies"),
        ({"speech": "a", "people": 3, "recipe": Recipe(steps=1, parts=2)}, "3 people cannot be split into 2"),
        ({"speech": "a", "people": 2, "recipe": Recipe(steps=1, parts=2)}, "each part of a step needs"),
    ],
)
def test_settings_that_make_no_sense_are_refused(wrong, says):
    with pytest.raises(ValueError, match=says):
        CappSettings("out", **wrong)


def run(clips, output, say=None):
    """Losses and the file's hash of a training on clips, with dropout; a checkpoint every two of four steps."""
    recipe = Recipe(steps=4, warm_up=1, save_every=2)
    network = replace(TINY, dropout=0.3)
    train_capp(CappSettings(str(output), clips=str(clips), people=4, each=2, network=network, recipe=recipe), say=say)
    header = checkpoint.load(output / "capp.safetensors", ARCHITECTURE)[1]
    return read_rows(output / "losses.csv"), header["sha256"], header["trained_on"]


def test_a_stopped_run_goes_on_to_the_same_losses(clips, tmp_path, monkeypatch):
    class Killed(Exception):
        pass

    def kill(text):
        if "step 3" in text:
            raise Killed

    monkeypatch.setattr(capp_stage, "SAID_EVERY", 1)
    with pytest.raises(Killed):
        run(clips, tmp_path / "stopped", say=kill)
    torch.rand(7)  # what else the process may have drawn
    assert run(clips, tmp_path / "stopped") == run(clips, tmp_path / "whole")
    (tmp_path / "stopped" / "capp.safetensors").unlink()  # as after a kill right before it was written
    assert run(clips, tmp_path / "stopped") == run(clips, tmp_path / "whole")


def test_the_parts_of_a_step_are_shared_out(clips, tmp_path, monkeypatch):
    """Two processes' gradients, each of its own part, add up to those of one process that computes both."""
    sums, halves = [], []
    monkeypatch.setattr(World, "add_up", lambda world, tensors: sums.append([t.clone() for t in tensors]))
    recipe = Recipe(steps=1, warm_up=0, parts=2)
    told = CappSettings("", clips=str(clips), people=4, each=2, network=replace(TINY, dropout=0.3), recipe=recipe)
    for name in ("agree", "wait", "follow"):
        monkeypatch.setattr(World, name, lambda *_: None)
    for world in (ALONE, World(0, 2), World(1, 2)):
        train_capp(replace(told, output=str(tmp_path / f"{world.rank} of {world.size}")), world=world)
        halves.append(sums[0])
        sums.clear()
    for whole, one, other in zip(*halves, strict=True):
        torch.testing.assert_close(one + other, whole)
    assert not torch.equal(halves[1][0], halves[2][0])


@pytest.mark.parametrize(
    ("wrong", "says"),
    [({"width": 10, "heads": 4}, "width of 10 cannot be divided among 4 heads"), ({"space": 0}, "space is 0"),
     ({"dropout": 1.0}, "dropout is 1.0")],
)  # fmt: skip
def test_sizes_that_make_no_sense_are_refused(wrong, says):
    with pytest.raises(ValueError, match=says):
        CappConfig(**wrong)


@pytest.mark.parametrize("labels", ["{", "[]", '{"a.wav": {"phones": []}}'])
def test_labels_that_are_not_understood_are_named(tmp_path, labels):
    (tmp_path / "labels.json").write_text(labels)
    with pytest.raises(BadInput, match="labels.json is not understood"):
        recordings(tmp_path, False)


def test_clips_without_what_is_needed_are_refused(clips, tmp_path):
    about = About("x", "x", 0.0, 25.0, 4, 0)
    pictures = [as_png(np.zeros((8, 8, 3), np.uint8))] * 4
    write_shard(tmp_path / "x.safetensors", [Clip(about, pictures, Labels(pose=torch.zeros(4, 6)))])
    with pytest.raises(BadInput, match="have no features. Prepare them with these labels"):
        train_capp(CappSettings(str(tmp_path / "run"), clips=str(tmp_path)))
