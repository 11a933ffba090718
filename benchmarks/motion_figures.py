"""Figures of sampled motion: plain functions on tensors, used by starter_motion.py. Frame rate is 25 throughout."""

import numpy as np

from vasa_core.arkit import INDEX, LOOK_SIDEWAYS, LOOK_VERTICAL
from vasa_core.motion.channels import lip_aperture
from vasa_core.motion.conditions import WINDOW
from vasa_core.train.signals import smoothed
from vasa_core.types import Motion

FPS = 25.0


def shape(motion: Motion, *names: str) -> np.ndarray:
    """(T,) mean of the named blendshapes."""
    return motion.dynamics[:, [INDEX[n] for n in names]].mean(1).double().numpy()


def lips(motion: Motion) -> dict[str, np.ndarray]:
    """The four curves that the scorer of the labelled speech reads."""
    jaw, pucker, funnel = shape(motion, "jawOpen"), shape(motion, "mouthPucker"), shape(motion, "mouthFunnel")
    spread = shape(motion, "mouthStretchLeft", "mouthStretchRight") + shape(motion, "mouthSmileLeft", "mouthSmileRight")
    return {
        "jaw": jaw,
        "aperture": lip_aperture(motion.dynamics).double().numpy(),
        "width": spread - 0.6 * pucker - 0.4 * funnel,
        "tuck": shape(motion, "mouthRollLower"),
    }


def blink_count(motion: Motion) -> int:
    """Times that the lids pass half shut, downwards."""
    lids = shape(motion, "eyeBlinkLeft", "eyeBlinkRight")
    return int(((lids[1:] > 0.5) & (lids[:-1] <= 0.5)).sum())


def trembling(motion: Motion) -> dict[str, float]:
    """Mean absolute second differences: head angles (degrees), position (half-crops), log scale, lids (blendshape)."""
    second = np.abs(np.diff(motion.pose.double().numpy(), 2, axis=0)).mean(0)
    lids = np.abs(np.diff(shape(motion, "eyeBlinkLeft", "eyeBlinkRight"), 2)).mean()
    return {
        "angles": float(np.degrees(second[:3]).mean()),
        "position": float(second[3:5].mean()),
        "log_scale": float(second[5]),
        "lids": float(lids),
    }


def seams(motion: Motion) -> tuple[float, float]:
    """Median step of head angles (degrees, largest axis) across window seams, and within windows."""
    steps = np.degrees(np.abs(np.diff(motion.pose[:, :3].double().numpy(), axis=0)).max(1))
    is_seam = (np.arange(1, len(motion)) % WINDOW) == 0
    return float(np.median(steps[is_seam])), float(np.median(steps[~is_seam]))


def gaze_of(motion: Motion) -> np.ndarray:
    """(T, 2) yaw, pitch of the gaze in radians: the eyes on top of the head."""
    right = shape(motion, "eyeLookOutLeft", "eyeLookInRight") - shape(motion, "eyeLookInLeft", "eyeLookOutRight")
    up = shape(motion, "eyeLookUpLeft", "eyeLookUpRight") - shape(motion, "eyeLookDownLeft", "eyeLookDownRight")
    eyes = np.stack([right * LOOK_SIDEWAYS, up * LOOK_VERTICAL], 1)
    return eyes + motion.pose[:, [1, 0]].double().numpy()


def follows_voice(motion: Motion, envelope: np.ndarray, random: np.random.Generator) -> tuple[float, float]:
    """Correlation of fast head pitch with the voice's fast loudness, best of lags up to 8 frames: real, and shuffled.

    Shuffled: the mean over 40 circular shifts of at least a second, each with the same search over lags.
    """

    def fast(values: np.ndarray) -> np.ndarray:
        return smoothed(values, 2.0) - smoothed(values, 15.0)

    pitch, loud = fast(motion.pose[:, 0].double().numpy()), fast(envelope[: len(motion)])

    def best(a: np.ndarray, b: np.ndarray) -> float:
        pairs = [(a[max(0, k) : len(a) + min(0, k)], b[max(0, -k) : len(b) - max(0, k)]) for k in range(-8, 9)]
        return max(abs(np.corrcoef(x, y)[0, 1]) for x, y in pairs)

    shifts = random.integers(25, len(pitch) - 25, 40)
    return best(pitch, loud), float(np.mean([best(pitch, np.roll(loud, s)) for s in shifts]))
