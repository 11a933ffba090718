"""One real ComfyUI for all tests of the nodes: started once, with this pack in a folder of an awkward name.

live            the running server, with pictures and sounds in its input folder
hub             the server from which it may download: the only one in its environment
run(prompt)     queue an API prompt, wait, and return what happened as a Run
talking()       the prompt of the shortest talking portrait
"""

from __future__ import annotations

import time

import pytest

from tests.nodes.live_server import (
    ELSEWHERE,
    HELPERS,
    PACK_FOLDER,
    ROOT,
    WATCH,
    Run,
    comfyui_source,
    node,
    put_inputs,
)
from tests.nodes.values import looking
from tests.weights.hub_server import HubServer
from tools.comfy import ComfyServer, running_comfyui


@pytest.fixture(scope="session")
def hub() -> HubServer:
    """Stands for huggingface.co; it has one small model."""
    with HubServer({"model.pth": bytes(range(256)) * 2000}) as server:
        yield server


@pytest.fixture(scope="session")
def live(tmp_path_factory, hub) -> ComfyServer:
    """A headless ComfyUI on the CPU with this pack, the helper nodes, and input files."""
    source = comfyui_source()
    if source is None:
        pytest.skip("ComfyUI is not here: set COMFYUI_DIR, or run `make comfy` once.")
    base = tmp_path_factory.mktemp("comfyui")
    packs = {PACK_FOLDER: ROOT, "vasa_test_helpers": HELPERS, "vasa_test_watch": WATCH}
    environment = {"HF_ENDPOINT": hub.address, "OMP_NUM_THREADS": "1"}
    paths = base / "extra_model_paths.yaml"
    paths.write_text(f"elsewhere:\n  base_path: {base / ELSEWHERE}\n  liveportrait: faces\n")
    options = ["--disable-api-nodes", "--extra-model-paths-config", str(paths)]
    with running_comfyui(
        source, base, packs, cpu=True, options=options, environment=environment, patience=900
    ) as server:
        put_inputs(server)
        yield server


@pytest.fixture(scope="session")
def object_info(live) -> dict:
    """The schema of every node of the running server."""
    return live.object_info()


@pytest.fixture(scope="session")
def run(live):
    """A function that queues a prompt, waits for its end, and returns a Run."""

    def queue_and_wait(prompt: dict, interrupt_after: tuple[str, int] | None = None) -> Run:
        """interrupt_after: (node id, n): cancel at the n-th progress message of that node."""
        with live.listen() as listener:
            started = time.monotonic()
            prompt_id = live.queue(prompt, listener.client_id)
            events, times, seen = [], [], 0
            for event in listener.events(prompt_id):
                events.append(event)
                times.append(time.monotonic())
                if interrupt_after and event.type == "progress" and event.data.get("node") == interrupt_after[0]:
                    seen += 1
                    if seen == interrupt_after[1]:
                        live.interrupt()
                        started = time.monotonic()
        seconds = time.monotonic() - started
        outputs = live.history(prompt_id)["outputs"] if events[-1].type == "execution_success" else {}
        files = live.outputs(prompt_id) if outputs else []
        return Run(prompt_id, events, times, seconds, outputs, files)

    return queue_and_wait


@pytest.fixture(scope="session")
def talking():
    """A function that builds the prompt of the shortest talking portrait; keyword arguments change nodes by id."""

    def build(**changes: dict) -> dict:
        prompt = {
            "face": node("VASA_LoadFaceModel", name="mesh"),
            "motion_model": node("VASA_LoadMotionModel", name="starter"),
            "picture": node("LoadImage", image="vasa_astronaut.png"),
            "sound": node("LoadAudio", audio="clip.wav"),
            "portrait": node("VASA_EncodePortrait", face_model=["face", 0], image=["picture", 0], face_index=0),
            "features": node("VASA_AudioFeatures", motion_model=["motion_model", 0], audio=["sound", 0], layer=-1),
            "gaze": node("VASA_Gaze", **looking(0.0, 0.0)),
            "motion": node(
                "VASA_GenerateMotion", motion_model=["motion_model", 0], features=["features", 0],
                controls=["gaze", 0], seed=1,
            ),
            "video": node(
                "VASA_RenderVideo", face_model=["face", 0], portrait=["portrait", 0], motion=["motion", 0],
                audio=["sound", 0],
                fps=0.0,
            ),
            "save": node("SaveVideo", video=["video", 0], filename_prefix="test/talk", format="auto", codec="auto"),
        }  # fmt: skip
        for name, change in changes.items():
            prompt[name] = change
        return prompt

    return build
