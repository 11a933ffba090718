"""Speed and error of LivePortrait's W and G as computed here, against the published graph run plainly.

    python benchmarks/liveportrait_speed.py [--threads 1] [--rounds 2] [--frames 4] [--halves] [--weights FOLDER]

Both are given the same weights (by the rule of the recorded outputs), picture and keypoints, and take turns in one
run: other work on the machine slows both. The plain graph makes one frame at a time, as published; ours as many as the
face model gives it. Times are processor seconds per frame summed over threads, and seconds by the clock, each the best
of the rounds. --halves also runs ours in bfloat16, which is only fast where the processor has matrix units.
"""

from __future__ import annotations

import argparse
import math
import platform
import resource
import sys
import tempfile
import time
from pathlib import Path

import torch
from torch import Tensor

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks.liveportrait_eager import load_eager  # noqa: E402
from tests.goldens import golden, goldens_folder, rule_weights  # noqa: E402
from vasa_core.faces.liveportrait.pose import (  # noqa: E402
    degrees_from_bins,
    rotation_from_degrees,
    transform_keypoints,
)
from vasa_core.faces.liveportrait.released import FILES, load_networks  # noqa: E402


class Stopwatch:
    """Best clock and processor seconds per frame of what is timed under each name."""

    def __init__(self) -> None:
        self.best: dict[str, tuple[float, float]] = {}

    def time(self, name: str, frames: int, work) -> Tensor:
        """Run and time `work`; returns what it returns."""
        wall, processor = time.perf_counter(), time.process_time()
        result = work()
        taken = (time.perf_counter() - wall) / frames, (time.process_time() - processor) / frames
        self.best[name] = tuple(map(min, taken, self.best.get(name, taken)))
        return result


def keypoints_of(networks, pictures: Tensor) -> Tensor:
    """(B, 21, 3) keypoints of the pictures (B, 3, 256, 256)."""
    code = networks.motion(pictures)
    degrees = torch.stack([degrees_from_bins(bins) for bins in (code.pitch, code.yaw, code.roll)], dim=-1)
    return transform_keypoints(code.keypoints, rotation_from_degrees(degrees), code.expression, code.scale, code.shift)


def psnr(frames: Tensor, reference: Tensor) -> float:
    """Decibels for values in [0, 1]."""
    return -10.0 * math.log10(float((frames.double() - reference.double()).square().mean()))


def measure(options: argparse.Namespace, folder: Path) -> list[str]:
    """The lines of the result."""
    networks, (plain_warping, plain_generator) = load_networks(folder), load_eager(folder)
    pictures = golden("lp_appearance")["images"].permute(0, 3, 1, 2).float() / 255.0
    volume, points = networks.appearance(pictures[:1]), keypoints_of(networks, pictures)
    source, driven = points[:1], points[torch.arange(options.frames) % len(points)]
    driven = networks.stitching(source.expand_as(driven), driven)
    watch, warping, generator = Stopwatch(), networks.warping, networks.generator
    grown = 0
    for _ in range(options.rounds):
        plain = watch.time("W plain", 1, lambda: plain_warping(volume, driven[:1], source))
        plain = watch.time("G plain", 1, lambda warp=plain: plain_generator(warp.feature))
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        warp = watch.time("W ours", options.frames, lambda: warping(volume, driven, source))
        ours = watch.time("G ours", options.frames, lambda warp=warp: generator(warp.feature))
        grown = max(grown, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
    error = float((ours[:1] - plain).abs().max() / plain.abs().max())
    lines = [
        f"{options.threads} thread(s), float32, ours {options.frames} frames at once, best of {options.rounds}:",
        "",
    ]
    lines += ["| part | plain: processor s / clock s | ours | times faster |", "|---|---|---|---|"]
    total = {
        kind: [sum(watch.best[f"{part} {kind}"][i] for part in "WG") for i in (0, 1)] for kind in ("plain", "ours")
    }
    rows = [(part, watch.best[f"{part} plain"], watch.best[f"{part} ours"]) for part in "WG"]
    for part, (wall, processor), (our_wall, our_processor) in [*rows, ("W + G", total["plain"], total["ours"])]:
        faster = f"{processor / our_processor:.2f} / {wall / our_wall:.2f}"
        lines.append(f"| {part} | {processor:.2f} / {wall:.2f} | {our_processor:.2f} / {our_wall:.2f} | {faster} |")
    lines += [
        "",
        f"Largest difference of a frame by its largest value: {error:.1e}; PSNR {psnr(ours[:1], plain):.0f} dB.",
    ]
    lines.append(f"The process grew by at most {grown / 1024:.0f} MB above the plain graph's own peak.")
    if options.halves:
        warping.to(torch.bfloat16), generator.to(torch.bfloat16)
        half = watch.time("W half", 1, lambda: warping(volume.bfloat16(), driven[:1], source))
        half = watch.time("G half", 1, lambda: generator(half.feature)).float()
        taken = [f"{watch.best[name][1]:.2f}" for name in ("W half", "G half")]
        lines += [
            "",
            f"bfloat16, one frame: {' + '.join(taken)} processor s; PSNR {psnr(half, plain):.1f} dB to float32.",
        ]
    return lines


def main() -> None:
    """Measure, print, and append to the file that is named."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--frames", type=int, default=4)
    parser.add_argument("--halves", action="store_true")
    parser.add_argument("--weights", type=Path, help="folder with the released files, instead of weights by the rule")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    if goldens_folder() is None:
        sys.exit("The weight rule of the recorded outputs is not here (see tests/goldens.py).")
    torch.set_num_threads(options.threads)
    with tempfile.TemporaryDirectory() as folder, torch.inference_mode():
        for name in FILES if options.weights is None else ():
            torch.save(rule_weights(name), Path(folder) / f"{name}.pth")
        lines = measure(options, options.weights or Path(folder))
    info = Path("/proc/cpuinfo")
    flags = info.read_text(encoding="utf-8") if info.is_file() else ""
    model = next((row.split(":")[1].strip() for row in flags.splitlines() if row.startswith("model name")), "")
    units = "with" if "amx_bf16" in flags else "without"
    header = f"{model or platform.processor()}, torch {torch.__version__}, {units} bfloat16 matrix units."
    text = "\n".join([header, "", *lines, ""])
    print(text)
    if options.out:
        with open(options.out, "a", encoding="utf-8") as file:
            file.write(text + "\n")


if __name__ == "__main__":
    main()
