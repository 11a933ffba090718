"""Phones -> visemes -> coarticulated mouth curves: the labels of the starter's audio encoder and of its motion model.

    visemes_of_arpabet("OW")  ["o", "u"]         visemes_of_ipa("aɪ")  ["a", "I"]
    split(segments)                              diphthongs become two segments
    mouth_curves(segments, times, loudness)      (T, 6) J A W F P V, the order of audio.phonetic.CURVES

Curves follow M. Cohen and D. Massaro (1993): each segment pulls each curve towards its own target with a dominance that
is flat inside the segment and falls off exponentially outside; a curve is the mean of targets, weighted by dominance.
"""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from ..audio.phonetic import CURVES, VISEMES

#   targets: jaw J, inner-lip aperture A (0..1), width W (-1..1), funnel F, pucker P, lower-lip tuck V
#   dominance: of J, of A, of W, of F and P, of V
TABLE = {
    "sil": ((0.00, 0.00, 0.00, 0.00, 0.00, 0), (0.35, 0.45, 0.25, 0.25, 0.5)),
    "PBM": ((0.08, 0.00, 0.00, 0.05, 0.05, 0), (0.80, 6.00, 0.30, 0.25, 1)),
    "FV": ((0.10, 0.06, 0.10, 0.05, 0.00, 1), (0.90, 3.00, 0.50, 0.30, 3)),
    "TH": ((0.18, 0.28, 0.08, 0.05, 0.00, 0), (0.70, 0.80, 0.40, 0.25, 1)),
    "TD": ((0.15, 0.25, 0.08, 0.05, 0.00, 0), (0.60, 0.60, 0.30, 0.20, 1)),
    "L": ((0.20, 0.30, 0.08, 0.05, 0.00, 0), (0.50, 0.50, 0.30, 0.20, 1)),
    "S": ((0.05, 0.20, 0.25, 0.05, 0.00, 0), (1.40, 1.00, 0.70, 0.40, 1)),
    "SH": ((0.10, 0.26, -0.35, 0.65, 0.25, 0), (1.30, 1.20, 1.20, 1.30, 1)),
    "K": ((0.20, 0.28, 0.05, 0.05, 0.00, 0), (0.35, 0.35, 0.15, 0.10, 1)),
    "H": ((0.25, 0.32, 0.00, 0.05, 0.00, 0), (0.10, 0.10, 0.08, 0.08, 0.5)),
    "R": ((0.16, 0.24, -0.30, 0.40, 0.30, 0), (0.70, 0.70, 0.80, 0.80, 1)),
    "W": ((0.12, 0.09, -0.85, 0.40, 0.95, 0), (0.90, 1.80, 1.60, 1.60, 1)),
    "J": ((0.12, 0.22, 0.35, 0.05, 0.00, 0), (0.80, 0.80, 0.80, 0.60, 1)),
    "i": ((0.18, 0.28, 0.60, 0.00, 0.00, 0), (1.00, 1.00, 1.00, 1.00, 1)),
    "I": ((0.26, 0.36, 0.35, 0.00, 0.00, 0), (0.90, 0.90, 0.80, 0.80, 1)),
    "e": ((0.40, 0.48, 0.38, 0.00, 0.00, 0), (1.00, 1.00, 1.00, 1.00, 1)),
    "ae": ((0.65, 0.70, 0.40, 0.00, 0.00, 0), (1.10, 1.10, 1.00, 1.00, 1)),
    "a": ((0.80, 0.85, 0.08, 0.05, 0.00, 0), (1.20, 1.20, 1.00, 1.00, 1)),
    "V": ((0.50, 0.55, 0.05, 0.05, 0.00, 0), (1.00, 1.00, 0.80, 0.80, 1)),
    "@": ((0.28, 0.34, 0.00, 0.05, 0.00, 0), (0.50, 0.50, 0.35, 0.35, 1)),
    "O": ((0.60, 0.60, -0.35, 0.50, 0.20, 0), (1.10, 1.10, 1.10, 1.10, 1)),
    "o": ((0.42, 0.42, -0.50, 0.55, 0.45, 0), (1.00, 1.00, 1.20, 1.20, 1)),
    "U": ((0.28, 0.28, -0.45, 0.42, 0.45, 0), (0.90, 0.90, 1.10, 1.10, 1)),
    "u": ((0.20, 0.17, -0.75, 0.40, 0.90, 0), (1.00, 1.10, 1.40, 1.40, 1)),
    "y": ((0.18, 0.18, -0.60, 0.45, 0.75, 0), (1.00, 1.10, 1.30, 1.30, 1)),
    "oe": ((0.36, 0.38, -0.40, 0.50, 0.40, 0), (1.00, 1.00, 1.10, 1.10, 1)),
    "3": ((0.32, 0.36, -0.20, 0.30, 0.18, 0), (0.90, 0.90, 0.80, 0.80, 1)),
}
VOWELS = frozenset(VISEMES[VISEMES.index("i") :])
LABIAL = frozenset(("PBM", "FV"))

