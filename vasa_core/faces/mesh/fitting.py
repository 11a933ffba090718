"""Small numerical tools of the motion reader: bounded least squares, and two strengths of smoothing."""

import torch
from torch import Tensor

SWEEPS, SETTLED = 400, 1e-4  # at most; done when no coefficient moves further than this


def bounded_least_squares(
    basis: Tensor, targets: Tensor, ridge: Tensor, upper: float, settled: float = SETTLED
) -> Tensor:
    """argmin_x |basis x - target|^2 + |ridge x|^2 with 0 <= x <= upper, for all targets at once.

    basis (N, K), targets (T, N), ridge (K,) -> (T, K). Cyclic coordinate descent: each coordinate is set to its
    exact minimum and clamped, which converges for a strictly convex problem on a box (Luo and Tseng 1992).
    """
    gram = basis.mT @ basis + torch.diag(ridge.square())  # (K, K)
    projected = targets @ basis  # (T, K)
    solution = torch.zeros_like(projected)
    for _ in range(SWEEPS):
        before = solution.clone()
        for k in range(gram.shape[0]):
            step = (projected[:, k] - solution @ gram[:, k]) / gram[k, k]
            solution[:, k] = (solution[:, k] + step).clamp(0.0, upper)
        if (solution - before).abs().max() < settled:
            break
    return solution


def smooth(values: Tensor, window: int = 5, degree: int = 2) -> Tensor:
    """Savitzky-Golay filter (1964) along the first dimension, (T, ...) -> (T, ...).

    Each value becomes that of the least-squares polynomial over `window` frames about it; the first and last
    frames are read off the polynomial of the first and last window. Fewer frames than `window` stay as they are.
    """
    frames, half = values.shape[0], window // 2
    if frames < window:
        return values
    places = torch.arange(window, dtype=values.dtype, device=values.device) - half
    powers = places[:, None] ** torch.arange(degree + 1, device=values.device)
    projection = powers @ torch.linalg.pinv(powers)  # (window, window)
    flat = values.reshape(frames, -1)
    windows = flat.unfold(0, window, 1)  # (T - window + 1, C, window)
    middle = windows @ projection[half]
    first, last = projection[:half] @ flat[:window], projection[half + 1 :] @ flat[-window:]
    return torch.cat([first, middle, last]).reshape(values.shape)


def soften(values: Tensor) -> Tensor:
    """Each frame of (T, ...) mixed with an eighth of either neighbour: takes the tracker's jitter, leaves closures."""
    padded = torch.cat([values[:1], values, values[-1:]])
    return 0.75 * values + 0.125 * (padded[:-2] + padded[2:])
