"""HuBERT against the recorded outputs of the published network that JoyVASA hears with, and strict loading."""

import pytest
import torch

from tests.goldens import golden, golden_json, relative_error, rule_weights, weight_rule
from vasa_core.audio.hubert import hear_frames, hubert_from_tensors, pad_audio
from vasa_core.errors import WeightsError

NEW, OLD = ("parametrizations.weight.original0", "parametrizations.weight.original1"), ("weight_g", "weight_v")
POSITION = "encoder.pos_conv_embed.conv."


@pytest.fixture(scope="module")
def released():
    """The released JoyVASA tensors that concern hearing: HuBERT's, and the projection's under their own names."""
    return {key: value for key, value in rule_weights("joyvasa_motion_generator").items() if key.startswith("audio_")}


@pytest.fixture(scope="module")
def hubert(released):
    return hubert_from_tensors(inside(released), "the rule")


def inside(tensors):
    return {key.removeprefix("audio_encoder."): v for key, v in tensors.items() if key.startswith("audio_encoder.")}


def sound(samples=64000):
    return golden("joyvasa_audio")["wav"].float()[None, :samples]


@pytest.mark.parametrize("samples", [64000, 64001, 63999, 640, 6400, 64240, 64319])
def test_padding_is_the_published_one(samples):
    recorded, padded = golden("joyvasa_audio"), pad_audio(sound(samples))[0]
    assert len(padded) == recorded[f"pad_{samples}_len"]
    assert torch.equal(padded[:90], recorded[f"pad_{samples}_head"])
    assert torch.equal(padded[-90:], recorded[f"pad_{samples}_tail"])


def test_the_network_equals_the_published_one_layer_by_layer(hubert, released):
    """The recorded fingerprints name the first layer that differs. They were taken with the sound before it was
    rounded to half precision for the record, hence 1e-3."""
    recorded, known = golden_json("joyvasa_module_fingerprints")["joyvasa_audio"], golden("joyvasa_audio")
    seen, hooks = {}, []
    for name, module in hubert.named_modules():
        if f"audio_encoder.{name}" in recorded:
            told = f"audio_encoder.{name}"
            hooks.append(module.register_forward_hook(lambda _, __, out, told=told: seen.setdefault(told, out)))
    with torch.no_grad():
        states = hubert(pad_audio(sound()))
    for hook in hooks:
        hook.remove()
    compared = 0
    for name in (name for name in recorded if name in seen):  # in the order in which they ran
        if list(seen[name].shape) != recorded[name]["shape"]:
            continue  # the published norm of the projection, for one, hands out two tensors
        print_of = torch.tensor(weight_rule().fingerprint(seen[name].numpy(), 2))
        assert relative_error(print_of, torch.tensor(recorded[name]["fp"])) < 1e-3, f"{name} is the first that differs"
        compared += 1
    assert compared > 100
    conv = seen["audio_encoder.feature_extractor.conv_layers.6"]
    assert relative_error(conv[:, ::16, ::8], known["hubert_conv_sub"]) < 1e-5
    assert (
        relative_error(seen["audio_encoder.feature_projection.projection"][:, ::10, ::12], known["hubert_proj_sub"])
        < 1e-5
    )
    assert relative_error(states[-1][:, ::8, ::8], known["hubert_last_sub"]) < 1e-5


def test_frames_and_their_projection_equal_the_published_features(hubert, released):
    with torch.no_grad():
        heard = hear_frames(hubert, sound(), 100)  # (1, 100, 768)
    features = heard @ released["audio_feature_map.weight"].mT + released["audio_feature_map.bias"]
    assert relative_error(features, golden("joyvasa_audio")["audio_feat"]) < 1e-5


def test_wav2vec2_of_the_same_build_equals_the_published_one():
    network = hubert_from_tensors(rule_weights("wav2vec2_base_960h"), "the rule")
    with torch.no_grad():
        last = network(pad_audio(sound()))[-1]
    assert relative_error(last[:, ::8, ::8], golden("joyvasa_audio")["wav2vec2_last_sub"]) < 1e-5
    told = torch.tensor(weight_rule().fingerprint(last.numpy()))
    assert relative_error(told, golden("joyvasa_audio")["wav2vec2_last_fp"]) < 1e-5


def test_both_names_of_the_weight_norm_are_read(released, hubert):
    tensors = inside(released)
    for new, old in zip(NEW, OLD, strict=True):
        tensors[POSITION + old] = tensors.pop(POSITION + new)
    again = hubert_from_tensors(tensors, "the rule")
    ours, known = (network.encoder["pos_conv_embed"]["conv"].weight for network in (again, hubert))
    assert torch.equal(ours, known)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda t: t.pop("encoder.layers.3.layer_norm.bias"), "lacks encoder.layers.3.layer_norm.bias"),
        (lambda t: t.update({"extra": torch.zeros(1)}), "has unknown extra"),
        (lambda t: t.pop("feature_projection.projection.weight"), "holds no HuBERT"),
        (lambda t: t.pop(POSITION + NEW[0]), "holds no HuBERT"),
    ],
)
def test_loading_is_strict(released, change, told):
    tensors = inside(released)
    change(tensors)
    with pytest.raises(WeightsError, match=f"heard.pt {told}"):
        hubert_from_tensors(tensors, "heard.pt")
