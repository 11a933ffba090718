"""The speech corpus: sound and phone times -> log-mel, mouth curves, visemes and prosody, in shards on disk.

    build_corpus(folder, SpeechConfig())    one shard per source: espeak, flite, festival, human ...
    load_shard(path) -> Shard               its tensors; utterances lie one after another
    features_of(folder, encoder, out)       what a trained encoder hears in it, for the motion stage

A shard is a safetensors file. Per utterance of n frames at 25 per second:
    mel (4n, 80) float16 at 100/s, not normalised    curves (2n, 6) float16 and viseme (2n,) uint8 at 50/s
    prosody (2n, 3) float16 at 50/s                  lengths (utterances,) int32 = n
The header's 'utterances' is JSON: who speaks each.
"""

import json
import zlib
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.random import Generator
from torch import Tensor

from ..audio.align import resample_features
from ..audio.mel import MEL_RATE, log_mel
from ..audio.phonetic import ENCODER, NET_FPS, PhoneticEncoder
from ..audio.prosody import prosody
from ..errors import BadInput
from ..media.read import read_audio
from ..weights import checkpoint
from . import synthesis, waveform
from .phones import Segment, mouth_curves, split, visemes_of_arpabet, vowel_loudness
from .phones import viseme_frames as viseme_at
from .synthesis import Utterance

ARCHITECTURE = "vasa speech shard"
FEATURES_ARCHITECTURE = "vasa speech features"
FPS = 25  # lengths are whole frames of the motion
HELD_OUT = 3  # a speaker whose crc32 is divisible by it is kept out of training


@dataclass(frozen=True)
class SpeechConfig:
    """Hours of each source, and how much the recorded voices are varied. `seed` fixes every draw."""

    espeak_hours: float = 5.0
    flite_hours: float = 2.2
    flite_voices: tuple[str, ...] = ("slt", "rms")
    festival_hours: float = 1.0
    held_out_voice: str = "awb"  # of flite: for measuring only
    held_out_hours: float = 0.25
    human_copies: int = 4  # the first as recorded, the others varied
    seed: int = 1


@dataclass(frozen=True)
class Shard:
    """One source of the corpus; see the head of this file."""

    mel: Tensor
    curves: Tensor
    viseme: Tensor
    prosody: Tensor
    lengths: Tensor
    utterances: list[dict]

    @property
    def starts(self) -> Tensor:
        """(utterances,) first frame, at 25 per second, of each utterance."""
        return torch.cumsum(self.lengths, 0) - self.lengths


def is_held_out(speaker: str) -> bool:
    """Whether a recorded speaker is for measuring only."""
    return zlib.crc32(speaker.encode()) % HELD_OUT == 0


def is_training_shard(path: Path) -> bool:
    """Whether a shard of the corpus is for training, by its file's name."""
    return not path.stem.endswith("held_out")


def labelled_folder(folder: Path, held_out: bool) -> list[Utterance]:
    """Recorded speech in a folder with labels.json: file -> {speaker, phones: [[ARPABET, start s, end s], ...]}.

    held_out: the speakers kept for measuring, or else those for training. Raises BadInput for an unusable folder.
    """
    path = Path(folder) / "labels.json"
    if not path.is_file():
        raise BadInput(f"There is no labels.json in {folder}. Give a folder of labelled speech, or none.")
    utterances = []
    for name, entry in sorted(json.loads(path.read_text()).items()):
        if is_held_out(entry["speaker"]) == held_out:
            audio = read_audio(Path(folder) / name)
            segments = [Segment(start, end, visemes_of_arpabet(phone)) for phone, start, end in entry["phones"]]
            voice = f"human {entry['speaker']} {name}"
            utterances.append(Utterance(audio.samples.numpy(), audio.rate, segments, voice))
    return utterances


def label(utterance: Utterance, random: Generator, vary: bool) -> dict[str, np.ndarray] | None:
    """Tensors of one utterance at 16 kHz, or None where it is too short; `vary` changes the sound at random."""
    samples, segments = waveform.retimed(utterance.samples, utterance.rate, utterance.segments, random, vary)
    if vary:
        samples, segments = waveform.surrounded(samples, segments, random)
        samples = waveform.slow_gain(samples, random)
    duration = len(samples) / MEL_RATE
    segments = [s for s in split(segments) if s.start < duration - 0.012]
    segments = [Segment(s.start, min(s.end, duration), s.visemes) for s in segments]
    frames = int(duration * FPS)
    if frames < FPS or len(segments) < 4:
        return None
    loudness = vowel_loudness(segments, samples, MEL_RATE)  # before the room and the microphone
    if vary:
        samples = waveform.recorded(samples, random)
    sound = torch.from_numpy(samples.astype(np.float32))
    return {
        "mel": log_mel(sound)[: 4 * frames].half().numpy(),
        "curves": mouth_curves(segments, 2 * frames, NET_FPS, loudness).astype(np.float16),
        "viseme": viseme_at(segments, 2 * frames, NET_FPS).astype(np.uint8),
        "prosody": prosody(sound)[: 2 * frames].half().numpy(),
    }


