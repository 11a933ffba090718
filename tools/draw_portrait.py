"""Draw the second bundled portrait, assets/drawn.png, by program: nobody's likeness, free to publish.

    python -m tools.draw_portrait [OUT.png]

Skin is a height field lit from the upper left; hair, brows and lashes are strokes. Painted larger and reduced at the
end. All coordinates are in pixels of the finished picture.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from .brushes import MIDDLE, SCALE, SIZE, Points, X, Y, blur, curve, glow, mirrored, paint, shape, stroke

EYE_Y, EYE_X = 362.0, 72.0  # eye centres are MIDDLE +- EYE_X
LIGHT = np.array([-0.42, -0.46, 0.78])
RANDOM = np.random.default_rng(7)


def main() -> None:
    """Paint from back to front and save."""
    out = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parents[1] / "assets" / "drawn.png"
    canvas = background()
    canvas = hair_behind(canvas)
    canvas = neck(canvas)
    canvas = shoulders(canvas)
    canvas = face(canvas)
    for side in (-1, 1):
        canvas = eye(canvas, side)
        canvas = brow(canvas, side)
    canvas = lips(canvas)
    canvas = hair_in_front(canvas)
    grain = blur(RANDOM.normal(0, 1, X.shape), 0.6) * 2.2
    picture = Image.fromarray(np.clip(canvas + grain[..., None], 0, 255).astype(np.uint8))
    picture.resize((SIZE, SIZE), Image.Resampling.LANCZOS).save(out, optimize=True)


# --- behind the face -------------------------------------------------------------------------------------------------


def background() -> np.ndarray:
    """A wall with a soft light behind the head and broad brush marks."""
    light = np.clip(0.25 + 0.9 * glow(270, 250, 420, 420), 0, 1)
    marks = sum(blur(RANDOM.normal(0, 1, X.shape), r) * r for r in (6, 14, 30))
    light = np.clip(light + 0.02 * marks, 0, 1)[..., None]
    return np.array([58, 84, 92.0]) * (1 - light) + np.array([164, 188, 182.0]) * light


def hair_behind(canvas: np.ndarray) -> np.ndarray:
    """The mass of hair behind neck and ears."""
    outline = [(0, 118), (110, 140), (178, 235), (196, 360), (206, 480), (196, 585), (150, 628), (60, 600)]
    points = mirrored(outline, 1) + mirrored(outline[1:][::-1], -1)
    canvas = paint(canvas, (20, 30, 34), blur(shape(points, 3), 16), 0.5)
    canvas = paint(canvas, (44, 24, 20), shape(points, 1.5))
    for side in (-1, 1):
        starts = RANDOM.uniform(0, 1, 260)
        lines = []
        for u in starts:
            x = 120 + 78 * u
            sway = RANDOM.normal(0, 5, 4)
            lines.append(
                mirrored(
                    [
                        (x - 34, 250 + sway[0]),
                        (x + sway[1], 360),
                        (x + 8 + sway[2], 490),
                        (x - 8 + sway[3] - 30 * (1 - u), 600 + 22 * u),
                    ],
                    side,
                )
            )
        canvas = strands(canvas, lines, side)
    return canvas


def strands(canvas: np.ndarray, lines: list[Points], side: int, width: float = 1.6) -> np.ndarray:
    """Hair: thin lines of many browns, lighter where the light falls on them."""
    image = Image.fromarray(np.clip(canvas, 0, 255).astype(np.uint8))
    draw = ImageDraw.Draw(image, "RGBA")
    for points in lines:
        line = curve(points, steps=14)
        tone = RANDOM.uniform(-0.25, 0.35) + (0.22 if side < 0 else -0.08)
        for k in range(len(line) - 1):
            (x0, y0), (x1, y1) = line[k : k + 2]
            shine = np.exp(-(((y0 - 205) / 46) ** 2)) * 0.75 + np.exp(-(((y0 - 450) / 70) ** 2)) * 0.35
            part = np.clip(0.28 + tone + shine * (0.9 if side < 0 else 0.45), 0, 1)
            colour = np.array([38, 20, 17]) * (1 - part) + np.array([176, 104, 66]) * part
            draw.line(
                [(x0 * SCALE, y0 * SCALE), (x1 * SCALE, y1 * SCALE)],
                fill=(*colour.astype(int), 120),
                width=round(width * SCALE),
            )
    return np.asarray(image, np.float32)


def neck(canvas: np.ndarray) -> np.ndarray:
    """Neck with the shadow of the chin."""
    outline = [(0, 500), (70, 500), (68, 580), (74, 622), (104, 652), (130, 670), (0, 720)]
    mask = shape(mirrored(outline, 1) + mirrored(outline[1:-1][::-1], -1), 1.2)
    bend = (X - MIDDLE) / 95
    light = 0.62 - 0.35 * bend - 0.25 * bend**2
    light = light - 0.42 * glow(396, 566, 110, 46) + 0.08 * glow(350, 640, 20, 50)
    for side in (-1, 1):
        light = light + side * -0.07 * glow(MIDDLE + side * 26, 640, 9, 60)  # the cords of the neck
    return paint(canvas, skin(light), mask)


def shoulders(canvas: np.ndarray) -> np.ndarray:
    """A plain green pullover with a round collar."""
    opening = [(84, 640), (70, 664), (38, 684), (0, 691)]  # neckline, from the neck's side to its front
    outline = [(92, 630), (118, 648), (196, 680), (276, 712), (334, 768), (352, 900)]
    points = mirrored(opening[::-1] + outline, 1) + mirrored((opening[::-1][1:] + outline)[::-1], -1)
    mask = shape(points, 1.2)
    fall = np.clip(1.05 - (X - 200) / 620 - (Y - 640) / 520, 0, 1)
    knit = 1 + 0.05 * np.sin(X * 1.15) * blur(RANDOM.uniform(0.5, 1.5, X.shape), 1)
    cloth = np.array([22, 54, 52.0]) + fall[..., None] * np.array([62, 92, 84.0])
    canvas = paint(canvas, (70, 34, 30), blur(shape(points, 1), 7), 0.5)
    canvas = paint(canvas, cloth * knit[..., None], mask)
    rim = (
        mirrored([(94, 634), (78, 668), (42, 690)], -1)
        + [(MIDDLE, 697)]
        + mirrored([(42, 690), (78, 668), (94, 634)], 1)
    )
    collar = stroke(rim, 17, 1.2, taper=False)
    canvas = paint(canvas, (16, 42, 42), np.clip(blur(collar, 4) * 1.2, 0, 1) * mask, 0.6)
    return paint(canvas, cloth * 1.12 * (1 + 0.10 * np.sin((X + Y * 0.2) * 1.6))[..., None], collar)


# --- the face --------------------------------------------------------------------------------------------------------


def skin(light: np.ndarray) -> np.ndarray:
    """Colour of skin under `light` in [0, 1]: red-brown shadows, warm middle tones, pale lights."""
    stops = np.array([0.0, 0.28, 0.55, 0.8, 1.0])
    tones = np.array([[74, 36, 34], [150, 86, 70], [212, 150, 122], [240, 192, 164], [255, 228, 206.0]])
    light = np.clip(light, 0, 1)
    return np.stack([np.interp(light, stops, tones[:, k]) for k in range(3)], -1)


def relief() -> np.ndarray:
    """Height of the face towards the viewer, in pixels."""
    dx, dy = X - MIDDLE, Y - EYE_Y
    height = 150 * np.sqrt(np.clip(1 - (dx / 178) ** 2 - ((dy - 2) / 262) ** 2, 0.02, 1))
    along = np.clip((Y - 338) / 92, 0, 1)
    ridge = np.exp(-((dx / (11 + 6 * along)) ** 2)) * (3 + 19 * along) * np.clip((462 - Y) / 24, 0, 1) ** 0.7
    height += ridge * (Y > 326) * np.clip((Y - 326) / 30, 0, 1)
    height += 9 * glow(MIDDLE, 433, 15, 13)
    for side in (-1, 1):
        x = MIDDLE + side * EYE_X
        height += (
            -15 * glow(x, EYE_Y - 2, 46, 24) + 10 * glow(x, EYE_Y + 1, 34, 20) + 5 * glow(x + 8 * side, 318, 50, 13)
        )
        height += -5 * glow(MIDDLE + side * 36, 356, 15, 20) + 9 * glow(MIDDLE + side * 92, 424, 44, 34)
        height += 7 * glow(MIDDLE + side * 21, 441, 10, 9) - 4 * glow(MIDDLE + side * 42, 470, 14, 26)
    height += 9 * glow(MIDDLE, 494, 58, 36) + 9 * glow(MIDDLE, 550, 34, 22) - 5 * glow(MIDDLE, 523, 30, 8)
    height += -2.5 * glow(MIDDLE, 466, 5, 14) + 4 * glow(MIDDLE, 483, 34, 7) + 6 * glow(MIDDLE, 504, 32, 9)
    return height


def face(canvas: np.ndarray) -> np.ndarray:
    """Skin of the face with its shadows, blush and nostrils."""
    outline = [(0, 170), (90, 190), (140, 260), (150, 350), (144, 430), (121, 497), (77, 549), (32, 574), (0, 578)]
    mask = shape(mirrored(outline, 1) + mirrored(outline[1:-1][::-1], -1), 0.9)
    height = blur(relief(), 1.2)
    down, right = np.gradient(height, 1 / SCALE)
    normal = np.stack([-right, -down, np.ones_like(X)], -1)
    normal /= np.linalg.norm(normal, axis=-1, keepdims=True)
    diffuse = normal @ (LIGHT / np.linalg.norm(LIGHT))
    light = 0.20 + 0.66 * np.clip(diffuse * 0.82 + 0.18, 0, 1) + 0.05 * normal[..., 2]
    half = LIGHT / np.linalg.norm(LIGHT) + np.array([0, 0, 1])
    light += 0.16 * np.clip(normal @ (half / np.linalg.norm(half)), 0, 1) ** 26
    light -= 0.20 * glow(MIDDLE, 190, 190, 42)  # the hair's shadow on the forehead
    colours = skin(light)
    for x, y, rx, ry, strength in ((302, 432, 42, 30, 0.30), (466, 432, 42, 30, 0.30), (384, 436, 24, 18, 0.22)):
        colours = paint(colours, colours * np.array([1.03, 0.80, 0.78]), glow(x, y, rx, ry), strength * 2)
    for _ in range(70):  # freckles
        x, y = RANDOM.normal(MIDDLE, 62), RANDOM.normal(420, 17)
        colours = paint_spot(colours, x, y, RANDOM.uniform(0.7, 1.5), 0.28)
    canvas = paint(canvas, colours, mask)
    for side in (-1, 1):
        canvas = paint(canvas, (96, 44, 38), stroke(mirrored([(7, 452), (15, 449), (22, 452)], side), 7, 1.6), 0.75)
        wing = mirrored([(25, 430), (31, 440), (29, 450), (22, 454)], side)
        canvas = paint(canvas, (132, 70, 56), stroke(wing, 3.2, 1.6), 0.55)
    return paint(canvas, (150, 88, 72), stroke([(372, 457), (384, 461), (396, 457)], 4, 2.0), 0.5)


def paint_spot(colours: np.ndarray, x: float, y: float, radius: float, opacity: float) -> np.ndarray:
    """One freckle, painted in place in its own small window."""
    r = 6 * SCALE
    column, row = int(x * SCALE), int(y * SCALE)
    window = np.s_[row - r : row + r, column - r : column + r]
    spot = np.exp(-((X[window] - x) ** 2 + (Y[window] - y) ** 2) / radius**2)[..., None] * opacity
    colours[window] = colours[window] * (1 - spot) + np.array([150, 84, 60]) * spot
    return colours


def eye(canvas: np.ndarray, side: int) -> np.ndarray:
    """One eye: white, iris, pupil, lights, lids and lashes."""
    x = MIDDLE + side * EYE_X

    def place(points: Points) -> Points:
        return [(x + side * a, EYE_Y + b) for a, b in points]

    upper = [(-37, 6), (-24, -8), (-6, -16), (14, -15), (30, -6), (39, 2)]
    lower = [(30, 9), (14, 15), (-4, 16.5), (-22, 13)]
    opening = shape(place(upper + lower), 0.7)
    fall = np.clip((Y - (EYE_Y - 18)) / 22, 0, 1)[..., None]
    roundness = np.clip(1 - ((X - x) / 44) ** 2 * 0.35, 0, 1)[..., None]
    white = (np.array([150, 134, 130.0]) * (1 - fall) + np.array([240, 233, 226.0]) * fall) * roundness
    canvas = paint(canvas, white, opening)
    canvas = paint(canvas, (206, 132, 118), glow(x - side * 36, EYE_Y + 5, 6, 5) * opening, 0.9)

    iris_y = EYE_Y - 1.5
    radius, angle = np.hypot(X - x, Y - iris_y), np.arctan2(Y - iris_y, X - x)
    spokes = 0.5 + 0.5 * np.sin(angle * 37 + 3 * np.sin(angle * 5)) * np.sin(angle * 23 + 1)
    ring = np.clip(radius / 16.5, 0, 1)[..., None]
    iris = np.array([150, 118, 58.0]) * (1 - ring) + np.array([58, 104, 92.0]) * ring
    iris = iris * (0.72 + 0.42 * spokes[..., None]) * (1 + 0.45 * np.clip((Y - iris_y) / 16, -1, 1))[..., None]
    iris = paint(iris, (18, 30, 30), np.clip((radius - 13.2) / 3.5, 0, 1), 0.85)
    canvas = paint(canvas, iris, np.clip((16.8 - radius) * 1.2, 0, 1) * opening)
    canvas = paint(canvas, (10, 8, 9), np.clip((7.0 - radius) * 1.2, 0, 1) * opening)
    lid_shadow = blur(stroke(place(upper), 13, 0.5, taper=False), 3) * opening
    canvas = paint(canvas, (46, 26, 26), lid_shadow, 0.62)
    canvas = paint(canvas, (255, 255, 252), glow(x - 5.5, iris_y - 6, 3.6, 3.2) * opening, 1.25)
    canvas = paint(canvas, (214, 232, 232), glow(x + 6, iris_y + 7, 4.2, 2.6) * opening, 0.45)

    canvas = paint(canvas, (122, 66, 56), stroke(place([(-30, -10), (-12, -25), (12, -25), (36, -10)]), 3.4, 1.3), 0.6)
    canvas = paint(canvas, (188, 122, 102), stroke(place([(-32, 12), (-8, 22), (16, 21), (36, 9)]), 3, 1.6), 0.5)
    canvas = paint(canvas, (236, 190, 170), stroke(place([(-30, 11), (-6, 18), (14, 17), (33, 8)]), 2.2, 0.7), 0.7)
    lashes = stroke(place([(-37, 6), *upper[1:-1], (43, -1)]), 4.6, 0.5)
    canvas = paint(canvas, (30, 16, 15), lashes, 0.95)
    for t in np.linspace(0.12, 1, 19):
        k = t * (len(upper) - 1)
        a, b = np.array(upper[int(k)]), np.array(upper[min(int(k) + 1, len(upper) - 1)])
        root = a + (b - a) * (k - int(k))
        tip = root + np.array([-3 + 11 * t, -3.0 - 4 * t * np.sin(np.pi * t) - 2.5 * t])
        middle = (root + tip) / 2 + np.array([1.6, 1.0])
        canvas = paint(canvas, (28, 15, 14), stroke(place([tuple(root), tuple(middle), tuple(tip)]), 1.3, 0.3), 0.75)
    return canvas


def brow(canvas: np.ndarray, side: int) -> np.ndarray:
    """One brow of single hairs over a soft ground."""
    path = np.array(curve([(32, 326), (58, 315), (88, 311), (112, 318), (124, 327)], steps=20))
    ground = stroke(mirrored([tuple(p) for p in path[2:-2:6]], side), 10, 2.2)
    canvas = paint(canvas, (66, 36, 28), ground, 0.72)
    for _ in range(90):
        t = RANDOM.uniform(0, 1)
        x, y = path[int(t * (len(path) - 1))]
        y += RANDOM.normal(0, 2.6 * (1.15 - t))
        lean = np.array([5 + 4 * t, -7 * (1 - t) + 3 * t])
        hair = [(x, y), (x + lean[0] / 2, y + lean[1] / 2 - 0.6), (x + lean[0], y + lean[1])]
        canvas = paint(canvas, (46, 25, 20), stroke(mirrored(hair, side), 1.2, 0.3), 0.55)
    return canvas


def lips(canvas: np.ndarray) -> np.ndarray:
    """A closed mouth at rest."""
    line = [(-52, 492), (-30, 491.5), (-10, 494), (0, 493), (10, 494), (30, 491.5), (52, 492)]
    top = [(-52, 492), (-30, 482), (-10, 475.5), (0, 478.5), (10, 475.5), (30, 482), (52, 492)]
    bottom = [(34, 505), (14, 513.5), (0, 514.5), (-14, 513.5), (-34, 505)]

    def place(points: Points) -> Points:
        return [(MIDDLE + a, b) for a, b in points]

    whole = shape(place(top + bottom), 1.3)
    upper = np.clip((493 - Y) / 18, 0, 1)
    tone = np.array([176, 78, 76.0]) * (1 - 0.34 * upper[..., None]) + 10 * ((MIDDLE + 30 - X) / 60)[..., None]
    canvas = paint(canvas, tone, whole, 0.86)
    folds = 0.5 + 0.5 * np.sin((X - MIDDLE) * 1.25 + 2 * np.sin(Y * 0.31))
    canvas = paint(canvas, (120, 44, 46), whole * folds, 0.10)
    canvas = paint(canvas, (246, 176, 166), glow(376, 503.5, 20, 3.6) * whole, 0.62)
    canvas = paint(canvas, (226, 150, 140), glow(376, 481, 14, 2.4) * whole, 0.4)
    canvas = paint(canvas, (66, 20, 22), stroke(place(line), 3.0, 0.7), 0.85)
    for side in (-1, 1):
        canvas = paint(canvas, (120, 56, 48), glow(MIDDLE + side * 54, 492.5, 5, 4), 0.5)
    return paint(canvas, (128, 70, 58), stroke(place([(-26, 520), (0, 524), (26, 520)]), 7, 3.2), 0.42)


def hair_in_front(canvas: np.ndarray) -> np.ndarray:
    """Hair from the parting over forehead and temples to the shoulders."""
    part = (352.0, 150.0)
    cap = shape([(300, 132), (352, 117), (430, 128), (420, 168), (360, 176), (310, 166)], 1.0)
    canvas = paint(canvas, (58, 31, 25), cap)
    for side, span in ((1, 132 + MIDDLE - part[0]), (-1, 124 - MIDDLE + part[0])):
        inner = [(part[0] + side * 2, 158), (part[0] + side * span * 0.52, 214), (part[0] + side * span * 0.95, 290)]
        rim = MIDDLE + side * 140
        edge = [(rim, 370), (MIDDLE + side * 146, 460), (MIDDLE + side * 140, 560), (MIDDLE + side * 150, 616)]
        outer = [(MIDDLE + side * 186, 600), (MIDDLE + side * 203, 480), (MIDDLE + side * 192, 350)]
        crown = [(MIDDLE + side * 172, 230), (MIDDLE + side * 112, 142), (part[0] + side * 30, 120)]
        mass = shape([part, *inner, *edge, *outer, *crown], 1.2)
        canvas = paint(canvas, (52, 22, 18), blur(mass, 7), 0.5)
        canvas = paint(canvas, (58, 31, 25), mass)
        lines = []
        for u in RANDOM.uniform(0, 1, 420):
            jitter = RANDOM.normal(0, 3, 5)
            near = np.array([*inner[1:], *edge])
            far = np.array([crown[1], crown[0], outer[2], outer[1], outer[0], (outer[0][0], 622)])
            knots = near + (far - near) * u
            knots[:5, 0] += jitter
            start = (part[0] + side * 1.5, 172 - 52 * u)
            lift = (part[0] + side * (16 + 20 * u), 172 - 56 * u)
            lines.append([start, lift, *map(tuple, knots)])
        canvas = strands(canvas, lines, side)
    return canvas


if __name__ == "__main__":
    main()
