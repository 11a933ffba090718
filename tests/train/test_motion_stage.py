"""The motion stage on made-up features: data, loss, and a tiny model that overfits four clips."""

import copy

import numpy as np
import pytest
import torch

from vasa_core.arkit import INDEX
from vasa_core.errors import BadInput
from vasa_core.motion.conditions import EMOTION, FIELDS, PREVIOUS, PREVIOUS_AUDIO, PREVIOUS_MOTION, WINDOW
from vasa_core.motion.denoiser import Preset
from vasa_core.motion.generate import Sampling, generate
from vasa_core.motion.model import MotionModel, load_motion_model
from vasa_core.train.data import Drops, Performances, Utterance
from vasa_core.train.loop import Recipe, averaged, train
from vasa_core.train.motion_stage import (
    EASE,
    channel_weights,
    eased,
    emphasis,
    motion_loss,
    new_model,
    train_motion,
)
from vasa_core.types import AudioFeatures, Controls

SMALL = Preset(layers=2, width=64, heads=2, widen=2)


def clip(seed: int, frames: int = 150, silent: bool = False) -> Utterance:
    """38 features whose first six are the mouth's curves, as the phonetic encoder's are."""
    random = np.random.default_rng(seed)
    mouth = np.zeros((frames, 6), dtype=np.float32)
    if not silent:
        wave = np.abs(np.sin(np.arange(frames) * random.uniform(0.2, 0.5)))
        mouth[:] = (wave[:, None] * (0.6, 0.6, 0.3, 0.2, 0.2, 0.1)).astype(np.float32)
    features = np.zeros((frames, 38), dtype=np.float32)
    features[:, :6] = mouth
    features[:, 35] = mouth[:, 0] - 0.6 if not silent else -3
    return Utterance(features, mouth)


CLIPS = [*(clip(k) for k in range(4)), clip(9, silent=True)]


@pytest.fixture(scope="module")
def model():
    return new_model(CLIPS, "toy", SMALL, seed=0)


def test_batches_repeat_by_number_and_no_two_are_alike(model):
    data = Performances(CLIPS, model.channels, 25.0, Drops(), seed=1)
    a, b, c = data.batch(3, 8, 2), data.batch(3, 8, 2), data.batch(4, 8, 2)
    assert torch.equal(a.clean, b.clean) and torch.equal(a.conditions.keep, b.conditions.keep)
    assert not torch.allclose(a.clean, c.clean)
    assert a.clean.shape == (8, WINDOW, len(model.channels)) and a.conditions.previous_motion.shape[1] == PREVIOUS


def test_conditions_are_withheld_as_often_as_asked(model):
    drops = Drops(condition=0.1, gaze=0.1, emotion=1.0, previous=0.5, tail=0.25)
    data = Performances(CLIPS, model.channels, 25.0, drops, seed=1)
    parts = [data.batch(k, 64, 16).conditions for k in range(6)]
    missing = 1 - torch.cat([p.keep for p in parts]).float().mean(0)
    for name in ("audio", "gaze", "distance"):
        assert abs(missing[FIELDS.index(name)] - 0.1) < 0.06
    assert abs(missing[PREVIOUS_MOTION] - 0.5) < 0.1 and missing[PREVIOUS_AUDIO] == missing[PREVIOUS_MOTION]
    for part in parts:  # an emotion that is felt is always told
        felt = np.delete(part.emotion.numpy(), 5, axis=2).any((1, 2))
        assert part.keep[torch.from_numpy(felt), EMOTION].all()
    valid = torch.cat([p.valid for p in parts])
    assert valid[:, 0].all() and 0.1 < (~valid[:, -1]).float().mean() < 0.4
    assert (valid.int().diff(dim=1) <= 0).all()  # only the end is missing


def test_the_previous_frames_run_into_the_window(model):
    data = Performances(CLIPS, model.channels, 25.0, Drops(noise=0.0), seed=2)
    batch = data.batch(0, 16, 4)
    joint = torch.cat([batch.conditions.previous_motion, batch.clean], dim=1)[..., :3]
    steps = joint.diff(dim=1).abs()
    assert steps[:, PREVIOUS - 1].mean() < 2 * steps.mean()


