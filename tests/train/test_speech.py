"""The corpus: a folder of labelled speech becomes shards whose parts are of one length and lie in time together."""

import json
import wave

import numpy as np
import pytest
import torch

from vasa_core.audio.phonetic import VISEMES, PhoneticConfig, PhoneticEncoder
from vasa_core.errors import BadInput
from vasa_core.train import speech
from vasa_core.types import Audio


@pytest.fixture
def recordings(tmp_path):
    """Two speakers, one of them held out by the rule; a tone for 'aa', noise for 's', silence between."""
    folder = tmp_path / "recordings"
    folder.mkdir()
    names = [f"speaker{i}" for i in range(20)]
    training = next(n for n in names if not speech.is_held_out(n))
    held_out = next(n for n in names if speech.is_held_out(n))
    random = np.random.default_rng(0)
    time = np.arange(48000) / 16000
    sound = 0.3 * np.sin(2 * np.pi * 200 * time) * ((time > 0.5) & (time < 1.2))
    sound += 0.1 * random.standard_normal(48000) * ((time > 1.8) & (time < 2.4))
    phones = [["SIL", 0, 0.5], ["AA", 0.5, 1.2], ["SIL", 1.2, 1.8], ["S", 1.8, 2.4], ["SIL", 2.4, 3.0]]
    for speaker in (training, held_out):
        with wave.open(str(folder / f"{speaker}.wav"), "wb") as file:
            file.setnchannels(1), file.setsampwidth(2), file.setframerate(16000)
            file.writeframes((sound * 32767).astype(np.int16).tobytes())
    labels = {f"{s}.wav": {"speaker": s, "phones": phones} for s in (training, held_out)}
    (folder / "labels.json").write_text(json.dumps(labels))
    return folder, training, held_out


def build(tmp_path, recordings, monkeypatch, copies=3):
    """The human shards alone: no synthesiser is needed."""
    whole = speech._sources
    monkeypatch.setattr(speech, "_sources", lambda c, r: (s for s in whole(c, r) if s[0].startswith("human")))
    speech.build_corpus(tmp_path / "corpus", speech.SpeechConfig(human_copies=copies), recordings)
    return tmp_path / "corpus"


def test_speakers_are_never_mixed(recordings):
    folder, training, held_out = recordings
    assert [training in u.voice for u in speech.labelled_folder(folder, held_out=False)] == [True]
    assert [held_out in u.voice for u in speech.labelled_folder(folder, held_out=True)] == [True]


def test_a_folder_without_labels_is_one_sentence(tmp_path):
    with pytest.raises(BadInput, match="no labels.json"):
        speech.labelled_folder(tmp_path, held_out=False)


def test_shards_are_whole_and_aligned(tmp_path, recordings, monkeypatch):
    folder = build(tmp_path, recordings[0], monkeypatch)
    for name, count in (("human", 1), ("human_varied", 2), ("human_held_out", 1)):
        shard = speech.load_shard(folder / f"{name}.safetensors")
        frames = int(shard.lengths.sum())
        assert len(shard.lengths) == len(shard.utterances) == count
        assert len(shard.mel) == 4 * frames
        assert len(shard.curves) == len(shard.viseme) == len(shard.prosody) == 2 * frames
        loud = shard.mel.float().logsumexp(1).view(2 * frames, 2).mean(1)
        speaking = shard.viseme != VISEMES.index("sil")
        assert loud[speaking].mean() > loud[~speaking].mean() + 3
        vowel = shard.viseme == VISEMES.index("a")
        assert shard.curves[vowel, 0].float().mean() > 4 * shard.curves[~vowel, 0].float().mean()
        assert shard.prosody[vowel, 1].float().mean() > 0.8 > 0.4 > shard.prosody[~vowel, 1].float().mean()


def test_a_finished_shard_is_kept_and_another_seed_makes_another(tmp_path, recordings, monkeypatch):
    folder = build(tmp_path, recordings[0], monkeypatch)
    path = folder / "human_varied.safetensors"
    written = path.stat().st_mtime_ns
    speech.build_corpus(folder, speech.SpeechConfig(human_copies=3), recordings[0])
    assert path.stat().st_mtime_ns == written
    before = speech.load_shard(path).mel
    speech.build_corpus(folder, speech.SpeechConfig(human_copies=3, seed=2), recordings[0])
    after = speech.load_shard(path).mel
    assert before.shape != after.shape or not torch.equal(before, after)


def test_features_are_what_the_encoder_gives_for_the_clip(tmp_path, recordings, monkeypatch):
    folder = build(tmp_path, recordings[0], monkeypatch)
    encoder = PhoneticEncoder(PhoneticConfig(width=8, dilations=(1,))).eval()
    speech.features_of(folder, encoder, tmp_path / "features")
    features = speech.checkpoint.load(
        tmp_path / "features" / "human.features.safetensors", speech.FEATURES_ARCHITECTURE
    )
    (utterance,) = speech.labelled_folder(recordings[0], held_out=False)
    direct = encoder(Audio(torch.from_numpy(utterance.samples), 16000), 75, 25).values
    assert torch.allclose(features[0]["features"].float(), direct, atol=0.02)
