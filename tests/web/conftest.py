"""A real ComfyUI and a real browser for the checks of web/js/; skipped, with the reason, where one is missing.

web_server         the running server: this pack, the helper nodes of tests/nodes, and input files
checks(mode)       what every script of this folder said in the mode "classic" or "nodes2": {script name: its lines}
"""

from __future__ import annotations

import os
import shutil
import subprocess
from functools import cache
from pathlib import Path

import pytest

from tests.nodes.live_server import HELPERS, PACK_FOLDER, ROOT, comfyui_source, put_inputs
from tools.comfy import ComfyServer, running_comfyui

HERE = Path(__file__).parent
KIT = {"browser.mjs", "run.mjs", "timeline_kit.mjs", "widget_checks.mjs"}
SCRIPTS = sorted(path.name for path in HERE.glob("*.mjs") if path.name not in KIT)
PATIENCE = 900  # seconds for all scripts of one mode


def browser_environment() -> dict[str, str]:
    """What run.mjs needs to find a browser; a skip that says what to install where something is missing."""
    chromium = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
    playwright = Path(
        os.environ.get("PLAYWRIGHT_CORE", ROOT / ".cache" / "browser" / "node_modules" / "playwright-core")
    )
    if shutil.which("node") is None:
        pytest.skip("The browser checks need Node.js: apt install nodejs.")
    if chromium is None:
        pytest.skip("The browser checks need Chromium: apt install chromium, or set CHROMIUM to its path.")
    if not (playwright / "package.json").is_file():
        pytest.skip("The browser checks need playwright-core: npm install --prefix .cache/browser playwright-core.")
    return {"CHROMIUM": chromium, "PLAYWRIGHT": str(playwright)}


@pytest.fixture(scope="session")
def web_server(tmp_path_factory) -> ComfyServer:
    """A headless ComfyUI on the CPU for the browser."""
    browser_environment()
    source = comfyui_source()
    if source is None:
        pytest.skip("ComfyUI is not here: set COMFYUI_DIR, or run `make comfy` once.")
    pack = PACK_FOLDER.replace(".", "-")  # ComfyUI's page looks for help pages under the name up to its first dot
    packs = {pack: ROOT, "vasa_test_helpers": HELPERS}
    with running_comfyui(
        source, tmp_path_factory.mktemp("comfyui_web"), packs, cpu=True, options=["--disable-api-nodes"],
        environment={"OMP_NUM_THREADS": "1"}, patience=900,
    ) as server:  # fmt: skip
        put_inputs(server)
        yield server


@pytest.fixture(scope="session")
def checks(web_server):
    """A function that runs every script in one mode, once, and returns what each said."""

    @cache
    def run(mode: str) -> dict[str, list[str]]:
        command = ["node", str(HERE / "run.mjs"), *(str(HERE / name) for name in SCRIPTS)]
        environment = {**os.environ, **browser_environment(), "COMFYUI": web_server.address, "MODE": mode}
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=PATIENCE)
        said: dict[str, list[str]] = {"": []}
        for line in (done.stdout + done.stderr).splitlines():
            if line.startswith("# "):
                said[line[2:]] = []
            else:
                list(said.values())[-1].append(line)
        return said

    return run
