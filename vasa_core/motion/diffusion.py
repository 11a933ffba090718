"""The diffusion process as pure functions: noise schedule, noising, and the DDIM step. The denoiser predicts x0."""

import math

import torch
from torch import Tensor

STEPS = 1000
"""Length of the process in training; sampling takes any number of steps up to this."""

SLOW_NOISE = 0.5
"""Share of the noise's variance that is constant over a window."""


def signal_power(t: Tensor) -> Tensor:
    """alpha_bar(t) of the cosine schedule (Nichol and Dhariwal, 2021), integer t in [0, STEPS); falls from 1 to 0."""
    f = torch.cos(((t.double() + 1) / STEPS + 0.008) / 1.008 * math.pi / 2).square()
    return (f / math.cos(0.008 / 1.008 * math.pi / 2) ** 2).clamp(1e-5, 1.0).float()


def draw_noise(batch: int, frames: int, channels: int, generator: torch.Generator) -> Tensor:
    """(batch, frames, channels) Gaussian noise of unit variance on the CPU, in part constant over the frames.

    White noise hides little of what a window's mean is, since a mean is seen in fifty frames. Its slow part hides it
    too, so that the denoiser learns to take gaze, distance and posture from the conditions, and not from x_t alone.
    """
    white = torch.randn(batch, frames, channels, generator=generator)
    slow = torch.randn(batch, 1, channels, generator=generator)
    return math.sqrt(1 - SLOW_NOISE) * white + math.sqrt(SLOW_NOISE) * slow


def clarity(t: Tensor, deviation: Tensor) -> Tensor:
    """(B, 1, K) share of x_t's variance that is signal, for t (B,) and noise of `deviation` (K,) on unit signals."""
    power = signal_power(t).to(deviation)[:, None, None]
    return power / (power + (1 - power) * deviation.square())


def add_noise(clean: Tensor, noise: Tensor, t: Tensor) -> Tensor:
    """x_t = sqrt(alpha_bar) x0 + sqrt(1 - alpha_bar) noise, with t (B,) and the rest (B, ...)."""
    power = signal_power(t).to(clean).view(-1, *[1] * (clean.ndim - 1))
    return power.sqrt() * clean + (1 - power).sqrt() * noise


def sampling_times(steps: int) -> Tensor:
    """(steps,) evenly spaced times from the noisiest, STEPS - 1, downwards."""
    return (STEPS * torch.arange(steps, 0, -1, dtype=torch.float64) / steps).round().long() - 1


def ddim_step(x: Tensor, clean: Tensor, t: int, t_next: int | None) -> Tensor:
    """One deterministic step of DDIM (Song et al., 2021, eta = 0) from x at time t, with the predicted x0 `clean`.

    noise = (x - sqrt(a_t) x0) / sqrt(1 - a_t);  x_next = sqrt(a_next) x0 + sqrt(1 - a_next) noise.
    `t_next` None is the last step, which gives x0 itself.
    """
    if t_next is None:
        return clean
    power, power_next = (signal_power(torch.tensor(time)).to(x) for time in (t, t_next))
    noise = (x - power.sqrt() * clean) / (1 - power).sqrt()
    return power_next.sqrt() * clean + (1 - power_next).sqrt() * noise
