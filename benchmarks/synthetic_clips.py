"""Draw synthetic heads once and keep them as clips, so that a training on a CPU spends its time on learning.

python benchmarks/synthetic_clips.py FOLDER [--identities 2000] [--frames 16] [--size 64]

Each clip is one identity in frames of independent poses and dynamics; face_stage.py measures on identities of higher
numbers. Clips that are there already are left alone.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import torch

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from vasa_core.train.shards import write_clip  # noqa: E402
from vasa_core.train.synthetic import SPACE, SyntheticHeads, draw_motion  # noqa: E402
from vasa_core.types import Motion  # noqa: E402

SEED = 0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--identities", type=int, default=2000)
    parser.add_argument("--frames", type=int, default=16)
    parser.add_argument("--size", type=int, default=64, help="of which `mini` sees the middle 48")
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    heads = SyntheticHeads(options.identities, options.size, SEED)
    for number in range(options.identities):
        path = options.folder / f"{number:05}.safetensors"
        if path.exists():
            continue
        pose, dynamics = draw_motion(options.frames, torch.Generator().manual_seed(number))
        write_clip(path, heads.show(number, Motion(pose, dynamics, 25.0, SPACE)), pose)
    print(f"{options.identities} clips of {options.frames} frames, {options.size} pixels, in {options.folder}")


if __name__ == "__main__":
    main()
