"""The starter's audio encoder: what a lip-reader would want to know of a sound, in 38 channels of fixed meaning.

    log-mel -> PhoneticNet -> mouth curves, viseme posteriors, closure and f/v probabilities, 50 per second
    samples -> prosody     -> loudness, voicing, pitch deviation, 50 per second
    PhoneticEncoder(audio, frames, fps) -> AudioFeatures (frames, 38), frame i at i / fps seconds

The network is convolutional and normalises each frame by itself, so sound is processed in chunks of any length with
the same result. Trained by `vasa_core/train/encoder_stage.py`; weights in `weights/shipped/phonetic.safetensors`.
"""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional

from ..errors import WeightsError
from ..types import Audio, AudioFeatures
from ..weights import checkpoint
from .align import resample_features
from .mel import BANDS, MEL_FPS, MEL_RATE, log_mel, normalise
from .prosody import prosody
from .resample import resample

CURVES = ("jaw", "aperture", "width", "funnel", "pucker", "tuck")  # J A W F P V; width -1..1, the others 0..1
VISEMES = (
    *("sil", "PBM", "FV", "TH", "TD", "L", "S", "SH", "K", "H", "R", "W", "J"),
    *("i", "I", "e", "ae", "a", "V", "@", "O", "o", "U", "u", "y", "oe", "3"),
)
EVENTS = ("closure", "labiodental")  # p b m; f v
PROSODY = ("loudness", "voicing", "pitch")
CHANNELS = (*CURVES, *(f"viseme {v}" for v in VISEMES), *EVENTS, *PROSODY)
ENCODER = "phonetic"
ARCHITECTURE = "vasa phonetic encoder"

NET_FPS = 50
CHUNK = 3000  # frames of the network at once: a minute
AUDIBLE = -7.0  # nat of frame energy, about -70 dB full scale: where nothing is above it ...
REACH = 20  # ... for this many frames of 20 ms to both sides, there is silence, whatever the network says
FADE = 5  # frames over which silence takes over


@dataclass(frozen=True)
class PhoneticConfig:
    """Size of the network: `width` channels, one residual block of kernel 5 per entry of `dilations`."""

    width: int = 160
    dilations: tuple[int, ...] = (1, 2, 4, 8, 1, 2, 4, 8, 1, 2)
    dropout: float = 0.1

    @property
    def reach(self) -> int:
        """Frames at 50 per second that an output looks to each side."""
        return 2 * sum(self.dilations) + 2


class DilatedBlock(nn.Module):
    """Residual block: layer norm, kernel 5 over time with a dilation, GELU, a linear layer."""

    def __init__(self, width: int, dilation: int, dropout: float) -> None:
        super().__init__()
        self.dilation = dilation
        self.norm = nn.LayerNorm(width)
        self.across = nn.Linear(5 * width, width)
        self.out = nn.Linear(width, width)
        self.dropout = nn.Dropout1d(dropout)  # whole channels of a window: as good here, and far cheaper to draw

    def forward(self, x: Tensor) -> Tensor:
        frames, step = x.shape[1], self.dilation
        y = functional.pad(self.norm(x), (0, 0, 2 * step, 2 * step))
        y = torch.cat([y[:, k * step : k * step + frames] for k in range(5)], dim=-1)  # (B, T, 5 width)
        y = functional.gelu(self.across(y))  # (B, T, width)
        return x + self.dropout(self.out(y).transpose(1, 2)).transpose(1, 2)