#   fall-off of the dominance, 1/s, before and after the segment, for J A W F P V
FALLOFF = {
    "vowel": ((14, 16, 11, 10, 10, 20), (14, 16, 11, 11, 11, 20)),
    "consonant": ((18, 26, 12, 10, 10, 22), (18, 26, 12, 12, 12, 22)),
    "labial": ((18, 34, 14, 12, 12, 22), (18, 34, 14, 12, 12, 22)),
    "silence": ((9, 10, 6, 6, 6, 20), (7, 8, 6, 6, 6, 20)),
}
PLATEAU = 0.3  # of the segment's duration, to each side of its centre
TYPICAL = 0.08  # s; a longer segment reaches its target better
CLOSED = 0.02  # aperture forced inside p, b, m ...
CLOSED_FROM, CLOSED_TO = 0.15, 0.80  # ... between these parts of the segment
GRID = 100  # frames per second at which curves are computed
SMOOTHING = np.hanning(11)[1:-1] / np.hanning(11)[1:-1].sum()  # about 90 ms: lips have mass

_ARPABET_OF = {
    "PBM": "b em m p",
    "FV": "f v",
    "TH": "dh th",
    "TD": "d dx en n nx t",
    "L": "l",
    "S": "s z",
    "SH": "ch jh sh zh",
    "K": "g k ng",
    "H": "hh hv h",
    "R": "r",
    "W": "w",
    "J": "y",
    "sil": "pau sil # h# brth",
    "i": "iy",
    "I": "ih",
    "e": "eh",
    "ae": "ae",
    "a": "aa",
    "V": "ah",
    "@": "ax",
    "O": "ao",
    "U": "uh",
    "u": "uw",
    "3": "axr er",
}
ARPABET = {phone: (viseme,) for viseme, phones in _ARPABET_OF.items() for phone in phones.split()} | {
    "aw": ("a", "U"),
    "ay": ("a", "I"),
    "ey": ("e", "i"),
    "ow": ("o", "u"),
    "oy": ("O", "I"),
    "el": ("@", "L"),
}
IPA = {
    phone: viseme
    for viseme, phones in {
        "PBM": "p b m ɓ ɱ ʙ",
        "FV": "f v pf ɸ β ʋ",
        "TH": "θ ð",
        "TD": "t d n ɾ ʈ ɖ ɳ ɗ r",
        "L": "l ɫ ɭ ʎ ɬ ɮ",
        "S": "s z ts dz",
        "SH": "ʃ ʒ tʃ dʒ ɕ ʑ tɕ dʑ ʂ ʐ ʧ ʤ",
        "K": "k ɡ g ŋ x ɣ q χ c ɟ ɲ ç ʝ",
        "H": "h ɦ ʔ ħ ʕ ʁ",
        "R": "ɹ ɻ",
        "W": "w ʍ ɥ",
        "J": "j",
        "i": "i ɨ",
        "I": "ɪ ᵻ",
        "e": "e ɛ ɘ",
        "ae": "æ",
        "a": "a ɑ ɒ",
        "V": "ʌ ɐ",
        "@": "ə",
        "O": "ɔ",
        "o": "o ɵ ɤ",
        "U": "ʊ ɯ",
        "u": "u ʉ",
        "y": "y ʏ",
        "oe": "ø œ",
        "3": "ɜ ɝ ɚ ɞ",
    }.items()
    for phone in phones.split()
}
IPA_MARKS = dict.fromkeys(map(ord, "ːˑʲʰˈˌ\u0303\u0329\u032a\u0361ʼ\u032f"))  # length, stress, ties


@dataclass(frozen=True)
class Segment:
    """One phone: `start` and `end` in seconds, and its one viseme, or two for a diphthong."""

    start: float
    end: float
    visemes: tuple[str, ...]

    @property
    def viseme(self) -> str:
        """The only viseme; call `split` first."""
        (viseme,) = self.visemes
        return viseme


def visemes_of_arpabet(phone: str) -> tuple[str, ...]:
    """'OW', 'ow' or 'ow1' -> ('o', 'u'). A phone outside ARPABET is a KeyError."""
    return ARPABET[phone.lower().rstrip("0123456789")]


