"""The training loop that every stage shares: AdamW, warm-up and cosine, clipping, moving average, resuming.

A stage with an adversary gives it as a `Rival`, which is trained in turn with the module.

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

from ..errors import BadInput, WeightsError
from ..weights import checkpoint

ARCHITECTURE = "vasa-training-state-1"
StepLoss = Callable[[int, torch.Generator], dict[str, Tensor]]


@dataclass(frozen=True)
class Recipe:
    """How a module is trained. `steps` in all; the learning rate rises over `warm_up` steps and falls to 0 by a cosine.

    average: decay of the moving average of the weights. save_every: steps between checkpoints. momentum: AdamW's betas.
    """

    steps: int
    learning_rate: float = 1e-3
    warm_up: int = 100
    weight_decay: float = 0.01
    clip: float = 1.0
    average: float = 0.999
    save_every: int = 200
    seed: int = 0
    momentum: tuple[float, float] = (0.9, 0.98)


@dataclass(frozen=True)
class Report:
    """What one step had to say: its number (from 1), learning rate, gradient norm, and named losses."""

    step: int
    learning_rate: float
    gradient: float
    losses: dict[str, float]


@dataclass(frozen=True)
class Rival:
    """A second module, trained after each step of the first on losses of its own, at `rate` times its learning rate.

    Its losses are asked for after the module's, so they may use what the module just made.
    """

    module: nn.Module
    loss: StepLoss
    rate: float = 1.0


def train(
    module: nn.Module, average: nn.Module, loss: StepLoss, recipe: Recipe, state: Path, rival: Rival | None = None
) -> Iterator[Report]:
    """Train `module` until `recipe.steps`, yielding a Report after each step; `average` becomes its moving average.

    loss: (step, generator) -> named losses; their sum is minimised. state: the checkpoint file, resumed from where it
    exists. Stop by ceasing to iterate; what was done since the last checkpoint is then repeated exactly on resuming.
    """
    modules, optimisers = {"module": module, "average": average}, {"optimiser": _optimiser(module, recipe)}
    if rival is not None:
        modules["rival"], optimisers["rival_optimiser"] = rival.module, _optimiser(rival.module, recipe)
        rival.module.train()
    first = resume(state, modules, optimisers) if state.exists() else 0
    module.train()
    for step in range(first + 1, recipe.steps + 1):
        rate = learning_rate(recipe, step)
        generator = torch.Generator().manual_seed(recipe.seed * 1_000_003 + step)
        gradient, losses = _descend(optimisers["optimiser"], loss, step, generator, rate, recipe.clip)
        if rival is not None:
            optimiser = optimisers["rival_optimiser"]
            losses |= _descend(optimiser, rival.loss, step, generator, rate * rival.rate, recipe.clip)[1]
        update_average(average, module, min(recipe.average, (1 + step) / (10 + step)))
        if step % recipe.save_every == 0 or step == recipe.steps:
            save_state(state, modules, optimisers, step)
        yield Report(step, rate, gradient, losses)


def _optimiser(module: nn.Module, recipe: Recipe) -> torch.optim.AdamW:
    parameters = [p for p in module.parameters() if p.requires_grad]
    return torch.optim.AdamW(
        parameters, lr=recipe.learning_rate, weight_decay=recipe.weight_decay, betas=recipe.momentum
    )


def _descend(
    optimiser: torch.optim.Optimizer, loss: StepLoss, step: int, generator: torch.Generator, rate: float, clip: float
) -> tuple[float, dict[str, float]]:
    """One step down the sum of the losses; the gradient's norm, and each loss."""
    for group in optimiser.param_groups:
        group["lr"] = rate
    losses = loss(step, generator)
    optimiser.zero_grad(set_to_none=True)
    torch.stack(list(losses.values())).sum().backward()
    gradient = nn.utils.clip_grad_norm_(optimiser.param_groups[0]["params"], clip).item()
    if not math.isfinite(gradient):
        raise BadInput(f"The gradient is not finite at training step {step}. Check the data, or lower the rate.")
    optimiser.step()
    return gradient, {name: value.item() for name, value in losses.items()}


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


def save_state(
    path: Path, modules: dict[str, nn.Module], optimisers: dict[str, torch.optim.Optimizer], step: int
) -> None:
    """Write the named modules' weights and the named optimisers' moments, atomically."""
    tensors = {f"{part}.{key}": value for part, m in modules.items() for key, value in m.state_dict().items()}
    for part, optimiser in optimisers.items():
        for index, moments in optimiser.state_dict()["state"].items():
            tensors |= {f"{part}.{index}.{name}": value for name, value in moments.items()}
    checkpoint.save(path, tensors, ARCHITECTURE, step=str(step))


def resume(path: Path, modules: dict[str, nn.Module], optimisers: dict[str, torch.optim.Optimizer]) -> int:
    """Fill all parts from a checkpoint of `save_state` and return its step; WeightsError where the parts differ."""
    tensors, header = checkpoint.load(path, ARCHITECTURE)
    parts: dict[str, dict[str, Tensor]] = {name: {} for name in (*modules, *optimisers)}
    for key, value in tensors.items():
        part, name = key.split(".", 1)
        if part not in parts:
            raise WeightsError(f"{path.name} belongs to another kind of training ({part}). Choose another folder.")
        parts[part][name] = value
    for part, module in modules.items():
        checkpoint.load_into(module, parts[part], path.name)
    for part, optimiser in optimisers.items():
        moments: dict[int, dict[str, Tensor]] = {}
        for key, value in parts[part].items():
            index, name = key.split(".", 1)
            moments.setdefault(int(index), {})[name] = value
        optimiser.load_state_dict({"state": moments, "param_groups": optimiser.state_dict()["param_groups"]})
    return int(header["step"])
