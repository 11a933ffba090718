"""How soon a template shows its first frame in a ComfyUI that has just started, on the CPU.

    python -m benchmarks.first_frame [--out benchmarks/results/first_frame.json]

Each template that needs no download runs in a server of its own, from pressing Run: weights are read, the face is
found, sound becomes motion, and the node that makes frames shows one. Needs what `benchmarks.demo` needs.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from tools.comfy import running_comfyui  # noqa: E402
from tools.comfyui_source import comfyui_folder  # noqa: E402
from tools.demo import BUNDLED, CACHE  # noqa: E402
from tools.errors import ToolError, run_command  # noqa: E402
from tools.workflow_api import prompt_from_workflow  # noqa: E402

FRAMES = {"VASA_RenderVideo", "VASA_DecodeFrames"}  # the nodes that make them
LIMIT = 20.0  # seconds


def main() -> int:
    """Measure every template that needs no download; returns 1 where one takes longer than LIMIT."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks" / "results" / "first_frame.json")
    options = parser.parse_args()
    source, seconds = comfyui_folder(CACHE), {}
    for path in sorted((ROOT / "workflows").glob("*.json")):
        workflow = json.loads(path.read_text(encoding="utf-8"))
        if any(part.get("properties", {}).get("models") for part in workflow["nodes"]):
            continue  # its weights have to be fetched
        seconds[path.stem] = round(first_frame(source, workflow), 1)
        print(f"{path.stem:26} {seconds[path.stem]:5.1f} s", flush=True)
    result = {"seconds_to_first_frame": seconds, "cores": os.cpu_count(), "load_average": round(os.getloadavg()[0], 1)}
    options.out.write_text(json.dumps(result, indent=1) + "\n")
    return int(max(seconds.values()) > LIMIT)


def first_frame(source: Path, workflow: dict) -> float:
    """Seconds from queueing a workflow in a new server to the first picture of a node that makes frames."""
    options = ["--disable-api-nodes"]
    with (
        tempfile.TemporaryDirectory() as base,
        running_comfyui(source, Path(base), {"vasa": ROOT}, cpu=True, options=options) as server,
        server.listen() as listener,
    ):
        for name, path in BUNDLED.items():
            server.put_input(path, name)
        prompt = prompt_from_workflow(workflow, server.object_info())
        began, running = time.monotonic(), ""
        for event in listener.events(server.queue(prompt, listener.client_id, workflow)):
            running = event.data.get("node") if event.type == "executing" else running
            if event.type == "preview" and prompt[running]["class_type"] in FRAMES:
                return time.monotonic() - began
        raise ToolError(f"The workflow showed no frame and ended with {event.type}: {event.data}")


if __name__ == "__main__":
    run_command(main)
