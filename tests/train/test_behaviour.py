"""Training performances hold what the motion model is to learn. A stand-in voice: bursts of syllables and pauses."""

import numpy as np
import pytest
import torch

from vasa_core.arkit import ARKIT, INDEX, LOOK_SIDEWAYS, LOOK_VERTICAL
from vasa_core.geometry import rotation_from_pose
from vasa_core.motion.channels import PARTING_LOWER, lip_aperture
from vasa_core.train.behaviour import Labels, draw_labels, perform
from vasa_core.train.expression import speak
from vasa_core.train.head import hear
from vasa_core.train.signals import smoothed
from vasa_core.types import EMOTIONS

FPS = 25.0
FRAMES = 3000  # two minutes


def stand_in(frames=FRAMES, seed=0):
    """Mouth (T, 6) and prosody (T, 3): syllables in phrases of three seconds, and now and then a p, b or m."""
    random = np.random.default_rng(seed)
    time = np.arange(frames) / FPS
    phrase = (np.sin(2 * np.pi * time / 4.0) > -0.6).astype(float)
    stress = np.repeat(random.uniform(0.3, 1.0, frames // 5 + 1), 5)[:frames]
    beat = np.maximum(np.sin(2 * np.pi * 2.5 * time), 0) * phrase * stress
    mouth = np.zeros((frames, 6))
    mouth[:, 0] = mouth[:, 1] = 0.1 * phrase + 0.6 * beat
    mouth[(np.arange(frames) % 35 < 2) & (phrase > 0), 1] = 0.01
    loudness = np.where(phrase > 0, -0.9 + 0.9 * beat, -3.0)
    return mouth, np.stack([loudness, phrase * 0.9, 0.1 * beat], axis=1)


def plain(frames=FRAMES, **emotions):
    values = np.zeros((frames, len(EMOTIONS)))
    for name, value in emotions.items():
        values[:, EMOTIONS.index(name)] = value
    return Labels(np.zeros((frames, 2)), np.ones((frames, 1)), values)


def performed(labels=None, seed=0):
    return perform(np.random.default_rng(seed), *stand_in(), labels or plain(), FPS)


def column(motion, name):
    return motion[:, 6 + INDEX[name]]


@pytest.fixture(scope="module")
def neutral():
    return performed()


def test_it_is_whole_and_in_range(neutral):
    assert neutral.shape == (FRAMES, ARKIT.width) and np.isfinite(neutral).all()
    assert neutral[:, 6:].min() >= 0 and neutral[:, 6:].max() <= 1


def test_a_seed_is_a_performance_and_the_lips_hold_no_chance(neutral):
    again, other = performed(), performed(seed=1)
    assert np.array_equal(neutral, again)
    assert not np.allclose(neutral[:, :3], other[:, :3], atol=0.01)
    for name in ("jawOpen", "mouthClose", "mouthFunnel", "mouthPucker", "mouthRollLower", "mouthStretchLeft"):
        assert np.array_equal(column(neutral, name), column(other, name)), name


def test_the_head_turns_as_much_as_a_speakers_and_does_not_tremble(neutral):
    rotation = rotation_from_pose(torch.from_numpy(neutral[:, :6]).double())
    cosine = ((rotation[1:] @ rotation[:-1].mT).diagonal(dim1=1, dim2=2).sum(1) - 1) / 2
    step = torch.rad2deg(torch.acos(cosine.clamp(-1, 1)))
    assert 0.2 < step.mean() < 0.6
    assert np.degrees(np.abs(np.diff(neutral[:, :3], 2, axis=0))).mean() < 0.15
    assert np.degrees(np.abs(neutral[:, 1])).max() < 18


def test_the_head_follows_the_voice(neutral):
    """Nods: fast pitch and fast loudness move together far more than at a wrong time."""
    envelope = hear(stand_in()[1], FPS).envelope
    loud, pitch = (smoothed(v, 2) - smoothed(v, 15) for v in (envelope, neutral[:, 0].astype(float)))
    right = max(abs(np.corrcoef(np.roll(loud, k), pitch)[0, 1]) for k in range(0, 9))
    wrong = np.mean([abs(np.corrcoef(np.roll(loud, 300 + 97 * k), pitch)[0, 1]) for k in range(20)])
    assert right > 0.15 and right > 2 * wrong


def test_blinks_come_10_to_25_a_minute_fast_to_close_and_slower_to_open(neutral):
    lids = column(neutral, "eyeBlinkLeft")
    downs = np.flatnonzero((lids[1:] > 0.5) & (lids[:-1] <= 0.5)) + 1
    assert 10 <= len(downs) / (FRAMES / FPS / 60) <= 25
    assert np.array_equal(lids, column(neutral, "eyeBlinkRight"))
    rises, falls = [], []
    for start in downs[:-1]:
        event = lids[start - 4 : start + 12]
        top = int(event.argmax())
        rises.append(top - int(np.flatnonzero(event[:top] < 0.15).max(initial=0)))
        falls.append(int(np.flatnonzero(event[top:] < 0.15).min(initial=12)))
    assert np.mean(rises) <= 3.5 and np.mean(falls) > np.mean(rises)


def test_eyes_make_up_for_the_head():
    labels = plain()
    labels.gaze[:] = np.radians((15.0, -6.0))
    motion = performed(labels)
    yaw = LOOK_SIDEWAYS * (column(motion, "eyeLookOutLeft") - column(motion, "eyeLookInLeft")) + motion[:, 1]
    pitch = LOOK_VERTICAL * (column(motion, "eyeLookUpLeft") - column(motion, "eyeLookDownLeft")) + motion[:, 0]
    assert abs(np.degrees(np.median(yaw)) - 15) < 1.0 and abs(np.degrees(np.median(pitch)) + 6) < 1.0
    assert 3 < np.degrees(motion[:, 1].mean()) < 8  # the head takes about a third


def test_distance_is_the_log_of_size():
    labels = plain()
    labels.distance[:] = 1.25
    change = performed(labels)[:, 5] - performed()[:, 5]
    assert np.allclose(change, -np.log(1.25), atol=1e-5)


def test_in_silence_the_mouth_is_shut_and_the_face_alive():
    frames = 1500
    prosody = np.tile((-3.0, 0.0, 0.0), (frames, 1))
    motion = perform(np.random.default_rng(0), np.zeros((frames, 6)), prosody, plain(frames), FPS)
    assert column(motion, "jawOpen").max() == 0 and column(motion, "mouthUpperUpLeft").max() == 0
    assert column(motion, "eyeBlinkLeft").max() > 0.9
    assert np.abs(np.diff(motion[:, 4])).max() > 0  # breathing


SIGNS = {
    "anger": "browDownLeft",
    "contempt": "mouthSmileLeft",
    "disgust": "noseSneerLeft",
    "fear": "eyeWideLeft",
    "happiness": "cheekSquintLeft",
    "sadness": "mouthFrownLeft",
    "surprise": "browOuterUpLeft",
}


@pytest.mark.parametrize("emotion", EMOTIONS)
def test_each_emotion_moves_its_own_features_and_no_lip_closure(emotion, neutral):
    motion = performed(plain(**{emotion: 1.0}))
    shut = stand_in()[0][:, 1] < 0.02
    for name in ("jawOpen", "mouthClose"):
        assert np.array_equal(column(motion, name), column(neutral, name))
    for name in ("mouthUpperUpLeft", "mouthLowerDownLeft"):
        assert (column(motion, name)[shut] - column(neutral, name)[shut]).max() < 0.08
    if emotion == "neutral":
        assert np.allclose(motion, neutral, atol=1e-6)
    else:
        assert column(motion, SIGNS[emotion]).mean() - column(neutral, SIGNS[emotion]).mean() > 0.25
    if emotion == "contempt":
        assert column(motion, "mouthSmileRight").mean() < 0.5 * column(motion, "mouthSmileLeft").mean()


def test_the_mouth_reads_back_as_the_curves_it_was_made_of():
    random = np.random.default_rng(0)
    mouth = random.uniform(0, 0.8, (50, 6))
    shapes = speak(mouth)
    apart = lip_aperture(torch.from_numpy(shapes)).numpy()
    assert np.allclose(shapes[:, INDEX["jawOpen"]], mouth[:, 0])
    assert np.allclose(apart, np.minimum(mouth[:, 1], mouth[:, 0] + 1 / PARTING_LOWER))
    assert np.allclose(shapes[:, INDEX["mouthStretchLeft"]] + shapes[:, INDEX["mouthSmileLeft"]], mouth[:, 2])
    assert np.allclose(shapes[:, INDEX["mouthRollLower"]], mouth[:, 5])


def test_labels_stay_where_the_face_models_honour_them():
    for seed in range(60):
        labels = draw_labels(np.random.default_rng(seed), 200, FPS)
        assert (np.degrees(np.abs(labels.gaze)).max(0) <= (20.001, 12.001)).all()
        assert labels.distance.min() > 0.79 and labels.distance.max() < 1.31
        assert labels.emotion.min() >= 0 and labels.emotion.max() <= 1
