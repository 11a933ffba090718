"""Rows of pictures as one picture file, to see what a training makes."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from PIL import Image, ImageDraw
from torch import Tensor

from ..errors import OutputError

ACROSS, MARGIN = 8, 18  # pictures in a row of a labelled sheet, pixels of its labels


def save_sheet(path: Path, rows: Sequence[Tensor]) -> None:
    """Write rows of equally many pictures (B, 3, S, S) in [0, 1], one below the other."""
    sheet = torch.cat([torch.cat(list(row.cpu()), dim=2) for row in rows], dim=1)  # (3, rows S, B S)
    levels = (sheet * 255).round().clamp(0, 255).to(torch.uint8).permute(1, 2, 0)
    _save(path, Image.fromarray(levels.numpy()))


def save_labelled(path: Path, groups: Mapping[str, Sequence[str]]) -> None:
    """Write pictures (JPEG in base64, all square and of one size) under the names of their groups."""
    decoded = {
        name: [Image.open(io.BytesIO(base64.b64decode(picture))) for picture in pictures]
        for name, pictures in groups.items()
    }
    side = max((picture.width for pictures in decoded.values() for picture in pictures), default=1)
    lines = {name: -(-len(pictures) // ACROSS) for name, pictures in decoded.items()}
    sheet = Image.new("RGB", (ACROSS * side, sum(MARGIN + count * side for count in lines.values()) or 1))
    draw, top = ImageDraw.Draw(sheet), 0
    for name, pictures in decoded.items():
        draw.text((4, top + 3), name, fill="white")
        for number, picture in enumerate(pictures):
            sheet.paste(picture, (number % ACROSS * side, top + MARGIN + number // ACROSS * side))
        top += MARGIN + lines[name] * side
    _save(path, sheet)


def _save(path: Path, sheet: Image.Image) -> None:
    try:
        sheet.save(path)
    except OSError as error:
        raise OutputError(f"Cannot write {path}: {error}. Choose a folder with room and write permission.") from error
