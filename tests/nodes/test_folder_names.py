"""The pack in folders of many names, loaded by ComfyUI's own loader in one process: nodes, scripts, help pages, model
folders; and what is written to disk and warned of on the way, which is nothing."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from tests.nodes.live_server import ROOT, comfyui_source

NAMES = ("vasa", "VASA-Talking-Portraits", "ComfyUI_VASA@nightly", "vasa.v1")
NODES_ONLY = ("My VASA Pack", "Porträt")  # aiohttp finds no web folder whose name has to be escaped in an address
PROBE = """
import asyncio, json, logging, os, sys
base, models, names = sys.argv[1], sys.argv[2], sys.argv[3:]
sys.argv = ["main.py", "--cpu", "--base-directory", base, "--models-directory", models]
sys.path.insert(0, os.getcwd())
import comfy.options
comfy.options.enable_args_parsing()
import folder_paths, nodes
import comfy_extras.nodes_audio, comfy_extras.nodes_video, torchaudio, av, PIL.Image
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from urllib.parse import quote
written = []
def watch(event, args):
    writes = event == "open" and isinstance(args[1], str) and set(args[1]) & set("wax+")
    if (writes or event == "os.mkdir") and "__pycache__" not in str(args[0]):
        written.append(str(args[0]))
sys.addaudithook(watch)
warned = []
class Listening(logging.Handler):
    def emit(self, record):
        warned.append(record.getMessage())
logging.getLogger().addHandler(Listening(logging.WARNING))
logging.captureWarnings(True)
async def loaded(name):
    for key in [key for key in nodes.NODE_CLASS_MAPPINGS if key.startswith("VASA_")]:
        del nodes.NODE_CLASS_MAPPINGS[key]
    good = await nodes.load_custom_node(os.path.join(base, "custom_nodes", name))
    return good and sorted(key for key in nodes.NODE_CLASS_MAPPINGS if key.startswith("VASA_"))
async def served(name, files):
    app = web.Application()
    app.add_routes([web.static("/extensions/" + name, nodes.EXTENSION_WEB_DIRS[name])])
    async with TestClient(TestServer(app)) as client:
        return [(await client.get(f"/extensions/{quote(name)}/{file}")).status for file in files]
async def main():
    nodes_of = {name: await loaded(name) for name in names}
    written_by_us, warned_of_us = list(written), list(warned)
    logging.warning("the listener hears this")
    files = ["js/gaze_pad.js", "docs/VASA_Gaze.md", "docs/VASA_Gaze/zh.md"]
    served_of = {name: await served(name, files) for name in names}
    print(json.dumps({"nodes": nodes_of, "served": served_of, "written": written_by_us,
                      "warned": warned_of_us, "heard": warned[len(warned_of_us):][:1],
                      "models": folder_paths.get_folder_paths("vasa")}))
asyncio.run(main())
"""


@pytest.fixture(scope="module")
def probe(tmp_path_factory) -> dict:
    """What one process of ComfyUI's says after it has loaded the pack under every name; `base` is its base folder."""
    source = comfyui_source()
    if source is None:
        pytest.skip("ComfyUI is not here: set COMFYUI_DIR, or run `make comfy` once.")
    base = tmp_path_factory.mktemp("names")
    (base / "custom_nodes").mkdir()
    (base / "my models").mkdir()
    for name in (*NAMES, *NODES_ONLY):
        (base / "custom_nodes" / name).symlink_to(ROOT, target_is_directory=True)
    command = [sys.executable, "-c", PROBE, str(base), str(base / "my models"), *NAMES, *NODES_ONLY]
    done = subprocess.run(command, cwd=source, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return {**json.loads(done.stdout.strip().splitlines()[-1]), "base": base, "log": done.stderr}


@pytest.mark.parametrize("name", (*NAMES, *NODES_ONLY))
def test_every_node_is_there_whatever_the_folder_is_called(probe, name):
    assert len(probe["nodes"]["vasa"]) >= 20
    assert probe["nodes"][name] == probe["nodes"]["vasa"]
    assert "Cannot import" not in probe["log"] and "Error while calling" not in probe["log"]


@pytest.mark.parametrize("name", NAMES)
def test_scripts_and_help_pages_are_served(probe, name):
    assert probe["served"][name] == [200, 200, 200]


def test_loading_warns_of_nothing(probe):
    assert probe["warned"] == []
    assert probe["heard"] == ["the listener hears this"]


def test_loading_writes_nothing(probe):
    assert probe["written"] == []
    assert not list((probe["base"] / "my models").iterdir())


def test_weights_are_looked_for_where_the_options_of_comfyui_say(probe):
    assert probe["models"][0] == str(probe["base"] / "my models" / "vasa")
