from pathlib import Path

import numpy as np
import pytest
import torch

from tests.shared_data import shared_folder
from tests.vision import pictures
from vasa_core.vision.model import Vision, load_vision


@pytest.fixture(scope="module", autouse=True)
def without_gradients():
    with torch.no_grad():
        yield


@pytest.fixture(scope="session")
def vision() -> Vision:
    return load_vision()


@pytest.fixture(scope="session")
def images() -> dict[str, torch.Tensor]:
    """The bundled pictures as (3, H, W) in [0, 1]."""
    return {name: to_tensor(pixels) for name, pixels in pictures.bundled().items()}


@pytest.fixture(scope="session")
def goldens() -> dict[str, np.ndarray]:
    """What mediapipe 0.10.21 answers; benchmarks/vision_parity.py --goldens writes it."""
    folder = Path(__file__).with_name("goldens")
    return dict(np.load(folder / "bundled.npz")) | dict(np.load(folder / "shared.npz"))


@pytest.fixture(scope="session")
def media() -> Path:
    """The folder of real portraits and videos, which are not part of the repository."""
    folder = shared_folder()
    if folder is None:
        pytest.skip("the real portraits and videos are not here (see tests/shared_data.py)")
    return folder / "media"


def to_tensor(pixels: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(pixels.copy()).movedim(-1, -3).float() / 255
