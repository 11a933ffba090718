"""The video file: exact frames, exact sound, right colours, whole or not at all."""

import hashlib
import os
import resource
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
import torch

from vasa_core.errors import BadInput, OutputError
from vasa_core.media.provenance import SYNTHETIC, made_with, provenance
from vasa_core.media.read import read_video, read_waveform
from vasa_core.media.write import VideoWriter, exact_rate


def frames(count, height=64, width=64, seed=0):
    return np.random.default_rng(seed).integers(0, 255, (count, height, width, 3), dtype=np.uint8)


def click(rate, seconds, onset, channels=1):
    """A short tone at `onset` seconds."""
    t = torch.arange(int(rate * seconds)) / rate
    tone = 0.8 * torch.sin(2 * torch.pi * 1000 * t) * ((t >= onset) & (t < onset + 0.05))
    return tone.expand(channels, -1)


@pytest.mark.parametrize("rate", [8000, 22050, 44100, 48000, 96000])
@pytest.mark.parametrize("channels", [1, 2])
def test_sound_starts_when_it_should(tmp_path, rate, channels):
    with VideoWriter(tmp_path / "v.mp4", 25, click(rate, 2.0, 1.0, channels), rate) as writer:
        for _ in range(5):
            writer.write(frames(10))
    waveform, read_rate = read_waveform(tmp_path / "v.mp4")
    loud = (waveform[0].abs() > 0.3).nonzero()[:, 0] / read_rate
    assert abs(loud[0] - 1.0) < 0.002 and abs(loud[-1] - 1.05) < 0.002
    assert waveform.shape[0] == channels


@pytest.mark.parametrize("fps", [24, 25, 29.97, 30, 60])
@pytest.mark.parametrize("seconds", [0.3, 1.0, 2.77])
def test_length_is_that_of_the_frames(tmp_path, fps, seconds):
    count = int(np.ceil(seconds * fps))
    with VideoWriter(tmp_path / "v.mp4", fps, click(16000, seconds, 0.1), 16000) as writer:
        writer.write(frames(count))
        assert writer.duration == pytest.approx(count / float(exact_rate(fps)))
    with av.open(str(tmp_path / "v.mp4")) as file:
        video, sound = file.streams.video[0], file.streams.audio[0]
        assert video.frames == count and video.average_rate == exact_rate(fps)
        assert abs(float(video.duration * video.time_base) - count / fps) < 0.001
        assert abs(float(sound.duration * sound.time_base) - seconds) < 1 / fps + 1024 / 48000


def test_of_more_than_two_channels_none_is_lost(tmp_path):
    """The speech of a film in 5.1 is in its third channel."""
    silent = torch.zeros(2, 48000 * 2)
    with VideoWriter(tmp_path / "v.mp4", 25, torch.cat([silent, click(48000, 2.0, 1.0), silent[:1]]), 48000) as writer:
        writer.write(frames(50))
    waveform, rate = read_waveform(tmp_path / "v.mp4")
    loud = (waveform.abs() > 0.1).nonzero()
    assert waveform.shape[0] == 1 and abs(loud[0, 1] / rate - 1.0) < 0.002


def test_long_sound_is_cut_and_interleaved(tmp_path):
    """Packets of sound lie among those of the pictures, so that players need not seek."""
    with VideoWriter(tmp_path / "v.mp4", 25, torch.zeros(1, 48000 * 9), 48000) as writer:
        for _ in range(16):
            writer.write(frames(8))
    with av.open(str(tmp_path / "v.mp4")) as file:
        assert float(file.streams.audio[0].duration * file.streams.audio[0].time_base) < 5.2
        by_place = sorted((p.pos, p.stream.type, float(p.pts * p.time_base)) for p in file.demux() if p.pts is not None)
    latest = {"video": 0.0, "audio": 0.0}
    for _, kind, time in by_place:
        latest[kind] = max(latest[kind], time)
        assert abs(latest["video"] - latest["audio"]) < 2.5
    data = (tmp_path / "v.mp4").read_bytes()
    assert data.index(b"moov") < data.index(b"mdat")  # plays while it loads


def test_colours_survive_and_are_tagged(tmp_path):
    patches = np.random.default_rng(1).integers(0, 256, (6, 8, 3), dtype=np.uint8)
    picture = patches.repeat(32, 0).repeat(32, 1)
    with VideoWriter(tmp_path / "v.mp4", 25) as writer:
        writer.write(np.stack([picture] * 5))
    back = next(read_video(tmp_path / "v.mp4").pictures())
    assert np.abs(back[16::32, 16::32].astype(int) - patches).max() <= 4
    with av.open(str(tmp_path / "v.mp4")) as file:
        context = file.streams.video[0].codec_context
        assert (context.color_range, context.colorspace, context.color_primaries, context.color_trc) == (1, 1, 1, 1)
        assert context.pix_fmt == "yuv420p"


@pytest.mark.parametrize("size", [(64, 64), (65, 64), (64, 65), (63, 127)])
def test_odd_sizes_are_made_even(tmp_path, size):
    with VideoWriter(tmp_path / "v.mp4", 25) as writer:
        writer.write(torch.from_numpy(frames(3, *size)))
        writer.write(frames(1, *size)[0])
    back = next(iter(read_video(tmp_path / "v.mp4")))
    assert back.shape == (3, size[0] + size[0] % 2, size[1] + size[1] % 2)


