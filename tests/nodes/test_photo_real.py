"""The released models through the real server, with weights by the rule of the recorded outputs.

The pictures are meaningless; the way there is not: files in another folder of extra_model_paths.yaml, loaders, memory
manager, sockets, progress, cancelling, video. A frame costs seconds on a CPU, so there are few.
"""

from __future__ import annotations

import json

import av
import pytest
import torch

from tests.goldens import goldens_folder, rule_weights
from tests.motion.joyvasa_kit import write_released
from tests.nodes.live_server import ELSEWHERE, ROOT, node, shorten
from tests.nodes.test_running import leftovers, patience
from tools.workflow_api import prompt_from_workflow
from vasa_core.media.read import read_video
from vasa_core.media.write import VideoWriter
from vasa_core.weights.registry import JOYVASA, LIVEPORTRAIT

WORKFLOWS = {  # width and height (None: the picture's), and frames that the shortened run makes
    "photo_real_talking_portrait": ((512, 512), 2),
    "photo_real_driving_video": ((512, 512), 1),
    "photo_real_full_picture": (None, 1),
}
SECONDS = 0.32


@pytest.fixture(scope="module")
def folders(live):
    """Where the test keeps the released files: LivePortrait's where extra_model_paths.yaml says, JoyVASA's as usual."""
    return {LIVEPORTRAIT: live.base / ELSEWHERE / "faces", JOYVASA: live.base / "models" / "joyvasa"}


@pytest.fixture(scope="module")
def weights(folders, live):
    """The released files, written as published."""
    if goldens_folder() is None:
        pytest.skip("the recorded outputs, whose rule makes the weights, are not here (see tests/goldens.py)")
    for folder in folders.values():
        folder.mkdir(parents=True, exist_ok=True)
    for file in LIVEPORTRAIT.files:
        torch.save(rule_weights(file.stem), folders[LIVEPORTRAIT] / file.name)
    write_released(folders[JOYVASA])
    shorten(ROOT / "assets" / "speech.wav", live.base / "input" / "tiny.wav", SECONDS)
    film = read_video(ROOT / "assets" / "driving.mp4")
    with VideoWriter(live.base / "input" / "tiny.mp4", film.fps) as writer:
        for count, frame in enumerate(film):
            if count < SECONDS * float(film.fps):
                writer.write((frame.permute(1, 2, 0)[None] * 255).round().to(torch.uint8))
    yield folders
    for folder in folders.values():
        for path in folder.iterdir():
            path.unlink()


def tiny(name: str, object_info: dict) -> dict:
    """The prompt of a workflow with a short sound or film, at few frames a second."""
    fps = WORKFLOWS[name][1] / SECONDS
    prompt = prompt_from_workflow(json.loads((ROOT / "workflows" / f"{name}.json").read_text()), object_info)
    for part in list(prompt.values()):
        kind, inputs = part["class_type"], part["inputs"]
        if kind == "LoadAudio":
            inputs["audio"] = "tiny.wav"
        elif kind == "LoadVideo":
            inputs["file"] = "tiny.mp4"
        elif kind == "VASA_RenderVideo":
            inputs["fps"] = fps
        elif kind == "VASA_DecodeFrames":
            prompt["few"] = node("VASA_EditMotion", motion=inputs["motion"], **{"edit": "frame rate", "edit.fps": fps})
            inputs["motion"] = ["few", 0]
        elif kind == "CreateVideo":
            inputs["fps"] = fps
    return prompt


def of_class(prompt: dict, kind: str) -> str:
    return next(name for name, part in prompt.items() if part["class_type"] == kind)


@pytest.mark.parametrize("name", WORKFLOWS)
def test_without_weights_one_sentence_says_which_file_goes_where_and_from_where(name, object_info, run, folders):
    assert not any(folder.exists() and list(folder.glob("*.p*t*")) for folder in folders.values())
    prompt = prompt_from_workflow(json.loads((ROOT / "workflows" / f"{name}.json").read_text()), object_info)
    message = run(prompt).error
    assert message.endswith(".") and ". " not in message and "\n" not in message
    model = LIVEPORTRAIT if LIVEPORTRAIT.title in message else JOYVASA
    file = model.files[0]
    for part in (file.name, str(folders[model]), file.address(), file.sha256, f"fetch {model.name}"):
        assert part in message


