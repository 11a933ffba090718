"""Clips without faces and a reader without a network: what reads, keeps and cuts motion is tried out with them."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor, nn

from vasa_core.errors import NoFaceFound
from vasa_core.train.readers import NamedReader
from vasa_core.train.shards import About, Clip, Labels, as_png, write_shard
from vasa_core.train.talkers import SyntheticTalkers
from vasa_core.train.talking_clips import TalkingClip
from vasa_core.types import Audio, AudioFeatures, Motion, MotionSpace

SPACE = MotionSpace("toy", 3)


@dataclass
class ToyClips:
    """Clip k is k's shade throughout, with a tone of its own. opened: names of the clips whose frames were read."""

    folder: Path
    count: int = 4
    frames: int = 70
    fps: float = 25.0
    written: str = "first"
    known: bool = True
    opened: list[str] = field(default_factory=list)

    @property
    def names(self) -> list[str]:
        return [f"clip{k}" for k in range(self.count)]

    def version(self, name: str) -> str:
        return self.written

    def clip(self, name: str) -> TalkingClip:
        k = int(name[4:])

        def frames() -> Tensor:
            self.opened.append(name)
            return torch.full((self.frames, 3, 4, 4), 10 * k, dtype=torch.uint8)

        seconds = self.frames / self.fps
        tone = torch.sin(torch.arange(round(16000 * seconds)) * (0.1 + 0.1 * k))
        gaze = torch.full((self.frames, 2), 0.1 * k) if self.known else None
        emotion = torch.eye(8)[k] if self.known and k % 2 else None
        return TalkingClip(frames, self.fps, Audio(tone, 16000), gaze, emotion)


class ToyReader:
    """Pose and dynamics rise with the frame's number, from the shade on. `blind`: black frames show no face."""

    def __init__(self, blind: bool = False) -> None:
        self.blind = blind

    def read(self, crops: Tensor, fps: float) -> Motion:
        shade = crops[:, 0, 0, 0]
        if self.blind and not shade.any():
            raise NoFaceFound("There is no face. Use another video.")
        rising = torch.arange(len(crops))[:, None] / len(crops) + shade[:, None]
        return Motion(0.1 * rising.expand(-1, 6), rising.expand(-1, 3), fps, SPACE)


class ToyEncoder(nn.Module):
    """Two channels, the frame's number and its loudness; `asked` counts the clips it heard."""

    channels = 2

    def __init__(self, name: str = "toy") -> None:
        super().__init__()
        self.name, self.asked = name, 0

    def forward(self, audio: Audio, frames: int, fps: float) -> AudioFeatures:
        self.asked += frames > 1  # one frame is a question for the name
        loud = audio.samples.abs().mean().expand(frames)
        return AudioFeatures(torch.stack([torch.arange(frames).float(), loud], dim=1), fps, self.name)


def toy_reader(key: str = "toy-1", blind: bool = False) -> NamedReader:
    return NamedReader(ToyReader(blind), SPACE, key, nn.Identity())


def write_talkers(folder: Path, talkers: SyntheticTalkers) -> None:
    """Synthetic talkers as a folder of shards, as `train prepare` would write it."""
    for name in talkers.names:
        clip = talkers.clip(name)
        pictures = [as_png(picture) for picture in clip.frames().permute(0, 2, 3, 1).contiguous().numpy()]
        samples = (clip.audio.samples * 32767).round().to(torch.int16)
        about = About(name, name, 0.0, clip.fps, len(pictures), len(samples))
        write_shard(folder / f"{name}.safetensors", [Clip(about, pictures, Labels(gaze=clip.gaze), samples)])
