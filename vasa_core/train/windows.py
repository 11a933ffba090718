"""Training windows of the phonetic encoder, cut from the shards of the speech corpus.

    Windows(folder, WindowConfig()).draw(generator) -> log-mel, curves, visemes, inside

Little recorded speech is soon learnt by heart, so hardly a window is a piece of a recording: it is slower or faster,
crosses into another utterance of the speaker in the middle of a viseme that both have (Crossings), lingers on a vowel
(hold) or goes on with another window (splice). Sound and labels always move together.
"""

import math
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Generator, Tensor

from ..audio.phonetic import VISEMES
from .spectral import SILENCE
from .speech import Shard, load_shard

FIRST_VOWEL = VISEMES.index("i")
SEAM = 6  # frames beside a splice that are not judged
Window = tuple[Tensor, Tensor, Tensor, Tensor]  # mel (2T, 80), curves (T, 6), viseme (T,), inside (T,)


@dataclass(frozen=True)
class WindowConfig:
    """What windows are made of. Frames are those of the network, 50 per second."""

    shares: tuple[tuple[str, float], ...] = (
        ("human", 0.5),
        ("human_varied", 0.3),
        ("espeak", 0.06),
        ("flite", 0.09),
        ("festival", 0.05),
    )
    batch: int = 16
    frames: int = 160
    overhang: int = 30  # frames that a window may reach beyond its utterance, into silence
    stretch: float = 0.25  # natural logarithm of the greatest change of tempo
    crossed: tuple[str, ...] = ("human", "human_varied")  # shards whose windows cross into other utterances ...
    cross_after: tuple[int, int] = (8, 50)  # ... after so many frames, again and again
    held_share: float = 0.1  # windows in which a vowel is held
    splice_share: float = 0.4  # windows that go on with another window


class Windows:
    """Draws training windows from the shards of a corpus folder; a share whose shard is absent is left out."""

    def __init__(self, folder: Path, config: WindowConfig) -> None:
        self.config = config
        found = [(name, share) for name, share in config.shares if (folder / f"{name}.safetensors").exists()]
        self.shards = [load_shard(folder / f"{name}.safetensors") for name, _ in found]
        self.shares = torch.tensor([share for _, share in found])
        self.chances = [cumulative_chances(shard) for shard in self.shards]
        self.crossings = [
            Crossings(shard, config.cross_after) if name in config.crossed else None
            for (name, _), shard in zip(found, self.shards, strict=True)
        ]

    def draw(self, generator: Generator) -> Window:
        """Log-mel (B, 2T, 80), curves (B, T, 6), viseme (B, T), inside (B, T): 0 where there is no utterance."""
        picks = torch.multinomial(self.shares, self.config.batch, replacement=True, generator=generator)
        windows = [self.window(int(pick), generator) for pick in picks]
        mel, curves, viseme, inside = (torch.stack(parts) for parts in zip(*windows, strict=True))
        return splice(mel, curves, viseme, inside, self.config.splice_share, generator)

    def window(self, number: int, generator: Generator) -> Window:
        """One window that begins in a random utterance of a shard; utterances that lie beside it are not heard."""
        size, overhang, shard = self.config.frames, self.config.overhang, self.shards[number]
        chances = self.chances[number]
        which = int(torch.searchsorted(chances, torch.rand((), generator=generator) * chances[-1]))
        tempo = math.exp(self.config.stretch * (2 * float(torch.rand((), generator=generator)) - 1))
        first, last = shard_bounds(shard, which)
        low, high = first - overhang, max(last + overhang - math.ceil(tempo * size), first - overhang + 1)
        places = int(torch.randint(low, high, (1,), generator=generator)) + tempo * torch.arange(size)
        inside = (places >= first) & (places <= last - 1)
        crossings = self.crossings[number]
        if crossings is not None:
            places, inside = crossings.walk(which, places, inside, tempo, generator)
        window = taken(shard, places, inside, tempo)
        held = torch.rand(1, generator=generator) < self.config.held_share
        return hold(*window, generator) if held else window


