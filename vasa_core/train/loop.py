"""The training loop that every stage shares: AdamW, warm-up and cosine, clipping, moving average, resuming.

A stage with an adversary gives it as a `Rival`, which is trained in turn with the module.

A step's batch is made of parts, whose gradients are averaged. One process computes them one after another, several
processes each compute their share: how many they are never shows in the result.

A part draws everything random from a generator that is seeded by the run's seed, the step's number and its own. So a
run that was stopped goes on exactly as if it had not been, and neither random states nor places in the data are ever
stored. Checkpoints are safetensors, written whole or not at all; they know the settings, and refuse others.
"""

from __future__ import annotations

import copy
import json
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from ..errors import BadInput, WeightsError
from ..weights import checkpoint
from .distributed import ALONE, World

ARCHITECTURE = "vasa-training-state-1"
StepLoss = Callable[[int, torch.Generator], dict[str, Tensor]]


@dataclass(frozen=True)
class Recipe:
    """How a module is trained. `steps` in all; the learning rate rises over `warm_up` steps and falls to 0 by a cosine.

    average: decay of the moving average of the weights. clip: largest norm of the gradient. save_every: steps between
    checkpoints. momentum: AdamW's betas. parts: how many parts the batch of a step is computed in; a multiple of the
    number of processes.
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
    parts: int = 1

    def __post_init__(self) -> None:
        if self.steps < 1:
            raise ValueError(f"{self.steps} steps train nothing; at least 1 is needed")
        if self.parts < 1:
            raise ValueError(f"a step of {self.parts} parts computes nothing; at least 1 is needed")
        if self.save_every < 1:
            raise ValueError(f"save_every is {self.save_every}; a checkpoint comes every 1 step or more")
        for name in ("learning_rate", "clip"):
            if not 0 < getattr(self, name) < math.inf:
                raise ValueError(f"{name} is {getattr(self, name)}; it must be above 0")
        for name in ("warm_up", "weight_decay"):
            if not 0 <= getattr(self, name) < math.inf:
                raise ValueError(f"{name} is {getattr(self, name)}; it must be 0 or more")
        for name, share in (("average", self.average), *(("momentum", beta) for beta in self.momentum)):
            if not 0 <= share < 1:
                raise ValueError(f"{name} is {share}; it must be from 0 to below 1")


@dataclass(frozen=True)
class Report:
    """What one step had to say: its number (from 1), learning rate, gradient norm, and named losses."""

    step: int
    learning_rate: float
    gradient: float
    losses: dict[str, float]


@dataclass(frozen=True)
class Rival:
    """A second module, trained in each step of the first on losses of its own, at `rate` times its learning rate.

    Its losses are asked for after the module's, part by part, so they may use what the module just made. No gradient of
    either's losses may reach the other. What of it changes without a gradient must do so once a step, not once a part.
    """

    module: nn.Module
    loss: StepLoss
    rate: float = 1.0


def train(
    module: nn.Module,
    average: nn.Module,
    loss: StepLoss,
    recipe: Recipe,
    state: Path,
    rival: Rival | None = None,
    settings: Mapping[str, object] | None = None,
    world: World = ALONE,
) -> Iterator[Report]:
    """Train `module` until `recipe.steps`, yielding a Report after each step; `average` becomes its moving average.

    loss: (step, generator) -> named losses of one part, whose sum is minimised; it may keep nothing from the part
    before. state: the checkpoint file, resumed from where it exists; the leading process of the `world` writes it.
    settings: what else decides the outcome, in types of JSON; a run goes on with the same ones only, and the same
    recipe, but may get more steps. Stop by ceasing to iterate; what was done since the last checkpoint is then repeated
    exactly on resuming.
    """
    learners = [Rival(module, loss)] + ([] if rival is None else [rival])
    optimisers = [_optimiser(learner.module, recipe) for learner in learners]
    modules, moments = {"module": module, "average": average}, {"optimiser": optimisers[0]}
    if rival is not None:
        modules["rival"], moments["rival_optimiser"] = rival.module, optimisers[1]
    share = world.share(recipe.parts)
    told = json.loads(json.dumps({**(settings or {}), "recipe": _deciding(recipe)}))
    first = resume(state, modules, moments, told) if state.exists() else 0
    world.agree(first, "steps", "output")
    for torn in state.parent.glob(f".{state.name}.*") if world.leads else ():  # of a run that was killed
        torn.unlink()
    world.follow(tensor for part in modules.values() for tensor in part.state_dict().values())
    module.train()
    for step in range(first + 1, recipe.steps + 1):
        losses = _gradients(learners, share, recipe, step, world)
        rate, norms = learning_rate(recipe, step), []
        for learner, optimiser in zip(learners, optimisers, strict=True):
            norms.append(_descend(optimiser, step, rate * learner.rate, recipe.clip))
        update_average(average, module, min(recipe.average, (1 + step) / (10 + step)))
        if step % recipe.save_every == 0 or step == recipe.steps:
            if world.leads:
                save_state(state, modules, moments, step, told)
            world.wait()
        yield Report(step, rate, norms[0], losses)


def generator_of(recipe: Recipe, step: int, part: int) -> torch.Generator:
    """What a part of a step draws everything random from."""
    return torch.Generator().manual_seed((part * 1_000_003 + recipe.seed) * 1_000_003 + step)


def _deciding(recipe: Recipe) -> dict[str, object]:
    """What of a recipe has to stay as it is when a run goes on."""
    return {name: value for name, value in asdict(recipe).items() if name not in ("steps", "save_every")}


def _optimiser(module: nn.Module, recipe: Recipe) -> torch.optim.AdamW:
    parameters = [p for p in module.parameters() if p.requires_grad]
    return torch.optim.AdamW(
        parameters, lr=recipe.learning_rate, weight_decay=recipe.weight_decay, betas=recipe.momentum
    )


def _gradients(learners: list[Rival], share: range, recipe: Recipe, step: int, world: World) -> dict[str, float]:
    """Leave in each learner's parameters the mean gradient of the step's parts; returns the means of the losses."""
    means: dict[str, Tensor] = {}
    for learner in learners:
        learner.module.zero_grad(set_to_none=True)
    for part in share:
        generator = generator_of(recipe, step, part)
        for learner in learners:
            named = learner.loss(step, generator)
            (torch.stack(list(named.values())).sum() / recipe.parts).backward()
            for name, value in named.items():
                means[name] = means.get(name, 0.0) + value.detach() / recipe.parts
    for learner in learners:
        world.add_up(p.grad for p in learner.module.parameters() if p.grad is not None)
    values = torch.stack(list(means.values()))
    world.add_up([values])
    return dict(zip(means, values.tolist(), strict=True))


def _descend(optimiser: torch.optim.Optimizer, step: int, rate: float, clip: float) -> float:
    """One step down the gradients that are there; returns their norm."""
    for group in optimiser.param_groups:
        group["lr"] = rate
    gradient = nn.utils.clip_grad_norm_(optimiser.param_groups[0]["params"], clip).item()
    if not math.isfinite(gradient):
        raise BadInput(f"The gradient is not finite at training step {step}. Check the data, or lower the rate.")
    optimiser.step()
    return gradient


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
    path: Path,
    modules: dict[str, nn.Module],
    optimisers: dict[str, torch.optim.Optimizer],
    step: int,
    settings: dict[str, object],
) -> None:
    """Write the named modules' weights and the named optimisers' moments, atomically."""
    tensors = {f"{part}.{key}": value for part, m in modules.items() for key, value in m.state_dict().items()}
    for part, optimiser in optimisers.items():
        for index, moments in optimiser.state_dict()["state"].items():
            tensors |= {f"{part}.{index}.{name}": value for name, value in moments.items()}
    checkpoint.save(path, tensors, ARCHITECTURE, step=str(step), settings=json.dumps(settings))


def resume(
    path: Path,
    modules: dict[str, nn.Module],
    optimisers: dict[str, torch.optim.Optimizer],
    settings: dict[str, object],
) -> int:
    """Fill all parts from a checkpoint of `save_state` and return its step.

    WeightsError where the parts differ, BadInput where the settings do. One that either does not know is passed over:
    it came with another version of this code.
    """
    tensors, header = checkpoint.load(path, ARCHITECTURE)
    parts: dict[str, dict[str, Tensor]] = {name: {} for name in (*modules, *optimisers)}
    for key, value in tensors.items():
        part, name = key.split(".", 1)
        if part not in parts:
            raise WeightsError(f"{path.name} belongs to another kind of training ({part}). Choose another folder.")
        parts[part][name] = value
    before, now = _flat(json.loads(header.get("settings", "{}"))), _flat(settings)
    for name in sorted(before.keys() & now.keys()):
        if before[name] != now[name]:
            raise BadInput(
                f"{path} was trained with {name} {json.dumps(before[name])}, not {json.dumps(now[name])}. "
                "Restore that setting, or name another output."
            )
    for part, module in modules.items():
        checkpoint.load_into(module, parts[part], path.name)
    for part, optimiser in optimisers.items():
        moments: dict[int, dict[str, Tensor]] = {}
        for key, value in parts[part].items():
            index, name = key.split(".", 1)
            moments.setdefault(int(index), {})[name] = value
        optimiser.load_state_dict({"state": moments, "param_groups": optimiser.state_dict()["param_groups"]})
    return int(header["step"])


def _flat(settings: dict[str, object], place: str = "") -> dict[str, object]:
    """Nested settings by their full names: {'recipe.seed': 0}."""
    flat: dict[str, object] = {}
    for name, value in settings.items():
        flat |= _flat(value, f"{place}{name}.") if isinstance(value, dict) else {f"{place}{name}": value}
    return flat