def test_metadata(tmp_path):
    weights = tmp_path / "w.safetensors"
    weights.write_bytes(b"weights")
    tags = provenance(made_with({"face": "mesh", "motion": weights}, seed=7))
    with VideoWriter(tmp_path / "v.mp4", 25, metadata={**tags, "workflow": '{"nodes": []}'}) as writer:
        writer.write(frames(2))
    with av.open(str(tmp_path / "v.mp4")) as file:
        told = file.metadata
    assert told["digital_source_type"] == SYNTHETIC and told["seed"] == "7" and "Synthetic" in told["comment"]
    assert told["face_model"] == "mesh" and told["workflow"] == '{"nodes": []}'
    assert told["motion_model"] == f"w.safetensors sha256:{hashlib.sha256(b'weights').hexdigest()}"


def test_exact_rates():
    assert exact_rate(25) == 25 and exact_rate(29.97) == Fraction(30000, 1001)
    assert exact_rate(23.976) == Fraction(24000, 1001) and exact_rate(59.94) == Fraction(60000, 1001)
    assert exact_rate(12.5) == Fraction(25, 2) and exact_rate(Fraction(30000, 1001)) == Fraction(30000, 1001)
    for impossible in (0, -1, 1000, float("nan")):
        with pytest.raises(BadInput, match="frame rate"):
            exact_rate(impossible)


class Cancelled(BaseException):
    """Like ComfyUI's interruption: no child of Exception."""


@pytest.mark.parametrize("error", [Cancelled, KeyboardInterrupt, ValueError])
@pytest.mark.parametrize("written", [0, 1, 60])
def test_nothing_is_left_after_a_stop(tmp_path, error, written):
    path = tmp_path / "v.mp4"
    path.write_bytes(b"the video of before")
    with pytest.raises(error), VideoWriter(path, 25, click(16000, 3.0, 0.1), 16000) as writer:
        if written:
            writer.write(frames(written))
        raise error
    assert list(tmp_path.iterdir()) == [path] and path.read_bytes() == b"the video of before"
    with VideoWriter(path, 25) as writer:
        writer.write(frames(2))
    assert list(tmp_path.iterdir()) == [path] and len(list(read_video(path))) == 2


def test_no_frames_is_an_error(tmp_path):
    with pytest.raises(OutputError, match="No frame"), VideoWriter(tmp_path / "v.mp4", 25):
        pass
    assert list(tmp_path.iterdir()) == []


def test_wrong_frames(tmp_path):
    with pytest.raises(BadInput, match="uint8"), VideoWriter(tmp_path / "v.mp4", 25) as writer:
        writer.write(torch.zeros(1, 64, 64, 3))
    with pytest.raises(BadInput, match="one size"), VideoWriter(tmp_path / "v.mp4", 25) as writer:
        writer.write(frames(1))
        writer.write(frames(1, 32, 32))
    assert list(tmp_path.iterdir()) == []


def test_unwritable_places(tmp_path):
    with pytest.raises(OutputError, match="Cannot write"), VideoWriter(tmp_path / "nowhere" / "v.mp4", 25):
        pass
    (tmp_path / "v.mp4").mkdir()
    with pytest.raises(OutputError, match="Cannot write"), VideoWriter(tmp_path / "v.mp4", 25) as writer:
        writer.write(frames(2))
    assert [path.name for path in tmp_path.iterdir()] == ["v.mp4"]
    assert list((tmp_path / "v.mp4").iterdir()) == []


FULL_DISK = """
import resource, sys
import numpy as np, torch
from vasa_core.errors import OutputError
from vasa_core.media.write import VideoWriter
for room in map(int, sys.argv[2:]):
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, resource.RLIM_INFINITY))
    try:
        with VideoWriter(sys.argv[1], 25, torch.zeros(1, 48000 * 3), 48000) as writer:
            for k in range(6):
                writer.write(np.random.default_rng(k).integers(0, 255, (10, 128, 128, 3), dtype=np.uint8))
        print("written")
    except OutputError as error:
        print(error)
"""


def test_full_disk(tmp_path):
    """A limit on file sizes stands in for a full disk: writes fail in the same way, at any moment."""
    rooms = [0, 20_000, 100_000, 400_000, 600_000, 2**40]
    command = [sys.executable, "-c", FULL_DISK, str(tmp_path / "v.mp4"), *map(str, rooms)]
    root = Path(__file__).resolve().parents[2]
    run = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "PYTHONPATH": str(root)})
    assert run.returncode == 0, run.stderr
    *failed, last = run.stdout.splitlines()
    assert len(failed) == len(rooms) - 1 and all("Cannot write" in line for line in failed), run.stdout
    assert last == "written" and [path.name for path in tmp_path.iterdir()] == ["v.mp4"]
    assert len(list(read_video(tmp_path / "v.mp4"))) == 60


def test_memory_does_not_grow_with_length(tmp_path):
    """Peak memory of this process rises by less than 40 MB from 80 frames to 500 (raw, the difference is 330 MB)."""
    block = np.zeros((10, 512, 512, 3), np.uint8)

    def peak(count):
        with VideoWriter(tmp_path / "v.mp4", 25, torch.zeros(1, 48000 * 40), 48000) as writer:
            for _ in range(count // 10):
                writer.write(block)
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024

    short = peak(80)
    assert peak(500) - short < 40