class Crossings:
    """Ways from one utterance of a speaker into another: at the middle of a viseme that both have.

    What is then heard was never said, but every sound and every transition in it is as spoken.
    """

    def __init__(self, shard: Shard, after: tuple[int, int]) -> None:
        self.shard, self.after = shard, after
        begins = torch.ones(len(shard.viseme), dtype=torch.bool)
        begins[1:] = shard.viseme[1:] != shard.viseme[:-1]
        begins[2 * shard.starts.long()] = True
        begin = begins.nonzero()[:, 0]  # (S,) first frames of the segments
        end = torch.cat([begin[1:], torch.tensor([len(begins)])])
        self.centre = (begin + end) // 2
        self.viseme = shard.viseme[begin].tolist()
        utterance = torch.searchsorted(2 * shard.starts.long(), begin, right=True) - 1
        self.utterance = utterance.tolist()
        numbers = torch.arange(len(shard.utterances))
        self.first = torch.searchsorted(utterance, numbers).tolist()  # segment of each utterance
        self.last = (torch.searchsorted(utterance, numbers, right=True) - 1).tolist()
        self.speakers = [entry["voice"].split()[1] for entry in shard.utterances]
        self.alike: dict[tuple[str, int], list[int]] = {}  # (speaker, viseme) -> segments
        for segment, (viseme, which) in enumerate(zip(self.viseme, self.utterance, strict=True)):
            self.alike.setdefault((self.speakers[which], viseme), []).append(segment)

    def walk(
        self, which: int, places: Tensor, inside: Tensor, tempo: float, generator: Generator
    ) -> tuple[Tensor, Tensor]:
        """Places (T,) in utterance `which`, and whether they are inside it -> the same with crossings."""
        places, inside, at = places.clone(), inside.clone(), 0
        while True:
            later = at + int(torch.randint(*self.after, (1,), generator=generator))
            if later >= len(places):
                return places, inside
            segment = int(torch.searchsorted(self.centre, places[later]))
            segment = min(max(segment, self.first[which]), self.last[which])
            join = at + math.ceil((float(self.centre[segment]) - float(places[at])) / tempo)
            if not at < join < len(places):
                return places, inside
            alike = self.alike[self.speakers[which], self.viseme[segment]]
            other = alike[int(torch.randint(len(alike), (1,), generator=generator))]
            at, which = join, self.utterance[other]
            first, last = shard_bounds(self.shard, which)
            places[at:] = float(self.centre[other]) + tempo * torch.arange(len(places) - at)
            inside[at:] = (places[at:] >= first) & (places[at:] <= last - 1)


def shard_bounds(shard: Shard, which: int) -> tuple[int, int]:
    """First frame of an utterance, at 50 per second, and the one after its last."""
    first = 2 * int(shard.starts[which])
    return first, first + 2 * int(shard.lengths[which])


def taken(shard: Shard, places: Tensor, inside: Tensor, tempo: float) -> Window:
    """What a shard holds at `places` (T,), fractional frames at 50 per second, where `inside`; silence elsewhere."""
    near = places.round().long().clamp(0, len(shard.viseme) - 1)
    pairs = (2 * places[:, None] + tempo * torch.arange(2)).flatten()  # of log-mel, at twice the rate
    outside = ~inside
    return (
        between(shard.mel, pairs).masked_fill(outside.repeat_interleave(2)[:, None], SILENCE),
        between(shard.curves, places).masked_fill(outside[:, None], 0.0),
        shard.viseme[near].long().masked_fill(outside, VISEMES.index("sil")),
        inside.float(),
    )


def between(rows: Tensor, places: Tensor) -> Tensor:
    """Rows of a table (N, C) at fractional places (T,), linearly interpolated -> (T, C)."""
    places = places.clamp(0, len(rows) - 1)
    low = places.long().clamp_max(len(rows) - 2)
    part = (places - low)[:, None]
    return rows[low].float() * (1 - part) + rows[low + 1].float() * part


def cumulative_chances(shard: Shard) -> Tensor:
    """(utterances,) running sum of lengths, each over the root of its voice's total: rare voices are heard more."""
    voices = [" ".join(entry["voice"].split()[:2]) for entry in shard.utterances]
    total: dict[str, float] = {}
    for voice, length in zip(voices, shard.lengths.tolist(), strict=True):
        total[voice] = total.get(voice, 0.0) + length
    chances = shard.lengths.double() / torch.tensor([total[voice] for voice in voices]).double().sqrt()
    return torch.cumsum(chances, 0)


def splice(mel: Tensor, curves: Tensor, viseme: Tensor, inside: Tensor, share: float, generator: Generator) -> Window:
    """In a share of the windows another follows from some frame on: sentences cannot be learnt by heart."""
    count, frames = viseme.shape
    cut = torch.randint(frames // 4, 3 * frames // 4, (count, 1), generator=generator)
    cut = torch.where(torch.rand(count, 1, generator=generator) < share, cut, frames + SEAM)
    other = (torch.arange(frames) >= cut)[..., None]  # (B, T, 1)
    seam = (torch.arange(frames) - cut).abs() < SEAM
    mel = torch.where(other.repeat_interleave(2, 1), mel.roll(1, 0), mel)
    curves = torch.where(other, curves.roll(1, 0), curves)
    viseme, inside = (torch.where(other[..., 0], x.roll(1, 0), x) for x in (viseme, inside))
    return mel, curves, viseme, inside.masked_fill(seam, 0.0)


def hold(mel: Tensor, curves: Tensor, viseme: Tensor, inside: Tensor, generator: Generator) -> Window:
    """A window whose speaker lingers on one vowel for 0.2 to 1.4 s, as no synthesiser does; the rest comes later."""
    vowels = ((viseme >= FIRST_VOWEL) & (inside > 0)).nonzero()[:, 0]
    if len(vowels) == 0:
        return mel, curves, viseme, inside
    at = vowels[torch.randint(len(vowels), (1,), generator=generator)]
    extra = int(torch.randint(10, 70, (1,), generator=generator))
    frames = torch.arange(len(viseme))
    order = torch.where(frames < at, frames, torch.where(frames < at + extra, at, frames - extra))
    pairs = torch.stack([2 * order, 2 * order + 1], 1).flatten()  # of log-mel, at twice the rate
    wobble = torch.randint(-1, 2, pairs.shape, generator=generator) * (pairs // 2 == at)
    return mel[(pairs + wobble).clamp(0, len(mel) - 1)], curves[order], viseme[order], inside[order]
