"""The five sentences: anchoring, rates, chunks, progress and stops, with a face model that draws numbers."""

from dataclasses import dataclass
from itertools import repeat

import av
import pytest
import torch
from torch import nn

from vasa_core.arkit import ARKIT
from vasa_core.audio.align import frame_count
from vasa_core.audio.resample import audio_from_waveform
from vasa_core.errors import BadInput, WrongSpace
from vasa_core.geometry import rotation_from_pose
from vasa_core.media.write import VideoWriter
from vasa_core.motion.denoiser import Preset
from vasa_core.motion.generate import Sampling
from vasa_core.motion.model import MotionModel
from vasa_core.pipeline import anchor, at_rate, counted_from_calm, imitation, pasted, render, speak, suited, talk
from vasa_core.types import Audio, AudioFeatures, FaceCrop, Motion, MotionSpace, Portrait


class Numbers:
    """A face model whose frames show jaw and yaw as flat colours."""

    space = ARKIT
    network = nn.Identity()

    def decode(self, portrait, motion):
        colour = torch.stack([motion.dynamics[:, 17], motion.pose[:, 1], motion.pose[:, 1] * 0], dim=1)
        return colour[:, :, None, None].expand(-1, -1, 16, 16)


@dataclass(frozen=True)
class Hearing:
    """An audio encoder of the length that is asked for."""

    name: str = "numbers"
    channels: int = 4

    def __call__(self, audio, frames, fps):
        return AudioFeatures(torch.zeros(frames, 4), fps, self.name)


def motion(frames=50, fps=25.0, seed=0):
    g = torch.Generator().manual_seed(seed)
    return Motion(torch.randn(frames, 6, generator=g) * 0.1, torch.rand(frames, 52, generator=g), fps, ARKIT)


def portrait(pose=(0.1, -0.2, 0.05, 0.3, -0.1, 0.2)):
    crop = FaceCrop(torch.zeros(3, 16, 16), torch.zeros(478, 3), torch.eye(3), (16, 16))
    return Portrait(crop, Motion(torch.tensor([pose]), torch.zeros(1, 52), 25.0, ARKIT))


@pytest.fixture(scope="module")
def motion_model():
    torch.manual_seed(0)
    model = MotionModel(ARKIT, "numbers", 4, Preset(layers=1, width=32, heads=2)).eval()
    for parameter in model.parameters():  # the last layer starts at zero
        parameter.data += 0.1 * torch.randn_like(parameter)
    return model


def test_rest_stays_rest():
    still = Motion(torch.zeros(5, 6), torch.zeros(5, 52), 25.0, ARKIT)
    torch.testing.assert_close(anchor(still, portrait().rest).pose, portrait().rest.pose.expand(5, 6))


def test_anchor_composes_turns_and_adds_the_rest():
    moved, rest = motion(), portrait().rest
    absolute = anchor(moved, rest)
    expected = rotation_from_pose(moved.pose) @ rotation_from_pose(rest.pose)
    torch.testing.assert_close(rotation_from_pose(absolute.pose), expected)
    torch.testing.assert_close(absolute.pose[:, 3:], moved.pose[:, 3:] + rest.pose[:, 3:])
    assert absolute.dynamics.equal(moved.dynamics)


def test_counting_from_calm_is_the_inverse():
    absolute = anchor(motion(51), portrait().rest)
    calm = absolute.pose.median(dim=0).values.tolist()
    back = anchor(counted_from_calm(absolute), portrait(calm).rest)
    torch.testing.assert_close(back.pose, absolute.pose)
    still = Motion(portrait().rest.pose.expand(9, 6), torch.zeros(9, 52), 25.0, ARKIT)
    assert counted_from_calm(still).pose.abs().max() < 1e-5


def test_wrong_space_is_refused(motion_model):
    other = Motion(torch.zeros(3, 6), torch.zeros(3, 5), 25.0, MotionSpace("other", 5))
    with pytest.raises(WrongSpace, match="'arkit'.*'other'"):
        anchor(other, portrait().rest)
    with pytest.raises(WrongSpace):
        next(render(Numbers(), portrait(), other))


@pytest.mark.parametrize("chunk", [1, 3, 8, 100])
def test_chunks_do_not_matter(chunk):
    moved = motion(20)
    pieces = list(render(Numbers(), portrait(), moved, chunk))
    assert all(len(piece) <= chunk and piece.dtype == torch.uint8 for piece in pieces)
    frames = torch.cat(pieces)
    assert frames.shape == (20, 16, 16, 3)
    expected = (moved.dynamics[:, 17] * 255).round().byte()
    assert frames[:, 0, 0, 0].equal(expected)


def test_the_fast_way_is_taken_where_there_is_one():
    class Fast(Numbers):
        def decode_uint8(self, portrait, motion):
            return torch.full((len(motion), 16, 16, 3), 7, dtype=torch.uint8)

    assert torch.cat(list(render(Fast(), portrait(), motion(9)))).eq(7).all()


def test_progress_and_stop():
    told = []
    list(render(Numbers(), portrait(), motion(20), 8, lambda done, total: told.append((done, total))))
    assert told == [(0, 20), (8, 20), (16, 20), (20, 20)]

    class Stop(BaseException):
        pass

    def stop(done, total):
        if done >= 8:
            raise Stop

    frames = render(Numbers(), portrait(), motion(20), 8, stop)
    assert len(next(frames)) == 8
    with pytest.raises(Stop):
        next(frames)


