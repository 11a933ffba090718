import pytest
import torch

from tests.motion.motion_kit import features, tiny_model
from vasa_core.arkit import INDEX
from vasa_core.errors import BadInput
from vasa_core.motion.channels import SPOKEN
from vasa_core.motion.conditions import AUDIO, GAZE, PREVIOUS, WINDOW
from vasa_core.motion.generate import Sampling, generate, generate_windows, guidance_scales
from vasa_core.types import AudioFeatures, Controls, Curve

FEW = Sampling(steps=3)


@pytest.fixture(scope="module")
def model():
    return tiny_model()


def run(model, frames, seed=0, controls=None, sampling=FEW, progress=None, sound=None):
    g = torch.Generator().manual_seed(seed)
    return generate(model, sound or features(frames), controls or Controls(), sampling, g, progress)


@pytest.mark.parametrize("frames", [1, 49, 50, 51, 137])
def test_one_frame_of_motion_per_frame_of_features(model, frames):
    motion = run(model, frames)
    assert len(motion) == frames and motion.fps == 25.0 and motion.space == model.space
    assert torch.isfinite(motion.joined()).all()


def test_a_seed_gives_one_motion_and_another_seed_another(model):
    assert torch.equal(run(model, 120, seed=3).joined(), run(model, 120, seed=3).joined())
    assert not torch.allclose(run(model, 120, seed=3).pose, run(model, 120, seed=4).pose, atol=1e-3)


def test_whole_windows_do_not_depend_on_what_comes_after(model):
    long, short = run(model, 150), run(model, 100, sound=AudioFeatures(features(150).values[:100], 25.0, "toy"))
    assert torch.allclose(long[:100].joined(), short.joined(), atol=1e-6)


def test_windows_come_as_they_are_made(model):
    g = torch.Generator().manual_seed(0)
    parts = list(generate_windows(model, features(120), Controls(), FEW, g))
    assert [len(p) for p in parts] == [50, 50, 20]
    assert torch.equal(torch.cat(parts), run(model, 120).joined())


def test_a_window_continues_the_last_frames_of_the_one_before(model):
    """Other sound in the first window, before its last ten frames, changes the second window, through its motion."""
    changed = features(100).values.clone()
    changed[: WINDOW - PREVIOUS] += 1.0
    a, b = run(model, 100), run(model, 100, sound=AudioFeatures(changed, 25.0, "toy"))
    assert not torch.allclose(a[50:].joined(), b[50:].joined(), atol=1e-6)


def test_the_global_random_state_plays_no_part(model):
    torch.manual_seed(1)
    a = run(model, 60)
    state = torch.get_rng_state()
    b = run(model, 60)
    assert torch.equal(a.joined(), b.joined()) and torch.equal(torch.get_rng_state(), state)


def test_neutral_controls_are_no_controls(model):
    neutral = Controls(gaze=Curve.constant(0.0, 0.0), distance=Curve.constant(1.0))
    assert torch.equal(run(model, 60).joined(), run(model, 60, controls=neutral).joined())


def test_a_constant_and_a_flat_curve_agree(model):
    flat = Curve(torch.tensor([0.0, 1.0, 2.0]), torch.tensor([[0.2, 0.1]] * 3), "smooth")
    constant = Controls(gaze=Curve.constant(0.2, 0.1))
    assert torch.allclose(
        run(model, 60, controls=Controls(gaze=flat)).joined(), run(model, 60, controls=constant).joined(), atol=1e-6
    )


def test_controls_change_the_motion_from_their_time_on(model):
    late = Curve(torch.tensor([0.0, 2.0]), torch.tensor([[1.0], [1.3]]), "step")
    a, b = run(model, 100), run(model, 100, controls=Controls(distance=late))
    assert torch.equal(a[:50].joined(), b[:50].joined())
    assert not torch.allclose(a[50:].joined(), b[50:].joined(), atol=1e-5)