def collect(utterances: Iterator[Utterance], hours: float, random: Generator, vary: bool) -> tuple[dict, list[dict]]:
    """Label utterances until `hours` are full or they end -> the tensors of a shard and who speaks."""
    parts: list[dict[str, np.ndarray]] = []
    who, frames = [], 0
    for utterance in utterances:
        part = label(utterance, random, vary)
        if part is None:
            continue
        parts.append(part)
        who.append({"voice": utterance.voice, "varied": vary})
        frames += len(part["viseme"]) // 2
        if frames >= hours * 3600 * FPS:
            break
    tensors = {key: torch.from_numpy(np.concatenate([p[key] for p in parts])) for key in parts[0]}
    tensors["lengths"] = torch.tensor([len(p["viseme"]) // 2 for p in parts], dtype=torch.int32)
    return tensors, who


def build_corpus(
    folder: Path, config: SpeechConfig, recordings: Path | None = None, progress: Callable[[str], None] | None = None
) -> None:
    """Write the shards into `folder`; those already there with the same settings are kept.

    recordings: a folder of labelled speech (see labelled_folder); None trains on synthetic voices alone.
    `human_held_out` and `flite_held_out` are for measuring. About half an hour of one core at the default hours.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for number, (name, hours, vary, source) in enumerate(_sources(config, recordings)):
        path = folder / f"{name}.safetensors"
        settings = json.dumps({**asdict(config), "recordings": recordings is not None})
        if path.exists() and load_header(path).get("settings") == settings:
            continue
        random = np.random.default_rng([config.seed, number])
        tensors, who = collect(source(random), hours, random, vary)
        checkpoint.save(path, tensors, ARCHITECTURE, utterances=json.dumps(who), settings=settings)
        if progress:
            progress(f"{name}: {len(who)} utterances, {int(tensors['lengths'].sum()) / FPS / 3600:.2f} h")


def _sources(config: SpeechConfig, recordings: Path | None) -> Iterator[tuple[str, float, bool, Callable]]:
    if recordings is not None:
        people = labelled_folder(recordings, held_out=False)
        yield "human", 1e9, False, lambda random: iter(people)
        yield "human_varied", 1e9, True, lambda random: iter(people * (config.human_copies - 1))
        others = labelled_folder(recordings, held_out=True)
        yield "human_held_out", 1e9, False, lambda random: iter(others)
    yield "flite_held_out", config.held_out_hours, False, lambda r: synthesis.flite(r, (config.held_out_voice,))
    yield "espeak", config.espeak_hours, True, synthesis.espeak
    yield "flite", config.flite_hours, True, lambda random: synthesis.flite(random, config.flite_voices)
    yield "festival", config.festival_hours, True, synthesis.festival


def load_header(path: Path) -> dict[str, str]:
    """The header of a shard."""
    return checkpoint.load(path, ARCHITECTURE)[1]


def load_shard(path: Path) -> Shard:
    """Read one shard; WeightsError where it is missing or foreign."""
    tensors, header = checkpoint.load(path, ARCHITECTURE)
    return Shard(**tensors, utterances=json.loads(header["utterances"]))


def features_of(
    folder: Path, encoder: PhoneticEncoder, out: Path, progress: Callable[[str], None] | None = None
) -> None:
    """Write `out`/<shard>.features.safetensors for every shard: 'features' (sum of lengths, 38) float16 at 25/s.

    What the encoder would give for each utterance by itself, frame i at i / 25 s of it, in the order of the shard.
    """
    out.mkdir(parents=True, exist_ok=True)
    for path in sorted(folder.glob("*.safetensors")):
        shard = load_shard(path)
        features = []
        for start, length in zip(shard.starts.tolist(), shard.lengths.tolist(), strict=True):
            heard = encoder.heard(shard.mel[4 * start : 4 * (start + length)].float())
            values = torch.cat([heard, shard.prosody[2 * start : 2 * (start + length)].float()], dim=1)
            features.append(resample_features(values, NET_FPS, 0.0, length, FPS).half())
        target = out / f"{path.stem}.features.safetensors"
        checkpoint.save(target, {"features": torch.cat(features)}, FEATURES_ARCHITECTURE, encoder=ENCODER)
        if progress:
            progress(f"{target.name}: {int(shard.lengths.sum())} frames")
