"""JoyVASA from the released file to Motion: the recorded runs, loading, chaining, smoothing, meaning of the numbers."""

import argparse
import pickle
from dataclasses import replace

import pytest
import torch

from tests.goldens import golden, relative_error
from tests.motion.joyvasa_kit import GENERATOR, TEMPLATE, RecordedNoise, tiny_template, tiny_tensors, write_released
from vasa_core.errors import BadInput, WeightsError
from vasa_core.geometry import rotation_from_pose
from vasa_core.keypoints import LIPS, LIVEPORTRAIT, neutral_expression
from vasa_core.motion.generate import Sampling, generate
from vasa_core.motion.joyvasa.checkpoint import convert
from vasa_core.motion.joyvasa.model import JoyVasaMotionModel, averaged, load_joyvasa, to_motion
from vasa_core.motion.joyvasa.options import JoyVasaOptions, window_starts
from vasa_core.motion.joyvasa.template import Generated
from vasa_core.motion.model import encoder_of, load_motion_model
from vasa_core.types import Audio, AudioFeatures, Controls

HEAD = {"scale": slice(0, 1), "t": slice(1, 4), "pitch": slice(4, 5), "yaw": slice(5, 6), "roll": slice(6, 7)}
AS_PUBLISHED = JoyVasaOptions("published", "released", "none")


def with_options(model, options):
    """The same weights, run otherwise."""
    hearing = model.hearing
    other = type(hearing)(hearing.network, hearing.channels, hearing.window, hearing.previous, options.chaining)
    other.project = hearing.project
    return JoyVasaMotionModel(model.denoiser, other, model.template, options).eval()


def features(frames, seed=0):
    values = torch.randn(frames, 32, generator=torch.Generator().manual_seed(seed))
    return AudioFeatures(values, 25.0, "joyvasa-hubert")


def run(model, frames, seed=0, controls=None, sampling=None, progress=None, sound=None):
    generator = torch.Generator().manual_seed(seed)
    asked = sampling or Sampling(steps=4)
    return generate(model, sound or features(frames), controls or Controls(), asked, generator, progress)


# The published runs -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("case", ["short", "exact", "long"])
def test_sound_to_motion_equals_the_published_run(joyvasa, case):
    """`long` has three windows; its head is then smoothed as published, too."""
    recorded, model = golden("joyvasa_run"), with_options(joyvasa, AS_PUBLISHED)
    samples, frames = (int(recorded[f"{case}_{name}"]) for name in ("len", "pe_released_n"))
    sound = Audio(golden("joyvasa_audio")["wav"].float()[:samples], 16000)
    values = model.sample(model.hearing(sound, frames), 50, 2.8, RecordedNoise("run"))
    made = model.template.restore(values)
    assert len(values) == frames
    compare(made, recorded, f"{case}_pe_released")
    angles = torch.deg2rad(made.head[:, 4:]) * torch.tensor((-1.0, -1.0, 1.0))
    assert relative_error(rotation_from_pose(angles).mT.flatten(1), recorded[f"{case}_pe_released_R"]) < 1e-4
    if case == "long":
        frozen = with_options(joyvasa, replace(AS_PUBLISHED, smoothing="published")).head_smoothed(made)
        compare(frozen, recorded, "long_pe_released_ema")


def compare(made, recorded, case):
    assert relative_error(made.expression[::3], recorded[f"{case}_exp"]) < 1e-4
    for name, part in HEAD.items():
        assert relative_error(made.head[:, part], recorded[f"{case}_{name}"]) < 1e-4, name


# Loading ------------------------------------------------------------------------------------------------------------


def test_the_released_file_is_a_motion_model_that_brings_its_encoder(joyvasa):
    assert joyvasa.space == LIVEPORTRAIT and joyvasa.fps == 25 and joyvasa.audio_channels == 256
    assert joyvasa.options == JoyVasaOptions("overlap", "released", "gentle")
    assert encoder_of(joyvasa) is joyvasa.hearing and encoder_of(joyvasa).channels == 256
    with pytest.raises(BadInput, match="brings its own"):
        encoder_of(joyvasa, "other.safetensors")


