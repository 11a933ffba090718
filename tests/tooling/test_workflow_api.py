"""The conversion of saved workflows, against a small schema in the shapes that ComfyUI's /object_info really has."""

from __future__ import annotations

import pytest

from tools.errors import ToolError
from tools.workflow_api import prompt_from_workflow

CRF = {"required": {"crf": ["FLOAT", {"default": 23.0}]}}
ENCODING = ["COMFY_DYNAMICCOMBO_V3", {"options": [{"key": "auto", "inputs": {}}, {"key": "re-encode", "inputs": CRF}]}]
CODECS = [
    {"key": "auto", "inputs": {"required": {}}},
    {"key": "h264", "inputs": {"required": {}, "optional": {"encoding": ENCODING}}},
]
SCHEMA = {
    "LoadImage": {"input": {"required": {"image": [["a.png", "b.png"], {"image_upload": True}]}}},
    "LoadAudio": {"input": {"required": {"audio": ["COMBO", {"options": ["a.wav"], "audio_upload": True}]}}},
    "Blur": {
        "input": {
            "required": {"image": ["IMAGE"], "radius": ["INT", {"default": 3}]},
            "optional": {"mask": ["MASK", {}]},
        }
    },
    "Sample": {
        "input": {
            "optional": {"speed": ["FLOAT", {"default": 1.0}], "kind": ["COMBO", {"options": ["soft", "hard"]}]},
            "required": {
                "sound": ["AUDIO", {}],
                "seed": ["INT", {"default": 0, "control_after_generate": True}],
                "steps": ["INT", {"default": 10}],
                "weight": ["FLOAT", {"forceInput": True}],
                "curve": ["CURVE", {"default": {"points": []}}],
            },
        },
        "input_order": {"required": ["sound", "seed", "weight", "curve", "steps"], "optional": ["speed", "kind"]},
        "display_name": "Sample Motion",
    },
    "Gaze": {"input": {"required": {"gaze": ["VASA_GAZE", {}], "scale": ["FLOAT", {"default": 1.0}]}}},
    "SaveVideo": {
        "input": {
            "required": {
                "video": ["VIDEO", {}],
                "prefix": ["STRING", {"default": "v"}],
                "codec": ["COMFY_DYNAMICCOMBO_V3", {"options": CODECS}],
                "quality": ["INT", {"default": 5}],
            }
        }
    },
}


def node(number: int, kind: str, values=None, inputs=(), outputs=(), mode: int = 0, **more) -> dict:
    """One saved node; inputs are (name, type, link)."""
    slots = [{"name": name, "type": type_, "link": link} for name, type_, link in inputs]
    slots_out = [{"name": type_, "type": type_} for type_ in outputs]
    saved = {"id": number, "type": kind, "mode": mode, "inputs": slots, "outputs": slots_out, **more}
    return saved if values is None else {**saved, "widgets_values": values}


def convert(nodes: list[dict], links=()) -> dict:
    """The prompt of a workflow with these nodes; links are (id, from node, slot, to node, slot, type)."""
    return prompt_from_workflow({"nodes": nodes, "links": [list(link) for link in links]}, SCHEMA)


def test_values_are_named_in_the_browsers_order_and_browser_only_values_fall_away() -> None:
    saved = [7, "randomize", {"points": [[0, 1]]}, 20, 0.5, "hard"]
    inputs = convert([node(3, "Sample", saved)])["3"]["inputs"]
    assert inputs == {"seed": 7, "curve": {"points": [[0, 1]]}, "steps": 20, "speed": 0.5, "kind": "hard"}
    assert convert([node(1, "LoadImage", ["b.png", "image"])])["1"]["inputs"] == {"image": "b.png"}
    assert convert([node(1, "LoadAudio", ["a.wav", None, ""])])["1"]["inputs"] == {"audio": "a.wav"}


def test_an_api_seed_without_the_extra_value_is_read_too() -> None:
    inputs = convert([node(3, "Sample", [7, {"points": []}, 20])])["3"]["inputs"]
    assert (inputs["seed"], inputs["steps"], inputs["speed"], inputs["kind"]) == (7, 20, 1.0, "soft")


def test_values_saved_by_name() -> None:
    inputs = convert([node(3, "Sample", {"steps": 4, "seed": 2, "unknown": 1})])["3"]["inputs"]
    assert inputs == {"seed": 2, "steps": 4}


