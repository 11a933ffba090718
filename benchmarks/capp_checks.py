"""CAPP's two checks, after VASA-1: its score against shifts of the head in time, and against how far the head moves.

    python benchmarks/capp_checks.py WEIGHTS --speech FOLDER [--out benchmarks/results/capp.md]
    python benchmarks/capp_checks.py WEIGHTS --clips FOLDER

A score that hears whether a head belongs to its voice falls where the head comes a few frames early or late, and where
its motion is made smaller or larger than it was. --speech: recordings with labels.json, of which only the speakers kept
out of training are used; their heads are drawn (vasa_core/train/head.py). --clips: filmed people, shards of
`train prepare`, which the network was not trained on. Needs matplotlib.
"""

import argparse
import sys
from dataclasses import replace
from pathlib import Path

import matplotlib
import numpy as np
import torch
from torch import Tensor

matplotlib.use("Agg")
from matplotlib import pyplot

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from vasa_core.arkit import ARKIT  # noqa: E402
from vasa_core.audio import load_audio_encoder  # noqa: E402
from vasa_core.metrics.capp import FPS, CappNetwork, load_capp, window_scores  # noqa: E402
from vasa_core.train.capp_data import FilmedHeads, PerformedSpeech  # noqa: E402
from vasa_core.types import AudioFeatures, Motion  # noqa: E402

SHIFTS = range(-4, 5)  # frames of 40 ms
SCALES = (0.0, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0)
PAPER = {0: 0.608, 1: 0.462, 2: 0.206, 3: 0.069, 4: 0.082}  # of VASA-1's own network, on real people
PERFORMANCES = 24
Pair = tuple[AudioFeatures, Motion]


def pair(features: Tensor, pose: Tensor, encoder: str) -> Pair:
    """What score_capp takes, from features (T, C) and pose (T, 6)."""
    return AudioFeatures(features, FPS, encoder), Motion(pose, torch.zeros(len(pose), ARKIT.dynamics), FPS, ARKIT)


def performed(folder: Path, encoder: str) -> tuple[list[Pair], str]:
    """Performances by speakers that no training heard, and what they are."""
    data = PerformedSpeech(folder, load_audio_encoder(encoder), held_out=True)
    random = np.random.default_rng(0)
    return [pair(*data.performance(random), data.encoder) for _ in range(PERFORMANCES)], data.told


def filmed(folder: Path) -> tuple[list[Pair], str]:
    """All clips of a folder that are long enough."""
    data, pairs = FilmedHeads(folder), []
    for places in data.people.values():
        for place in places:
            told = data.clips.measured(place, names=("features", "pose"))
            pairs.append(pair(told.features, told.pose, data.encoder))
    return pairs, data.told


def shifted(clip: Pair, late: int) -> Pair:
    """The head `late` frames later than it was, under the same sound, for every `late` of SHIFTS."""
    features, motion = clip
    edge, frames = max(SHIFTS), len(motion)
    return replace(features, values=features.values[edge : frames - edge]), motion[edge - late : frames - edge - late]


def scaled(clip: Pair, factor: float) -> Pair:
    """The head moves `factor` times as far from where it is on average."""
    features, motion = clip
    mean = motion.pose.mean(0)
    return features, replace(motion, pose=mean + factor * (motion.pose - mean))


def mean_score(network: CappNetwork, clips: list[Pair]) -> tuple[float, float]:
    """Mean over clips, and its standard error."""
    scores = torch.stack([window_scores(network, *clip).mean() for clip in clips])
    return float(scores.mean()), float(scores.std(correction=0) / len(scores) ** 0.5)


def exchanged(clips: list[Pair]) -> list[Pair]:
    """Every voice with the head of the clip before."""
    return [(features, clips[k - 1][1]) for k, (features, _) in enumerate(clips)]


def check(network: CappNetwork, clips: list[Pair]) -> dict[str, dict[float, tuple[float, float]]]:
    """{'shift': {frames: score}, 'scale': {factor: score}, 'other': {0: score of exchanged heads}}."""
    return {
        "shift": {late: mean_score(network, [shifted(clip, late) for clip in clips]) for late in SHIFTS},
        "scale": {factor: mean_score(network, [scaled(clip, factor) for clip in clips]) for factor in SCALES},
        "other": {0: mean_score(network, exchanged(clips))},
    }


def table(results: dict, told: str, network: CappNetwork) -> str:
    """The figures as Markdown."""
    lines = [f"Network: {network.trained_on}. Audio encoder: {network.encoder}.", "", f"Measured on: {told}.", ""]
    lines += ["| head later by, frames | CAPP | standard error | VASA-1's, on real people |", "|---|---|---|---|"]
    lines += [f"| {k:+d} | {m:.3f} | {e:.3f} | {PAPER[abs(k)]:.3f} |" for k, (m, e) in results["shift"].items()]
    mean, error = results["other"][0]
    lines += [f"| another clip's head | {mean:.3f} | {error:.3f} | |", ""]
    lines += ["| head moves, times as far | CAPP | standard error |", "|---|---|---|"]
    lines += [f"| {k:g} | {m:.3f} | {e:.3f} |" for k, (m, e) in results["scale"].items()]
    return "\n".join(lines) + "\n"


def picture(results: dict, path: Path) -> None:
    """Both curves side by side."""
    figure, axes = pyplot.subplots(1, 2, figsize=(10, 3.6), layout="constrained")
    for axis, name, label in zip(
        axes, ("shift", "scale"), ("frames that the head is late", "times as far"), strict=True
    ):
        curve = results[name]
        means, errors = zip(*curve.values(), strict=True)
        axis.errorbar(list(curve), means, errors, marker="o", capsize=3, label="ours")
        axis.axhline(results["other"][0][0], color="grey", linestyle=":", label="another clip's head")
        axis.set(xlabel=label, ylabel="CAPP")
        axis.grid(alpha=0.3)
    axes[0].plot(list(SHIFTS), [PAPER[abs(k)] for k in SHIFTS], "--", color="tab:orange", label="VASA-1, real people")
    axes[0].legend()
    figure.savefig(path, dpi=90)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("weights", type=Path)
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--speech", type=Path, metavar="FOLDER")
    source.add_argument("--clips", type=Path, metavar="FOLDER")
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks" / "results" / "capp.md")
    options = parser.parse_args()
    torch.set_num_threads(1)
    network = load_capp(options.weights)
    clips, told = performed(options.speech, network.encoder) if options.speech else filmed(options.clips)
    results = check(network, clips)
    text = table(results, told, network)
    print(text)
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(text, encoding="utf-8")
    picture(results, options.out.with_suffix(".png"))


if __name__ == "__main__":
    main()
