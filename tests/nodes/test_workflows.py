"""Every workflow that artists open: complete, tidy, and run from end to end on the real server with a short clip."""

from __future__ import annotations

import json

import av
import pytest
from PIL import Image

from tests.nodes.live_server import ROOT
from tools.workflow_api import prompt_from_workflow

FOLDER = ROOT / "workflows"
BUILT_IN = (
    "talking_portrait",
    "controls_over_time",
    "three_portraits",
    "pose_only_dynamics_only",
    "driving_video",
    "singing",
    "two_speakers",
    "full_picture",
)
PHOTO_REAL = ("photo_real_talking_portrait", "photo_real_driving_video", "photo_real_full_picture")
NAMES = BUILT_IN + PHOTO_REAL
VIDEOS = {"three_portraits": 3, "pose_only_dynamics_only": 3}  # that a run saves; else one


def workflow(name: str) -> dict:
    return json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))


def test_these_are_all_the_workflows():
    assert {path.stem for path in FOLDER.glob("*.json")} == set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_a_workflow_uses_only_nodes_of_comfyui_and_of_this_pack(name, object_info):
    for node in workflow(name)["nodes"]:
        if node["type"] == "MarkdownNote":
            continue
        source = object_info[node["type"]]["python_module"]
        assert node["type"].startswith("VASA_") or source.startswith(("nodes", "comfy_extras")), node["type"]


@pytest.mark.parametrize("name", NAMES)
def test_a_workflow_has_a_note_groups_and_a_thumbnail(name):
    content = workflow(name)
    notes = [node for node in content["nodes"] if node["type"] == "MarkdownNote"]
    assert any(len(node["widgets_values"][0]) > 150 for node in notes)
    assert any("who agreed to it" in node["widgets_values"][0] for node in notes)  # before a face is used
    assert len(content["groups"]) >= 3
    with Image.open(FOLDER / f"{name}.jpg") as picture:
        assert picture.format == "JPEG" and min(picture.size) >= 256


@pytest.mark.parametrize("name", NAMES)
def test_no_node_lies_on_another(name):
    boxes = [(*node["pos"], *node["size"], node["type"]) for node in workflow(name)["nodes"]]
    for k, (x, y, width, height, kind) in enumerate(boxes):
        for other_x, other_y, other_width, other_height, other in boxes[k + 1 :]:
            apart = x + width <= other_x or other_x + other_width <= x
            apart = apart or y + height + 30 <= other_y or other_y + other_height + 30 <= y  # 30: the title bar
            assert apart, f"{kind} and {other}"


@pytest.mark.parametrize("name", NAMES)
def test_links_in_the_file_agree_with_the_slots(name):
    content = workflow(name)
    nodes = {node["id"]: node for node in content["nodes"]}
    for number, source, slot, target, place, kind in content["links"]:
        assert number in nodes[source]["outputs"][slot]["links"]
        assert nodes[target]["inputs"][place]["link"] == number
        assert nodes[source]["outputs"][slot]["type"] == kind


@pytest.mark.parametrize("name", BUILT_IN)  # the others: test_photo_real.py
def test_a_workflow_runs(name, object_info, run):
    prompt = prompt_from_workflow(workflow(name), object_info)
    for node in prompt.values():
        if node["class_type"] == "LoadAudio":
            node["inputs"]["audio"] = "clip.wav"
    done = run(prompt)
    assert done.ending.type == "execution_success", done.ending
    videos = [path for path in done.files if path.suffix == ".mp4"]
    assert len(videos) == VIDEOS.get(name, 1)
    for path in videos:
        with av.open(str(path)) as film:
            assert film.streams.video[0].frames >= 25
            assert len(film.streams.audio) == 1
