"""The motion stage: trains the diffusion transformer on a frozen audio encoder's features.

    model = train_motion(utterances, out, Recipe(steps=6000), encoder="phonetic")

Loss: squared error of the predicted clean motion in normalised channels, its velocity, and the acceleration of head and
lids. Channels of the mouth weigh more, since they are what the ear checks; so do the moments that a squared error
otherwise gives up first: closed lips on p, b, m and the tucked lip of f, v.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ..arkit import ARKIT
from ..motion.channels import APERTURE, SPOKEN, MotionChannels, arkit_channels
from ..motion.conditions import PREVIOUS_MOTION, WINDOW, Conditions
from ..motion.denoiser import Preset
from ..motion.diffusion import STEPS, add_noise, draw_noise
from ..motion.model import FPS, MotionModel, save_motion_model
from ..types import POSE
from .data import Batch, Drops, Performances, Utterance
from .loop import Recipe, Report, averaged, train
from .losses_log import logged

WEIGHTS = {
    "jawOpen": 7.0, APERTURE: 9.0, "mouthFunnel": 5.0, "mouthPucker": 5.0, "mouthStretch": 5.0, "mouthSmile": 3.0,
    "mouthRollLower": 6.0, "mouthUpperUp": 2.0, "lookYaw": 6.0, "lookPitch": 6.0, "eyeBlink": 25.0,
}  # fmt: skip
"""Weight of a channel's squared error; 1 where it is not named."""
CLOSED, TUCKED, BLINKING = 13.0, 3.0, 0.6
"""Further weight of the aperture where the lips are shut in speech, of the lower lip where it is tucked, and of shut
lids: without, a blink that x_t only hints at is sampled by halves."""
STEADY = {
    "pitch": 1.3, "yaw": 1.6, "roll": 1.6, "tx": 1.6, "ty": 1.6, "log_scale": 2.0, "browDown": 1.5, "browInnerUp": 1.2,
    "browOuterUp": 1.2, "browOuterUpDifference": 2.0, "mouthFrown": 2.0, "mouthDimple": 2.0, "cheekSquint": 2.0,
    "mouthDimpleDifference": 2.0, "mouthSmileDifference": 2.0, "noseSneer": 2.0, "eyeSquint": 2.0,
    "mouthShrugLower": 2.0,
}  # fmt: skip
"""Frames by which a channel's last filter smooths when training begins; half a frame where it is not named."""
FADING = {name: 20.0 for name in POSE} | {"lookYaw": 12.0, "lookPitch": 12.0, "browInnerUp": 8.0, "browDown": 8.0}
"""Frames over which a channel's last previous value fades from the first guess when training begins."""
TRUST = dict.fromkeys((*POSE, *SPOKEN), 0.02) | dict.fromkeys(("lookYaw", "lookPitch"), 0.98)
"""Worth of x_t in the first guess when training begins; 0.4 where it is not named. The head's has to be the past's."""
NOISE = dict.fromkeys(SPOKEN, 400.0)
"""Deviation of a channel's noise; 1 where it is not named. At 400 the last of ten steps still hides the lips: they are
what the sound makes likely, not one draw of what it leaves open."""
SEAM = 20.0
"""Further weight of a window's first frames where it continues another: there a small error is a visible jump."""
EASE = 0.25
"""Part of the way back to the last previous frame that the head of a window's first frame is taught to keep; a third of
it in each frame after. The filters hold both sides of a seam back, which would make its step larger than others."""
VELOCITY, ACCELERATION = 2.0, 1.0
SCALE_FLOOR = 0.06
"""Smallest deviation by which a blendshape is normalised, so that a rare one does not explode."""
SCALES = {"log_scale": 0.35, "eyeBlink": 5.0}
"""Factors on the deviation by which a channel is normalised. The distance label explains most of log_scale, and what is
left must not tremble. A blink is rare; made smaller, it is decided at noise levels that few steps resolve better."""


