"""CAPP, the agreement of a voice and a head's motion: VASA-1's contrastive audio and pose pretraining, as a score.

    score_capp(load_capp(path), features, motion)  ->  the mean cosine of what is heard and how the head moves

As CLIP does for pictures and texts, two encoders learn to place three seconds of speech and of head pose so that what
belongs together lies together (A. Radford et al., 2021). The paper's: Wav2Vec2, and a transformer of six layers. Here
the sound comes through any AudioEncoder, which stays as it is, and through a few layers of our own; the checkpoint
names it, and says what the network was trained on. Figures of different checkpoints cannot be compared.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..attention import attention
from ..errors import BadInput, WeightsError
from ..types import POSE, AudioFeatures, Motion
from ..weights import checkpoint

ARCHITECTURE = "vasa capp 1"
FPS = 25.0
WINDOW = 75  # frames: three seconds
STEP = 25  # frames from one window of a clip to the next
REACH = 2  # frames to both sides that a token sees of its neighbours
BATCH = 64  # windows at once


@dataclass(frozen=True)
class CappConfig:
    """Sizes: `width` of the tokens, layers of both encoders, attention heads, numbers that a token adds to the
    window's summary, and of the common space."""

    width: int = 96
    pose_layers: int = 6
    audio_layers: int = 3
    heads: int = 4
    summary: int = 8
    space: int = 128
    dropout: float = 0.1

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if name != "dropout" and value < 1:
                raise ValueError(f"{name} is {value}; it must be at least 1")
        if self.width % self.heads:
            raise ValueError(f"a width of {self.width} cannot be divided among {self.heads} heads")
        if not 0 <= self.dropout < 1:
            raise ValueError(f"dropout is {self.dropout}; it must be from 0 to below 1")


class CappNetwork(nn.Module):
    """Two encoders and a temperature.

    encoder: name of the audio encoder. audio_channels: of its features. trained_on: the data, in words.
    encoder_weights: which encoder of that name, see audio.weights_of, or '' where nobody said. The buffers hold means
    and deviations of what the encoders are given, which training sets.
    """

    def __init__(
        self,
        config: CappConfig,
        encoder: str,
        audio_channels: int,
        trained_on: str = "",
        encoder_weights: str = "",
    ) -> None:
        super().__init__()
        self.config, self.encoder, self.trained_on = config, encoder, trained_on
        self.encoder_weights = encoder_weights
        self.audio = WindowEncoder(audio_channels, config.audio_layers, config)
        self.pose = WindowEncoder(len(POSE), config.pose_layers, config)
        self.temperature = nn.Parameter(torch.tensor(0.07).log())  # natural log of it; CLIP starts there

    def hear(self, features: Tensor) -> Tensor:
        """features (B, 75, C) -> (B, space) of length 1."""
        return F.normalize(self.audio(features), dim=1)

    def watch(self, pose: Tensor) -> Tensor:
        """pose (B, 75, 6) as Motion has it -> (B, space) of length 1. Where the head is on average plays no part."""
        return F.normalize(self.pose(pose - pose.mean(1, keepdim=True)), dim=1)


class WindowEncoder(nn.Module):
    """A window of numbers as one point: neighbouring frames joined, a transformer, and a summary that knows time."""

    def __init__(self, channels: int, layers: int, config: CappConfig) -> None:
        super().__init__()
        width = config.width
        self.register_buffer("mean", torch.zeros(channels))
        self.register_buffer("deviation", torch.ones(channels))
        self.join = nn.Conv1d(channels, width, 2 * REACH + 1, padding=REACH)
        self.position = nn.Parameter(0.02 * torch.randn(WINDOW, width))
        self.blocks = nn.ModuleList(Block(width, config.heads, config.dropout) for _ in range(layers))
        self.norm = nn.LayerNorm(width)
        self.summary = nn.Linear(width, config.summary)
        self.place = nn.Linear(WINDOW * config.summary, config.space)

    def forward(self, values: Tensor) -> Tensor:
        """values (B, 75, C) -> (B, space)."""
        values = (values - self.mean) / self.deviation
        tokens = self.join(values.mT).mT + self.position  # (B, 75, width)
        for block in self.blocks:
            tokens = block(tokens)
        return self.place(self.summary(self.norm(tokens)).flatten(1))


