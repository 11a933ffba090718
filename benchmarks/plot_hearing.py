"""Draw the learning curve of the phonetic encoder from the CSV that its training writes.

    python benchmarks/plot_hearing.py [benchmarks/results/encoder.csv] [benchmarks/results/encoder.png]

Left: the losses. Right: figures on voices kept out of training, human and flite's awb. Needs matplotlib.
"""

import csv
import sys
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
from matplotlib import pyplot

RESULTS = Path(__file__).resolve().parent / "results"
SHOWN = ("jaw", "aperture", "width", "tuck", "viseme accuracy", "closure AUC")
STYLES = {"human_held_out": "-", "flite_held_out": "--"}


def main(source: Path, target: Path) -> None:
    with open(source) as file:
        rows = [{key: float(value) for key, value in row.items()} for row in csv.DictReader(file)]
    steps = [row["step"] for row in rows]
    figure, (left, right) = pyplot.subplots(1, 2, figsize=(12, 4.5), layout="constrained")
    for name in (key for key in rows[0] if key.startswith("loss ")):
        left.plot(steps, [row[name] for row in rows], label=name)
    left.set(xlabel="step", yscale="log", title="training losses (running mean)")
    left.legend()
    for colour, name in zip(pyplot.rcParams["axes.prop_cycle"].by_key()["color"], SHOWN, strict=False):
        for voices, style in STYLES.items():
            label = name if style == "-" else None
            right.plot(steps, [row[f"{voices} {name}"] for row in rows], style, color=colour, label=label)
    right.set(xlabel="step", title="voices kept out of training: human (full), flite awb (dashed)", ylim=(0.2, 1))
    right.grid(alpha=0.3)
    right.legend(loc="lower right")
    target.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(target, dpi=90)


if __name__ == "__main__":
    paths = [Path(argument) for argument in sys.argv[1:]]
    main(*(paths + [RESULTS / "encoder.csv", RESULTS / "encoder.png"][len(paths) :]))
