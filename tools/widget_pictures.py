"""Make the pictures of the widgets in the help pages, out of the screenshots of the browser checks.

PICTURES=FOLDER pytest -c tests/pytest.ini tests/web      leaves WIDGET-MODE-THEME.png in FOLDER
python -m tools.widget_pictures FOLDER                    puts the four looks of each into web/docs/pictures
"""

from __future__ import annotations

import sys
from pathlib import Path

from PIL import Image

from .errors import ToolError, run_command

PICTURES = Path(__file__).resolve().parent.parent / "web" / "docs" / "pictures"
WIDGETS = ("gaze", "distance", "emotion", "timeline", "viewer")
LOOKS = ("classic-dark", "classic-light", "nodes2-dark", "nodes2-light")
WIDTH = 720  # pixels of a finished picture
QUALITY = 50  # keeps a picture below 60 kB


def sheet(shots: list[Image.Image]) -> Image.Image:
    """Four screenshots, two in a row, WIDTH pixels wide."""
    width, height = min(shot.width for shot in shots), min(shot.height for shot in shots)
    whole = Image.new("RGB", (2 * width, 2 * height))
    for k, shot in enumerate(shots):
        whole.paste(shot.crop((0, 0, width, height)), (k % 2 * width, k // 2 * height))
    return whole.resize((WIDTH, round(whole.height * WIDTH / whole.width)), Image.Resampling.LANCZOS)


def main() -> int:
    """Run the command; returns its exit code."""
    if len(sys.argv) != 2:
        raise ToolError("Name the folder of the screenshots: python -m tools.widget_pictures FOLDER")
    PICTURES.mkdir(parents=True, exist_ok=True)
    for widget in WIDGETS:
        paths = [Path(sys.argv[1]) / f"{widget}-{look}.png" for look in LOOKS]
        missing = [path for path in paths if not path.is_file()]
        if missing:
            raise ToolError(f"{missing[0]} is not there. Run the browser checks with PICTURES={sys.argv[1]} first.")
        picture = sheet([Image.open(path).convert("RGB") for path in paths])
        picture.save(PICTURES / f"{widget}.jpg", quality=QUALITY, subsampling=0, optimize=True)
    return 0


if __name__ == "__main__":
    run_command(main)
