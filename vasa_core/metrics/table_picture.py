"""The table of figures as a picture. PIL alone."""

from __future__ import annotations

from functools import lru_cache
from math import ceil

from PIL import Image, ImageDraw, ImageFont

from .report import DOWN, METRICS, UP, Metric, Row, best, notes

PAPER, INK, FAINT, QUIET, STRIPE = "#14171c", "#dfe4ea", "#3a414b", "#8f99a6", "#1b2027"
LEADING, REFERENCE = "#7ed492", "#5ab4f0"
SHARPNESS = 2  # drawn this many times larger, then reduced: smooth letters
MARGIN, TITLE, HEAD, LINE, NOTE = 28, 56, 46, 36, 19  # pixels: around, and heights
COLUMN, VIDEOS, PADDING = 86, 62, 14  # widths
LONGEST_NAME, MOST_LETTERS = 320, 80


def draw_table(rows: list[Row], title: str) -> Image.Image:
    """An RGB picture: a line for each row, references apart and last, the best figures green, reasons below."""
    made, reference = [row for row in rows if not row.reference], [row for row in rows if row.reference]
    names = min(LONGEST_NAME, max(130, *(ceil(_width(row.name[:MOST_LETTERS], 15)) for row in rows)) + 2 * PADDING)
    width = 2 * MARGIN + names + VIDEOS + COLUMN * len(METRICS)
    told = [line for note in notes(rows) for line in _wrapped(note, width - 2 * MARGIN - 2 * PADDING)]
    body = TITLE + HEAD + LINE * len(rows) + (10 if made and reference else 0)
    height = body + 2 * MARGIN - 12 + (NOTE * len(told) + 12 if told else 0)
    page = _Page(width, height)
    page.text(MARGIN + PADDING, MARGIN, title, 20)
    y = MARGIN + TITLE - 12
    page.text(MARGIN + names + VIDEOS - PADDING, y + HEAD / 2, "videos", 12, QUIET, "rm")
    for k, metric in enumerate(METRICS):
        page.heading(MARGIN + names + VIDEOS + COLUMN * (k + 1) - PADDING, y + HEAD / 2, metric)
    y += HEAD
    page.rule(y)
    leading = best(rows)
    for number, row in enumerate([*made, *reference]):
        if made and reference and row is reference[0]:
            y += 5
            page.rule(y)
            y += 5
        if number % 2 == 0:
            page.stripe(y)
        ink = REFERENCE if row.reference else INK
        page.text(MARGIN + PADDING, y + LINE / 2, _shortened(row.name, names - 2 * PADDING), 15, ink, "lm")
        page.text(MARGIN + names + VIDEOS - PADDING, y + LINE / 2, str(row.videos), 13, QUIET, "rm")
        for k, metric in enumerate(METRICS):
            value = row.values.get(metric.name)
            wins = value is not None and not row.reference and value == leading.get(metric.name)
            right = MARGIN + names + VIDEOS + COLUMN * (k + 1) - PADDING
            if value is None:
                page.dash(right, y + LINE / 2)
            else:
                page.text(right, y + LINE / 2, metric.written(value), 15, LEADING if wins else ink, "rm")
        y += LINE
    page.rule(y)
    y += 20
    for line in told:
        page.text(MARGIN + PADDING, y, line, 12, QUIET)
        y += NOTE
    return page.finished()


class _Page:
    """A picture that is drawn larger than it will be; places are in its final pixels."""

    def __init__(self, width: int, height: int) -> None:
        self.width, self.height = width, height
        self.picture = Image.new("RGB", (width * SHARPNESS, height * SHARPNESS), PAPER)
        self.draw = ImageDraw.Draw(self.picture)

    def text(self, x: float, y: float, text: str, size: int, ink: str = INK, anchor: str = "la") -> None:
        self.draw.text((x * SHARPNESS, y * SHARPNESS), text, fill=ink, font=_font(size), anchor=anchor)

    def heading(self, right: float, y: float, metric: Metric) -> None:
        """A metric's name with its index lowered, and a triangle that points where better is."""
        name, _, index = metric.name.partition("_")
        if metric.better in (UP, DOWN):
            tip = -4 if metric.better == UP else 4
            corners = ((right - 8, y - tip / 2), (right, y - tip / 2), (right - 4, y + tip))
            self.draw.polygon([(x * SHARPNESS, v * SHARPNESS) for x, v in corners], fill=QUIET)
            right -= 13
        self.text(right, y + 5, index, 11, INK, "rm")
        self.text(right - _width(index, 11) - bool(index), y, name, 15, INK, "rm")

    def dash(self, right: float, y: float) -> None:
        """Where there is no figure."""
        self._line(right - 14, y, right, FAINT, 2)

    def rule(self, y: float) -> None:
        """A line from margin to margin."""
        self._line(MARGIN, y, self.width - MARGIN, FAINT, 1)

    def stripe(self, y: float) -> None:
        """The ground of every other row."""
        box = (MARGIN, y, self.width - MARGIN, y + LINE)
        self.draw.rectangle([value * SHARPNESS for value in box], fill=STRIPE)

    def finished(self) -> Image.Image:
        return self.picture.resize((self.width, self.height), Image.Resampling.LANCZOS)

    def _line(self, left: float, y: float, right: float, ink: str, thick: int) -> None:
        ends = (left * SHARPNESS, y * SHARPNESS, right * SHARPNESS, y * SHARPNESS)
        self.draw.line(ends, fill=ink, width=thick * SHARPNESS)


@lru_cache
def _font(size: int) -> ImageFont.FreeTypeFont:
    return ImageFont.load_default(size * SHARPNESS)


def _width(text: str, size: int) -> float:
    return _font(size).getlength(text) / SHARPNESS


def _shortened(name: str, width: float) -> str:
    """As much of a name as fits."""
    if len(name) <= MOST_LETTERS and _width(name, 15) <= width:
        return name
    kept = min(len(name), MOST_LETTERS)
    while kept > 1 and _width(f"{name[:kept]}...", 15) > width:
        kept -= 1
    return f"{name[:kept]}..."


def _wrapped(text: str, width: float) -> list[str]:
    """Lines of a note that fit; those after the first are set in."""
    lines, line = [], ""
    for word in text.split():
        longer = f"{line} {word}" if line else word
        if line and _width(longer, 12) > width:
            lines.append(line)
            longer = f"    {word}"
        line = longer
    return [*lines, line]
