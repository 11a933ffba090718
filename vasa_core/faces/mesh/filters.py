"""Small image operations that the mesh face model needs at encode time: steps, blurs, fills, doubling.

Planes are (C, H, W) or (H, W); pixel k of a picture has its centre at k + 0.5.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

# Lanczos-3 half way between samples: the six neighbours at +-0.5, +-1.5, +-2.5; their sum is 1.
_HALF_WAY = [0.024457, -0.135870, 0.611413, 0.611413, -0.135870, 0.024457]


def smoothstep(low: float | Tensor, high: float | Tensor, x: Tensor) -> Tensor:
    """0 below `low`, 1 above `high`, a cubic with level ends between."""
    t = ((x - low) / (high - low)).clamp(0.0, 1.0)
    return t * t * (3.0 - 2.0 * t)


def interpolate_line(x: Tensor, line: Tensor) -> Tensor:
    """y of a poly-line (K, 2) at x (...), level beyond its ends. The line runs along x, in any order."""
    line = line[line[:, 0].argsort()]
    xs, ys = line[:, 0].contiguous(), line[:, 1]
    k = torch.searchsorted(xs, x.contiguous()).clamp(1, len(xs) - 1)
    x0, x1 = xs[k - 1], xs[k]
    t = ((x - x0) / (x1 - x0).clamp_min(1e-6)).clamp(0.0, 1.0)
    return ys[k - 1] + t * (ys[k] - ys[k - 1])


def blur(planes: Tensor, sigma: float) -> Tensor:
    """Gaussian blur of (C, H, W) or (H, W), edges repeated."""
    if planes.ndim == 2:
        return blur(planes[None], sigma)[0]
    if sigma > 4.0 and min(planes.shape[-2:]) >= 128:  # a broad blur of half the picture, enlarged again
        small = blur(F.avg_pool2d(planes, 2, ceil_mode=True), sigma / 2)
        return F.interpolate(small[None], size=planes.shape[-2:], mode="bilinear", align_corners=False)[0]
    radius = max(1, int(3.0 * sigma + 0.5))
    kernel = torch.exp(-0.5 * (torch.arange(-radius, radius + 1) / sigma) ** 2)
    kernel = (kernel / kernel.sum()).tolist()
    planes = _weighted_shifts(F.pad(planes, (radius, radius, 0, 0), mode="replicate"), kernel, -1)
    return _weighted_shifts(F.pad(planes, (0, 0, radius, radius), mode="replicate"), kernel, -2)


def _weighted_shifts(padded: Tensor, kernel: list[float], dim: int) -> Tensor:
    """Correlation along one dimension, without padding: for a few planes faster than a convolution layer."""
    length = padded.shape[dim] - len(kernel) + 1
    out = padded.narrow(dim, 0, length) * kernel[0]
    for k, weight in enumerate(kernel[1:], start=1):
        out.add_(padded.narrow(dim, k, length), alpha=weight)
    return out


def box_mean(plane: Tensor, radius: int) -> Tensor:
    """Mean of (H, W) over a square of 2 radius + 1 pixels, edges repeated."""
    side = 2 * radius + 1
    padded = F.pad(plane[None, None], (radius,) * 4, mode="replicate")[0, 0].double()
    total = F.pad(padded.cumsum(0).cumsum(1), (1, 0, 1, 0))
    total = total[side:, side:] - total[:-side, side:] - total[side:, :-side] + total[:-side, :-side]
    return (total / side**2).to(plane.dtype)


def dilate(plane: Tensor, radius: int) -> Tensor:
    """Where a mask (H, W) of zeros and ones has a one within a square of 2 radius + 1 pixels."""
    return (box_mean(plane, radius) > 0.5 / (2 * radius + 1) ** 2).to(plane.dtype)


def fill(planes: Tensor, known: Tensor) -> Tensor:
    """Values of (C, H, W) carried smoothly from where `known` (H, W) is 1 to where it is 0 (push and pull)."""
    levels = [(planes * known, known[None])]
    while min(levels[-1][1].shape[-2:]) > 2:
        values, weight = (F.avg_pool2d(x[None], 2, ceil_mode=True)[0] for x in levels[-1])
        strength = (weight * 4.0).clamp(max=1.0) / weight.clamp_min(1e-6)
        levels.append((values * strength, weight * strength))
    values, weight = levels.pop()
    result = values / weight.clamp_min(1e-6)
    for values, weight in reversed(levels):
        result = F.interpolate(result[None], size=values.shape[-2:], mode="bilinear", align_corners=False)[0]
        result = values + result * (1.0 - weight)
    return result


def doubled(planes: Tensor) -> Tensor:
    """(C, H, W) -> (C, 2 H - 1, 2 W - 1): the samples themselves, and Lanczos-3 values half way between them.

    Bilinear sampling of this is about as sharp as bicubic sampling of the original, at a third of its cost.
    """
    for dim, pad in ((-1, (2, 2, 0, 0)), (-2, (0, 0, 2, 2))):
        between = _weighted_shifts(F.pad(planes, pad, mode="replicate"), _HALF_WAY, dim)
        shape = list(planes.shape)
        shape[dim] = 2 * shape[dim] - 1
        out = planes.new_empty(shape)
        (out[..., ::2] if dim == -1 else out[:, ::2]).copy_(planes)
        (out[..., 1::2] if dim == -1 else out[:, 1::2]).copy_(between)
        planes = out
    return planes


def upsampling_matrix(nodes: int, step: int, margin: int = 0) -> Tensor:
    """Catmull-Rom interpolation as a matrix (pixels, nodes): node i lies at the middle of pixels step*i..step*i+step-1.

    Rows are the pixels of all nodes but `margin` at either end. With margin 0 the end nodes are repeated outwards.
    """
    pixel = (torch.arange(margin * step, (nodes - margin) * step, dtype=torch.float64) + 0.5) / step - 0.5
    left = pixel.floor()
    t = pixel - left
    weights = torch.stack(
        [
            -0.5 * t**3 + t**2 - 0.5 * t,
            1.5 * t**3 - 2.5 * t**2 + 1.0,
            -1.5 * t**3 + 2.0 * t**2 + 0.5 * t,
            0.5 * t**3 - 0.5 * t**2,
        ],
        dim=1,
    )
    columns = (left[:, None].long() + torch.arange(-1, 3)).clamp(0, nodes - 1)
    matrix = torch.zeros(len(pixel), nodes, dtype=torch.float64)
    return matrix.scatter_add_(1, columns, weights).float()


def enlarge(planes: Tensor, factor: int) -> Tensor:
    """(C, N, N) -> (C, factor N, factor N) by Catmull-Rom interpolation."""
    matrix = upsampling_matrix(planes.shape[-1], factor)
    return matrix @ planes @ matrix.mT


def spread(points: Tensor, values: Tensor, targets: Tensor, softness: float, ridge: float) -> Tensor:
    """Radial-basis interpolation in the plane: values (n, m) at points (n, 2), evaluated at targets (k, 2).

    Kernel -sqrt(r^2 + softness^2) with an affine part (Hardy's multiquadric); `ridge` smooths. Solved in double.
    """
    points64 = points.double()
    count = len(points)
    affine = torch.cat([torch.ones(count, 1, dtype=torch.float64, device=points.device), points64], dim=1)
    system = torch.zeros(count + 3, count + 3, dtype=torch.float64, device=points.device)
    distance = (points64[:, None] - points64[None]).square().sum(-1)
    system[:count, :count] = -(distance + softness**2).sqrt()
    system[:count, count:], system[count:, :count] = affine, affine.mT
    system.diagonal()[:count] += ridge
    right = torch.zeros(count + 3, values.shape[1], dtype=torch.float64, device=points.device)
    right[:count] = values
    solution = torch.linalg.solve(system, right).float()  # (n + 3, m)
    points, targets = points.float(), targets.float()
    squared = targets.square().sum(1, keepdim=True) + points.square().sum(1) + softness**2
    kernel = torch.addmm(squared, targets, points.mT, alpha=-2.0).clamp_min_(softness**2).sqrt_()  # (k, n)
    affine = torch.cat([torch.ones_like(targets[:, :1]), targets], dim=1)
    return torch.addmm(affine @ solution[count:], kernel, solution[:count], alpha=-1.0)
