"""How long `make demo` takes once everything is installed: ComfyUI's start and the bundled workflow.

    python -m benchmarks.demo [--out benchmarks/results/demo.json]

Needs what `make demo` needs after its installation: ComfyUI's packages in this Python, and ComfyUI itself (COMFYUI_DIR,
or where `make demo` keeps it). Processor time is that of all processes, ComfyUI's included; it is what other work on
the machine hardly touches.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks" / "results" / "demo.json")
    options = parser.parse_args()
    started, before = time.monotonic(), resource.getrusage(resource.RUSAGE_CHILDREN)
    command = [sys.executable, "-m", "tools.demo"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    wall, after = time.monotonic() - started, resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode:
        print(done.stdout[-2000:], done.stderr[-2000:], file=sys.stderr)
        return done.returncode
    sys.path.insert(0, str(ROOT))
    from vasa_core.media.read import read_video

    video = read_video(done.stdout.strip().splitlines()[-1])
    result = {
        "seconds": round(wall, 1),
        "processor_seconds": round(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, 1),
        "seconds_of_video": round(float(video.expected_frames / video.fps), 2),
        "cores": os.cpu_count(),
        "load_average": round(os.getloadavg()[0], 1),
    }
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps(result, indent=1) + "\n")
    print(json.dumps(result))
    return 0


if __name__ == "__main__":
    sys.exit(main())
