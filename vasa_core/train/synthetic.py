"""Talking heads without end, with their motion known exactly: what the face stage is tried out on.

    SyntheticHeads(...).pairs(...)      two frames each of random identities, independent in pose and dynamics
    SyntheticHeads(...).clip(...)       a video of one identity that looks around, speaks, smiles and blinks

Everything random comes from seeds, so an identity or a clip is the same on every machine. Identities of different
numbers differ; hold some back by their numbers.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import pi

import torch
from torch import Generator, Tensor

from ..faces.vasa.framing import seen_in_middle
from ..types import Motion
from .face_data import Pairs, choose
from .procedural_head import DYNAMICS, SPACE, Head, render

POSE_RANGE = (0.2, 0.4, 0.15, 0.09, 0.075, 0.1)
"""Largest pitch, yaw, roll (radians), shift (half-crops) and log scale to either side, in the usual crop."""

CHUNK = 16  # frames rendered at once


@dataclass(frozen=True)
class SyntheticClip:
    """frames (T, 3, S, S) in [0, 1], and their true motion, of the space 'synthetic'."""

    frames: Tensor
    motion: Motion


class SyntheticHeads:
    """`identities` heads drawn from `seed`, from number `first` on, in pictures of `size` pixels, on `device`.

    The pictures show the middle of the usual crop, `reach` of its side, and all poses are in units of what they show.
    """

    def __init__(
        self,
        identities: int,
        size: int,
        seed: int = 0,
        device: str | torch.device = "cpu",
        first: int = 0,
        reach: float = 1.0,
    ) -> None:
        self.size, self.seed, self.device, self.reach = size, seed, torch.device(device), reach
        heads = [Head.draw(1, _seeded(seed, number)) for number in range(first, first + identities)]
        self.heads = Head(*(torch.cat(parts) for parts in zip(*(vars(h).values() for h in heads), strict=True)))
        self.heads = self.heads.to(self.device)

    def __len__(self) -> int:
        return len(self.heads)

    def pairs(self, count: int, generator: Generator) -> Pairs:
        """`count` pairs; no identity twice while there are enough of them."""
        head = self.heads.take(torch.tensor(choose(len(self), count, generator), device=self.device))
        poses, dynamics = (torch.stack(p) for p in zip(*(draw_motion(count, generator) for _ in range(2)), strict=True))
        poses = torch.stack([seen_in_middle(pose, self.reach) for pose in poses]).to(self.device)
        dynamics = dynamics.to(self.device)
        first, second = (render(head, poses[k], dynamics[k], self.size) for k in (0, 1))
        return Pairs(first, second, poses[0], poses[1])

    def show(self, identity: int, motion: Motion) -> Tensor:
        """(T, 3, size, size): the identity of this number in given motion of the space 'synthetic'."""
        motion.require(SPACE, "The synthetic renderer")
        frames = torch.empty(len(motion), 3, self.size, self.size, device=self.device)
        for first in range(0, len(motion), CHUNK):
            part = motion[first : first + CHUNK]
            head = self.heads.take(torch.full((len(part),), identity, device=self.device))
            pose, dynamics = part.pose.to(self.device), part.dynamics.to(self.device)
            frames[first : first + CHUNK] = render(head, pose, dynamics, self.size)
        return frames

    def clip(self, identity: int, frames: int, number: int = 0, fps: float = 25.0) -> SyntheticClip:
        """Take `number` of the identity, smooth in time."""
        motion = performance(frames, fps, _seeded(self.seed, identity, number + 1))
        motion = replace(motion, pose=seen_in_middle(motion.pose, self.reach))
        return SyntheticClip(self.show(identity, motion), motion)


def draw_motion(count: int, generator: Generator) -> tuple[Tensor, Tensor]:
    """Pose (count, 6) in the usual crop and dynamics (count, 7), every number by itself, eyes and mouth more often open
    than not."""
    pose = torch.tensor(POSE_RANGE) * (2 * torch.rand(count, 6, generator=generator) - 1)
    dynamics = 2 * torch.rand(count, len(DYNAMICS), generator=generator) - 1
    jaw, blink = DYNAMICS.index("jaw"), DYNAMICS.index("blink")
    dynamics[:, jaw] = dynamics[:, jaw].abs()
    dynamics[:, blink] = (1.5 * dynamics[:, blink].abs() - 0.5).clamp(0.0, 1.0)
    return pose, dynamics


def performance(frames: int, fps: float, generator: Generator) -> Motion:
    """Motion of the space 'synthetic', in the usual crop: the head sways, the mouth speaks, eyes blink and wander."""
    time = torch.arange(frames) / fps
    pose = 0.8 * torch.tensor(POSE_RANGE) * _swaying(time, 6, (0.1, 0.7), generator)
    dynamics = 0.8 * _swaying(time, len(DYNAMICS), (0.1, 0.8), generator)
    speech = _swaying(time, 2, (2.0, 5.0), generator)
    for name, value in (
        ("jaw", (0.25 + 0.6 * speech[:, 0]).clamp(0, 1)),
        ("wide", (0.6 * speech[:, 1]).clamp(-1, 1)),
        ("blink", _blinks(time, generator)),
    ):
        dynamics[:, DYNAMICS.index(name)] = value
    return Motion(pose, dynamics, fps, SPACE)


def _swaying(time: Tensor, channels: int, hertz: tuple[float, float], generator: Generator) -> Tensor:
    """(T, channels) in [-1, 1]: three sines of random frequency and phase each."""
    low, high = hertz
    frequency = low + (high - low) * torch.rand(3, channels, generator=generator)
    phase = torch.rand(3, channels, generator=generator)
    return torch.sin(2 * pi * (time[:, None, None] * frequency + phase)).mean(1)


def _blinks(time: Tensor, generator: Generator) -> Tensor:
    """(T,) 0 to 1: a blink of a quarter of a second every two to five seconds."""
    gaps = 2 + 3 * torch.rand(2 + int(time[-1] / 2) if len(time) else 1, generator=generator)
    moments = gaps.cumsum(0) - 1.5
    return (1 - (time[:, None] - moments).abs() / 0.125).clamp_min(0).amax(1)


def _seeded(*numbers: int) -> Generator:
    """A generator of its own for every tuple of numbers."""
    mixed = 0
    for number in numbers:
        mixed = (mixed * 1_000_003 + number + 1) % (1 << 62)
    return Generator().manual_seed(mixed)
