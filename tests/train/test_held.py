"""Held vowels: one vowel of an utterance lasts, in sound and labels alike."""

import json

import numpy as np
import torch

from vasa_core.audio.phonetic import VISEMES, PhoneticConfig, PhoneticEncoder
from vasa_core.train.held import held_vowels, to_and_fro
from vasa_core.train.speech import ARCHITECTURE
from vasa_core.weights import checkpoint


def test_time_runs_to_and_fro_in_the_vowels_middle_only():
    times, holds = to_and_fro(50, (20, 32), 100)
    held = times[holds]
    assert len(held) >= 100 and held.min() == 23 and held.max() == 28
    assert np.abs(np.diff(times)).max() == 1  # the sound never jumps
    assert times[~holds].tolist() == [*range(23), *range(29, 50)]


def test_a_vowel_too_short_to_turn_in_stands_still():
    times, holds = to_and_fro(10, (4, 6), 30)
    assert (times[holds] == times[holds][0]).sum() >= 15 and len(times) >= 38


def test_the_mouth_holds_what_the_vowel_shows(tmp_path):
    frames = 60  # at 25 per second
    viseme = torch.zeros(2 * frames, dtype=torch.uint8)
    viseme[50:70] = VISEMES.index("a")
    curves = torch.zeros(2 * frames, 6)
    curves[40:80, :2] = torch.hann_window(40, periodic=False)[:, None]
    tensors = {
        "mel": torch.randn(4 * frames, 80).half(),
        "curves": curves.half(),
        "viseme": viseme,
        "prosody": torch.zeros(2 * frames, 3).half(),
        "lengths": torch.tensor([frames], dtype=torch.int32),
    }
    for name in ("espeak", "human_held_out"):
        checkpoint.save(tmp_path / f"{name}.safetensors", tensors, ARCHITECTURE, utterances=json.dumps([{}]))
    torch.manual_seed(0)
    encoder = PhoneticEncoder(PhoneticConfig(width=8, dilations=(1,))).eval()
    clips = held_vowels(tmp_path, encoder, 12, seed=0)
    assert len(clips) == 12  # of the training shard alone
    for clip in clips:
        jaw = clip.mouth[:, 0]
        assert len(clip.features) == len(jaw)
        assert (jaw > 0.7).sum() > 18 and np.abs(np.diff(jaw[jaw == jaw.max()])).max() == 0
        assert jaw[0] == 0 and jaw[-1] < 0.3
    alone = [clip for clip in clips if (clip.mouth[:, 0] > 0.7).mean() > 0.6]
    assert 2 < len(alone) < 10 and any(len(clip.mouth) > frames + 15 for clip in clips)
