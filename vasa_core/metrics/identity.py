"""Identity similarity: whether the person in a video is the one in a picture, by a face-recognition network."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from .recognition import RecognitionNetwork, aligned


@torch.inference_mode()
def person(network: RecognitionNetwork, pictures: Tensor, poses: Tensor) -> Tensor:
    """(B, length) on the CPU, whose direction is the person in each picture (B, 3, S, S), a face crop in [0, 1].

    poses (B, 6): absolute head poses in that crop.
    """
    device = next(network.parameters()).device
    return network(aligned(pictures.to(device), poses.to(device), network.sizes.side)).cpu()


def identity_similarity(frames: Tensor, portrait: Tensor) -> float:
    """Mean cosine, -1 to 1, of the people of frames (T, C) and of the portrait (C,), as `person` has them."""
    return float(F.cosine_similarity(frames, portrait[None]).mean())
