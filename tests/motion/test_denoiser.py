import copy
from dataclasses import replace

import pytest
import torch

from tests.motion.motion_kit import tiny_conditions, tiny_model
from vasa_core.motion.conditions import FIELDS, PREVIOUS_AUDIO, PREVIOUS_MOTION, WINDOW
from vasa_core.motion.denoiser import PRESETS, DiffusionTransformer


@pytest.fixture(scope="module")
def model():
    return tiny_model()


def run(model, conditions, t=500):
    x = torch.randn(len(conditions), WINDOW, len(model.channels), generator=torch.Generator().manual_seed(9))
    return model.denoiser(x, torch.full((len(conditions),), t), conditions)


def test_the_paper_preset_is_the_papers():
    paper = PRESETS["paper"]
    assert (paper.layers, paper.width, paper.heads) == (8, 512, 8)
    assert sum(p.numel() for p in DiffusionTransformer(paper, 69, 768).parameters()) > 25e6


@pytest.mark.parametrize("field", range(len(FIELDS)))
def test_each_condition_is_heard_and_its_null_is_learned(model, field):
    """A kept field matters; a withheld one does not, and gradient reaches the null that stands for it."""
    conditions = tiny_conditions(2, len(model.channels))
    name = FIELDS[field]
    changed = replace(conditions, **{name: getattr(conditions, name) * 1.3 + 0.1})
    assert not torch.allclose(run(model, conditions), run(model, changed), atol=1e-5)
    missing, changed_missing = conditions.without(field), changed.without(field)
    assert torch.equal(run(model, missing), run(model, changed_missing))
    model.zero_grad()
    run(model, missing).square().sum().backward()
    assert model.denoiser.nulls[name].grad.abs().sum() > 0


def test_a_null_is_not_zero(model):
    """Withholding a field differs from setting it to the value that looks like nothing."""
    conditions = tiny_conditions(1, len(model.channels))
    for name, value in (("gaze", 0.0), ("emotion", 0.0), ("distance", 1.0), ("audio", 0.0)):
        empty = replace(conditions, **{name: torch.full_like(getattr(conditions, name), value)})
        assert not torch.allclose(run(model, empty), run(model, empty.without(FIELDS.index(name))), atol=1e-6)


def test_one_sample_may_miss_what_another_has(model):
    conditions = tiny_conditions(2, len(model.channels))
    conditions.keep[1, PREVIOUS_MOTION] = False
    alone = replace(conditions, **{k: getattr(conditions, k)[1:] for k in (*FIELDS, "keep", "valid")})
    x = torch.randn(2, WINDOW, len(model.channels))
    t = torch.tensor([10, 900])
    both = model.denoiser(x, t, conditions)
    assert torch.allclose(both[1:], model.denoiser(x[1:], t[1:], alone), atol=1e-5)


def test_gradient_of_every_frame_reaches_every_previous_frame(model):
    conditions = tiny_conditions(1, len(model.channels))
    previous_motion = conditions.previous_motion.requires_grad_()
    previous_audio = conditions.previous_audio.requires_grad_()
    out = run(model, replace(conditions, previous_motion=previous_motion, previous_audio=previous_audio))
    for frame in (0, WINDOW - 1):
        gradients = torch.autograd.grad(out[0, frame].sum(), (previous_motion, previous_audio), retain_graph=True)
        for gradient in gradients:
            assert (gradient.abs().sum(-1) > 0).all()


def test_the_diffusion_step_conditions_every_token(model):
    conditions = tiny_conditions(1, len(model.channels))
    difference = (run(model, conditions, 100) - run(model, conditions, 800)).abs().amax(-1)
    assert (difference > 1e-4).all()


def test_audio_past_its_end_is_missing_and_not_heard(model):
    conditions = tiny_conditions(1, len(model.channels))
    valid = torch.arange(WINDOW)[None] < 20
    short = replace(conditions, valid=valid)
    noisy = replace(short, audio=torch.where(valid[..., None], short.audio, 99.0))
    assert torch.equal(run(model, short), run(model, noisy))
    assert not torch.allclose(run(model, short), run(model, conditions), atol=1e-5)


def test_previous_audio_can_be_withheld_alone(model):
    conditions = tiny_conditions(1, len(model.channels))
    assert not torch.allclose(run(model, conditions), run(model, conditions.without(PREVIOUS_AUDIO)), atol=1e-6)


def test_the_sound_can_be_fitted_at_once(model):
    """start_linear: the best linear fit, for the chosen channels only."""
    hearing = copy.deepcopy(tiny_model().denoiser.hearing)
    torch.nn.init.zeros_(hearing.last.weight)
    torch.nn.init.zeros_(hearing.last.bias)
    before, sound = hearing.plain.weight.clone(), torch.randn(1, 400, 5)
    chosen = torch.arange(len(before)) < 4
    motion = sound @ torch.randn(5, len(before)) + 0.3
    hearing.start_linear(sound[0], motion[0], chosen)
    assert torch.allclose(hearing(sound)[..., chosen], motion[..., chosen], atol=0.05)
    assert torch.equal(hearing.plain.weight[~chosen], before[~chosen])


def test_a_channel_of_loud_noise_hides_its_noisy_motion():
    """What x_t says of such a channel reaches the output only when the noise is all but gone."""
    model = tiny_model()
    conditions = tiny_conditions(1, len(model.channels))
    model.denoiser.noise[:] = 25.0
    x = torch.randn(1, WINDOW, len(model.channels))
    for t, hidden in ((700, True), (0, False)):
        time = torch.tensor([t])
        change = (model.denoiser(x, time, conditions) - model.denoiser(x + 0.5, time, conditions)).abs().max()
        assert (change < 0.02) == hidden
