"""Building blocks of the face network: convolutions with standardised weights, group norms, and residual blocks.

Weights are standardised with a learned gain per output (Brock et al., 2021): each filter has mean 0, and its output the
gain's variance. A residual block's last gain starts at 0, so that the block starts as the identity. Once training is
over, `fold` writes the standardised weights down for good.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

CONVOLVE = {2: F.conv2d, 3: F.conv3d}
PLAIN = {2: nn.Conv2d, 3: nn.Conv3d}


class StandardConv(nn.Module):
    """A convolution (2D or 3D, odd `kernel`, same padding) whose weights are standardised; `gain` at the start."""

    def __init__(self, dims: int, inside: int, outside: int, kernel: int = 3, gain: float = 1.0) -> None:
        super().__init__()
        self.dims, self.padding, self.folded = dims, kernel // 2, False
        self.weight = nn.Parameter(torch.empty(outside, inside, *[kernel] * dims))
        self.gain = nn.Parameter(torch.full((outside,), gain))
        self.bias = nn.Parameter(torch.zeros(outside))
        bound = (3 / self.weight[0].numel()) ** 0.5  # filters of length 1: longer ones turn more slowly under Adam
        nn.init.uniform_(self.weight, -bound, bound)

    def forward(self, x: Tensor) -> Tensor:
        weight = self.weight if self.folded else self.standardised()
        return CONVOLVE[self.dims](x, weight, self.bias, padding=self.padding)

    def standardised(self) -> Tensor:
        """The weights that are used: mean 0 and a sum of squares of gain squared for each output."""
        flat = self.weight.flatten(1)
        centred = flat - flat.mean(1, keepdim=True)
        scale = self.gain * torch.rsqrt(centred.square().sum(1) + 1e-5)
        return (centred * scale[:, None]).view_as(self.weight)


@torch.no_grad()
def fold(network: nn.Module) -> nn.Module:
    """Replace the weights of every StandardConv by their standardised ones, once, for inference; returns `network`."""
    for module in network.modules():
        if isinstance(module, StandardConv) and not module.folded:
            module.weight.copy_(module.standardised())
            module.folded = True
    return network


def is_folded(network: nn.Module) -> bool:
    """Whether `fold` has been here: such weights can be used but not trained or saved."""
    return any(isinstance(module, StandardConv) and module.folded for module in network.modules())


def groups_of(channels: int) -> int:
    """Groups of a group norm: 32 as usual, fewer where a group would have less than 4 channels."""
    return max(1, min(32, channels // 4))


class AdaptiveNorm(nn.Module):
    """Group norm whose scale and shift come from a condition (B, `condition`); starts as a plain group norm."""

    def __init__(self, channels: int, condition: int) -> None:
        super().__init__()
        self.groups = groups_of(channels)
        self.modulate = nn.Linear(condition, 2 * channels)
        nn.init.zeros_(self.modulate.bias)
        nn.init.uniform_(self.modulate.weight, -0.5 * condition**-0.5, 0.5 * condition**-0.5)

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        scale, shift = self.modulate(condition).unflatten(1, (-1, *[1] * (x.ndim - 2))).chunk(2, dim=1)
        return F.group_norm(x, self.groups) * (1 + scale) + shift


class ResidualBlock(nn.Module):
    """norm, ReLU, convolution, twice, beside a shortcut; pre-activated. `dims` is 2 or 3.

    up: factor per axis by which the input is enlarged (nearest) before the first convolution. down: factor per axis by
    which it is averaged after it. condition: width of the vector for adaptive norms, 0 for plain ones.
    """

    def __init__(
        self,
        dims: int,
        inside: int,
        outside: int,
        *,
        up: tuple[int, ...] | None = None,
        down: tuple[int, ...] | None = None,
        condition: int = 0,
    ) -> None:
        super().__init__()
        self.dims, self.up, self.down, self.conditioned = dims, up, down, condition > 0
        self.first_norm = _norm(inside, condition)
        self.first = StandardConv(dims, inside, outside)
        self.second_norm = _norm(outside, condition)
        self.second = StandardConv(dims, outside, outside, gain=0.0)
        self.shortcut = StandardConv(dims, inside, outside, kernel=1) if inside != outside else nn.Identity()

    def forward(self, x: Tensor, condition: Tensor | None = None) -> Tensor:
        """x (B, inside, ...), condition (B, condition) -> (B, outside, ...)."""
        told = (condition,) if self.conditioned else ()
        hidden = F.relu(self.first_norm(x, *told))
        hidden = self.first(_enlarged(hidden, self.up))
        shortcut = _enlarged(self.shortcut(_averaged(x, self.down)), self.up)
        hidden = F.relu(self.second_norm(_averaged(hidden, self.down), *told))
        return shortcut + self.second(hidden)


def _norm(channels: int, condition: int) -> nn.Module:
    return AdaptiveNorm(channels, condition) if condition else nn.GroupNorm(groups_of(channels), channels)


def _enlarged(x: Tensor, factors: tuple[int, ...] | None) -> Tensor:
    return x if factors is None else F.interpolate(x, scale_factor=tuple(map(float, factors)), mode="nearest")


def _averaged(x: Tensor, factors: tuple[int, ...] | None) -> Tensor:
    if factors is None:
        return x
    if x.ndim == 4:
        return F.avg_pool2d(x, factors)
    for axis, factor in enumerate(factors, start=2):  # avg_pool3d does not take bfloat16 on every device
        x = x.unflatten(axis, (-1, factor)).mean(axis + 1)
    return x
