"""The visible label: it is there, in its corner only, on every frame, and fits whatever the frame's size."""

import pytest
import torch

from vasa_core.errors import BadInput
from vasa_core.media.label import labelled


def grey(count: int, height: int, width: int) -> torch.Tensor:
    return torch.full((count, height, width, 3), 128, dtype=torch.uint8)


def test_no_label_leaves_frames_alone():
    piece = grey(2, 64, 64)
    assert next(labelled([piece], "  ")) is piece


def test_every_frame_is_labelled_in_the_lower_left_corner_only():
    pieces = list(labelled([grey(2, 512, 512), grey(1, 512, 512)], "AI generated"))
    assert [len(piece) for piece in pieces] == [2, 1]
    for frame in torch.cat(pieces):
        changed = (frame != 128).any(-1)
        rows, columns = changed.any(1).nonzero()[:, 0], changed.any(0).nonzero()[:, 0]
        assert rows.min() > 440 and columns.max() < 256
        assert frame.max() > 240 and frame.min() < 80  # light letters on a dark box


def test_letters_are_those_of_the_label():
    first, second = (next(labelled([grey(1, 256, 256)], text)) for text in ("made by a machine", "synthetic"))
    assert not torch.equal(first, second)


@pytest.mark.parametrize("text", ["AI生成", "généré par IA", "сделано ИИ"])
def test_letters_that_the_font_has_not_are_refused_at_once(text):
    with pytest.raises(BadInput, match="cannot be drawn"):
        labelled([], text)


@pytest.mark.parametrize("size", [(64, 64), (64, 512), (512, 64), (1080, 1920)])
def test_a_long_label_fits(size):
    piece = next(labelled([grey(1, *size)], "This film was made by a computer and shows nobody real"))
    assert piece.shape == (1, *size, 3) and (piece != 128).any()
