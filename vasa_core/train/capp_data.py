"""What CAPP is trained on: windows of a voice's features and of the head that belongs to it.

    PerformedSpeech(folder, encoder)    recorded voices, and heads that are drawn afresh for every batch (head.py)
    FilmedHeads(folder)                 clips of real people, as `train prepare` writes them

Several windows of a batch are of one clip, at random places: what tells them apart is time alone, so time is learnt.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from numpy.random import Generator
from torch import Tensor

from ..audio import weights_of
from ..audio.align import frame_count, resample_features
from ..audio.prosody import PROSODY_FPS, prosody
from ..audio.resample import resample
from ..errors import BadInput
from ..media.read import read_audio
from ..metrics.capp import FPS, WINDOW
from ..types import Audio, AudioEncoder
from . import waveform
from .behaviour import draw_labels
from .expression import emote
from .head import hear, move_head
from .shards import Clips, Place
from .speech import is_held_out

SPAN = 400  # frames of a performance
PAUSE = (5, 30)  # frames of silence between two recordings
SAID_EVERY = 50
Say = Callable[[str], None]


class HeadsAndVoices(Protocol):
    """A source of pairs. encoder, encoder_weights: name of the audio encoder, and which of that name, if that is known.
    channels: of its features. told: what it is, in words."""

    encoder: str
    encoder_weights: str
    channels: int
    told: str

    def windows(self, random: Generator, clips: int, each: int) -> tuple[Tensor, Tensor]:
        """features (B, 75, C) and pose (B, 75, 6) of `each` windows of each of `clips` clips."""
        ...


class PerformedSpeech:
    """Recorded voices with heads of behaviour.py's kind: a random process that follows the voice.

    folder: sound files, and labels.json with the speaker of each: file -> {speaker, ...}. held_out: the speakers kept
    for measuring (speech.is_held_out), or else those for training. copies: of each recording; the first as it is, the
    others with another tempo, room, microphone and level. Raises BadInput for an unusable folder.
    """

    def __init__(
        self,
        folder: str | Path,
        encoder: AudioEncoder,
        held_out: bool = False,
        copies: int = 1,
        say: Say | None = None,
    ) -> None:
        self.channels, self.encoder_weights = encoder.channels, weights_of(encoder)
        random = np.random.default_rng(0)
        heard = []
        paths = recordings(Path(folder), held_out)
        for number, path in enumerate(paths, start=1):
            audio = read_audio(path)
            for copy in range(copies):
                heard.append(_heard(encoder, varied(audio, random) if copy else resample(audio)))
            if say and (number % SAID_EVERY == 0 or number == len(paths)):
                say(f"recording {number} of {len(paths)} heard")
        self.encoder = heard[0][2]
        self.voices = [(features, sound) for features, sound, _ in heard]
        silence = Audio(torch.zeros(round(16000 * (PAUSE[1] + 1) / FPS)), 16000)
        self.silence = _heard(encoder, silence)[:2]
        minutes = sum(len(sound) for _, sound in self.voices) / FPS / 60
        kind = "held-out speakers" if held_out else "training speakers"
        self.told = (
            f"{len(paths)} recordings of {kind} in {copies} copies ({minutes:.0f} minutes), with synthetic heads that "
            f"follow the voice"
        )

    def performance(self, random: Generator) -> tuple[Tensor, Tensor]:
        """features (400, C) and pose (400, 6) of somebody new who speaks some of the recordings, with pauses."""
        pieces: list[tuple[Tensor, np.ndarray]] = []
        skip = int(random.integers(0, SPAN // 4))
        while sum(len(sound) for _, sound in pieces) < SPAN + skip:
            pause = int(random.integers(*PAUSE))
            pieces += [self.voices[random.integers(len(self.voices))], tuple(part[:pause] for part in self.silence)]
        features = torch.cat([features for features, _ in pieces])[skip : skip + SPAN]
        sound = np.concatenate([sound for _, sound in pieces])[skip : skip + SPAN]
        labels = draw_labels(random, SPAN, FPS)
        _, lean = emote(random, labels.emotion, FPS)
        pose = move_head(random, hear(sound, FPS), labels.gaze, lean, FPS)
        pose[:, 5] -= np.log(labels.distance[:, 0])
        return features, torch.from_numpy(pose).float()

    def windows(self, random: Generator, clips: int, each: int) -> tuple[Tensor, Tensor]:
        """See HeadsAndVoices."""
        index = torch.arange(WINDOW)
        drawn = []
        for _ in range(clips):
            features, pose = self.performance(random)
            places = torch.from_numpy(random.integers(0, SPAN - WINDOW + 1, each))[:, None] + index
            drawn.append((features[places], pose[places]))
        return tuple(torch.cat(parts) for parts in zip(*drawn, strict=True))


class FilmedHeads:
    """Clips with pose and features of at least 3 seconds at 25 frames a second, in a folder's shards (shards.py).

    Raises BadInput where pose or features are missing, or no clip is long enough.
    """

    def __init__(self, folder: str | Path) -> None:
        self.clips = Clips(folder)
        lacking = {"pose", "features"} - self.clips.labels
        if lacking:
            what = " and ".join(sorted(lacking))
            raise BadInput(f"The clips in {folder} have no {what}. Prepare them with these labels.")
        self.people: dict[str, list[Place]] = {}
        for name, places in self.clips.identities().items():
            usable = [place for place in places if place.about.fps == FPS and place.about.frames >= WINDOW]
            if usable:
                self.people[name] = usable
        if not self.people:
            raise BadInput(f"No clip in {folder} has 3 seconds or more at 25 frames a second. Prepare longer ones.")
        self.encoder, self.encoder_weights = self.clips.encoder, self.clips.encoder_weights
        count = sum(len(places) for places in self.people.values())
        self.channels = self.windows(np.random.default_rng(0), 1, 1)[0].shape[-1]
        self.told = f"{count} clips of {len(self.people)} people in {Path(folder).name}"

    def windows(self, random: Generator, clips: int, each: int) -> tuple[Tensor, Tensor]:
        """See HeadsAndVoices."""
        people, drawn = list(self.people.values()), []
        for person in random.choice(len(people), clips, replace=clips > len(people)):
            place = people[person][random.integers(len(people[person]))]
            for first in random.integers(0, place.about.frames - WINDOW + 1, each):
                part = self.clips.measured(place, int(first), WINDOW, ("features", "pose"))
                drawn.append((part.features, part.pose))
        return tuple(torch.stack(parts) for parts in zip(*drawn, strict=True))


def recordings(folder: Path, held_out: bool) -> list[Path]:
    """The sound files of a folder with labels.json, of the speakers kept for measuring or of those for training."""
    path = folder / "labels.json"
    if not path.is_file():
        raise BadInput(f"There is no labels.json in {folder}. Give a folder of recordings whose speakers it names.")
    try:
        speakers = {name: entry["speaker"] for name, entry in json.loads(path.read_text(encoding="utf-8")).items()}
    except (OSError, ValueError, AttributeError, KeyError, TypeError) as error:
        raise BadInput(f'{path} is not understood ({error}). It is JSON: {{"a.wav": {{"speaker": "ann"}}}}.') from error
    found = [folder / name for name, speaker in sorted(speakers.items()) if is_held_out(str(speaker)) == held_out]
    if not found:
        raise BadInput(f"No speaker in {folder} is for {'measuring' if held_out else 'training'}. Add other voices.")
    return found


def varied(audio: Audio, random: Generator) -> Audio:
    """The same words at another tempo, in another room, through another microphone, at 16 kHz."""
    samples, _ = waveform.retimed(audio.samples.numpy(), audio.rate, [], random, True)
    samples = waveform.recorded(waveform.slow_gain(samples, random), random)
    return Audio(torch.from_numpy(np.ascontiguousarray(samples, dtype=np.float32)).clamp(-1, 1), 16000)


def _heard(encoder: AudioEncoder, audio: Audio) -> tuple[Tensor, np.ndarray, str]:
    """features (T, C), prosody (T, 3) that heads follow, and the encoder's name, at 25 frames a second."""
    frames = frame_count(audio.duration, FPS)
    features = encoder(audio, frames, FPS)
    sound = resample_features(prosody(audio.samples), PROSODY_FPS, 0.0, frames, FPS)
    return features.values.cpu(), sound.numpy(), features.encoder


def seed_of(generator: torch.Generator) -> Generator:
    """A NumPy generator that continues a torch one."""
    return np.random.default_rng(int(torch.randint(2**62, (), generator=generator)))
