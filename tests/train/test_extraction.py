"""Motion and sound of clips are read once, kept by who read them, and read again where the clip has changed."""

from dataclasses import replace

import pytest
import torch

from tests.train.talking_kit import ToyClips, ToyEncoder, toy_reader
from vasa_core.arkit import ARKIT, INDEX, LOOK_SIDEWAYS
from vasa_core.train.distributed import World
from vasa_core.train.extraction import encoder_key, extract, rows_of
from vasa_core.train.readers import NamedReader
from vasa_core.types import Motion


def read(clips, reader=None, encoder=None, said=None):
    say = (lambda text: None) if said is None else said.append
    return extract(clips, reader or toy_reader(), encoder or ToyEncoder(), 25.0, say)


def test_motion_counts_from_the_clips_own_pose_and_features_are_as_many(tmp_path):
    read_clips = read(ToyClips(tmp_path))
    assert [clip.frames for clip in read_clips] == [70] * 4
    rows = rows_of(read_clips[3].motion, 0, 70)
    assert rows["motion"].shape == (70, 9) and abs(float(rows["motion"][:, 3].median())) < 1e-3
    torch.testing.assert_close(rows["motion"][:, 6], torch.arange(70) / 70 + 30 / 255)  # dynamics are as they were read
    assert torch.allclose(rows["gaze"], torch.tensor(0.3)) and torch.equal(rows["emotion"], torch.eye(8)[3])
    features = rows_of(read_clips[3].features, 5, 10)["features"]
    assert features.dtype == torch.float16 and features[:, 0].tolist() == list(range(5, 15))


def test_nothing_is_read_twice(tmp_path):
    clips, encoder = ToyClips(tmp_path), ToyEncoder()
    first = read(clips, encoder=encoder)
    assert len(clips.opened) == 4 and encoder.asked == 4
    assert read(clips, encoder=encoder) == first
    assert len(clips.opened) == 4 and encoder.asked == 4


def test_a_stopped_run_goes_on_with_the_clips_that_are_missing(tmp_path):
    first = read(ToyClips(tmp_path))
    first[1].motion.unlink()
    first[2].motion.write_bytes(first[2].motion.read_bytes()[:100])  # the disk was full
    first[3].features.unlink()
    clips, encoder = ToyClips(tmp_path), ToyEncoder()
    assert read(clips, encoder=encoder) == first
    assert clips.opened == ["clip1", "clip2"] and encoder.asked == 3


def test_another_reader_encoder_or_clip_is_read_anew(tmp_path):
    read(ToyClips(tmp_path))
    clips = ToyClips(tmp_path)
    assert "toy-2" in str(read(clips, toy_reader("toy-2"))[0].motion) and len(clips.opened) == 4
    clips = ToyClips(tmp_path)
    read(clips, encoder=ToyEncoder("other"))
    assert clips.opened == []  # the motion was there
    read(replace(clips, written="again"))
    assert len(clips.opened) == 4


def test_encoders_are_told_apart_by_their_weights():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        encoders = [ToyEncoder() for _ in range(2)]
        for encoder in encoders:
            encoder.layer = torch.nn.Linear(2, 2)
    keys = [encoder_key(encoder) for encoder in encoders]
    assert keys[0] != keys[1] and all(key.startswith("toy-") for key in keys)


def test_other_frame_rates_become_the_motion_models(tmp_path):
    clip = read(ToyClips(tmp_path, count=1, frames=140, fps=50.0))[0]
    assert clip.frames == 70
    rows = rows_of(clip.motion, 0, 70)
    torch.testing.assert_close(rows["motion"][:, 6], torch.arange(70) / 70)
    assert rows["gaze"].shape == (70, 2)


def test_short_clips_and_clips_without_a_face_are_left_out_and_said(tmp_path):
    said = []
    assert read(ToyClips(tmp_path / "a", frames=49), said=said) == []
    assert "left out: 4 clips of less than 50 frames, or without a face" in said
    said.clear()
    for _ in range(2):
        assert len(read(clips := ToyClips(tmp_path / "b"), toy_reader(blind=True), said=said)) == 3
    assert sum("clip0: There is no face" in line for line in said) == 1 and clips.opened == []  # asked once for all


def test_several_processes_read_different_clips_first_and_find_the_same(tmp_path):
    alone = read(ToyClips(tmp_path / "alone"))
    clips = ToyClips(tmp_path)
    both = [extract(clips, toy_reader(), ToyEncoder(), 25.0, lambda t: None, World(rank, 2)) for rank in (1, 0)]
    assert clips.opened == ["clip2", "clip3", "clip0", "clip1"]
    assert both[0] == both[1] and [c.motion.name for c in both[0]] == [c.motion.name for c in alone]


def test_gaze_that_was_not_measured_is_taken_from_blendshapes(tmp_path):
    class Looking:
        def read(self, crops, fps):
            shapes = torch.zeros(len(crops), ARKIT.dynamics)
            shapes[:, [INDEX["eyeLookOutLeft"], INDEX["eyeLookInRight"]]] = 0.5
            return Motion(torch.zeros(len(crops), 6), shapes, fps, ARKIT)

    reader = NamedReader(Looking(), ARKIT, "arkit-toy", torch.nn.Identity())
    gaze = rows_of(read(ToyClips(tmp_path, known=False), reader)[0].motion, 0, 9)["gaze"]
    torch.testing.assert_close(gaze, torch.tensor([0.5 * LOOK_SIDEWAYS, 0.0]).expand(9, 2))


@pytest.mark.parametrize("known", [True, False])
def test_what_nobody_knows_is_not_there(tmp_path, known):
    names = set(rows_of(read(ToyClips(tmp_path, known=known))[1].motion, 0, 9))
    assert names == ({"motion", "gaze", "emotion"} if known else {"motion"})
