"""A folder of videos becomes a folder of clips: stopped runs go on, changed settings are refused."""

import json
import os
import re
from fractions import Fraction
from pathlib import Path

import pytest
from PIL import Image

from tests.train.film_kit import driving, film, silence, voice
from vasa_core.cli import main
from vasa_core.errors import BadInput
from vasa_core.train import prepare as preparing
from vasa_core.train.face_data import ClipFolder
from vasa_core.train.prepare import find_videos, prepare
from vasa_core.train.preprocess import PrepareSettings
from vasa_core.train.shards import ARCHITECTURE, Clips
from vasa_core.weights import checkpoint

SLOW = PrepareSettings(256, Fraction(5))


@pytest.fixture(scope="module")
def videos(tmp_path_factory):
    """Three people: two who talk, and one whose video is damaged, silent or not a video."""
    folder = tmp_path_factory.mktemp("videos")
    film(folder / "ann" / "talk.mp4", driving()[:65:5], 5, voice(2.6))
    film(folder / "bob.mp4", [picture[:, ::-1] for picture in driving()[20::5]], 5, voice(2.6))
    film(folder / "eve" / "quiet.mp4", driving()[:65:5], 5, silence(2.6))
    (folder / "eve" / "torn.mp4").write_bytes((folder / "bob.mp4").read_bytes()[:3000])
    (folder / "eve" / "notes.txt").write_text("not a video")
    return folder


def files(folder):
    """What the files say: of shards the header with its checksum of the tensors, of records and the report all."""
    paths = [path for path in sorted(folder.rglob("*")) if path.is_file() and path.suffix != ".jpg"]
    assert not [path for path in paths if path.name.startswith(".")]
    return {
        path.name: path.read_text() if path.suffix == ".json" else checkpoint.load(path, ARCHITECTURE)[1]
        for path in paths
    }


@pytest.fixture(scope="module")
def whole(videos, tmp_path_factory):
    """The folder that one undisturbed process makes, and its report."""
    out = tmp_path_factory.mktemp("whole") / "clips"
    return out, prepare(videos, out, SLOW)


def test_everything_is_counted(whole, videos):
    out, report = whole
    assert (report.videos, report.people, report.clips) == (4, 2, 2)
    assert report.seconds == pytest.approx(5.2) and report.dropped == pytest.approx({"silent": 2.6})
    assert list(report.failed) == ["eve/torn.mp4"]
    told = json.loads((out / "prepared.json").read_text())
    assert told["settings"] == {"size": 256, "fps": "5", "encoder": "phonetic", "syncnet": "none", "format": 1}
    assert told["seconds"] == report.seconds and told["failed"] == report.failed
    assert "kept" in report.table() and "66.7 %" in report.table() and "torn.mp4" in report.table()
    with Image.open(out / "prepared.jpg") as sheet:
        assert sheet.size == (8 * 128, 2 * (128 + 18))  # kept, silent
    assert {place.about.identity for place in Clips(out).places} == {"ann", "bob"}
    assert len(ClipFolder(out, 64).people) == 2


def test_several_processes_make_the_same_files(whole, videos, tmp_path):
    prepare(videos, tmp_path / "clips", SLOW, workers=2)
    assert files(tmp_path / "clips") == files(whole[0])


def test_a_run_that_was_killed_goes_on(whole, videos, tmp_path, monkeypatch):
    out, made, real = tmp_path / "clips", [], preparing.prepare_video

    def killed(source, *rest):
        if len(made) == 2:
            (out / f".{source.key}-0000.safetensors.77").write_bytes(b"half")
            (out / f"{source.key}-0009.safetensors").write_bytes(b"of the run that was killed")
            raise KeyboardInterrupt
        made.append(source.name)
        return real(source, *rest)

    monkeypatch.setattr(preparing, "prepare_video", killed)
    with pytest.raises(KeyboardInterrupt):
        prepare(videos, out, SLOW)

    def noted(source, *rest):
        made.append(source.name)
        return real(source, *rest)

    monkeypatch.setattr(preparing, "prepare_video", noted)
    prepare(videos, out, SLOW)
    assert made == ["ann/talk.mp4", "bob.mp4", "eve/quiet.mp4", "eve/torn.mp4"]  # none twice
    assert files(out) == files(whole[0])
    made.clear()
    prepare(videos, out, SLOW)
    assert made == [] and files(out) == files(whole[0])


