"""How JoyVASA hears: its own fine-tuned HuBERT, then a projection to the denoiser's width. An AudioEncoder.

HuBERT hears windows of 100 frames (4 s), as in training; the sound is not normalised.

'published': the sound is moved back by 1280 samples (two frames), and windows follow one another, each deaf to what
lies around it. 'overlap': sound and motion stand as they did in training, where frame i had the 640 samples from
640 i on; windows overlap by 20 frames, of which each gives up the ten next to its edge.
"""

from __future__ import annotations

from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import nn

from ...audio.hubert import hear_frames
from ...audio.resample import SPEECH_RATE, resample
from ...audio.wav2vec2 import Wav2Vec2
from ...errors import BadInput
from ...types import Audio, AudioFeatures
from .options import FPS, OVERLAP, window_starts

NAME = "joyvasa-hubert"
UNIT = SPEECH_RATE // int(FPS)  # samples of a frame
PUBLISHED_DELAY = 1280  # samples of silence before the sound
EDGE = 10  # frames at a window's edge that the neighbour hears better


class JoyVasaHearing(nn.Module):
    """AudioEncoder: features of `channels` channels at 25 frames a second, and those of the silence that follows."""

    def __init__(self, network: Wav2Vec2, channels: int, window: int, previous: int, chaining: str = OVERLAP) -> None:
        super().__init__()
        self.network = network
        self.project = nn.Linear(network.config.width, channels)
        self.channels, self.window, self.previous, self.chaining = channels, window, previous, chaining
        self.name = NAME

    @torch.inference_mode()
    def forward(self, audio: Audio, frames: int, fps: float = FPS) -> AudioFeatures:
        """`frames` frames; silence follows the sound. BadInput for a rate other than 25."""
        if fps != FPS:
            raise BadInput(f"JoyVASA hears at {FPS:g} frames per second, not at {fps:g}.")
        samples = resample(audio, SPEECH_RATE).samples.to(self.project.weight)
        delay = 0 if self.chaining == OVERLAP else PUBLISHED_DELAY
        total = window_starts(frames, self.chaining, self.window, self.previous)[-1] + self.window
        samples = F.pad(samples, (delay, max(0, total * UNIT - delay - len(samples))))
        pieces = []
        for start, first, last in self.pieces(total):
            window = samples[start * UNIT : (start + self.window) * UNIT]
            heard = self.project(hear_frames(self.network, window[None], self.window))[0]  # (W, C)
            pieces.append(heard[first:last].float())
        values = torch.cat(pieces)  # (total, C)
        return AudioFeatures(values[:frames], fps, self.name, tail=values[frames:])

    def pieces(self, total: int) -> list[tuple[int, int, int]]:
        """(first frame, first and last frame kept, counted in the window) of the windows that HuBERT hears."""
        if self.chaining != OVERLAP:
            return [(start, 0, self.window) for start in range(0, total, self.window)]
        stride = self.window - 2 * EDGE
        starts = [*range(0, total - self.window, stride), total - self.window]
        ends = [(a + self.window + b) // 2 for a, b in pairwise(starts)]  # where neighbours meet
        bounds = zip(starts, [0, *ends], [*ends, total], strict=True)
        return [(start, first - start, last - start) for start, first, last in bounds]
