"""A motion model and its file: denoiser, channels, and what it is for.

The file is safetensors. Its header names the architecture, the preset, the motion space, the audio encoder, its weights
and channels, the frame rate and the stored precision; what the motion's channels are made of, and their normalisation,
is among the tensors.
"""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Protocol

import torch
from torch import nn

from ..audio import load_trained_with
from ..errors import BadInput, WeightsError
from ..types import AudioFeatures, Controls, Motion, MotionSpace
from ..weights import checkpoint
from .channels import MotionChannels, plain_channels
from .conditions import PREVIOUS, WINDOW
from .denoiser import PRESETS, DiffusionTransformer, Preset
from .joyvasa.checkpoint import is_joyvasa
from .joyvasa.model import load_joyvasa
from .joyvasa.options import JoyVasaOptions
from .sampling import Progress, Sampling

ARCHITECTURE = "vasa-motion-2"
FPS = 25.0
SHIPPED = {"starter": "starter.safetensors"}


class MotionModel(nn.Module):
    """Denoiser and channels of one motion space, for the features of one audio encoder.

    encoder: name of the audio encoder, as in AudioFeatures; audio_channels: width of its features; fps: frames per
    second of features and motion alike; channels: in which it sees motion, by default every number of it by itself;
    encoder_weights: which of that encoder, see audio.weights_of, or '' where nobody said; sampling: what holds where
    the user asks for nothing.
    """

    sampling = Sampling(steps=10, cfg_audio=0.5, cfg_gaze=1.0)

    def __init__(
        self,
        space: MotionSpace,
        encoder: str,
        audio_channels: int,
        preset: str | Preset = "starter",
        fps: float = FPS,
        channels: MotionChannels | None = None,
        encoder_weights: str = "",
    ) -> None:
        super().__init__()
        self.encoder_weights = encoder_weights
        self.space, self.encoder, self.audio_channels, self.fps = space, encoder, audio_channels, fps
        self.preset = PRESETS[preset] if isinstance(preset, str) else preset
        self.channels = channels or plain_channels(space)
        self.denoiser = DiffusionTransformer(self.preset, len(self.channels), audio_channels)

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return self.channels.scale.device


class SamplingModel(Protocol):
    """A motion model that samples in its own way; `generate.generate` is how all of them are called.

    The same attributes as MotionModel; `denoiser` is the module that the host places.
    """

    space: MotionSpace
    encoder: str
    audio_channels: int
    fps: float
    sampling: Sampling
    denoiser: nn.Module

    def generate(
        self,
        features: AudioFeatures,
        controls: Controls,
        sampling: Sampling,
        generator: torch.Generator,
        progress: Progress | None,
    ) -> Motion:
        """T frames of motion for T frames of features, which are checked and on the CPU; `sampling` is complete."""
        ...


def save_motion_model(path: str | Path, model: MotionModel, half: bool = False) -> None:
    """Write `model` atomically. `half` stores the denoiser's weights as float16; they are float32 once loaded."""
    tensors = {
        name: tensor.half() if half and name.startswith("denoiser.") else tensor
        for name, tensor in model.state_dict().items()
    }
    checkpoint.save(
        path,
        tensors,
        ARCHITECTURE,
        space=model.space.name,
        dynamics=str(model.space.dynamics),
        encoder=model.encoder,
        encoder_weights=model.encoder_weights,
        audio_channels=str(model.audio_channels),
        fps=repr(float(model.fps)),
        window=str(WINDOW),
        previous=str(PREVIOUS),
        precision="float16" if half else "float32",
        motion_channels=",".join(model.channels.names),
        **{name: str(value) for name, value in asdict(model.preset).items()},
    )


def load_motion_model(
    name_or_path: str | Path = "starter",
    space: MotionSpace | None = None,
    encoder: str | None = None,
    joyvasa: JoyVasaOptions | None = None,
) -> MotionModel | SamplingModel:
    """Load 'starter', a file of ours or a released JoyVASA file, strictly, in evaluation mode on the CPU.

    joyvasa: how JoyVASA is run, where the file is one; JoyVASA's template is looked for beside it. WeightsError where
    a file is missing, damaged or another network's, or, where `space` or `encoder` is given, made for another motion
    space or audio encoder.
    """
    shipped = SHIPPED.get(str(name_or_path))
    path = checkpoint.shipped(shipped) if shipped else Path(name_or_path)
    model = load_joyvasa(path, joyvasa) if is_joyvasa(path) else _load_own(path)
    if space is not None and model.space != space:
        raise WeightsError(
            f"{path.name} makes motion of the space '{model.space.name}', but '{space.name}' is needed here."
        )
    if encoder is not None and model.encoder != encoder:
        raise WeightsError(f"{path.name} needs features of the audio encoder '{model.encoder}', not '{encoder}'.")
    return model


def encoder_of(model: MotionModel | SamplingModel, file: str | Path | None = None) -> nn.Module:
    """The audio encoder that `model` hears with: its own where it brings one, else from `file` or by its name.

    BadInput where it brings its own and a file is given, WeightsError where the model names other weights than the
    file's; else see `load_audio_encoder`.
    """
    own = getattr(model, "hearing", None)
    if own is None:
        return load_trained_with(file or model.encoder, model.encoder_weights)
    if file is not None:
        raise BadInput(f"This motion model brings its own audio encoder, '{model.encoder}'; leave the other one out.")
    return own


def _load_own(path: Path) -> MotionModel:
    tensors, header = checkpoint.load(path, ARCHITECTURE)
    try:
        found = MotionSpace(header["space"], int(header["dynamics"]))
        preset = Preset(*(int(header[key]) for key in ("layers", "width", "heads", "widen")))
        sizes = (int(header["window"]), int(header["previous"]))
        channels, fps = int(header["audio_channels"]), float(header["fps"])
        made_for, names = header["encoder"], tuple(header["motion_channels"].split(","))
    except (KeyError, ValueError) as error:
        raise WeightsError(
            f"The header of {path.name} is not that of a motion model ({error}). Get it again."
        ) from error
    if sizes != (WINDOW, PREVIOUS):
        raise WeightsError(f"{path.name} was made for other windows than this version's.")
    weights = header.get("encoder_weights", "")
    model = MotionModel(found, made_for, channels, preset, fps, MotionChannels(names, found), weights)
    checkpoint.load_into(model, tensors, path.name)
    return model.eval()
