"""The sum of two control curves follows both."""

import torch

from vasa_core.motion.controls import add_curves, sample_curve
from vasa_core.types import Curve


def test_constants_add_to_a_constant():
    total = add_curves(Curve.constant(0.25, 0.0), Curve.constant(0.5, 1.0))
    assert total.times.shape == (1,)
    assert total.values.tolist() == [[0.75, 1.0]]


def test_a_sum_follows_both_curves_between_and_beyond_their_keys():
    ramp = Curve(torch.tensor([0.0, 2.0]), torch.tensor([[0.0], [1.0]]), ease="smooth")
    step = Curve(torch.tensor([1.0, 3.0]), torch.tensor([[0.2], [0.4]]))
    times = torch.arange(0.0, 4.0, 0.04)
    expected = sample_curve(ramp, times) + sample_curve(step, times)
    assert torch.allclose(sample_curve(add_curves(ramp, step), times), expected, atol=1e-3)


def test_a_constant_added_to_a_curve_shifts_it():
    ramp = Curve(torch.tensor([0.0, 2.0]), torch.tensor([[0.0], [1.0]]))
    times = torch.linspace(0.0, 2.0, 9)
    shifted = sample_curve(add_curves(Curve.constant(0.5), ramp), times)
    assert torch.allclose(shifted, sample_curve(ramp, times) + 0.5, atol=1e-6)