def train_motion(
    utterances: Sequence[Utterance],
    out: Path,
    recipe: Recipe,
    *,
    encoder: str,
    preset: str | Preset = "starter",
    batch: int = 16,
    drops: Drops | None = None,
    start: MotionModel | None = None,
    device: str = "cpu",
    progress: Callable[[Report], None] | None = None,
) -> MotionModel:
    """Train a motion model of the space 'arkit' and write it to `out`, resuming `out`.state where that exists.

    utterances: with features of the audio encoder named `encoder`. start: a model to go on from. Beside `out` appear
    its training state and `out`.csv, the losses. Returns the moving average of the weights, which is what `out` holds.
    """
    model = start or new_model(utterances, encoder, preset, recipe.seed)
    data = Performances(utterances, copy.deepcopy(model.channels).cpu(), model.fps, drops or Drops(), recipe.seed)
    model.to(device)
    weights = channel_weights(model.channels)
    average = averaged(model)

    def loss(step: int, generator: torch.Generator) -> dict[str, Tensor]:
        return motion_loss(model, data.batch(step, batch, batch // 4), weights, generator)

    for report in logged(train(model, average, loss, recipe, out.with_suffix(".state")), out.with_suffix(".csv")):
        if report.step % recipe.save_every == 0 or report.step == recipe.steps:
            save_motion_model(out, average, half=True)
        if progress is not None:
            progress(report)
    return average


def new_model(utterances: Sequence[Utterance], encoder: str, preset: str | Preset, seed: int) -> MotionModel:
    """A model with fresh weights, its channels normalised by two hundred performances."""
    torch.manual_seed(seed)
    model = MotionModel(ARKIT, encoder, utterances[0].features.shape[1], preset, FPS, arkit_channels())
    starts = ((STEADY, 0.5), (FADING, 0.0), (TRUST, 0.4), (NOISE, 1.0))
    model.denoiser.start_smooth(*(torch.tensor([t.get(n, other) for n in model.channels.names]) for t, other in starts))
    data = Performances(utterances, model.channels, FPS, Drops(), seed)
    random = np.random.default_rng((seed, 0))
    columns = zip(*(data.performance(random)[:3] for _ in range(200)), strict=True)
    features, _, motion = (torch.from_numpy(np.concatenate(parts)).float() for parts in columns)
    model.channels.fit(motion, SCALE_FLOOR)
    for name, factor in SCALES.items():
        model.channels.scale[model.channels.names.index(name)] *= factor
    model.denoiser.hearing.start_linear(features, model.channels.normalise(motion), model.denoiser.noise > 1)
    return model


def channel_weights(channels: MotionChannels) -> Tensor:
    """(K,) with mean 1, on the channels' device."""
    weights = torch.tensor([WEIGHTS.get(name, 1.0) for name in channels.names], device=channels.scale.device)
    return weights / weights.mean()


def motion_loss(model: MotionModel, batch: Batch, weights: Tensor, generator: torch.Generator) -> dict[str, Tensor]:
    """Errors of position, velocity and acceleration of one batch at random diffusion times."""
    size, device = len(batch.clean), model.device
    clean, mouth = batch.clean.to(device), batch.mouth.to(device)
    # one time from each of `size` parts of the process, for less spread between batches; more of the noisy ones, since
    # there it is decided what happens
    share = (torch.arange(size) + torch.rand(size, generator=generator)) / size
    t = (STEPS * share**0.75).long().clamp(max=STEPS - 1)
    t = t[torch.randperm(size, generator=generator)].to(device)
    noise = draw_noise(*clean.shape, generator).to(device) * model.denoiser.noise
    conditions = batch.conditions.to(device)
    clean = eased(clean, conditions)
    predicted = model.denoiser(add_noise(clean, noise, t), t, conditions)  # (B, W, K)
    error = (predicted - clean) * emphasis(model.channels, clean, mouth, weights).sqrt()
    seam = SEAM * torch.exp(-torch.arange(WINDOW, device=device) / 2.0)  # (W,)
    near = 1 + seam * conditions.keep[:, PREVIOUS_MOTION, None]  # (B, W)
    steady = list(range(len(POSE))) + [model.channels.names.index("eyeBlink")]
    return {
        "position": (near[..., None] * error.square()).mean(),
        "velocity": VELOCITY * error.diff(dim=1).square().mean(),
        "acceleration": ACCELERATION * (predicted - clean)[..., steady].diff(n=2, dim=1).square().mean(),
    }


def eased(clean: Tensor, conditions: Conditions) -> Tensor:
    """(B, W, K) -> the same; where a window continues another the head sets out more gently (EASE)."""
    share = EASE / 3.0 ** torch.arange(WINDOW, device=clean.device)  # (W,)
    share = share * conditions.keep[:, PREVIOUS_MOTION, None]  # (B, W)
    head = slice(len(POSE))
    back = conditions.previous_motion[:, -1:, head] - clean[..., head]
    result = clean.clone()
    result[..., head] += share[..., None] * back
    return result


def emphasis(channels: MotionChannels, clean: Tensor, mouth: Tensor, weights: Tensor) -> Tensor:
    """(B, W, K): channel weights, raised for the aperture of shut lips, for the tuck of f and v, and for shut lids.

    clean: (B, W, K) normalised channels. mouth: (B, W, 6) the curves of the same windows.
    """
    jaw, aperture, tuck = mouth[..., 0], mouth[..., 1], mouth[..., 5]
    shut = (1 - aperture / 0.12).clamp(0, 1) * (jaw / 0.05).clamp(0, 1)  # (B, W)
    result = weights.expand(*mouth.shape[:2], -1).clone()
    for name in (APERTURE, "mouthUpperUp"):
        result[..., channels.names.index(name)] *= 1 + CLOSED * shut
    result[..., channels.names.index("mouthRollLower")] *= 1 + TUCKED * tuck.clamp(0, 1)
    blink = channels.names.index("eyeBlink")
    lids = clean[..., blink] * channels.scale[blink] + channels.mean[blink]
    result[..., blink] *= 1 + BLINKING * lids.clamp(0, 1)
    return result
