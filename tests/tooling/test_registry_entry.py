"""What ComfyUI's registry reads: pyproject.toml as its parser sees it, icon, banner, versions, what is shipped."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from tests.nodes.live_server import comfyui_source
from vasa_core import __version__
from vasa_core.weights.registry import JOYVASA, LIVEPORTRAIT

ROOT = Path(__file__).resolve().parents[2]
PARSE = """
import json, sys
from comfy_config.config_parser import extract_node_configuration
found = extract_node_configuration(sys.argv[1])
print(json.dumps(found.model_dump()))
"""


@pytest.fixture(scope="module")
def entry() -> dict:
    source = comfyui_source()
    if source is None:
        pytest.skip("ComfyUI is not here: set COMFYUI_DIR, or run `make comfy` once.")
    command = [sys.executable, "-c", PARSE, str(ROOT)]
    return json.loads(subprocess.run(command, cwd=source, check=True, capture_output=True, text=True).stdout)


def test_the_project(entry):
    project = entry["project"]
    assert re.fullmatch(r"[a-z][a-z0-9-]{1,99}", project["name"]) and "comfyui" not in project["name"].lower()
    assert re.fullmatch(r"\d+\.\d+\.\d+", project["version"]) and project["version"] == __version__
    assert (ROOT / project["license"]["file"]).is_file() and len(project["description"]) > 40
    assert project["supported_os"] == ["OS Independent"] and len(project["supported_accelerators"]) == 4
    assert project["supported_comfyui_version"].startswith(">=")


def test_only_one_way_leads_to_the_browser_files(entry):
    assert entry["tool_comfy"]["web"] is None  # WEB_DIRECTORY does; both would run every script twice
    assert entry["tool_comfy"]["display_name"] == "VASA"


def test_the_models_are_those_of_the_registry(entry):
    told = {model["model_url"] for model in entry["tool_comfy"]["models"]}
    assert told == {file.address() for model in (LIVEPORTRAIT, JOYVASA) for file in model.files}


def test_requirements_are_those_of_the_project(entry):
    listed = (ROOT / "requirements.txt").read_text().split()
    assert sorted(listed) == sorted(re.split(r"[>=<]", part)[0] for part in entry["project"]["dependencies"])
    assert not any("==" in line for line in listed)


def test_requirements_add_nothing_to_what_comfyui_installs():
    source = comfyui_source()
    if source is None:
        pytest.skip("ComfyUI is not here: set COMFYUI_DIR, or run `make comfy` once.")
    lines = (source / "requirements.txt").read_text().splitlines()
    brought = {re.split(r"[>=<~!\[; ]", line)[0].lower() for line in lines}
    brought |= {"huggingface-hub"}  # by transformers, which ComfyUI lists
    assert {re.split(r"[>=<]", line)[0].lower() for line in (ROOT / "requirements.txt").read_text().split()} <= brought


def test_icon_and_banner_have_the_sizes_that_are_shown():
    with Image.open(ROOT / "assets/registry/icon.png") as icon:
        assert icon.size[0] == icon.size[1] <= 400
    with Image.open(ROOT / "assets/registry/banner.jpg") as banner:
        assert abs(banner.width / banner.height - 21 / 9) < 0.01


def test_the_changelog_begins_with_this_version():
    headings = re.findall(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.M)
    assert headings[0] == __version__


def test_what_is_published_holds_what_a_user_needs():
    left_out = [line.rstrip("/") for line in (ROOT / ".comfyignore").read_text().split()]
    for needed in ("nodes", "vasa_core", "web", "workflows", "subgraphs", "locales", "assets", "LICENSE", "NOTICE"):
        assert needed not in left_out and (ROOT / needed).exists()
    assert {"tests", "benchmarks", "tools", "Makefile"} <= set(left_out)  # make needs tools


def test_what_is_published_is_small():
    """Most of it are the shipped weights, which make it work the minute it is installed."""
    folders = ("nodes", "vasa_core", "web", "workflows", "subgraphs", "locales", "assets")
    files = [path for folder in folders for path in (ROOT / folder).rglob("*") if path.is_file()]
    files = [path for path in files if "__pycache__" not in path.parts and "readme" not in path.parts]
    assert sum(path.stat().st_size for path in files) < 30e6
