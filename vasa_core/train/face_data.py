"""What the face stage is trained on: pairs of frames of one person each, from clips on disk or drawn as needed.

Clips are those of shards.py. Frames are read one by one, so clips may be long and many.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import torch
from torch import Generator, Tensor

from ..errors import BadInput
from ..faces.vasa.codes import resized
from ..faces.vasa.framing import middle, seen_in_middle
from .shards import Clips


@dataclass(frozen=True)
class Pairs:
    """Two frames of each of B clips: pictures (B, 3, S, S) in [0, 1], poses (B, 6) or None where nobody knows them."""

    first: Tensor
    second: Tensor
    first_pose: Tensor | None
    second_pose: Tensor | None

    def to(self, device: torch.device | str) -> Pairs:
        """These pairs on a device."""
        poses = (None if p is None else p.to(device) for p in (self.first_pose, self.second_pose))
        return Pairs(self.first.to(device), self.second.to(device), *poses)


class PairSource(Protocol):
    """Draws training pairs."""

    def pairs(self, count: int, generator: Generator) -> Pairs:
        """`count` pairs, no person twice while there are enough of them."""
        ...


class ClipFolder:
    """The clips in a folder's shards (see shards.py), as pictures of `size` pixels that show `reach` of their side.

    Raises BadInput where the folder has fewer than two people, or what Clips refuses.
    """

    def __init__(self, folder: str | Path, size: int, reach: float = 1.0) -> None:
        self.size, self.reach = size, reach
        self.clips = Clips(folder)
        self.people = list(self.clips.identities().values())
        if len(self.people) < 2:
            raise BadInput(f"The clips in {folder} are of one person; the face stage needs at least two people.")
        self.has_pose = "pose" in self.clips.labels

    def pairs(self, count: int, generator: Generator) -> Pairs:
        """`count` pairs, each of two different frames of a clip, nobody twice while there are enough people."""
        frames, poses = [], []
        for person in choose(len(self.people), count, generator):
            places = self.people[person]
            place = places[int(torch.randint(len(places), (1,), generator=generator))]
            drawn = torch.randperm(place.about.frames, generator=generator)[:2].tolist()
            frames.append(self.clips.pictures(place, drawn))
            if self.has_pose:
                poses.append(torch.cat([self.clips.measured(place, k, 1, ["pose"]).pose for k in drawn]))
        pictures = torch.stack(frames)  # (B, 2, 3, S, S)
        known = (seen_in_middle(p, self.reach) for p in torch.stack(poses).unbind(1)) if self.has_pose else (None, None)
        return Pairs(self._picture(pictures[:, 0]), self._picture(pictures[:, 1]), *known)

    def _picture(self, levels: Tensor) -> Tensor:
        return resized(middle(levels, self.reach).float() / 255.0, self.size).clamp(0.0, 1.0)


def choose(of: int, count: int, generator: Generator) -> list[int]:
    """`count` numbers below `of` in random order, none twice while there are enough."""
    rounds = [torch.randperm(of, generator=generator) for _ in range(-(-count // of))]
    return torch.cat(rounds)[:count].tolist()