def test_conversion_to_safetensors_changes_nothing(tiny_joyvasa_file, tiny_joyvasa, tmp_path):
    for source in (tiny_joyvasa_file, tiny_joyvasa_file.with_name(TEMPLATE)):
        convert(source, tmp_path / f"{source.stem}.safetensors")
    again = load_motion_model(tmp_path / "motion_generator_hubert_chinese.safetensors", space=LIVEPORTRAIT)
    known, found = tiny_joyvasa.state_dict(), again.state_dict()
    assert known.keys() == found.keys() and all(torch.equal(known[key], found[key]) for key in known)


def test_the_template_may_lie_in_the_published_tree(tiny_joyvasa_file, tmp_path):
    for folder, name in (("motion_generator", GENERATOR), ("motion_template", TEMPLATE)):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / name).write_bytes(tiny_joyvasa_file.with_name(name).read_bytes())
    assert load_joyvasa(tmp_path / "motion_generator" / GENERATOR).audio_channels == 32
    (tmp_path / "motion_template" / TEMPLATE).unlink()
    with pytest.raises(WeightsError, match="motion_template.pkl is missing"):
        load_joyvasa(tmp_path / "motion_generator" / GENERATOR)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda t: t.pop("denoising_net.motion_dec.2.bias"), "lacks output.2.bias"),
        (lambda t: t.update(extra=torch.zeros(1)), "has unknown extra"),
        (lambda t: t.update({"denoising_net.extra": torch.zeros(1)}), "has unknown extra"),
        (lambda t: t.pop("denoising_net.transformer.layers.1.multihead_attn.in_proj_bias"), "in_proj_bias"),
        (lambda t: t.update({"denoising_net.transformer.layers.0.multihead_attn.q": torch.zeros(1)}), "unknown q"),
        (lambda t: t["diffusion_sched.betas"].mul_(0.9), "another diffusion_sched.betas"),
        (lambda t: t["denoising_net.alignment_mask"].logical_not_(), "another denoising_net.alignment_mask"),
        (lambda t: t["denoising_net.PE.pe"].mul_(0.9), "another denoising_net.PE.pe"),
        (lambda t: t.pop("audio_encoder.encoder.layer_norm.bias"), "lacks encoder.layer_norm.bias"),
        (lambda t: t.pop("start_motion_feat"), "is no JoyVASA motion generator"),
    ],
)
def test_every_tensor_must_be_there_and_known(tmp_path, change, told):
    tensors = tiny_tensors()
    change(tensors)
    with pytest.raises(WeightsError, match=told):
        load_joyvasa(write_released(tmp_path, tensors, tiny_template()))


def test_the_step_table_may_be_missing_or_longer(tmp_path):
    tensors = tiny_tensors()
    del tensors["denoising_net.TE.pe"]
    assert load_joyvasa(write_released(tmp_path, tensors, tiny_template())).denoiser.sizes.steps == 10


def test_a_file_with_other_heads_or_other_types_is_refused(tmp_path):
    path = write_released(tmp_path, tiny_tensors(), tiny_template())
    content = {"args": argparse.Namespace(n_heads=4), "model": tiny_tensors()}
    torch.save(content, path)
    with pytest.raises(WeightsError, match="n_heads 4"):
        load_joyvasa(path)
    torch.save({"args": torch.nn.Linear(1, 1), "model": tiny_tensors()}, path)
    with pytest.raises(WeightsError, match="damaged or not a weights file"):
        load_joyvasa(path)


@pytest.mark.parametrize(
    "change",
    [
        lambda t: t.pop("std_exp"),
        lambda t: t.update(mean_exp=t["mean_exp"][:60]),
        lambda t: t.update(max_t="three"),
        lambda t: t["min_yaw"].fill(float("nan")),
    ],
)
def test_a_template_that_does_not_fit_is_refused(tiny_joyvasa_file, tmp_path, change):
    template = tiny_template()
    change(template)
    (tmp_path / TEMPLATE).write_bytes(pickle.dumps(template))
    with pytest.raises(WeightsError, match="motion_template.pkl"):
        load_joyvasa(tiny_joyvasa_file, template=tmp_path / TEMPLATE)


