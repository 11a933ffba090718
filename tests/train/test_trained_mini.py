"""A face network and its motion model that were trained, on heads and voices that they never met.

trained_mini.safetensors is of benchmarks/face_settings/mini.json, trained_mini_motion.safetensors of
benchmarks/motion_settings/mini.json: an hour of one core, and no more than the figures in face_stage.md and
motion_stage.md in benchmarks/results say. They stand for files that somebody trains and puts into models/vasa.
"""

from math import degrees
from pathlib import Path

import pytest
import torch

from vasa_core.audio import load_audio_encoder
from vasa_core.faces.vasa.files import load_face_network
from vasa_core.motion.model import load_motion_model
from vasa_core.pipeline import speak
from vasa_core.train.face_losses import inner_face
from vasa_core.train.synthetic import SyntheticHeads
from vasa_core.train.talkers import SyntheticTalkers

FACE, MOTION = (Path(__file__).with_name(f"trained_mini{kind}.safetensors") for kind in ("", "_motion"))
HELD_OUT = 2000  # the first identity that it was not trained on
FRAMES = 8


@pytest.fixture(scope="module")
def network():
    return load_face_network(FACE).network


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


@torch.no_grad()
def test_its_motion_model_moves_lips_as_a_voice_that_it_never_heard(tmp_path):
    """Along the direction in which codes read off the talkers' films vary most within a film, the jaw's."""
    face, motion = load_face_network(FACE), load_motion_model(MOTION)
    talkers, encoder = SyntheticTalkers(tmp_path, 0, 64, seconds=4.0), load_audio_encoder(motion.encoder)
    clips = [talkers.clip(f"{HELD_OUT + k:05d}-000") for k in range(3)]
    filmed = [face.reader.read(clip.frames().float() / 255, clip.fps).dynamics for clip in clips]
    spoken = [speak(motion, encoder, clip.audio).dynamics for clip in clips]
    jaw = torch.linalg.svd(torch.cat([codes - codes.mean(0) for codes in filmed]), full_matrices=False).Vh[0]

    def alike(spoken, filmed):
        pairs = [torch.stack([a @ jaw, b @ jaw]) for a, b in zip(spoken, filmed, strict=True)]
        return sum(float(torch.corrcoef(pair)[0, 1]) for pair in pairs) / len(pairs)

    assert alike(spoken, filmed) > 0.6
    assert alike(spoken, filmed[1:] + filmed[:1]) < 0.3
