"""Training data of the motion stage: utterances with features and mouth curves, performed afresh for every batch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy import ndarray
from torch import Tensor

from ..audio.mel import MEL_RATE
from ..audio.phonetic import PhoneticEncoder
from ..errors import BadInput
from ..motion.channels import MotionChannels
from ..motion.conditions import AUDIO, DISTANCE, EMOTION, FIELDS, GAZE, PREVIOUS, PREVIOUS_MOTION, WINDOW, Conditions
from ..types import Audio
from ..weights import checkpoint
from .behaviour import Labels, draw_labels, perform
from .speech import FEATURES_ARCHITECTURE, is_training_shard, load_shard

SPAN = 400
"""Frames of one performance; several windows are cut from it."""
HEARD, PROSODY = slice(0, 35), slice(35, 38)
"""What the encoder's network hears, and loudness, voicing and pitch, among the phonetic features."""
QUIET = (-3.0, 0.0, 0.0)
"""The same in silence."""


@dataclass(frozen=True)
class Utterance:
    """`features` (T, C) of the audio encoder and `mouth` (T, 6) true curves J A W F P V, at the motion frame rate."""

    features: ndarray
    mouth: ndarray

    @property
    def silent(self) -> bool:
        """Whether nothing is said in it."""
        return not self.mouth.any()


def load_utterances(corpus: Path, features: Path) -> list[Utterance]:
    """Every utterance for training in the shards of `corpus`, with the `features` that speech.features_of wrote.

    WeightsError where a shard's features are missing; BadInput where there are no shards.
    """
    utterances = []
    for path in sorted(corpus.glob("*.safetensors")):
        if not is_training_shard(path):
            continue
        shard = load_shard(path)
        values = checkpoint.load(features / f"{path.stem}.features.safetensors", FEATURES_ARCHITECTURE)[0]["features"]
        curves = shard.curves[::2]  # 50 to 25 frames per second
        for start, length in zip(shard.starts.tolist(), shard.lengths.tolist(), strict=True):
            span = slice(start, start + length)
            utterances.append(Utterance(values[span].numpy(), curves[span].numpy()))
    if not utterances:
        raise BadInput(f"There is no speech corpus in {corpus}. Build it first.")
    return utterances


def silences(encoder: PhoneticEncoder, fps: float, seed: int) -> list[Utterance]:
    """What the encoder makes of half a minute each of digital silence, the most usual kind and so thrice, and of quiet
    to loud coloured noise."""
    random = np.random.default_rng(seed)
    result = []
    for level in (None, None, None, -80, -65, -55, -45, -35, -25):
        sound = np.zeros(30 * MEL_RATE)
        if level is not None:
            colour = np.fft.rfftfreq(len(sound), 1 / MEL_RATE).clip(40) ** -random.uniform(0.0, 1.0)
            sound = np.fft.irfft(np.fft.rfft(random.standard_normal(len(sound))) * colour, len(sound))
            sound *= 10 ** (level / 20) / sound.std()
        audio = Audio(torch.from_numpy(sound).float().clamp(-1, 1), MEL_RATE)
        frames = int(30 * fps)
        features = encoder(audio, frames, fps).values.numpy()
        result.append(Utterance(features, np.zeros((frames, 6), dtype=np.float32)))
    return result


@dataclass(frozen=True)
class Batch:
    """clean: (B, W, K) normalised channels. mouth: (B, W, 6) the true curves. conditions: of the same windows."""

    clean: Tensor
    mouth: Tensor
    conditions: Conditions


@dataclass(frozen=True)
class Drops:
    """Probabilities with which conditions are withheld: VASA-1's 0.1 each and 0.5 for the previous window.

    gaze: far more often, since guidance by gaze is only as good as the null's own aim. emotion: for utterances that
    feel nothing. Those with an emotion always say so, so that a missing emotion comes to mean an unemotional speaker.
    tail: that the sound ends inside the window. noise: deviation of the noise on the previous motion, in normalised
    units, so that the model learns to continue its own imperfect motion. doubt: largest deviation, relative to their
    own, of the noise on what the encoder heard of speech, and deaf: the probability that one of its channels says
    nothing. The encoder knows its training voices, and is less sure of others.
    """

    condition: float = 0.1
    gaze: float = 0.4
    emotion: float = 0.5
    previous: float = 0.5
    tail: float = 0.12
    noise: float = 0.02
    doubt: float = 0.25
    deaf: float = 0.05


