"""Several processes train what one does; and what they cannot share is refused."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from vasa_core.cli import main
from vasa_core.errors import BadInput
from vasa_core.train import distributed
from vasa_core.train.distributed import ALONE, World, joined
from vasa_core.train.face_stage import FaceSettings, train_face
from vasa_core.train.losses_log import read_rows
from vasa_core.train.settings import read_settings
from vasa_core.weights import checkpoint

ROOT = Path(__file__).resolve().parents[2]
TORCHRUN = ("-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2")
COMMAND = ("-m", "vasa_core", "train", "face", "SETTINGS", "--device", "cpu")


def settings_file(folder, name, steps, save_every):
    """Settings of a tiny training whose steps have two parts."""
    losses = {"pairwise": 0, "cycle": 1.0, "pose": 0}
    recipe = {"steps": steps, "learning_rate": 1e-3, "warm_up": 1, "save_every": save_every, "parts": 2}
    told = {"output": str(folder / name), "preset": "tiny", "identities": 4, "batch": 4, "patch_width": 8}
    path = folder / f"{name}.json"
    path.write_text(json.dumps({**told, "losses": losses, "recipe": recipe}), encoding="utf-8")
    return path


def start(*words, settings):
    """A Python of its own, as leader of a process group."""
    words = [str(settings) if word == "SETTINGS" else word for word in words]
    own = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(
        [sys.executable, *words], cwd=ROOT, env=own, start_new_session=True, stderr=subprocess.PIPE, text=True
    )


def alone(settings):
    """The same training in this process: losses, and the file of the network."""
    torch.set_num_threads(1)
    path = train_face(read_settings(settings, FaceSettings))
    return read_rows(path.parent / "losses.csv"), checkpoint.load(
        path.parent / "state.safetensors", "vasa-training-state-1"
    )[0]


def test_two_processes_train_what_one_does(tmp_path):
    settings = settings_file(tmp_path, "two", 3, 3)
    process = start(*TORCHRUN, *COMMAND, settings=settings)
    rows, tensors = alone(settings_file(tmp_path, "one", 3, 3))
    said = process.communicate(timeout=300)[1]
    assert process.returncode == 0, said
    assert said.count("written:") == 1 and said.count("perceptual loss is off") == 1  # one of them speaks
    both = read_rows(tmp_path / "two" / "losses.csv")
    assert both[0] == rows[0] and len(both) == len(rows) == 4
    for a, b in zip(both[1:], rows[1:], strict=True):
        assert list(map(float, a)) == pytest.approx(list(map(float, b)), rel=1e-3, abs=2e-5)
    other = checkpoint.load(tmp_path / "two" / "state.safetensors", "vasa-training-state-1")[0]
    for name in tensors:
        torch.testing.assert_close(other[name], tensors[name], rtol=1e-3, atol=1e-5)


def test_a_killed_training_goes_on_to_the_same_losses(tmp_path):
    settings = settings_file(tmp_path, "killed", 6, 2)
    process = start(*COMMAND, settings=settings)
    log = tmp_path / "killed" / "losses.csv"
    deadline = time.monotonic() + 300
    while not log.exists() or len(log.read_text().splitlines()) < 4:  # three steps, of which two are in a checkpoint
        assert process.poll() is None and time.monotonic() < deadline, process.communicate()[1]
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    whole, tensors = alone(settings_file(tmp_path, "whole", 6, 2))
    rows, resumed = alone(settings)
    assert rows == whole
    assert all(torch.equal(resumed[name], tensors[name]) for name in tensors)


def test_every_part_of_a_step_has_one_process():
    shares = [list(World(rank, 3).share(6)) for rank in range(3)]
    assert shares == [[0, 1], [2, 3], [4, 5]] and list(ALONE.share(4)) == [0, 1, 2, 3]


def test_what_cannot_be_shared_evenly_is_refused():
    with pytest.raises(BadInput, match="2 processes cannot share a step of 3 parts evenly. Set recipe.parts"):
        World(0, 2).share(3)


def test_gradients_are_sent_in_few_pieces_and_each_once(monkeypatch):
    monkeypatch.setattr(distributed, "BUCKET", 10)
    tensors = [torch.ones(n) for n in (4, 5, 6, 20, 1)] + [torch.ones(2, dtype=torch.float64)]
    sizes = [[len(t) for t in bucket] for bucket in distributed._buckets(iter(tensors))]
    assert sizes == [[4, 5, 6], [20], [1], [2]]


def test_all_begin_with_the_weights_of_the_leading_process(monkeypatch):
    class Sent:
        def __init__(self, flat, source, async_op):
            assert source == 0
            flat.copy_(torch.arange(len(flat)))  # what the leading process has

        def wait(self):
            pass

    monkeypatch.setattr(distributed.dist, "broadcast", Sent)
    network = torch.nn.Sequential(torch.nn.Linear(2, 1), torch.nn.BatchNorm1d(1))
    World(1, 2).follow(network.state_dict().values())
    assert torch.equal(network[0].weight, torch.tensor([[0.0, 1.0]])) and float(network[1].running_var) == 6.0
    before = [value.clone() for value in network.state_dict().values()]
    ALONE.follow(network.state_dict().values())
    assert all(torch.equal(a, b) for a, b in zip(before, network.state_dict().values(), strict=True))


def test_without_torchrun_a_process_is_alone(monkeypatch):
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    with joined(torch.device("cpu")) as world:
        assert world == ALONE and world.leads
        value = torch.ones(3)
        world.add_up([value])
        world.agree(3, "steps", "output")
        world.wait()
        assert torch.equal(value, torch.ones(3))


def test_a_process_without_an_accelerator_of_its_own_is_refused(monkeypatch):
    for name, value in (("WORLD_SIZE", "2"), ("RANK", "1"), ("LOCAL_RANK", "1")):
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(torch.accelerator, "device_count", lambda: 1)
    with pytest.raises(BadInput, match="Process 1 of this machine finds 1 accelerators"), joined(torch.device("cuda")):
        pass


@pytest.mark.parametrize("words", [["encoder"], ["starter"], ["motion"], ["prepare", "videos", "-o", "clips"]])
def test_what_runs_in_one_process_refuses_torchrun(words, tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WORLD_SIZE", "2")
    assert main(["train", *words]) == 2 and "Start it without torchrun" in capfd.readouterr().err
    assert not list(tmp_path.iterdir())


def test_processes_that_start_from_different_steps_are_refused(monkeypatch):
    monkeypatch.setattr(World, "add_up", lambda world, tensors: [t.add_(torch.tensor([0, 200])) for t in tensors])
    with pytest.raises(BadInput, match=r"different steps \(0, 200\). Let `output` be a folder that all machines share"):
        World(0, 2).agree(0, "steps", "output")
