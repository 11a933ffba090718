"""Held vowels: utterances in which one vowel lasts for a second or two, as in singing or in thought.

The corpus has none: its synthesisers speak. Here time runs to and fro inside a vowel's middle, in sound and labels
alike, while the level drifts a little. The mouth holds what it shows there. Half of them are the vowel and no more:
the encoder takes a clip's mean spectrum off, and so hears little in a clip of one sound.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from numpy import ndarray
from numpy.random import Generator

from ..audio.align import resample_features
from ..audio.phonetic import NET_FPS, VISEMES, PhoneticEncoder
from .data import Utterance
from .speech import FPS, Shard, is_training_shard, load_shard

FIRST_VOWEL = VISEMES.index("i")
SHORTEST = 4
"""Frames at 50 per second of the vowels that are held."""
DRIFT = (-2.0, 1.0)
"""Natural log of power by which the level changes while the vowel is held."""
AROUND = 6
"""Frames that are left to both sides of a vowel alone; the mouth opens and closes in them."""


def held_vowels(corpus: Path, encoder: PhoneticEncoder, each: int, seed: int) -> list[Utterance]:
    """`each` utterances of every training shard in `corpus`, one vowel of each held for 0.8 to 2.5 s, as heard by
    `encoder`."""
    random = np.random.default_rng(seed)
    result = []
    for path in sorted(p for p in corpus.glob("*.safetensors") if is_training_shard(p)):
        shard = load_shard(path)
        for number in random.integers(0, len(shard.lengths), each).tolist():
            start, length = int(shard.starts[number]), int(shard.lengths[number])
            vowels = _runs(shard.viseme[2 * start : 2 * (start + length)].numpy() >= FIRST_VOWEL)
            if vowels:
                chosen = vowels[random.integers(len(vowels))]
                result.append(_hear(shard, 2 * start, 2 * length, chosen, encoder, random))
    return result


def _hear(
    shard: Shard, first: int, frames: int, vowel: tuple[int, int], encoder: PhoneticEncoder, random: Generator
) -> Utterance:
    """`first`, `frames`: of the utterance in the shard, at 50 frames per second; `vowel`: begin and end within it."""
    times, holds = to_and_fro(frames, vowel, int(random.uniform(0.8, 2.5) * NET_FPS))
    alone = random.random() < 0.5
    if alone:
        begin, end = np.flatnonzero(holds)[[0, -1]]
        part = slice(max(0, begin - AROUND), end + AROUND + 1)
        times, holds = times[part], holds[part]
    curves = shard.curves[first : first + frames].float().numpy()[times]
    curves[holds] = curves[holds].mean(0)
    if alone:
        near = np.minimum(np.arange(len(times)), np.arange(len(times))[::-1])
        curves *= np.clip(near / AROUND, 0, 1)[:, None]
    drift = np.zeros(len(times), dtype=np.float32)
    drift[holds] = random.uniform(*DRIFT) * np.sin(np.pi * np.linspace(0, 1, holds.sum()))
    fine = np.repeat(2 * times, 2)  # mel frames, two for one
    fine[1::2] += np.where(np.diff(times, append=times[-1] + 1) >= 0, 1, 0)
    mel = shard.mel[2 * first : 2 * (first + frames)].float()[fine] + torch.from_numpy(np.repeat(drift, 2))[:, None]
    prosody = shard.prosody[first : first + frames].float()[times]
    prosody[:, 0] += torch.from_numpy(drift) * (10 / np.log(10) / 20)  # dB / 20
    length = len(times) // 2
    values = torch.cat([encoder.heard(mel), prosody], dim=1)
    features = resample_features(values, NET_FPS, 0.0, length, FPS)
    return Utterance(features.numpy(), curves[: 2 * length : 2].astype(np.float32))


def to_and_fro(frames: int, vowel: tuple[int, int], more: int) -> tuple[ndarray, ndarray]:
    """Times (T,) into `frames` frames, and which of them (T,) are held: about `more` frames longer than before, spent
    going back and forth within the middle half of `vowel`."""
    begin, end = vowel
    low, high = begin + (end - begin) // 4, end - 1 - (end - begin) // 4
    there = np.arange(low, high + 1)
    round_trip = np.concatenate([there, there[-2:0:-1]]) if len(there) > 1 else there
    whole = -(-more // len(round_trip)) * len(round_trip)
    held = np.concatenate([np.resize(round_trip, whole), there])
    times = np.concatenate([np.arange(low), held, np.arange(high + 1, frames)])
    holds = np.zeros(len(times), dtype=bool)
    holds[low : low + len(held)] = True
    return times, holds


def _runs(flags: ndarray) -> list[tuple[int, int]]:
    """Begin and end of every run of True that is at least SHORTEST long."""
    edges = np.flatnonzero(np.diff(flags.astype(int), prepend=0, append=0))
    return [(int(a), int(b)) for a, b in zip(edges[::2], edges[1::2], strict=True) if b - a >= SHORTEST]
