import pytest
import torch

from vasa_core.errors import BadInput
from vasa_core.motion.controls import sample_controls, sample_curve
from vasa_core.types import Controls, Curve

KEYS, VALUES = torch.tensor([1.0, 2.0, 4.0]), torch.tensor([[0.0], [1.0], [0.5]])
TIMES = torch.tensor([0.0, 1.0, 1.5, 2.0, 3.0, 4.0, 9.0])


def test_one_key_is_a_constant():
    assert torch.equal(sample_curve(Curve.constant(0.3, -0.2), TIMES), torch.tensor([[0.3, -0.2]]).expand(7, 2))


def test_linear_joins_and_step_holds():
    linear = sample_curve(Curve(KEYS, VALUES, "linear"), TIMES)[:, 0]
    step = sample_curve(Curve(KEYS, VALUES, "step"), TIMES)[:, 0]
    assert torch.allclose(linear, torch.tensor([0.0, 0.0, 0.5, 1.0, 0.75, 0.5, 0.5]))
    assert torch.allclose(step, torch.tensor([0.0, 0.0, 0.0, 1.0, 1.0, 0.5, 0.5]))


def test_smooth_meets_its_keys_and_never_overshoots():
    dense = torch.linspace(0, 5, 501)
    smooth = sample_curve(Curve(KEYS, VALUES, "smooth"), dense)[:, 0]
    assert torch.allclose(sample_curve(Curve(KEYS, VALUES, "smooth"), KEYS), VALUES, atol=1e-6)
    assert smooth.max() <= 1.0 and smooth.min() >= 0.0
    assert smooth.diff().abs().max() < 0.03  # no jump at a key


@pytest.mark.parametrize(
    "curve",
    [
        Curve(torch.tensor([]), torch.zeros(0, 2)),
        Curve(torch.tensor([1.0, 1.0]), torch.zeros(2, 2)),
        Curve(torch.tensor([0.0]), torch.tensor([[float("nan"), 0.0]])),
        Curve(torch.tensor([0.0, 1.0]), torch.zeros(2, 2), "bouncy"),
    ],
)
def test_bad_curves_are_refused(curve):
    with pytest.raises(BadInput):
        sample_curve(curve, TIMES)


def test_no_controls_are_the_neutral_ones_without_emotion():
    none = sample_controls(Controls(), 5, 25.0)
    neutral = sample_controls(Controls(Curve.constant(0.0, 0.0), Curve.constant(1.0), None), 5, 25.0)
    for a, b in zip(none[:3], neutral[:3], strict=True):
        assert torch.equal(a, b)
    assert none[3] is False and sample_controls(Controls(emotion=Curve.constant(*[0.0] * 8)), 5, 25.0)[3] is True


@pytest.mark.parametrize(
    "controls",
    [
        Controls(gaze=Curve.constant(0.0)),
        Controls(distance=Curve.constant(0.0)),
        Controls(emotion=Curve.constant(*[0.0] * 7)),
        Controls(emotion=Curve.constant(*[1.5] * 8)),
    ],
)
def test_impossible_controls_are_refused(controls):
    with pytest.raises(BadInput):
        sample_controls(controls, 5, 25.0)