def test_progress_counts_every_step_and_may_interrupt(model):
    seen = []
    run(model, 101, progress=lambda done, total: seen.append((done, total)))
    assert seen == [(k, 9) for k in range(10)]

    class Cancelled(Exception):
        pass

    def cancel(done, total):
        if done == 4:
            raise Cancelled

    with pytest.raises(Cancelled):
        run(model, 101, progress=cancel)


@pytest.mark.parametrize(
    "sound",
    [
        AudioFeatures(torch.zeros(0, 5), 25.0, "toy"),
        AudioFeatures(torch.zeros(9, 4), 25.0, "toy"),
        AudioFeatures(torch.zeros(9, 5), 30.0, "toy"),
        AudioFeatures(torch.zeros(9, 5), 25.0, "wav2vec2"),
    ],
)
def test_features_that_do_not_fit_are_refused(model, sound):
    with pytest.raises(BadInput):
        run(model, 9, sound=sound)


@pytest.mark.parametrize("options", [{"steps": 0}, {"steps": 1001}, {"cfg_audio": -0.1}, {"cfg_gaze": float("nan")}])
def test_impossible_sampling_is_refused(options):
    with pytest.raises(BadInput):
        Sampling(**options)


def test_gaze_is_shortened_by_what_guidance_lengthens(model, monkeypatch):
    """(1 + s) H(g / (1 + s)) - s H() aims at g where the null aims at 0."""
    seen = []
    original = model.denoiser.forward
    monkeypatch.setattr(model.denoiser, "forward", lambda x, t, c: seen.append(c.gaze) or original(x, t, c))
    for scale in (0.0, 1.0):
        run(model, 10, controls=Controls(gaze=Curve.constant(0.2, -0.1)), sampling=Sampling(1, 0.0, scale))
    assert torch.allclose(seen[0][0, 0], torch.tensor([0.2, -0.1])) and torch.allclose(2 * seen[1][0], seen[0][0])


def spoken_of(model):
    return torch.tensor([name in SPOKEN for name in model.channels.names])


def test_what_noise_hides_is_guided_only_beyond_the_default():
    model = tiny_model()
    assert (guidance_scales(model, Sampling(1, 0.5, 1.0))[AUDIO] == 0.5).all()
    spoken = spoken_of(model)
    model.denoiser.noise[spoken] = 400.0
    for asked, lips in ((0.0, 0.0), (0.5, 0.0), (1.5, 1.0)):
        scales = guidance_scales(model, Sampling(1, asked, 1.0))
        assert (scales[AUDIO][spoken] == lips).all() and (scales[AUDIO][~spoken] == asked).all()
        assert (scales[GAZE][spoken] == 0).all() and (scales[GAZE][~spoken] == 1).all()


def test_hidden_lips_are_the_same_for_two_seeds():
    """With noise that hides them to the last step, lips follow from the sound; heads do not."""
    model = tiny_model()
    model.denoiser.noise[spoken_of(model)] = 1e4
    with torch.no_grad():
        model.denoiser.embed.weight[:, : len(model.channels)] = 0  # the rest of the motion does not tell either
        model.denoiser.seeing.first.weight.zero_()
        model.denoiser.seeing.plain.weight.zero_()
    a, b = (run(model, 50, seed=seed) for seed in (0, 1))
    assert torch.allclose(a.dynamics[:, INDEX["jawOpen"]], b.dynamics[:, INDEX["jawOpen"]], atol=1e-3)
    assert not torch.allclose(a.pose, b.pose, atol=1e-2)


def test_the_motion_so_far_is_shown_after_every_window(model):
    seen = []
    made = generate(model, features(120), Controls(), FEW, torch.Generator().manual_seed(3), show=seen.append)
    assert [len(motion) for motion in seen] == [50, 100, 120]
    for motion in seen:
        assert motion.pose.equal(made.pose[: len(motion)])
