"""What the face stage is trained on: pairs of frames of one person each, from clips on disk or drawn as needed.

A clip is a safetensors file: `frames` (T, 3, S, S) uint8, one fixed crop of one face, and, where somebody measured it,
`pose` (T, 6) as in types.Motion. Frames are read one by one, so clips may be long and many.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import torch
from safetensors import SafetensorError, safe_open
from torch import Generator, Tensor

from ..errors import BadInput
from ..faces.vasa.codes import resized
from ..types import POSE
from ..weights import checkpoint

ARCHITECTURE = "vasa-face-clip-1"


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


def write_clip(path: str | Path, frames: Tensor, pose: Tensor | None = None) -> None:
    """Write one clip atomically: frames (T, 3, S, S) in [0, 1] or uint8, pose (T, 6) or None."""
    if frames.ndim != 4 or frames.shape[1] != 3 or frames.shape[2] != frames.shape[3] or len(frames) < 2:
        raise BadInput(f"The clip's frames have shape {tuple(frames.shape)}; at least two square (3, S, S) are needed.")
    if pose is not None and pose.shape != (len(frames), len(POSE)):
        raise BadInput(f"The clip's pose has shape {tuple(pose.shape)}; ({len(frames)}, 6) is needed.")
    levels = frames if frames.dtype == torch.uint8 else (frames * 255).round().clamp(0, 255).to(torch.uint8)
    tensors = {"frames": levels} | ({} if pose is None else {"pose": pose.float()})
    checkpoint.save(path, tensors, ARCHITECTURE)


class ClipFolder:
    """The clips in a folder, one person in each, as pictures of `size` pixels.

    Raises BadInput where the folder has fewer than two clips, one is not a clip, or only some know their poses.
    """

    def __init__(self, folder: str | Path, size: int) -> None:
        self.size = size
        self.paths = sorted(Path(folder).glob("*.safetensors"))
        if len(self.paths) < 2:
            raise BadInput(f"The folder {folder} holds {len(self.paths)} clips; the face stage needs at least two.")
        self.lengths = []
        known = set()
        for path in self.paths:
            with _opened(path) as file:
                self.lengths.append(file.get_slice("frames").get_shape()[0])
                known.add("pose" in file.keys())  # noqa: SIM118
        if len(known) > 1:
            raise BadInput(f"Only some clips in {folder} know their poses. Measure all of them, or none.")
        self.has_pose = known.pop()

    def pairs(self, count: int, generator: Generator) -> Pairs:
        """`count` pairs of two different frames, no clip twice while there are enough of them."""
        chosen = choose(len(self.paths), count, generator)
        frames, poses = [], []
        for clip in chosen:
            a, b = torch.randperm(self.lengths[clip], generator=generator)[:2].tolist()
            with _opened(self.paths[clip]) as file:
                pictures, pose = file.get_slice("frames"), file.get_slice("pose") if self.has_pose else None
                frames.append(torch.stack([pictures[a], pictures[b]]))
                if pose is not None:
                    poses.append(torch.stack([pose[a], pose[b]]))
        first, second = (self._picture(torch.stack(part)) for part in zip(*frames, strict=True))
        if not self.has_pose:
            return Pairs(first, second, None, None)
        return Pairs(first, second, *(torch.stack(part) for part in zip(*poses, strict=True)))

    def _picture(self, levels: Tensor) -> Tensor:
        return resized(levels.float() / 255.0, self.size).clamp(0.0, 1.0)


def choose(of: int, count: int, generator: Generator) -> list[int]:
    """`count` numbers below `of` in random order, none twice while there are enough."""
    rounds = [torch.randperm(of, generator=generator) for _ in range(-(-count // of))]
    return torch.cat(rounds)[:count].tolist()


def _opened(path: Path) -> safe_open:
    try:
        file = safe_open(path, framework="pt", device="cpu")
    except (SafetensorError, OSError) as error:
        raise BadInput(f"{path.name} is not a clip ({error}). Take it out of the folder, or write it again.") from error
    if (file.metadata() or {}).get("architecture") != ARCHITECTURE:
        raise BadInput(f"{path.name} is not a clip of faces. Take it out of the folder of clips.")
    return file
