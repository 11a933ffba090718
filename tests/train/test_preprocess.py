"""One video becomes clips: what is kept is whole and in time, and what is dropped is dropped for its reason."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
import torch

from tests.train.film_kit import clapperboard, driving, film, silence, voice
from vasa_core.audio import weights_of
from vasa_core.metrics.sync import SyncScore
from vasa_core.train import preprocess
from vasa_core.train.preprocess import PrepareSettings, Source, Tools, prepare_video
from vasa_core.train.shards import Clips
from vasa_core.train.shots import Watched
from vasa_core.vision.detect import find_faces

SLOW = PrepareSettings(256, Fraction(5))


@pytest.fixture(scope="module")
def tools():
    return Tools.load(SLOW)


@pytest.fixture(scope="module")
def face(tools):
    """Landmarks (478, 3) of the first driving frame."""
    picture = torch.from_numpy(driving()[0]).permute(2, 0, 1).float() / 255
    return find_faces(tools.vision, picture)[0].landmarks


def standing(face, wander=0.0):
    """In place of `watch`: the face stands still, or moves by `wander` pixels to either side, and nothing is wrong."""

    def seen(vision, pictures, fps, smallest, progress):
        count = sum(1 for _ in pictures)
        way = torch.linspace(-wander, wander, count)[:, None, None] * torch.tensor([1.0, 0.0, 0.0])
        return Watched(face + way, torch.zeros(count).bool(), torch.zeros(count, dtype=torch.uint8))

    return seen


def prepared(path, tools, settings=SLOW):
    source = Source(path, path.name, "somebody", path.stem)
    out = path.parent / "out"
    out.mkdir(exist_ok=True)
    return prepare_video(source, out, settings, tools), out


def test_a_talking_video_becomes_a_clip_with_all_its_labels(tmp_path, tools):
    path = film(tmp_path / "talk.mp4", driving()[::5], 5, voice(3.4))
    record, out = prepared(path, tools)
    assert record.failure is None and record.dropped == {} and record.clips == 1
    assert record.seconds == pytest.approx(3.4) and set(record.shown) == {"kept"}
    clips = Clips(out)
    place, about = clips.places[0], clips.places[0].about
    assert (about.identity, about.source, about.start, about.fps, about.frames) == ("somebody", "talk.mp4", 0, 5, 17)
    assert about.samples == 17 * 3200 and clips.encoder == "phonetic"
    assert clips.encoder_weights == weights_of(tools.encoder)
    shapes = {name: tuple(value.shape) for name, value in vars(clips.measured(place)).items()}
    assert shapes == {
        "pose": (17, 6),
        "dynamics": (17, 52),
        "gaze": (17, 2),
        "landmarks": (17, 478, 3),
        "features": (17, 38),
    }
    labels, shown = clips.measured(place), clips.pictures(place, range(17))
    assert shown.shape == (17, 3, 256, 256)
    again = find_faces(tools.vision, shown[8].float() / 255)[0].landmarks
    assert (again - labels.landmarks[8])[:, :2].norm(dim=1).median() < 1.0  # pixels
    assert labels.pose[:, :3].abs().amax() < 0.6 and labels.gaze.abs().amax() < 1.0
    _, heard = voice(3.4), clips.sound(place)
    assert float(heard.samples.abs().amax()) > 0.1


@pytest.mark.parametrize(
    ("kind", "reason"),
    [("two people", "several faces"), ("nobody", "no face"), ("silent", "silent"), ("mute", "no sound")],
)
def test_what_is_of_no_use_is_dropped_for_its_reason(tmp_path, tools, kind, reason):
    pictures, sound = driving()[:75:5], {"silent": silence(3), "mute": None}.get(kind, voice(3.0))
    if kind == "two people":
        pictures = [np.concatenate([picture, picture[:, ::-1]], axis=1) for picture in pictures]
    elif kind == "nobody":
        squares = np.random.default_rng(0).integers(0, 255, (len(pictures), 8, 8, 3), np.uint8)
        pictures = [picture.repeat(32, 0).repeat(32, 1) for picture in squares]
    record, out = prepared(film(tmp_path / "x.mp4", pictures, 5, sound), tools)
    assert record.clips == 0 and not list(out.iterdir()) and record.failure is None
    assert record.dropped.get(reason, 0.0) > 2.0 and sum(record.dropped.values()) == pytest.approx(3.0)


def test_a_damaged_video_is_recorded_as_such(tmp_path, tools):
    whole = film(tmp_path / "whole.mp4", driving()[:20], 5, voice(4.0)).read_bytes()
    (tmp_path / "cut.mp4").write_bytes(whole[: len(whole) // 3])
    (tmp_path / "text.mp4").write_bytes(b"no video")
    for name in ("cut", "text"):
        record, out = prepared(tmp_path / f"{name}.mp4", tools)
        assert name in record.failure and record.clips == 0 and not list(out.iterdir())


TIMES = {
    "23.976": [k * 1001 / 24000 for k in range(66)],
    "25": [k / 25 for k in range(70)],
    "30": [k / 30 for k in range(84)],
    "60": [k / 60 for k in range(168)],
    "varying": np.cumsum(np.random.default_rng(1).choice([0.02, 0.033, 0.05, 0.08], 64)).tolist(),
    "starts late": [0.31 + k / 25 for k in range(66)],
}


@pytest.mark.parametrize(("rate", "moment"), [*zip(TIMES, (0.5, 2.1, 1.5, 2.3, 2.2, 1.03), strict=True)])
def test_picture_and_sound_stay_together(tmp_path, tools, face, monkeypatch, rate, moment):
    """A white patch and a click at one moment are within a frame of each other in the clip, at any frame rate."""

    monkeypatch.setattr(preprocess, "watch", standing(face))
    path = clapperboard(tmp_path / "clap.mkv", TIMES[rate], moment)
    record, out = prepared(path, tools, PrepareSettings(256, Fraction(25)))
    assert record.clips == 1, record
    clips = Clips(out)
    place = clips.places[0]
    white = (clips.pictures(place, range(place.about.frames)) > 240).all(1).sum((1, 2))
    flash = int(white.diff().argmax()) + 1  # the first frame with the patch
    click = int((clips.sound(place).samples > 0.5).nonzero()[0]) / 16000
    assert abs(click + place.about.start - moment) < 0.002
    first_shown = min(time for time in TIMES[rate] if time >= moment)  # the film itself shows it so late
    assert abs(flash / 25 - first_shown) < 1 / 25
    assert -1 / 25 < flash / 25 - click < 1 / 25 + first_shown - moment


def test_lips_that_are_certainly_out_of_time_are_dropped(tmp_path, tools, monkeypatch):
    late = preprocess.Lag(0.32, True)
    monkeypatch.setattr(preprocess, "lag_of_sound", lambda *_: late)
    record, out = prepared(film(tmp_path / "x.mp4", driving()[:75:5], 5, voice(3.0)), tools)
    assert record.dropped == {"bad sync": 3.0} and record.late == 0.32 and not list(out.iterdir())


@pytest.mark.parametrize(
    ("score", "kept"), [((5.0, 7.0, 3), True), ((5.0, 7.0, 4), False), ((5.0, 7.0, -4), False), ((1.9, 12.0, 0), False)]
)
def test_clips_that_syncnet_turns_down_are_dropped(tmp_path, tools, face, monkeypatch, score, kept):
    given = {}

    def scored(network, faces, fps, audio):
        given.update(network=network, seconds=(len(faces) / fps, audio.duration))
        return SyncScore(*score)

    monkeypatch.setattr(preprocess, "watch", standing(face))
    monkeypatch.setattr(preprocess, "sync_faces", lambda vision, frames, fps: torch.stack(frames))
    monkeypatch.setattr(preprocess, "score_sync", scored)
    path = film(tmp_path / "x.mp4", driving()[:75:5], 5, voice(3.0))
    record, out = prepared(path, replace(tools, syncnet="network"))
    assert given == {"network": "network", "seconds": (3.0, 3.0)}
    assert (record.clips, record.dropped) == ((1, {}) if kept else (0, {"bad sync": 3.0}))
    assert len(list(out.iterdir())) == kept and set(record.shown) == {"kept" if kept else "bad sync"}


def test_a_face_that_leaves_its_crop_is_dropped(tmp_path, tools, face, monkeypatch):
    monkeypatch.setattr(preprocess, "watch", standing(face, wander=150.0))
    record, _ = prepared(film(tmp_path / "x.mp4", driving()[:75:5], 5, voice(3.0)), tools)
    assert record.dropped == {"leaves its crop": 3.0}
