"""Shards of clips: what is written is read back, in any part and order, and what is no shard is named."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from vasa_core.errors import BadInput
from vasa_core.train.shards import About, Clip, Clips, Labels, as_jpeg, as_png, write_clip, write_shard
from vasa_core.weights import checkpoint


def clip(number, frames=6, still=as_png, identity="ann"):
    """Pictures that say their number, and labels that do."""
    pictures = [still(np.full((16, 16, 3), 20 * number + 3 * k, np.uint8)) for k in range(frames)]
    row = torch.arange(frames)[:, None] + 100.0 * number
    labels = Labels(
        pose=row.expand(-1, 6),
        dynamics=row.expand(-1, 52),
        gaze=row.expand(-1, 2),
        landmarks=(row[:, None] / 8).expand(-1, 478, 3),
        features=row.expand(-1, 38),
    )
    samples = torch.full((640 * frames,), 1000 * number + 1, dtype=torch.int16)
    about = About(identity, f"video {number}", 1.5 * number, 25.0, frames, len(samples))
    return Clip(about, pictures, labels, samples)


@pytest.fixture
def folder(tmp_path):
    write_shard(tmp_path / "a.safetensors", [clip(0, 6), clip(1, 4)], "phonetic", "0123abcd")
    write_shard(tmp_path / "b.safetensors", [clip(2, 5, identity="bob")], "phonetic")
    return tmp_path


def test_every_part_of_every_clip_is_read_back(folder):
    clips = Clips(folder)
    assert len(clips) == 3 and (clips.encoder, clips.encoder_weights) == ("phonetic", "0123abcd")
    for number, place in enumerate(clips.places):
        whole = clip(number, place.about.frames)
        assert place.about.source == f"video {number}" and place.about.start == 1.5 * number
        shown = clips.pictures(place, [3, 0])
        assert shown.shape == (2, 3, 16, 16) and shown[:, 0, 0, 0].tolist() == [20 * number + 9, 20 * number]
        part = clips.measured(place, 1, 2)
        for name in ("pose", "dynamics", "gaze", "landmarks", "features"):
            torch.testing.assert_close(getattr(part, name), getattr(whole.labels, name)[1:3])
        assert clips.measured(place, names=["gaze"]).pose is None
        sound = clips.sound(place)
        assert sound.rate == 16000 and sound.samples.shape == (640 * place.about.frames,)
        torch.testing.assert_close(sound.samples, whole.samples / 32768)


def test_jpeg_is_close(tmp_path):
    write_shard(tmp_path / "a.safetensors", [clip(1, 3, as_jpeg)])
    clips = Clips(tmp_path)
    shown = clips.pictures(clips.places[0], [2])
    assert abs(int(shown[0, 1, 5, 5]) - 26) <= 1


def test_people_have_their_clips(folder):
    assert {name: len(places) for name, places in Clips(folder).identities().items()} == {"ann": 2, "bob": 1}


def test_bad_clips_are_not_written(tmp_path):
    good = clip(1)
    for bad, says in (
        ([], "at least one"),
        ([clip(0, 1)], "at least two"),
        ([replace(good, pictures=good.pictures[1:])], "6 were said"),
        ([replace(good, labels=replace(good.labels, pose=torch.zeros(6, 5)))], "pose has shape"),
        ([replace(good, labels=replace(good.labels, features=torch.zeros(5, 38)))], "features has shape"),
        ([good, replace(good, labels=replace(good.labels, gaze=None))], "Only 1 of 2"),
        ([replace(good, samples=None)], "length of sound"),
    ):
        with pytest.raises(BadInput, match=says):
            write_shard(tmp_path / "x.safetensors", bad)
    with pytest.raises(BadInput, match="square"):
        write_clip(tmp_path / "x.safetensors", torch.rand(3, 3, 16, 8))
    assert not list(tmp_path.iterdir())


def test_bad_folders_are_refused(folder, tmp_path):
    for other in (("wav2vec2", ""), ("phonetic", "4567cdef")):
        write_shard(folder / "c.safetensors", [clip(3)], *other)
        with pytest.raises(BadInput, match="different audio encoders"):
            Clips(folder)
    checkpoint.save(folder / "c.safetensors", {"x": torch.zeros(1)}, "something-else")
    with pytest.raises(BadInput, match="c.safetensors is not a shard"):
        Clips(folder)
    (folder / "c.safetensors").write_bytes(b"no")
    with pytest.raises(BadInput, match="c.safetensors"):
        Clips(folder)


def test_a_clip_without_sound_says_so(tmp_path):
    write_clip(tmp_path / "a.safetensors", torch.rand(3, 3, 16, 16))
    clips = Clips(tmp_path)
    with pytest.raises(BadInput, match="no sound"):
        clips.sound(clips.places[0])