@pytest.mark.parametrize("fps", [24, 25, 29.97, 30])
@pytest.mark.parametrize("seconds", [0.3, 1.0, 2.77])
def test_video_lasts_as_long_as_the_sound(motion_model, fps, seconds):
    audio = Audio(torch.zeros(int(16000 * seconds)), 16000)
    pieces = talk(Numbers(), portrait(), motion_model, Hearing(), audio, sampling=Sampling(steps=2), fps=fps)
    frames = sum(len(piece) for piece in pieces)
    assert frames == frame_count(audio.duration, fps)
    assert 0 <= frames / fps - audio.duration + 1e-6 < 1 / fps + 1e-6


SOUNDS = [(rate, channels) for rate in (8000, 16000, 22050, 44100, 48000) for channels in (1, 2)]


@pytest.mark.parametrize(
    ("seconds", "rate", "channels"),
    [(seconds, *sound) for seconds in (0.3, 1.0, 7.77) for sound in SOUNDS] + [(61.0, 22050, 1), (61.0, 44100, 2)],
)
def test_a_file_lasts_as_long_as_sound_of_any_kind(motion_model, seconds, rate, channels, tmp_path):
    """Within a frame, from the waveform that ComfyUI hands over to the file."""
    waveform = torch.zeros(1, channels, round(rate * seconds))  # silence is sound too
    audio = audio_from_waveform(waveform, rate)
    with VideoWriter(tmp_path / "v.mp4", 25, waveform[0], rate) as writer:
        for piece in talk(Numbers(), portrait(), motion_model, Hearing(), audio, sampling=Sampling(steps=1), fps=25):
            writer.write(piece)
    with av.open(str(tmp_path / "v.mp4")) as film:
        picture, sound = film.streams.video[0], film.streams.audio[0]
        assert picture.frames == frame_count(seconds, 25)
        assert abs(float(picture.duration * picture.time_base) - seconds) <= 1 / 25 + 1e-6
        assert abs(float(sound.duration * sound.time_base) - seconds) <= 1 / 25 + 1024 / rate


def test_seed_decides(motion_model):
    audio = Audio(torch.zeros(16000 * 3), 16000)
    first, again, other = (
        speak(motion_model, Hearing(), audio, sampling=Sampling(steps=2), seed=seed) for seed in (1, 1, 2)
    )
    assert len(first) == 75 and first.joined().equal(again.joined()) and not first.joined().equal(other.joined())


def test_another_encoder_is_refused(motion_model):
    audio = Audio(torch.zeros(16000), 16000)
    with pytest.raises(BadInput, match="needs 4 channels of the audio encoder 'numbers'"):
        speak(motion_model, Hearing("wav2vec2-768"), audio)


def test_at_rate():
    t = torch.arange(50)[:, None] / 25
    ramp = Motion(t.expand(50, 6), t.expand(50, 52), 25.0, ARKIT)
    fast = at_rate(ramp, 50, 2.0)
    assert len(fast) == 100 and fast.fps == 50
    assert fast.pose[33, 0] == pytest.approx(33 / 50)


def test_pasted_frames_keep_the_rest_of_the_picture():
    picture = torch.rand(3, 61, 83, generator=torch.Generator().manual_seed(0))
    matrix = torch.tensor([[1.0, 0, -30], [0, 1.0, -20], [0, 0, 1]])
    crop = FaceCrop(torch.zeros(3, 16, 16), torch.zeros(478, 3), matrix, (61, 83))
    frames = list(pasted([torch.full((2, 16, 16, 3), 255, dtype=torch.uint8)], repeat(picture), crop))
    assert len(frames) == 2 and frames[0].shape == (1, 61, 83, 3)
    expected = (picture * 255).round().byte().permute(1, 2, 0)
    changed = (frames[0][0] != expected).any(-1)
    assert changed[28, 38] and not changed[:20].any() and not changed[:, :30].any() and not changed[:, 46:].any()


def test_an_imitated_film_gives_its_own_pose_and_leaves_the_heads_size():
    filmed, here = motion(), portrait()
    absolute = anchor(imitation(Numbers(), here, filmed), here.rest)
    torch.testing.assert_close(absolute.pose[:, :5], filmed.pose[:, :5], atol=1e-5, rtol=0)
    torch.testing.assert_close(absolute.pose[:, 5], here.rest.pose[0, 5].expand(50))
    assert torch.equal(absolute.dynamics, filmed.dynamics)


def test_motion_is_converted_where_the_face_model_can_and_refused_where_not():
    foreign = Motion(torch.zeros(1, 6), torch.ones(1, 3), 25.0, MotionSpace("elsewhere", 3))

    class Translator(Numbers):
        def converted(self, motion):
            return Motion(motion.pose, motion.dynamics.new_full((1, 52), 0.5), motion.fps, ARKIT)

    assert suited(Translator(), foreign).space == ARKIT
    same = motion()
    assert suited(Translator(), same) is same and suited(Numbers(), same) is same
    with pytest.raises(WrongSpace, match="elsewhere"):
        suited(Numbers(), foreign)
