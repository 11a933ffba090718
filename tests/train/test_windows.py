"""Training windows: cut right, sound and labels move together, and crossings join what is alike."""

import itertools
from dataclasses import replace

import pytest
import torch

from vasa_core.audio.mel import BANDS
from vasa_core.audio.phonetic import VISEMES
from vasa_core.train import spectral, speech, windows
from vasa_core.train.windows import Crossings, WindowConfig, Windows, hold

PLAIN = WindowConfig(
    shares=(("human", 1.0),), batch=8, frames=50, stretch=0.0, crossed=(), held_share=0.0, splice_share=0.0
)


def test_windows_stay_in_their_utterance(corpus):
    cutter = Windows(corpus, PLAIN)
    shard = cutter.shards[0]
    rows = {row.numpy().tobytes() for row in shard.mel.float()}
    for seed in range(20):
        mel, curves, viseme, inside = cutter.draw(torch.Generator().manual_seed(seed))
        assert mel.shape == (8, 100, BANDS) and curves.shape == (8, 50, 6) and viseme.shape == inside.shape == (8, 50)
        outside = inside == 0
        assert (mel[outside.repeat_interleave(2, 1)] == spectral.SILENCE).all()
        assert (curves[outside] == 0).all() and (viseme[outside] == 0).all()
        assert all(row.numpy().tobytes() in rows for row in mel[0][inside[0].bool().repeat_interleave(2)])
        assert torch.allclose(curves[..., 0] * len(VISEMES), viseme.float(), atol=0.02)


def test_a_held_vowel_moves_sound_and_labels_together(corpus):
    mel, curves, viseme, inside = Windows(corpus, PLAIN).window(0, seeded(3))
    held = hold(mel, curves, viseme, inside, seeded(1))
    assert [h.shape for h in held] == [mel.shape, curves.shape, viseme.shape, inside.shape]
    assert longest_run(held[2].tolist()) > longest_run(viseme.tolist())
    loud = held[0].argmax(1).view(-1, 2)[:, 0]
    same = (loud == 2 * held[2] + 5) | (held[3] == 0)
    assert same.float().mean() > 0.9  # all but a frame at the edge of the held one


def longest_run(values: list[int]) -> int:
    return max(len(list(run)) for _, run in itertools.groupby(values))


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_a_splice_goes_on_with_the_neighbour():
    viseme = torch.arange(4)[:, None].expand(4, 60)
    mel, curves = viseme.repeat_interleave(2, 1)[..., None].float(), viseme[..., None].float()
    joined = windows.splice(mel, curves, viseme, torch.ones(4, 60), 1.0, seeded(0))
    for row in range(4):
        cut = int((joined[2][row] != row).nonzero()[0, 0])
        assert (joined[2][row, cut:] == (row - 1) % 4).all() and 15 <= cut < 45
        assert (joined[3][row] == 0).nonzero()[:, 0].tolist() == list(range(cut - 5, cut + 6))
    assert torch.equal(joined[0][:, ::2, 0].long(), joined[2]) and torch.equal(joined[1][..., 0].long(), joined[2])
    untouched = windows.splice(mel, curves, viseme, torch.ones(4, 60), 0.0, seeded(0))
    assert torch.equal(untouched[2], viseme) and untouched[3].all()


def test_rare_voices_are_heard_more(corpus):
    shard = speech.load_shard(corpus / "human.safetensors")
    shard.utterances[1]["voice"] = shard.utterances[2]["voice"] = shard.utterances[3]["voice"] = "toy 3 clip"
    chances = windows.cumulative_chances(shard).diff(prepend=torch.zeros(1).double())
    assert chances[0] / chances[1] == pytest.approx(3**0.5)


def test_tempo_changes_sound_and_labels_alike(corpus):
    mel, curves, viseme, inside = Windows(corpus, replace(PLAIN, stretch=0.5)).window(0, seeded(2))
    loud = mel.argmax(1).view(-1, 2)[:, 0]
    same = (loud == 2 * viseme + 5) | (inside == 0)
    assert same.float().mean() > 0.9 and mel.shape == (100, BANDS)


def test_crossings_join_the_same_viseme_of_the_same_speaker(corpus):
    shard = speech.load_shard(corpus / "human.safetensors")
    for entry, name in zip(shard.utterances, ("a", "a", "a", "b"), strict=True):
        entry["voice"] = f"toy {name} clip"
    crossings, visited = Crossings(shard, (4, 9)), set()
    for seed in range(10):
        start = torch.arange(60.0)
        places, inside = crossings.walk(0, start, start < 80, 1.0, seeded(seed))
        assert places.shape == inside.shape == (60,) and places[inside].min() >= 0
        assert places[inside].max() < 3 * 80  # never the other speaker, who lies behind
        visited |= {int(place) // 80 for place in places[inside]}
        for at in (places.diff() != 1).nonzero()[:, 0].tolist():
            assert shard.viseme[int(places[at]) + 1] == shard.viseme[int(places[at + 1])]
    assert visited == {0, 1, 2}
