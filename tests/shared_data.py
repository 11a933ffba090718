"""Where tests and benchmarks find the real portraits, videos and speech that are not part of the repository."""

from __future__ import annotations

import os
from pathlib import Path


def shared_folder() -> Path | None:
    """Folder with `media/` and `speech/`: VASA_SHARED, else `shared` beside the repository; None if absent."""
    named = os.environ.get("VASA_SHARED")
    folder = Path(named) if named else Path(__file__).resolve().parents[2] / "shared"
    return folder if (folder / "media").is_dir() else None