class Block(nn.Module):
    """Self-attention and a feed-forward layer, each behind a layer norm."""

    def __init__(self, width: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.heads = heads
        self.before_attention, self.before_widening = nn.LayerNorm(width), nn.LayerNorm(width)
        self.query_key_value = nn.Linear(width, 3 * width)
        self.mix = nn.Linear(width, width)
        self.widen, self.narrow = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)
        self.dropout = nn.Dropout(dropout)

    def forward(self, tokens: Tensor) -> Tensor:
        """tokens (B, N, width) -> (B, N, width)."""
        parts = self.query_key_value(self.before_attention(tokens))
        q, k, v = parts.unflatten(-1, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        tokens = tokens + self.dropout(self.mix(attention(q, k, v).transpose(1, 2).flatten(2)))
        return tokens + self.dropout(self.narrow(F.gelu(self.widen(self.before_widening(tokens)))))


def score_capp(network: CappNetwork, features: AudioFeatures, motion: Motion) -> float:
    """CAPP of a clip, -1 to 1: the mean cosine of sound and head pose over its windows of 3 s, a second apart.

    features: by the encoder that the network names; frame i of both belongs to the same time. Raises BadInput for
    another encoder, for a rate other than 25, and for less than 3 seconds.
    """
    return float(window_scores(network, features, motion).mean())


@torch.inference_mode()
def window_scores(network: CappNetwork, features: AudioFeatures, motion: Motion) -> Tensor:
    """(windows,) cosines; see score_capp, which is their mean."""
    if features.encoder != network.encoder:
        raise BadInput(
            f"This CAPP network hears through '{network.encoder}', the features are of '{features.encoder}'. "
            f"Use that audio encoder."
        )
    if features.fps != FPS or motion.fps != FPS:
        raise BadInput(
            f"CAPP needs features and motion at 25 frames a second, not {features.fps} and {motion.fps}. "
            f"Resample the motion."
        )
    frames = min(len(features.values), len(motion))
    if frames < WINDOW:
        raise BadInput(f"The clip lasts {frames / FPS:.2f} seconds. CAPP needs 3 seconds or more.")
    heard, watched = (windows(values[:frames], network) for values in (features.values, motion.pose))
    cosines = [
        (network.hear(sound) * network.watch(pose)).sum(1).float().cpu()
        for sound, pose in zip(heard.split(BATCH), watched.split(BATCH), strict=True)
    ]
    return torch.cat(cosines)


def windows(values: Tensor, network: CappNetwork) -> Tensor:
    """(T, C) -> (windows, 75, C) where the network is: one each second, and one that ends with the clip."""
    last = len(values) - WINDOW
    starts = torch.tensor(sorted({*range(0, last + 1, STEP), last}))
    return values[starts[:, None] + torch.arange(WINDOW)].to(network.temperature)


def save_capp(path: str | Path, network: CappNetwork, half: bool = False) -> None:
    """Write the network as safetensors, in float16 where `half`. Raises OutputError where that is not possible."""
    tensors = {key: value.half() if half else value for key, value in network.state_dict().items()}
    checkpoint.save(
        path,
        tensors,
        ARCHITECTURE,
        config=json.dumps(asdict(network.config)),
        encoder=network.encoder,
        encoder_weights=network.encoder_weights,
        audio_channels=str(network.audio.mean.shape[0]),
        trained_on=network.trained_on,
    )


def load_capp(path: str | Path) -> CappNetwork:
    """The network that save_capp wrote, frozen; WeightsError where the file is missing, damaged or foreign."""
    path = Path(path)
    if not path.is_file():
        raise WeightsError(
            f"The CAPP weights {path.name} are missing from {path.parent.absolute()}. None were released: train your "
            f"own with `python -m vasa_core train capp`."
        )
    tensors, header = checkpoint.load(path, ARCHITECTURE)
    try:
        config, channels = CappConfig(**json.loads(header["config"])), int(header["audio_channels"])
        weights = header.get("encoder_weights", "")
        network = CappNetwork(config, header["encoder"], channels, header["trained_on"], weights)
    except (KeyError, ValueError, TypeError) as error:
        raise WeightsError(f"{path.name} does not say what it is ({error}). Train it again.") from error
    checkpoint.load_into(network, {key: value.float() for key, value in tensors.items()}, path.name)
    return network.eval().requires_grad_(False)
