"""Synthesisers: their listings become segments, and, where they are installed, sound and segments agree."""

import ctypes.util
import shutil

import numpy as np
import pytest

from vasa_core.errors import BadInput
from vasa_core.train import synthesis
from vasa_core.train.phones import Segment
from vasa_core.train.text import sentence, word


def test_events_of_espeak_become_segments():
    segments = synthesis.segments_of_events([(0.1, "h"), (0.15, "aɪ"), (0.3, ""), (0.31, ""), (0.4, "m")], 0.5)
    assert [(s.start, s.end, s.visemes) for s in segments] == [
        (0.1, 0.15, ("H",)),
        (0.15, 0.3, ("a", "I")),  # the nameless event of 10 ms is nothing, the one of 90 ms a pause
        (0.31, 0.4, ("sil",)),
        (0.4, 0.5, ("PBM",)),
    ]


def test_ends_become_segments():
    segments = synthesis.segments_of_ends([(0.1, "pau"), (0.1, "t"), (0.3, "ay"), (0.4, "strange")])
    assert segments == [Segment(0, 0.1, ("sil",)), Segment(0.1, 0.3, ("a", "I")), Segment(0.3, 0.4, ("@",))]


def test_an_absent_synthesiser_is_one_sentence():
    with pytest.raises(BadInput, match="'no-such-speaker' is not installed. Install"):
        synthesis.require("no-such-speaker")


def test_sentences_are_words_and_repeat_with_the_seed():
    texts = [sentence(np.random.default_rng(i)) for i in range(50)]
    assert texts == [sentence(np.random.default_rng(i)) for i in range(50)]
    assert all(text[-1] in ".?!" and '"' not in text for text in texts)
    assert len({word(np.random.default_rng(i)) for i in range(200)}) > 120


def agree(utterance: synthesis.Utterance) -> None:
    """Segments are in order, last as long as the sound, and speech is louder than pauses."""
    duration = len(utterance.samples) / utterance.rate
    assert all(a.end <= b.start + 0.02 for a, b in zip(utterance.segments, utterance.segments[1:], strict=False))
    assert abs(utterance.segments[-1].end - duration) < 0.1
    level = {True: [], False: []}
    for s in utterance.segments:
        part = utterance.samples[int(s.start * utterance.rate) : int(s.end * utterance.rate)]
        if len(part):
            level[s.visemes == ("sil",)].append(np.square(part).mean())
    assert not level[True] or np.median(level[False]) > 3 * np.median(level[True])


def test_espeak():
    if ctypes.util.find_library("espeak-ng") is None:
        pytest.skip("espeak-ng is not installed")
    speaker = synthesis.espeak(np.random.default_rng(0))
    for _ in range(3):
        agree(next(speaker))


def test_flite():
    if shutil.which("flite") is None:
        pytest.skip("flite is not installed")
    agree(next(synthesis.flite(np.random.default_rng(0), ("slt",))))


def test_festival(monkeypatch):
    if shutil.which("festival") is None:
        pytest.skip("festival is not installed")
    monkeypatch.setattr(synthesis, "BATCH", 1)
    agree(next(synthesis.festival(np.random.default_rng(0), ("kal_diphone",))))
