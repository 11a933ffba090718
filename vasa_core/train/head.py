"""How a speaker's head moves: drift, posture, nods on accents, breathing. A random process that follows the voice."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy import ndarray

from .signals import bumps, levels, moments, peaks, smooth_noise, smoothed

# The head turns about the neck, below and behind the centre of the face, in half-crops; and the camera's distance.
NECK_BELOW, NECK_BEHIND, CAMERA = 0.5, 0.08, 5.0
FOLLOW_YAW, FOLLOW_PITCH = 0.35, 0.3
"""Share of the main gaze direction that the head takes; the eyes make up the rest."""


@dataclass(frozen=True)
class Voice:
    """What of the voice movement follows: envelope (T,) 0 silent .. 1 loud, speaking (T,) smooth 0..1, accents: frame
    numbers of stressed syllables, strength: 0..1 of each."""

    envelope: ndarray
    speaking: ndarray
    accents: ndarray
    strength: ndarray


def hear(prosody: ndarray, fps: float) -> Voice:
    """prosody (T, 3): loudness (dB / 20 relative to the loud level), voicing, log-pitch deviation."""
    envelope = np.clip(1.0 + prosody[:, 0] / 1.25, 0.0, 1.0)
    rhythm = smoothed(envelope + 0.8 * np.clip(prosody[:, 2], -0.4, 0.4) * prosody[:, 1], 0.05 * fps)
    accents = peaks(rhythm, 0.45, int(0.24 * fps))
    strength = np.clip((rhythm[accents] - 0.4) / 0.8, 0.1, 1.0)
    speaking = smoothed((envelope > 0.3).astype(float), 0.35 * fps)
    return Voice(envelope, speaking, accents, strength)


def move_head(random: np.random.Generator, voice: Voice, gaze: ndarray, lean: ndarray, fps: float) -> ndarray:
    """Pose (T, 6) relative to rest without distance: radians, half-crops, log scale.

    gaze (T, 2): main direction in radians. lean (T, 2): pitch and yaw that an emotion adds, radians.
    """
    frames = len(voice.envelope)
    lively = np.clip(np.exp(0.25 * random.standard_normal()), 0.65, 1.5)
    gate = 0.35 + 0.65 * voice.speaking

    def noise(cutoff: float) -> ndarray:
        return smooth_noise(random, frames, fps, cutoff)

    # degrees from here on
    sway = noise(0.3)
    pitch = 1.3 * noise(0.3) + gate * 1.0 * noise(1.1)
    yaw = 2.0 * sway + gate * 1.25 * noise(0.9)
    roll = 0.9 * noise(0.3) + 0.3 * sway + gate * 0.75 * noise(0.8)
    pitch -= 2.2 * (smoothed(voice.envelope, 0.1 * fps) - smoothed(voice.envelope, 0.8 * fps))  # dips with the voice
    pitch -= nods(random, voice, fps)
    chosen = random.random(len(voice.accents)) < 0.35
    turns = random.normal(0.0, 2.0, chosen.sum()) * (0.5 + voice.strength[chosen])
    widths = random.uniform(0.5, 1.0, chosen.sum()) * fps
    yaw += bumps(frames, voice.accents[chosen] + 0.04 * fps, turns, widths)
    roll += bumps(frames, voice.accents[chosen] + 0.06 * fps, random.normal(0.0, 1.1, chosen.sum()), widths)
    starts = np.concatenate([[0], moments(random, frames, 1.5 * fps, 4.0 * fps)])
    posture = random.normal(0.0, (1.0, 1.7, 1.0), (len(starts), 3))
    shift = smoothed(levels(frames, starts, posture), 0.28 * fps)
    angles = np.radians(lively * (np.stack([pitch, yaw, roll], 1) + shift))

    follow = smoothed(gaze, 0.22 * fps)
    angles[:, 0] += FOLLOW_PITCH * follow[:, 1] + lean[:, 0]
    angles[:, 1] += FOLLOW_YAW * follow[:, 0] + lean[:, 1]
    breath = breathing(random, frames, fps)
    angles[:, 0] += np.radians(0.15) * breath
    tx = NECK_BELOW * np.sin(angles[:, 2]) + NECK_BEHIND * np.sin(angles[:, 1]) + 0.006 * noise(0.4)
    ty = -NECK_BEHIND * np.sin(angles[:, 0]) + 0.004 * noise(0.4) - 0.0035 * breath
    scale = -NECK_BELOW / CAMERA * np.sin(angles[:, 0]) + 0.004 * noise(0.25) + 0.0012 * breath
    return np.concatenate([angles, np.stack([tx, ty, scale], 1)], axis=1)


def nods(random: np.random.Generator, voice: Voice, fps: float) -> ndarray:
    """(T,) degrees downwards: on most accents the head dips, a frame or two after the loudest moment, and rebounds."""
    chosen = random.random(len(voice.accents)) < 0.65
    centres = voice.accents[chosen] + random.normal(0.05, 0.025, chosen.sum()) * fps
    depths = (1.0 + 2.8 * voice.strength[chosen]) * np.exp(0.35 * random.standard_normal(chosen.sum()))
    widths = random.uniform(0.42, 0.7, chosen.sum()) * fps
    frames = len(voice.envelope)
    down = bumps(frames, centres, depths, widths)
    return down - bumps(frames, centres + 0.75 * widths, 0.3 * depths, widths)


def breathing(random: np.random.Generator, frames: int, fps: float) -> ndarray:
    """(T,) -1..1: about 15 breaths a minute, irregular."""
    rate = 0.26 * (1 + 0.15 * smooth_noise(random, frames, fps, 0.1))
    return np.sin(2 * np.pi * (np.cumsum(rate) / fps + random.random()))
