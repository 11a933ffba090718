import math

import pytest
import torch

from vasa_core.motion.diffusion import (
    SLOW_NOISE,
    STEPS,
    add_noise,
    clarity,
    ddim_step,
    draw_noise,
    sampling_times,
    signal_power,
)


def test_signal_falls_from_all_to_nothing():
    power = signal_power(torch.arange(STEPS))
    assert power[0] > 0.999 and power[-1] < 1e-4 and (power.diff() <= 0).all()
    by_hand = math.cos((501 / 1000 + 0.008) / 1.008 * math.pi / 2) ** 2 / math.cos(0.008 / 1.008 * math.pi / 2) ** 2
    assert abs(power[500].item() - by_hand) < 1e-6


def test_ddim_step_is_its_formula():
    g = torch.Generator().manual_seed(0)
    x, clean = torch.randn(1, 4, 3, generator=g), torch.randn(1, 4, 3, generator=g)
    a, b = (signal_power(torch.tensor(t)).item() for t in (799, 599))
    noise = (x - math.sqrt(a) * clean) / math.sqrt(1 - a)
    assert torch.allclose(ddim_step(x, clean, 799, 599), math.sqrt(b) * clean + math.sqrt(1 - b) * noise, atol=1e-5)
    assert torch.equal(ddim_step(x, clean, 99, None), clean)


def test_ddim_with_the_true_clean_signal_runs_back_along_the_noising():
    g = torch.Generator().manual_seed(0)
    clean, noise = torch.randn(2, 50, 3, generator=g), torch.randn(2, 50, 3, generator=g)
    x = add_noise(clean, noise, torch.tensor([900, 900]))
    x = ddim_step(x, clean, 900, 300)
    assert torch.allclose(x, add_noise(clean, noise, torch.tensor([300, 300])), atol=1e-4)


@pytest.mark.parametrize("steps", [1, 2, 7, 10, 50, 1000])
def test_any_number_of_steps_starts_at_the_noisiest(steps):
    times = sampling_times(steps)
    assert len(times) == steps and times[0] == STEPS - 1 and times[-1] >= 0
    assert (times.diff() < 0).all()


def test_noise_is_of_unit_variance_and_partly_constant_over_a_window():
    noise = draw_noise(4000, 50, 3, torch.Generator().manual_seed(0))
    assert abs(noise.var().item() - 1) < 0.02 and abs(noise.mean().item()) < 0.02
    expected = SLOW_NOISE + (1 - SLOW_NOISE) / 50
    assert abs(noise.mean(1).var().item() - expected) < 0.02
    assert torch.equal(noise, draw_noise(4000, 50, 3, torch.Generator().manual_seed(0)))


def test_clarity_is_the_share_of_signal_and_louder_noise_hides_more():
    g = torch.Generator().manual_seed(0)
    t, deviation = torch.full((20000,), 300), torch.tensor([1.0, 25.0])
    clean = torch.randn(20000, 1, 2, generator=g)
    noisy = add_noise(clean, deviation * torch.randn(20000, 1, 2, generator=g), t)
    share = torch.stack([torch.corrcoef(torch.stack([clean[:, 0, k], noisy[:, 0, k]]))[0, 1] ** 2 for k in (0, 1)])
    assert torch.allclose(clarity(t[:1], deviation)[0, 0], share, atol=0.02)
    assert torch.allclose(clarity(t[:1], deviation)[0, 0, 0], signal_power(t[:1]))
