"""How motion is sampled, as the user asks for it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ..errors import BadInput
from .diffusion import STEPS

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Sampling:
    """`steps`: denoising steps per window. `cfg_audio`, `cfg_gaze`: guidance scales, lambda_A and lambda_g of VASA-1;
    0 switches one off. None is the motion model's own default."""

    steps: int | None = None
    cfg_audio: float | None = None
    cfg_gaze: float | None = None

    def __post_init__(self) -> None:
        if self.steps is not None and not 1 <= self.steps <= STEPS:
            raise BadInput(f"The number of denoising steps must be between 1 and {STEPS}, not {self.steps}.")
        if not all(scale is None or 0 <= scale < float("inf") for scale in (self.cfg_audio, self.cfg_gaze)):
            raise BadInput("The guidance scales of audio and gaze must be 0 or more.")

    def completed(self, default: Sampling) -> Sampling:
        """The same with the values of `default` where None stands."""
        return Sampling(
            default.steps if self.steps is None else self.steps,
            default.cfg_audio if self.cfg_audio is None else self.cfg_audio,
            default.cfg_gaze if self.cfg_gaze is None else self.cfg_gaze,
        )
