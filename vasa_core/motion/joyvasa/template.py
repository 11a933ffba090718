"""JoyVASA's motion template: the statistics that turn the network's numbers into expression and head pose.

The published file is a pickle of numpy arrays. It is taken apart without unpickling (weights/plain_pickle.py); our
conversion keeps the same names in safetensors.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ...errors import WeightsError
from ...weights.foreign import read_foreign
from ...weights.plain_pickle import read_plain_pickle

EXPRESSION = 63
HEAD = (("scale", 1), ("t", 3), ("pitch", 1), ("yaw", 1), ("roll", 1))  # in the order of the network's numbers
NEEDED = {"mean_exp": EXPRESSION, "std_exp": EXPRESSION} | {
    f"{bound}_{name}": size for bound in ("min", "max") for name, size in HEAD
}


@dataclass(frozen=True)
class Generated:
    """What JoyVASA makes: expression (T, 63) in keypoint units; head (T, 7): LivePortrait's scale, x, y, z of its
    shift, and its own pitch, yaw, roll in degrees."""

    expression: Tensor
    head: Tensor


class Template(nn.Module):
    """Expressions are kept as z-scores, head poses as shares of their range."""

    def __init__(self) -> None:
        super().__init__()
        count = sum(size for _, size in HEAD)
        for name, size in (("mean", EXPRESSION), ("deviation", EXPRESSION), ("low", count), ("high", count)):
            self.register_buffer(name, torch.zeros(size))

    def named(self) -> dict[str, Tensor]:
        """What the published file holds of it, under the published names."""
        named = {"mean_exp": self.mean, "std_exp": self.deviation}
        for bound, values in (("min", self.low), ("max", self.high)):
            parts = values.split([size for _, size in HEAD])
            named |= {f"{bound}_{part}": value.clone() for (part, _), value in zip(HEAD, parts, strict=True)}
        return named

    def restore(self, values: Tensor) -> Generated:
        """(T, >= 70) of the network -> expression and head. What comes after 70 is not used by the published code."""
        expression, head = values[:, :EXPRESSION], values[:, EXPRESSION : EXPRESSION + len(self.low)]
        mean, deviation, low, high = (buffer.to(values) for buffer in (self.mean, self.deviation, self.low, self.high))
        return Generated(expression * deviation + mean, head * (high - low) + low)


def template_from(content: Mapping[str, Any], name: str) -> Template:
    """A template from named arrays or tensors; WeightsError, which names the file `name`, where one does not fit."""
    found: dict[str, Tensor] = {}
    for key, size in NEEDED.items():
        if key not in content:
            raise WeightsError(f"{name} is no motion template of JoyVASA: it lacks {key}. Download it again.")
        value = content[key]
        numbers = isinstance(value, (Tensor, np.ndarray, np.floating)) and np.asarray(value).dtype.kind == "f"
        value = torch.from_numpy(np.asarray(value, np.float32).reshape(-1).copy()) if numbers else torch.zeros(0)
        if len(value) != size or not torch.isfinite(value).all():
            raise WeightsError(f"{name} does not hold {size} finite numbers under {key}. Download it again.")
        found[key] = value
    template = Template()
    template.mean.copy_(found["mean_exp"])
    template.deviation.copy_(found["std_exp"])
    for bound, target in (("min", template.low), ("max", template.high)):
        target.copy_(torch.cat([found[f"{bound}_{part}"] for part, _ in HEAD]))
    return template


def read_template(path: str | Path) -> Template:
    """The template in motion_template.pkl or its conversion to .safetensors. WeightsError where it does not fit."""
    path = Path(path)
    content = read_foreign(path) if path.suffix == ".safetensors" else read_plain_pickle(path)
    if not isinstance(content, Mapping):
        raise WeightsError(f"{path.name} holds a {type(content).__name__}, no named numbers. Download it again.")
    return template_from(content, path.name)
