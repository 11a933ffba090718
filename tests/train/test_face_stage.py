"""The face stage as a whole, with the tiny preset: it learns, resumes, says what is off, and writes a face model."""

import pytest
import torch
from PIL import Image

from vasa_core.errors import BadInput, OutputError
from vasa_core.faces.vasa.files import load_face_network
from vasa_core.faces.vasa.network import FaceNetwork
from vasa_core.faces.vasa.presets import PRESETS
from vasa_core.train.face_data import ClipFolder
from vasa_core.train.face_losses import LossWeights
from vasa_core.train.face_stage import FaceSettings, FaceStage, first_network, train_face
from vasa_core.train.loop import Recipe, Rival, averaged, train
from vasa_core.train.shards import write_clip
from vasa_core.train.synthetic import SyntheticHeads

NOTHING = dict.fromkeys(vars(LossWeights()), 0.0)


def only(**weights):
    """Of all losses these alone."""
    return LossWeights(**(NOTHING | weights))


def settings(folder, steps=3, **more):
    recipe = Recipe(steps=steps, learning_rate=1e-3, warm_up=1, average=0.9, save_every=2, momentum=(0.5, 0.99))
    more = {"preset": "tiny", "identities": 4, "batch": 2, "patch_width": 8, "recipe": recipe} | more
    return FaceSettings(output=str(folder), **more)


@pytest.fixture(scope="module")
def clips(tmp_path_factory):
    """Four clips of synthetic heads, with poses."""
    folder = tmp_path_factory.mktemp("clips")
    heads = SyntheticHeads(4, 64)
    for number in range(4):
        clip = heads.clip(number, 4, fps=2.0)
        write_clip(folder / f"{number}.safetensors", clip.frames, clip.motion.pose)
    return folder


def stage_of(weights, data, said=None):
    torch.manual_seed(0)
    chosen = settings("unused", losses=weights)
    say = (lambda text: None) if said is None else said.append
    return FaceStage.build(chosen, FaceNetwork(PRESETS["tiny"]), data, "cpu", say)


def test_it_learns_four_clips_by_heart(clips):
    stage = stage_of(only(reconstruction=10.0, pose=1.0, pairwise=5.0), ClipFolder(clips, 64))
    stage.batch, recipe = 4, Recipe(steps=60, learning_rate=4e-3, warm_up=5, weight_decay=0, momentum=(0.8, 0.99))
    state = clips.parent / "overfit.state"
    reports = list(train(stage.network, averaged(stage.network), stage.losses, recipe, state))
    first, last = ({k: sum(r.losses[k] for r in part) for k in part[0].losses} for part in (reports[:5], reports[-5:]))
    assert last["reconstruction"] < 0.5 * first["reconstruction"]
    assert last["pose"] < 0.85 * first["pose"]
    highest = max(report.losses["pairwise"] for report in reports)  # while the first pictures take shape
    assert last["pairwise"] < 5 * 0.7 * highest


def test_a_stopped_run_goes_on_to_the_same_losses(tmp_path, clips):
    def run(state, stop=None):
        weights = only(reconstruction=1.0, adversarial=1.0, matching=1.0, pose=1.0, pairwise=1.0)
        stage = stage_of(weights, ClipFolder(clips, 64))
        recipe, losses = Recipe(steps=4, learning_rate=1e-3, warm_up=1, save_every=2), []
        rival = Rival(stage.discriminator, stage.adversary_losses)
        for report in train(stage.network, averaged(stage.network), stage.losses, recipe, state, rival):
            losses.append(report.losses)
            if report.step == stop:
                break
        return losses

    whole = run(tmp_path / "a.state")
    assert set(whole[0]) == {"reconstruction", "adversarial", "matching", "pose", "pairwise", "adversary"}
    assert run(tmp_path / "b.state", stop=3) == whole[:3]  # the last checkpoint is of step 2
    assert run(tmp_path / "b.state") == whole[2:]


def test_what_it_writes_is_a_face_model(tmp_path):
    said = []
    path = train_face(settings(tmp_path, steps=1, space="vasa-synthetic"), say=said.append)
    model = load_face_network(path)
    assert model.space.name.startswith("vasa-synthetic-") and model.space.dynamics == 16
    assert Image.open(tmp_path / "samples.png").size == (6 * 64, 4 * 64)
    assert any("perceptual loss is off" in line for line in said)
    assert any("identity loss is off" in line for line in said)
    assert "reconstruction" in said[-1] and "perceptual" not in said[-1]
    rows = (tmp_path / "losses.csv").read_text().splitlines()
    assert rows[0].startswith("step,learning_rate,gradient,reconstruction,face,adversarial") and len(rows) == 2


