"""Progress, previews, cancelling and caching, as a browser sees them."""

from __future__ import annotations

import os
import re

import av
import pytest

from tests.nodes.live_server import CLIP_SECONDS, Run, node
from tests.nodes.values import looking

PATIENCE = 1.0  # seconds from the cancel to the end of the run, on a machine that has a core to spare
REPORTS, EVERY = 10, 0.3  # reports of a long node; seconds between those of one too short for ten (ComfyUI needs 0.1)


def patience() -> float:
    """PATIENCE, stretched by how many processes share a core right now."""
    return PATIENCE * max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1) + 1.0)


def enough(done: Run, node: str) -> float:
    """How many progress messages a node owes: ten, or where it was done in three seconds fewer, but three at least."""
    return min(REPORTS, max(3.0, done.seconds_in(node) / EVERY))


@pytest.fixture(scope="module")
def long(talking):
    """A talking portrait of four seconds with many steps: time to watch, and to cancel."""

    def build(**changes) -> dict:
        prompt = talking(sound=node("LoadAudio", audio="long.wav"))
        prompt["options"] = node("VASA_SamplingOptions", steps=40, cfg_audio=0.5, cfg_gaze=1.0)
        prompt["motion"]["inputs"]["sampling"] = ["options", 0]
        return prompt | changes

    return build


@pytest.fixture(scope="module")
def frames(talking):
    """Three seconds as images, of which some are pasted into the picture and read as a driving film."""

    def build(**changes) -> dict:
        prompt = talking(sound=node("LoadAudio", audio="long.wav"))
        del prompt["video"], prompt["save"]
        prompt["motion"]["inputs"]["sampling"] = ["options", 0]
        prompt |= {
            "options": node("VASA_SamplingOptions", steps=2, cfg_audio=0.0, cfg_gaze=0.0),
            "short": node(
                "VASA_EditMotion", motion=["motion", 0], **{"edit": "trim", "edit.start": 0.0, "edit.end": 3.0}
            ),
            "frames": node("VASA_DecodeFrames", face_model=["face", 0], portrait=["portrait", 0], motion=["short", 0]),
            "some": node("ImageFromBatch", image=["frames", 0], batch_index=0, length=75),
            "paste": node(
                "VASA_PasteIntoPicture", images=["some", 0], picture=["picture", 0], portrait=["portrait", 0],
                feather=0.06,
            ),
            "drive": node("VASA_MotionFromVideo", images=["some", 0], fps=25.0),
            "report": node("TestReport", value=["paste", 0]),
            "driven": node("TestReport", value=["drive", 0]),
        }  # fmt: skip
        for name, change in changes.items():
            prompt[name]["inputs"] |= change
        return prompt

    return build


def leftovers(live) -> list[str]:
    """Video files in ComfyUI's temp folder."""
    folder = live.base / "temp"
    return sorted(p.name for p in folder.iterdir() if p.suffix == ".mp4") if folder.exists() else []


def test_a_talking_portrait_is_a_video_as_long_as_its_sound(run, talking):
    done = run(talking())
    assert done.ending.type == "execution_success", done.ending
    (path,) = done.files
    with av.open(str(path)) as film:
        picture, sound = film.streams.video[0], film.streams.audio[0]
        assert (picture.width, picture.height, picture.codec.name) == (512, 512, "h264")
        assert done.seconds < 60 * patience()
        assert abs(picture.frames / 25 - CLIP_SECONDS) <= 1 / 25
        assert abs(float(sound.duration * sound.time_base) - CLIP_SECONDS) < 0.1
        assert "workflow" in film.metadata or "prompt" in film.metadata
        assert "Synthetic" in film.metadata["comment"] and film.metadata["face_model"] == "mesh"
        assert re.fullmatch(r"starter.safetensors sha256:[0-9a-f]{64}", film.metadata["motion_model"])
        assert film.metadata["seed"] == "1"


def test_the_same_prompt_again_runs_nothing(run, talking):
    run(talking())
    assert run(talking()).order == []


def test_a_change_of_gaze_runs_motion_and_video_only(run, talking):
    run(talking())
    changed = run(talking(gaze=node("VASA_Gaze", **looking(12.0, 0.0))))
    assert set(changed.order) == {"gaze", "motion", "video", "save"}


def test_another_file_name_runs_nothing_of_ours(run, talking):
    run(talking())
    prompt = talking()
    prompt["save"]["inputs"]["filename_prefix"] = "test/other"
    assert run(prompt).order == ["save"]


def test_long_nodes_report_progress_and_show_pictures(run, long):
    done = run(long())
    assert done.ending.type == "execution_success", done.ending
    for name in ("motion", "video"):
        values = [event.data["value"] for event in done.progress(name)]
        assert len(values) >= enough(done, name), name
        assert values == sorted(values) and values[-1] == done.progress(name)[-1].data["max"], name
    pictures = [p for p in done.previews if b"\xff\xd8\xff" in p[:32]]  # JPEG
    assert len(pictures) >= 2


def test_nodes_of_images_report_progress_and_show_pictures(run, frames):
    done = run(frames(motion={"seed": 3}))
    assert done.ending.type == "execution_success", done.ending
    shown = None
    pictures = dict.fromkeys(("frames", "paste", "drive"), 0)
    for event in done.events:
        shown = event.data.get("node", shown) if event.type == "executing" else shown
        if event.type == "preview" and b"\xff\xd8\xff" in event.picture[:32] and shown in pictures:
            pictures[shown] += 1
    for name, count in pictures.items():
        values = [event.data["value"] for event in done.progress(name)]
        assert len(values) >= enough(done, name) and values == sorted(values), name
        assert values[-1] == done.progress(name)[-1].data["max"] and count >= 1, name


@pytest.mark.parametrize(
    "changes",
    [{"motion": {"seed": 4}, "frames": {}}, {"paste": {"feather": 0.1}}, {"drive": {"fps": 24.0}}],
    ids=["frames", "paste", "drive"],
)
def test_a_cancel_ends_nodes_of_images_at_once(run, frames, changes):
    name = list(changes)[-1]
    cancelled = run(frames(**changes), interrupt_after=(name, 3))
    assert cancelled.ending.type == "execution_interrupted", cancelled.ending
    assert cancelled.seconds < patience()


@pytest.mark.parametrize("name", ["motion", "video"])
def test_a_cancel_ends_the_run_at_once_and_leaves_nothing(run, long, live, name):
    prompt = long()
    prompt["motion"]["inputs"]["seed"] = 100 + len(name)  # not in the cache
    before = leftovers(live)
    cancelled = run(prompt, interrupt_after=(name, 3))
    assert cancelled.ending.type == "execution_interrupted"
    assert cancelled.seconds < patience()
    assert leftovers(live) == before
    assert not any(path.name.startswith(".vasa-") for path in (live.base / "temp").glob(".*"))


def test_the_run_after_a_cancel_works(run, talking):
    prompt = talking()
    prompt["motion"]["inputs"]["seed"] = 7
    assert run(prompt).ending.type == "execution_success"
