"""Make the README's pictures from videos that the pack has rendered.

python -m tools.readme_pictures assets/readme/talking.webp A.mp4 [B.mp4 ...]     side by side, moving
python -m tools.readme_pictures assets/readme/strip.jpg A.mp4 [B.mp4 ...]        one row of stills per video
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor

from vasa_core.media.read import read_video

from .errors import run_command

MOVING_FPS, MOVING_SIZE, STILL_SIZE, STILLS = 12.5, 256, 192, 6


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(prog="python -m tools.readme_pictures", description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path, help=".webp: a moving picture; .jpg or .png: rows of stills")
    parser.add_argument("videos", type=Path, nargs="+")
    parser.add_argument("--seconds", type=float, default=6.0, help="how much of the moving picture (6)")
    options = parser.parse_args()
    if options.out.suffix == ".webp":
        moving(options.videos, options.seconds, options.out)
    else:
        stills(options.videos, options.out)


def moving(videos: list[Path], seconds: float, out: Path) -> None:
    """The first `seconds` of each video, side by side, as an animated WebP."""
    count = round(seconds * MOVING_FPS)
    columns = [sampled(video, [k / MOVING_FPS for k in range(count)]) for video in videos]
    frames = [row(frames, MOVING_SIZE) for frames in zip(*columns, strict=False)]
    first, *rest = frames
    first.save(out, save_all=True, append_images=rest, duration=round(1000 / MOVING_FPS), loop=0, quality=62, method=3)


def stills(videos: list[Path], out: Path) -> None:
    """STILLS frames of each video, evenly spaced, one row per video."""
    rows = []
    for video in videos:
        length = read_video(video)
        seconds = length.expected_frames / float(length.fps)
        rows.append(row(sampled(video, [seconds * (k + 0.5) / STILLS for k in range(STILLS)]), STILL_SIZE))
    sheet = Image.new("RGB", (rows[0].width, sum(part.height for part in rows)))
    for k, part in enumerate(rows):
        sheet.paste(part, (0, k * part.height))
    sheet.save(out, quality=88)


def sampled(video: Path, times: list[float]) -> list[Tensor]:
    """The frames (3, H, W) of `video` that are shown at `times` in seconds (rising)."""
    reader = read_video(video)
    wanted, found = list(times), []
    for k, frame in enumerate(reader):
        while wanted and k >= int(wanted[0] * float(reader.fps) + 1e-6):
            found.append(frame)
            wanted.pop(0)
        if not wanted:
            break
    return found


def row(frames: list[Tensor], size: int) -> Image.Image:
    """Frames (3, H, W) in [0, 1] side by side, each `size` pixels high."""
    sheet = Image.new("RGB", (size * len(frames), size))
    for k, frame in enumerate(frames):
        pixels = (frame.clamp(0, 1) * 255).round().to(torch.uint8).permute(1, 2, 0).numpy()
        sheet.paste(Image.fromarray(pixels).resize((size, size), Image.Resampling.LANCZOS), (k * size, 0))
    return sheet


if __name__ == "__main__":
    run_command(main)