@pytest.mark.parametrize(
    ("name", "logged"),
    [
        ("reconstruction", {"reconstruction"}), ("face", {"face"}), ("adversarial", {"adversarial"}),
        ("matching", {"matching"}), ("pose", {"pose"}), ("pairwise", {"pairwise"}), ("cycle", {"cycle"}),
    ],
)  # fmt: skip
def test_each_loss_can_be_had_alone(name, logged):
    stage = stage_of(only(**{name: 1.0}), SyntheticHeads(2, 64))
    losses = stage.losses(1, torch.Generator().manual_seed(0))
    assert set(losses) == logged and bool(torch.isfinite(losses[name]))
    assert (stage.discriminator is None) == (name not in ("adversarial", "matching"))
    stage.weights = only(**{name: 2.0})
    twice = stage.losses(1, torch.Generator().manual_seed(0))
    torch.testing.assert_close(twice[name], 2 * losses[name])


def test_the_adversary_settles_once_a_step():
    """However many parts look at it: else the number of processes would show in the result."""
    stage = stage_of(only(matching=1.0), SyntheticHeads(2, 64))

    def look(step):
        stage.losses(step, torch.Generator().manual_seed(0))
        stage.adversary_losses(step, torch.Generator())
        return {name: value.clone() for name, value in stage.discriminator.named_buffers()}

    first, again, later = look(1), look(1), look(2)
    assert first and all(torch.equal(first[name], again[name]) for name in first)
    assert not all(torch.equal(first[name], later[name]) for name in first)


@pytest.mark.parametrize(("batch", "parts", "says"), [(5, 2, "split into 2 equal parts"), (4, 4, "no two people")])
def test_a_batch_that_cannot_be_split_is_refused(batch, parts, says):
    with pytest.raises(ValueError, match=says):
        settings("unused", batch=batch, recipe=Recipe(steps=1, parts=parts))


def test_a_training_goes_on_from_a_trained_network(tmp_path):
    path = train_face(settings(tmp_path / "a", steps=1))
    started = first_network(settings(tmp_path / "b", start=str(path)))
    trained = load_face_network(path, trainable=True).network.state_dict()
    assert all(torch.equal(value, trained[name]) for name, value in started.state_dict().items())
    assert all(parameter.requires_grad for parameter in started.parameters())
    with pytest.raises(BadInput, match="sizes than 'mini'"):
        first_network(settings(tmp_path / "b", start=str(path), preset="mini"))


def test_pose_and_dynamics_of_other_people_come_from_two_of_them(monkeypatch):
    stage = stage_of(only(cycle=1.0), SyntheticHeads(3, 64))
    stage.batch, decode, asked = 3, stage.network.decode, []
    monkeypatch.setattr(stage.network, "decode", lambda *parts: asked.append(parts) or decode(*parts))
    stage.losses(1, torch.Generator().manual_seed(0))
    (_, _, pose, dynamics), _, (_, _, driver_pose, driver_dynamics) = asked
    assert torch.equal(driver_pose, pose.roll(1, 0)) and torch.equal(driver_dynamics, dynamics.roll(2, 0))


def test_an_output_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(OutputError, match="file/run"):
        train_face(settings(tmp_path / "file" / "run"))


def test_without_any_loss_there_is_nothing_to_train():
    with pytest.raises(BadInput, match="switched off"):
        stage_of(only(), SyntheticHeads(2, 64)).losses(1, torch.Generator())


def test_without_known_poses_the_pose_loss_is_off_and_the_log_says_so(tmp_path):
    for number in range(2):
        write_clip(tmp_path / f"{number}.safetensors", torch.rand(3, 3, 64, 64))
    said = []
    stage = stage_of(LossWeights(), ClipFolder(tmp_path, 64), said)
    assert any("pose loss is off" in line for line in said)
    assert "pose" not in stage.losses(1, torch.Generator().manual_seed(0))


def test_warps_use_the_known_pose_at_first_only(clips):
    stage = stage_of(only(reconstruction=1.0), ClipFolder(clips, 64))
    stage.known_pose_steps = 1
    for step, learns in ((1, False), (2, True)):
        stage.network.zero_grad()
        stage.losses(step, torch.Generator().manual_seed(0))["reconstruction"].backward()
        gradient = stage.network.codes.pose.output.weight.grad
        assert (gradient is not None and float(gradient.abs().sum()) > 0) == learns
