"""What the nodes say about themselves, as ComfyUI's /object_info tells it to every browser and every saved workflow.

tests/nodes/schema.json holds the inputs and outputs that are out in the world: saved workflows store widget values by
position. After adding an input at the end, record it: VASA_WRITE_SCHEMA=1 pytest tests/nodes/test_schema.py
"""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import pytest

SNAPSHOT = Path(__file__).with_name("schema.json")
DOCS = Path(__file__).resolve().parents[2] / "web" / "docs"
DYNAMIC = "COMFY_DYNAMICCOMBO_V3"
WIDGETS = {"VASA_GAZE", "VASA_DISTANCE", "VASA_EMOTION", "VASA_TIMELINE"}  # of web/js/
SOCKET = re.compile(r"^(VASA_\w+|FACE_LANDMARKS|IMAGE|AUDIO|VIDEO|AUDIO_ENCODER_OUTPUT|BOUNDING_BOX|CURVE)$")


def inputs_of(groups: dict, prefix: str = "") -> list[tuple[str, str, str, dict]]:
    """(name, type, group, options) of every input in order, those of a dynamic combo's choices included."""
    found = []
    for group in ("required", "optional"):
        for name, (kind, *rest) in (groups.get(group) or {}).items():
            options = rest[0] if rest else {}
            found.append((prefix + name, kind if isinstance(kind, str) else "COMBO", group, options))
            if kind == DYNAMIC:
                for option in options["options"]:
                    found += inputs_of(option["inputs"], f"{prefix}{name}.{option['key']}.")
    return found


def contract(node: dict) -> dict:
    """The part of a node's schema that saved workflows depend on."""
    return {
        "inputs": [[name, kind, group] for name, kind, group, _ in inputs_of(node["input"])],
        "outputs": [[name, kind] for name, kind in zip(node["output_name"], node["output"], strict=True)],
    }


@pytest.fixture(scope="session")
def ours(object_info) -> dict:
    return {name: node for name, node in object_info.items() if name.startswith("VASA_")}


@pytest.fixture(scope="session")
def stored(ours) -> dict:
    if os.environ.get("VASA_WRITE_SCHEMA"):
        text = {name: contract(node) for name, node in sorted(ours.items())}
        SNAPSHOT.write_text(json.dumps(text, indent=1) + "\n")
    return json.loads(SNAPSHOT.read_text())


def test_no_released_node_input_or_output_is_gone_or_moved(ours, stored):
    for name, old in stored.items():
        assert name in ours, f"{name} is gone: old workflows turn red. Register a replacement (io.NodeReplace)."
        new = contract(ours[name])
        for part in ("inputs", "outputs"):
            kept = [entry for entry in new[part] if entry in old[part]]
            assert kept == old[part], f"{name}: {part} were removed, retyped or reordered. Append only."
            same_level = [entry for entry in new[part] if part == "outputs" or "." not in entry[0]]
            begun = [entry for entry in old[part] if part == "outputs" or "." not in entry[0]]
            for group in {entry[2] for entry in begun} if part == "inputs" else {None}:
                new_names = [entry[0] for entry in same_level if group is None or entry[2] == group]
                old_names = [entry[0] for entry in begun if group is None or entry[2] == group]
                assert new_names[: len(old_names)] == old_names, f"{name}: new {part} go to the end."


def test_the_snapshot_is_complete(ours, stored):
    current = {name: contract(node) for name, node in sorted(ours.items())}
    assert current == stored, "Nodes or inputs were added: record them, see the top of this file."


def _required(info: dict) -> dict:
    return info["VASA_GenerateMotion"]["input"]["required"]


def _reversed(info: dict) -> None:
    info["VASA_GenerateMotion"]["input"]["required"] = dict(reversed(_required(info).items()))


def _put_first(info: dict) -> None:
    new = {"speed": ["FLOAT", {}]}
    info["VASA_GenerateMotion"]["input"]["required"] = new | _required(info)


BREAKS = {
    "an input removed": lambda info: _required(info).pop("seed"),
    "an input retyped": lambda info: _required(info).update(seed=["FLOAT", {}]),
    "inputs reordered": _reversed,
    "an input before others": _put_first,
    "an output removed": lambda info: info["VASA_GenerateMotion"].update(output=[], output_name=[]),
    "a node gone": lambda info: info.pop("VASA_GenerateMotion"),
    "a choice removed": lambda info: info["VASA_Gaze"]["input"]["required"]["gaze"][1]["options"].pop(),
}


