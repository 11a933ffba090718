"""Rows of pictures as one picture file, to see what a training makes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor

from ..errors import OutputError


def save_sheet(path: Path, rows: Sequence[Tensor]) -> None:
    """Write rows of equally many pictures (B, 3, S, S) in [0, 1], one below the other."""
    sheet = torch.cat([torch.cat(list(row.cpu()), dim=2) for row in rows], dim=1)  # (3, rows S, B S)
    levels = (sheet * 255).round().clamp(0, 255).to(torch.uint8).permute(1, 2, 0)
    try:
        Image.fromarray(levels.numpy()).save(path)
    except OSError as error:
        raise OutputError(f"Cannot write {path}: {error}. Choose a folder with room and write permission.") from error
