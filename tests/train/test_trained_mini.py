"""A face network that was trained: trained_mini.safetensors, of benchmarks/face_settings/mini.json, on held-out heads.

It was trained on synthetic heads for three quarters of an hour of one core and is no more than its figures in
benchmarks/results/face_stage.md say. It stands for a file that somebody trains and puts into models/vasa.
"""

from math import degrees
from pathlib import Path

import pytest
import torch

from vasa_core.faces.vasa.files import load_face_network
from vasa_core.train.face_losses import inner_face
from vasa_core.train.synthetic import SyntheticHeads

HELD_OUT = 2000  # the first identity that it was not trained on
FRAMES = 8


@pytest.fixture(scope="module")
def network():
    return load_face_network(Path(__file__).with_name("trained_mini.safetensors")).network


@pytest.fixture(scope="module")
def clips():
    heads = SyntheticHeads(HELD_OUT + 3, 48, reach=0.75)
    return [heads.clip(HELD_OUT + k, FRAMES, fps=2.0) for k in range(3)]


def psnr(made, real):
    """PSNR in dB, the mean over the frames but the first."""
    return float((-10 * (made - real)[1:].square().mean((1, 2, 3)).log10()).mean())


@torch.no_grad()
def test_a_head_that_it_never_saw_moves_like_its_own_clip(network, clips):
    for clip in clips:
        source = network.encode(clip.frames[:1])
        made = network.decode(source.volume, source.identity, *network.read_motion(clip.frames))
        found = psnr(made, clip.frames)
        assert found > 21.0
        assert found > psnr(clip.frames[:1].expand_as(clip.frames), clip.frames) + 2.0


@torch.no_grad()
def test_lips_follow_the_clip(network, clips):
    """A face that keeps the dynamics of its source looks less like the clip."""
    gained = []
    for clip in clips:
        source = network.encode(clip.frames[:1])
        pose, dynamics = network.read_motion(clip.frames)
        faces = [
            inner_face(network.decode(source.volume, source.identity, pose, codes), clip.motion.pose)
            for codes in (dynamics, dynamics[:1].expand_as(dynamics))
        ]
        real = inner_face(clip.frames, clip.motion.pose)
        gained.append(psnr(faces[0], real) - psnr(faces[1], real))
    assert sum(gained) / 3 > 0.3


@torch.no_grad()
def test_it_reads_and_carries_over_head_poses(network, clips):
    sources = [network.encode(clip.frames[:1]) for clip in clips]
    errors, carried = [], []
    for row, clip in enumerate(clips):
        pose, dynamics = network.read_motion(clip.frames)
        source = sources[row - 1]  # somebody else
        seen = network.read_motion(network.decode(source.volume, source.identity, pose, dynamics))[0]
        errors.append(degrees(float((pose - clip.motion.pose)[:, :3].abs().mean())))
        carried.append(degrees(float((seen - clip.motion.pose)[:, :3].abs().mean())))
    still = degrees(float(torch.cat([clip.motion.pose[:, :3] for clip in clips]).abs().mean()))
    assert sum(errors) / 3 < 2.5 < still
    assert sum(carried) / 3 < 3.0