class Performances:
    """An endless source of batches. Batch `k` of a seed is always the same; no two hold the same performance."""

    def __init__(
        self, utterances: Sequence[Utterance], channels: MotionChannels, fps: float, drops: Drops, seed: int
    ) -> None:
        self.spoken = [u for u in utterances if not u.silent]
        self.idle = [u for u in utterances if u.silent]
        if not self.spoken or not self.idle:
            raise BadInput("Training the motion model needs utterances with speech and at least one that is silent.")
        lengths = np.array([len(u.mouth) for u in self.spoken], dtype=float)
        self.chance = np.sqrt(lengths) / np.sqrt(lengths).sum()
        self.channels, self.fps, self.drops, self.seed = channels, fps, drops, seed
        self.deviation = np.concatenate([u.features[:, HEARD] for u in self.spoken[::20]]).astype(np.float32).std(0)

    def batch(self, number: int, size: int, performances: int = 8) -> Batch:
        """`size` windows cut from `performances` performances."""
        random = np.random.default_rng((self.seed, number))
        share = np.array_split(np.arange(size), performances)
        parts = [self._windows(random, len(part)) for part in share if len(part)]
        features, motion, mouth, gaze, distance, emotion, emotional = (
            torch.from_numpy(np.concatenate(columns)) for columns in zip(*parts, strict=True)
        )
        channels = self.channels.normalise(motion)  # (B, P + W, K)
        previous = channels[:, :PREVIOUS]
        previous = previous + self.drops.noise * torch.from_numpy(random.standard_normal(previous.shape)).float()
        conditions = Conditions(
            audio=features[:, PREVIOUS:],
            gaze=gaze[:, PREVIOUS:],
            distance=distance[:, PREVIOUS:],
            emotion=emotion[:, PREVIOUS:],
            previous_motion=previous,
            previous_audio=features[:, :PREVIOUS],
            keep=torch.from_numpy(self._keep(random, emotional.numpy())),
            valid=torch.from_numpy(self._valid(random, size)),
        )
        return Batch(channels[:, PREVIOUS:], mouth[:, PREVIOUS:], conditions)

    def stream(self, random: np.random.Generator) -> tuple[ndarray, ndarray, ndarray]:
        """Features (SPAN, C), mouth (SPAN, 6) and prosody (SPAN, 3) of utterances with pauses between.

        Every fifth stream is silent. A pause is quiet to the performer, whatever its noise.
        """
        pieces: list[Utterance] = []
        silent = random.random() < 0.2
        skip = int(random.integers(0, SPAN // 2))
        while sum(len(p.mouth) for p in pieces) < SPAN + skip:
            if silent or random.random() < 0.35:
                idle = self.idle[random.integers(len(self.idle))]
                longest = SPAN if silent or random.random() < 0.2 else int(1.5 * self.fps)
                count = int(random.integers(5, max(6, min(longest, len(idle.mouth)))))
                start = int(random.integers(0, len(idle.mouth) - count + 1))
                pieces.append(Utterance(idle.features[start : start + count], idle.mouth[start : start + count]))
            else:
                pieces.append(self.spoken[random.choice(len(self.spoken), p=self.chance)])
        span = slice(skip, skip + SPAN)
        features = np.concatenate([p.features for p in pieces])[span].astype(np.float32)
        mouth = np.concatenate([p.mouth for p in pieces])[span].astype(np.float32)
        quiet = np.concatenate([np.full(len(p.mouth), p.silent) for p in pieces])[span, None]
        return features, mouth, np.where(quiet, QUIET, features[:, PROSODY])

    def performance(self, random: np.random.Generator) -> tuple[ndarray, ndarray, ndarray, Labels]:
        """Features (SPAN, C), mouth (SPAN, 6), motion (SPAN, 6 + D) and labels of a new performance."""
        features, mouth, prosody = self.stream(random)
        labels = draw_labels(random, SPAN, self.fps)
        return features, mouth, perform(random, mouth, prosody, labels, self.fps), labels

    def _windows(self, random: np.random.Generator, count: int) -> tuple[ndarray, ...]:
        features, mouth, motion, labels = self.performance(random)
        starts = random.integers(0, SPAN - PREVIOUS - WINDOW + 1, count)
        index = starts[:, None] + np.arange(PREVIOUS + WINDOW)  # (count, P + W)
        columns = (features, motion, mouth, labels.gaze, labels.distance, labels.emotion)
        heard, *others = (c[index].astype(np.float32) for c in columns)
        self._doubt(random, heard, others[1].any(-1))
        return (heard, *others, np.full(count, labels.emotional))

    def _doubt(self, random: np.random.Generator, features: ndarray, speech: ndarray) -> None:
        """Blur, in place, what was heard where there is speech (count, P + W); each window as much as it draws."""
        count, frames, _ = features.shape
        level = self.drops.doubt * random.random((count, 1, 1))
        noise = level * self.deviation * random.standard_normal((count, frames, len(self.deviation)))
        audible = random.random((count, 1, len(self.deviation))) >= self.drops.deaf
        heard = features[..., HEARD]
        features[..., HEARD] = np.where(speech[..., None], (heard + noise) * audible, heard)

    def _keep(self, random: np.random.Generator, emotional: ndarray) -> ndarray:
        keep = np.ones((len(emotional), len(FIELDS)), dtype=bool)
        for field in (AUDIO, DISTANCE):
            keep[:, field] = random.random(len(emotional)) >= self.drops.condition
        keep[:, GAZE] = random.random(len(emotional)) >= self.drops.gaze
        keep[:, EMOTION] = emotional | (random.random(len(emotional)) >= self.drops.emotion)
        keep[:, PREVIOUS_MOTION:] = random.random((len(emotional), 1)) >= self.drops.previous
        return keep

    def _valid(self, random: np.random.Generator, size: int) -> ndarray:
        ends = np.where(random.random(size) < self.drops.tail, random.integers(1, WINDOW, size), WINDOW)
        return np.arange(WINDOW) < ends[:, None]
