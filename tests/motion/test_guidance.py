import torch

from tests.motion.motion_kit import tiny_conditions, tiny_model
from vasa_core.motion.conditions import AUDIO, GAZE, WINDOW
from vasa_core.motion.guidance import guided


def test_guidance_is_the_papers_formula_in_one_batched_call():
    model = tiny_model()
    conditions = tiny_conditions(2, len(model.channels))
    x, t = torch.randn(2, WINDOW, len(model.channels)), torch.tensor([700, 300])
    calls = []

    def spy(*arguments):
        calls.append(len(arguments[0]))
        return model.denoiser(*arguments)

    audio, gaze = torch.full((len(model.channels),), 0.5), torch.ones(len(model.channels))
    audio[3] = 0.2  # a scale may differ by channel
    result = guided(spy, x, t, conditions, {AUDIO: audio, GAZE: gaze})
    full = model.denoiser(x, t, conditions)
    by_hand = (1 + audio + 1.0) * full
    by_hand = by_hand - audio * model.denoiser(x, t, conditions.without(AUDIO))
    by_hand = by_hand - 1.0 * model.denoiser(x, t, conditions.without(GAZE))
    assert calls == [6]
    assert torch.allclose(result, by_hand, atol=1e-4)
    assert not torch.allclose(result, full, atol=1e-2)


def test_a_scale_of_zero_costs_nothing_and_changes_nothing():
    model = tiny_model()
    conditions = tiny_conditions(1, len(model.channels))
    x, t = torch.randn(1, WINDOW, len(model.channels)), torch.tensor([500])
    calls = []

    def spy(*arguments):
        calls.append(len(arguments[0]))
        return model.denoiser(*arguments)

    nothing = torch.zeros(len(model.channels))
    result = guided(spy, x, t, conditions, {AUDIO: nothing, GAZE: nothing})
    assert calls == [1] and torch.allclose(result, model.denoiser(x, t, conditions), atol=1e-6)
