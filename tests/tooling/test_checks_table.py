"""tests/CHECKS.md says which test holds which check: every test that it names is there."""

from __future__ import annotations

import re
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1]
TABLE = (TESTS / "CHECKS.md").read_text(encoding="utf-8")
NAMED = re.findall(r"`([\w/]+\.(?:py|mjs))(?:::(\w+))?`", TABLE)


def test_every_test_in_the_table_is_there() -> None:
    assert len(NAMED) > 50
    for file, name in NAMED:
        text = (TESTS / file).read_text(encoding="utf-8")
        assert not name or re.search(rf"def {name}\(", text), f"{file}::{name}"


def test_no_check_is_left_out() -> None:
    numbers = [int(number) for number in re.findall(r"^\| (\d+) \|", TABLE, re.M)]
    assert sorted(set(numbers)) == list(range(1, 21))
    for row in re.findall(r"^\| (?:\d+|trap|speed) \|.*$", TABLE, re.M):
        assert re.search(r"`[\w/]+\.(?:py|mjs)|not held because", row), row
