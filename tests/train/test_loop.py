from dataclasses import replace

import pytest
import torch
from torch import nn

from vasa_core.errors import BadInput, WeightsError
from vasa_core.train.loop import Recipe, Rival, averaged, learning_rate, train

RECIPE = Recipe(steps=12, learning_rate=1e-2, warm_up=3, average=0.9, save_every=4, seed=5)


def problem():
    torch.manual_seed(0)
    module = nn.Sequential(nn.Linear(3, 8), nn.GELU(), nn.Linear(8, 1))

    def loss(step, generator):
        x = torch.randn(16, 3, generator=generator)
        return {"fit": (module(x) - x.sum(1, keepdim=True)).square().mean()}

    return module, averaged(module), loss


def run(path, stop=None):
    module, average, loss = problem()
    losses = []
    for report in train(module, average, loss, RECIPE, path):
        losses.append(report.losses["fit"])
        if report.step == stop:
            break
    return losses, average


def test_a_stopped_run_goes_on_as_if_it_had_not_been(tmp_path):
    whole, average = run(tmp_path / "a.state")
    first, _ = run(tmp_path / "b.state", stop=10)  # the last checkpoint is of step 8
    second, resumed = run(tmp_path / "b.state")
    assert len(second) == 4 and first == whole[:10] and second == whole[8:]
    for a, b in zip(average.parameters(), resumed.parameters(), strict=True):
        assert torch.equal(a, b)


def test_it_learns(tmp_path):
    losses, _ = run(tmp_path / "a.state")
    assert losses[-1] < 0.9 * losses[0]


def test_the_average_trails_the_weights(tmp_path):
    module, average, loss = problem()
    before = average[0].weight.clone()
    for _ in train(module, average, loss, RECIPE, tmp_path / "a.state"):
        pass
    assert not torch.equal(average[0].weight, before) and not torch.equal(average[0].weight, module[0].weight)


def test_a_finished_run_has_nothing_left_to_do(tmp_path):
    run(tmp_path / "a.state")
    assert run(tmp_path / "a.state")[0] == []


def test_half_a_checkpoint_of_a_killed_run_is_cleared_away(tmp_path):
    (tmp_path / ".a.state.0123").write_bytes(b"half")
    (tmp_path / ".b.state.0123").write_bytes(b"another's")
    run(tmp_path / "a.state", stop=1)
    assert [path.name for path in tmp_path.iterdir()] == [".b.state.0123"]


def test_the_learning_rate_warms_up_and_falls():
    rates = [learning_rate(RECIPE, step) for step in range(1, 13)]
    assert rates[0] < rates[1] < rates[2] == max(rates) and rates[-1] < 0.05 * max(rates)


def test_what_is_not_finite_is_an_error_and_leaves_no_checkpoint(tmp_path):
    module, average, _ = problem()
    with pytest.raises(BadInput, match="step 1"):
        list(train(module, average, lambda s, g: {"x": module[0].weight.sum() * float("nan")}, RECIPE, tmp_path / "s"))
    assert list(tmp_path.iterdir()) == []


def test_a_foreign_checkpoint_is_refused(tmp_path):
    (tmp_path / "s").write_bytes(b"not a checkpoint")
    with pytest.raises(WeightsError):
        run(tmp_path / "s")


def run_with_rival(path, stop=None, rate=1.0):
    """Two modules that learn each other's scale: the module to be above the rival, the rival to be what it is."""
    module, average, loss = problem()
    rival = nn.Linear(1, 1)

    def chase(step, generator):
        return {"chase": (rival(torch.ones(1)) - module[0].bias.detach().mean()).square().sum()}

    losses = []
    for report in train(module, average, loss, RECIPE, path, Rival(rival, chase, rate)):
        losses.append(report.losses)
        if report.step == stop:
            break
    return losses, rival


def test_a_rival_learns_in_turn_and_is_resumed(tmp_path):
    whole, rival = run_with_rival(tmp_path / "a.state")
    assert set(whole[0]) == {"fit", "chase"} and whole[-1]["chase"] < whole[0]["chase"]
    run_with_rival(tmp_path / "b.state", stop=10)  # the last checkpoint is of step 8
    rest, resumed = run_with_rival(tmp_path / "b.state")
    assert rest == whole[8:] and torch.equal(rival.weight, resumed.weight)


