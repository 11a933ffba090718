"""JoyVASA's diffusion: a cosine schedule of 50 steps, and samples from the posterior of DDPM (Ho et al., 2020).

Steps count from 1 (almost clean) to the schedule's length (noise); entry 0 is clean. The network predicts x0.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

from .network import JoyVasaDenoiser, Prepared

Noise = Callable[[], Tensor]
"""Draws unit Gaussian noise (W, K)."""


def schedule(steps: int) -> Tensor:
    """(steps + 1,) signal power alpha_bar, falling from 1: the cosine schedule of Nichol and Dhariwal (2021) with
    s = 0.008 and betas kept within 0.0001 and 0.999."""
    f = torch.cos((torch.arange(steps + 1, dtype=torch.float64) / steps + 0.008) / 1.008 * math.pi / 2).square()
    betas = (1 - f[1:] / f[:-1]).clamp(1e-4, 0.999)
    return torch.cat([torch.ones(1, dtype=torch.float64), (1 - betas).cumprod(0)])


def sampling_steps(count: int, length: int) -> list[int]:
    """`count` evenly spaced steps from `length` downwards; the last is 1 where there is more than one."""
    if count == 1:
        return [length]
    return [round(length - k * (length - 1) / (count - 1)) for k in range(count)]


def posterior(power: float, power_next: float) -> tuple[float, float, float]:
    """Weights of x0 and x_t, and the standard deviation, of x_next given both, for their signal powers.

    q(x_next | x_t, x0) of DDPM, equations 6 and 7, where one step leads from `power_next` to `power`; so it also holds
    for a schedule of which steps are left out (Nichol and Dhariwal, 2021).
    """
    alpha = power / power_next
    clean = (1 - alpha) * math.sqrt(power_next) / (1 - power)
    noisy = (1 - power_next) * math.sqrt(alpha) / (1 - power)
    return clean, noisy, math.sqrt((1 - power_next) / (1 - power) * (1 - alpha))


@torch.no_grad()
def sample(
    denoiser: JoyVasaDenoiser,
    prepared: Prepared,
    x: Tensor,
    noise: Noise,
    steps: int,
    guidance: float,
    each_step: Callable[[int, Tensor], None] | None = None,
    flexibility: float = 0.0,
    threshold: tuple[float, float, float] | None = None,
) -> Tensor:
    """x (W, K) pure noise -> (W, K) clean motion in `steps` steps.

    prepared: of two rows, without and with the audio, where guidance counts: x0 = null + guidance * (audio - null);
    of one row, x0 is that row's. each_step(k, x) is called before step k, with x as it is; what it raises ends the run.

    The published code has two more options, off by default: flexibility moves the noise's deviation from the
    posterior's, at 0, to the whole step's, at 1; threshold (share, low, high) clamps each branch to its own `share`
    quantile of absolute values, which is itself kept within low and high (Saharia et al., 2022).
    """
    device, dtype = denoiser.embed.weight.device, denoiser.embed.weight.dtype
    times = sampling_steps(steps, denoiser.sizes.steps)
    powers = schedule(denoiser.sizes.steps).tolist()
    codes = denoiser.step_codes(torch.tensor(times))[:, None] + denoiser.places()  # (steps, 1 or P + W, C)
    x = x.to(device)
    for k, time in enumerate(times):
        if each_step is not None:
            each_step(k, x)
        clean = denoiser.denoise(x.to(dtype), codes[k], prepared).float()  # (B, W, K)
        if threshold is not None:
            bound = clean.flatten(1).abs().quantile(threshold[0], dim=1).clamp(*threshold[1:])[:, None, None]
            clean = clean.clamp(-bound, bound)
        clean = clean[0] + guidance * (clean[1] - clean[0]) if len(clean) == 2 else clean[0]
        if k + 1 == steps:
            return clean
        power, power_next = powers[time], powers[times[k + 1]]
        of_clean, of_noisy, deviation = posterior(power, power_next)
        deviation += flexibility * (math.sqrt(1 - power / power_next) - deviation)
        x = of_clean * clean + of_noisy * x + deviation * noise().to(device)
    raise AssertionError("sampling takes at least one step")
