"""Phones to visemes to curves: the tables are whole, the curves do what mouths do, as in the labelled speech."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest

from vasa_core.audio.phonetic import CURVES, VISEMES
from vasa_core.train.phones import (
    ARPABET,
    IPA,
    TABLE,
    VOWELS,
    Segment,
    mouth_curves,
    split,
    viseme_frames,
    visemes_of_arpabet,
    visemes_of_ipa,
    vowel_loudness,
)

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from shared_data import shared_folder

J, A, W, F, P, V = range(len(CURVES))


def word(*phones: tuple[str, float]) -> list[Segment]:
    """Phones with durations, after 0.3 s of silence and before 0.3 s of it."""
    segments, time = [Segment(0.0, 0.3, ("sil",))], 0.3
    for phone, seconds in phones:
        segments.append(Segment(time, time + seconds, visemes_of_arpabet(phone)))
        time += seconds
    return split([*segments, Segment(time, time + 0.3, ("sil",))])


def test_tables_know_only_visemes_of_the_encoder():
    assert tuple(TABLE) == VISEMES
    assert {v for visemes in ARPABET.values() for v in visemes} <= set(VISEMES)
    assert set(IPA.values()) <= set(VISEMES)
    assert len(VOWELS) == 14


@pytest.mark.parametrize(
    "phone, visemes",
    [
        ("aɪ", ("a", "I")),
        ("tʃ", ("SH",)),
        ("ɑː", ("a",)),
        ("t", ("TD",)),
        ("", ()),
        ("pʰ", ("PBM",)),
        ("oʊ", ("o", "U")),
    ],
)
def test_ipa(phone, visemes):
    assert visemes_of_ipa(phone) == visemes


def test_arpabet_takes_case_and_stress_and_refuses_the_unknown():
    assert visemes_of_arpabet("OW1") == ("o", "u") == visemes_of_arpabet("ow")
    with pytest.raises(KeyError):
        visemes_of_arpabet("qq")


def test_p_closes_the_lips_f_tucks_oo_rounds_ee_spreads():
    pop = mouth_curves(word(("aa", 0.15), ("p", 0.09), ("aa", 0.15)), 40, 50)
    closed = slice(23, 26)  # the middle of p is at 0.495 s
    assert pop[closed, A].min() < 0.15 < 0.5 < pop[18, A]
    assert mouth_curves(word(("aa", 0.15), ("f", 0.12), ("aa", 0.15)), 40, 50)[:, V].max() > 0.7
    oo, ee = (mouth_curves(word((vowel, 0.3)), 40, 50)[22] for vowel in ("uw", "iy"))
    assert oo[W] < -0.5 < 0.5 < ee[W] and oo[P] > 0.6 > 0.1 > ee[P]


def test_silence_is_a_closed_mouth():
    assert np.abs(mouth_curves([Segment(0, 1, ("sil",))], 50, 50)).max() == 0


def test_frames_of_another_rate_are_the_same_curve():
    segments = word(("hh", 0.05), ("eh", 0.1), ("l", 0.07), ("ow", 0.2))
    assert np.array_equal(mouth_curves(segments, 40, 50)[::2], mouth_curves(segments, 20, 25))


def test_visemes_of_frames():
    names = [VISEMES[i] for i in viseme_frames(word(("m", 0.1), ("ay", 0.2)), 50, 50)]
    assert names[0] == names[-1] == "sil"  # beyond the last segment too
    assert names[17] == "PBM" and names[22] == "a" and names[28] == "I"


def test_a_louder_vowel_opens_wider():
    segments = word(("aa", 0.2), ("t", 0.1), ("aa", 0.2))
    sound = np.random.default_rng(0).normal(0, 0.1, 17600)
    sound[int(0.6 * 16000) :] *= 0.1
    loudness = vowel_loudness(segments, sound, 16000)
    curves = mouth_curves(segments, 55, 50, loudness)
    assert loudness[3] < 0.7 < loudness[1] <= 1.25
    assert curves[35, J] < 0.75 * curves[20, J]


def test_curves_are_those_of_the_labelled_speech():
    folder = shared_folder()
    if folder is None:
        pytest.skip("the labelled recordings are not beside the repository")
    soundfile = pytest.importorskip("soundfile")
    speech = folder / "speech"
    name, entry = sorted(json.loads((speech / "labels.json").read_text()).items())[5]
    samples, rate = soundfile.read(speech / name)
    segments = split([Segment(start, end, visemes_of_arpabet(p)) for p, start, end in entry["phones"]])
    truth = np.load(speech / "truth" / f"{name.rsplit('.', 1)[0]}.npz")
    curves = mouth_curves(segments, len(truth["y"]), 25, vowel_loudness(segments, samples, rate))
    assert np.abs(curves - truth["y"]).max() < 2e-3
    assert np.abs(mouth_curves(segments, len(truth["y"]), 25) - truth["y0"]).max() < 2e-3
