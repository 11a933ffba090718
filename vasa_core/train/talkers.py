"""Synthetic heads that talk with a voice of their own: what the motion stage is tried out on, with all of it known.

Lips decide the sound as they do in people, roughly: the jaw how loud it is and where the first formant lies, the width
of the mouth the second, a shut mouth silence. So the lips can be learnt from the sound; heads, brows and blinks cannot,
and eyes and distance only from their labels.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import pi
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Generator, Tensor

from ..arkit import LOOK_SIDEWAYS, LOOK_VERTICAL
from ..types import EMOTIONS, Audio, Motion
from .procedural_head import DYNAMICS
from .synthetic import SyntheticHeads, performance
from .talking_clips import TalkingClip

RATE = 16000
GAZE = torch.tensor([LOOK_SIDEWAYS, LOOK_VERTICAL])
"""Radians of the eyes in the head where gaze_x and gaze_y are 1."""
LARGEST_LABEL = torch.tensor([0.25, 0.12])
"""Radians of yaw and pitch to either side in which a clip's main direction is drawn."""
LEAN = 0.2  # natural log of the distance by which a clip's nearer part differs from its farther one, at the most
SMILE = 0.6  # of a face that is all happiness
SHUT = 0.05  # of the jaw: below it nothing is heard


@dataclass(frozen=True)
class Take:
    """motion: of the space 'synthetic', in the usual crop. gaze: (T, 2) yaw and pitch relative to the camera, radians.
    happy: 0 to 1, or None where nobody says. pitch: of the voice, Hz."""

    motion: Motion
    gaze: Tensor
    happy: float | None
    pitch: float


@dataclass(frozen=True)
class SyntheticTalkers:
    """`takes` clips of `seconds` each of `identities` heads in pictures of `size` pixels; see MotionClips.

    Every other clip says how happy it is; of the rest nobody knows.
    """

    folder: Path
    identities: int
    size: int
    takes: int = 1
    seconds: float = 6.0
    fps: float = 25.0
    seed: int = 0

    @property
    def names(self) -> list[str]:
        """Identity and take."""
        return [f"{identity:05d}-{take:03d}" for identity in range(self.identities) for take in range(self.takes)]

    def version(self, name: str) -> str:
        """What this clip is drawn from."""
        return f"{self.seed}, {self.seconds} s at {self.fps} a second, {self.size} pixels"

    def clip(self, name: str) -> TalkingClip:
        """Its motion, gaze and sound; frames are rendered when they are asked for."""
        take = self.take(name)

        def frames() -> Tensor:
            head = SyntheticHeads(1, self.size, self.seed, first=int(name.split("-")[0]))
            return (head.show(0, take.motion) * 255).round().clamp(0, 255).to(torch.uint8)

        emotion = None
        if take.happy is not None:
            emotion = F.one_hot(torch.tensor(EMOTIONS.index("happiness")), len(EMOTIONS)) * take.happy
        return TalkingClip(frames, self.fps, voice(take.motion, take.pitch), take.gaze, emotion)

    def take(self, name: str) -> Take:
        """What is true of the clip of this name."""
        identity, take = (int(part) for part in name.split("-"))
        generator = Generator().manual_seed((self.seed * 1_000_003 + identity) * 1_000_003 + take)
        happy = float(torch.rand(1, generator=generator)) if (identity + take) % 2 == 0 else None
        motion, gaze = talk(round(self.seconds * self.fps), self.fps, happy or 0.0, generator)
        return Take(motion, gaze, happy, 90 + 120 * float(torch.rand(1, generator=generator)))


def talk(frames: int, fps: float, happy: float, generator: Generator) -> tuple[Motion, Tensor]:
    """Motion of the space 'synthetic' of someone who speaks in phrases, and the gaze (T, 2) relative to the camera."""
    motion = performance(frames, fps, generator)
    pose, dynamics = motion.pose.clone(), motion.dynamics.clone()
    time = torch.arange(frames) / fps

    def uniform(count: int) -> Tensor:
        return 2 * torch.rand(count, generator=generator) - 1

    pose[:, :2] *= 0.5  # no one talks for long while looking away
    turn = time[-1] * (0.3 + 0.2 * uniform(1))
    pose[:, 5] = 0.3 * pose[:, 5] - LEAN * uniform(1) * (torch.sigmoid((time - turn) / 0.15) - 0.5)
    gaze = LARGEST_LABEL * uniform(2) + 0.02 * dynamics[:, [DYNAMICS.index("gaze_x"), DYNAMICS.index("gaze_y")]]
    dynamics[:, -2:] = ((gaze - pose[:, [1, 0]]) / GAZE).clamp(-1, 1)
    phrases = torch.sin(2 * pi * (time / (2.2 + uniform(1)) + uniform(1)))
    speaks = torch.sigmoid((phrases + 0.6) / 0.1)  # pauses of a third of the time
    dynamics[:, DYNAMICS.index("jaw")] *= speaks
    dynamics[:, DYNAMICS.index("smile")] = 0.15 * dynamics[:, DYNAMICS.index("smile")] + SMILE * happy
    return replace(motion, pose=pose, dynamics=dynamics), dynamics[:, -2:] * GAZE + pose[:, [1, 0]]


def voice(motion: Motion, pitch: float) -> Audio:
    """The sound of lips that move so: harmonics of `pitch` Hz under three formants, 16 kHz, as long as the motion."""
    samples = round(motion.duration * RATE)
    position = torch.arange(samples) * (motion.fps / RATE)  # in frames
    low = position.long().clamp(max=len(motion) - 2)
    share = (position - low).clamp(max=1)[:, None]
    lips = motion.dynamics[:, [DYNAMICS.index("jaw"), DYNAMICS.index("wide")]]
    jaw, wide = torch.lerp(lips[low], lips[low + 1], share).unbind(1)  # (N,)
    loud = (jaw - SHUT).clamp_min(0).sqrt()
    formants = torch.stack([300 + 500 * jaw, 1500 + 700 * wide, torch.full_like(jaw, 2600.0)])  # (3, N)
    width, share_of = torch.tensor([80.0, 120.0, 200.0]), torch.tensor([1.0, 0.6, 0.3])
    phase = 2 * pi * pitch / RATE * torch.arange(samples, dtype=torch.float64)
    sound = torch.zeros(samples)
    for harmonic in range(1, int(4000 / pitch) + 1):
        away = (harmonic * pitch - formants) / width[:, None]
        gain = (share_of[:, None] / (1 + away.square())).sum(0)
        sound += gain * torch.sin(harmonic * phase).float()
    return Audio((0.25 * loud * sound).clamp(-1, 1), RATE)
