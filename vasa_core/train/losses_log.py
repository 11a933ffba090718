"""The losses of a run, step by step: a CSV file that every stage writes alike, and a picture of its curves."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from ..errors import BadInput, OutputError
from .board import on_board
from .distributed import World
from .loop import Report

HEAD = ["step", "learning_rate", "gradient"]
WIDTH, PANEL, LEFT, RIGHT, TOP, BOTTOM = 1000, 130, 76, 24, 26, 34
LINE, BAND = "#1f5fa8", "#c9dbf0"
POINTS = 400  # of a curve; each is the mean of as many steps as fall to it


def recorded(
    reports: Iterable[Report], out: Path, world: World, picture: Path, tensorboard: bool = False
) -> Iterator[Report]:
    """Pass the reports on in the leading process of the `world`, and to no one in the others; ends when all are done.

    They are written to `out`/losses.csv first and, where that is asked for, with `picture` to `out`/tensorboard.
    """
    if world.leads:
        reports = logged(reports, out / "losses.csv")
        yield from on_board(reports, out / "tensorboard", picture) if tensorboard else reports
    else:
        for _ in reports:
            pass
    world.wait()  # for the files of the last step


def logged(reports: Iterable[Report], path: Path) -> Iterator[Report]:
    """Pass the reports on, each written to the CSV file `path` first: step, rate, gradient, losses.

    A run that goes on repeats what came after its last checkpoint; the rows of those steps are taken out before, so
    every step stands there once. BadInput where the file holds other losses than the run has.
    """
    file = None
    try:
        for report in reports:
            if file is None:
                _cut(path, report)
                file = open(path, "a", newline="", buffering=1, encoding="utf-8")  # noqa: SIM115
            values = [f"{value:.5f}" for value in report.losses.values()]
            csv.writer(file).writerow([report.step, f"{report.learning_rate:.3e}", f"{report.gradient:.4f}", *values])
            yield report
    finally:
        if file is not None:
            file.close()


def _cut(path: Path, first: Report) -> None:
    """Leave the heading and the rows before the step of the `first` report."""
    heading = [*HEAD, *first.losses]
    rows = read_rows(path) if path.exists() else []
    if rows and rows[0] != heading:
        raise BadInput(f"{path} holds the losses {', '.join(rows[0][3:])}, not this run's. Name another output folder.")
    kept = [row for row in rows[1:] if len(row) == len(heading) and int(row[0]) < first.step]
    try:
        with open(path, "w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows([heading, *kept])
    except OSError as error:
        raise OutputError(f"Cannot write {path} ({error.strerror}). Choose a folder with write permission.") from error


def read_rows(path: Path) -> list[list[str]]:
    """Heading and rows of a losses file."""
    with open(path, newline="", encoding="utf-8") as file:
        return [row for row in csv.reader(file) if row]


def save_curves(path: Path) -> None:
    """Draw the losses file `path` as a picture beside it, .png: a strip for each loss, its mean, and its spread."""
    heading, *rows = read_rows(path)
    names = heading[len(HEAD) :]
    steps = [int(row[0]) for row in rows]
    height = TOP + len(names) * (PANEL + 12) + BOTTOM
    picture = Image.new("RGB", (WIDTH, height), "white")
    draw = ImageDraw.Draw(picture)
    draw.text((LEFT, 6), f"losses of {steps[-1]} steps", fill="black", font=ImageFont.load_default(13))
    for number, name in enumerate(names):
        top = TOP + number * (PANEL + 12)
        values = [float(row[len(HEAD) + number]) for row in rows]
        _draw_curve(draw, name, steps, values, (LEFT, top, WIDTH - RIGHT, top + PANEL))
    for k in range(5):
        x = LEFT + k / 4 * (WIDTH - RIGHT - LEFT)
        draw.text((x, height - BOTTOM + 8), f"{k / 4 * steps[-1]:.0f}", fill="black", anchor="mt")
    try:
        picture.save(path.with_suffix(".png"))
    except OSError as error:
        raise OutputError(f"Cannot write {path.with_suffix('.png')}: {error}. Choose a folder with room.") from error


def _draw_curve(
    draw: ImageDraw.ImageDraw, name: str, steps: list[int], values: list[float], box: tuple[int, int, int, int]
) -> None:
    """One strip: mean, least and largest of the steps that fall to each point."""
    x0, y0, x1, y1 = box
    each = -(-len(values) // POINTS)
    parts = [values[first : first + each] for first in range(0, len(values), each)]
    means, low, high = ([f(p) for p in parts] for f in (lambda p: sum(p) / len(p), min, max))
    usual = means[len(means) // 20 :]  # the very first steps would flatten all that follows
    bottom, top = min(0.0, *usual), max(1e-12, *usual) * 1.1

    def place(part: int, value: float) -> tuple[float, float]:
        x = x0 + steps[min(part * each + each // 2, len(steps) - 1)] / steps[-1] * (x1 - x0)
        return x, min(max(y1 - (value - bottom) / (top - bottom) * (y1 - y0), y0), y1)

    draw.rectangle(box, outline="#bbbbbb")
    if len(parts) > 1:
        edge = [place(k, v) for k, v in enumerate(high)] + [place(k, v) for k, v in reversed(list(enumerate(low)))]
        draw.polygon(edge, fill=BAND)
        draw.line([place(k, v) for k, v in enumerate(means)], fill=LINE, width=2)
    else:
        draw.point(place(0, means[0]), fill=LINE)
    draw.text((x1 - 6, y0 + 4), name, fill="black", anchor="rt", font=ImageFont.load_default(13))
    draw.text((x0 - 6, y0), f"{top:.3g}", fill="black", anchor="rt")
    draw.text((x0 - 6, y1), f"{bottom:.3g}", fill="black", anchor="rs")
