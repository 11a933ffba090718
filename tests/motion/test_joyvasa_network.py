"""JoyVASA's denoiser and sampler against the recorded outputs of the published code, and the baseline likewise."""

import pytest
import torch

from benchmarks.joyvasa_eager import load_eager
from tests.goldens import golden, golden_json, relative_error, rule_data, weight_rule
from tests.motion.joyvasa_kit import RecordedNoise
from vasa_core.motion.joyvasa.checkpoint import read_released
from vasa_core.motion.joyvasa.diffusion import posterior, sample, sampling_steps, schedule
from vasa_core.motion.joyvasa.network import JoyVasaDenoiser

RECORDED = {"released": "pe_released", "ordered": "pe_head"}


@pytest.fixture(scope="module")
def denoisers(joyvasa):
    released = joyvasa.denoiser
    ordered = JoyVasaDenoiser(released.sizes, "ordered").eval()
    ordered.load_state_dict(released.state_dict())
    return {"released": released, "ordered": ordered}


def inputs():
    """Motion, audio, previous motion, previous audio and steps of the recorded single call."""
    return (
        rule_data("input/motion", (2, 100, 73)),
        rule_data("input/audio_feat", (2, 100, 256), 0.7),
        rule_data("input/prev_motion", (2, 10, 73), 0.8),
        rule_data("input/prev_audio", (2, 10, 256), 0.7),
        torch.tensor([50, 7]),
    )


def prepared(denoiser, branches):
    """The first window on the recorded audio: 'null' and 'audio' are branches of guidance."""
    audio = golden("joyvasa_audio")["audio_feat"]
    rows = {"null": denoiser.no_audio.expand_as(audio), "audio": audio}
    with torch.no_grad():
        return denoiser.prepare(
            denoiser.start_motion, denoiser.start_audio, torch.cat([rows[branch] for branch in branches])
        )


@pytest.mark.parametrize("rule", RECORDED)
def test_the_denoiser_equals_the_published_one_layer_by_layer(denoisers, rule):
    """The recorded fingerprints (mean, deviation, largest, two projections) name the first layer that differs."""
    denoiser, seen = denoisers[rule], {}
    watched = {"feature_proj": denoiser.embed, "diff_step_map": denoiser.step, "motion_dec": denoiser.output}
    for k, layer in enumerate(denoiser.layers):
        names = {"dropout1": layer.mix, "norm1": layer.norm1, "dropout2": layer.listen, "norm2": layer.norm2}
        names |= {"linear1": layer.widen, "linear2": layer.narrow, "norm3": layer.norm3}
        watched |= {f"transformer.layers.{k}.{name}": module for name, module in names.items()}
    hooks = [
        module.register_forward_hook(lambda _, __, output, name=name: seen.setdefault(name, output))
        for name, module in watched.items()
    ]
    with torch.no_grad():
        ours = denoiser(*inputs())
    for hook in hooks:
        hook.remove()
    recorded = golden_json("joyvasa_module_fingerprints")[f"joyvasa_denoiser_{RECORDED[rule]}"]
    for name in (name for name in recorded if name in seen):  # in the order in which they ran
        print_of = torch.tensor(weight_rule().fingerprint(seen[name].numpy(), 2))
        expected = torch.tensor(recorded[name]["fp"])
        assert list(seen[name].shape) == recorded[name]["shape"], name
        assert torch.allclose(print_of, expected, rtol=1e-4, atol=1e-4), f"{name} is the first layer that differs"
    assert len(seen) == len(watched)
    assert relative_error(ours, golden("joyvasa_denoiser")[f"denoise_{RECORDED[rule]}"]) < 1e-5


def test_the_two_rules_of_places_differ(denoisers):
    recorded = golden("joyvasa_denoiser")
    with torch.no_grad():
        assert relative_error(denoisers["ordered"](*inputs()), recorded["denoise_pe_released"]) > 0.05


def test_one_step_is_the_published_call_with_what_repeats_taken_out(denoisers):
    """`denoise` shares work between branches and leaves the previous frames' results out; the numbers stay."""
    denoiser = denoisers["ordered"]
    motion, audio, previous_motion, previous_audio, _ = inputs()
    step = torch.tensor([17, 17])
    with torch.no_grad():
        plain = denoiser(
            motion[:1].expand(2, -1, -1), audio, previous_motion[:1].expand(2, -1, -1),
            previous_audio[:1].expand(2, -1, -1), step,
        )  # fmt: skip
        ready = denoiser.prepare(previous_motion[0], previous_audio[0], audio)
        ours = denoiser.denoise(motion[0], denoiser.places() + denoiser.step_codes(step[:1]), ready)
    assert relative_error(ours, plain[:, 10:]) < 1e-5


