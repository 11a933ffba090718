"""The verb evaluate: tables come out whole, a stopped run goes on, and complaints are one sentence."""

import csv
import json

import pytest
import torch
from PIL import Image

from tests.metrics import kit
from vasa_core import cli_evaluate
from vasa_core.cli import CANCELLED, FAILED, main
from vasa_core.errors import BadInput
from vasa_core.metrics import reading
from vasa_core.metrics.capp import CappConfig, CappNetwork, save_capp
from vasa_core.metrics.evaluate import groups_of, original_of, read_wishes, wish_of
from vasa_core.metrics.reading import Wish
from vasa_core.metrics.report import DASH


@pytest.fixture
def films(tmp_path, monkeypatch):
    """A folder of generated videos, `made`, and one real one of the same name as one of them."""
    monkeypatch.setattr(reading, "track_face", kit.follow(lambda count: kit.looking(5, 0, frames=count)))
    monkeypatch.setattr(cli_evaluate, "load_vision", lambda: torch.nn.Identity())
    monkeypatch.setenv("VASA_MODELS", str(tmp_path / "models"))
    for folder in ("made", "real"):
        (tmp_path / folder).mkdir()
    for number, name in enumerate(("made/a.mp4", "made/b.mp4", "alone.mp4", "real/a.mp4")):
        kit.write_film(tmp_path / name, frames=12, seed=number, sound=False)
    return tmp_path


def run(films, *more):
    return main(
        ["evaluate", str(films / "made"), str(films / "alone.mp4"), "--real", str(films / "real")]
        + ["-o", str(films / "out"), "--device", "cpu", *more]
    )


def test_a_table_of_folders_files_and_real_videos(films, capsys):
    assert run(films, "--title", "Ours") == 0
    out = films / "out"
    assert {path.name for path in out.iterdir()} == {"table.md", "table.csv", "table.png", "videos.csv", "videos"}
    with open(out / "table.csv", encoding="utf-8") as file:
        rows = {row["name"]: row for row in csv.DictReader(file)}
    assert list(rows) == ["made", "alone", "all generated", "real video"]
    assert rows["made"]["videos"] == "2" and float(rows["made"]["PSNR"]) > 3 and rows["alone"]["PSNR"] == ""
    assert rows["made"]["S_C"] == rows["made"]["FVD_25"] == "" and float(rows["real video"]["dP"]) < 0.01
    page = (out / "table.md").read_text(encoding="utf-8")
    assert page.startswith("# Ours") and DASH in page and "no SyncNet weights" in page and "| 0.000 |" in page
    assert capsys.readouterr().out.strip() == page.strip()
    with open(out / "videos.csv", encoding="utf-8") as file:
        assert len(list(csv.DictReader(file))) == 4
    with Image.open(out / "table.png") as picture:
        assert picture.width > 1000


def test_a_stopped_run_goes_on_and_measures_again_what_changed(films, monkeypatch, capsys):
    measure, measured = cli_evaluate.read_clip, []

    def stopping(clip, *rest):
        if len(measured) == 2:
            raise KeyboardInterrupt
        measured.append(clip.video.name)
        return measure(clip, *rest)

    monkeypatch.setattr(cli_evaluate, "read_clip", stopping)
    assert run(films) == CANCELLED and not (films / "out" / "table.md").exists()
    assert "run the same command to go on" in capsys.readouterr().err
    monkeypatch.setattr(
        cli_evaluate, "read_clip", lambda clip, *rest: measured.append(clip.video.name) or measure(clip, *rest)
    )
    assert run(films) == 0 and measured == ["a.mp4", "b.mp4", "alone.mp4", "a.mp4"]
    assert run(films) == 0 and len(measured) == 4
    wishes = films / "wishes.json"
    wishes.write_text(json.dumps({"b.mp4": {"gaze": [5, 0]}}), encoding="utf-8")
    assert run(films, "--wishes", str(wishes)) == 0 and measured[4:] == ["b.mp4"]


@pytest.mark.parametrize(
    ("wishes", "told"),
    [
        ("{", "cannot be read"),
        ("[]", "must be an object"),
        ('{"a.mp4": {"gase": [1, 2]}}', "nothing else"),
        ('{"a.mp4": {"gaze": [1]}}', "two angles"),
        ('{"a.mp4": {"distance": "far"}}', "not understood"),
        ('{"strange.mp4": {"distance": 1}}', "not among the generated videos"),
    ],
)
def test_wishes_that_are_wrong_are_refused(films, capsys, wishes, told):
    (films / "wishes.json").write_text(wishes, encoding="utf-8")
    assert run(films, "--wishes", str(films / "wishes.json")) == FAILED
    said = capsys.readouterr().err.strip()
    assert told in said and said.count("\n") == 0


