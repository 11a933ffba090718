"""One portrait and one voice become a talking video: run the first workflow in a real ComfyUI, from the command line.

python -m tools.demo [--portrait PICTURE] [--speech SOUND]    prints the path of the MP4
python -m tools.demo --open [--port N]                        opens the same ComfyUI for a person
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path

from .comfy import ComfyServer, Event, running_comfyui
from .comfyui_source import comfyui_folder
from .errors import ToolError, run_command
from .workflow_api import prompt_from_workflow

ROOT = Path(__file__).resolve().parent.parent
WORKFLOW = ROOT / "workflows" / "talking_portrait.json"
CACHE = ROOT / ".comfyui"
OUTPUT = ROOT / "output"
BUNDLED = {
    "vasa_astronaut.png": ROOT / "assets" / "astronaut.png",
    "vasa_drawn.png": ROOT / "assets" / "drawn.png",
    "vasa_two_people.jpg": ROOT / "assets" / "two_people.jpg",
    "vasa_speech.wav": ROOT / "assets" / "speech.wav",
    "vasa_answer.flac": ROOT / "assets" / "answer.flac",
    "vasa_singing.flac": ROOT / "assets" / "singing.flac",
    "vasa_driving.mp4": ROOT / "assets" / "driving.mp4",
}


def main() -> int:
    """Run the command; returns its exit code."""
    options = parse_arguments(sys.argv[1:])
    for path, what in ((options.portrait, "portrait"), (options.speech, "speech")):
        if path is not None and not path.is_file():
            raise ToolError(f"There is no {what} file {path}.")
    if options.check:
        return 0
    source = comfyui_folder(CACHE)
    print("Starting ComfyUI ...", flush=True)
    with running_comfyui(source, CACHE / "base", {"vasa": ROOT}, output=OUTPUT, port=options.port) as server:
        for name, path in BUNDLED.items():
            server.put_input(path, name)
        if options.open:
            return stay_open(server)
        started = time.monotonic()
        video = make_video(server, options.portrait, options.speech)
    print(f"\nDone in {time.monotonic() - started:.0f} s. Your video:\n{video}")
    return 0


def parse_arguments(arguments: list[str]) -> argparse.Namespace:
    """The options of this command; empty values count as not given (make passes them so)."""

    def path(text: str) -> Path | None:
        return Path(text).expanduser() if text else None

    parser = argparse.ArgumentParser(prog="python -m tools.demo", description=__doc__.splitlines()[0])
    parser.add_argument("--portrait", type=path, help="a picture with a face (default: the bundled one)")
    parser.add_argument("--speech", type=path, help="a sound file (default: the bundled one)")
    parser.add_argument("--check", action="store_true", help="only see whether the files are there")
    parser.add_argument("--open", action="store_true", help="keep ComfyUI open for a browser; make no video")
    parser.add_argument("--port", type=int, help="port of ComfyUI (default: any free one)")
    return parser.parse_args(arguments)


def make_video(server: ComfyServer, portrait: Path | None, speech: Path | None) -> Path:
    """Run the workflow on `server` with the files given (None: the bundled ones) and return the MP4's path."""
    workflow = json.loads(WORKFLOW.read_text(encoding="utf-8"))
    prompt = prompt_from_workflow(workflow, server.object_info())
    if portrait is not None:
        set_input(prompt, "LoadImage", "image", server.put_input(portrait, f"demo_portrait{portrait.suffix}"))
    if speech is not None:
        set_input(prompt, "LoadAudio", "audio", server.put_input(speech, f"demo_speech{speech.suffix}"))
    with server.listen() as listener:
        prompt_id = server.queue(prompt, listener.client_id, workflow)
        show = progress_printer(prompt, sys.stdout)
        for event in listener.events(prompt_id):
            show(event)
            if event.type == "execution_error":
                raise ToolError(f"{event.data['node_type']}: {event.data['exception_message'].strip()}")
            if event.type == "execution_interrupted":
                raise ToolError("The run was cancelled.")
    videos = [path for path in server.outputs(prompt_id) if path.suffix == ".mp4"]
    if not videos:
        raise ToolError(f"The workflow ran but saved no MP4; see {server.log}.")
    return videos[-1]


def set_input(prompt: dict, class_type: str, name: str, value: str) -> None:
    """Change one input of every node of `class_type` in a prompt."""
    for node in prompt.values():
        if node["class_type"] == class_type:
            node["inputs"][name] = value


def progress_printer(prompt: dict, stream) -> Callable[[Event], None]:
    """A function that shows events of `prompt` as one line per node: with a bar on a terminal, at its end elsewhere."""
    titles = {node_id: node["_meta"]["title"] for node_id, node in prompt.items()}
    current: list[str] = []

    def finish_line() -> None:
        if current:
            title = current.pop()
            stream.write(f"\r  {title:<28} [{'#' * 30}] done\n" if stream.isatty() else " done\n")

    def show(event: Event) -> None:
        if event.type == "executing" and event.data.get("node") in titles:
            finish_line()
            current.append(titles[event.data["node"]])
            stream.write(f"  {current[0]:<28}" if not stream.isatty() else f"\r  {current[0]:<28} [{' ' * 30}]")
        elif event.type == "progress_state" and current and stream.isatty():
            running = [node for node in event.data["nodes"].values() if node["state"] == "running" and node["max"]]
            part = running[0]["value"] / running[0]["max"] if running else 0.0
            stream.write(f"\r  {current[0]:<28} [{('#' * round(30 * part)).ljust(30)}] {part:4.0%}")
        elif event.type == "execution_success":
            finish_line()
        stream.flush()

    return show


def stay_open(server: ComfyServer) -> int:
    """Tell where ComfyUI is and wait until it ends or Ctrl-C."""
    print(
        f"ComfyUI with this pack is open at {server.address}\n"
        "Its template browser holds this pack's workflows. Ctrl-C ends it."
    )
    return server.process.wait()


if __name__ == "__main__":
    run_command(main)
