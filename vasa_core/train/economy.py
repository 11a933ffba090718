"""Time and memory saved in training: bfloat16, recomputation of activations, and compiled networks.

Only the forward passes of the given networks are touched. Geometry, losses, gradients, moments and weights stay
float32.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize
from torch.utils.checkpoint import checkpoint

PRECISIONS = ("float32", "bfloat16")


@dataclass(frozen=True)
class Economy:
    """precision: of the networks' arithmetic, 'float32' or 'bfloat16'. checkpointing: keep of each block its input only
    and compute the rest again for the gradient; same result, less memory, more time. compile: by torch.compile; the
    first step then takes minutes.
    """

    precision: str = "float32"
    checkpointing: bool = False
    compile: bool = False

    def __post_init__(self) -> None:
        if self.precision not in PRECISIONS:
            raise ValueError(f"there is no precision '{self.precision}'; choose one of {', '.join(PRECISIONS)}")


def economise(
    networks: Iterable[nn.Module], economy: Economy, blocks: type[nn.Module] | tuple[type[nn.Module], ...] = ()
) -> None:
    """Change, in place, how the networks compute: their weights and the names of these stay as they are.

    blocks: the kinds of modules within that are recomputed. Copy a network before, where the copy shall be as it was.
    """
    for network in networks:
        for module in network.modules():
            if economy.checkpointing and isinstance(module, blocks):
                module.forward = _recomputed(module.forward)
            if economy.precision != "float32" and parametrize.is_parametrized(module):
                for parametrization in module.parametrizations.values():
                    parametrization.forward = _in_full(parametrization)
        if economy.compile:
            network.forward = torch.compile(network.forward)
        if economy.precision != "float32":
            network.forward = _in_precision(network.forward, getattr(torch, economy.precision))


def _recomputed(forward: Callable) -> Callable:
    def run(*arguments: Any) -> Any:
        return checkpoint(forward, *arguments, use_reentrant=False, preserve_rng_state=False)

    return run


def _in_precision(forward: Callable, precision: torch.dtype) -> Callable:
    """What the network gives is float32 again."""

    def run(*arguments: Any) -> Any:
        with torch.autocast(_device_of(arguments), precision):
            return _float32(forward(*arguments))

    return run


def _in_full(parametrization: nn.Module) -> Callable:
    """A weight that is computed from another is computed in float32: a spectral norm is the result of an iteration."""
    forward = parametrization.forward

    def run() -> Tensor:
        with torch.autocast(next(parametrization.parameters()).device.type, enabled=False):
            return forward()

    return run


def _device_of(arguments: tuple[Any, ...]) -> str:
    return next(a for a in arguments if isinstance(a, Tensor)).device.type


def _float32(value: Any) -> Any:
    if isinstance(value, Tensor):
        return value.float()
    if isinstance(value, (list, tuple)):
        return type(value)(map(_float32, value))
    return value
