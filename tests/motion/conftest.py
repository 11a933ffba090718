"""Fixtures of the motion tests."""

from pathlib import Path

import pytest

from tests.motion.joyvasa_kit import tiny_template, tiny_tensors, write_released
from vasa_core.motion.joyvasa.model import JoyVasaMotionModel, load_joyvasa


@pytest.fixture(scope="session")
def joyvasa_file(tmp_path_factory) -> Path:
    """JoyVASA's released generator, with its template beside it."""
    return write_released(tmp_path_factory.mktemp("joyvasa"))


@pytest.fixture(scope="session")
def joyvasa(joyvasa_file) -> JoyVasaMotionModel:
    """JoyVASA with the weights by the rule, at our defaults; shared, so change nothing in it."""
    return load_joyvasa(joyvasa_file)


@pytest.fixture(scope="session")
def tiny_joyvasa_file(tmp_path_factory) -> Path:
    """A released file of a tiny network, with its template beside it."""
    return write_released(tmp_path_factory.mktemp("tiny_joyvasa"), tiny_tensors(), tiny_template())


@pytest.fixture(scope="session")
def tiny_joyvasa(tiny_joyvasa_file) -> JoyVasaMotionModel:
    """The tiny network at our defaults; shared, so change nothing in it."""
    return load_joyvasa(tiny_joyvasa_file)
