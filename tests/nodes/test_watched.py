"""What the server does on the nodes' behalf, seen from inside it: no connections, and memory asked for before work."""

from __future__ import annotations

import json
from itertools import pairwise

import pytest

from tests.nodes.live_server import node


@pytest.fixture
def watched(run):
    """A function that runs prompts with every network cut off; returns their runs and what was seen meanwhile."""

    def watch(*prompts: dict) -> tuple[list, dict]:
        assert run({"watch": node("TestWatch", do="begin offline")}).ending.type == "execution_success"
        try:
            runs = [run(prompt) for prompt in prompts]
        finally:
            ended = run({"watch": node("TestWatch", do="end")})
        return runs, json.loads(ended.outputs["watch"]["text"][0])

    return watch


@pytest.fixture
def fresh(talking):
    """The shortest talking portrait with nothing of its work in the cache: with sampling of its own, from a number."""

    def build(number: int) -> dict:
        prompt = talking(picture=node("LoadImage", image="vasa_astronaut.png"))
        prompt["portrait"]["inputs"]["face_index"] = 0
        prompt["flipped"] = node("ImageFlip", image=["picture", 0], flip_method="y-axis: horizontally")
        prompt["portrait"]["inputs"]["image"] = ["flipped", 0]
        prompt["trimmed"] = node("TrimAudioDuration", audio=["sound", 0], start_index=0.0, duration=0.4 + number / 100)
        prompt["features"]["inputs"]["audio"] = ["trimmed", 0]
        return prompt

    return build


def test_a_portrait_talks_without_any_network(watched, fresh):
    (done,), seen = watched(fresh(1))
    assert done.ending.type == "execution_success", done.ending
    assert {"portrait", "features", "motion", "video"} <= set(done.order)
    assert seen["connections"] == []


def test_every_node_but_the_download_works_without_any_network(watched, fresh, object_info):
    prompt = fresh(3)
    few = {"edit": "trim", "edit.start": 0.0, "edit.end": 0.2}
    face = {"face_model": ["face", 0], "portrait": ["portrait", 0]}
    prompt |= {
        "numbers": node(
            "VASA_ControlValues", yaw=3.0, pitch=0.0, distance=1.1, emotion="happiness", strength=0.3
        ),
        "timeline": node("VASA_ControlTimeline", timeline={"version": 1}),
        "distance": node("VASA_HeadDistance", distance="fixed", **{"distance.value": ["numbers", 1]}),
        "emotion": node("VASA_Emotion", emotion="fixed", **{"emotion.value": ["numbers", 2]}),
        "sampling": node("VASA_SamplingOptions", steps=2, cfg_audio=0.5, cfg_gaze=1.0),
        "few": node("VASA_EditMotion", motion=["motion", 0], **few),
        "plot": node("VASA_MotionPlot", motion=["few", 0]),
        "viewer": node("VASA_MotionViewer", motion=["few", 0], **face),
        "kept": node("VASA_SaveMotion", motion=["few", 0], filename_prefix="motion/offline", format="safetensors"),
        "frames": node("VASA_DecodeFrames", motion=["few", 0], **face),
        "paste": node(
            "VASA_PasteIntoPicture", images=["frames", 0], picture=["flipped", 0], portrait=["portrait", 0],
            feather=0.06,
        ),
        "driven": node("VASA_MotionFromVideo", images=["frames", 0], fps=25.0),
        "landmarks": node("TestLandmarks", portrait=["portrait", 0], frames=3, faces=1),
        "marked": node("VASA_MotionFromFaceLandmarks", face_landmarks=["landmarks", 0], fps=25.0),
        "options": node(
            "VASA_LivePortraitOptions", lips="closed", stitching=True, multiplier=1.0, exact_rest=False,
            eyes="as in the picture", mouth="as in the picture",
        ),
    }  # fmt: skip
    prompt["gaze"]["inputs"]["gaze.value"] = ["numbers", 0]
    chain = ("timeline", "gaze", "distance", "emotion", "motion")
    for before, after in pairwise(chain):
        prompt[after]["inputs"]["controls"] = [before, 0]
    prompt["motion"]["inputs"]["sampling"] = ["sampling", 0]
    ends = ("plot", "paste", "driven", "marked", "options")
    prompt |= {f"report {name}": node("TestReport", value=[name, 0]) for name in ends}
    (done,), seen = watched(prompt)
    assert done.ending.type == "execution_success", done.ending
    file = f"motion/{done.outputs['kept']['files'][0]['filename']} [output]"
    again = {"loaded": node("VASA_LoadMotion", file=file), "report": node("TestReport", value=["loaded", 0])}
    (loaded,), seen_again = watched(again)
    assert loaded.ending.type == "execution_success", loaded.ending
    (cached,) = (event.data["nodes"] for event in done.events if event.type == "execution_cached")
    ran = {prompt[name]["class_type"] for name in (*done.order, *cached)} | {"VASA_LoadMotion"}
    assert {name for name in object_info if name.startswith("VASA_")} - ran == {"VASA_DownloadModels"}
    assert seen["connections"] == seen_again["connections"] == []


def test_the_watch_sees_a_download_that_is_cut_off(watched, hub):
    """The one node that may connect; so the test above can fail."""
    hub.tokens.clear()
    (done,), seen = watched(
        {
            "get": node("VASA_DownloadModels", model="liveportrait", accept_licence=True),
            "report": node("TestReport", value=["get", 0]),
        }
    )
    assert done.ending.type == "execution_error" and seen["connections"] and hub.tokens == []


def test_memory_is_asked_for_before_every_piece_of_work(watched, fresh):
    """Through ComfyUI's own memory manager, with an estimate, so that it can send other models away."""
    (done,), seen = watched(fresh(2))
    assert done.ending.type == "execution_success", done.ending
    ours = [(name, estimate) for name, estimate, _ in seen["placed"] if name == "Managed"]
    assert len(ours) >= 3, seen["placed"]  # hearing, motion, face
    assert all(estimate >= 1 << 20 for _, estimate in ours), ours


@pytest.mark.parametrize("kind", ["VASA_DecodeFrames", "VASA_MotionFromVideo"])
def test_models_that_work_together_are_asked_for_together(watched, talking, kind):
    """One after another, on a small card the second could send the first away."""
    prompt = {name: part for name, part in talking().items() if name in ("face", "picture", "portrait")}
    work = {
        "VASA_DecodeFrames": {"portrait": ["portrait", 0], "motion": ["motion", 0]},
        "VASA_MotionFromVideo": {"images": ["picture", 0], "fps": 25.0},
    }
    prompt |= {
        "motion": node("TestMotion", frames=2, space="arkit"),
        "work": node(kind, face_model=["face", 0], **work[kind]),
        "report": node("TestReport", value=["work", 0]),
    }
    (done,), seen = watched(prompt)
    assert done.ending.type == "execution_success", done.ending
    assert seen["placed"][-1][2] == 2, seen["placed"]


def test_the_type_of_a_large_network_is_comfyuis_choice(run):
    """Those in which this pack's networks do not run become float16; on a CPU it is float32."""
    told = json.loads(run({"types": node("TestTypes")}).outputs["types"]["text"][0])
    same = {f"torch.{name}": f"torch.{name}" for name in ("float16", "bfloat16", "float32")}
    assert told == {
        "cpu": "torch.float32",
        **same,
        "torch.float8_e4m3fn": "torch.float16",
        "asked": "torch.bfloat16",
    }
