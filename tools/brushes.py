"""Brushes of tools/draw_portrait.py: soft masks, strokes and glows on a square canvas.

All coordinates are in pixels of the finished picture (SIZE x SIZE); arrays are SCALE times larger, and X, Y hold the
finished coordinates of each of their pixels.
"""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

SIZE, SCALE = 768, 2
MIDDLE = SIZE / 2
Points = list[tuple[float, float]]

Y, X = (np.mgrid[0 : SIZE * SCALE, 0 : SIZE * SCALE] + 0.5) / SCALE


def blur(values: np.ndarray, radius: float) -> np.ndarray:
    """Gaussian blur of a 2-D array, radius in finished pixels."""
    border = round(4 * radius * SCALE)
    padded = np.pad(values, border, mode="edge")
    low_pass = [np.exp(-2 * (np.pi * radius * SCALE * np.fft.fftfreq(n)) ** 2) for n in padded.shape]
    blurred = np.fft.ifft2(np.fft.fft2(padded) * np.outer(*low_pass)).real
    return blurred[border : border + values.shape[0], border : border + values.shape[1]]


def curve(points: Points, closed: bool = False, steps: int = 24) -> Points:
    """A smooth line through `points` (Catmull-Rom)."""
    p = np.array(points, float)
    p = np.vstack([p[-1], p, p[:2]]) if closed else np.vstack([2 * p[0] - p[1], p, 2 * p[-1] - p[-2]])
    t = np.linspace(0, 1, steps, endpoint=False)[:, None]
    parts = []
    for a, b, c, d in zip(p[:-3], p[1:-2], p[2:-1], p[3:], strict=True):
        parts.append(0.5 * (2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t**2 + (3 * b - a - 3 * c + d) * t**3))
    return [tuple(q) for q in np.vstack([*parts, p[-2:-1]])]


def shape(points: Points, soft: float = 0.6) -> np.ndarray:
    """Mask in [0, 1] of the inside of a smooth closed line, its edge blurred by `soft` pixels."""
    mask = Image.new("L", (SIZE * SCALE, SIZE * SCALE))
    ImageDraw.Draw(mask).polygon([(x * SCALE, y * SCALE) for x, y in curve(points, closed=True)], fill=255)
    return np.asarray(mask.filter(ImageFilter.GaussianBlur(soft * SCALE)), np.float32) / 255


def stroke(points: Points, width: float, soft: float = 0.5, taper: bool = True) -> np.ndarray:
    """Mask of a brush stroke along `points`, thin at its ends when `taper`."""
    line = np.array(curve(points)) * SCALE
    low = np.floor(line.min(0) - (width + 4 * soft) * SCALE).astype(int)
    high = np.ceil(line.max(0) + (width + 4 * soft) * SCALE).astype(int)
    mask = Image.new("L", tuple(high - low))
    draw = ImageDraw.Draw(mask)
    for k, (x, y) in enumerate(line - low):
        r = 0.5 * width * (np.sin(np.pi * (k + 0.5) / len(line)) ** 0.5 if taper else 1) * SCALE
        draw.ellipse((x - r, y - r, x + r, y + r), fill=255)
    whole = Image.new("L", (SIZE * SCALE, SIZE * SCALE))
    whole.paste(mask.filter(ImageFilter.GaussianBlur(soft * SCALE)), tuple(low))
    return np.asarray(whole, np.float32) / 255


def paint(canvas: np.ndarray, colour: np.ndarray | tuple, mask: np.ndarray, opacity: float = 1.0) -> np.ndarray:
    """`canvas` with `colour` (one, or a picture) laid over it where `mask` is 1."""
    rows, columns = np.flatnonzero(mask.max(1) > 0.002), np.flatnonzero(mask.max(0) > 0.002)
    window = np.s_[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    alpha = np.clip(mask[window] * opacity, 0, 1)[..., None]
    colour = np.asarray(colour, np.float32)
    canvas = canvas.copy()
    canvas[window] = canvas[window] * (1 - alpha) + (colour if colour.ndim == 1 else colour[window]) * alpha
    return canvas


def glow(x: float, y: float, rx: float, ry: float) -> np.ndarray:
    """A soft round spot, 1 in its middle."""
    return np.exp(-(((X - x) / rx) ** 2) - ((Y - y) / ry) ** 2)


def mirrored(points: Points, side: int) -> Points:
    """Points given as (outwards from the middle, y), on the viewer's left (-1) or right (+1)."""
    return [(MIDDLE + side * x, y) for x, y in points]
