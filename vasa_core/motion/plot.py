"""A picture of a motion: head pose in degrees, mouth, lids, gaze, brows over time. PIL alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import degrees

import torch
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from ..arkit import ARKIT, INDEX, LOOK_SIDEWAYS, LOOK_VERTICAL
from ..types import Motion
from .channels import lip_aperture

PAPER, INK, FAINT, PANEL = "#14171c", "#dfe4ea", "#3a414b", "#1b2027"
COLOURS = ("#5ab4f0", "#f4a259", "#7ed492", "#e2708a", "#b99af0", "#e8d56b")
SHARPNESS = 2  # drawn this many times larger, then reduced: smooth lines
LEFT, RIGHT, TOP, GAP, PANEL_HEIGHT = 64, 132, 40, 16, 104


@dataclass(frozen=True)
class Panel:
    """One strip of the picture: named curves (T,) on a common scale."""

    title: str
    curves: tuple[tuple[str, Tensor], ...]
    at_least: tuple[float, float]  # the scale shows this range at the least


def plot_motion(motion: Motion, width: int = 1200, title: str = "") -> Image.Image:
    """An RGB picture `width` pixels wide; its height follows from the number of strips (five for ARKit motion)."""
    panels = _panels(motion)
    height = TOP + len(panels) * (PANEL_HEIGHT + GAP) + 24
    k = SHARPNESS
    picture = Image.new("RGB", (width * k, height * k), PAPER)
    draw = ImageDraw.Draw(picture)
    text = title or "Motion"
    told = f"{motion.duration:.2f} s, {len(motion)} frames at {motion.fps:g} a second, space {motion.space.name}"
    draw.text((LEFT * k, 11 * k), text, fill=INK, font=_font(15))
    draw.text(((width - 16) * k, 13 * k), told, fill="#8f99a6", font=_font(12), anchor="ra")
    for row, panel in enumerate(panels):
        top = TOP + row * (PANEL_HEIGHT + GAP)
        _draw_panel(draw, panel, (LEFT, top, width - RIGHT, top + PANEL_HEIGHT), motion.duration)
    _draw_seconds(draw, motion.duration, width, height)
    return picture.resize((width, height), Image.Resampling.LANCZOS)


def contact_sheet(frames: Tensor, columns: int = 8, size: int = 192) -> Image.Image:
    """Frames (T, 3, H, W) in [0, 1] or uint8 (T, H, W, 3), side by side in rows, each `size` pixels square."""
    if frames.dtype != torch.uint8:
        frames = (frames.clamp(0, 1) * 255).round().byte().permute(0, 2, 3, 1)
    rows = -(-len(frames) // columns)
    sheet = Image.new("RGB", (min(columns, len(frames)) * size, rows * size), PAPER)
    for k, frame in enumerate(frames.cpu().numpy()):
        small = Image.fromarray(frame).resize((size, size), Image.Resampling.LANCZOS)
        sheet.paste(small, (k % columns * size, k // columns * size))
    return sheet


def _panels(motion: Motion) -> list[Panel]:
    pose = motion.pose.detach().cpu().float()
    turn = torch.rad2deg(pose[:, :3])
    strips = [
        Panel("head, degrees", (("yaw", turn[:, 1]), ("pitch", turn[:, 0]), ("roll", turn[:, 2])), (-6, 6)),
        Panel("place", (("right", pose[:, 3]), ("down", pose[:, 4]), ("nearer", pose[:, 5])), (-0.1, 0.1)),
    ]
    dynamics = motion.dynamics.detach().cpu().float()
    if motion.space != ARKIT:
        size = dynamics.square().mean(1).sqrt()
        step = torch.cat([torch.zeros(1), dynamics.diff(dim=0).square().mean(1).sqrt()])
        return [*strips, Panel("dynamics", (("size", size), ("change", step)), (0, 0.1))]

    def both(name: str) -> Tensor:
        return (dynamics[:, INDEX[name + "Left"]] + dynamics[:, INDEX[name + "Right"]]) / 2

    def one(name: str) -> Tensor:
        return dynamics[:, INDEX[name]]

    opening = lip_aperture(dynamics).clamp(min=0)
    wide, round_ = both("mouthStretch") + both("mouthSmile"), one("mouthPucker")
    mouth = (("jaw", one("jawOpen")), ("lips apart", opening), ("wide", wide), ("round", round_))
    sideways = one("eyeLookOutLeft") - one("eyeLookInLeft") + one("eyeLookInRight") - one("eyeLookOutRight")
    gaze_yaw = sideways / 2 * degrees(LOOK_SIDEWAYS)
    gaze_pitch = (both("eyeLookUp") - both("eyeLookDown")) * degrees(LOOK_VERTICAL)
    lids = (("blink", both("eyeBlink")), ("brows up", (one("browInnerUp") + both("browOuterUp")) / 2))
    return [
        *strips,
        Panel("mouth", mouth, (0, 0.6)),
        Panel("lids and brows", (*lids, ("brows down", both("browDown"))), (0, 1)),
        Panel("eyes in the head, degrees", (("yaw", gaze_yaw), ("pitch", gaze_pitch)), (-10, 10)),
    ]


def _draw_panel(draw: ImageDraw.ImageDraw, panel: Panel, box: Sequence[int], duration: float) -> None:
    k = SHARPNESS
    x0, y0, x1, y1 = (value * k for value in box)
    draw.rounded_rectangle((x0, y0, x1, y1), 4 * k, fill=PANEL)
    values = torch.cat([curve for _, curve in panel.curves])
    low = min(panel.at_least[0], float(values.min()))
    high = max(panel.at_least[1], float(values.max()))

    def height(value: float) -> float:
        return y1 - 6 * k - (value - low) / (high - low) * (y1 - y0 - 12 * k)

    for second in _ticks(duration):
        x = x0 + second / duration * (x1 - x0)
        draw.line((x, y0, x, y1), fill="#242a33", width=k)
    if low <= 0 <= high:
        draw.line((x0, height(0.0), x1, height(0.0)), fill=FAINT, width=k)
    for value in (low, high):
        draw.text((x0 - 8 * k, height(value)), f"{value:.3g}", fill="#8f99a6", font=_font(11), anchor="rm")
    draw.text((x0 + 8 * k, y0 + 5 * k), panel.title, fill="#8f99a6", font=_font(11))
    for index, (name, curve) in enumerate(panel.curves):
        frames = len(curve)
        points = [(x0 + (i + 0.5) / frames * (x1 - x0), height(v)) for i, v in enumerate(curve.tolist())]
        colour = COLOURS[index % len(COLOURS)]
        draw.line(points, fill=colour, width=2 * k - 1, joint="curve") if frames > 1 else draw.point(points, colour)
        y = y0 + (12 + 18 * index) * k
        draw.line((x1 + 12 * k, y, x1 + 28 * k, y), fill=colour, width=3 * k)
        draw.text((x1 + 36 * k, y), name, fill=INK, font=_font(12), anchor="lm")


def _draw_seconds(draw: ImageDraw.ImageDraw, duration: float, width: int, height: int) -> None:
    k = SHARPNESS
    for second in _ticks(duration):
        x = (LEFT + second / duration * (width - RIGHT - LEFT)) * k
        draw.text((x, (height - 30) * k), f"{second:g} s", fill="#8f99a6", font=_font(11), anchor="ma")


def _ticks(duration: float) -> list[float]:
    """At most twelve round times."""
    steps = (0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600)
    step = next((s for s in steps if duration / s <= 12), 1800)
    return [round(i * step, 3) for i in range(int(duration / step + 1e-9) + 1)]


def _font(size: int) -> ImageFont.FreeTypeFont:
    return ImageFont.load_default(size * SHARPNESS)
