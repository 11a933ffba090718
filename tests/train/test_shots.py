"""What counts as a cut, which frames are of no use, and how a video falls into clips."""

import numpy as np
import pytest
import torch

from vasa_core.errors import BadInput
from vasa_core.train import shots
from vasa_core.train.shots import FAULTS, Stretch, Watched, stretches, watch

GOOD, GONE = 0, FAULTS.index("no face")


def watched(faults, cuts=()):
    marked = torch.zeros(len(faults), dtype=torch.bool)
    marked[list(cuts)] = True
    return Watched(torch.zeros(len(faults), 478, 3), marked, torch.tensor(faults, dtype=torch.uint8))


def test_stretches_tile_the_video_and_end_at_faults_cuts_and_the_sound():
    found = stretches(watched([GOOD] * 50 + [GONE] * 5 + [GOOD] * 45, cuts=[20]), 10, 30, heard=90)
    assert found == [
        Stretch(0, 20),
        Stretch(20, 50),
        Stretch(50, 55, "no face"),
        Stretch(55, 72),
        Stretch(72, 90),
        Stretch(90, 100, "no sound"),
    ]


@pytest.mark.parametrize("length", [9, 10, 30, 31, 95])
def test_clips_are_neither_too_short_nor_too_long(length):
    found = stretches(watched([GOOD] * length), 10, 30, length)
    assert sum(part.frames for part in found) == length
    assert all(part.fault == ("too short" if length < 10 else "") for part in found)
    assert max(part.frames for part in found) <= 30


class Eyes:
    """Stands in for the networks: a face of 100 pixels where `places` say, none where they say None."""

    def __init__(self, monkeypatch, places, others=()):
        self.places, self.others, self.missing, self.at = places, others, 0, -1
        monkeypatch.setattr(shots, "FaceFollower", lambda *_: self)
        monkeypatch.setattr(shots, "find_faces", lambda vision, frame: [])
        monkeypatch.setattr(shots, "_others", lambda vision, frame, points: self.at in self.others)

    def read(self, frame):
        self.at = int(frame[0, 0, 0] * 255)
        place = self.places[self.at]
        self.missing = self.missing + 1 if place is None else 0
        return None if place is None else face_at(place)


def face_at(x, size=100.0):
    """The shipped mesh, `size` pixels high, at (x, 100)."""
    from vasa_core.faces.mesh.rig import canonical_mesh

    mesh = canonical_mesh().vertices
    low, high = mesh.amin(0), mesh.amax(0)
    return (mesh - (low + high) / 2) / (high - low)[:2].max() * size + torch.tensor([x, 100.0, 0.0])


def pictures(count, scene=lambda k: 0, still=False):
    """Frames whose first pixel tells their number, of scenes of different colours, in which something moves."""
    random = np.random.default_rng(0)
    for k in range(count):
        picture = np.full((120, 160, 3), 30 + 150 * scene(k), np.uint8)
        if not still:
            picture[20:60, 20:60] = random.integers(0, 25, (40, 40, 3))
        picture[0, 0] = k
        yield picture


def faults(seen):
    return [FAULTS[fault] for fault in seen.faults.tolist()]


def test_a_quiet_video_has_neither_cuts_nor_faults(monkeypatch):
    Eyes(monkeypatch, [80 + 0.5 * k for k in range(40)])
    seen = watch(None, pictures(40), 25.0, 48)
    assert not seen.cuts.any() and set(faults(seen)) == {""}


@pytest.mark.parametrize("how", ["colours", "leap", "leap while lost"])
def test_cuts_are_found(monkeypatch, how):
    places = [80.0] * 40
    if how != "colours":
        places = [80.0] * 20 + [130.0] * 20
    if how == "leap while lost":
        places[18:20] = [None, None]
    Eyes(monkeypatch, places)
    seen = watch(None, pictures(40, (lambda k: k >= 20) if how == "colours" else (lambda k: 0)), 25.0, 48)
    assert seen.cuts.nonzero()[:, 0].tolist() == [20]
    assert faults(seen)[18:23] == ["next to a cut"] * 5 and set(faults(seen)[:18] + faults(seen)[23:]) == {""}


def test_a_jump_that_others_surround_is_movement(monkeypatch):
    Eyes(monkeypatch, [80 + 8 * abs(k - 20) for k in range(40)])  # a fast turn of the head, to and fro
    assert not watch(None, pictures(40), 25.0, 48).cuts.any()


def test_faces_that_are_lost_for_long(monkeypatch):
    places = [80.0] * 40
    places[5:9] = [None] * 4  # a sixth of a second is filled in
    places[20:30] = [None] * 10
    Eyes(monkeypatch, places)
    seen = watch(None, pictures(40), 25.0, 48)
    assert [k for k, fault in enumerate(faults(seen)) if fault == "no face"] == list(range(20, 30))
    assert seen.landmarks[5:9].isnan().all() and not seen.landmarks[30:].isnan().any()


def test_other_faces_small_faces_and_frozen_pictures(monkeypatch):
    Eyes(monkeypatch, [80.0] * 100, others={50})
    seen = faults(watch(None, pictures(100), 25.0, 48))
    assert [k for k, fault in enumerate(seen) if fault == "several faces"] == list(range(25, 75))
    assert set(faults(watch(None, pictures(100), 25.0, 120))) == {"face too small"}
    assert set(faults(watch(None, pictures(100, still=True), 25.0, 48))[1:]) == {"picture stands still"}


def test_what_is_no_video_is_refused(monkeypatch):
    Eyes(monkeypatch, [80.0] * 3)
    with pytest.raises(BadInput, match="no frames"):
        watch(None, [], 25.0, 48)
    with pytest.raises(BadInput, match="changes its size"):
        watch(None, [np.zeros((40, 40, 3), np.uint8), np.zeros((40, 50, 3), np.uint8)], 25.0, 48)
