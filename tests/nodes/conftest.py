"""One real ComfyUI for all tests of the nodes: started once, with this pack in a folder of an awkward name.

live            the running server, with pictures and sounds in its input folder
run(prompt)     queue an API prompt, wait, and return what happened as a Run
"""

from __future__ import annotations

import os
import time
import wave
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tools.comfy import ComfyServer, Event, running_comfyui
from tools.comfyui_source import VERSION

ROOT = Path(__file__).resolve().parents[2]
PACK_FOLDER = "Talking-Portraits of VASA"
HELPERS = Path(__file__).parent / "helper_nodes"
CLIP_SECONDS = 1.2


def comfyui_source() -> Path | None:
    """ComfyUI's source where it already is: COMFYUI_DIR, or where `make` puts it. Tests never download."""
    places = [Path(os.environ["COMFYUI_DIR"])] if os.environ.get("COMFYUI_DIR") else []
    places.append(ROOT / ".comfyui" / f"ComfyUI-{VERSION}")
    return next((place for place in places if (place / "main.py").is_file()), None)


@dataclass
class Run:
    """What one queued prompt did. `order`: ids of the nodes that were executed, not taken from the cache."""

    prompt_id: str
    events: list[Event]
    seconds: float
    outputs: dict = field(default_factory=dict)
    files: list[Path] = field(default_factory=list)

    @property
    def ending(self) -> Event:
        return self.events[-1]

    @property
    def order(self) -> list[str]:
        nodes = [event.data.get("node") for event in self.events if event.type == "executing"]
        return [node for node in nodes if node is not None]

    @property
    def error(self) -> str:
        """The message of the node that failed."""
        assert self.ending.type == "execution_error", self.ending
        return self.ending.data["exception_message"].strip()

    def progress(self, node: str) -> list[Event]:
        """The progress messages of one node."""
        return [e for e in self.events if e.type == "progress" and e.data.get("node") == node]

    @property
    def previews(self) -> list[bytes]:
        return [event.picture for event in self.events if event.type == "preview"]


@pytest.fixture(scope="session")
def live(tmp_path_factory) -> ComfyServer:
    """A headless ComfyUI on the CPU with this pack, the helper nodes, and input files."""
    source = comfyui_source()
    if source is None:
        pytest.skip("ComfyUI is not here: set COMFYUI_DIR, or run `make comfy` once.")
    base = tmp_path_factory.mktemp("comfyui")
    packs = {PACK_FOLDER: ROOT, "vasa_test_helpers": HELPERS}
    offline = {"HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "2"}
    with running_comfyui(source, base, packs, cpu=True, environment=offline) as server:
        put_inputs(server)
        yield server


def put_inputs(server: ComfyServer) -> None:
    """The bundled files under the names that the workflows use, a short clip, and pictures without a usable face."""
    assets = ROOT / "assets"
    server.put_input(assets / "astronaut.png", "vasa_astronaut.png")
    server.put_input(assets / "drawn.png", "vasa_drawn.png")
    server.put_input(assets / "speech.wav", "vasa_speech.wav")
    folder = server.base / "input"
    Image.fromarray(np.full((96, 128, 3), 90, np.uint8)).save(folder / "no_face.png")
    for name, seconds in (("clip.wav", CLIP_SECONDS), ("long.wav", 6.0), ("too_short.wav", 0.1)):
        shorten(assets / "speech.wav", folder / name, seconds)


def shorten(source: Path, target: Path, seconds: float) -> None:
    """Write the first `seconds` of a WAV file, repeated where it is shorter."""
    with wave.open(str(source)) as sound:
        parameters = sound.getparams()
        frames = sound.readframes(parameters.nframes)
    wanted = round(seconds * parameters.framerate) * parameters.sampwidth * parameters.nchannels
    with wave.open(str(target), "wb") as sound:
        sound.setparams(parameters)
        sound.writeframes((frames * (wanted // len(frames) + 1))[:wanted])


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
            events, seen = [], 0
            for event in listener.events(prompt_id):
                events.append(event)
                if interrupt_after and event.type == "progress" and event.data.get("node") == interrupt_after[0]:
                    seen += 1
                    if seen == interrupt_after[1]:
                        live.interrupt()
                        started = time.monotonic()
        seconds = time.monotonic() - started
        outputs = live.history(prompt_id)["outputs"] if events[-1].type == "execution_success" else {}
        files = live.outputs(prompt_id) if outputs else []
        return Run(prompt_id, events, seconds, outputs, files)

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
            "gaze": node("VASA_Gaze", **{"gaze": "fixed", "gaze.yaw": 0.0, "gaze.pitch": 0.0}),
            "motion": node(
                "VASA_GenerateMotion", motion_model=["motion_model", 0], features=["features", 0],
                controls=["gaze", 0], seed=1,
            ),
            "video": node(
                "VASA_RenderVideo", face_model=["face", 0], portrait=["portrait", 0], motion=["motion", 0],
                audio=["sound", 0],
            ),
            "save": node("SaveVideo", video=["video", 0], filename_prefix="test/talk", format="auto", codec="auto"),
        }  # fmt: skip
        for name, change in changes.items():
            prompt[name] = change
        return prompt

    return build


def node(class_type: str, **inputs) -> dict:
    """One node of an API prompt."""
    return {"class_type": class_type, "inputs": inputs, "_meta": {"title": class_type}}
