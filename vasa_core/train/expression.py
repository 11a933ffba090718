"""The face as blendshapes: a mouth from six curves, brows on accents, and eight emotions.

An emotion moves its own features and leaves the closure of the lips alone: whatever would part them is taken back
while the mouth is shut.
"""

from __future__ import annotations

import numpy as np
from numpy import ndarray

from ..arkit import INDEX, NAMES
from ..motion.channels import PARTING_LOWER, PARTING_UPPER
from ..types import EMOTIONS
from .head import Voice
from .signals import bumps, moments, smooth_noise

# What each emotion adds at full intensity. Names without a side are both sides.
FEATURES: dict[str, dict[str, float]] = {
    "anger": {
        "browDown": 0.85,
        "noseSneer": 0.4,
        "eyeSquint": 0.4,
        "mouthPress": 0.3,
        "mouthFrown": 0.2,
        "eyeWide": 0.1,
    },
    "contempt": {
        "mouthSmileLeft": 0.45,
        "mouthDimpleLeft": 0.6,
        "eyeSquint": 0.15,
        "browOuterUpRight": 0.3,
        "eyeBlink": 0.1,
    },
    "disgust": {"noseSneer": 0.85, "mouthUpperUp": 0.4, "browDown": 0.4, "eyeSquint": 0.4, "mouthFrown": 0.2},
    "fear": {"browInnerUp": 0.75, "browOuterUp": 0.25, "eyeWide": 0.65, "mouthStretch": 0.4, "mouthFrown": 0.1},
    "happiness": {"mouthSmile": 0.75, "cheekSquint": 0.6, "eyeSquint": 0.3, "mouthDimple": 0.15, "browOuterUp": 0.08},
    "neutral": {},
    "sadness": {"browInnerUp": 0.7, "mouthFrown": 0.65, "eyeBlink": 0.14, "eyeSquint": 0.1, "mouthShrugLower": 0.3},
    "surprise": {"browInnerUp": 0.75, "browOuterUp": 0.85, "eyeWide": 0.8},
}
LEAN = {"sadness": (-4.0, 0.0), "anger": (-2.0, 0.0), "contempt": (2.5, 2.0), "surprise": (1.5, 0.0)}
"""Degrees of pitch and yaw at full intensity."""
SPREAD = 0.5
"""Mouth width W becomes this much of each, mouthStretch and mouthSmile, whose sum reads back as W."""
SHUT = 0.12
"""Aperture below which whatever would part the lips is faded out."""


def both(name: str) -> list[int]:
    """Columns of a blendshape: its own, or those of its two sides."""
    return [INDEX[n] for n in (name, name + "Left", name + "Right") if n in INDEX]


def speak(mouth: ndarray) -> ndarray:
    """Mouth curves (T, 6) J A W F P V -> (T, 52) blendshapes."""
    jaw, aperture, width, funnel, pucker, tuck = np.clip(mouth, (0, 0, -1, 0, 0, 0), 1).T
    shapes = np.zeros((len(mouth), len(NAMES)))
    shapes[:, INDEX["jawOpen"]] = jaw
    shapes[:, INDEX["mouthClose"]] = np.clip(jaw - aperture, 0.0, 1.0)
    shapes[:, INDEX["mouthFunnel"]] = funnel
    shapes[:, INDEX["mouthPucker"]] = pucker
    shapes[:, INDEX["mouthRollLower"]] = tuck
    spread, parting = SPREAD * np.clip(width, 0, 1), np.clip(aperture - jaw, 0, 1 / PARTING_LOWER)
    pressed = 0.3 * np.clip(1 - aperture / 0.08, 0, 1) * np.clip(jaw / 0.06, 0, 1)  # p, b, m
    for name, values in (
        ("mouthStretch", spread),
        ("mouthSmile", spread),
        ("mouthLowerDown", PARTING_LOWER * parting),
        ("mouthUpperUp", PARTING_UPPER * parting + 0.3 * tuck),
        ("mouthPress", pressed),
    ):
        shapes[:, both(name)] = values[:, None]
    return shapes


def emote(random: np.random.Generator, emotion: ndarray, fps: float) -> tuple[ndarray, ndarray]:
    """Intensities (T, 8) -> blendshapes (T, 52) to add, and head lean (T, 2) pitch and yaw in radians.

    Features come and go a little around their intensity, each in its own time.
    """
    frames = len(emotion)
    shapes, lean = np.zeros((frames, len(NAMES))), np.zeros((frames, 2))
    for k, name in enumerate(EMOTIONS):
        if not emotion[:, k].any():
            continue
        for feature, gain in FEATURES[name].items():
            breathe = 1 + 0.12 * smooth_noise(random, frames, fps, 0.4)
            shapes[:, both(feature)] += (gain * emotion[:, k] * breathe)[:, None]
        lean += np.radians(LEAN.get(name, (0.0, 0.0))) * emotion[:, k, None]
    return shapes, lean


def brows(random: np.random.Generator, voice: Voice, fps: float) -> ndarray:
    """(T, 52): brows that rise on some accents, sometimes for a whole phrase, and now and then draw together."""
    frames = len(voice.envelope)
    shapes = np.zeros((frames, len(NAMES)))
    chosen = random.random(len(voice.accents)) < 0.3
    centres = voice.accents[chosen] + random.normal(0.0, 0.05, chosen.sum()) * fps
    heights = (0.12 + 0.4 * voice.strength[chosen]) * random.uniform(0.5, 1.2, chosen.sum())
    raised = bumps(frames, centres, heights, random.uniform(0.45, 1.1, chosen.sum()) * fps)
    held = moments(random, frames, 3 * fps, 9 * fps)
    raised += bumps(frames, held, random.uniform(0.1, 0.35, len(held)), random.uniform(1.0, 2.2, len(held)) * fps)
    drawn = moments(random, frames, 4 * fps, 14 * fps)
    lowered = bumps(frames, drawn, random.uniform(0.1, 0.35, len(drawn)), random.uniform(0.7, 1.6, len(drawn)) * fps)
    inner = np.clip(random.normal(0.75, 0.15), 0.3, 1.0)
    outer, tilt = np.clip(random.normal(0.6, 0.2), 0.1, 1.0), np.clip(random.normal(0.0, 0.08), -0.2, 0.2)
    shapes[:, INDEX["browInnerUp"]] = inner * raised
    shapes[:, INDEX["browOuterUpLeft"]] = (outer + tilt) * raised
    shapes[:, INDEX["browOuterUpRight"]] = (outer - tilt) * raised
    shapes[:, both("browDown")] = lowered[:, None]
    return shapes


def shut_lips(shapes: ndarray, aperture: ndarray, added: ndarray) -> ndarray:
    """`shapes` + `added` (T, 52), without what `added` would do to closed lips; `aperture` (T,) is the speech's own."""
    gate = np.clip(aperture / SHUT, 0.0, 1.0)[:, None]
    added = added.copy()
    parting = both("mouthUpperUp") + both("mouthLowerDown")
    added[:, parting] *= gate
    return shapes + added