def visemes_of_ipa(phone: str) -> tuple[str, ...]:
    """An IPA string of one phone -> its visemes, at most three; empty where it holds no known sign."""
    phone = phone.translate(IPA_MARKS)
    visemes, i = [], 0
    while i < len(phone):
        size = 2 if phone[i : i + 2] in IPA else 1
        viseme = IPA.get(phone[i : i + size])
        if viseme and visemes[-1:] != [viseme]:
            visemes.append(viseme)
        i += size
    return tuple(visemes[:3])


def split(segments: list[Segment]) -> list[Segment]:
    """Segments of one viseme each: those with more are cut into equal parts."""
    parts = []
    for segment in segments:
        cuts = np.linspace(segment.start, segment.end, len(segment.visemes) + 1)
        spans = zip(pairwise(cuts.tolist()), segment.visemes, strict=True)
        parts += [Segment(start, end, (viseme,)) for (start, end), viseme in spans]
    return parts


def viseme_frames(segments: list[Segment], frames: int, fps: float) -> np.ndarray:
    """(frames,) index into VISEMES of the segment at i / fps seconds; silence where there is none."""
    times = np.arange(frames) / fps
    starts = np.array([s.start for s in segments])
    ends = np.array([s.end for s in segments])
    names = np.array([VISEMES.index(s.viseme) for s in segments])
    at = np.searchsorted(starts, times, side="right") - 1
    return np.where((at >= 0) & (times < ends[at]), names[at], VISEMES.index("sil"))


def mouth_curves(segments: list[Segment], frames: int, fps: int, loudness: np.ndarray | None = None) -> np.ndarray:
    """(frames, 6) J A W F P V; frame i is at i / fps seconds; `fps` divides 100.

    segments: split ones, in order. loudness: (segments,) factor on the opening of vowels, 1 where None.
    """
    times = np.arange(frames * (GRID // fps)) / GRID
    start = np.array([s.start for s in segments])
    duration = np.array([s.end for s in segments]) - start
    target = np.array([TABLE[s.viseme][0] for s in segments], float)  # (S, 6)
    jaw, aperture, width, round_, tuck = np.array([TABLE[s.viseme][1] for s in segments]).T
    dominance = np.stack([jaw, aperture, width, round_, round_, tuck], 1)  # (S, 6)
    dominance *= np.sqrt(np.clip(duration / TYPICAL, 0.4, 1.6))[:, None]
    if loudness is not None:
        vowel = np.array([s.viseme in VOWELS for s in segments])
        target[:, :2] *= np.where(vowel, loudness, 1.0)[:, None]
    falloff = np.array([FALLOFF[_kind(s.viseme)] for s in segments], float)  # (S, 2, 6)

    from_centre = times[None] - (start + duration / 2)[:, None]  # (S, T)
    outside = np.maximum(0, np.abs(from_centre) - PLATEAU * duration[:, None])
    curves = np.empty((len(times), len(CURVES)))
    for k in range(len(CURVES)):
        rate = np.where(from_centre < 0, falloff[:, 0, k, None], falloff[:, 1, k, None])
        weight = dominance[:, k, None] * np.exp(-rate * outside) + 1e-9
        curves[:, k] = (weight * target[:, k, None]).sum(0) / weight.sum(0)
    for segment in segments:
        if segment.viseme == "PBM":
            length = segment.end - segment.start
            shut = (times >= segment.start + CLOSED_FROM * length) & (times <= segment.start + CLOSED_TO * length)
            curves[shut, 1] = np.minimum(curves[shut, 1], CLOSED)
    pad = len(SMOOTHING) // 2
    smooth = [np.convolve(np.pad(c, pad, mode="edge"), SMOOTHING, "valid") for c in curves.T]
    return np.stack(smooth, 1)[:: GRID // fps].astype(np.float32)


def _kind(viseme: str) -> str:
    if viseme == "sil":
        return "silence"
    if viseme in LABIAL:
        return "labial"
    return "vowel" if viseme in VOWELS else "consonant"


def vowel_loudness(segments: list[Segment], samples: np.ndarray, rate: int) -> np.ndarray:
    """(segments,) factor on the opening of vowels: louder is wider, 0.45..1.25; 1 at the 75 % quantile of the vowels.

    1 + 0.035 per dB. All ones where the sound holds fewer than two vowels.
    """
    power = np.concatenate([[0.0], np.cumsum(samples.astype(np.float64) ** 2)])
    first = np.clip(np.array([int(s.start * rate) for s in segments]), 0, len(samples) - 1)
    last = np.clip(np.array([int(s.end * rate) for s in segments]), first + 1, len(samples))
    level = 10 * np.log10((power[last] - power[first]) / (last - first) + 1e-9)
    vowel = np.array([s.viseme in VOWELS for s in segments])
    if vowel.sum() < 2:
        return np.ones(len(segments))
    return np.clip(1 + 0.035 * (level - np.percentile(level[vowel], 75)), 0.45, 1.25)