def test_dynamic_combos_nest() -> None:
    inputs = convert([node(1, "SaveVideo", ["x", "h264", "re-encode", 18.0, 9])])["1"]["inputs"]
    assert inputs == {
        "prefix": "x",
        "codec": "h264",
        "codec.encoding": "re-encode",
        "codec.encoding.crf": 18.0,
        "quality": 9,
    }
    assert convert([node(1, "SaveVideo", ["x", "auto", 9])])["1"]["inputs"]["quality"] == 9
    with pytest.raises(ToolError, match="no choice 'av9'"):
        convert([node(1, "SaveVideo", ["x", "av9"])])


def test_custom_widgets_are_known_by_their_mark_and_lists_are_wrapped() -> None:
    marked = node(1, "Gaze", [[1, 2], 0.5])
    marked["inputs"] = [{"name": "gaze", "type": "VASA_GAZE", "link": None, "widget": {"name": "gaze"}}]
    assert convert([marked])["1"]["inputs"] == {"gaze": {"__value__": [1, 2]}, "scale": 0.5}
    assert convert([node(1, "Gaze", [0.5])])["1"]["inputs"] == {"scale": 0.5}


def test_links_win_over_widgets_and_titles_are_kept() -> None:
    nodes = [
        node(1, "LoadImage", ["a.png", "image"], outputs=["IMAGE", "MASK"], title="Portrait"),
        node(2, "Blur", [5], [("image", "IMAGE", 1), ("mask", "MASK", 2), ("radius", "INT", None)]),
    ]
    prompt = convert(nodes, [(1, 1, 0, 2, 0, "IMAGE"), (2, 1, 1, 2, 1, "MASK")])
    assert prompt["2"]["inputs"] == {"image": ["1", 0], "mask": ["1", 1], "radius": 5}
    assert (prompt["1"]["_meta"]["title"], prompt["2"]["_meta"]["title"]) == ("Portrait", "Blur")


def chain(middle: dict) -> dict:
    """LoadImage -> middle -> Blur."""
    nodes = [
        node(1, "LoadImage", ["a.png"], outputs=["IMAGE", "MASK"]),
        middle,
        node(3, "Blur", [1], [("image", "IMAGE", 2)]),
    ]
    return convert(nodes, [(1, 1, 0, 2, 0, "IMAGE"), (2, 2, 0, 3, 0, "IMAGE")])


def test_reroutes_notes_bypassed_and_muted_nodes() -> None:
    through = {"1", "3"}
    rerouted = chain(node(2, "Reroute", inputs=[("", "*", 1)], outputs=["IMAGE"]))
    assert (set(rerouted), rerouted["3"]["inputs"]["image"]) == (through, ["1", 0])
    bypassed = chain(node(2, "Blur", [9], [("mask", "MASK", None), ("image", "IMAGE", 1)], ["IMAGE"], mode=4))
    assert (set(bypassed), bypassed["3"]["inputs"]["image"]) == (through, ["1", 0])
    muted = chain(node(2, "Blur", [9], [("image", "IMAGE", 1)], ["IMAGE"], mode=2))
    assert (set(muted), muted["3"]["inputs"]) == (through, {"radius": 1})
    assert convert([node(1, "MarkdownNote", ["read me"]), node(2, "Note", ["and me"])]) == {}


def test_what_cannot_be_converted_is_named() -> None:
    with pytest.raises(ToolError, match="no node 'Unknown'"):
        convert([node(1, "Unknown", [1])])
    with pytest.raises(ToolError, match="not a ComfyUI workflow"):
        prompt_from_workflow({"1": {"class_type": "LoadImage"}}, SCHEMA)
    with pytest.raises(ToolError, match="subgraphs"):
        prompt_from_workflow({"nodes": [], "links": [], "definitions": {"subgraphs": [{}]}}, SCHEMA)
    with pytest.raises(ToolError, match="no saved value for 'gaze'"):
        marked = node(1, "Gaze", [])
        marked["inputs"] = [{"name": "gaze", "type": "VASA_GAZE", "link": None, "widget": {"name": "gaze"}}]
        convert([marked])
    with pytest.raises(ToolError, match="link 9 leads nowhere"):
        convert([node(1, "Blur", [1], [("image", "IMAGE", 9)])])
