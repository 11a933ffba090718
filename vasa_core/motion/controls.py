"""The user's controls, sampled at the frames of a motion.

A control is a Curve over seconds; one key is a constant. Nothing asked for means the paper's defaults: gaze at
the camera, the portrait's own distance, no emotion label.
"""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from ..errors import BadInput
from ..types import EMOTIONS, Controls, Curve

AT_CAMERA = Curve.constant(0.0, 0.0)
OWN_DISTANCE = Curve.constant(1.0)
SUM_RATE = 25.0  # points a second at which a sum of curves follows their easing


def sample_curve(curve: Curve, times: Tensor) -> Tensor:
    """Values (T, C) of a curve at `times` (T,) seconds; before the first and after the last key that key holds.

    'linear' joins the keys by lines, 'step' holds each key until the next, 'smooth' is the monotone cubic of
    Fritsch and Carlson (1980), which never overshoots its keys. BadInput for an empty or unsorted curve.
    """
    keys, values = curve.times.to(torch.float64), curve.values.to(torch.float64)
    if keys.ndim != 1 or values.ndim != 2 or len(keys) != len(values) or len(keys) == 0:
        raise BadInput("A control curve needs at least one key, and one row of values per key.")
    if not (torch.isfinite(keys).all() and torch.isfinite(values).all() and (keys.diff() > 0).all()):
        raise BadInput("The keys of a control curve must be finite and rise in time.")
    if curve.ease not in ("linear", "smooth", "step"):
        raise BadInput(f"A control curve eases 'linear', 'smooth' or 'step', not '{curve.ease}'.")
    if len(keys) == 1:
        return values.expand(len(times), -1).float()
    clamped = times.to(torch.float64).clamp(keys[0], keys[-1])
    left = (torch.searchsorted(keys, clamped, right=True) - 1).clamp(0, len(keys) - 2)
    if curve.ease == "step":
        at_end = (clamped >= keys[-1]).long()
        return values[left + at_end].float()
    length = (keys[left + 1] - keys[left])[:, None]
    u = (clamped[:, None] - keys[left][:, None]) / length
    a, b = values[left], values[left + 1]
    if curve.ease == "linear":
        return (a + (b - a) * u).float()
    slopes = _monotone_slopes(keys, values)
    p, q = slopes[left] * length, slopes[left + 1] * length
    cubic = a + u * (p + u * (3 * (b - a) - 2 * p - q + u * (p + q - 2 * (b - a))))  # Hermite form
    return cubic.float()


def add_curves(first: Curve, second: Curve) -> Curve:
    """The sum of two curves of as many channels, exact at the keys of both and at 25 points a second between them."""
    low, high = (bound(float(c.times[k]) for c in (first, second)) for bound, k in ((min, 0), (max, -1)))
    if low == high:
        return replace(first, times=first.times[:1], values=first.values[:1] + second.values[:1])
    between = torch.linspace(low, high, max(2, round((high - low) * SUM_RATE) + 1), dtype=torch.float32)
    times = torch.cat([first.times, second.times, between]).unique()  # sorted
    return Curve(times, sample_curve(first, times) + sample_curve(second, times))


def _monotone_slopes(keys: Tensor, values: Tensor) -> Tensor:
    """Slope per key (K, C): harmonic mean of the neighbouring secants, 0 at ends and turning points."""
    secants = values.diff(dim=0) / keys.diff()[:, None]
    before, after = secants[:-1], secants[1:]
    same = before * after > 0
    safe = torch.where(same, before + after, torch.ones_like(before))
    inner = torch.where(same, 2 * before * after / safe, torch.zeros_like(before))
    end = torch.zeros_like(secants[:1])
    return torch.cat([end, inner, end])


def sample_controls(controls: Controls, frames: int, fps: float) -> tuple[Tensor, Tensor, Tensor, bool]:
    """Gaze (T, 2), distance (T, 1), emotion (T, 8) at frame times i / fps, and whether an emotion was asked for."""
    times = torch.arange(frames, dtype=torch.float64) / fps
    gaze = _checked("gaze", controls.gaze or AT_CAMERA, times, 2)
    distance = _checked("distance", controls.distance or OWN_DISTANCE, times, 1)
    if (distance <= 0).any():
        raise BadInput("The head distance must be above 0; 1 is the portrait's own, 2 is twice as far.")
    if controls.emotion is None:
        return gaze, distance, torch.zeros(frames, len(EMOTIONS)), False
    emotion = _checked("emotion", controls.emotion, times, len(EMOTIONS))
    if emotion.min() < 0 or emotion.max() > 1:
        raise BadInput("Each emotion must be between 0 and 1.")
    return gaze, distance, emotion, True


def _checked(name: str, curve: Curve, times: Tensor, channels: int) -> Tensor:
    values = sample_curve(curve, times)
    if values.shape[1] != channels:
        raise BadInput(f"The {name} curve has {values.shape[1]} values per key; it needs {channels}.")
    return values