def test_options_that_are_not_there_are_refused():
    with pytest.raises(BadInput, match="chaining is 'twice'; it must be one of overlap, published"):
        JoyVasaOptions(chaining="twice")


# Generating ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("frames", [1, 39, 40, 41, 137])
@pytest.mark.parametrize("chaining", ["overlap", "published"])
def test_one_frame_of_motion_per_frame_of_features(tiny_joyvasa, frames, chaining):
    motion = run(with_options(tiny_joyvasa, JoyVasaOptions(chaining)), frames)
    assert len(motion) == frames and motion.space == LIVEPORTRAIT and torch.isfinite(motion.joined()).all()
    assert torch.allclose(motion.pose[0], torch.zeros(6), atol=1e-6)  # counts from its own first frame


def test_a_seed_gives_one_motion_and_another_seed_another(tiny_joyvasa):
    assert torch.equal(run(tiny_joyvasa, 60, seed=3).joined(), run(tiny_joyvasa, 60, seed=3).joined())
    assert not torch.allclose(run(tiny_joyvasa, 60, seed=3).pose, run(tiny_joyvasa, 60, seed=4).pose, atol=1e-3)


def test_the_model_has_its_own_defaults_and_refuses_more_steps_than_it_has(tiny_joyvasa):
    assert tiny_joyvasa.sampling == Sampling(50, 1.8, 0.0)
    seen = []
    run(tiny_joyvasa, 10, sampling=Sampling(steps=3), progress=lambda done, total: seen.append((done, total)))
    assert seen == [(k, 3) for k in range(4)]
    with pytest.raises(BadInput, match="at most 10 steps, not 50"):
        run(tiny_joyvasa, 10, sampling=Sampling())


def test_progress_covers_all_windows(tiny_joyvasa):
    seen = []
    run(tiny_joyvasa, 100, progress=lambda done, total: seen.append((done, total)))
    assert seen == [(k, 12) for k in range(13)]


def test_windows_overlap_by_ten_frames_or_follow_one_another():
    assert window_starts(220, "overlap", 100, 10) == [0, 90, 180]
    assert window_starts(190, "overlap", 100, 10) == [0, 90]
    assert window_starts(220, "published", 100, 10) == [0, 100, 200]
    assert window_starts(1, "overlap", 100, 10) == window_starts(100, "published", 100, 10) == [0]


def test_a_window_continues_the_ten_frames_before_it(tiny_joyvasa):
    """Other sound in the first window, before those ten frames, changes the second window, through its motion."""
    changed = features(80).values.clone()
    changed[:15] += 1.0
    a, b = run(tiny_joyvasa, 80), run(tiny_joyvasa, 80, sound=AudioFeatures(changed, 25.0, "joyvasa-hubert"))
    assert not torch.allclose(a[45:].dynamics, b[45:].dynamics, atol=1e-6)


def test_where_windows_overlap_one_fades_into_the_next(tiny_joyvasa):
    """With the noise at 0 the two windows differ; ten frames lead from the first to the second."""
    model = with_options(tiny_joyvasa, JoyVasaOptions(smoothing="none"))
    sound = features(70)

    def silence():
        return torch.zeros(40, 73)

    whole = model.sample(sound, 4, 2.8, silence)
    first = model.sample(AudioFeatures(sound.values[:40], 25.0, ""), 4, 2.8, silence)
    assert torch.equal(whole[:30], first[:30])
    share = torch.arange(1, 11)[:, None] / 11
    second = first[30:40] + (whole[30:40] - first[30:40]) / share  # what the second window made of these frames
    assert (second - first[30:40]).abs().max() > 1e-3
    assert torch.allclose(torch.lerp(first[30:40], second, share), whole[30:40], atol=1e-5)
    assert (whole[30] - first[30]).abs().max() < 0.2 * (second[0] - first[30]).abs().max()


