"""A ComfyUI of its own that has done nothing yet, started with --disable-metadata: how soon a template shows its first
frame, and that no video says what it was made with."""

from __future__ import annotations

import json
import time

import av
import pytest

from tests.nodes.live_server import PACK_FOLDER, ROOT, comfyui_source, put_inputs
from tests.nodes.test_running import patience
from tools.comfy import ComfyServer, running_comfyui
from tools.workflow_api import prompt_from_workflow

PLAIN = {"major_brand", "minor_version", "compatible_brands", "encoder"}  # what every MP4 has
FIRST_FRAME = 20.0  # seconds from pressing Run, on a machine that has a core to spare


@pytest.fixture(scope="module")
def server(tmp_path_factory) -> ComfyServer:
    """The server, with the files that the templates name."""
    source = comfyui_source()
    if source is None:
        pytest.skip("ComfyUI is not here: set COMFYUI_DIR, or run `make comfy` once.")
    base, packs, environment = tmp_path_factory.mktemp("started"), {PACK_FOLDER: ROOT}, {"OMP_NUM_THREADS": "1"}
    options = ["--disable-api-nodes", "--disable-metadata"]
    with running_comfyui(
        source, base, packs, cpu=True, options=options, environment=environment, patience=900
    ) as started:
        put_inputs(started)
        yield started


def test_a_template_shows_its_first_frame_soon(server):
    """Weights, face, sound and the whole motion come before it; the video is as long as the bundled speech."""
    workflow = json.loads((ROOT / "workflows" / "talking_portrait.json").read_text(encoding="utf-8"))
    prompt = prompt_from_workflow(workflow, server.object_info())
    (render,) = (name for name, part in prompt.items() if part["class_type"] == "VASA_RenderVideo")
    with server.listen() as listener:
        began, running, first = time.monotonic(), None, None
        prompt_id = server.queue(prompt, listener.client_id)
        for event in listener.events(prompt_id):
            running = event.data.get("node") if event.type == "executing" else running
            if event.type == "preview" and running == render and first is None:
                first = time.monotonic() - began
                server.interrupt()
    assert first is not None, event
    assert first < FIRST_FRAME * patience(), first


def test_no_tag_is_written(server, talking):
    with server.listen() as listener:
        prompt_id = server.queue(talking(), listener.client_id)
        ending = list(listener.events(prompt_id))[-1]
    assert ending.type == "execution_success", ending
    (path,) = server.outputs(prompt_id)
    with av.open(str(path)) as film:
        assert set(film.metadata) <= PLAIN
