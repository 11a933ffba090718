"""Fixtures of the face model tests."""

from pathlib import Path

import pytest
import torch

from tests.goldens import rule_weights
from vasa_core.faces.liveportrait.released import FILES, LivePortraitNetworks, load_networks


@pytest.fixture(scope="session")
def released_folder(tmp_path_factory) -> Path:
    """A folder with LivePortrait's five files as published, with weights by the rule of the recorded outputs."""
    folder = tmp_path_factory.mktemp("liveportrait")
    for name in FILES:
        torch.save(rule_weights(name), folder / f"{name}.pth")
    return folder


@pytest.fixture(scope="session")
def networks(released_folder) -> LivePortraitNetworks:
    """LivePortrait's networks with the weights by the rule; shared, so change nothing in them."""
    return load_networks(released_folder)