def test_speech_and_silence_are_both_needed(model):
    for some in (CLIPS[:4], CLIPS[4:]):
        with pytest.raises(BadInput, match="silent"):
            Performances(some, model.channels, 25.0, Drops(), seed=0)


def test_shut_lips_tucked_lips_and_shut_lids_weigh_more(model):
    weights, names = channel_weights(model.channels), model.channels.names
    mouth = torch.tensor(
        [[[0.5, 0.5, 0, 0, 0, 0.0], [0.1, 0.0, 0, 0, 0, 0.0], [0.0, 0.0, 0, 0, 0, 0], [0.1, 0.1, 0, 0, 0, 1.0]]]
    )
    motion = torch.zeros(1, 4, 58)
    motion[0, 2, 6 + INDEX["eyeBlinkLeft"]] = motion[0, 2, 6 + INDEX["eyeBlinkRight"]] = 1.0
    weight = emphasis(model.channels, model.channels.normalise(motion), mouth, weights)[0]
    blink = names.index("eyeBlink")
    assert weight[2, blink] > 1.5 * weight[0, blink]
    aperture, tuck, yaw = (names.index(n) for n in ("aperture", "mouthRollLower", "yaw"))
    assert (
        weight[1, aperture] > 3 * weight[0, aperture] and weight[2, aperture] == weight[0, aperture]
    )  # silence is easy
    assert weight[3, tuck] > 3 * weight[0, tuck] and weight[1, yaw] == weight[0, yaw]


def test_the_head_sets_out_gently_where_it_continues(model):
    data = Performances(CLIPS, model.channels, 25.0, Drops(), seed=0)
    batch = data.batch(0, 4)
    batch.conditions.keep[:, PREVIOUS_MOTION] = torch.tensor([True, True, False, False])
    clean, gentle = batch.clean, eased(batch.clean, batch.conditions)
    last = batch.conditions.previous_motion[:, -1, :6]
    assert torch.allclose(gentle[:2, 0, :6], clean[:2, 0, :6].lerp(last[:2], EASE))
    assert torch.allclose(gentle[:, 10:], clean[:, 10:], atol=1e-3)
    assert torch.equal(gentle[2:], clean[2:]) and torch.equal(gentle[..., 6:], clean[..., 6:])


def test_a_tiny_model_overfits_four_clips(tmp_path, model):
    """In well under a minute the sampled lips follow the sound of four clips."""
    model = copy.deepcopy(model)
    data = Performances(CLIPS, model.channels, 25.0, Drops(), seed=0)
    batches = [data.batch(k, 16, 4) for k in range(4)]
    weights = channel_weights(model.channels)
    average = averaged(model)
    recipe = Recipe(steps=120, learning_rate=3e-3, warm_up=10, average=0.9, save_every=1000)
    reports = list(
        train(model, average, lambda s, g: motion_loss(model, batches[s % 4], weights, g), recipe, tmp_path / "s")
    )
    first, last = (np.mean([sum(r.losses.values()) for r in part]) for part in (reports[:10], reports[-10:]))
    assert last < 0.5 * first
    features = AudioFeatures(torch.from_numpy(CLIPS[0].features), 25.0, "toy")
    motion = generate(average, features, Controls(), Sampling(), torch.Generator().manual_seed(0))
    jaw = motion.dynamics[:, 17].numpy()
    assert np.corrcoef(jaw, CLIPS[0].mouth[:, 0])[0, 1] > 0.8


def test_training_writes_a_model_that_loads_and_a_log(tmp_path, model):
    seen = []
    recipe = Recipe(steps=3, save_every=2, warm_up=1)
    out = tmp_path / "m.safetensors"
    train_motion(CLIPS, out, recipe, encoder="toy", start=copy.deepcopy(model), batch=4, progress=seen.append)
    assert [r.step for r in seen] == [1, 2, 3]
    assert isinstance(load_motion_model(out), MotionModel)
    assert len(out.with_suffix(".csv").read_text().splitlines()) == 4
