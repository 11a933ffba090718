"""The browser and the core agree on every value between keys: web/js/shared/curve.js against sample_curve."""

from __future__ import annotations

import random

import pytest
import torch

from tests.web.javascript import computed
from vasa_core.motion.controls import sample_curve
from vasa_core.types import Curve

EASES = ("smooth", "linear", "step")
CASES, TIMES = 300, 40


def case(number: int) -> dict:
    """Keys and times to ask for: before, at, between and after the keys; some keys equal, some close together."""
    chance = random.Random(number)
    count = 1 if number % 10 == 0 else chance.choice([2, 3, 5, 30, 200])
    gaps = [chance.choice([0.01, 0.04, chance.uniform(0.05, 5.0)]) for _ in range(count)]
    keys = [round(sum(gaps[: k + 1]), 3) for k in range(count)]
    values = [round(chance.uniform(-30.0, 30.0), 2) for _ in keys]
    if count > 2:
        values[1] = values[0]  # a level piece
    wide = [chance.uniform(keys[0] - 2.0, keys[-1] + 2.0) for _ in range(TIMES // 4)]
    within = [chance.uniform(keys[0], keys[-1]) for _ in range(TIMES)]
    return {
        "times": keys,
        "values": values,
        "ease": EASES[number % 3],
        "at": [*wide, *within, keys[0], keys[-1], keys[count // 2]],
    }


def asked(given: dict) -> torch.Tensor:
    """What the core says of a case."""
    keys = torch.tensor(given["times"], dtype=torch.float64)
    curve = Curve(keys, torch.tensor(given["values"], dtype=torch.float64)[:, None], given["ease"])
    return sample_curve(curve, torch.tensor(given["at"], dtype=torch.float64))[:, 0]


@pytest.fixture(scope="module")
def cases() -> list[dict]:
    return [case(number) for number in range(CASES)]


def test_values_between_keys_are_those_of_the_core(tmp_path, cases):
    expression = "given.map((c) => c.at.map((t) => valueAt(c.times, c.values, c.ease, t)))"
    told = computed(tmp_path, 'import { valueAt } from "./shared/curve.js";', expression, cases)
    for given, values in zip(cases, told, strict=True):
        assert (torch.tensor(values) - asked(given)).abs().max() < 1e-5, given


def test_the_comparison_would_notice_another_easing(cases):
    smooth = [given for given in cases if given["ease"] == "smooth" and len(given["times"]) > 2]
    wrong = [(asked(given) - asked({**given, "ease": "linear"})).abs().max() > 1e-3 for given in smooth]
    assert len(smooth) > 40 and sum(wrong) > 0.8 * len(smooth)
