"""Wav2Vec2 (Baevski et al., 2020) from a safetensors file in Hugging Face's layout, as an audio encoder.

`Wav2Vec2` is the network: seven convolutions (20 ms steps), a convolutional position code, a transformer. Its
parameters have the names of the files. `Wav2Vec2Encoder` feeds it sound of any length in pieces and moves its rows
onto the motion's frame grid. ComfyUI's own audio encoder output takes the same last step in
`features_from_encoder_output`.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from ..attention import attention
from ..errors import BadInput, WeightsError
from ..types import Audio, AudioFeatures
from ..weights.checkpoint import load_into
from .align import resample_features
from .resample import SPEECH_RATE, resample

KERNELS, STRIDES = (10, 3, 3, 3, 3, 2, 2), (5, 2, 2, 2, 2, 2, 2)
HOP, FIELD = 320, 400  # samples between rows, and that one row sees (16 kHz)
ROW_RATE = SPEECH_RATE / HOP  # 50 rows a second
FIRST_ROW = FIELD / 2 / SPEECH_RATE  # seconds: the centre of row 0
PIECE, MARGIN = 1500, 100  # rows of a piece (30 s), and of its surroundings that are computed and thrown away
PREFIX = "wav2vec2."
HEADS = ("lm_head.", "quantizer.", "project_q.", "project_hid.", "masked_spec_embed", "projector.", "classifier.")


@dataclass(frozen=True)
class Wav2Vec2Config:
    """What the shapes of the weights do not tell comes from config.json, or from what the published models have."""

    width: int = 768
    layers: int = 12
    heads: int = 12
    hidden: int = 3072
    conv_width: int = 512
    conv_bias: bool = False
    norm_every_conv: bool = False  # feat_extract_norm 'layer'; else 'group': one norm over time, after the first
    stable_layer_norm: bool = False  # norms before each block, and one at the end
    position_kernel: int = 128
    position_groups: int = 16
    norm_epsilon: float = 1e-5
    normalise: bool = True  # zero mean and unit variance over the clip


class ConvLayer(nn.Module):
    def __init__(self, channels: int, config: Wav2Vec2Config, index: int) -> None:
        super().__init__()
        width = config.conv_width
        self.conv = nn.Conv1d(channels, width, KERNELS[index], STRIDES[index], bias=config.conv_bias)
        self.over_channels = config.norm_every_conv
        if config.norm_every_conv:
            self.layer_norm = nn.LayerNorm(width)
        elif index == 0:
            self.layer_norm = nn.GroupNorm(width, width)

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv(x)  # (B, C, N)
        if self.over_channels:
            x = self.layer_norm(x.mT).mT
        elif hasattr(self, "layer_norm"):
            x = self.layer_norm(x)
        return F.gelu(x)


class SelfAttention(nn.Module):
    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.q_proj, self.k_proj, self.v_proj, self.out_proj = (nn.Linear(width, width) for _ in range(4))

    def forward(self, x: Tensor) -> Tensor:
        q, k, v = (
            projection(x).unflatten(-1, (self.heads, -1)).transpose(1, 2)  # (B, heads, N, C / heads)
            for projection in (self.q_proj, self.k_proj, self.v_proj)
        )
        return self.out_proj(attention(q, k, v).transpose(1, 2).flatten(2))  # (B, N, C)


class Block(nn.Module):
    def __init__(self, config: Wav2Vec2Config) -> None:
        super().__init__()
        self.stable = config.stable_layer_norm
        self.attention = SelfAttention(config.width, config.heads)
        self.layer_norm = nn.LayerNorm(config.width, config.norm_epsilon)
        self.feed_forward = nn.ModuleDict(
            {
                "intermediate_dense": nn.Linear(config.width, config.hidden),
                "output_dense": nn.Linear(config.hidden, config.width),
            }
        )
        self.final_layer_norm = nn.LayerNorm(config.width, config.norm_epsilon)

    def forward(self, x: Tensor) -> Tensor:
        if self.stable:
            x = x + self.attention(self.layer_norm(x))
            return x + self._feed(self.final_layer_norm(x))
        x = self.layer_norm(x + self.attention(x))
        return self.final_layer_norm(x + self._feed(x))

    def _feed(self, x: Tensor) -> Tensor:
        return self.feed_forward["output_dense"](F.gelu(self.feed_forward["intermediate_dense"](x)))


class Wav2Vec2(nn.Module):
    """samples (B, N) at 16 kHz -> hidden states: layers + 1 tensors (B, (N - 400) // 320 + 1, width)."""

    def __init__(self, config: Wav2Vec2Config) -> None:
        super().__init__()
        self.config = config
        convs = [ConvLayer(config.conv_width if i else 1, config, i) for i in range(len(KERNELS))]
        position = nn.Conv1d(
            config.width,
            config.width,
            config.position_kernel,
            padding=config.position_kernel // 2,
            groups=config.position_groups,
        )
        self.feature_extractor = nn.ModuleDict({"conv_layers": nn.ModuleList(convs)})
        self.feature_projection = nn.ModuleDict(
            {
                "layer_norm": nn.LayerNorm(config.conv_width, config.norm_epsilon),
                "projection": nn.Linear(config.conv_width, config.width),
            }
        )
        self.encoder = nn.ModuleDict(
            {
                "pos_conv_embed": nn.ModuleDict({"conv": position}),
                "layers": nn.ModuleList(Block(config) for _ in range(config.layers)),
                "layer_norm": nn.LayerNorm(config.width, config.norm_epsilon),
            }
        )

    def forward(self, samples: Tensor) -> list[Tensor]:
        x = samples[:, None]  # (B, 1, samples)
        for layer in self.feature_extractor["conv_layers"]:
            x = layer(x)  # (B, conv_width, N)
        x = self.feature_projection["projection"](self.feature_projection["layer_norm"](x.mT))  # (B, N, width)
        position = self.encoder["pos_conv_embed"]["conv"](x.mT)[..., : x.shape[1]]  # an even kernel gives one too many
        x = x + F.gelu(position).mT
        if not self.config.stable_layer_norm:
            x = self.encoder["layer_norm"](x)
        states = [x]
        for block in self.encoder["layers"]:
            x = block(x)
            states.append(x)
        if self.config.stable_layer_norm:
            states[-1] = self.encoder["layer_norm"](x)
        return states


class Wav2Vec2Encoder(nn.Module):
    """AudioEncoder: one hidden state of the network, counted as in `Wav2Vec2.forward`; -1 is the last."""

    def __init__(self, network: Wav2Vec2, layer: int = -1) -> None:
        super().__init__()
        if not -network.config.layers - 1 <= layer <= network.config.layers:
            raise BadInput(f"Wav2Vec2 layer {layer} does not exist; this network has {network.config.layers}.")
        self.network, self.layer = network, layer
        self.channels = network.config.width
        self.name = _encoder_name(self.channels, None if layer in (-1, network.config.layers) else layer)

    @torch.inference_mode()
    def forward(self, audio: Audio, frames: int, fps: float) -> AudioFeatures:
        """Sound longer than 30 s goes through in pieces, so memory does not grow with it."""
        parameter = next(self.parameters())
        samples = resample(audio, SPEECH_RATE).samples.to(parameter.device)
        if self.network.config.normalise:  # as Hugging Face's feature extractor does
            samples = (samples - samples.mean()) / (samples.var(correction=0) + 1e-7).sqrt()
        samples = F.pad(samples, (0, max(0, FIELD - samples.shape[0]))).to(parameter.dtype)
        rows = (samples.shape[0] - FIELD) // HOP + 1
        values = []
        per_piece = max(1, math.floor(PIECE / ROW_RATE * fps)) if rows > PIECE else frames
        for first in range(0, frames, per_piece):
            count = min(per_piece, frames - first)
            low = max(0, min(math.floor((first / fps - FIRST_ROW) * ROW_RATE) - MARGIN, rows - 1))
            high = min(rows, math.ceil(((first + count) / fps - FIRST_ROW) * ROW_RATE) + MARGIN)
            end = (max(high, low + 1) - 1) * HOP + FIELD if high < rows else None  # the last few samples see a norm too
            piece = samples[None, low * HOP : end]
            states = self.network(piece)[self.layer][0].float()  # (rows of the piece, width)
            time = FIRST_ROW + low / ROW_RATE - first / fps
            values.append(resample_features(states, ROW_RATE, time, count, fps))
        return AudioFeatures(torch.cat(values), fps, self.name)


def features_from_encoder_output(
    encoded: Tensor | Sequence[Tensor], audio_samples: int, frames: int, fps: float, layer: int = -1
) -> AudioFeatures:
    """Features from what ComfyUI's AudioEncoderEncode gives.

    encoded: `encoded_audio` (1, T, D), or `encoded_audio_all_layers`, from which `layer` is taken. audio_samples: the
    length of the sound at 16 kHz; rows that lie beyond its end are left out. Raises BadInput for a layer that is not
    there, and for several clips at once.
    """
    chosen, named = encoded, None
    if not isinstance(encoded, Tensor):
        if not -len(encoded) <= layer < len(encoded):
            raise BadInput(f"The audio encoder output has the layers 0 to {len(encoded) - 1}, no {layer}. Use -1.")
        chosen = encoded[layer]
        named = None if layer in (-1, len(encoded) - 1) else layer
    if chosen.ndim != 3 or chosen.shape[0] != 1:
        raise BadInput(f"The audio encoder output has shape {tuple(chosen.shape)}; encode one clip at a time.")
    rows = max(1, (audio_samples - FIELD) // HOP + 1)
    values = resample_features(chosen[0, :rows].float(), ROW_RATE, FIRST_ROW, frames, fps)
    return AudioFeatures(values, fps, _encoder_name(chosen.shape[2], named))


def load_wav2vec2(path: str | Path, layer: int = -1) -> Wav2Vec2Encoder:
    """Read a .safetensors file; config.json and preprocessor_config.json beside it are heeded.

    Without them, shapes and the custom of the published models decide: a norm after every convolution goes with the
    stable transformer, heads are 64 wide, and clips are normalised. Raises WeightsError, naming what does not fit.
    """
    path = Path(path)
    try:
        tensors = load_file(path)
    except (SafetensorError, OSError) as error:
        raise WeightsError(
            f"{path.name} is missing, truncated or no safetensors file ({error}). Get it again."
        ) from error
    tensors = {key.removeprefix(PREFIX): value for key, value in tensors.items()}
    tensors = plain_position_weight({key: value for key, value in tensors.items() if not key.startswith(HEADS)})
    try:
        network = Wav2Vec2(_config(tensors, path))
    except KeyError as error:
        raise WeightsError(f"{path.name} is not a Wav2Vec2 in Hugging Face's layout: it lacks {error}.") from error
    load_into(network, {key: value.float() for key, value in tensors.items()}, path.name)
    return Wav2Vec2Encoder(network.eval().requires_grad_(False), layer)


def _encoder_name(width: int, layer: int | None) -> str:
    return f"wav2vec2-{width}" if layer is None else f"wav2vec2-{width}-layer{layer}"


def plain_position_weight(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """Fold the weight norm of the position code, in either of PyTorch's namings: weight = g * v / |v|."""
    stem = "encoder.pos_conv_embed.conv."
    for gain, direction in (
        ("weight_g", "weight_v"),
        ("parametrizations.weight.original0", "parametrizations.weight.original1"),
    ):
        if stem + gain in tensors and stem + direction in tensors:
            g, v = tensors.pop(stem + gain).float(), tensors.pop(stem + direction).float()
            tensors[stem + "weight"] = g * v / v.norm(dim=(0, 1), keepdim=True)  # (width, width / groups, kernel)
    return tensors


def config_from_shapes(tensors: Mapping[str, Tensor], told: Mapping[str, Any], normalise: bool) -> Wav2Vec2Config:
    """Sizes from the weights' shapes; from `told`, a config.json, what shapes do not say, else what is usual.

    Raises KeyError for a tensor that every such network has and this one lacks.
    """
    width, conv_width = tensors["feature_projection.projection.weight"].shape
    every = "feature_extractor.conv_layers.1.layer_norm.weight" in tensors
    position = tensors["encoder.pos_conv_embed.conv.weight"].shape
    blocks = {key.split(".")[2] for key in tensors if key.startswith("encoder.layers.")}
    return Wav2Vec2Config(
        width=width,
        layers=len(blocks),
        heads=told.get("num_attention_heads", width // 64),
        hidden=tensors["encoder.layers.0.feed_forward.intermediate_dense.weight"].shape[0],
        conv_width=conv_width,
        conv_bias="feature_extractor.conv_layers.0.conv.bias" in tensors,
        norm_every_conv=every,
        stable_layer_norm=told.get("do_stable_layer_norm", every),
        position_kernel=position[2],
        position_groups=width // position[1],
        norm_epsilon=told.get("layer_norm_eps", 1e-5),
        normalise=normalise,
    )


def _config(tensors: dict[str, Tensor], path: Path) -> Wav2Vec2Config:
    told = _read_json(path.with_name("config.json"))
    normalise = _read_json(path.with_name("preprocessor_config.json")).get("do_normalize", True)
    config = config_from_shapes(tensors, told, normalise)
    if told and (told.get("hidden_size"), told.get("num_hidden_layers")) != (config.width, config.layers):
        raise WeightsError(
            f"The config.json beside {path.name} describes another network. Keep each in its own folder."
        )
    return config


def _read_json(path: Path) -> dict:
    if not path.is_file():
        return {}
    try:
        return json.loads(path.read_text())
    except ValueError as error:
        raise WeightsError(f"{path} is not valid JSON ({error}). Get it again.") from error
