"""Building blocks shared by the vision networks: TensorFlow's padding, and the Blaze block."""

import torch.nn.functional as F
from torch import Tensor, nn


class SameConv2d(nn.Conv2d):
    """Convolution with TensorFlow's SAME padding: output size is ceil(input / stride), extra padding at the end."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int = 1, groups: int = 1) -> None:
        super().__init__(inputs, outputs, kernel, stride, padding=kernel // 2 if stride == 1 else 0, groups=groups)

    def forward(self, x: Tensor) -> Tensor:
        if self.stride[0] == 1:
            return super().forward(x)
        rows, columns = (self._padding_of(size) for size in x.shape[-2:])
        return super().forward(F.pad(x, (*columns, *rows)))

    def _padding_of(self, size: int) -> tuple[int, int]:
        kernel, stride = self.kernel_size[0], self.stride[0]
        total = max((-(-size // stride) - 1) * stride + kernel - size, 0)
        return total // 2, total - total // 2


class BlazeBlock(nn.Module):
    """Depthwise 3x3, pointwise, and a shortcut that is pooled and zero-padded in channels where the block shrinks.

    From BlazeFace (Bazarevsky et al. 2019), figure 1. activation is nn.ReLU() or nn.PReLU(outputs).
    """

    def __init__(self, inputs: int, outputs: int, stride: int, activation: nn.Module) -> None:
        super().__init__()
        self.stride = stride
        self.more_channels = outputs - inputs
        self.depthwise = SameConv2d(inputs, inputs, 3, stride, groups=inputs)
        self.pointwise = nn.Conv2d(inputs, outputs, 1)
        self.activation = activation

    def forward(self, x: Tensor) -> Tensor:
        shortcut = F.max_pool2d(x, 2) if self.stride == 2 else x
        if self.more_channels:
            shortcut = F.pad(shortcut, (0, 0, 0, 0, 0, self.more_channels))
        return self.activation(shortcut + self.pointwise(self.depthwise(x)))


def upsample(x: Tensor) -> Tensor:
    """(B, C, H, W) -> (B, C, 2H, 2W), bilinear."""
    return F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)
