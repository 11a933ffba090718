"""The few kinds of signal that natural movement is made of. What is random in them comes from a given generator."""

import numpy as np
from numpy import ndarray


def smooth_noise(random: np.random.Generator, frames: int, fps: float, cutoff: float) -> ndarray:
    """(frames,) Gaussian noise of unit deviation without content far above `cutoff` Hz (fourth-order roll-off)."""
    margin = int(2 * fps / cutoff)
    count = frames + margin
    response = 1.0 / (1.0 + (np.fft.rfftfreq(count, 1 / fps) / cutoff) ** 4)
    response[0] = 0.0
    power = np.sqrt((response**2)[1:].sum() * 2 / count)
    return np.fft.irfft(np.fft.rfft(random.standard_normal(count)) * response, count)[:frames] / power


def smoothed(values: ndarray, deviation: float) -> ndarray:
    """Gaussian smoothing over time (axis 0); `deviation` in frames. The ends are held."""
    reach = max(1, int(3 * deviation))
    kernel = np.exp(-0.5 * (np.arange(-reach, reach + 1) / deviation) ** 2)
    kernel /= kernel.sum()
    padded = np.concatenate([np.repeat(values[:1], reach, 0), values, np.repeat(values[-1:], reach, 0)])
    if values.ndim == 1:
        return np.convolve(padded, kernel, "valid")
    return np.stack([np.convolve(column, kernel, "valid") for column in padded.T], axis=1)


def bumps(frames: int, centres: ndarray, heights: ndarray, widths: ndarray) -> ndarray:
    """(frames,) sum of raised cosines: `centres` and `widths` (foot to foot) in frames."""
    total = np.zeros(frames)
    for centre, height, width in zip(centres, heights, widths, strict=True):
        first, last = max(0, int(np.ceil(centre - width / 2))), min(frames - 1, int(centre + width / 2))
        if last >= first:
            phase = (np.arange(first, last + 1) - centre) / width
            total[first : last + 1] += height * 0.5 * (1 + np.cos(2 * np.pi * phase))
    return total


def levels(frames: int, starts: ndarray, values: ndarray) -> ndarray:
    """(frames, ...) piecewise constant: `values[k]` from frame `starts[k]` on; `starts[0]` is 0."""
    return values[np.searchsorted(starts, np.arange(frames), side="right") - 1]


def moments(random: np.random.Generator, frames: int, shortest: float, mean: float) -> ndarray:
    """Rising frame numbers of events at least `shortest` and on average `mean` frames apart."""
    count = int(frames / shortest) + 2
    gaps = shortest + random.gamma(2.0, (mean - shortest) / 2.0, count)
    times = np.cumsum(gaps) - random.uniform(0, mean)
    return times[(times >= 0) & (times < frames)]


def peaks(values: ndarray, lowest: float, apart: int) -> ndarray:
    """Frame numbers of local maxima above `lowest`, the highest first where two are closer than `apart` frames."""
    inner = values[1:-1]
    found = np.flatnonzero((inner >= values[:-2]) & (inner > values[2:]) & (inner > lowest)) + 1
    kept: list[int] = []
    for frame in found[np.argsort(-values[found])]:
        if all(abs(frame - other) >= apart for other in kept):
            kept.append(int(frame))
    return np.array(sorted(kept), dtype=int)
