"""The pack loads in a folder of any name, quickly, quietly, and also where there is no ComfyUI."""

from __future__ import annotations

import json
import re
import subprocess
import sys

from tests.nodes.live_server import PACK_FOLDER, ROOT, comfyui_source

MEASURE = """
import importlib.util, json, os, sys, time
sys.argv = ["main.py", "--cpu"]
sys.path.insert(0, {comfyui!r})
import comfy.options
comfy.options.enable_args_parsing()
import comfy.model_management, comfy.model_patcher, comfy.utils, folder_paths  # as ComfyUI itself has by then
import torchaudio, av, PIL.Image
from comfy_api.latest import io, ui
import comfy_extras.nodes_audio, comfy_extras.nodes_video
opened = []
sys.addaudithook(lambda event, args: opened.append(str(args[0])) if event == "open" else None)
began = time.process_time()
spec = importlib.util.spec_from_file_location("My Packs/VASA-for ComfyUI @nightly", {init!r})
module = importlib.util.module_from_spec(spec)
sys.modules["My Packs/VASA-for ComfyUI @nightly"] = module
spec.loader.exec_module(module)
import asyncio
extension = asyncio.run(module.comfy_entrypoint())
asyncio.run(extension.on_load())
nodes = asyncio.run(extension.get_node_list())
seconds = time.process_time() - began
data = (".safetensors", ".sft", ".pt", ".pth", ".npz", ".bin")
weights = [path for path in opened if path.endswith(data)]
print(json.dumps({{"seconds": seconds, "nodes": len(nodes), "weights": weights}}))
"""


def test_the_root_file_imports_without_comfyui():
    code = (
        f"import sys; sys.path.insert(0, {str(ROOT.parent)!r}); m = __import__({ROOT.name!r}); print(m.WEB_DIRECTORY)"
    )
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT.parent)
    assert answer.stdout.strip() == "./web", answer.stderr


def test_importing_all_nodes_is_quick_and_reads_no_weights(live):
    """Half a second of processor time at most, once ComfyUI's own packages are there."""
    code = MEASURE.format(comfyui=str(comfyui_source()), init=str(ROOT / "__init__.py"))
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=comfyui_source())
    facts = json.loads(answer.stdout.strip().splitlines()[-1])
    assert facts["nodes"] == 23
    assert facts["weights"] == []
    assert facts["seconds"] < 0.5


def test_the_server_says_nothing_bad_about_the_pack(live, object_info):
    """While it starts it names the pack once: how long it took to import. ComfyUI adds (IMPORT FAILED) to bad ones."""
    assert any(name.startswith("VASA_") for name in object_info)
    start, opened, _ = live.log.read_text(errors="replace").partition("To see the GUI go to")
    assert opened, start
    told = [line for line in start.splitlines() if PACK_FOLDER in line]
    assert len(told) == 1 and re.fullmatch(rf".*INFO.* \d+\.\d seconds: \S*{PACK_FOLDER}", told[0]), told


def test_only_weights_of_the_users_are_listed(live):
    folder = live.base / "models" / "vasa"
    assert not folder.exists() or (folder / "broken.safetensors").exists(), "loading the pack made a folder"
    folder.mkdir(exist_ok=True)
    (folder / "readme.md").write_text("not a model")
    (folder / "mine.safetensors").write_bytes(b"")
    options = live.get("/object_info/VASA_LoadMotionModel")["VASA_LoadMotionModel"]["input"]["required"]["name"]
    choices = options[1]["options"] if isinstance(options[0], str) else options[0]
    assert choices[0] == "starter"
    assert "mine.safetensors" in choices and "readme.md" not in choices
