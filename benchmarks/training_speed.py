"""How fast the face stage trains, in pairs of frames a second: one process and two, and what saves memory.

    python benchmarks/training_speed.py [--rounds 3] [--steps 4] [--out benchmarks/results/training_speed.json]

Everything runs on the CPU, one thread in each process. What is compared takes turns, and only ratios within a round are
worth quoting where other work runs on the machine. There, more than the ratio of speeds says that of the processor time
which a step takes in one process and in each of two: no other work and no waiting changes it. Memory is the peak of a
process in its first step over its own before, with one part of two pairs.

At the end stands what one process holds of the paper's network, and what sharding its moments would save.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

import torch  # noqa: E402

from vasa_core.faces.vasa.network import FaceNetwork  # noqa: E402
from vasa_core.faces.vasa.presets import PRESETS  # noqa: E402
from vasa_core.train.discriminator import Discriminator  # noqa: E402
from vasa_core.train.distributed import World, joined  # noqa: E402
from vasa_core.train.economy import Economy  # noqa: E402
from vasa_core.train.face_stage import FaceSettings, FaceStage  # noqa: E402
from vasa_core.train.loop import Recipe, Rival, averaged, train  # noqa: E402
from vasa_core.train.synthetic import SyntheticHeads  # noqa: E402

PROCESSES = 8  # of the sharding that is reckoned


class TimedWorld(World):
    """Knows how long its processes summed, waiting for one another included."""

    seconds = [0.0]

    def add_up(self, tensors) -> None:
        begun = time.perf_counter()
        super().add_up(tensors)
        self.seconds[0] += time.perf_counter() - begun


def work(preset: str, batch: int, parts: int, steps: int, idle: int, economy: dict) -> None:
    """Train for some steps, after `idle` ones that are not measured; the leading process prints figures."""
    torch.set_num_threads(1)
    with joined(torch.device("cpu")) as joint, tempfile.TemporaryDirectory() as folder:
        world = TimedWorld(joint.rank, joint.size)
        recipe = Recipe(steps=idle + steps + 1, warm_up=1, save_every=10**9, parts=parts)
        settings = FaceSettings(output=folder, preset=preset, identities=16, batch=batch, recipe=recipe)
        network, heads = FaceNetwork(PRESETS[preset]), SyntheticHeads(16, PRESETS[preset].size)
        stage = FaceStage.build(settings, network, heads, "cpu", lambda text: None)
        average, rival = averaged(stage.network), Rival(stage.discriminator, stage.adversary_losses)
        stage.economise(Economy(**economy))
        before = peak()
        reports = train(network, average, stage.losses, recipe, Path(folder) / "state", rival, world=world)
        for _ in range(idle):
            next(reports)
        begun, computed, world.seconds[0] = time.perf_counter(), time.process_time(), 0.0
        for _ in range(steps):
            next(reports)
        seconds, computed = time.perf_counter() - begun, time.process_time() - computed
        figures = {"pairs": batch * steps / seconds, "computed": computed / steps, "megabytes": peak() - before}
        if world.leads:
            print(json.dumps(figures | {"summing": world.seconds[0] / seconds}))


def peak() -> float:
    """Peak resident memory of this process in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1024 if sys.platform != "darwin" else 1024**2)


def measured(processes: int, *told: object) -> dict[str, float]:
    """Figures of `work` in that many processes of its own."""
    run = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(processes)]
    command = [sys.executable, *(run if processes > 1 else []), str(Path(__file__)), "--work", json.dumps(told)]
    done = subprocess.run(command, env={**os.environ, "OMP_NUM_THREADS": "1"}, stdout=subprocess.PIPE, text=True)
    if done.returncode:
        sys.exit("The measured training failed.")
    return json.loads(done.stdout.splitlines()[-1])


def scaling(rounds: int, steps: int, batch: int = 8) -> dict[str, object]:
    """`tiny` in one process and in two, in turn."""
    figures = {n: [] for n in (1, 2)}
    for _ in range(rounds):
        for processes, done in figures.items():
            done.append(measured(processes, "tiny", batch, 2, steps, 1, {}))
            print(f"tiny, {processes} processes: {done[-1]['pairs']:.2f} pairs/s", file=sys.stderr, flush=True)
    turns = list(zip(figures[1], figures[2], strict=True))
    ratios = [two["pairs"] / one["pairs"] for one, two in turns]
    return {
        "pairs_per_second": {n: [round(f["pairs"], 2) for f in done] for n, done in figures.items()},
        "two_over_one": [round(ratio, 2) for ratio in ratios],
        "median_two_over_one": round(median(ratios), 2),
        "median_processor_time_one_over_each_of_two": round(median(a["computed"] / b["computed"] for a, b in turns), 2),
        "share_of_summing_and_waiting": round(median(f["summing"] for f in figures[2]), 3),
    }


def economies() -> dict[str, float]:
    """What recomputation saves in the first step of `small`, and costs."""
    plain, less = (measured(1, "small", 2, 1, 1, 0, {"checkpointing": told}) for told in (False, True))
    return {
        "peak_MB": round(plain["megabytes"]),
        "peak_MB_with_checkpointing": round(less["megabytes"]),
        "processor_time_with_over_without": round(less["computed"] / plain["computed"], 2),
    }


def sharding() -> dict[str, float]:
    """GB that one process holds of the paper's network and its adversary, and what sharding two moments would save."""
    with torch.device("meta"):
        network, adversary = FaceNetwork(PRESETS["paper"]), Discriminator()
    counts = [sum(p.numel() for p in module.parameters()) for module in (network, adversary)]
    gigabytes = 4 * sum(counts) / 1e9
    return {
        "million_parameters": round(sum(counts) / 1e6, 1),
        "weights_gradients_moments_GB": round(4 * gigabytes, 2),
        "moving_average_GB": round(4 * counts[0] / 1e9, 2),
        f"sharding_over_{PROCESSES}_saves_GB": round(2 * gigabytes * (1 - 1 / PROCESSES), 2),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=4)
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks" / "results" / "training_speed.json")
    parser.add_argument("--work", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.work:
        work(*json.loads(options.work))
        return
    result = {
        "machine": f"{os.cpu_count()} cores, torch {torch.__version__}, one thread in each process",
        "load_before": round(os.getloadavg()[0], 1),
        "scaling": scaling(options.rounds, options.steps),
        "small": economies(),
        "paper": sharding(),
    }
    options.out.write_text(json.dumps(result, indent=1) + "\n")
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
