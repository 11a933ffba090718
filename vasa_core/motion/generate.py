"""Audio features and controls in, motion out: windows of 50 frames, each continuing the 10 before it.

Sampling is all there is: what comes out of the diffusion model is the motion, with nothing added.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import torch
from torch import Tensor

from ..errors import BadInput
from ..types import POSE, AudioFeatures, Controls, Motion
from .conditions import AUDIO, FIELDS, GAZE, PREVIOUS, WINDOW, Conditions
from .controls import sample_controls
from .diffusion import ddim_step, draw_noise, sampling_times
from .guidance import guided
from .model import MotionModel, SamplingModel
from .sampling import Progress, Sampling


def generate(
    model: MotionModel | SamplingModel,
    features: AudioFeatures,
    controls: Controls,
    sampling: Sampling,
    generator: torch.Generator,
    progress: Progress | None = None,
    show: Callable[[Motion], None] | None = None,
) -> Motion:
    """One frame of motion per frame of features. Pose is relative to the portrait's rest.

    generator: of the CPU; all noise is drawn from it, so a seed gives one motion on every device.
    progress: called with (steps done, steps in all) before every denoising step; what it raises ends the run.
    show: called with the motion so far after every window, by models that work in windows of this package's kind.
    BadInput where the features are empty, or of another encoder or frame rate than the model's.
    """
    if not isinstance(model, MotionModel):  # it samples in its own way
        features = replace(features, values=_checked_features(model, features))
        return model.generate(features, controls, sampling.completed(model.sampling), generator, progress)
    windows: list[Tensor] = []
    for window in generate_windows(model, features, controls, sampling, generator, progress):
        windows.append(window)
        if show is not None:
            show(_motion(model, windows))
    return _motion(model, windows)


def _motion(model: MotionModel, windows: list[Tensor]) -> Motion:
    motion = torch.cat(windows)  # (T, 6 + D)
    return Motion(motion[:, : len(POSE)], motion[:, len(POSE) :], model.fps, model.space)


def generate_windows(
    model: MotionModel,
    features: AudioFeatures,
    controls: Controls,
    sampling: Sampling,
    generator: torch.Generator,
    progress: Progress | None = None,
) -> Iterator[Tensor]:
    """The motion of `generate`, window by window as it is made: tensors (<= 50, 6 + D) on the CPU."""
    audio = _checked_features(model, features)  # (T, C)
    sampling = sampling.completed(model.sampling)
    frames = len(audio)
    gaze, distance, emotion, has_emotion = sample_controls(controls, frames, model.fps)
    gaze = gaze / (
        1 + sampling.cfg_gaze
    )  # guidance carries it from the null's, which is 0 on average, (1 + s) times as far
    scales = guidance_scales(model, sampling)
    total = sampling.steps * ((frames + WINDOW - 1) // WINDOW)
    previous = torch.zeros(PREVIOUS, len(model.channels))
    for number, start in enumerate(range(0, frames, WINDOW)):
        keep = torch.ones(1, len(FIELDS), dtype=torch.bool)
        keep[0, FIELDS.index("emotion")] = has_emotion
        keep[0, FIELDS.index("previous_motion") :] = start > 0
        conditions = Conditions(
            audio=_window(audio, start),
            gaze=_window(gaze, start),
            distance=_window(distance, start),
            emotion=_window(emotion, start),
            previous_motion=previous[None],
            previous_audio=audio[start - PREVIOUS : start][None] if start else torch.zeros(1, PREVIOUS, audio.shape[1]),
            keep=keep,
            valid=(torch.arange(start, start + WINDOW) < frames)[None],
        ).to(model.device)
        noise = draw_noise(1, WINDOW, len(model.channels), generator).to(model.device)  # drawn on the CPU
        noise = noise * model.denoiser.noise
        done = number * sampling.steps
        clean = _sample(model, noise, conditions, scales, sampling.steps, progress, done, total)
        motion = model.channels.restore(clean[0, : frames - start])  # (<= W, 6 + D)
        previous = model.channels.normalise(motion)[-PREVIOUS:].cpu()
        yield motion.cpu()
    if progress is not None:
        progress(total, total)


def guidance_scales(model: MotionModel, sampling: Sampling) -> dict[int, Tensor]:
    """Scale (K,) of each guided condition, by channel.

    Channels that were trained with more noise than signal, as the starter's lips, are decided by the sound, so there is
    nothing to guide: up to the model's default scale they are what they were trained to be, and beyond it they
    exaggerate. Gaze does not move them.
    """
    decided = model.denoiser.noise > 1  # (K,)
    beyond = max(0.0, sampling.cfg_audio - model.sampling.cfg_audio)
    zeros = torch.zeros(len(decided), device=decided.device)
    return {
        AUDIO: torch.where(decided, zeros + beyond, zeros + sampling.cfg_audio),
        GAZE: torch.where(decided, zeros, zeros + sampling.cfg_gaze),
    }


@torch.no_grad()
def _sample(
    model: MotionModel,
    x: Tensor,
    conditions: Conditions,
    scales: dict[int, Tensor],
    steps: int,
    progress: Progress | None,
    done: int,
    total: int,
) -> Tensor:
    """(1, W, K) noise -> (1, W, K) clean channels."""
    times = sampling_times(steps).tolist()
    for k, t in enumerate(times):
        if progress is not None:
            progress(done + k, total)
        clean = guided(model.denoiser, x, torch.tensor([t], device=x.device), conditions, scales)
        x = ddim_step(x, clean, t, times[k + 1] if k + 1 < steps else None)
    return x


def _window(values: Tensor, start: int) -> Tensor:
    """(T, C) -> (1, W, C) from frame `start`; past the end the last frame stands, marked invalid by the caller."""
    index = torch.arange(start, start + WINDOW).clamp(max=len(values) - 1)
    return values[index][None]


def _checked_features(model: MotionModel | SamplingModel, features: AudioFeatures) -> Tensor:
    """The features' values (T, C) as float32 on the CPU; BadInput where they are not what the model needs."""
    if features.encoder != model.encoder or features.values.shape[-1] != model.audio_channels:
        raise BadInput(
            f"The motion model needs {model.audio_channels} channels of the audio encoder '{model.encoder}'; "
            f"these features are of '{features.encoder}' ({features.values.shape[-1]} channels)."
        )
    if features.fps != model.fps:
        raise BadInput(f"The motion model works at {model.fps:g} frames per second, the features at {features.fps:g}.")
    if len(features.values) == 0:
        raise BadInput("The audio features have no frames. Give at least one frame of sound.")
    return features.values.detach().float().cpu()
