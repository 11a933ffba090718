"""The commands behind make: what they say when something is missing, and how they show progress."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from pathlib import Path

import pytest

from tools.comfy import Event
from tools.demo import BUNDLED, parse_arguments, progress_printer, set_input
from tools.errors import ToolError
from tools.install import require_python

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("version", [(3, 9), (3, 13), (2, 7)])
def test_another_python_is_refused_in_one_sentence(version: tuple[int, int]) -> None:
    with pytest.raises(ToolError, match=r"make demo PYTHON=python3\.12"):
        require_python(version)


@pytest.mark.parametrize("version", [(3, 10), (3, 11), (3, 12)])
def test_the_three_pythons_pass(version: tuple[int, int]) -> None:
    require_python(version)


def test_a_missing_portrait_ends_in_one_sentence() -> None:
    command = [sys.executable, "-m", "tools.demo", "--portrait", "nowhere.jpg", "--speech", ""]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert result.returncode == 1
    assert result.stderr == "error: There is no portrait file nowhere.jpg.\n"


def test_empty_values_count_as_not_given() -> None:
    options = parse_arguments(["--portrait", "", "--speech", "a.wav"])
    assert options.portrait is None and options.speech == Path("a.wav")


def test_every_file_that_a_workflow_names_is_bundled() -> None:
    named = set()
    for path in (ROOT / "workflows").glob("*.json"):
        for node in json.loads(path.read_text(encoding="utf-8"))["nodes"]:
            if node["type"] in {"LoadImage", "LoadAudio", "LoadVideo"}:
                named.add(node["widgets_values"][0])
    assert named and named <= set(BUNDLED)
    assert all(path.is_file() for path in BUNDLED.values())


def test_set_input_changes_every_node_of_a_kind() -> None:
    prompt = {
        "1": {"class_type": "LoadImage", "inputs": {"image": "a"}},
        "2": {"class_type": "LoadAudio", "inputs": {"audio": "b"}},
    }
    set_input(prompt, "LoadImage", "image", "c")
    assert prompt["1"]["inputs"] == {"image": "c"} and prompt["2"]["inputs"] == {"audio": "b"}


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def show_run(stream: io.StringIO) -> str:
    """What the progress printer writes for a run of two nodes, the first one seen half-way."""
    show = progress_printer({"1": {"_meta": {"title": "Listen"}}, "2": {"_meta": {"title": "Render"}}}, stream)
    show(Event("executing", {"node": "1"}))
    show(Event("progress_state", {"nodes": {"1": {"state": "running", "value": 5, "max": 10}}}))
    show(Event("preview", {}, b"jpeg"))
    show(Event("executing", {"node": "2"}))
    show(Event("executing", {"node": None}))
    show(Event("execution_success", {}))
    return stream.getvalue()


def test_progress_on_a_terminal_has_a_bar_and_one_line_per_node() -> None:
    text = show_run(Terminal())
    assert f"[{'#' * 15}{' ' * 15}]  50%" in text
    assert text.count("\n") == 2 and text.index("Listen") < text.index("Render")


def test_progress_in_a_file_is_one_plain_line_per_node() -> None:
    assert [line.split() for line in show_run(io.StringIO()).splitlines()] == [["Listen", "done"], ["Render", "done"]]
