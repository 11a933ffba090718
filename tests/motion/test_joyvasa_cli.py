"""JoyVASA by the command line: motion from speech, by file and by its fetched name, and what cannot be."""

from pathlib import Path

import pytest
import torch

from vasa_core.audio.align import frame_count
from vasa_core.cli import FAILED, main
from vasa_core.keypoints import LIVEPORTRAIT
from vasa_core.media.read import read_audio
from vasa_core.motion.files import load_motion

SPEECH = Path(__file__).resolve().parents[2] / "assets" / "speech.wav"


def speak(model, out, *options):
    """Exit code of `motion` for the bundled speech."""
    return main(
        ["motion", str(SPEECH), "--motion", str(model), "-o", str(out), "--steps", "2", "--device", "cpu", *options]
    )


def test_motion_of_a_voice(tiny_joyvasa_file, tmp_path):
    assert speak(tiny_joyvasa_file, tmp_path / "motion.safetensors") == 0
    motion = load_motion(tmp_path / "motion.safetensors")
    assert motion.space == LIVEPORTRAIT and len(motion) == frame_count(read_audio(SPEECH).duration, 25)
    assert motion.dynamics.std() > 0


def test_the_options_of_joyvasa_reach_it(tiny_joyvasa_file, tmp_path):
    made = {}
    for name, options in {
        "ours": (),
        "published": ("--chaining", "published", "--smoothing", "published"),
        "ordered": ("--positions", "ordered"),
        "far": ("--distance", "2"),
    }.items():
        assert speak(tiny_joyvasa_file, tmp_path / f"{name}.safetensors", *options) == 0
        made[name] = load_motion(tmp_path / f"{name}.safetensors")
    assert made["published"].pose[:, :3].abs().max() < 0.5 * made["ours"].pose[:, :3].abs().max()
    assert not torch.allclose(made["ordered"].dynamics, made["ours"].dynamics, atol=1e-4)
    assert torch.allclose(made["far"].pose[:, 5], made["ours"].pose[:, 5] - torch.tensor(2.0).log())


def test_the_name_joyvasa_finds_what_was_fetched(tiny_joyvasa_file, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("VASA_MODELS", str(tmp_path))
    assert speak("joyvasa", tmp_path / "out.safetensors") == FAILED
    assert "motion_generator_hubert_chinese.pt" in capsys.readouterr().err
    (tmp_path / "joyvasa").symlink_to(tiny_joyvasa_file.parent)
    assert speak("joyvasa", tmp_path / "out.safetensors") == 0


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--audio-encoder", "other.safetensors"), "brings its own audio encoder"),
        (("--steps", "11"), "at most 10 steps"),
    ],
)
def test_what_joyvasa_cannot_do_is_one_sentence(tiny_joyvasa_file, tmp_path, capsys, options, told):
    assert speak(tiny_joyvasa_file, tmp_path / "out.safetensors", *options) == FAILED
    assert told in capsys.readouterr().err and not (tmp_path / "out.safetensors").exists()