def test_a_rival_has_its_own_rate(tmp_path):
    start, still = run_with_rival(tmp_path / "a.state", rate=0.0)[0], run_with_rival(tmp_path / "b.state")[0]
    assert start[0] == still[0] and start[-1]["chase"] > still[-1]["chase"]


def test_a_checkpoint_of_another_kind_of_training_is_refused(tmp_path):
    run_with_rival(tmp_path / "a.state", stop=4)
    with pytest.raises(WeightsError, match="another kind of training"):
        run(tmp_path / "a.state")
    run(tmp_path / "b.state", stop=4)
    with pytest.raises(WeightsError, match="lacks"):
        run_with_rival(tmp_path / "b.state")


def run_as(path, recipe, settings=None):
    module, average, loss = problem()
    return [report.losses["fit"] for report in train(module, average, loss, recipe, path, settings=settings)], module


def test_the_parts_of_a_step_are_averaged(tmp_path):
    """Three parts are one batch of all that they draw."""
    module, average, loss = problem()

    def whole(step, generator):
        seeds = [(part * 1_000_003 + RECIPE.seed) * 1_000_003 + step for part in range(3)]
        return {"fit": sum(loss(step, torch.Generator().manual_seed(seed))["fit"] for seed in seeds) / 3}

    at_once = [report.losses["fit"] for report in train(module, average, whole, RECIPE, tmp_path / "a.state")]
    by_parts, parted = run_as(tmp_path / "b.state", replace(RECIPE, parts=3))
    assert by_parts == pytest.approx(at_once, rel=1e-5)
    torch.testing.assert_close(parted[0].weight, module[0].weight)
    assert len(set(by_parts + run_as(tmp_path / "c.state", RECIPE)[0])) == 24  # no part draws what another does


@pytest.mark.parametrize(
    ("recipe", "settings", "says"),
    [
        ({"seed": 6}, {"batch": 8, "losses": {"pose": 1.0}}, "recipe.seed 5, not 6"),
        ({"parts": 2}, {"batch": 8, "losses": {"pose": 1.0}}, "recipe.parts 1, not 2"),
        ({}, {"batch": 4, "losses": {"pose": 1.0}}, "batch 8, not 4"),
        ({}, {"batch": 8, "losses": {"pose": 0.5}}, "losses.pose 1.0, not 0.5"),
    ],
)
def test_going_on_with_other_settings_is_refused(tmp_path, recipe, settings, says):
    run_as(tmp_path / "a.state", replace(RECIPE, steps=4), {"batch": 8, "losses": {"pose": 1.0}})
    before = (tmp_path / "a.state").read_bytes()
    with pytest.raises(BadInput, match=f"a.state was trained with {says}"):
        run_as(tmp_path / "a.state", replace(RECIPE, **recipe), settings)
    assert (tmp_path / "a.state").read_bytes() == before


def test_a_run_may_get_more_steps(tmp_path):
    run_as(tmp_path / "a.state", RECIPE, {"batch": 8})
    assert len(run_as(tmp_path / "a.state", replace(RECIPE, steps=15, save_every=1), {"batch": 8})[0]) == 3


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"parts": 0}, "0 parts"),
        ({"steps": 0}, "0 steps train nothing"),
        ({"save_every": 0}, "save_every is 0; a checkpoint comes every 1 step or more"),
        ({"learning_rate": 0.0}, "learning_rate is 0.0; it must be above 0"),
        ({"clip": float("nan")}, "clip is nan; it must be above 0"),
        ({"warm_up": -1}, "warm_up is -1; it must be 0 or more"),
        ({"average": 1.0}, "average is 1.0; it must be from 0 to below 1"),
        ({"momentum": (0.9, 1.5)}, "momentum is 1.5; it must be from 0 to below 1"),
    ],
)
def test_a_recipe_that_makes_no_sense_is_refused(wrong, says):
    with pytest.raises(ValueError, match=says):
        replace(RECIPE, **wrong)
