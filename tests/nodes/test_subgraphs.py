"""Blueprints of the common chains: the server offers them, they hold together, and what they unfold to runs."""

from __future__ import annotations

import json

import av
import pytest

from tests.nodes.live_server import ROOT
from tools.workflow_api import prompt_from_workflow

FOLDER = ROOT / "subgraphs"
NAMES = ("Talking Portrait", "Driven Portrait")
OUTSIDE = {  # what a person would connect to the inputs of a blueprint
    "image": ("LoadImage", "IMAGE", ["vasa_astronaut.png", "image"]),
    "audio": ("LoadAudio", "AUDIO", ["clip.wav", "image"]),
    "video": ("LoadVideo", "VIDEO", ["vasa_driving.mp4", "image"]),
}


def subgraph(name: str) -> dict:
    (found,) = json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))["definitions"]["subgraphs"]
    return found


def unfolded(inner: dict) -> dict:
    """A plain workflow: the nodes inside, a loader at each input that has one in OUTSIDE, Save Video at the end."""
    nodes, links, last = [*inner["nodes"]], [], 1000
    for link in inner["links"]:
        if link["origin_id"] > 0 and link["target_id"] > 0:
            parts = ("id", "origin_id", "origin_slot", "target_id", "target_slot", "type")
            links.append([link[part] for part in parts])
    for place, entry in enumerate(inner["inputs"]):
        from_outside = [link for link in inner["links"] if link["origin_id"] == -10 and link["origin_slot"] == place]
        if entry["name"] not in OUTSIDE:
            for link in from_outside:
                node = next(node for node in nodes if node["id"] == link["target_id"])
                node["inputs"][link["target_slot"]]["link"] = None
            continue
        kind, type_, values = OUTSIDE[entry["name"]]
        last += 1
        socket = "file" if kind == "LoadVideo" else type_.lower()
        widget = {"name": socket, "type": "COMBO", "widget": {"name": socket}, "link": None}
        outputs = [{"name": type_, "type": type_, "links": [link["id"] for link in from_outside]}]
        nodes.append({"id": last, "type": kind, "inputs": [widget], "outputs": outputs, "widgets_values": values})
        links += [[x["id"], last, 0, x["target_id"], x["target_slot"], type_] for x in from_outside]
    out = next(link for link in inner["links"] if link["target_id"] == -20 and link["type"] == "VIDEO")
    inputs = [{"name": "video", "type": "VIDEO", "link": out["id"]}]
    nodes.append(
        {"id": 999, "type": "SaveVideo", "inputs": inputs, "outputs": [], "widgets_values": ["test/s", "auto", "auto"]}
    )
    links.append([out["id"], out["origin_id"], out["origin_slot"], 999, 0, "VIDEO"])
    return {"nodes": nodes, "links": links}


def test_these_are_all_the_blueprints_and_the_server_offers_them(live):
    assert {path.stem for path in FOLDER.glob("*.json")} == set(NAMES)
    offered = live.get("/global_subgraphs")
    assert set(NAMES) <= {entry["name"] for entry in offered.values()}


@pytest.mark.parametrize("name", NAMES)
def test_links_slots_and_promoted_widgets_agree(name, object_info):
    inner = subgraph(name)
    nodes = {node["id"]: node for node in inner["nodes"]}
    for node in nodes.values():
        assert node["type"] in object_info
    for link in inner["links"]:
        if link["origin_id"] > 0:
            assert link["id"] in nodes[link["origin_id"]]["outputs"][link["origin_slot"]]["links"]
        else:
            assert link["id"] in inner["inputs"][link["origin_slot"]]["linkIds"]
        if link["target_id"] > 0:
            assert nodes[link["target_id"]]["inputs"][link["target_slot"]]["link"] == link["id"]
        else:
            assert link["id"] in inner["outputs"][link["target_slot"]]["linkIds"]
    (outer,) = json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))["nodes"]
    assert outer["type"] == inner["id"]
    for number, widget in outer["properties"]["proxyWidgets"]:
        assert widget in {entry["name"] for entry in nodes[int(number)]["inputs"]}


@pytest.mark.parametrize("name", NAMES)
def test_what_it_unfolds_to_runs(name, object_info, run):
    done = run(prompt_from_workflow(unfolded(subgraph(name)), object_info))
    assert done.ending.type == "execution_success", done.ending
    (path,) = done.files
    with av.open(str(path)) as film:
        assert film.streams.video[0].frames >= 25 and len(film.streams.audio) == 1
