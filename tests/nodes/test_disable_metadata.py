"""A ComfyUI that was started with --disable-metadata: files say nothing, neither the graph nor what made them."""

from __future__ import annotations

import av
import pytest

from tests.nodes.live_server import PACK_FOLDER, ROOT, comfyui_source, put_inputs
from tools.comfy import running_comfyui

PLAIN = {"major_brand", "minor_version", "compatible_brands", "encoder"}  # what every MP4 has


def test_no_tag_is_written(tmp_path, talking):
    source = comfyui_source()
    if source is None:
        pytest.skip("ComfyUI is not here: set COMFYUI_DIR, or run `make comfy` once.")
    options = ["--disable-api-nodes", "--disable-metadata"]
    packs, environment = {PACK_FOLDER: ROOT}, {"OMP_NUM_THREADS": "1"}
    with running_comfyui(
        source, tmp_path, packs, cpu=True, options=options, environment=environment, patience=900
    ) as server:
        put_inputs(server)
        with server.listen() as listener:
            prompt_id = server.queue(talking(), listener.client_id)
            ending = list(listener.events(prompt_id))[-1]
        assert ending.type == "execution_success", ending
        (path,) = server.outputs(prompt_id)
        with av.open(str(path)) as film:
            assert set(film.metadata) <= PLAIN
