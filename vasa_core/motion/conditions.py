"""What one window of motion is generated from, batch first. Missing is a flag, never a number.

The paper's C = [X_pre, A_pre; A, g, d, e]: previous motion and audio, this window's audio, main gaze
direction, head distance and emotion. `keep` says per sample which of the six are present; the denoiser puts
its learned null where one is not.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Protocol

import torch
from torch import Tensor

from ..types import EMOTIONS

WINDOW, PREVIOUS = 50, 10
"""Frames that are generated at once, and frames of the window before that they continue."""

FIELDS = ("audio", "gaze", "distance", "emotion", "previous_motion", "previous_audio")
AUDIO, GAZE, DISTANCE, EMOTION, PREVIOUS_MOTION, PREVIOUS_AUDIO = range(len(FIELDS))
CONTROL_CHANNELS = 2 + 1 + len(EMOTIONS)


@dataclass(frozen=True)
class Conditions:
    """One window's conditions.

    audio: (B, W, C) features. gaze: (B, W, 2) yaw, pitch in radians. distance: (B, W, 1), 1 is the
    portrait's own. emotion: (B, W, 8) in the order of EMOTIONS. previous_motion: (B, P, K) in the motion
    model's normalised channels. previous_audio: (B, P, C). keep: (B, 6) bool in the order of FIELDS.
    valid: (B, W) bool, False where the sound has ended (the last window); there audio counts as missing.
    """

    audio: Tensor
    gaze: Tensor
    distance: Tensor
    emotion: Tensor
    previous_motion: Tensor
    previous_audio: Tensor
    keep: Tensor
    valid: Tensor

    def __len__(self) -> int:
        return self.audio.shape[0]

    def without(self, field: int) -> Conditions:
        """The same conditions with one of FIELDS missing in every sample."""
        keep = self.keep.clone()
        keep[:, field] = False
        return replace(self, keep=keep)

    def to(self, device: torch.device | str) -> Conditions:
        """Every tensor on `device`."""
        return Conditions(*(getattr(self, f.name).to(device) for f in fields(self)))

    @staticmethod
    def joined(parts: list[Conditions]) -> Conditions:
        """Several batches as one, in order."""
        return Conditions(*(torch.cat([getattr(p, f.name) for p in parts]) for f in fields(Conditions)))


class Denoiser(Protocol):
    """Predicts the clean motion x0."""

    def __call__(self, x: Tensor, t: Tensor, conditions: Conditions) -> Tensor:
        """x (B, W, K) noisy motion, t (B,) integer diffusion times -> (B, W, K) clean motion."""
        ...
