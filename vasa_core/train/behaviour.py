"""One performance of an utterance: everything a speaker's head and face do, as training data for the motion model.

The mouth is given by the phones and holds no chance. Head, eyes, lids, brows and feelings are drawn from processes that
follow the voice, so no two performances of an utterance are alike. At run time none of this is used: what it does has
to come out of the diffusion model.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy import ndarray

from ..arkit import INDEX, LOOK_SIDEWAYS, LOOK_VERTICAL
from ..types import EMOTIONS
from .expression import both, brows, emote, shut_lips, speak
from .eyes import blinks, look
from .head import hear, move_head
from .signals import bumps, levels, moments, smooth_noise, smoothed

LIMIT_YAW, LIMIT_PITCH = np.radians(20.0), np.radians(12.0)
NEAREST, FARTHEST = 0.8, 1.3


@dataclass(frozen=True)
class Labels:
    """What the performance was asked to be: gaze (T, 2) radians, distance (T, 1), emotion (T, 8) in 0..1."""

    gaze: ndarray
    distance: ndarray
    emotion: ndarray

    @property
    def emotional(self) -> bool:
        """Whether any emotion but the neutral one is asked for."""
        return bool(np.delete(self.emotion, EMOTIONS.index("neutral"), axis=1).any())


def draw_labels(random: np.random.Generator, frames: int, fps: float) -> Labels:
    """Random labels: a third look at the camera, half keep the portrait's distance, half feel nothing."""
    gaze = np.zeros((frames, 2))
    if random.random() < 0.7:
        gaze = _wander(random, frames, fps, lambda: random.uniform(*_GAZE_LIMITS))
    distance = np.ones((frames, 1))
    if random.random() < 0.5:
        distance = np.exp(_wander(random, frames, fps, lambda: random.uniform(np.log(NEAREST), np.log(FARTHEST), 1)))
    emotion = np.zeros((frames, len(EMOTIONS)))
    if random.random() < 0.5:
        emotion = np.clip(smoothed(_wander(random, frames, fps, lambda: _mixture(random)), 0.25 * fps), 0, 1)
    if random.random() < 0.4:
        emotion[:, EMOTIONS.index("neutral")] = random.random()
    return Labels(gaze, distance, emotion)


def perform(random: np.random.Generator, mouth: ndarray, prosody: ndarray, labels: Labels, fps: float) -> ndarray:
    """One performance: motion (T, 6 + 52), pose relative to rest and ARKit blendshapes.

    mouth: (T, 6) curves J A W F P V. prosody: (T, 3) loudness, voicing, pitch as audio.phonetic gives them.
    """
    frames = len(mouth)
    voice = hear(prosody, fps)
    feeling, lean = emote(random, labels.emotion, fps)
    pose = move_head(random, voice, labels.gaze, lean, fps)
    pose[:, 5] -= np.log(labels.distance[:, 0])
    gaze, shifts = look(random, voice, labels.gaze, fps)

    speech = speak(mouth)
    added = feeling + brows(random, voice, fps)
    idle = np.clip(1 - 2 * voice.speaking, 0, 1)
    presses = moments(random, frames, 2 * fps, 8 * fps)
    press = idle * bumps(
        frames, presses, random.uniform(0.1, 0.4, len(presses)), random.uniform(0.6, 1.2, len(presses)) * fps
    )
    added[:, both("mouthPress")] += press[:, None]
    added[:, both("mouthSmile")] += np.abs(0.02 * smooth_noise(random, frames, fps, 0.2))[:, None]
    shapes = shut_lips(speech, np.minimum(mouth[:, 0], mouth[:, 1]), added)

    eyes = gaze - pose[:, [1, 0]]  # the eyes make up for the head: (T, 2) yaw, pitch
    set_look(shapes, eyes)
    lids = shapes[:, both("eyeBlink")] + 0.15 * np.clip(-eyes[:, 1:] / LOOK_VERTICAL, 0, 1)
    closed = blinks(random, voice, shifts, fps)[:, None]
    shapes[:, both("eyeBlink")] = closed + (1 - closed) * lids
    shapes[:, both("eyeWide")] *= 1 - closed
    return np.concatenate([pose, np.clip(shapes, 0.0, 1.0)], axis=1).astype(np.float32)


def set_look(shapes: ndarray, eyes: ndarray) -> None:
    """Fill the eight eyeLook columns of (T, 52) from eye directions (T, 2): yaw, pitch in radians."""
    right, up = eyes[:, 0] / LOOK_SIDEWAYS, eyes[:, 1] / LOOK_VERTICAL
    for name, value in (("OutLeft", right), ("InRight", right), ("InLeft", -right), ("OutRight", -right)):
        shapes[:, INDEX["eyeLook" + name]] = np.clip(value, 0, 1)
    for side in ("Left", "Right"):
        shapes[:, INDEX["eyeLookUp" + side]] = np.clip(up, 0, 1)
        shapes[:, INDEX["eyeLookDown" + side]] = np.clip(-up, 0, 1)


_GAZE_LIMITS = (-np.array([LIMIT_YAW, LIMIT_PITCH]), np.array([LIMIT_YAW, LIMIT_PITCH]))


def _mixture(random: np.random.Generator) -> ndarray:
    """(8,) one emotion, sometimes with a weaker second."""
    values = np.zeros(len(EMOTIONS))
    first, second = random.choice(len(EMOTIONS), 2, replace=False)
    values[first] = random.uniform(0.25, 1.0)
    if random.random() < 0.25:
        values[second] = random.uniform(0.1, 0.6)
    return values


def _wander(random: np.random.Generator, frames: int, fps: float, draw) -> ndarray:
    """(T, C) a label that mostly holds, sometimes jumps every few seconds, and sometimes glides."""
    kind = random.random()
    if kind < 0.55:
        return np.repeat(draw()[None], frames, axis=0)
    starts = np.concatenate([[0], moments(random, frames, 1.5 * fps, 5.0 * fps)])
    values = np.stack([draw() for _ in starts])
    if kind < 0.85 or len(starts) == 1:
        return levels(frames, starts, values)
    times = np.arange(frames)
    return np.stack([np.interp(times, starts, column) for column in values.T], axis=1)
