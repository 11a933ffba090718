"""Where the motion stage's utterances come from: shards with cached features, and the encoder's idea of silence."""

import json

import numpy as np
import pytest
import torch

from vasa_core.audio.phonetic import PhoneticConfig, PhoneticEncoder
from vasa_core.errors import BadInput, WeightsError
from vasa_core.motion.channels import arkit_channels
from vasa_core.train.data import PROSODY, QUIET, SPAN, Drops, Performances, Utterance, load_utterances, silences
from vasa_core.train.speech import ARCHITECTURE, FEATURES_ARCHITECTURE
from vasa_core.weights import checkpoint

LENGTHS = torch.tensor([30, 50], dtype=torch.int32)


def write_shard(folder, name):
    frames = int(LENGTHS.sum())
    curves = torch.rand(2 * frames, 6).half()
    tensors = {
        "mel": torch.zeros(4 * frames, 80).half(),
        "curves": curves,
        "viseme": torch.zeros(2 * frames, dtype=torch.uint8),
        "prosody": torch.zeros(2 * frames, 3).half(),
        "lengths": LENGTHS,
    }
    checkpoint.save(folder / f"{name}.safetensors", tensors, ARCHITECTURE, utterances=json.dumps([{}, {}]))
    return curves


def write_features(folder, name):
    features = torch.randn(int(LENGTHS.sum()), 38).half()
    checkpoint.save(folder / f"{name}.features.safetensors", {"features": features}, FEATURES_ARCHITECTURE)
    return features


def test_utterances_pair_features_with_curves_at_the_motion_rate(tmp_path):
    corpus, cache = tmp_path / "corpus", tmp_path / "features"
    corpus.mkdir()
    cache.mkdir()
    curves, features = write_shard(corpus, "espeak"), write_features(cache, "espeak")
    write_shard(corpus, "human_held_out")  # for measuring only: not even its features are asked for
    first, second = load_utterances(corpus, cache)
    assert np.array_equal(first.mouth, curves[:60:2]) and np.array_equal(first.features, features[:30])
    assert np.array_equal(second.mouth, curves[60::2]) and np.array_equal(second.features, features[30:])


def test_missing_features_and_an_empty_corpus_are_said(tmp_path):
    with pytest.raises(BadInput, match="corpus"):
        load_utterances(tmp_path, tmp_path)
    write_shard(tmp_path, "espeak")
    with pytest.raises(WeightsError, match=r"espeak\.features"):
        load_utterances(tmp_path, tmp_path)


def test_silences_run_from_digital_to_loud_noise_with_a_shut_mouth():
    torch.manual_seed(0)
    encoder = PhoneticEncoder(PhoneticConfig(width=8, dilations=(1,))).eval()
    clips = silences(encoder, 25.0, seed=0)
    assert all(clip.silent and len(clip.features) == 750 for clip in clips)
    loudness = [clip.features[:, PROSODY][:, 0].mean() for clip in clips]
    assert loudness[0] < -1.5 and loudness[-1] > -0.5


def test_a_noisy_pause_is_quiet_to_the_performer():
    spoken = Utterance(np.ones((100, 38), np.float32), np.full((100, 6), 0.5, np.float32))
    noisy = Utterance(np.ones((100, 38), np.float32), np.zeros((100, 6), np.float32))
    data = Performances([spoken, noisy], arkit_channels(), 25.0, Drops(), seed=0)
    for number in range(4):
        _, mouth, prosody = data.stream(np.random.default_rng(number))
        assert mouth.shape == (SPAN, 6)
        silent = ~mouth.any(1)
        assert (prosody[silent] == QUIET).all() and (prosody[~silent] == 1).all()


def test_doubt_blurs_speech_and_leaves_silence_exact():
    spoken = Utterance(
        np.random.default_rng(0).random((100, 38)).astype(np.float32), np.full((100, 6), 0.5, np.float32)
    )
    quiet = Utterance(np.ones((100, 38), np.float32), np.zeros((100, 6), np.float32))
    data = Performances([spoken, quiet], arkit_channels(), 25.0, Drops(doubt=0.5, deaf=0.1), seed=0)
    sound, speech = np.ones((200, 60, 38), np.float32), np.arange(60) < 40
    data._doubt(np.random.default_rng(0), sound, np.tile(speech, (200, 1)))
    assert (sound[:, 40:] == 1).all() and (sound[..., PROSODY] == 1).all()
    heard = sound[:, :40, :35]
    assert abs((heard == 0).all(1).mean() - 0.1) < 0.02
    assert 0.1 < (heard[heard != 0] - 1).std() / data.deviation.mean() < 0.5
