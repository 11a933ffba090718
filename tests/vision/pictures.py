"""The pictures that the vision tests and their goldens are about. Plain numpy, so that mediapipe's environment can
use it too."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image

ASSETS = Path(__file__).resolve().parents[2] / "assets"
STILLS = ("portrait_s10", "portrait_s12", "portrait_s3", "portrait_s30", "portrait_s7", "portrait_s9")
FILMS = {"talking_d10": (0, 120, 240), "talking_d11": (0, 120), "talking_jp_M2": (0, 40, 80)}  # frames to try
FILM, FILM_FRAMES = "talking_jp_M2", 8  # followed as a video


def bundled() -> dict[str, np.ndarray]:
    """name -> uint8 (H, W, 3): the two portraits of the repository, and twice two faces of two sizes in one picture."""
    astronaut = read(ASSETS / "astronaut.png")
    close = np.full((256, 400, 3), 128, np.uint8)
    close[:, :256] = astronaut[:256, 96:352]
    close[64:192, 264:392] = astronaut[:256:2, 96:352:2]
    two = np.full((512, 900, 3), 128, np.uint8)
    two[:, :512] = astronaut
    two[128:384, 600:856] = astronaut[::2, ::2]
    drawn = read(ASSETS / "drawn.png")
    return {"astronaut": astronaut, "drawn": drawn, "two_faces": two, "two_close": close}


def shared(media: Path) -> Iterator[tuple[str, np.ndarray]]:
    """The portraits and some video frames of the folder `media`, one by one: name, uint8 (H, W, 3)."""
    for name in STILLS:
        yield name, read(media / f"{name}.jpg")
    for name, wanted in FILMS.items():
        frames = film(media / f"{name}.mp4", max(wanted) + 1)
        for k in wanted:
            yield f"{name}_{k}", frames[k]


def film(path: Path, count: int) -> np.ndarray:
    """The first frames of a video: uint8 (T, H, W, 3)."""
    import av

    with av.open(str(path)) as container:
        frames = container.decode(video=0)
        return np.stack([next(frames).to_ndarray(format="rgb24") for _ in range(count)])


def read(path: Path) -> np.ndarray:
    return np.asarray(Image.open(path).convert("RGB"))
