"""High dynamic range, as phones film it, brought into the range of ordinary pictures.

The signal becomes light by its transfer function (ITU-R BT.2100: PQ or HLG), the light is counted in white paper (203
cd/m2, ITU-R BT.2408), its colours turn from BT.2020 to BT.709 primaries, and what is brighter than KNEE of white is
compressed, all three colours alike.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

PQ, HLG = 16, 18  # transfer characteristics as files name them (ITU-T H.273)
WHITE, PEAK = 203.0, 1000.0  # cd/m2 of white paper, and of the screen that HLG is meant for
KNEE = 0.6
FROM_2020 = np.array([[1.6605, -0.5876, -0.0728], [-0.1246, 1.1329, -0.0083], [-0.0182, -0.1006, 1.1187]], np.float32)
LUMINANCE = np.array([0.2627, 0.6780, 0.0593], np.float32)  # of BT.2020


def is_hdr(transfer: int) -> bool:
    """Whether a file's transfer characteristics are those of high dynamic range."""
    return transfer in (PQ, HLG)


def to_ordinary(signal: np.ndarray, transfer: int) -> np.ndarray:
    """(H, W, 3) uint8 sRGB of a BT.2020 signal (H, W, 3) uint16 with the transfer function PQ or HLG."""
    light = _light_of(transfer)[signal]  # (H, W, 3)
    if transfer == HLG:  # the screen's own gamma, which depends on luminance
        light = light * ((light @ LUMINANCE).clip(1e-6) ** 0.2)[..., None] * (PEAK / WHITE)
    light = (light @ FROM_2020.T).clip(0.0)
    most = light.max(axis=2, keepdims=True)
    squeezed = np.where(most > KNEE, 1.0 - (1.0 - KNEE) * np.exp((KNEE - most) / (1.0 - KNEE)), most)
    light = light * (squeezed / most.clip(1e-6))
    srgb = np.where(light < 0.0031308, 12.92 * light, 1.055 * light.clip(1e-6) ** (1 / 2.4) - 0.055)
    return (srgb * 255.0 + 0.5).clip(0, 255).astype(np.uint8)


@lru_cache(maxsize=2)
def _light_of(transfer: int) -> np.ndarray:
    """(65536,) light of each level: PQ in white paper, HLG in shares of the scene's brightest."""
    level = np.arange(65536, dtype=np.float64) / 65535.0
    if transfer == PQ:
        power = level ** (1.0 / 78.84375)
        light = ((power - 0.8359375).clip(0.0) / (18.8515625 - 18.6875 * power)) ** (1.0 / 0.1593017578125)
        return (light * (10000.0 / WHITE)).astype(np.float32)
    bright = (np.exp((level - 0.55991073) / 0.17883277) + 0.28466892) / 12.0
    return np.where(level <= 0.5, level**2 / 3.0, bright).astype(np.float32)
