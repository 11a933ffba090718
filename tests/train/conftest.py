"""A corpus of toy speech, for what draws windows from one and what learns from them."""

import json

import pytest
import torch

from vasa_core.audio.mel import BANDS
from vasa_core.audio.phonetic import CURVES, VISEMES
from vasa_core.train import speech
from vasa_core.weights import checkpoint


def toy_shard(path, clips=4, frames=40, seed=0):
    """Clips in which each viseme is one band of the spectrum and one height of the curves."""
    generator = torch.Generator().manual_seed(seed)
    viseme = torch.randint(len(VISEMES), (clips * frames // 4,), generator=generator).repeat_interleave(8)
    mel = torch.full((4 * clips * frames, BANDS), -12.0)
    for i, v in enumerate(viseme.tolist()):
        mel[2 * i : 2 * i + 2, 2 * v + 5 : 2 * v + 12] = 4.0
    curves = (viseme[:, None].float() / len(VISEMES)).expand(-1, len(CURVES))
    tensors = {
        "mel": mel.half(),
        "curves": curves.half().contiguous(),
        "viseme": viseme.to(torch.uint8),
        "prosody": torch.zeros(len(viseme), 3).half(),
        "lengths": torch.full((clips,), frames, dtype=torch.int32),
    }
    checkpoint.save(
        path, tensors, speech.ARCHITECTURE, utterances=json.dumps([{"voice": f"toy {i} clip"} for i in range(clips)])
    )


@pytest.fixture
def corpus(tmp_path):
    toy_shard(tmp_path / "human.safetensors")
    toy_shard(tmp_path / "human_held_out.safetensors")
    return tmp_path