@pytest.mark.parametrize("change", BREAKS)
def test_what_breaks_old_workflows_would_be_noticed(ours, stored, change):
    changed = json.loads(json.dumps(ours))
    BREAKS[change](changed)
    with pytest.raises(AssertionError, match="VASA_GenerateMotion|VASA_Gaze"):
        test_no_released_node_input_or_output_is_gone_or_moved(changed, stored)


def test_every_node_explains_itself(ours):
    assert len(ours) == 23
    for name, node in ours.items():
        assert node["category"].startswith("VASA/"), name
        assert node["display_name"] and not node["display_name"].startswith("VASA"), name
        assert node["description"].rstrip().endswith("."), name
        assert len(node["search_aliases"]) >= 3, name


def test_every_input_and_output_has_a_tooltip(ours):
    for name, node in ours.items():
        for entry, _, _, options in inputs_of(node["input"]):
            assert options.get("tooltip", "").strip(), f"{name}.{entry}"
        assert all(node["output_tooltips"]), name
        assert len(node["output_tooltips"]) == len(node["output"]), name


def test_every_number_has_a_range_and_every_widget_a_default(ours):
    for name, node in ours.items():
        for entry, kind, _, options in inputs_of(node["input"]):
            if kind in ("INT", "FLOAT"):
                assert {"min", "max", "step", "default"} <= set(options), f"{name}.{entry}"
                assert options["min"] <= options["default"] <= options["max"], f"{name}.{entry}"
            elif kind == "COMBO":
                assert "default" in options or name == "VASA_LoadMotion", f"{name}.{entry}"
            elif kind == "BOOLEAN":
                assert "default" in options, f"{name}.{entry}"
            elif kind in WIDGETS and not options.get("forceInput"):
                value = dict(options["default"])
                assert value.pop("version") == 1, f"{name}.{entry}"
                lanes = [key for lane in value.values() for key in lane["keys"]] if kind == "VASA_TIMELINE" else [value]
                for key, number in (pair for numbers in lanes for pair in numbers.items() if pair[0] != "t"):
                    low, high = options["ranges"][key]
                    assert low <= number <= high, f"{name}.{entry}"
            elif kind not in ("STRING", DYNAMIC, *WIDGETS):
                assert SOCKET.match(kind), f"{name}.{entry} is of the unexpected type {kind}"


def test_the_first_choice_of_a_dynamic_combo_has_a_widget(ours):
    """Frontend 1.47 throws 'Failed to find input socket' where it has sockets only, and the node turns red."""
    for name, node in ours.items():
        for entry, kind, _, options in inputs_of(node["input"]):
            if kind == DYNAMIC:
                first = [kind for _, kind, _, _ in inputs_of(options["options"][0]["inputs"])]
                assert not first or any(kind in WIDGETS or not SOCKET.match(kind) for kind in first), f"{name}.{entry}"


def test_rare_inputs_are_folded_away(ours):
    advanced = {f"{n}.{e}" for n, node in ours.items() for e, _, _, o in inputs_of(node["input"]) if o.get("advanced")}
    assert {"VASA_RenderVideo.fps", "VASA_AudioFeatures.layer", "VASA_PasteIntoPicture.feather"} <= advanced
    assert {"VASA_LoadFaceModel.dtype", "VASA_LoadMotionModel.joyvasa_windows"} <= advanced


def test_every_node_has_a_help_page_that_knows_its_inputs_and_outputs(ours):
    for name, node in ours.items():
        page = (DOCS / f"{name}.md").read_text(encoding="utf-8")
        assert page.startswith(f"# {node['display_name']}\n"), name
        for entry, _, _, _ in inputs_of(node["input"]):
            assert f"`{entry.rsplit('.', 1)[-1]}`" in page, f"{name}.md does not mention {entry}"
        for output in node["output_name"]:
            assert f"`{output}`" in page, f"{name}.md does not mention the output {output}"
    strays = {page.stem for page in DOCS.glob("*.md")} - set(ours)
    assert not strays, f"Help pages without a node: {strays}"


def test_help_pages_are_served_where_the_browser_looks(live, ours):
    import urllib.parse
    import urllib.request

    folder = urllib.parse.quote(next(p.name for p in (live.base / "custom_nodes").iterdir() if "VASA" in p.name))
    for name in ours:
        address = f"{live.address}/extensions/{folder}/docs/{name}.md"
        with urllib.request.urlopen(address, timeout=30) as answer:
            assert answer.read().startswith(b"# ")
