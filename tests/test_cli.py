"""The command line, end to end with the shipped models: files come out right, errors are one sentence."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import av
import numpy as np
import pytest
import torch
from PIL import Image

from vasa_core import cli
from vasa_core.cli import CANCELLED, FAILED, main
from vasa_core.media.provenance import SYNTHETIC
from vasa_core.media.read import read_video, read_waveform
from vasa_core.media.write import VideoWriter
from vasa_core.motion.files import load_arkit_csv, load_motion

ROOT = Path(__file__).resolve().parents[1]
PORTRAIT, SPEECH = ROOT / "assets" / "astronaut.png", ROOT / "assets" / "speech.wav"
TALK = ("talk", "{portrait}", "{speech}", "-o")


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    """0.8 s of the bundled speech in a file, (path, seconds)."""
    waveform, rate = read_waveform(SPEECH)
    path = tmp_path_factory.mktemp("clip") / "clip.wav"
    part = waveform[:1, rate // 2 : rate // 2 + int(0.8 * rate)]
    with av.open(str(path), "w") as file:
        stream = file.add_stream("pcm_s16le", rate=rate, layout="mono")
        frame = av.AudioFrame.from_ndarray((part.numpy() * 32767).astype(np.int16), format="s16", layout="mono")
        frame.sample_rate, frame.pts = rate, 0
        file.mux(stream.encode(frame))
        file.mux(stream.encode(None))
    return path, part.shape[1] / rate


@pytest.fixture(scope="module")
def talk(clip, tmp_path_factory):
    """A talking video: its path."""
    path = tmp_path_factory.mktemp("talk") / "talk.mp4"
    assert main(["talk", str(PORTRAIT), str(clip[0]), "-o", str(path), "--steps", "4", "--seed", "3"]) == 0
    return path


def test_talk_makes_a_video_with_sound(talk, clip):
    frames = torch.stack(list(read_video(talk)))
    assert frames.shape == (20, 3, 512, 512)
    assert frames.diff(dim=0).abs().amax() > 0.1  # something moves
    waveform, rate = read_waveform(talk)
    assert abs(waveform.shape[1] / rate - clip[1]) < 0.05
    with av.open(str(talk)) as file:
        told = file.metadata
    assert told["digital_source_type"] == SYNTHETIC and told["seed"] == "3"
    assert re.fullmatch(r"starter.safetensors sha256:[0-9a-f]{64}", told["motion_model"])
    assert list(talk.parent.iterdir()) == [talk]


def test_other_rates_and_the_whole_picture(clip, tmp_path):
    path = tmp_path / "talk.mp4"
    options = ["--steps", "2", "--fps", "29.97", "--paste-back", "--face-index", "0", "--device", "cpu"]
    assert main(["talk", str(PORTRAIT), str(clip[0]), "-o", str(path), *options]) == 0
    video = read_video(path)
    with Image.open(PORTRAIT) as picture:
        size = picture.size
    frames = list(video)
    assert len(frames) == 24 and frames[0].shape == (3, size[1], size[0])
    assert abs(float(video.fps) - 29.97) < 1e-3


def test_motion_in_files_can_be_used_again(clip, tmp_path, talk):
    motion, curves, plot = tmp_path / "m.safetensors", tmp_path / "m.csv", tmp_path / "p.png"
    voice = ["--steps", "4", "--seed", "3"]
    assert main(["motion", str(clip[0]), "-o", str(motion), "--plot", str(plot), *voice]) == 0
    assert main(["motion", str(clip[0]), "-o", str(curves), *voice]) == 0
    made, read = load_motion(motion), load_arkit_csv(curves)
    assert len(made) == 20 and made.space.name == "arkit"
    torch.testing.assert_close(made.pose, read.pose, atol=1e-6, rtol=0)
    with Image.open(plot) as picture:
        assert picture.width == 1200
    again = tmp_path / "again.mp4"
    assert main(["talk", str(PORTRAIT), str(clip[0]), "-o", str(again), "--use-motion", str(motion)]) == 0
    for a, b in zip(read_video(talk), read_video(again), strict=True):
        assert a.equal(b)


def test_controls_reach_the_motion(clip, tmp_path):
    def motion(*options):
        path = tmp_path / "m.safetensors"
        assert main(["motion", str(clip[0]), "-o", str(path), "--steps", "4", *options]) == 0
        return load_motion(path)

    plain, near = motion(), motion("--distance", "0.8")
    assert near.pose[:, 5].mean() > plain.pose[:, 5].mean() + 0.05
    right, left = motion("--gaze", "12,0"), motion("--gaze", "-12,5")
    names = {"out_left": 3, "in_left": 2}  # of the subject's left eye: outwards is to the viewer's right
    look = [m.dynamics[:, names["out_left"]].mean() - m.dynamics[:, names["in_left"]].mean() for m in (right, left)]
    turn = [m.pose[:, 1].mean() for m in (right, left)]
    assert look[0] * 0.52 + turn[0] > look[1] * 0.52 + turn[1] + 0.2
    assert not motion("--emotion", "happiness:0.8,anger:0.1").dynamics.equal(plain.dynamics)
    assert motion("--seed", "1").pose.ne(plain.pose).any()


def test_drive(talk, tmp_path):
    path = tmp_path / "drive.mp4"
    assert main(["drive", str(PORTRAIT), str(talk), "-o", str(path)]) == 0
    assert len(list(read_video(path))) == 20 and read_video(path).has_sound


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ([*TALK, "{folder}/out.avi"], "must end in .mp4"),
        ([*TALK, "{folder}/no/out.mp4"], "Cannot write"),
        (["talk", "{folder}/none.png", "{speech}", "-o", "{folder}/out.mp4"], "no picture"),
        (["talk", "{portrait}", "{folder}/none.wav", "-o", "{folder}/out.mp4"], "no audio file"),
        (["talk", "{speech}", "{speech}", "-o", "{folder}/out.mp4"], "cannot be read"),
        (["talk", "{portrait}", "{portrait}", "-o", "{folder}/out.mp4"], "no sound"),
        ([*TALK, "{folder}/out.mp4", "--face-index", "7"], "face"),
        ([*TALK, "{folder}/out.mp4", "--box", "-9,-9,-5,-5"], "box"),
        ([*TALK, "{folder}/out.mp4", "--device", "abacus"], "cannot be used"),
        ([*TALK, "{folder}/out.mp4", "--motion", "{folder}/none.safetensors"], "missing"),
        ([*TALK, "{folder}/out.mp4", "--use-motion", "{folder}/none.safetensors"], "missing"),
        ([*TALK, "{folder}/out.mp4", "--steps", "0"], "steps"),
        ([*TALK, "{folder}/out.mp4", "--distance", "0"], "distance"),
        ([*TALK, "{folder}/out.mp4", "--emotion", "anger:3"], "emotion"),
        ([*TALK, "{folder}/out.mp4", "--audio-encoder", "{portrait}"], "audio encoder"),
        ([*TALK, "{folder}/out.mp4", "--face", "clay"], "no face model 'clay'"),
        (
            [*TALK, "{folder}/out.mp4", "--face", "liveportrait"],
            "LivePortrait is missing from .* fetch liveportrait",
        ),
        ([*TALK, "{folder}/out.mp4", "--motion", "joyvasa"], "JoyVASA is missing from .* fetch joyvasa"),
        (["drive", "{portrait}", "{speech}", "-o", "{folder}/out.mp4"], "no picture"),
        (["motion", "{speech}", "-o", "{folder}/no/m.safetensors"], "Cannot write"),
    ],
)
def test_errors_are_one_sentence(arguments, says, clip, tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("VASA_MODELS", str(tmp_path))
    values = {"portrait": PORTRAIT, "speech": clip[0], "folder": tmp_path}
    assert main([argument.format(**values) for argument in arguments]) == FAILED
    told = capsys.readouterr().err
    assert "Traceback" not in told
    last = told.strip().splitlines()[-1]
    assert last.startswith("vasa: ") and re.search(says, last, re.IGNORECASE), last
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--gaze", "10"], "two angles"),
        (["--gaze", "a,b"], "two angles"),
        (["--box", "1,2,3"], "four numbers"),
        (["--emotion", "joy:1"], "not one of anger"),
        (["--emotion", "anger:x"], "not a number"),
        (["--fps", "1/0"], "not a frame rate"),
        (["--fps", "1000"], "not a frame rate"),
    ],
)
def test_wrong_options_say_what_is_right(arguments, says, capsys):
    with pytest.raises(SystemExit) as stopped:
        main(["talk", str(PORTRAIT), str(SPEECH), "-o", "out.mp4", *arguments])
    assert stopped.value.code == 2
    assert says in capsys.readouterr().err


def test_people_give_degrees():
    options = cli._parser().parse_args(
        cli.joined(["talk", "p", "a", "-o", "o", "--gaze", "-90,45", "--emotion", "happiness:0.6,anger:0.1"])
    )
    controls = cli._controls(options)
    torch.testing.assert_close(controls.gaze.values, torch.tensor([[-np.pi / 2, np.pi / 4]], dtype=torch.float32))
    assert controls.emotion.values[0].tolist() == pytest.approx([0.1, 0, 0, 0, 0.6, 0, 0, 0])
    assert controls.distance is None


def test_stopping_leaves_nothing_and_the_next_run_works(clip, tmp_path, monkeypatch, capsys):
    path = tmp_path / "talk.mp4"
    step = cli.Bar.step

    def stopping_at(moment):
        def stopping(self, name):
            show, calls = step(self, name), 0

            def tell(done, total):
                nonlocal calls
                calls += 1
                if name == moment and calls == 2:
                    raise KeyboardInterrupt
                show(done, total)

            return tell

        return stopping

    command = ["talk", str(PORTRAIT), str(clip[0]), "-o", str(path), "--steps", "2"]
    for moment in ("motion", "video"):
        with monkeypatch.context() as patched:
            patched.setattr(cli.Bar, "step", stopping_at(moment))
            assert main(command) == CANCELLED
        assert "no file was written" in capsys.readouterr().err and list(tmp_path.iterdir()) == []
    assert main(command) == 0 and list(tmp_path.iterdir()) == [path]


@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
def test_a_killed_process_cleans_up(tmp_path):
    command = [sys.executable, "-m", "vasa_core", "talk", str(PORTRAIT), str(SPEECH), "-o", str(tmp_path / "t.mp4")]
    process = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True)
    for line in process.stderr:
        if line.startswith("video"):
            break
    time.sleep(0.3)
    process.send_signal(signal.SIGTERM)
    told = process.stderr.read()
    assert process.wait(60) == CANCELLED, told
    assert "Traceback" not in told and list(tmp_path.iterdir()) == []


def test_a_video_is_a_sound_file_too(talk, tmp_path):
    assert main(["motion", str(talk), "-o", str(tmp_path / "m.csv"), "--steps", "2"]) == 0
    with VideoWriter(tmp_path / "mute.mp4", 25) as writer:
        writer.write(np.zeros((30, 64, 64, 3), np.uint8))
    assert main(["motion", str(tmp_path / "mute.mp4"), "-o", str(tmp_path / "n.csv")]) == FAILED
