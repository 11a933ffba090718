"""Reading pickles of plain values without unpickling: what numpy writes comes back, anything else is refused."""

import argparse
import os
import pickle

import numpy as np
import pytest

from vasa_core.errors import WeightsError
from vasa_core.weights.plain_pickle import Refused, read_plain, read_plain_pickle

PLAIN = {
    "vector": np.linspace(-1, 1, 63, dtype=np.float32),
    "turned": np.arange(12.0).reshape(3, 4).T,
    "whole": np.arange(5),
    "scalar": np.float32(2.5),
    "single": np.array(7.0),
    "number": -5,
    "large": 2**40,
    "share": 0.25,
    "list": [1, (2, "three", None)],
    "empty": {},
}


class Touching:
    """Unpickled, it would make a folder."""

    def __init__(self, path):
        self.path = str(path)

    def __reduce__(self):
        return os.mkdir, (self.path,)


@pytest.mark.parametrize("protocol", [1, 2, 3, 4, 5])
def test_arrays_and_plain_values_come_back(protocol):
    found = read_plain(pickle.dumps(PLAIN, protocol=protocol))
    assert found.keys() == PLAIN.keys()
    for key, value in PLAIN.items():
        if isinstance(value, (np.ndarray, np.generic)):
            assert found[key].dtype == value.dtype and np.array_equal(found[key], value), key
        else:
            assert found[key] == value, key


@pytest.mark.parametrize("protocol", [0, 2, 4, 5])
def test_nothing_in_the_file_is_called(tmp_path, protocol):
    made = tmp_path / "made"
    with pytest.raises(Refused):
        read_plain(pickle.dumps({"a": Touching(made)}, protocol=protocol))
    assert not made.exists()


@pytest.mark.parametrize(
    "value", [np.array([object()]), {1, 2}, 3j, np.array(["text"]), argparse.Namespace(a=1), print, np.float32], ids=str
)
@pytest.mark.parametrize("protocol", [2, 5])
def test_other_kinds_are_refused(value, protocol):
    with pytest.raises(Refused):
        read_plain(pickle.dumps({"a": value}, protocol=protocol))


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"no pickle",
        pickle.dumps(PLAIN)[:-40],
        b"\x80\x04K\x01R.",
        b"\x80\x04e.",
        b"\x80\x04}K\x01a.",
        b"\x80\x04h\x05.",
        b"\x80\x04\x8c\x05numpy\x8c\x07ndarray\x93)R.",
    ],
)
def test_damage_is_told_in_one_sentence(tmp_path, content):
    path = tmp_path / "motion_template.pkl"
    path.write_bytes(content)
    with pytest.raises(WeightsError, match=r"^motion_template.pkl is damaged"):
        read_plain_pickle(path)


def test_a_missing_and_a_huge_file(tmp_path):
    with pytest.raises(WeightsError, match="missing"):
        read_plain_pickle(tmp_path / "none.pkl")
    with (tmp_path / "huge.pkl").open("wb") as file:
        file.truncate(1 << 30)
    with pytest.raises(WeightsError, match="too large"):
        read_plain_pickle(tmp_path / "huge.pkl")
