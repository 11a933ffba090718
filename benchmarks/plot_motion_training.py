"""Draws the losses of a motion training run: benchmarks/results/starter_motion_training.csv -> .png

Where the log has a column 'leg', a grey line stands between legs: there the recipe, and so the loss, changed.

python benchmarks/plot_motion_training.py [CSV]
"""

import csv
import sys
from pathlib import Path

from PIL import Image, ImageDraw

ROOT = Path(__file__).resolve().parents[1]
COLOURS = {"position": "#1f77b4", "velocity": "#2ca02c", "acceleration": "#d62728"}
WIDTH, HEIGHT, MARGIN = 1000, 420, 56
SMOOTHING = 0.98


def smoothed(values: list[float]) -> list[float]:
    """Running mean with a decay of SMOOTHING per step."""
    result, mean = [], values[0]
    for value in values:
        mean = SMOOTHING * mean + (1 - SMOOTHING) * value
        result.append(mean)
    return result


def main() -> None:
    path = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "benchmarks" / "results" / "starter_motion_training.csv"
    rows = list(csv.DictReader(path.open()))
    steps = [int(row["step"]) for row in rows]
    curves = {name: smoothed([float(row[name]) for row in rows]) for name in COLOURS}
    top = 1.1 * max(max(values[len(values) // 20 :]) for values in curves.values())
    picture = Image.new("RGB", (WIDTH, HEIGHT), "white")
    draw = ImageDraw.Draw(picture)
    for before, after in zip(rows, rows[1:], strict=False):
        if before.get("leg") != after.get("leg"):
            x = MARGIN + int(after["step"]) / steps[-1] * (WIDTH - 20 - MARGIN)
            draw.line([(x, 20), (x, HEIGHT - MARGIN)], fill="#bbbbbb")
    draw.line([(MARGIN, 20), (MARGIN, HEIGHT - MARGIN), (WIDTH - 20, HEIGHT - MARGIN)], fill="black")
    for k in range(5):
        y = HEIGHT - MARGIN - k / 4 * (HEIGHT - MARGIN - 20)
        draw.text((MARGIN - 8, y), f"{k / 4 * top:.3f}", fill="black", anchor="rm")
        x = MARGIN + k / 4 * (WIDTH - 20 - MARGIN)
        draw.text((x, HEIGHT - MARGIN + 8), str(round(k / 4 * steps[-1])), fill="black", anchor="mt")
    for number, (name, values) in enumerate(curves.items()):
        points = [
            (
                MARGIN + step / steps[-1] * (WIDTH - 20 - MARGIN),
                HEIGHT - MARGIN - min(value / top, 1.05) * (HEIGHT - MARGIN - 20),
            )
            for step, value in zip(steps, values, strict=True)
        ]
        draw.line(points, fill=COLOURS[name], width=2)
        draw.text((WIDTH - 140, 30 + 18 * number), name, fill=COLOURS[name])
    draw.text((WIDTH / 2, HEIGHT - 14), "training steps of 16 windows", fill="black", anchor="ms")
    picture.save(path.with_suffix(".png"))


if __name__ == "__main__":
    main()
