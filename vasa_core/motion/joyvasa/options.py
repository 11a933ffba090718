"""How JoyVASA is run: as published, or with what we think better. And where its windows lie."""

from __future__ import annotations

from dataclasses import dataclass

from ...errors import BadInput
from .network import POSITION_RULES

FPS = 25.0
OVERLAP, PUBLISHED = "overlap", "published"
CHAININGS = (OVERLAP, PUBLISHED)
SMOOTHINGS = ("gentle", "published", "none")


@dataclass(frozen=True)
class JoyVasaOptions:
    """chaining: 'overlap' (ours): windows of 100 frames overlap by ten, over which one fades into the next; the sound
    of frame i is that of its own 40 ms, as in training. 'published': windows follow one another, and the sound is
    moved back by two frames, so that lips come 80 ms late.

    positions: see network.POSITION_RULES.

    smoothing, of head pose alone: 'gentle' (ours) blurs it over 60 ms without delay; 'published' is the exponential
    average of the published code, which nearly freezes the head; 'none'.
    """

    chaining: str = OVERLAP
    positions: str = "released"
    smoothing: str = "gentle"

    def __post_init__(self) -> None:
        for name, known in (("chaining", CHAININGS), ("positions", POSITION_RULES), ("smoothing", SMOOTHINGS)):
            if getattr(self, name) not in known:
                raise BadInput(f"JoyVASA's {name} is '{getattr(self, name)}'; it must be one of {', '.join(known)}.")


def window_starts(frames: int, chaining: str, window: int, previous: int) -> list[int]:
    """First frames of the windows that cover `frames`; the last one may reach beyond them."""
    stride = window - previous if chaining == OVERLAP else window
    needed = frames - (window - stride)  # frames that only a window's own stride covers
    return list(range(0, max(needed, 1), stride))
