"""A tiny motion model and tiny conditions, for the tests of this folder."""

import torch

from vasa_core.arkit import ARKIT
from vasa_core.motion.channels import arkit_channels
from vasa_core.motion.conditions import PREVIOUS, WINDOW, Conditions
from vasa_core.motion.denoiser import Preset
from vasa_core.motion.model import MotionModel
from vasa_core.types import AudioFeatures

TINY = Preset(layers=2, width=32, heads=2, widen=2)
AUDIO_CHANNELS = 5


def tiny_model(seed: int = 0) -> MotionModel:
    """A model with random weights everywhere, so that every path carries something."""
    torch.manual_seed(seed)
    model = MotionModel(ARKIT, "toy", AUDIO_CHANNELS, TINY, channels=arkit_channels())
    with torch.no_grad():
        for parameter in model.denoiser.parameters():
            if not parameter.any():
                parameter.normal_(0, 0.1)
    return model.eval()


def tiny_conditions(batch: int, channels: int, seed: int = 0) -> Conditions:
    g = torch.Generator().manual_seed(seed)
    return Conditions(
        audio=torch.randn(batch, WINDOW, AUDIO_CHANNELS, generator=g),
        gaze=0.2 * torch.randn(batch, WINDOW, 2, generator=g),
        distance=1 + 0.2 * torch.rand(batch, WINDOW, 1, generator=g),
        emotion=torch.rand(batch, WINDOW, 8, generator=g),
        previous_motion=torch.randn(batch, PREVIOUS, channels, generator=g),
        previous_audio=torch.randn(batch, PREVIOUS, AUDIO_CHANNELS, generator=g),
        keep=torch.ones(batch, 6, dtype=torch.bool),
        valid=torch.ones(batch, WINDOW, dtype=torch.bool),
    )


def features(frames: int, seed: int = 0) -> AudioFeatures:
    values = torch.randn(frames, AUDIO_CHANNELS, generator=torch.Generator().manual_seed(seed))
    return AudioFeatures(values, 25.0, "toy")
