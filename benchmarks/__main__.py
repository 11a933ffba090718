"""python -m benchmarks [--mediapipe PYTHON]: run every benchmark that can run here, one after another.

Each prints its own figures and what it was run on. Those that compare with mediapipe itself need a Python that has
mediapipe 0.10.21 (it wants numpy below 2, so it lives apart). Those that need recordings and videos that are not
part of the repository say so and end.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SCRIPTS = (
    "speed",
    "mesh_speed",
    "liveportrait_speed",
    "joyvasa_speed",
    "memory",
    "starter_speech",
    "starter_motion",
    "liveportrait_memory",
    "training_speed",
    "motion_training_speed",
    "demo",
    "first_frame",
)
MEDIAPIPE_SCRIPTS = ("vision_parity", "mesh_reenactment", "mesh_readback", "talk_readback")


def main() -> int:
    """Run the benchmarks; returns how many of them failed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__.splitlines()[0])
    parser.add_argument("--mediapipe", metavar="PYTHON", help="python of an environment with mediapipe 0.10.21")
    options = parser.parse_args()
    commands = [[name] for name in SCRIPTS]
    if options.mediapipe:
        commands += [[name, "--mediapipe", options.mediapipe] for name in MEDIAPIPE_SCRIPTS]
    else:
        print(f"Without --mediapipe, left out: {', '.join(MEDIAPIPE_SCRIPTS)}.", flush=True)
    failed = 0
    for name, *arguments in commands:
        print(f"\n=== {name} ===", flush=True)
        failed += subprocess.run([sys.executable, "-m", f"benchmarks.{name}", *arguments], cwd=ROOT).returncode != 0
    return failed


if __name__ == "__main__":
    sys.exit(main())