@pytest.mark.parametrize("name", WORKFLOWS)
def test_a_workflow_says_where_its_models_come_from(name):
    content = json.loads((ROOT / "workflows" / f"{name}.json").read_text())
    told = [model for part in content["nodes"] for model in part["properties"].get("models", [])]
    known = {file.name: (file, model) for model in (LIVEPORTRAIT, JOYVASA) for file in model.files}
    assert {model["name"] for model in told} >= {file.name for file in LIVEPORTRAIT.files}
    for model in told:
        file, whole = known[model["name"]]
        assert model["url"] == file.address() and model["directory"] == whole.folder and model["hash"] == file.sha256
    notes = " ".join(part["widgets_values"][0] for part in content["nodes"] if part["type"] == "MarkdownNote")
    assert "MIT licence" in notes and "Consent" in notes and "Download Models" in notes


@pytest.mark.parametrize("name", WORKFLOWS)
def test_a_workflow_runs_with_weights_by_the_rule(name, object_info, run, weights):
    prompt = tiny(name, object_info)
    done = run(prompt)
    assert done.ending.type == "execution_success", done.ending
    (path,) = done.files
    with av.open(str(path)) as film:
        picture = film.streams.video[0]
        size, frames = WORKFLOWS[name]
        assert picture.frames == frames
        assert size is None or (picture.width, picture.height) == size
        assert bool(film.streams.audio) == (name != "photo_real_driving_video")
    slow = of_class(prompt, "VASA_DecodeFrames" if name.endswith("picture") else "VASA_RenderVideo")
    assert [event.data["value"] for event in done.progress(slow)][-1] == frames
    if name == "photo_real_talking_portrait":
        motion = done.progress(of_class(prompt, "VASA_GenerateMotion"))
        assert len(motion) >= 10  # it has 50 steps


def test_a_cancel_ends_a_frame_that_takes_seconds(object_info, run, weights, live):
    prompt = tiny("photo_real_driving_video", object_info)
    render = of_class(prompt, "VASA_RenderVideo")
    prompt[render]["inputs"]["fps"] = 25.0
    before = leftovers(live)
    cancelled = run(prompt, interrupt_after=(render, 1))
    assert cancelled.ending.type == "execution_interrupted"
    assert cancelled.seconds < patience()
    assert leftovers(live) == before


def test_the_starter_motion_drives_a_photo_real_face_and_the_conversion_is_said(run, weights, talking):
    prompt = talking(
        face=node("VASA_LoadFaceModel", name="liveportrait", dtype="float32"),
        options=node(
            "VASA_LivePortraitOptions", lips="own", stitching=False, multiplier=0.5, exact_rest=True,
            **{"eyes": "set", "eyes.opening": 0.2, "mouth": "as in the picture"},
        ),
        sound=node("LoadAudio", audio="tiny.wav"),
        remarks=node("TestReport", value=["video", 1]),
    )  # fmt: skip
    prompt["portrait"]["inputs"]["options"] = ["options", 0]
    prompt["video"]["inputs"]["fps"] = 3.0
    done = run(prompt)
    assert done.ending.type == "execution_success", done.ending
    assert "converted" in done.outputs["remarks"]["text"][0]


def test_motion_of_a_photo_real_model_is_refused_by_another_face(object_info, run, weights):
    prompt = tiny("photo_real_driving_video", object_info)
    prompt["mesh"] = node("VASA_LoadFaceModel", name="mesh")
    portrait, render = of_class(prompt, "VASA_EncodePortrait"), of_class(prompt, "VASA_RenderVideo")
    prompt[portrait]["inputs"]["face_model"] = prompt[render]["inputs"]["face_model"] = ["mesh", 0]
    message = run(prompt).error
    assert "'options'" in message and "liveportrait" in message
    del prompt[portrait]["inputs"]["options"]
    message = run(prompt).error
    assert "'arkit'" in message and "'liveportrait'" in message