def test_the_silence_after_the_end_fills_the_last_window(tiny_joyvasa):
    sound = features(30)
    told = replace(sound, tail=torch.randn(10, 32, generator=torch.Generator().manual_seed(9)))
    longer = AudioFeatures(torch.cat([sound.values, told.tail]), 25.0, "joyvasa-hubert")
    a, b = run(tiny_joyvasa, 30, sound=told), run(tiny_joyvasa, 40, sound=longer)
    assert torch.allclose(a.dynamics, b.dynamics[:30], atol=1e-6)
    assert not torch.allclose(a.dynamics, run(tiny_joyvasa, 30, sound=sound).dynamics, atol=1e-4)


# What the numbers mean ----------------------------------------------------------------------------------------------


def made(frames=60, seed=0):
    g = torch.Generator().manual_seed(seed)
    head = torch.randn(frames, 7, generator=g) * torch.tensor([0.05, 0.1, 0.1, 0.1, 8.0, 8.0, 8.0])
    head[:, 0] += 1.5
    return Generated(0.01 * torch.randn(frames, 63, generator=g), head)


def test_lips_are_taken_as_generated_and_the_rest_counts_from_the_first_frame():
    source = made()
    dynamics = to_motion(source).dynamics.unflatten(1, (21, 3))
    expression = source.expression.unflatten(1, (21, 3))
    for point in range(21):
        base = neutral_expression()[point] if point in LIPS else expression[0, point]
        assert torch.allclose(dynamics[:, point] + base, expression[:, point], atol=1e-7)


def test_the_head_counts_from_the_first_frame():
    source = made()
    motion, head = to_motion(source), source.head
    angles = torch.deg2rad(head[:, 4:]) * torch.tensor((-1.0, -1.0, 1.0))
    rotations = rotation_from_pose(angles)
    assert torch.allclose(rotations[0] @ rotation_from_pose(motion.pose), rotations, atol=1e-5)
    assert torch.allclose(motion.pose[:, 3:5], head[:, 1:3] - head[0, 1:3])
    assert torch.allclose(motion.pose[:, 5].exp() * head[0, 0], head[:, 0])


def test_signs_of_the_head_are_the_viewers():
    """LivePortrait's positive yaw turns x towards -z: the face, which looks along -z, turns to the viewer's left."""
    head = torch.zeros(4, 7)
    head[:, 0] = 1.0
    head[1, 4], head[2, 5], head[3, 6] = 10.0, 10.0, 10.0
    pose = torch.rad2deg(to_motion(Generated(torch.zeros(4, 63), head)).pose[:, :3])
    assert torch.allclose(pose[1:], torch.diag(torch.tensor([-10.0, -10.0, 10.0])), atol=1e-4)


def test_our_smoothing_keeps_the_head_moving_without_delay_and_the_published_one_freezes_it(tiny_joyvasa):
    times = torch.arange(200) / 25
    head = torch.zeros(200, 7)
    head[:, 5] = 8 * torch.sin(2 * torch.pi * 0.7 * times)  # a turn of 8 degrees, 0.7 times a second
    source = Generated(torch.zeros(200, 63), head)
    gentle, published, none = (
        with_options(tiny_joyvasa, JoyVasaOptions(smoothing=kind)).head_smoothed(source).head[25:-25, 5]
        for kind in ("gentle", "published", "none")
    )
    assert torch.equal(none, head[25:-25, 5])
    assert (gentle - none).abs().max() < 0.05 * 8  # nothing is lost, nothing comes late
    assert published.abs().max() < 0.2 * 8
    assert torch.allclose(averaged(head, 1.0), head)


def test_half_precision_of_the_denoiser_gives_nearly_the_same_motion(tiny_joyvasa_file):
    whole, half = load_joyvasa(tiny_joyvasa_file), load_joyvasa(tiny_joyvasa_file)
    half.denoiser.to(torch.bfloat16)
    a, b = run(whole, 60), run(half, 60)
    assert b.dynamics.dtype == torch.float32 and torch.isfinite(b.joined()).all()
    assert (a.dynamics - b.dynamics).std() < 0.2 * a.dynamics.std()
