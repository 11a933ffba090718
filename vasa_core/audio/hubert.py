"""HuBERT base (Hsu et al., 2021): the network of wav2vec2.py, with what a HuBERT of its own needs around it.

Architecturally HuBERT base is Wav2Vec2 base: one group norm after the first convolution, a grouped convolution as
position code, blocks with their norms behind. What differs is its training, that its sound is not normalised, and how
JoyVASA frames it: whole windows, padded so that every video frame gets exactly two rows.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor

from ..errors import WeightsError
from ..weights.checkpoint import load_into
from .wav2vec2 import FIELD, HOP, Wav2Vec2, config_from_shapes, plain_position_weight

UNUSED = "masked_spec_embed"  # stands for masked steps in training; not part of what is heard


def hubert_from_tensors(tensors: Mapping[str, Tensor], name: str) -> Wav2Vec2:
    """The network in evaluation mode from weights under Hugging Face's keys; sizes come from the shapes.

    The weight norm of the position code may have either of PyTorch's namings. Strict: WeightsError, which names the
    file `name`, where a tensor is missing, unknown or of a wrong shape.
    """
    plain = plain_position_weight({key: value for key, value in tensors.items() if key != UNUSED})
    try:
        config = config_from_shapes(plain, {}, normalise=False)
    except KeyError as error:
        raise WeightsError(f"{name} holds no HuBERT in Hugging Face's layout: it lacks {error}.") from error
    with torch.device("meta"):  # no time for random weights
        network = Wav2Vec2(config)
    network.to_empty(device="cpu")
    load_into(network, {key: value.float() for key, value in plain.items()}, name)
    return network.eval().requires_grad_(False)


def pad_audio(samples: Tensor) -> Tensor:
    """(B, N) -> (B, M): reflected at both ends until N // 320 rows fit (M >= 320 * (N // 320) + 80).

    As JoyVASA does: what is lacking on a side is reflected in two equal steps, an odd sample is repeated.
    """
    lacking = HOP * (samples.shape[1] // HOP) + FIELD - HOP - samples.shape[1]
    half, odd = divmod(max(0, -(-lacking // 2)), 2)  # of each side, rounded up
    for _ in range(2 if half else 0):
        samples = F.pad(samples, (half, half), mode="reflect")
    return F.pad(samples, (1, 1), mode="replicate") if odd else samples


def hear_frames(network: Wav2Vec2, samples: Tensor, frames: int) -> Tensor:
    """(B, N) sound at 16 kHz of `frames` video frames -> (B, frames, width), the last hidden state.

    With N = 640 * frames every frame is the mean of its two rows, centred in the frame's 640 samples.
    """
    states = network(pad_audio(samples))[-1]  # (B, N // 320, width)
    return F.interpolate(states.mT, size=frames, mode="linear", align_corners=False).mT
