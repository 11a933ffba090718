"""The motion viewer: what a run tells the browser, and what it leaves in ComfyUI's temp folder."""

from __future__ import annotations

import io
import urllib.parse
import urllib.request

import pytest
from PIL import Image

from tests.nodes.live_server import node
from tests.nodes.test_running import enough, patience


@pytest.fixture(scope="module")
def viewing(talking):
    """A function that builds the prompt of a viewer on a small motion; the face is shown where `portrait` is."""

    def build(frames: int = 50, space: str = "arkit", portrait: bool = False, **more) -> dict:
        prompt = {"motion": node("TestMotion", frames=frames, space=space)}
        if portrait:
            prompt |= {name: talking()[name] for name in ("face", "picture", "portrait")}
            more = {"face_model": ["face", 0], "portrait": ["portrait", 0], **more}
        if "audio" in more:
            prompt["sound"] = node("LoadAudio", audio="clip.wav")
        return prompt | {"viewer": node("VASA_MotionViewer", motion=["motion", 0], **more)}

    return build


def told(done) -> dict:
    assert done.ending.type == "execution_success", done.ending
    (what,) = done.outputs["viewer"]["vasa_motion"]
    return what


def curves(what: dict) -> dict[str, list[float]]:
    return {curve["name"]: curve["values"] for curve in what["curves"]}


def served(live, file: dict) -> bytes:
    with urllib.request.urlopen(f"{live.address}/view?{urllib.parse.urlencode(file)}", timeout=30) as answer:
        return answer.read()


def files(live) -> set[str]:
    folder = live.base / "temp"
    return {path.name for path in folder.iterdir()} if folder.exists() else set()


def test_curves_are_those_of_the_motion(run, viewing, live):
    before = files(live)
    what = told(run(viewing()))
    assert (what["version"], what["fps"], what["frames"], what["space"]) == (1, 25.0, 50, "arkit")
    found = curves(what)
    assert found["yaw"][0] == pytest.approx(-11.459) and found["yaw"][-1] == pytest.approx(11.459)
    assert [k for k, value in enumerate(found["blink"]) if value] == [25, 26, 27]
    assert max(found["jaw"]) > 0.95 and len(found["jaw"]) == 50
    assert what["pictures"] is None and what["sound"] is None
    assert files(live) == before


def test_another_space_is_shown_by_number(run, viewing):
    found = curves(told(run(viewing(space="codes"))))
    assert found["2"][-1] == 1.0 and found["8"][-1] == 7.0 and "9" not in found and "jaw" not in found


def test_ten_minutes_come_in_few_points(run, viewing):
    what = told(run(viewing(frames=15000)))
    assert all(len(curve["values"]) <= 2000 for curve in what["curves"])
    assert max(curves(what)["blink"]) == 1.0


def test_the_motion_comes_out_as_it_went_in(run, viewing):
    prompt = viewing()
    prompt["before"] = node("TestReport", value=["motion", 0])
    prompt["after"] = node("TestReport", value=["viewer", 0])
    done = run(prompt)
    assert done.outputs["before"]["text"] == done.outputs["after"]["text"]


def test_with_a_portrait_and_sound_both_are_served(run, viewing, live):
    what = told(run(viewing(frames=60, portrait=True, audio=["sound", 0])))
    pictures, sound = what["pictures"], what["sound"]
    assert pictures["file"]["type"] == sound["type"] == "temp"
    assert not any(character in pictures["file"]["filename"] for character in "/\\")
    sheet = Image.open(io.BytesIO(served(live, pictures["file"])))
    assert (pictures["count"], pictures["every"]) == (30, 2)
    assert sheet.size == (pictures["columns"] * 256, 4 * 256)
    first, last = (sheet.crop((k % 8 * 256, k // 8 * 256, k % 8 * 256 + 256, k // 8 * 256 + 256)) for k in (0, 29))
    assert first.tobytes() != last.tobytes()
    assert served(live, sound)[:4] == b"fLaC"


def test_each_run_has_a_file_of_its_own(run, viewing):
    names = [told(run(viewing(frames=n, portrait=True)))["pictures"]["file"]["filename"] for n in (3, 4)]
    assert len(set(names)) == 2
    assert run(viewing(frames=4, portrait=True)).order == []


def test_decoding_reports_progress_and_a_cancel_leaves_nothing(run, viewing, live):
    before = files(live)
    cancelled = run(viewing(frames=200, portrait=True, audio=["sound", 0]), interrupt_after=("viewer", 2))
    assert cancelled.ending.type == "execution_interrupted"
    assert cancelled.seconds < patience()
    assert files(live) == before
    done = run(viewing(frames=200, portrait=True))
    assert told(done)["pictures"]["count"] == 40
    assert len(done.progress("viewer")) >= enough(done, "viewer") and done.previews


@pytest.mark.parametrize(("missing", "other"), [("portrait", "face_model"), ("face_model", "portrait")])
def test_a_face_model_needs_its_portrait(run, viewing, missing, other):
    prompt = viewing(portrait=True)
    del prompt["viewer"]["inputs"][missing]
    assert f"'{missing}' is missing" in run(prompt).error


def test_a_motion_of_another_space_names_the_input(run, viewing):
    assert "Input 'motion':" in run(viewing(space="codes", portrait=True)).error


def test_a_motion_without_frames_is_refused(run, viewing):
    assert "'motion' has no frames" in run(viewing(frames=0)).error
