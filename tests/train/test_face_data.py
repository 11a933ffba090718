"""Clips on disk: pairs of frames of one clip, with their poses."""

import pytest
import torch

from vasa_core.errors import BadInput
from vasa_core.train.face_data import ClipFolder, choose, write_clip
from vasa_core.weights import checkpoint


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


def test_pairs_come_from_their_seed_and_in_the_size_asked_for(folder):
    data = ClipFolder(folder, 8)
    a, b = (data.pairs(9, torch.Generator().manual_seed(3)) for _ in range(2))
    assert a.first.shape == (9, 3, 8, 8) and torch.equal(a.first, b.first)


def test_clips_without_pose(tmp_path):
    for number in range(2):
        write_clip(tmp_path / f"{number}.safetensors", torch.rand(3, 3, 16, 16))
    assert ClipFolder(tmp_path, 16).pairs(2, torch.Generator()).first_pose is None


def test_bad_folders_and_clips_are_refused(folder, tmp_path):
    with pytest.raises(BadInput, match="at least two"):
        ClipFolder(tmp_path / "nowhere", 16)
    with pytest.raises(BadInput, match="two square"):
        write_clip(tmp_path / "x.safetensors", torch.rand(1, 3, 16, 16))
    with pytest.raises(BadInput, match="pose has shape"):
        write_clip(tmp_path / "x.safetensors", torch.rand(2, 3, 16, 16), torch.zeros(3, 6))
    write_clip(folder / "without.safetensors", clip(5)[0])
    with pytest.raises(BadInput, match="Only some"):
        ClipFolder(folder, 16)
    checkpoint.save(folder / "other.safetensors", {"x": torch.zeros(1)}, "something-else")
    with pytest.raises(BadInput, match="other.safetensors"):
        ClipFolder(folder, 16)
    (folder / "other.safetensors").write_bytes(b"no")
    with pytest.raises(BadInput, match="other.safetensors"):
        ClipFolder(folder, 16)


def test_numbers_are_not_drawn_twice_before_all_were_drawn():
    drawn = choose(3, 7, torch.Generator().manual_seed(0))
    assert sorted(drawn[:3]) == sorted(drawn[3:6]) == [0, 1, 2] and len(drawn) == 7
