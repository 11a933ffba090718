"""The training loop that every stage shares: AdamW, warm-up and cosine, clipping, moving average, resuming.

A step draws everything random from a generator that is seeded by the run's seed and the step's number. So a run that
was stopped goes on exactly as if it had not been, and nothing random is ever stored. Checkpoints are safetensors,
written whole or not at all.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from ..errors import BadInput
from ..weights import checkpoint

ARCHITECTURE = "vasa-training-state-1"
StepLoss = Callable[[int, torch.Generator], dict[str, Tensor]]


@dataclass(frozen=True)
class Recipe:
    """How a module is trained. `steps` in all; the learning rate rises over `warm_up` steps and falls to 0 by a cosine.

    average: decay of the moving average of the weights. save_every: steps between checkpoints.
    """

    steps: int
    learning_rate: float = 1e-3
    warm_up: int = 100
    weight_decay: float = 0.01
    clip: float = 1.0
    average: float = 0.999
    save_every: int = 200
    seed: int = 0


@dataclass(frozen=True)
class Report:
    """What one step had to say: its number (from 1), learning rate, gradient norm, and named losses."""

    step: int
    learning_rate: float
    gradient: float
    losses: dict[str, float]


def train(module: nn.Module, average: nn.Module, loss: StepLoss, recipe: Recipe, state: Path) -> Iterator[Report]:
    """Train `module` until `recipe.steps`, yielding a Report after each step; `average` becomes its moving average.

    loss: (step, generator) -> named losses; their sum is minimised. state: the checkpoint file, resumed from where it
    exists. Stop by ceasing to iterate; what was done since the last checkpoint is then repeated exactly on resuming.
    """
    parameters = [p for p in module.parameters() if p.requires_grad]
    optimiser = torch.optim.AdamW(
        parameters, lr=recipe.learning_rate, weight_decay=recipe.weight_decay, betas=(0.9, 0.98)
    )
    first = resume(state, module, average, optimiser) if state.exists() else 0
    module.train()
    for step in range(first + 1, recipe.steps + 1):
        rate = learning_rate(recipe, step)
        for group in optimiser.param_groups:
            group["lr"] = rate
        losses = loss(step, torch.Generator().manual_seed(recipe.seed * 1_000_003 + step))
        optimiser.zero_grad(set_to_none=True)
        total = torch.stack(list(losses.values())).sum()
        total.backward()
        gradient = nn.utils.clip_grad_norm_(parameters, recipe.clip)
        if not math.isfinite(gradient.item()):
            raise BadInput(f"The gradient is not finite at training step {step}. Check the data, or lower the rate.")
        optimiser.step()
        update_average(average, module, min(recipe.average, (1 + step) / (10 + step)))
        if step % recipe.save_every == 0 or step == recipe.steps:
            save_state(state, module, average, optimiser, step)
        yield Report(step, rate, gradient.item(), {name: value.item() for name, value in losses.items()})


def learning_rate(recipe: Recipe, step: int) -> float:
    """Linear warm-up, then half a cosine down to 2 % at the last step."""
    if step <= recipe.warm_up:
        return recipe.learning_rate * step / recipe.warm_up
    done = (step - recipe.warm_up) / max(1, recipe.steps - recipe.warm_up)
    return recipe.learning_rate * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * done)))


def averaged(module: nn.Module) -> nn.Module:
    """A copy of `module` to hold its moving average."""
    return copy.deepcopy(module).requires_grad_(False).eval()


@torch.no_grad()
def update_average(average: nn.Module, module: nn.Module, decay: float) -> None:
    """average <- decay * average + (1 - decay) * module, for every parameter; buffers are copied."""
    for mean, value in zip(average.parameters(), module.parameters(), strict=True):
        mean.lerp_(value, 1 - decay)
    for mean, value in zip(average.buffers(), module.buffers(), strict=True):
        mean.copy_(value)


def save_state(path: Path, module: nn.Module, average: nn.Module, optimiser: torch.optim.Optimizer, step: int) -> None:
    """Write weights, their average, and the optimiser's moments, atomically."""
    tensors = {f"module.{name}": value for name, value in module.state_dict().items()}
    tensors |= {f"average.{name}": value for name, value in average.state_dict().items()}
    for index, moments in optimiser.state_dict()["state"].items():
        tensors |= {f"optimiser.{index}.{name}": value for name, value in moments.items()}
    checkpoint.save(path, tensors, ARCHITECTURE, step=str(step))


def resume(path: Path, module: nn.Module, average: nn.Module, optimiser: torch.optim.Optimizer) -> int:
    """Fill all three from a checkpoint of `save_state` and return its step."""
    tensors, header = checkpoint.load(path, ARCHITECTURE)
    parts: dict[str, dict[str, Tensor]] = {"module": {}, "average": {}, "optimiser": {}}
    for key, value in tensors.items():
        part, name = key.split(".", 1)
        parts[part][name] = value
    checkpoint.load_into(module, parts["module"], path.name)
    checkpoint.load_into(average, parts["average"], path.name)
    moments: dict[int, dict[str, Tensor]] = {}
    for key, value in parts["optimiser"].items():
        index, name = key.split(".", 1)
        moments.setdefault(int(index), {})[name] = value
    optimiser.load_state_dict({"state": moments, "param_groups": optimiser.state_dict()["param_groups"]})
    return int(header["step"])
