"""A visible label in the corner of every frame, such as "AI generated"."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from ..errors import BadInput

SHARE = 1 / 22  # the height of the letters, of the shorter side of a frame
BACKGROUND = 0.55  # how much of the picture the dark box behind the letters covers
NO_LETTER = "\U0010ffff"  # which the font has not, as all that it draws the same way


def labelled(pieces: Iterable[Tensor], text: str) -> Iterator[Tensor]:
    """uint8 (T, H, W, 3) pieces of a video with `text` in the lower left corner; unchanged where it is empty.

    BadInput, at once, where Pillow's own font has no picture of a letter: it knows those of English.
    """
    text = " ".join(text.split())
    font = ImageFont.load_default(10.0)
    unknown = [letter for letter in text if letter != " " and _drawn(font, letter) == _drawn(font, NO_LETTER)]
    if unknown:
        raise BadInput(f"The label holds '{unknown[0]}', which cannot be drawn. Use the letters of English, or none.")
    return _labelled(pieces, text)


def _drawn(font: ImageFont.FreeTypeFont, letter: str) -> bytes:
    return bytes(font.getmask(letter))


def _labelled(pieces: Iterable[Tensor], text: str) -> Iterator[Tensor]:
    stamp = None
    for piece in pieces:
        if not text:
            yield piece
            continue
        if stamp is None:
            colour, cover = (part.to(piece.device) for part in _stamp(text, *piece.shape[1:3]))
            stamp = colour, cover, piece.shape[1] - len(colour) - len(colour) // 3, len(colour) // 3
        colour, cover, top, left = stamp
        part = (slice(None), slice(top, top + colour.shape[0]), slice(left, left + colour.shape[1]))
        stamped = piece.clone()
        stamped[part] = torch.lerp(piece[part].float(), colour, cover).round().to(torch.uint8)
        yield stamped


def _stamp(text: str, height: int, width: int) -> tuple[Tensor, Tensor]:
    """Colour (h, w, 3) 0 to 255 and cover (h, w, 1) 0 to 1 of the label for a frame; letters shrink until it fits."""
    size = max(8.0, min(height, width) * SHARE)
    while True:
        font = ImageFont.load_default(size)
        left, top, right, bottom = font.getbbox(text)
        margin = round(size / 3)
        box = (round(right - left) + 2 * margin, round(bottom - top) + 2 * margin)
        if box[0] + 2 * box[1] // 3 <= width or size <= 6:
            break
        size *= 0.9
    letters = Image.new("L", box)
    ImageDraw.Draw(letters).text((margin - left, margin - top), text, fill=255, font=font)
    ink = torch.from_numpy(np.asarray(letters).copy()).float()[:, : width - box[1] // 3, None] / 255.0
    return ink.expand(-1, -1, 3) * 255.0, BACKGROUND + (1 - BACKGROUND) * ink
