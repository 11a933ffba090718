"""PSNR and SSIM, for self-reenactment: what was made beside the frame itself. LPIPS is in lpips.py."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from ..errors import BadInput

WINDOW, SIGMA = 11, 1.5  # pixels, of SSIM's Gaussian
K1, K2 = 0.01, 0.03


def psnr(made: Tensor, real: Tensor) -> Tensor:
    """(B,) decibels of pictures (B, 3, H, W) in [0, 1]; infinite where they are equal."""
    check_pair(made, real)
    return -10 * (made.double() - real.double()).square().mean((1, 2, 3)).log10()


def ssim(made: Tensor, real: Tensor) -> Tensor:
    """(B,) structural similarity, at most 1, of pictures (B, 3, H, W) in [0, 1], the mean over colours and places.

    Wang et al. (2004), equation 13, in windows of 11 x 11 pixels that lie inside the picture.
    """
    check_pair(made, real)
    if min(made.shape[2:]) < WINDOW:
        raise BadInput(f"SSIM needs pictures of {WINDOW} x {WINDOW} pixels or more. Use larger ones.")
    x, y = made.double(), real.double()
    mean_x, mean_y = _blurred(x), _blurred(y)
    variance_x, variance_y = _blurred(x * x) - mean_x.square(), _blurred(y * y) - mean_y.square()
    covariance = _blurred(x * y) - mean_x * mean_y
    c1, c2 = K1**2, K2**2
    likeness = (2 * mean_x * mean_y + c1) * (2 * covariance + c2)
    likeness = likeness / ((mean_x.square() + mean_y.square() + c1) * (variance_x + variance_y + c2))
    return likeness.mean((1, 2, 3))


def check_pair(made: Tensor, real: Tensor) -> None:
    """Raise BadInput unless both are pictures (B, 3, H, W) of one shape."""
    if made.shape != real.shape or made.ndim != 4 or made.shape[1] != 3:
        sizes = f"{tuple(made.shape)} and {tuple(real.shape)}"
        raise BadInput(f"Pictures of the shapes {sizes} cannot be compared. Both must be (pictures, 3, height, width).")


def _blurred(x: Tensor) -> Tensor:
    """(B, 3, H, W) -> (B, 3, H - 10, W - 10), by the Gaussian window."""
    places = torch.arange(WINDOW, dtype=x.dtype, device=x.device) - WINDOW // 2
    weights = torch.exp(-places.square() / (2 * SIGMA**2))
    weights = (weights / weights.sum()).expand(3, 1, WINDOW)
    x = F.conv2d(x, weights[..., None], groups=3)
    return F.conv2d(x, weights[:, :, None], groups=3)
