"""Convert a workflow as artists open it (nodes, links, widget values) into the prompt that ComfyUI's API runs.

A saved workflow lists widget values by position; a prompt lists inputs by name. The names come from the server's own
`/object_info`, so the result is what the browser would send for the same file:

    prompt = prompt_from_workflow(json.load(file), server.object_info())

Handled: widget order, the extra value behind a seed, uploads, dynamic combos, list values, notes, reroutes, muted and
bypassed nodes. Anything else is refused by name instead of being guessed.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from .errors import ToolError

WIDGET_TYPES = {
    "INT",
    "FLOAT",
    "STRING",
    "BOOLEAN",
    "COMBO",
    "CURVE",
    "RANGE",
    "COLOR",
    "BOUNDING_BOX",
    "BOUNDING_BOXES",
}
DYNAMIC_COMBO = "COMFY_DYNAMICCOMBO_V3"
NOTES = {"Note", "MarkdownNote"}
MUTED, BYPASSED = 2, 4  # ComfyUI's node modes; 0 runs
UPLOADS = ("image_upload", "video_upload", "audio_upload")

Definition = tuple[str, Any, dict]  # name, type (a word, or a list of choices), options


def prompt_from_workflow(workflow: dict, object_info: dict) -> dict[str, dict]:
    """The API prompt {node id: {class_type, inputs, _meta}} of a saved `workflow`.

    object_info: the answer of the server's /object_info. Raises ToolError for a node type that the server lacks, and
    for a node whose saved values do not fit its inputs.
    """
    if "nodes" not in workflow or "links" not in workflow:
        raise ToolError(
            "This JSON is not a ComfyUI workflow: it has no nodes. Save it in ComfyUI with Workflow > Save."
        )
    if workflow.get("definitions", {}).get("subgraphs"):
        raise ToolError("This workflow holds subgraphs; unpack them in ComfyUI (right click > Unpack Subgraph) first.")
    nodes = {node["id"]: node for node in workflow["nodes"]}
    sources = {link[0]: (link[1], link[2]) for link in workflow["links"]}

    prompt = {}
    for node in nodes.values():
        if node["type"] in NOTES or node["type"] == "Reroute" or node.get("mode", 0) in (MUTED, BYPASSED):
            continue
        if node["type"] not in object_info:
            raise ToolError(f"This ComfyUI has no node '{node['type']}'. Is the pack that brings it installed?")
        info = object_info[node["type"]]
        inputs = dict(_widget_inputs(node, info))
        for slot in node.get("inputs", []):
            source = _resolve(slot.get("link"), slot.get("type"), nodes, sources)
            if source is not None:
                inputs[slot["name"]] = [str(source[0]), source[1]]
        title = node.get("title") or info.get("display_name") or node["type"]
        prompt[str(node["id"])] = {"class_type": node["type"], "inputs": inputs, "_meta": {"title": title}}
    return prompt


def _resolve(link: int | None, kind: str | None, nodes: dict, sources: dict) -> tuple[int, int] | None:
    """The (node id, output slot) that really feeds `link`: through reroutes and bypassed nodes; None where it ends."""
    while link is not None:
        if link not in sources:
            raise ToolError(f"The workflow is damaged: link {link} leads nowhere. Open and save it again in ComfyUI.")
        node_id, slot = sources[link]
        node = nodes[node_id]
        mode = node.get("mode", 0)
        if mode == MUTED:
            return None
        if node["type"] == "Reroute":
            link = node["inputs"][0].get("link")
        elif mode == BYPASSED:
            link = _bypass(node, slot, kind)
        else:
            return node_id, slot
    return None


def _bypass(node: dict, slot: int, kind: str | None) -> int | None:
    """The link that enters a bypassed node where the value of output `slot` shall come from: the same type."""
    candidates = node.get("inputs", [])
    if kind in (None, "*"):
        kind = node["outputs"][slot]["type"]
    same_place = candidates[slot : slot + 1]
    for candidate in [*same_place, *candidates]:
        if candidate.get("type") == kind:
            return candidate.get("link")
    return None


def _widget_inputs(node: dict, info: dict) -> Iterator[tuple[str, Any]]:
    """Pairs (input name, value) of the widgets of one saved node."""
    saved = node.get("widgets_values") or []
    marked = {slot["name"] for slot in node.get("inputs", []) if slot.get("widget")}
    if isinstance(saved, dict):
        for name, kind, options in _definitions(info["input"], info.get("input_order")):
            if name in saved and _is_widget(name, kind, options, marked):
                yield name, _literal(saved[name])
        return
    values = list(saved)
    queue = list(_definitions(info["input"], info.get("input_order")))
    while queue:
        name, kind, options = queue.pop(0)
        if not _is_widget(name, kind, options, marked):
            continue
        # A workflow saved before this input existed has no value for it: then the browser shows the default.
        value = values.pop(0) if values else _default(node, name, kind, options)
        yield name, _literal(value)
        if kind == DYNAMIC_COMBO:
            queue = [*_chosen(node, name, value, options), *queue]
        elif options.get("control_after_generate") and values and isinstance(values[0], str):
            values.pop(0)  # 'fixed', 'increment', 'randomize': for the browser only
        elif any(options.get(upload) for upload in UPLOADS) and values:
            values.pop(0)  # the upload button


def _definitions(groups: dict, order: dict | None, prefix: str = "") -> Iterator[Definition]:
    """Input definitions in the order in which the browser makes widgets: the required ones, then the optional ones."""
    for group in ("required", "optional"):
        entries = groups.get(group) or {}
        for name in (order or {}).get(group) or entries:
            kind, *rest = entries[name]
            yield prefix + name, kind, rest[0] if rest else {}


def _chosen(node: dict, name: str, key: Any, options: dict) -> list[Definition]:
    """Definitions of the inputs that the choice `key` of a dynamic combo adds: their names start with `name.`."""
    for option in options["options"]:
        if option["key"] == key:
            return list(_definitions(option["inputs"], None, f"{name}."))
    raise ToolError(f"The node '{node['type']}' has no choice '{key}' for '{name}'. Save the workflow again.")


def _default(node: dict, name: str, kind: Any, options: dict) -> Any:
    """What the browser shows in a widget without a saved value: the default, else the first choice."""
    if "default" in options:
        return options["default"]
    choices = kind if isinstance(kind, list) else options.get("options")
    if not choices:
        raise ToolError(f"The node '{node['type']}' has no saved value for '{name}'. Save the workflow again.")
    return choices[0]["key"] if kind == DYNAMIC_COMBO else choices[0]


def _is_widget(name: str, kind: Any, options: dict, marked: set[str]) -> bool:
    """Whether the browser draws this input as a widget (and so saves a value for it) and not as a mere socket."""
    if options.get("forceInput"):
        return False
    if name in marked or kind == DYNAMIC_COMBO or isinstance(kind, list):
        return True
    return all(word in WIDGET_TYPES for word in kind.split(","))


def _literal(value: Any) -> Any:
    """`value` as a prompt may hold it: a bare list would be read as a link."""
    return {"__value__": value} if isinstance(value, list) else value
