"""What the face network keeps of a picture: all that does not change from frame to frame."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from ...types import Portrait


@dataclass(frozen=True)
class VasaPortrait(Portrait):
    """An encoded picture. volume (1, C, D, H, W): canonical V_app. identity (1, I): z_id."""

    volume: Tensor
    identity: Tensor

    def to(self, device: torch.device, dtype: torch.dtype) -> VasaPortrait:
        """This portrait with its tensors as the network needs them; the crop stays where it is."""
        return replace(self, volume=self.volume.to(device, dtype), identity=self.identity.to(device, dtype))
