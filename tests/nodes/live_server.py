"""What the node tests share: where ComfyUI is, its input files, and what a queued prompt did."""

from __future__ import annotations

import os
import wave
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from PIL import Image

from tools.comfy import ComfyServer, Event
from tools.comfyui_source import VERSION
from tools.demo import BUNDLED

ROOT = Path(__file__).resolve().parents[2]
PACK_FOLDER = "Talking-Portraits.VASA"  # no space: aiohttp serves no web folder under a name that has one
HELPERS = Path(__file__).parent / "helper_nodes"
WATCH = Path(__file__).parent / "watch_nodes"
ELSEWHERE = "elsewhere"  # a folder of models that extra_model_paths.yaml names, inside the server's base folder
CLIP_SECONDS = 1.2


def comfyui_source() -> Path | None:
    """ComfyUI's source where it already is: COMFYUI_DIR, or where `make` puts it. Tests never download."""
    places = [Path(os.environ["COMFYUI_DIR"])] if os.environ.get("COMFYUI_DIR") else []
    places.append(ROOT / ".comfyui" / f"ComfyUI-{VERSION}")
    return next((place for place in places if (place / "main.py").is_file()), None)


@dataclass
class Run:
    """What one queued prompt did. `order`: ids of the nodes that were executed, not taken from the cache.

    times: when each of `events` came, in seconds of one clock. seconds: the whole run, or from a cancel to its end.
    """

    prompt_id: str
    events: list[Event]
    times: list[float]
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

    def seconds_in(self, node: str) -> float:
        """How long one node took, from its beginning to that of the next one."""
        begun = [(k, event) for k, event in enumerate(self.events) if event.type == "executing"]
        place = next(place for place, (_, event) in enumerate(begun) if event.data.get("node") == node)
        end = begun[place + 1][0] if place + 1 < len(begun) else len(self.events) - 1
        return self.times[end] - self.times[begun[place][0]]

    @property
    def previews(self) -> list[bytes]:
        return [event.picture for event in self.events if event.type == "preview"]


def put_inputs(server: ComfyServer) -> None:
    """The bundled files under the names that the workflows use, a short clip, and pictures without a usable face."""
    assets = ROOT / "assets"
    for name, path in BUNDLED.items():
        server.put_input(path, name)
    folder = server.base / "input"
    Image.fromarray(np.full((96, 128, 3), 90, np.uint8)).save(folder / "no_face.png")
    for name, seconds in (("clip.wav", CLIP_SECONDS), ("long.wav", 4.0), ("too_short.wav", 0.1)):
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


def node(class_type: str, **inputs) -> dict:
    """One node of an API prompt."""
    return {"class_type": class_type, "inputs": inputs, "_meta": {"title": class_type}}
