"""The table: means, dashes with their reasons, the best figures, and the picture."""

import csv
import io

import pytest
import torch

from vasa_core.metrics.evaluate import ALL, NO_REAL, ONE_REAL, REAL, table
from vasa_core.metrics.reading import Reading
from vasa_core.metrics.report import DASH, METRICS, NAMES, Row, as_csv, as_markdown, best, mean_row, notes
from vasa_core.metrics.table_picture import PAPER, draw_table

ROWS = [
    Row("first", 2, {"S_C": 5.0, "S_D": 8.0, "dP": 0.3, "PSNR": float("inf")}, {"ID": "no portrait"}),
    Row("second", 1, {"S_C": 6.0, "S_D": 9.0, "dP": 0.4, "ID": 0.0}, {"CAPP": "too short"}),
    Row("real video", 3, {"S_C": 7.0, "S_D": 7.0}, {"CAPP": "too short", "ID": "no portrait"}, reference=True),
]


def cells(line):
    return [cell.strip() for cell in line.strip("|").split("|")]


def test_a_mean_is_over_the_videos_that_have_the_figure():
    rows = [Row("a", 1, {"dP": 0.2}, {"S_C": "mute"}), Row("b", 1, {"dP": 0.4, "S_C": 3.0}), Row("c", 1, {"dP": 0.6})]
    row = mean_row("all", rows)
    assert row.videos == 3 and row.values == {"dP": pytest.approx(0.4), "S_C": 3.0}
    assert row.reasons == {"S_C": "mute (1 of 3 videos, left out of the mean)"}


def test_the_best_are_the_best_of_what_was_generated():
    assert best(ROWS) == {"S_C": 6.0, "S_D": 8.0}  # not the reference's; of dP none is better


def test_markdown_has_a_dash_where_there_is_no_figure_and_never_a_zero():
    lines = as_markdown(ROWS, "Title").splitlines()
    assert lines[0] == "# Title"
    head, first, second, reference = (cells(lines[k]) for k in (2, 4, 5, 6))
    assert [name.split()[0] for name in head[2:]] == list(NAMES)
    at = {name: k + 2 for k, name in enumerate(NAMES)}
    assert first[at["S_C"]] == "5.000" and second[at["S_C"]] == "**6.000**" and reference[at["S_C"]] == "7.000"
    assert first[at["S_D"]] == "**8.000**" and first[at["PSNR"]] == "\N{INFINITY}"
    assert first[at["CAPP"]] == first[at["ID"]] == DASH and second[at["ID"]] == "0.000"  # which was measured
    assert "- CAPP of second, real video: too short" in lines and "- ID of first, real video: no portrait" in lines


def test_a_reason_that_all_rows_share_names_no_row():
    rows = [Row(name, 1, {}, {"S_C": "no SyncNet weights", "S_D": "no SyncNet weights"}) for name in "ab"]
    assert notes(rows) == ["S_C, S_D: no SyncNet weights"]


def test_csv_leaves_cells_empty():
    first, *_ = csv.DictReader(io.StringIO(as_csv(ROWS)))
    assert first["name"] == "first" and float(first["S_C"]) == 5.0 and first["ID"] == "" and first["FVD_25"] == ""


def test_the_picture_grows_with_rows_and_notes_and_shows_figures_where_they_belong():
    full = draw_table(ROWS, "Title")
    assert full.height > draw_table(ROWS[:2], "Title").height > draw_table(ROWS[:1], "Title").height
    without = draw_table([Row("first", 2, {}, {}), *ROWS[1:]], "Title")
    assert full.size == without.size or full.width == without.width
    column = full.width - 28 - 86 * len(METRICS)  # left edge of the first metric
    changed = [x for x in range(full.width) if full.crop((x, 110, x + 1, 150)) != without.crop((x, 110, x + 1, 150))]
    assert changed and min(changed) >= column
    assert full.getpixel((2, 2)) == tuple(int(PAPER[k : k + 2], 16) for k in (1, 3, 5))


def test_a_long_name_does_not_widen_the_picture_for_ever():
    long, longer = (draw_table([Row("name " * count, 1)], "Title").width for count in (40, 400))
    assert long == longer


def clips(count, shift=0.0, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return Reading({"dP": 0.2}, {}, shift + torch.randn(count, 400, generator=generator, dtype=torch.float64))


def test_rows_of_a_table_and_their_fvd():
    real = [clips(420, seed=1), clips(420, seed=2)]
    near, far = [clips(250, 0.0, 3), clips(250, 0.0, 4)], [clips(450, 1.0, 5)]
    rows = {row.name: row for row in table([("near", near), ("far", far), ("short", [clips(9)])], real)}
    assert list(rows) == ["near", "far", "short", ALL, REAL] and rows[REAL].reference
    assert rows["near"].values["FVD_25"] < rows["far"].values["FVD_25"] - 300  # 400 logits, each 1 apart
    assert "401 clips" in rows["short"].reasons["FVD_25"] and "FVD_25" not in rows["short"].values
    assert rows[ALL].videos == 4 and rows[REAL].videos == 2 and rows[REAL].values["FVD_25"] > 0
    alone = table([("near", near)], [])
    assert [row.name for row in alone] == ["near"] and alone[0].reasons == {"FVD_25": NO_REAL}
    assert table([("near", near)], real[:1])[-1].reasons == {"FVD_25": ONE_REAL}


def test_fvd_goes_on_without_the_videos_that_have_no_face():
    lost = Reading({}, {"FVD_25": "No face"})
    rows = table([("made", [clips(450), lost]), ("lost", [lost])], [clips(450, seed=1)])
    assert "FVD_25" in rows[0].values and "FVD_25" not in rows[0].reasons
    assert rows[1].reasons["FVD_25"] == "No face"
