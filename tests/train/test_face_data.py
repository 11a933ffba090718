"""Clips on disk: pairs of frames of one clip of one person, with their poses."""

import pytest
import torch

from vasa_core.errors import BadInput
from vasa_core.train.face_data import ClipFolder, choose
from vasa_core.train.shards import write_clip


def clip(number, frames=5, size=16):
    """Frames that say which clip and which frame they are: red and green levels."""
    pictures = torch.zeros(frames, 3, size, size, dtype=torch.uint8)
    pictures[:, 0] = 10 * number
    pictures[:, 1] = 10 * torch.arange(frames, dtype=torch.uint8)[:, None, None]
    pose = torch.zeros(frames, 6)
    pose[:, 0], pose[:, 1] = number, torch.arange(frames)
    return pictures, pose


@pytest.fixture
def folder(tmp_path):
    for number in range(4):
        write_clip(tmp_path / f"{number}.safetensors", *clip(number))
    return tmp_path


def test_pairs_are_two_frames_of_one_clip_with_their_poses(folder):
    pairs = ClipFolder(folder, 16).pairs(4, torch.Generator().manual_seed(0))
    assert pairs.first.shape == (4, 3, 16, 16)
    assert sorted(pairs.first_pose[:, 0].tolist()) == [0, 1, 2, 3]  # no clip twice
    for picture, pose in ((pairs.first, pairs.first_pose), (pairs.second, pairs.second_pose)):
        torch.testing.assert_close(picture[:, :2, 0, 0] * 25.5, pose[:, :2])
    assert torch.equal(pairs.first_pose[:, 0], pairs.second_pose[:, 0])
    assert bool((pairs.first_pose[:, 1] != pairs.second_pose[:, 1]).all())


def test_a_batch_takes_different_people_however_many_clips_each_has(tmp_path):
    for number, person in enumerate(["ann", "ann", "ann", "ann", "bob"]):
        write_clip(tmp_path / f"{number}.safetensors", *clip(number), identity=person)
    data, generator = ClipFolder(tmp_path, 16), torch.Generator().manual_seed(0)
    drawn = torch.stack([data.pairs(2, generator).first_pose[:, 0] for _ in range(20)])
    assert bool(((drawn == 4).sum(1) == 1).all())  # bob once in each
    assert set(drawn.flatten().tolist()) == {0, 1, 2, 3, 4}


def test_pairs_come_from_their_seed_and_in_the_size_asked_for(folder):
    data = ClipFolder(folder, 8)
    a, b = (data.pairs(9, torch.Generator().manual_seed(3)) for _ in range(2))
    assert a.first.shape == (9, 3, 8, 8) and torch.equal(a.first, b.first)


def test_clips_without_pose(tmp_path):
    for number in range(2):
        write_clip(tmp_path / f"{number}.safetensors", torch.rand(3, 3, 16, 16))
    assert ClipFolder(tmp_path, 16).pairs(2, torch.Generator()).first_pose is None


def test_bad_folders_are_refused(folder, tmp_path):
    with pytest.raises(BadInput, match="train prepare"):
        ClipFolder(tmp_path / "nowhere", 16)
    write_clip(tmp_path / "without.safetensors", clip(5)[0])
    with pytest.raises(BadInput, match="Only some"):
        ClipFolder(folder, 16)
    for path in tmp_path.glob("*.safetensors"):
        path.unlink()
    write_clip(tmp_path / "alone.safetensors", *clip(0))
    with pytest.raises(BadInput, match="one person"):
        ClipFolder(folder, 16)


def test_numbers_are_not_drawn_twice_before_all_were_drawn():
    drawn = choose(3, 7, torch.Generator().manual_seed(0))
    assert sorted(drawn[:3]) == sorted(drawn[3:6]) == [0, 1, 2] and len(drawn) == 7
