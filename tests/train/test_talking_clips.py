"""Prepared shards as the motion stage's clips, and how their videos feel."""

import json

import pytest
import torch

from tests.train.test_shards import clip
from vasa_core.errors import BadInput
from vasa_core.train.shards import write_shard
from vasa_core.train.talking_clips import ShardClips, read_emotions
from vasa_core.types import EMOTIONS


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "clips").mkdir()
    write_shard(tmp_path / "clips" / "a.safetensors", [clip(0), clip(1, 4)])
    write_shard(tmp_path / "clips" / "b.safetensors", [clip(2, identity="bob")])
    return tmp_path / "clips"


def test_every_clip_of_every_shard_has_pictures_sound_and_gaze(folder):
    clips = ShardClips(folder)
    assert clips.names == ["a-0000", "a-0001", "b-0000"] and clips.folder == folder
    second = clips.clip("a-0001")
    assert second.fps == 25.0 and second.frames().shape == (4, 3, 16, 16)
    assert second.frames()[0, 0, 0, 0] == 20 and second.gaze.tolist() == [[100.0 + k] * 2 for k in range(4)]
    assert len(second.audio.samples) == 640 * 4 and second.emotion is None


def test_a_shard_that_is_written_anew_has_other_versions(folder):
    before = [ShardClips(folder).version(name) for name in ShardClips(folder).names]
    assert len(set(before)) == 3
    write_shard(folder / "b.safetensors", [clip(2, identity="bob")])
    after = [ShardClips(folder).version(name) for name in ShardClips(folder).names]
    assert after[:2] == before[:2] and after[2] != before[2]


def test_emotions_belong_to_videos(folder, tmp_path):
    path = tmp_path / "emotions.json"
    path.write_text(json.dumps({"video 1": {"happiness": 0.5, "surprise": 1}}))
    clips = ShardClips(folder, read_emotions(path))
    found = clips.clip("a-0001").emotion
    assert found[EMOTIONS.index("happiness")] == 0.5 and found.sum() == 1.5 and clips.clip("a-0000").emotion is None
    assert clips.version("a-0001") != ShardClips(folder).version("a-0001")
    with pytest.raises(BadInput, match="'video 9'"):
        ShardClips(folder, {"video 9": torch.zeros(8)})


@pytest.mark.parametrize(
    "text", ["[]", "{", '{"a": {"joy": 1}}', '{"a": {"anger": 2}}', '{"a": 1}', '{"a": {"fear": "x"}}']
)
def test_what_are_no_emotions_is_named(tmp_path, text):
    (tmp_path / "e.json").write_text(text)
    with pytest.raises(BadInput, match="e.json"):
        read_emotions(tmp_path / "e.json")


def test_silent_clips_are_refused(tmp_path):
    from vasa_core.train.shards import write_clip

    write_clip(tmp_path / "a.safetensors", torch.rand(3, 3, 8, 8))
    with pytest.raises(BadInput, match="no sound"):
        ShardClips(tmp_path)


def test_an_emotion_of_another_name_is_named(tmp_path):
    (tmp_path / "e.json").write_text('{"a.mp4": {"joy": 1}}')
    with pytest.raises(BadInput, match="'a.mp4' has 'joy'.*happiness"):
        read_emotions(tmp_path / "e.json")
