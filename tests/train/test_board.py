"""TensorBoard gets scalars and samples where it is installed; where it is not, that is said before any training."""

import sys

import pytest
from PIL import Image

from vasa_core.errors import MissingPackage
from vasa_core.train.board import on_board
from vasa_core.train.loop import Report


def reports(count, begun=None):
    for step in range(1, count + 1):
        if begun is not None:
            begun.append(step)
        yield Report(step, 1e-3, 0.5, {"position": 1.0 / step})


def test_without_tensorboard_it_is_said_before_the_first_step(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    begun = []
    with pytest.raises(MissingPackage, match="pip install tensorboard"):
        next(on_board(reports(3, begun), tmp_path, tmp_path / "samples.png"))
    assert begun == []


def test_scalars_and_new_samples_are_shown(tmp_path):
    pytest.importorskip("tensorboard", reason="tensorboard is not installed")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    picture = tmp_path / "samples.png"
    for report in on_board(reports(4), tmp_path / "board", picture):
        if report.step == 2:
            Image.new("RGB", (8, 6), "red").save(picture)
    events = EventAccumulator(str(tmp_path / "board")).Reload()
    assert [(e.step, e.value) for e in events.Scalars("losses/position")] == [
        (step, pytest.approx(1 / step)) for step in range(1, 5)
    ]
    assert set(events.Tags()["scalars"]) == {"losses/position", "learning_rate", "gradient"}
    assert [(e.step, e.width, e.height) for e in events.Images("samples")] == [(2, 8, 6)]
