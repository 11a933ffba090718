"""What the shipped motion model makes of its controls: more asked is more got, for gaze, distance and emotions."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch

from vasa_core.arkit import INDEX
from vasa_core.audio import load_audio_encoder
from vasa_core.audio.align import frame_count
from vasa_core.audio.resample import audio_from_waveform
from vasa_core.media.read import read_waveform
from vasa_core.motion.generate import Sampling, generate
from vasa_core.motion.model import load_motion_model
from vasa_core.types import EMOTIONS, Controls, Curve, Motion

SPEECH = Path(__file__).resolve().parents[2] / "assets" / "speech.wav"
SECONDS = 2.0
EYE = math.radians(30)  # of an eyeLook coefficient of 1 sideways


@pytest.fixture(scope="module")
def spoken():
    """A function that lets the shipped model speak under controls: Controls -> Motion, always with one seed."""
    audio = audio_from_waveform(*first_seconds())
    model = load_motion_model("starter")
    features = load_audio_encoder(model.encoder)(audio, frame_count(audio.duration, model.fps), model.fps)

    def speak(controls: Controls) -> Motion:
        return generate(model, features, controls, Sampling(steps=5), torch.Generator().manual_seed(0))

    return speak


def first_seconds() -> tuple[torch.Tensor, int]:
    waveform, rate = read_waveform(SPEECH)
    return waveform[:, : round(SECONDS * rate)], rate


def look(motion: Motion) -> float:
    """Radians to the viewer's right that the eyes look in the mean: what the head turns, and the eyes in it."""
    dynamics = motion.dynamics.mean(0)
    eyes = dynamics[INDEX["eyeLookOutLeft"]] - dynamics[INDEX["eyeLookInLeft"]]
    return (motion.pose[:, 1].mean() + EYE * eyes).item()


def test_the_eyes_go_where_they_are_asked_to(spoken):
    asked = [-16.0, -8.0, 0.0, 8.0, 16.0]
    got = [math.degrees(look(spoken(Controls(gaze=Curve.constant(math.radians(yaw), 0.0))))) for yaw in asked]
    assert got == sorted(got), got
    assert got[-1] - got[0] > 16.0, got


def test_the_head_comes_and_goes_as_it_is_asked_to(spoken):
    asked = [0.8, 0.9, 1.0, 1.15, 1.3]
    sizes = [spoken(Controls(distance=Curve.constant(d))).pose[:, 5].mean().exp().item() for d in asked]
    assert sizes == sorted(sizes, reverse=True), sizes
    assert sizes[0] / sizes[-1] > 1.2, sizes


@pytest.mark.parametrize(
    ("emotion", "shape"), [("happiness", "mouthSmileLeft"), ("anger", "browDownLeft"), ("surprise", "browInnerUp")]
)
def test_a_face_shows_as_much_of_an_emotion_as_it_is_asked_to(spoken, emotion, shape):
    def mixture(strength: float) -> Curve:
        return Curve.constant(*(strength if name == emotion else 0.0 for name in EMOTIONS))

    got = [spoken(Controls(emotion=mixture(s))).dynamics[:, INDEX[shape]].mean().item() for s in (0.0, 0.5, 1.0)]
    assert got == sorted(got) and got[-1] > got[0] + 0.05, got
