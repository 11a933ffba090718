"""The control timeline: its lanes as controls, equal to what its widget draws; what is malformed; the sound's peaks."""

from __future__ import annotations

import json

import pytest
import torch

from tests.nodes.live_server import CLIP_SECONDS, node
from tests.nodes.test_bad_input import plain
from tests.nodes.values import looking
from tests.web.javascript import computed
from vasa_core.motion.controls import sample_curve
from vasa_core.types import EMOTIONS, Curve

FULL = {
    "version": 1,
    "gaze": {
        "ease": "smooth",
        "keys": [
            {"t": 0.0, "yaw": 0, "pitch": 5.0},
            {"t": 1.3, "yaw": 21.5, "pitch": 5.0},
            {"t": 4, "yaw": -30, "pitch": -20},
        ],
    },
    "distance": {"ease": "linear", "keys": [{"t": 0.5, "distance": 0.8}, {"t": 2.25, "distance": 1.3}]},
    "emotion": {"ease": "step", "keys": [{"t": 1.0, "happiness": 0.5}, {"t": 2.0, "surprise": 1, "neutral": 0.25}]},
}
CHANNELS = {"gaze": ("yaw", "pitch"), "distance": ("distance",), "emotion": EMOTIONS}


def restored(told: dict) -> Curve:
    times, values = (torch.tensor(told[part], dtype=torch.float64) for part in ("times", "values"))
    return Curve(times, values, told["ease"])


@pytest.fixture(scope="module")
def curves(run):
    """A function that runs a timeline and returns {lane: Curve or None}."""

    def made(timeline: object, **more: dict) -> dict[str, Curve | None]:
        links = {name: [name, 0] for name in more}
        prompt = {"timeline": node("VASA_ControlTimeline", timeline=timeline, **links), **more}
        prompt["report"] = node("TestReport", value=["timeline", 0])
        done = run(prompt)
        assert done.ending.type == "execution_success", done.ending
        told = json.loads(done.outputs["report"]["text"][0])["curves"]
        return {lane: curve and restored(curve) for lane, curve in told.items()}

    return made


def test_lanes_become_controls_as_the_widget_draws_them(curves, tmp_path):
    times = [k * 0.05 - 0.5 for k in range(120)]
    expression = """Object.fromEntries(Object.entries(LANES).map(([lane, channels]) =>
        [lane, given.times.map((t) => channels.map((channel) => laneAt(given.value, lane, channel, t)))]))"""
    imports = 'import { LANES, laneAt } from "./shared/keys.js";'
    drawn = computed(tmp_path, imports, expression, {"value": FULL, "times": times})
    asked = curves(FULL)
    for lane, values in drawn.items():
        wanted = torch.tensor(values, dtype=torch.float64)
        wanted = wanted.deg2rad() if lane == "gaze" else wanted
        found = sample_curve(asked[lane], torch.tensor(times, dtype=torch.float64))
        assert found.shape == (len(times), len(CHANNELS[lane]))
        assert (found - wanted).abs().max() < 1e-5, lane


def test_a_lane_without_keys_asks_for_nothing(curves):
    empty = curves({"version": 1, "gaze": {"ease": "smooth", "keys": []}})
    assert empty == {"gaze": None, "distance": None, "emotion": None}


def test_controls_take_the_place_of_lanes(curves):
    both = curves(FULL, controls=node("VASA_Gaze", **looking(9.0, -3.0)))
    assert torch.allclose(both["gaze"].values, torch.tensor([[9.0, -3.0]], dtype=torch.float64).deg2rad())
    assert len(both["distance"].times) == 2 and both["emotion"].ease == "step"


MALFORMED = [
    (5, "version 1"),
    ({"version": 2}, "version 2"),
    ({"version": 1, "gazes": {}}, "'gazes'"),
    ({"version": 1, "gaze": 3}, "'gaze'"),
    ({"version": 1, "gaze": {"keys": {}}}, "'gaze'"),
    ({"version": 1, "gaze": {"keys": [1]}}, "'gaze'"),
    ({"version": 1, "gaze": {"ease": "bouncy", "keys": []}}, "'bouncy'"),
    ({"version": 1, "gaze": {"keys": [{"t": 0, "yaw": 0}]}}, "'pitch'"),
    ({"version": 1, "gaze": {"keys": [{"t": 0, "yaw": 31, "pitch": 0}]}}, "31"),
    ({"version": 1, "gaze": {"keys": [{"t": -1, "yaw": 0, "pitch": 0}]}}, "'t'"),
    ({"version": 1, "distance": {"keys": [{"t": 0, "distance": "far"}]}}, "'far'"),
    ({"version": 1, "distance": {"keys": [{"t": 1, "distance": 1}, {"t": 1, "distance": 2}]}}, "rise"),
    ({"version": 1, "emotion": {"keys": [{"happiness": 0.5}]}}, "'t'"),
    ({"version": 1, "emotion": {"keys": [{"t": 0, "joy": 0.5}]}}, "'joy'"),
    ({"version": 1, "emotion": {"keys": [{"t": 0, "fear": True}]}}, "True"),
]


@pytest.mark.parametrize(("timeline", "says"), MALFORMED)
def test_a_malformed_timeline_is_told_in_a_sentence(run, timeline, says):
    prompt = {"timeline": node("VASA_ControlTimeline", timeline=timeline)}
    prompt["report"] = node("TestReport", value=["timeline", 0])
    message = plain(run(prompt).error)
    assert "'timeline'" in message and says in message, message


def test_the_browser_gets_the_peaks_of_any_sound(run):
    prompt = {
        "sound": node("LoadAudio", audio="clip.wav"),
        "timeline": node("VASA_ControlTimeline", timeline=FULL, audio=["sound", 0]),
        "report": node("TestReport", value=["timeline", 0]),
    }
    shown = run(prompt).outputs["timeline"]
    assert shown["seconds"] == [pytest.approx(CLIP_SECONDS)]
    assert len(shown["peaks"]) == round(CLIP_SECONDS * 50)
    assert all(0 <= peak <= 255 for peak in shown["peaks"]) and max(shown["peaks"]) > 25


def test_a_sound_that_cannot_be_spoken_to_is_refused(run):
    prompt = {
        "sound": node("TestBrokenAudio", kind="nan"),
        "timeline": node("VASA_ControlTimeline", timeline=FULL, audio=["sound", 0]),
        "report": node("TestReport", value=["timeline", 0]),
    }
    assert "'audio'" in plain(run(prompt).error)
