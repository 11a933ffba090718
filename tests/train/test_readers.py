"""Readers by the name or file of a face model, and the keys that tell apart what they read."""

import pytest

from tests.faces.vasa_kit import lively_network
from vasa_core.arkit import ARKIT
from vasa_core.errors import BadInput, WeightsError
from vasa_core.faces.vasa.files import save_face_network
from vasa_core.train.readers import load_reader


def test_a_trained_faces_reader_is_named_after_its_weights(tmp_path):
    readers = []
    for seed in (0, 1):
        save_face_network(tmp_path / "face.safetensors", lively_network(seed), steps=1)
        readers.append(load_reader(str(tmp_path / "face.safetensors")))
    assert all(reader.key == reader.space.name for reader in readers) and readers[0].key != readers[1].key


def test_the_meshs_reader_reads_blendshapes():
    reader = load_reader("mesh")
    assert reader.space == ARKIT and reader.key.startswith("arkit-") and reader.key == load_reader("mesh").key


@pytest.mark.parametrize(("face", "error"), [("nobody", BadInput), ("nowhere.safetensors", WeightsError)])
def test_what_is_no_face_model_is_named(face, error):
    with pytest.raises(error, match=face):
        load_reader(face)
