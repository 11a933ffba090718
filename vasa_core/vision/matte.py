"""MediaPipe's selfie segmentation as a torch module: which pixels belong to the person.

A MobileNetV3-like encoder and a light decoder whose skip connections are gated by their own channel means.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .layers import SameConv2d, upsample


class MatteNetwork(nn.Module):
    size = 256

    def __init__(self) -> None:
        super().__init__()
        relu, swish = nn.ReLU(), nn.Hardswish()
        self.stem = SameConv2d(3, 16, 3, 2)  # 128x128
        self.encoder_64 = _Inverted(16, 16, 16, 3, 2, relu, squeeze=8)
        self.encoder_32 = nn.Sequential(_Inverted(16, 72, 24, 3, 2, relu), _Inverted(24, 88, 24, 3, 1, relu))
        self.encoder_16 = nn.Sequential(
            _Inverted(24, 96, 32, 5, 2, swish, squeeze=24),
            *(_Inverted(32, w, 32, 5, 1, swish, squeeze=w // 4) for w in (128, 128, 96, 96)),
        )
        self.context = nn.Conv2d(32, 128, 1)
        self.context_gate = nn.Conv2d(32, 128, 1)
        self.decoder_32 = _Decoder(128, 24)
        self.decoder_64 = _Decoder(24, 16)
        self.decoder_128 = _Decoder(16, 16)
        self.out = nn.ConvTranspose2d(16, 1, 2, 2)

    def forward(self, x: Tensor) -> Tensor:
        """x (B, 3, 256, 256) in [0, 1] -> (B, 256, 256), probability of the person."""
        at_128 = F.hardswish(self.stem(x))
        at_64 = self.encoder_64(at_128)
        at_32 = self.encoder_32(at_64)
        at_16 = self.encoder_16(at_32)
        x = F.relu(self.context(at_16)) * torch.sigmoid(self.context_gate(_mean(at_16)))
        x = self.decoder_32(x, at_32)
        x = self.decoder_64(x, at_64)
        x = self.decoder_128(x, at_128)
        return torch.sigmoid(self.out(x))[:, 0]


class _Inverted(nn.Module):
    """Widen, depthwise, optional squeeze-and-excitation, narrow; with a shortcut where the shape allows."""

    def __init__(
        self, inputs: int, middle: int, outputs: int, kernel: int, stride: int, activation: nn.Module, squeeze: int = 0
    ) -> None:
        super().__init__()
        self.shortcut = inputs == outputs and stride == 1
        self.widen = nn.Conv2d(inputs, middle, 1)
        self.depthwise = SameConv2d(middle, middle, kernel, stride, groups=middle)
        self.gate = _Gate(middle, squeeze) if squeeze else None
        self.narrow = nn.Conv2d(middle, outputs, 1)
        self.activation = activation

    def forward(self, x: Tensor) -> Tensor:
        y = self.activation(self.depthwise(self.activation(self.widen(x))))
        if self.gate is not None:
            y = y * self.gate(y)
        y = self.narrow(y)
        return x + y if self.shortcut else y


class _Gate(nn.Module):
    """Channel weights in (0, 1) from channel means."""

    def __init__(self, channels: int, squeeze: int) -> None:
        super().__init__()
        self.squeeze = nn.Conv2d(channels, squeeze, 1)
        self.excite = nn.Conv2d(squeeze, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        return torch.sigmoid(self.excite(F.relu(self.squeeze(_mean(x)))))  # (B, C, 1, 1)


class _Decoder(nn.Module):
    """Twice the resolution: the coarse map plus the gated skip, then a residual depthwise step."""

    def __init__(self, inputs: int, channels: int) -> None:
        super().__init__()
        self.enter = nn.Conv2d(inputs, channels, 1)
        self.gate = _Gate(channels, channels)
        self.mix = nn.Conv2d(channels, channels, 1)
        self.depthwise = SameConv2d(channels, channels, 3, groups=channels)

    def forward(self, coarse: Tensor, skip: Tensor) -> Tensor:
        coarse = self.enter(upsample(coarse))
        x = F.relu(self.mix(skip * self.gate(skip + coarse) + coarse))
        return x + F.relu(self.depthwise(x))


def _mean(x: Tensor) -> Tensor:
    return x.mean(dim=(2, 3), keepdim=True)