def test_a_changed_setting_is_refused(whole, videos):
    before = files(whole[0])
    larger, faster = PrepareSettings(512, Fraction(5)), PrepareSettings(256)
    for settings, says in ((larger, "size 256, not 512"), (faster, "fps 5, not 25")):
        with pytest.raises(BadInput, match=says):
            prepare(videos, whole[0], settings)
    assert files(whole[0]) == before


def test_a_video_that_has_changed_is_prepared_anew(tmp_path, monkeypatch):
    film(tmp_path / "a.mp4", driving()[:5], 5, voice(1))
    prepare(tmp_path, tmp_path / "clips", SLOW)
    film(tmp_path / "a.mp4", driving()[:10], 5, voice(2))
    assert prepare(tmp_path, tmp_path / "clips", SLOW).dropped == pytest.approx({"too short": 2.0})


def test_clips_of_a_video_that_is_gone_are_said(tmp_path):
    for name in ("a", "b"):
        film(tmp_path / "videos" / f"{name}.mp4", driving()[:5], 5, voice(1))
    prepare(tmp_path / "videos", tmp_path / "clips", SLOW)
    (tmp_path / "videos" / "a.mp4").unlink()
    said = []
    assert prepare(tmp_path / "videos", tmp_path / "clips", SLOW, say=said.append).videos == 1
    told = next(line for line in said if "holds clips of 1 videos that are not in" in line)
    name = re.search(r"records/(\S+)\.json", told)[1]
    assert name.startswith("a-") and (tmp_path / "clips" / "records" / f"{name}.json").is_file()


def test_names_of_files_are_safe_and_differ(tmp_path):
    names = ["a b/c.mp4", "a_b/c.mp4", "a b/c.mov", "x/é?.mkv", ".hidden/y.mp4", "z.txt"]
    for name in names:
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"")
    sources = find_videos(tmp_path)
    assert [source.name for source in sources] == sorted(names[:4], key=lambda name: Path(name).parts)
    assert len({source.key for source in sources}) == 4
    assert all(source.key.replace("-", "").replace("_", "").isalnum() for source in sources)
    assert [source.identity for source in sources] == ["a b", "a b", "a_b", "x"]


def test_the_command(videos, tmp_path, capfd):
    only = tmp_path / "videos" / "ann"
    only.mkdir(parents=True)
    os.link(videos / "ann" / "talk.mp4", only / "talk.mp4")
    arguments = ["train", "prepare", str(only.parent), "-o", str(tmp_path / "clips"), "--size", "256", "--workers", "1"]
    assert main([*arguments, "--fps", "5"]) == 0
    said = capfd.readouterr().err
    assert "1 clips of 1 people" in said and "100.0 %" in said and "no --syncnet is named" in said
    assert main(arguments) == 2
    assert "made with fps 5, not 25" in capfd.readouterr().err
    assert main(["train", "prepare", str(tmp_path / "none"), "-o", str(tmp_path / "other")]) == 2
    assert "no videos" in capfd.readouterr().err and not (tmp_path / "other").exists()


def test_a_stopped_command_says_how_to_go_on(videos, tmp_path, capfd, monkeypatch):
    def stopped(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(preparing, "prepare_video", stopped)
    arguments = ["train", "prepare", str(videos), "-o", str(tmp_path / "clips"), "--workers", "1"]
    assert main(arguments) == 130 and "run the same command to go on" in capfd.readouterr().err
