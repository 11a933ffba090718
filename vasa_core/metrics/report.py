"""The table of figures, as VASA-1's paper prints it: Markdown and CSV here, a picture in table_picture.py.

A figure that there is not is a dash, and its reason stands below the table: never a zero, and never a guess.
"""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass, field
from math import isinf

DASH = "\N{EN DASH}"
UP, DOWN = "\N{UPWARDS ARROW}", "\N{DOWNWARDS ARROW}"


@dataclass(frozen=True)
class Metric:
    """A column. better: UP, DOWN, or nothing where neither is. digits: behind the point. what: in words."""

    name: str
    better: str
    digits: int
    what: str

    def written(self, value: float | None) -> str:
        """The figure as it is read, a dash for None."""
        if value is None:
            return DASH
        return "\N{INFINITY}" if isinf(value) else f"{value:.{self.digits}f}"


METRICS = (
    Metric("S_C", UP, 3, "lip sync confidence, SyncNet"),
    Metric("S_D", DOWN, 3, "lip sync distance, SyncNet"),
    Metric("CAPP", UP, 3, "agreement of voice and head pose, cosine"),
    Metric("dP", "", 3, "head turning, degrees a frame at 25 frames a second"),
    Metric("FVD_25", DOWN, 1, "Frechet video distance to the real videos over 25 frames, I3D"),
    Metric("E_g", DOWN, 2, "error of the main gaze direction, degrees"),
    Metric("E_d", DOWN, 3, "error of the head's distance, 1 being the portrait's own"),
    Metric("ID", UP, 3, "identity similarity to the portrait, cosine; of real videos, to their first frame"),
    Metric("PSNR", UP, 2, "self-reenactment, decibels"),
    Metric("SSIM", UP, 3, "self-reenactment"),
    Metric("LPIPS", DOWN, 3, "self-reenactment, AlexNet"),
)
NAMES = tuple(metric.name for metric in METRICS)


@dataclass(frozen=True)
class Row:
    """A line of the table: its name, how many videos it is the mean of, figures by the metrics' names, and why figures
    are missing, likewise. A reference row is not ranked."""

    name: str
    videos: int
    values: dict[str, float] = field(default_factory=dict)
    reasons: dict[str, str] = field(default_factory=dict)
    reference: bool = False


def mean_row(name: str, rows: list[Row], reference: bool = False) -> Row:
    """The mean of some videos' rows, figure by figure over those that have one; a reason stays where none has."""
    values, reasons = {}, {}
    for metric in NAMES:
        figures = [row.values[metric] for row in rows if metric in row.values]
        if figures:
            values[metric] = sum(figures) / len(figures)
        if told := [row.reasons[metric] for row in rows if metric in row.reasons]:
            some = f" ({len(told)} of {len(rows)} videos, left out of the mean)" if figures else ""
            reasons[metric] = told[0] + some
    return Row(name, len(rows), values, reasons, reference)


def best(rows: list[Row]) -> dict[str, float]:
    """The best figure of each metric, where two rows or more that are no reference have one."""
    found = {}
    for metric in METRICS:
        figures = [row.values[metric.name] for row in rows if not row.reference and metric.name in row.values]
        if len(figures) > 1 and metric.better:
            found[metric.name] = max(figures) if metric.better == UP else min(figures)
    return found


def notes(rows: list[Row]) -> list[str]:
    """Why there are dashes, one sentence each: the metrics and rows that share a reason together."""
    where: dict[str, tuple[list[str], list[str]]] = {}
    for metric in NAMES:
        for row in rows:
            if metric in row.reasons:
                metrics, names = where.setdefault(row.reasons[metric], ([], []))
                metrics.extend([metric] * (metric not in metrics))
                names.extend([row.name] * (row.name not in names))
    everywhere, made = {row.name for row in rows}, {row.name for row in rows if not row.reference}
    told = []
    for reason, (metrics, names) in where.items():
        of = "" if set(names) == everywhere else f" of {', '.join(names)}"
        if set(names) == made != everywhere:
            of = " of the generated videos"
        told.append(f"{', '.join(metrics)}{of}: {reason}")
    return told


def as_markdown(rows: list[Row], title: str) -> str:
    """The table with its notes; the best figures are bold."""
    leading = best(rows)

    def cell(row: Row, metric: Metric) -> str:
        value = row.values.get(metric.name)
        text = metric.written(value)
        wins = value is not None and not row.reference and value == leading.get(metric.name)
        return f"**{text}**" if wins else text

    head = ["", "videos", *(f"{m.name} {m.better}".strip() for m in METRICS)]
    lines = [f"| {' | '.join(head)} |", f"|---|{'---:|' * (len(head) - 1)}"]
    for row in rows:
        cells = [row.name.replace("|", "\\|"), str(row.videos), *(cell(row, metric) for metric in METRICS)]
        lines.append(f"| {' | '.join(cells)} |")
    legend = "\n".join(f"- {m.name}: {m.what}." for m in METRICS)
    missing = "".join(f"- {note}\n" for note in notes(rows))
    missing = f"\nWithout a figure ({DASH}):\n\n{missing}" if missing else ""
    return f"# {title}\n\n" + "\n".join(lines) + f"\n{missing}\nWhat is measured:\n\n{legend}\n"


def as_csv(rows: list[Row]) -> str:
    """The same figures in full; an empty cell where there is none."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["name", "videos", *NAMES])
    for row in rows:
        writer.writerow([row.name, row.videos, *(row.values.get(name, "") for name in NAMES)])
    return text.getvalue()
