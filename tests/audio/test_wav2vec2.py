"""Wav2Vec2: the numbers of `transformers` on random weights, loading, pieces, and the frame grid."""

import json

import pytest
import torch
from safetensors.torch import load_file, save_file

from vasa_core.audio import wav2vec2
from vasa_core.audio.wav2vec2 import features_from_encoder_output, load_wav2vec2
from vasa_core.errors import BadInput, WeightsError
from vasa_core.types import Audio

KINDS = {"base": ("group", False, False), "large": ("layer", True, True)}


def reference(folder, kind, prefixed=False):
    """A small random network of `transformers`, saved in Hugging Face's layout."""
    transformers = pytest.importorskip("transformers", reason="the parity test needs transformers, as ComfyUI has it")
    norm, bias, stable = KINDS[kind]
    config = transformers.Wav2Vec2Config(
        hidden_size=128,
        num_hidden_layers=3,
        num_attention_heads=2,
        intermediate_size=192,
        conv_dim=(64,) * 7,
        feat_extract_norm=norm,
        conv_bias=bias,
        do_stable_layer_norm=stable,
        num_conv_pos_embeddings=32,
        num_conv_pos_embedding_groups=4,
        attn_implementation="eager",
    )
    torch.manual_seed(0)
    model = (transformers.Wav2Vec2ForCTC if prefixed else transformers.Wav2Vec2Model)(config).eval()
    for parameter in model.parameters():  # also norms and biases, which start at ones and zeros
        parameter.data += 0.05 * torch.randn_like(parameter)
    model.save_pretrained(folder)
    return model


def noise(seconds, seed=0):
    return Audio(0.3 * torch.randn(int(16000 * seconds), generator=torch.Generator().manual_seed(seed)), 16000)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("prefixed", [False, True])
def test_same_numbers_as_transformers(tmp_path, kind, prefixed):
    model = reference(tmp_path, kind, prefixed)
    encoder = load_wav2vec2(tmp_path / "model.safetensors")
    samples = noise(1.3).samples[None]
    with torch.no_grad():
        told = (model.wav2vec2 if prefixed else model)(samples, output_hidden_states=True)
        expected = (*told.hidden_states[:-1], told.last_hidden_state)  # the last with the final norm
        states = encoder.network(samples)
    assert len(states) == len(expected) == 4
    for ours, theirs in zip(states, expected, strict=True):
        torch.testing.assert_close(ours, theirs, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("names", [("weight_g", "weight_v"), None])
def test_both_names_of_the_weight_norm(tmp_path, names):
    reference(tmp_path, "base")
    expected = load_wav2vec2(tmp_path / "model.safetensors").network(noise(0.5).samples[None])[-1]
    tensors = load_file(tmp_path / "model.safetensors")
    stem = "encoder.pos_conv_embed.conv."
    new = ("parametrizations.weight.original0", "parametrizations.weight.original1")
    for old, renamed in zip(new, names or new, strict=True):
        tensors = {stem + renamed if key == stem + old else key: value for key, value in tensors.items()}
    save_file(tensors, tmp_path / "model.safetensors")
    torch.testing.assert_close(
        load_wav2vec2(tmp_path / "model.safetensors").network(noise(0.5).samples[None])[-1], expected
    )


def test_shapes_tell_the_same_as_config_json(tmp_path):
    reference(tmp_path, "large")
    told = load_wav2vec2(tmp_path / "model.safetensors").network.config
    (tmp_path / "config.json").unlink()
    assert load_wav2vec2(tmp_path / "model.safetensors").network.config == told


def test_every_key_is_used(tmp_path):
    reference(tmp_path, "base")
    path = tmp_path / "model.safetensors"
    tensors = load_file(path)
    save_file({**tensors, "encoder.extra.weight": torch.zeros(1)}, path)
    with pytest.raises(WeightsError, match="has unknown encoder.extra.weight"):
        load_wav2vec2(path)
    save_file({k: v for k, v in tensors.items() if k != "encoder.layer_norm.bias"}, path)
    with pytest.raises(WeightsError, match="lacks encoder.layer_norm.bias"):
        load_wav2vec2(path)
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(WeightsError, match="truncated"):
        load_wav2vec2(path)
    save_file({"weight": torch.zeros(2)}, path)
    with pytest.raises(WeightsError, match="not a Wav2Vec2"):
        load_wav2vec2(path)


def test_a_foreign_config_is_refused(tmp_path):
    reference(tmp_path, "base")
    told = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps({**told, "num_hidden_layers": 24}))
    with pytest.raises(WeightsError, match="describes another network"):
        load_wav2vec2(tmp_path / "model.safetensors")


@pytest.mark.parametrize("seconds", [0.3, 1.0, 7.77])
@pytest.mark.parametrize("fps", [25, 29.97])
def test_length_and_name(tmp_path, seconds, fps):
    reference(tmp_path, "base")
    encoder = load_wav2vec2(tmp_path / "model.safetensors", layer=2)
    features = encoder(noise(seconds), frames=33, fps=fps)
    assert features.values.shape == (33, 128) and features.fps == fps
    assert features.encoder == "wav2vec2-128-layer2" and encoder.channels == 128
    assert load_wav2vec2(tmp_path / "model.safetensors").name == "wav2vec2-128"
    with pytest.raises(BadInput, match="does not exist"):
        load_wav2vec2(tmp_path / "model.safetensors", layer=4)


def test_pieces_join_without_a_seam(tmp_path, monkeypatch):
    """With norms per row, pieces see all that the convolutions see, and attention differs little over a margin."""
    reference(tmp_path, "large")
    encoder = load_wav2vec2(tmp_path / "model.safetensors", layer=0)  # before attention: exactly local
    whole = encoder(noise(6), frames=150, fps=25).values
    monkeypatch.setattr(wav2vec2, "PIECE", 75)
    monkeypatch.setattr(wav2vec2, "MARGIN", 20)
    pieces = encoder(noise(6), frames=150, fps=25).values
    torch.testing.assert_close(pieces, whole, atol=1e-4, rtol=1e-4)


def test_encoder_output_of_comfyui_gives_the_same_features(tmp_path):
    reference(tmp_path, "base")
    encoder = load_wav2vec2(tmp_path / "model.safetensors")
    audio = noise(2.0)
    features = encoder(audio, frames=50, fps=25)
    samples = audio.samples[None]
    normalised = (samples - samples.mean()) / (samples.var(correction=0) + 1e-7).sqrt()
    with torch.no_grad():
        layers = encoder.network(normalised)
    for encoded in (layers[-1], layers):
        native = features_from_encoder_output(encoded, audio.samples.shape[0], frames=50, fps=25)
        torch.testing.assert_close(native.values, features.values, atol=1e-5, rtol=1e-5)
        assert native.encoder == features.encoder
    assert features_from_encoder_output(layers, 32000, 50, 25, layer=1).encoder == "wav2vec2-128-layer1"
    with pytest.raises(BadInput, match=f"layers 0 to {len(layers) - 1}, no {len(layers)}"):
        features_from_encoder_output(layers, 32000, 50, 25, layer=len(layers))
    with pytest.raises(BadInput, match="one clip at a time"):
        features_from_encoder_output(torch.zeros(2, 49, 128), 16000, 25, 25)
