"""The losses file: every step once, whatever stopped a run, and its picture."""

import pytest
from PIL import Image

from vasa_core.errors import BadInput
from vasa_core.train.distributed import ALONE, World
from vasa_core.train.loop import Report
from vasa_core.train.losses_log import logged, read_rows, recorded, save_curves


def reports(first, last, name="position"):
    return (Report(step, 1e-3, 0.5, {name: 1.0 / step, "velocity": 2.0}) for step in range(first, last + 1))


def test_every_step_has_one_row(tmp_path):
    path = tmp_path / "losses.csv"
    assert [r.step for r in logged(reports(1, 3), path)] == [1, 2, 3]
    rows = read_rows(path)
    assert rows[0] == ["step", "learning_rate", "gradient", "position", "velocity"]
    assert rows[3] == ["3", "1.000e-03", "0.5000", "0.33333", "2.00000"]


def test_a_run_that_goes_on_from_an_earlier_step_repeats_no_row(tmp_path):
    path = tmp_path / "losses.csv"
    list(logged(reports(1, 9), path))
    with open(path, "a", encoding="utf-8") as file:
        file.write("10,1.0")  # killed in the middle of a row
    list(logged(reports(5, 12), path))
    assert [row[0] for row in read_rows(path)[1:]] == [str(step) for step in range(1, 13)]


def test_a_run_with_nothing_left_to_do_changes_nothing(tmp_path):
    path = tmp_path / "losses.csv"
    list(logged(reports(1, 3), path))
    before = path.read_bytes()
    list(logged(iter([]), path))
    assert path.read_bytes() == before


def test_other_losses_are_refused(tmp_path):
    path = tmp_path / "losses.csv"
    list(logged(reports(1, 3), path))
    with pytest.raises(BadInput, match="position, velocity"):
        list(logged(reports(4, 5, "pixels"), path))
    assert len(read_rows(path)) == 4


@pytest.mark.parametrize("steps", [1, 2, 1000])
def test_the_picture_shows_each_loss(tmp_path, steps):
    path = tmp_path / "losses.csv"
    list(logged(reports(1, steps), path))
    save_curves(path)
    picture = Image.open(tmp_path / "losses.png")
    blue = sum(count for count, colour in picture.getcolors(1 << 16) if colour == (0x1F, 0x5F, 0xA8))
    assert picture.width == 1000 and blue >= (2 if steps == 1 else 500)


def test_only_the_leading_process_records(tmp_path):
    made = []

    def counted(reports):
        for report in reports:
            made.append(report.step)
            yield report

    assert list(recorded(counted(reports(1, 3)), tmp_path, World(rank=1), tmp_path / "losses.png")) == []
    assert made == [1, 2, 3] and list(tmp_path.iterdir()) == []
    assert len(list(recorded(reports(1, 3), tmp_path, ALONE, tmp_path / "losses.png"))) == 3
    assert len(read_rows(tmp_path / "losses.csv")) == 4