@pytest.mark.parametrize("rule", RECORDED)
def test_sampling_takes_the_published_course(denoisers, rule):
    recorded, noise, course = golden("joyvasa_denoiser"), RecordedNoise("w0"), {}
    ready = prepared(denoisers[rule], ("null", "audio"))
    made = sample(denoisers[rule], ready, noise(), noise, 50, 2.8, lambda k, x: course.__setitem__(50 - k, x))
    for step in (49, 40, 25, 10, 1):
        known = recorded[f"traj_{RECORDED[rule]}_{step}_sub"][0]
        assert relative_error(course[step][::5, ::3], known) < 1e-4, f"step {step}"
    assert relative_error(made, recorded[f"sample_{RECORDED[rule]}"][0]) < 1e-4
    assert noise.drawn == 50


def test_sampling_without_guidance_and_with_guidance_of_1(denoisers):
    """Both are the branch with audio alone, which is all that is computed."""
    noise, recorded = RecordedNoise("w0"), golden("joyvasa_denoiser")
    made = sample(denoisers["released"], prepared(denoisers["released"], ("audio",)), noise(), noise, 50, 1.0)
    assert relative_error(made[::4], recorded["sample_nocfg"][0]) < 1e-4
    assert relative_error(made[::4], recorded["sample_cfg1"][0]) < 1e-4


@pytest.mark.parametrize(
    ("name", "options"), [("dynthr", {"threshold": (0.99, 1.0, 4.0)}), ("flex1", {"flexibility": 1.0})]
)
def test_the_published_options_of_sampling(denoisers, name, options):
    noise = RecordedNoise("w0")
    ready = prepared(denoisers["released"], ("null", "audio"))
    made = sample(denoisers["released"], ready, noise(), noise, 50, 2.8, **options)
    assert relative_error(made[::4], golden("joyvasa_denoiser")[f"sample_{name}"][0]) < 1e-4


def test_the_schedule_is_the_published_one():
    recorded, powers = golden("joyvasa_denoiser"), schedule(50)
    assert relative_error(powers, recorded["sched_alpha_bars"]) < 1e-5
    alphas = powers[1:] / powers[:-1]
    assert relative_error(alphas, recorded["sched_alphas"][1:]) < 1e-5
    deviations = torch.tensor([posterior(float(powers[t]), float(powers[t - 1]))[2] for t in range(1, 51)])
    assert relative_error(deviations, recorded["sched_sigmas_inflex"][1:]) < 1e-5
    assert relative_error((1 - alphas).sqrt(), recorded["sched_sigmas_flex"][1:]) < 1e-5


@pytest.mark.parametrize("count", [1, 2, 7, 25, 49, 50])
def test_fewer_steps_start_at_noise_end_clean_and_keep_the_process(count):
    """Steps between are left out; the weights of the posterior keep the variance of the process at every step."""
    steps, powers = sampling_steps(count, 50), schedule(50).tolist()
    assert len(steps) == count == len(set(steps)) and steps[0] == 50 and steps == sorted(steps, reverse=True)
    assert count == 1 or steps[-1] == 1
    for now, following in zip(steps, steps[1:], strict=False):
        of_clean, of_noisy, deviation = posterior(powers[now], powers[following])
        mean = of_clean + of_noisy * powers[now] ** 0.5
        variance = of_noisy**2 * (1 - powers[now]) + deviation**2
        assert mean == pytest.approx(powers[following] ** 0.5) and variance == pytest.approx(1 - powers[following])


def test_a_step_may_end_the_run(denoisers):
    def stop(step, _):
        if step == 2:
            raise KeyboardInterrupt

    noise = RecordedNoise("w0")
    with pytest.raises(KeyboardInterrupt):
        sample(denoisers["released"], prepared(denoisers["released"], ("audio",)), noise(), noise, 50, 1.0, stop)


def test_the_baseline_of_the_benchmark_is_the_published_graph(joyvasa_file):
    with torch.no_grad():
        made = load_eager(read_released(joyvasa_file))(*inputs())
    assert relative_error(made, golden("joyvasa_denoiser")["denoise_pe_released"]) < 1e-5
