"""Traps of ComfyUI's node interface, each a rule on the source: what the server would swallow, ignore or misread."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from tests.nodes.live_server import ROOT

TEMPLATE_FOLDERS = {"example_workflows", "example", "examples", "workflow", "workflows"}  # that ComfyUI looks into


def faults(source: str) -> list[str]:
    """The traps that a file of nodes walks into, in words; an empty list for a good one."""
    found = []
    for part in ast.walk(ast.parse(source)):
        if isinstance(part, ast.Name) and part.id in {"NODE_CLASS_MAPPINGS", "NODE_DISPLAY_NAME_MAPPINGS"}:
            found.append("with NODE_CLASS_MAPPINGS, even empty, ComfyUI never asks for the nodes of comfy_entrypoint")
        elif isinstance(part, ast.FunctionDef) and part.name == "validate_inputs":
            if part.args.kwarg is not None:
                found.append("validate_inputs(**kwargs) switches off the checks of every range and menu")
        elif isinstance(part, ast.Attribute) and part.attr == "PreviewText":
            found.append("the browser shows ui.PreviewText for ComfyUI's own nodes only")
        elif isinstance(part, ast.Attribute) and part.attr == "set_progress":
            found.append("set_progress does not look whether the user has cancelled: use host.Progress")
        elif isinstance(part, ast.Attribute) and isinstance(part.ctx, ast.Store):
            if isinstance(part.value, ast.Name) and part.value.id == "cls":
                found.append("ComfyUI locks node classes: keep state in an object of the module")
        elif isinstance(part, ast.ExceptHandler) and part.type is None:
            found.append("a bare except swallows a cancel, which is a BaseException")
        elif isinstance(part, ast.Try) and any(isinstance(inside, ast.Return) for inside in part.finalbody):
            found.append("a return in finally swallows a cancel")
    return found


@pytest.mark.parametrize("path", [ROOT / "__init__.py", *sorted((ROOT / "nodes").glob("*.py"))], ids=lambda p: p.name)
def test_no_file_of_nodes_walks_into_a_trap(path: Path) -> None:
    assert faults(path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    "source",
    [
        "NODE_CLASS_MAPPINGS = {}",
        "class N:\n    @classmethod\n    def validate_inputs(cls, **kwargs): return True",
        "io.NodeOutput(ui=ui.PreviewText('x'))",
        "async def f(api): await api.execution.set_progress(1, 2)",
        "class N:\n    @classmethod\n    def execute(cls): cls.model = 1",
        "try:\n    f()\nexcept:\n    pass",
        "def f():\n    try:\n        g()\n    finally:\n        return 1",
    ],
)
def test_the_rules_find_each_trap(source: str) -> None:
    assert len(faults(source)) == 1


def test_there_is_one_folder_of_templates() -> None:
    """ComfyUI shows those of every folder of these names, and serves each under the same address."""
    assert [path.name for path in ROOT.iterdir() if path.name in TEMPLATE_FOLDERS] == ["workflows"]


def test_no_default_is_a_list(object_info) -> None:
    """ComfyUI reads a list in a prompt as a link, so a value of ours is never one."""
    for name, node in object_info.items():
        if name.startswith("VASA_"):
            assert not [True for options in all_options(node["input"]) if isinstance(options.get("default"), list)], (
                name
            )


def all_options(tree) -> list[dict]:
    """Every options dict inside an input schema, those of a dynamic combo's choices included."""
    if isinstance(tree, dict):
        inner = [found for value in tree.values() for found in all_options(value)]
        return [tree, *inner]
    return [found for value in tree for found in all_options(value)] if isinstance(tree, (list, tuple)) else []


def test_our_widgets_are_of_types_of_our_own() -> None:
    """Under a name of ComfyUI's, such as customtext, the browser would put its widget in the place of ours."""
    scripts = [path.read_text(encoding="utf-8") for path in sorted((ROOT / "web" / "js").rglob("*.js"))]
    names = [name for text in scripts for name in re.findall(r"getCustomWidgets: \(\) => \(\{ (\w+):", text)]
    assert len(names) >= 3 and len(set(names)) == len(names)
    assert all(re.fullmatch(r"VASA_[A-Z]+", name) for name in names)