def test_wishes_are_degrees_and_portraits_beside_the_file(tmp_path):
    path = tmp_path / "w.json"
    path.write_text('{"a.mp4": {"portrait": "p.png", "gaze": [180, -90], "distance": 1.5}}', encoding="utf-8")
    wish = read_wishes(path)["a.mp4"]
    assert wish.portrait == tmp_path / "p.png" and wish.distance == 1.5
    assert wish.gaze == pytest.approx((3.141593, -1.570796), abs=1e-6)


@pytest.fixture
def nested(tmp_path):
    """Two people's videos of one name, generated and real."""
    for name in ("made/ada/1.mp4", "made/bob/1.mp4", "real/ada/1.mov", "real/bob/1.mov", "flat/1.mp4", "flat/2.mp4"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    return tmp_path


def test_a_video_re_enacts_the_one_of_its_own_name_and_folder(nested):
    made, real, flat = groups_of([nested / "made", nested / "real", nested / "flat"])
    for person in ("ada", "bob"):
        assert original_of(f"{person}/1.mp4", [real]) == nested / "real" / person / "1.mov"
    with pytest.raises(BadInput, match=r"1\.mp4 may re-enact .*ada/1\.mov or .*bob/1\.mov"):
        original_of("1.mp4", [real])
    assert original_of("ada/2.mp4", [real, flat]) == nested / "flat" / "2.mp4"
    assert original_of("3.mp4", [real, flat]) is None
    again = groups_of([nested / "flat" / "1.mp4", nested / "flat"])
    assert original_of("1.mp4", again) == nested / "flat" / "1.mp4"  # twice the same is one


def test_a_wish_may_name_the_folder_and_must_where_names_repeat(nested):
    made, flat = groups_of([nested / "made", nested / "flat"])
    near, far = Wish(distance=0.9), Wish(distance=1.2)
    wishes = {"ada/1.mp4": near, "2.mp4": far}
    assert wish_of(nested / "made/ada/1.mp4", made, wishes) == near
    assert wish_of(nested / "made/bob/1.mp4", made, wishes) == Wish()
    assert wish_of(nested / "flat/2.mp4", flat, wishes) == far
    with pytest.raises(BadInput, match=r"several videos named 1\.mp4; say in the wishes which, as 'bob/1\.mp4'"):
        wish_of(nested / "made/bob/1.mp4", made, {"1.mp4": near})


def test_sounds_are_found_by_folder_and_name_or_by_name(nested):
    for name in ("ada/1.wav", "1.flac"):
        (nested / "sound" / name).parent.mkdir(parents=True, exist_ok=True)
        (nested / "sound" / name).touch()
    assert cli_evaluate._sound(nested / "sound", "ada/1.mp4") == nested / "sound" / "ada" / "1.wav"
    assert cli_evaluate._sound(nested / "sound", "bob/1.mp4") == nested / "sound" / "1.flac"


def test_capp_hears_only_through_the_encoder_it_was_trained_with(films, capsys):
    network = CappNetwork(CappConfig(width=8, heads=2), "phonetic", 38, encoder_weights="0123abcd")
    save_capp(films / "capp.safetensors", network)
    assert run(films, "--capp", str(films / "capp.safetensors")) == FAILED
    assert "'phonetic' heard with the weights 0123abcd, not with these" in capsys.readouterr().err


def test_what_is_not_there_is_said_in_one_sentence(films, capsys):
    assert main(["evaluate", str(films / "none.mp4"), "-o", str(films / "out")]) == FAILED
    (films / "empty").mkdir()
    assert main(["evaluate", str(films / "empty"), "-o", str(films / "out")]) == FAILED
    assert run(films, "--audio", str(films / "empty")) == FAILED
    assert run(films, "--i3d", str(films / "rgb_imagenet.pt")) == FAILED
    said = capsys.readouterr().err
    for words in ("no video and no folder", "holds no video", "has no sound for a.mp4", "rgb_imagenet.pt is missing"):
        assert words in said


def test_a_video_that_cannot_be_read_is_left_out_and_named(films, capsys):
    (films / "made" / "c.mp4").write_bytes(b"no video")
    assert run(films) == FAILED
    said = capsys.readouterr()
    assert "1 of 5 videos could not be measured" in said.err and "c.mp4" in said.err
    page = (films / "out" / "table.md").read_text(encoding="utf-8")
    assert "Left out:" in page and "c.mp4" in page and page in said.out + "\n"
    with open(films / "out" / "table.csv", encoding="utf-8") as file:
        assert {row["name"]: row["videos"] for row in csv.DictReader(file)}["made"] == "2"
    with open(films / "out" / "videos.csv", encoding="utf-8") as file:
        assert len(list(csv.DictReader(file))) == 4


def test_where_no_generated_video_can_be_read_there_is_no_table(films, capsys):
    for name in ("made/a.mp4", "made/b.mp4", "alone.mp4"):
        (films / name).write_bytes(b"no video")
    assert run(films) == FAILED
    assert capsys.readouterr().err.strip() and not (films / "out" / "table.md").exists()
