"""JoyVASA as a motion model: features and controls in, motion of the space 'liveportrait' out.

`sample` is the network's part, window by window. `to_motion` gives its numbers their meaning: expression and head
count from the first frame, so that they can be laid on any portrait, but for the lips, whose expression is taken as it
is. That is the published rule. `generate` is both, and the controls on top.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import torch
from torch import Tensor, nn

from ...errors import BadInput
from ...geometry import pose_from_rotation, rotation_from_pose
from ...keypoints import LIPS, LIVEPORTRAIT, neutral_expression
from ...types import AudioFeatures, Controls, Motion
from ..edit import blurred
from ..keypoint_controls import add_controls
from ..sampling import Progress, Sampling
from .checkpoint import load_parts
from .diffusion import Noise, sample
from .hearing import NAME, JoyVasaHearing
from .network import JoyVasaDenoiser
from .options import FPS, JoyVasaOptions, window_starts
from .template import Generated, Template

BLUR = 0.06  # seconds, of 'gentle' smoothing
FREEZING = 0.01  # share of a new frame in the published smoothing
SIGNS = (-1.0, -1.0, 1.0)  # LivePortrait's pitch and yaw turn the other way


class JoyVasaMotionModel(nn.Module):
    """A motion model (see motion.model.SamplingModel) that brings its own audio encoder, `hearing`.

    Guidance: cfg_audio s is the published scale 1 + s; its default 1.8 is the 2.8 of the published command line. There
    is no gaze guidance, for the gaze asked for is laid upon the motion afterwards.
    """

    space, encoder, fps = LIVEPORTRAIT, NAME, FPS
    sampling = Sampling(steps=50, cfg_audio=1.8, cfg_gaze=0.0)

    def __init__(
        self, denoiser: JoyVasaDenoiser, hearing: JoyVasaHearing, template: Template, options: JoyVasaOptions
    ) -> None:
        super().__init__()
        self.denoiser, self.hearing, self.template, self.options = denoiser, hearing, template, options
        self.audio_channels = denoiser.sizes.width

    def generate(
        self,
        features: AudioFeatures,
        controls: Controls,
        sampling: Sampling,
        generator: torch.Generator,
        progress: Progress | None = None,
    ) -> Motion:
        """T frames of motion for T frames of features; all noise comes from `generator`, on the CPU."""
        sizes = self.denoiser.sizes
        if sampling.steps > sizes.steps:
            raise BadInput(f"JoyVASA samples in at most {sizes.steps} steps, not {sampling.steps}.")
        noise = partial(torch.randn, sizes.window, sizes.motion, generator=generator)
        values = self.sample(features, sampling.steps, 1 + sampling.cfg_audio, noise, progress)
        return add_controls(to_motion(self.head_smoothed(self.template.restore(values))), controls)

    def sample(
        self, features: AudioFeatures, steps: int, guidance: float, noise: Noise, progress: Progress | None = None
    ) -> Tensor:
        """(T, K) of the network, on the CPU. noise: draws (W, K); once at first, then steps - 1 times per window, all
        of which start from the first draw."""
        denoiser, sizes = self.denoiser, self.denoiser.sizes
        device, dtype = denoiser.embed.weight.device, denoiser.embed.weight.dtype
        frames = len(features.values)
        starts = window_starts(frames, self.options.chaining, sizes.window, sizes.previous)
        audio = _filled(features, starts[-1] + sizes.window).to(device, dtype)
        previous_motion, previous_audio = denoiser.start_motion, denoiser.start_audio
        beginning = noise()
        values = beginning.new_zeros(0, sizes.motion)
        total = steps * len(starts)
        for number, start in enumerate(starts):
            heard = audio[None, start : start + sizes.window]  # (1, W, C)
            if guidance != 1:
                heard = torch.cat([denoiser.no_audio.expand_as(heard), heard])
            if start:
                previous_motion = values[start - sizes.previous : start].to(device, dtype)
                previous_audio = audio[start - sizes.previous : start]
            with torch.no_grad():
                prepared = denoiser.prepare(previous_motion, previous_audio, heard)
            tell = _counting(progress, number * steps, total)
            clean = sample(denoiser, prepared, beginning, noise, steps, guidance, tell).cpu()  # (W, K)
            values = _joined(values, clean, start)
        if progress is not None:
            progress(total, total)
        return values[:frames]

    def head_smoothed(self, made: Generated) -> Generated:
        """The head after the smoothing of the options; see JoyVasaOptions."""
        if self.options.smoothing == "gentle":
            return Generated(made.expression, blurred(made.head, BLUR * FPS))
        if self.options.smoothing == "published":
            return Generated(made.expression, averaged(made.head, FREEZING))
        return made


def load_joyvasa(
    path: str | Path, options: JoyVasaOptions | None = None, template: str | Path | None = None
) -> JoyVasaMotionModel:
    """The released .pt or its .safetensors, in evaluation mode on the CPU; WeightsError where it does not fit.

    template: motion_template.pkl or its conversion; looked for beside the file where None.
    """
    options = options or JoyVasaOptions()
    model = JoyVasaMotionModel(*load_parts(path, options, template), options)
    return model.eval().requires_grad_(False)


def to_motion(made: Generated) -> Motion:
    """LivePortrait's own numbers, counted from the first frame, as Motion.

    Head: turn M_0^T M_i of rotations in column form, shift less the first, log of scale over the first. Expression:
    less the first frame's; of the lips, less the published neutral lips, which the portrait's base holds, so that they
    come out as generated.
    """
    scale, shift, degrees = made.head[:, :1], made.head[:, 1:3], made.head[:, 4:]
    angles = torch.deg2rad(degrees) * torch.tensor(SIGNS)
    rotation = rotation_from_pose(angles)
    turn = pose_from_rotation(rotation[:1].mT @ rotation)  # (T, 3)
    pose = torch.cat([turn, shift - shift[:1], (scale / scale[:1]).log()], dim=1)
    expression = made.expression.unflatten(1, (-1, 3))  # (T, 21, 3)
    base = expression[:1].clone()
    base[:, LIPS] = neutral_expression()[list(LIPS)]
    return Motion(pose, (expression - base).flatten(1), FPS, LIVEPORTRAIT)


def averaged(values: Tensor, share: float) -> Tensor:
    """(T, C) exponential average from the first frame on: y_i = share x_i + (1 - share) y_(i-1)."""
    kept, rows = values[0], []
    for row in values:
        kept = torch.lerp(kept, row, share)
        rows.append(kept)
    return torch.stack(rows)


def _filled(features: AudioFeatures, total: int) -> Tensor:
    """(total, C): the features, then how silence sounds; where that is not known, the last row again."""
    values = features.values
    tail = values[:0] if features.tail is None else features.tail.to(values)
    values = torch.cat([values, tail])[:total]
    return torch.cat([values, values[-1:].expand(total - len(values), -1)])


def _joined(values: Tensor, window: Tensor, start: int) -> Tensor:
    """The frames so far, and a window that begins at frame `start`; where both are, one fades into the other."""
    both = len(values) - start
    share = (torch.arange(both) + 1)[:, None] / (both + 1)
    return torch.cat([values[:start], torch.lerp(values[start:], window[:both], share), window[both:]])


def _counting(progress: Progress | None, done: int, total: int) -> Callable[[int, Tensor], None] | None:
    return None if progress is None else lambda step, _: progress(done + step, total)
