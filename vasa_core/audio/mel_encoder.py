"""The plainest audio encoder: the log-mel spectrum itself, four spectra of 80 bands to each motion frame.

It has no weights, knows no language, and needs no file. What is to be heard of lips is in it, and left to the motion
model to find.
"""

from __future__ import annotations

import torch
from torch import nn

from ..types import Audio, AudioFeatures
from .align import resample_features
from .mel import BANDS, MEL_FPS, MEL_RATE, log_mel, normalise
from .resample import resample

ENCODER = "log-mel"
SPECTRA = 4  # of a motion frame: at 25 frames a second they lie 10 ms apart, as they are measured


class LogMelEncoder(nn.Module):
    """An AudioEncoder. Band b of spectrum k of a frame is channel 80 k + b: about -1.8 in silence, 0 +- 1 in speech,
    relative to the clip's loud level."""

    channels = SPECTRA * BANDS

    @torch.no_grad()
    def forward(self, audio: Audio, frames: int, fps: float) -> AudioFeatures:
        """`frames` rows at `fps`; the spectra of row i are spread evenly about i / fps seconds."""
        mel = normalise(log_mel(resample(audio, MEL_RATE).samples))[:, :BANDS]  # (N, 80)
        offsets = [(k + 0.5) / SPECTRA - 0.5 for k in range(SPECTRA)]  # in frames
        parts = [resample_features(mel, MEL_FPS, -offset / fps, frames, fps) for offset in offsets]
        return AudioFeatures(torch.cat(parts, dim=1), fps, ENCODER)
