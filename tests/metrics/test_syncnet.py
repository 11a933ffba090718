"""SyncNet: the published network's numbers on weights of a rule, and files that are not its."""

from pathlib import Path

import numpy as np
import pytest
import torch

from tests.goldens import relative_error, rule_data, weight_rule
from vasa_core.audio.mfcc import mfcc
from vasa_core.errors import WeightsError
from vasa_core.metrics import syncnet
from vasa_core.metrics.syncnet import COUNTER, PARTS, SyncNet, load_syncnet, named_as_ours
from vasa_core.weights import checkpoint
from vasa_core.weights.registry import SYNCNET

GOLDEN = Path(__file__).with_name("goldens") / "syncnet.npz"


@pytest.fixture(scope="module")
def published() -> dict[str, torch.Tensor]:
    """Tensors as the released file names them, with values of the rule."""
    theirs = {ours: name for name, ours in PARTS.items()}
    shapes = {}
    for key, value in SyncNet().state_dict().items():
        part, _, name = key.partition(".")
        shapes[f"{theirs[part]}.{name}"] = tuple(value.shape)
    return {key: torch.from_numpy(np.asarray(v)) for key, v in weight_rule().fill("syncnet", shapes).items()}


@pytest.fixture(scope="module")
def released(published, tmp_path_factory) -> Path:
    """A file like the released one, which an old torch wrote: no counters of batches."""
    path = tmp_path_factory.mktemp("syncnet") / "syncnet_v2.model"
    tensors = {key: value for key, value in published.items() if not key.endswith(COUNTER)}
    torch.save(tensors, path, _use_new_zipfile_serialization=False)
    return path


def test_it_computes_what_the_published_network_does(released):
    recorded = {key: torch.from_numpy(value) for key, value in np.load(GOLDEN).items()}
    network = load_syncnet(released)
    faces = rule_data("input/syncnet_faces", (7, 3, 224, 224), 60).add(128).clamp(0, 255).to(torch.uint8)
    assert relative_error(network.see(faces)[:, ::8], recorded["seen"]) < 1e-5
    spectra = mfcc(rule_data("input/syncnet_sound", (4000,), 0.1).clamp(-1, 1))[None, :20].mT
    assert relative_error(network.hear(spectra)[:, ::8], recorded["heard"]) < 1e-5


def test_its_size_is_the_released_files():
    """54.6 MB of float32, and a few kilobytes of names."""
    bytes_of_tensors = sum(v.numel() * v.element_size() for v in SyncNet().state_dict().values())
    assert 0 < SYNCNET.files[0].size - bytes_of_tensors < 20_000


def test_a_foreign_tensor_is_refused_and_so_is_a_lacking_one(published):
    with pytest.raises(WeightsError, match="'module.fc.weight', which SyncNet does not have"):
        named_as_ours({"module.fc.weight": torch.zeros(1)})
    lacking = {key: value for key, value in published.items() if key != "netfcaud.3.bias"}
    with pytest.raises(WeightsError, match="syncnet_v2.model lacks heard.3.bias"):
        checkpoint.load_into(SyncNet(), named_as_ours(lacking), "syncnet_v2.model")


def test_without_a_file_the_sentence_says_what_and_where_and_from_where(tmp_path, monkeypatch):
    monkeypatch.setenv("VASA_MODELS", str(tmp_path))
    with pytest.raises(WeightsError) as caught:
        syncnet.load_syncnet()
    message = str(caught.value)
    for part in ("syncnet_v2.model", str(tmp_path / "syncnet"), "fetch syncnet", SYNCNET.files[0].address()):
        assert part in message
    assert "node" not in message and message.endswith(".")
