"""A trained face network and its file.

The file is safetensors. Its header names the architecture, the preset with all its sizes, the motion space, and the
number of steps it was trained for. A network that was not trained is neither written nor read.

What a dynamics code means is a matter of the weights alone: the same training a thousand steps on reads other codes.
So the space is named after its training and its weights, such as vasa-1f0c22d9, and a motion model that was trained on
one network's codes is never used with another's.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import torch

from ...errors import WeightsError
from ...types import MotionSpace
from ...weights import checkpoint
from .layers import fold, is_folded
from .model import VasaFaceModel
from .network import FaceNetwork
from .presets import FacePreset

ARCHITECTURE = "vasa-face-1"
SPACE = "vasa"


def save_face_network(
    path: str | Path, network: FaceNetwork, steps: int, space: str = SPACE, half: bool = False
) -> None:
    """Write `network`, trained for `steps`, atomically; `half` stores float16.

    space: what its motion space is called; the first digits of the hash of the whole weights are put behind it.
    Raises WeightsError for an untrained network, and for one whose weights `fold` has already simplified.
    """
    if steps < 1:
        raise WeightsError("This face network is untrained and is not saved. Train it for at least one step.")
    if is_folded(network):
        raise WeightsError("This face network was loaded for use, not training; copy its file instead of saving it.")
    weights = {name: value.detach().cpu() for name, value in network.state_dict().items()}
    tensors = {name: value.half() if half else value for name, value in weights.items()}
    sizes = json.dumps(asdict(network.preset))
    unique = f"{space}-{checkpoint.content_hash(weights)[:8]}"
    told = {"space": unique, "dynamics": str(network.preset.dynamics), "steps": str(steps), "preset": sizes}
    checkpoint.save(path, tensors, ARCHITECTURE, precision="float16" if half else "float32", **told)


def load_face_network(path: str | Path, trainable: bool = False) -> VasaFaceModel:
    """The face model in a file, strictly, in float32 on the CPU.

    For use, weights are simplified once (see layers.fold) and need no gradient; `trainable` leaves them as they are, to
    go on from. Raises WeightsError where the file is missing, damaged, another network's, or untrained.
    """
    path = Path(path)
    tensors, header = checkpoint.load(path, ARCHITECTURE)
    try:
        sizes = dict(json.loads(header["preset"]))
        preset = FacePreset(**{k: tuple(v) if isinstance(v, list) else v for k, v in sizes.items()})
        space = MotionSpace(header["space"], int(header["dynamics"]))
        steps = int(header["steps"])
    except (KeyError, TypeError, ValueError) as error:
        raise WeightsError(
            f"The header of {path.name} is not that of a face network ({error}). Get it again."
        ) from error
    if steps < 1:
        raise WeightsError(f"{path.name} holds an untrained face network. Train it, or choose a trained one.")
    if space.dynamics != preset.dynamics:
        raise WeightsError(f"The header of {path.name} names two widths of its motion. Get it again.")
    with torch.device("meta"):
        network = FaceNetwork(preset)
    network = network.to_empty(device="cpu")
    checkpoint.load_into(network, tensors, path.name)
    if not trainable:
        fold(network).eval().requires_grad_(False)
    return VasaFaceModel(network, space)