class PhoneticNet(nn.Module):
    """Normalised log-mel at 100 frames/s -> curves, viseme logits and event logits at 50 frames/s."""

    def __init__(self, config: PhoneticConfig) -> None:
        super().__init__()
        self.config = config
        self.stem = nn.Conv1d(2 * BANDS, config.width, 5, stride=MEL_FPS // NET_FPS, padding=2)
        self.blocks = nn.ModuleList(DilatedBlock(config.width, d, config.dropout) for d in config.dilations)
        self.norm = nn.LayerNorm(config.width)
        self.head = nn.Linear(config.width, len(CURVES) + len(VISEMES) + len(EVENTS))

    def forward(self, mel: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """mel (B, 2T, 160) -> curves (B, T, 6), viseme logits (B, T, 27), event logits (B, T, 2).

        Output frame j is centred on mel frame 2j. A closure shuts the lips: it multiplies the aperture.
        """
        x = functional.gelu(self.stem(mel.transpose(1, 2))).transpose(1, 2)  # (B, T, width)
        for block in self.blocks:
            x = block(x)
        out = self.head(functional.gelu(self.norm(x)))  # (B, T, 35)
        curves, visemes, events = out.split([len(CURVES), len(VISEMES), len(EVENTS)], dim=-1)
        gate = torch.ones_like(curves)
        gate[..., CURVES.index("aperture")] = 1 - torch.sigmoid(events[..., 0])
        return curves * gate, visemes, events


class PhoneticEncoder(nn.Module):
    """An AudioEncoder: sound to 38 channels (CHANNELS) at any frame rate.

    curves 0..1 (width -1..1); viseme posteriors and event probabilities 0..1; loudness in dB / 20 relative to the
    clip's loud level; voicing 0..1; natural log of the pitch over its median. Silence is curves 0 and 'sil' 1, exactly.
    """

    channels = len(CHANNELS)

    def __init__(self, config: PhoneticConfig = PhoneticConfig()) -> None:
        super().__init__()
        self.net = PhoneticNet(config)

    @torch.no_grad()
    def forward(self, audio: Audio, frames: int, fps: float) -> AudioFeatures:
        """Exactly `frames` frames, frame i centred on i / fps seconds, on the network's device."""
        device = self.net.head.weight.device
        samples = resample(audio, MEL_RATE).samples.to(device)
        heard = self.heard(log_mel(samples))
        values = torch.cat([heard, prosody(samples)[: heard.shape[0]]], dim=1)  # (N, 38) at 50 frames/s
        return AudioFeatures(resample_features(values, NET_FPS, 0.0, frames, fps), fps, ENCODER)

    @torch.no_grad()
    def heard(self, mel: Tensor) -> Tensor:
        """Log-mel (frames, 80) of a whole clip at 100 frames/s -> (ceil(frames / 2), 35) at 50: all but prosody."""
        margin = self.net.config.reach
        count = (mel.shape[0] + 1) // 2
        even = functional.pad(mel, (0, 0, 0, 2 * count - mel.shape[0]), value=float(mel.min()))
        network_input = normalise(even, 2 * margin)  # (2 (margin + count + margin), 160)
        chunks = []
        for first in range(0, count, CHUNK):
            size = min(CHUNK, count - first)
            piece = network_input[2 * first : 2 * (first + size + 2 * margin)]
            curves, visemes, events = self.net(piece[None])
            out = torch.cat([limited(curves), soften(visemes.softmax(-1)), widen(events.sigmoid())], dim=-1)
            chunks.append(out[0, margin : margin + size])
        return hush(torch.cat(chunks), presence(even))


def limited(curves: Tensor) -> Tensor:
    """Curves clamped to their ranges: width -1..1, the others 0..1."""
    lowest = torch.zeros(len(CURVES), device=curves.device)
    lowest[CURVES.index("width")] = -1
    return torch.minimum(torch.maximum(curves, lowest), curves.new_ones(()))


def soften(posteriors: Tensor) -> Tensor:
    """(B, T, C) -> same: weights 1 2 1 over three frames, so that 25 frames/s see what lies between them."""
    padded = functional.pad(posteriors.transpose(1, 2), (1, 1), mode="replicate")  # (B, C, T + 2)
    return (0.25 * padded[..., :-2] + 0.5 * padded[..., 1:-1] + 0.25 * padded[..., 2:]).transpose(1, 2)


def widen(events: Tensor) -> Tensor:
    """(B, T, C) -> same: the largest of three frames, so that 25 frames/s never miss a closure."""
    return functional.max_pool1d(events.transpose(1, 2), 3, 1, padding=1).transpose(1, 2)


def presence(mel: Tensor) -> Tensor:
    """Log-mel (2T, 80) -> (T, 1): 1 where anything audible is within 0.4 s, 0 in silence, with a short fade."""
    audible = (mel.logsumexp(-1) > AUDIBLE).to(mel.dtype)[None, None]  # (1, 1, 2T)
    near = functional.max_pool1d(functional.max_pool1d(audible, 2), 2 * REACH + 1, 1, padding=REACH)
    near = functional.pad(near, (FADE // 2, FADE // 2), mode="replicate") if near.shape[-1] > FADE else near
    return functional.avg_pool1d(near, FADE, 1)[0, 0, :, None] if near.shape[-1] > FADE else near[0, 0, :, None]


def hush(heard: Tensor, present: Tensor) -> Tensor:
    """(T, 35) and presence (T, 1) -> (T, 35): in silence curves and events 0 and the viseme 'sil'."""
    silence = torch.zeros_like(heard)
    silence[:, len(CURVES) + VISEMES.index("sil")] = 1
    return heard * present + silence * (1 - present)


def load_phonetic_encoder(path: str | Path | None = None) -> PhoneticEncoder:
    """The encoder from `path`, or the shipped one; WeightsError where the file is not one of ours."""
    path = Path(path or checkpoint.shipped("phonetic.safetensors"))
    tensors, header = checkpoint.load(path, ARCHITECTURE)
    try:
        sizes = json.loads(header["config"])
        config = PhoneticConfig(**{**sizes, "dilations": tuple(sizes["dilations"])})
    except (KeyError, TypeError, ValueError) as error:
        raise WeightsError(f"{path.name} does not say what size its network is ({error!r}). Get it again.") from error
    encoder = PhoneticEncoder(config)
    checkpoint.load_into(encoder.net, {k: v.float() for k, v in tensors.items()}, path.name)
    return encoder.eval().requires_grad_(False)


def save_phonetic_encoder(path: str | Path, net: PhoneticNet, **header: str) -> None:
    """Write a network as load_phonetic_encoder reads it, in half precision (3 MB)."""
    tensors = {key: value.half() for key, value in net.state_dict().items()}
    config = json.dumps(asdict(net.config))
    checkpoint.save(path, tensors, ARCHITECTURE, config=config, channels=",".join(CHANNELS), **header)
