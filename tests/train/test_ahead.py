"""Data drawn ahead are what would have been drawn anyway, in the same order, whoever draws."""

import threading
from dataclasses import replace

import pytest
import torch

from tests.train.test_loop import RECIPE, problem
from vasa_core.errors import BadInput
from vasa_core.train.ahead import Ahead
from vasa_core.train.distributed import World
from vasa_core.train.face_data import ClipFolder
from vasa_core.train.loop import generator_of, train
from vasa_core.train.shards import write_clip

PARTED = replace(RECIPE, parts=2)


def examples(generator):
    return torch.randn(16, 3, generator=generator)


def run(path, wrap, stop=None):
    """Losses of a run whose parts draw examples, by way of `wrap`, and then noise from the same generator."""
    module, average, _ = problem()
    draw = wrap(examples)

    def loss(step, generator):
        x = draw(step, generator)
        return {"fit": (module(x) - x.sum(1, keepdim=True) - torch.randn(16, 1, generator=generator)).square().mean()}

    losses = []
    for report in train(module, average, loss, PARTED, path):
        losses.append(report.losses["fit"])
        if report.step == stop:
            break
    return losses


def test_a_run_is_the_same_to_the_bit_and_goes_on_so(tmp_path):
    plain = run(tmp_path / "a", lambda draw: lambda step, generator: draw(generator))
    assert run(tmp_path / "b", lambda draw: Ahead(draw, PARTED)) == plain
    assert run(tmp_path / "c", lambda draw: Ahead(draw, PARTED), stop=10) == plain[:10]
    assert run(tmp_path / "c", lambda draw: Ahead(draw, PARTED)) == plain[8:]  # from the checkpoint of step 8


def test_the_next_parts_are_drawn_while_this_one_is_computed():
    drawn, ready = [], threading.Event()

    def draw(generator):
        drawn.append((generator.initial_seed(), threading.current_thread()))
        if len(drawn) == 3:
            ready.set()
        return generator.initial_seed()

    recipe = replace(RECIPE, steps=2, parts=4)
    ahead = Ahead(draw, recipe, World(1, 2), threads=2)  # has the parts 2 and 3
    seeds = [generator_of(recipe, *place).initial_seed() for place in ((1, 2), (1, 3), (2, 2), (2, 3))]
    assert ahead(1, generator_of(recipe, 1, 2)) == seeds[0]
    assert ready.wait(10) and {seed for seed, _ in drawn} == set(seeds[:3])  # nobody has asked for two of them yet
    for seed, (step, part) in zip(seeds[1:], ((1, 3), (2, 2), (2, 3)), strict=True):
        assert ahead(step, generator_of(recipe, step, part)) == seed
    assert sorted(seed for seed, _ in drawn) == sorted(seeds)  # each once, and none beyond the last step
    assert threading.main_thread() not in [thread for _, thread in drawn]


def test_pairs_of_clips_on_disk_are_the_same_drawn_ahead(tmp_path):
    for person in range(3):
        frames = torch.randint(0, 256, (6, 3, 16, 16), generator=generator_of(RECIPE, person, 0), dtype=torch.uint8)
        write_clip(tmp_path / f"{person}.safetensors", frames, torch.full((6, 6), person / 10))
    clips = ClipFolder(tmp_path, 16)
    ahead = Ahead(lambda generator: clips.pairs(4, generator), RECIPE)
    for step in (1, 2, 3):
        drawing, plain = generator_of(RECIPE, step, 0), generator_of(RECIPE, step, 0)
        a, b = ahead(step, drawing), clips.pairs(4, plain)
        assert torch.equal(a.first, b.first) and torch.equal(a.second_pose, b.second_pose)
        assert torch.equal(torch.rand(3, generator=drawing), torch.rand(3, generator=plain))


def test_a_mistake_in_the_data_is_raised_where_they_are_asked_for():
    def draw(generator):
        if generator.initial_seed() == generator_of(RECIPE, 2, 0).initial_seed():
            raise BadInput("A picture is damaged.")
        return 0

    ahead = Ahead(draw, RECIPE)
    assert ahead(1, generator_of(RECIPE, 1, 0)) == 0
    with pytest.raises(BadInput, match="damaged"):
        ahead(2, generator_of(RECIPE, 2, 0))


def test_another_part_than_expected_is_drawn_anew():
    ahead = Ahead(examples, RECIPE)
    for step in (1, 7, 3):
        assert torch.equal(ahead(step, generator_of(RECIPE, step, 0)), examples(generator_of(RECIPE, step, 0)))
