"""The only place that rounds time: how many frames a sound lasts, and features moved onto the frame grid.

Frame i of a motion or video belongs to i / fps seconds.
"""

from __future__ import annotations

import math
from fractions import Fraction

import torch
from torch import Tensor

from ..errors import BadAudio

TOLERANCE = 1e-6  # frames: a length of exactly n frames stays n in spite of rounding


def frame_count(duration: float, fps: float) -> int:
    """The fewest frames that cover `duration` seconds, at least one: the video ends with the sound, within a frame."""
    return max(1, math.ceil(duration * float(fps) - TOLERANCE))


def sample_span(first: int, frames: int, fps: float, rate: int) -> tuple[int, int]:
    """The samples [start, stop) at `rate` Hz that sound during `frames` frames from number `first` on.

    Both ends are rounded from the same origin, so that spans in a row meet, and nothing adds up over hours.
    """
    start, stop = (round(Fraction(number) * rate / Fraction(fps)) for number in (first, first + frames))
    return start, stop


def resample_features(values: Tensor, source_fps: float, first_time: float, frames: int, fps: float) -> Tensor:
    """(frames, C): values (N, C) interpolated linearly at i / fps seconds.

    Row j of `values` belongs to first_time + j / source_fps seconds. Before the first and after the last row the
    nearest row holds. Raises BadAudio where there is no row.
    """
    rows = values.shape[0]
    if rows == 0:
        raise BadAudio("The audio features are empty. Use a clip of at least 0.3 seconds.")
    times = torch.arange(frames, dtype=torch.float64) / float(fps)
    position = ((times - first_time) * float(source_fps)).clamp(0, rows - 1)  # float64: exact over hours
    low = position.floor().long()
    high = (low + 1).clamp(max=rows - 1)
    share = (position - low).to(values.device, values.dtype)[:, None]  # (frames, 1)
    low, high = low.to(values.device), high.to(values.device)
    return torch.lerp(values[low], values[high], share)  # (frames, C)
