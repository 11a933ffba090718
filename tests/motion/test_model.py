import pytest
import torch

from tests.motion.motion_kit import TINY, features, tiny_model
from vasa_core.arkit import ARKIT
from vasa_core.audio import load_audio_encoder, weights_of
from vasa_core.errors import WeightsError
from vasa_core.motion.channels import arkit_channels, plain_channels
from vasa_core.motion.generate import Sampling, generate
from vasa_core.motion.model import ARCHITECTURE, MotionModel, encoder_of, load_motion_model, save_motion_model
from vasa_core.types import Controls, MotionSpace
from vasa_core.weights import checkpoint


def sample(model):
    return generate(model, features(60), Controls(), Sampling(steps=2), torch.Generator().manual_seed(0)).joined()


def test_a_saved_model_is_the_same_model(tmp_path):
    model = tiny_model()
    model.channels.scale.uniform_(0.5, 1.5)
    save_motion_model(tmp_path / "m.safetensors", model)
    loaded = load_motion_model(tmp_path / "m.safetensors")
    assert torch.equal(sample(model), sample(loaded))
    assert (loaded.space, loaded.encoder, loaded.preset, loaded.fps) == (ARKIT, "toy", TINY, 25.0)


def test_half_precision_files_are_smaller_and_load_as_single(tmp_path):
    model = tiny_model()
    save_motion_model(tmp_path / "whole.safetensors", model)
    save_motion_model(tmp_path / "half.safetensors", model, half=True)
    loaded = load_motion_model(tmp_path / "half.safetensors")
    assert {p.dtype for p in loaded.parameters()} == {torch.float32}
    assert (tmp_path / "half.safetensors").stat().st_size < 0.7 * (tmp_path / "whole.safetensors").stat().st_size
    assert checkpoint.load(tmp_path / "half.safetensors", ARCHITECTURE)[1]["precision"] == "float16"


def test_other_spaces_have_models_too(tmp_path):
    space = MotionSpace("other", 9)
    save_motion_model(tmp_path / "m.safetensors", MotionModel(space, "wav2vec2", 12, TINY))
    assert load_motion_model(tmp_path / "m.safetensors", space=space, encoder="wav2vec2").space == space
    with pytest.raises(WeightsError, match="other"):
        load_motion_model(tmp_path / "m.safetensors", space=ARKIT)
    with pytest.raises(WeightsError, match="wav2vec2"):
        load_motion_model(tmp_path / "m.safetensors", encoder="phonetic")


def test_an_encoder_of_other_weights_than_in_training_is_refused(tmp_path):
    right = weights_of(load_audio_encoder("phonetic"))
    for weights in ("", right, "0123abcd"):
        save_motion_model(tmp_path / "m.safetensors", MotionModel(ARKIT, "phonetic", 38, TINY, encoder_weights=weights))
        model = load_motion_model(tmp_path / "m.safetensors")
        assert model.encoder_weights == weights
        if weights == "0123abcd":
            with pytest.raises(WeightsError, match=f"'phonetic' heard with the weights 0123abcd, not with.*{right}"):
                encoder_of(model)
        else:
            assert encoder_of(model).channels == 38


@pytest.mark.parametrize("channels", [arkit_channels(), plain_channels(ARKIT)])
def test_a_file_brings_the_channels_that_its_model_was_trained_with(tmp_path, channels):
    model = MotionModel(ARKIT, "toy", 5, TINY, channels=channels)
    save_motion_model(tmp_path / "m.safetensors", model)
    loaded = load_motion_model(tmp_path / "m.safetensors").channels
    assert loaded.names == channels.names and torch.equal(loaded.to_motion, channels.to_motion)
    assert (loaded.restore(torch.full((len(loaded),), 9.0))[6:] <= 1).all()


def test_damaged_and_foreign_files_are_refused(tmp_path):
    path = tmp_path / "m.safetensors"
    with pytest.raises(WeightsError, match="missing"):
        load_motion_model(path)
    save_motion_model(path, tiny_model())
    tensors, header = checkpoint.load(path, ARCHITECTURE)
    torn = tmp_path / "torn.safetensors"
    torn.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(WeightsError, match="truncated"):
        load_motion_model(torn)
    for key in ("architecture", "sha256"):
        header.pop(key)
    checkpoint.save(path, tensors, "something-else", **header)
    with pytest.raises(WeightsError, match="something-else"):
        load_motion_model(path)
    checkpoint.save(path, tensors, ARCHITECTURE)
    with pytest.raises(WeightsError, match="header"):
        load_motion_model(path)
    checkpoint.save(path, tensors, ARCHITECTURE, **{**header, "window": "25"})
    with pytest.raises(WeightsError, match="windows"):
        load_motion_model(path)
    short = {k: v for k, v in tensors.items() if not k.endswith("embed.bias")}
    checkpoint.save(path, short, ARCHITECTURE, **header)
    with pytest.raises(WeightsError, match="embed.bias"):
        load_motion_model(path)
