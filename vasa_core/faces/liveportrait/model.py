"""LivePortrait (Guo et al. 2024) as a face model: photo-real, from its released weights.

A picture becomes an appearance volume and 21 keypoints, a motion moves the keypoints, and two networks warp the volume
after them and paint it. Dynamics are offsets of the keypoints: see vasa_core/keypoints.py.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import torch
from torch import Tensor, nn
from torch.func import functional_call

from ...arkit import ARKIT
from ...errors import BadInput
from ...keypoints import LIVEPORTRAIT
from ...types import FRAME_SIZE, FaceCrop, Motion, MotionSpace
from ...vision.model import Vision
from .crop import PublishedFraming
from .from_arkit import from_arkit
from .portrait import LivePortraitOptions, LivePortraitPortrait, driven_keypoints, dtype_of, encode
from .reader import LivePortraitReader, imitated
from .released import LivePortraitNetworks

BATCH = 4  # frames through the networks at once
WIDEST_TURN, WIDEST_SCALE = 50.0, 1.5  # degrees from the picture's own, and times its size: more is remarked


class LivePortraitFaceModel:
    """FaceModel of the motion space 'liveportrait'. `framing` is for crop_face.

    The host may give `halves`, the two networks that take all the time, another floating type than float32; frames that
    are not numbers then are made again in float32, and `notes` says so.
    """

    space: MotionSpace = LIVEPORTRAIT

    def __init__(self, networks: LivePortraitNetworks, framing: PublishedFraming | None = None) -> None:
        self.network = networks
        self.framing = framing or PublishedFraming()
        self._redone = 0
        self._converted = False

    @property
    def halves(self) -> tuple[nn.Module, nn.Module]:
        """What may run in half precision: the warping network and the generator."""
        return self.network.warping, self.network.generator

    @torch.no_grad()
    def encode(self, crop: FaceCrop, options: LivePortraitOptions | None = None) -> LivePortraitPortrait:
        """Prepare a crop (3, 512, 512) that was framed by `framing`, with its landmarks."""
        return encode(self.network, crop, options or LivePortraitOptions())

    @torch.no_grad()
    def decode(self, portrait: LivePortraitPortrait, motion: Motion) -> Tensor:
        """Frames (T, 3, 512, 512) in [0, 1] of absolute motion, float32."""
        frames = list(self._frames(portrait, motion))
        return torch.cat(frames) if frames else portrait.volume.new_zeros(0, 3, FRAME_SIZE, FRAME_SIZE)

    @torch.no_grad()
    def decode_uint8(self, portrait: LivePortraitPortrait, motion: Motion) -> Tensor:
        """Frames (T, 512, 512, 3) uint8: `decode` rounded."""
        frames = torch.empty(len(motion), FRAME_SIZE, FRAME_SIZE, 3, dtype=torch.uint8, device=portrait.volume.device)
        done = 0
        for part in self._frames(portrait, motion):
            levels = part.mul_(255.0).round_().to(torch.uint8)
            frames[done : done + len(part)] = levels.permute(0, 2, 3, 1)
            done += len(part)
        return frames

    def read_film(self, vision: Vision, frames: Iterable[Tensor], fps: float) -> Motion:
        """Motion of the largest face of a film in this model's space, absolute: see LivePortraitReader.read_film."""
        return LivePortraitReader(self.network, vision).read_film(frames, fps)

    def imitated(self, portrait: LivePortraitPortrait, motion: Motion) -> Motion:
        """The expression of a film as it is, instead of its changes: see reader.imitated."""
        return imitated(portrait, motion)

    def converted(self, motion: Motion) -> Motion:
        """ARKit motion in this space; motion of this space as it is; WrongSpace for any other."""
        if motion.space == ARKIT:
            self._converted = True
            return from_arkit(motion)
        motion.require(self.space, "The face model 'liveportrait'")
        return motion

    def limits(self, portrait: LivePortraitPortrait, motion: Motion) -> list[str]:
        """Where absolute motion goes far from the picture, one sentence each."""
        if not len(motion):
            return []
        away = motion.pose - portrait.rest.pose.to(motion.pose)
        turn = float(torch.rad2deg(away[:, :2].abs().amax()))
        growth = float(away[:, 5].abs().amax().exp())
        found = []
        if turn > WIDEST_TURN:
            found.append(f"The head turns {turn:.0f} degrees from the picture's pose: what it did not show is made up.")
        if growth > WIDEST_SCALE:
            found.append(f"The head becomes {growth:.1f} times larger or smaller; neck and background cannot follow.")
        return found

    def notes(self) -> list[str]:
        """What happened since the last call, one sentence each."""
        found = []
        if self._converted:
            found.append(
                "The motion was converted from ARKit's 52 shapes, which LivePortrait's keypoints only resemble."
            )
        if self._redone:
            found.append(f"{self._redone} frames came out broken in half precision and were made again in float32.")
        self._converted, self._redone = False, 0
        return found

    def _frames(self, portrait: LivePortraitPortrait, motion: Motion) -> Iterator[Tensor]:
        motion.require(self.space, "The face model 'liveportrait'")
        if not (torch.isfinite(motion.pose).all() and torch.isfinite(motion.dynamics).all()):
            raise BadInput("The motion holds values that are not numbers. Load or generate it again.")
        portrait = portrait.to(next(self.network.parameters()).device)
        driven = driven_keypoints(self.network, portrait, motion)  # (T, 21, 3)
        for part in driven.split(BATCH) if len(driven) else ():
            frames = self._painted(portrait, part, dtype_of(self.network.warping))
            if not torch.isfinite(frames).all():
                frames = self._painted(portrait, part, torch.float32)
                self._redone += len(part)
                if not torch.isfinite(frames).all():
                    raise BadInput("LivePortrait's frames are not numbers. Its weights are damaged: fetch them again.")
            yield frames.clamp_(0.0, 1.0)

    def _painted(self, portrait: LivePortraitPortrait, driven: Tensor, dtype: torch.dtype) -> Tensor:
        """Frames (B, 3, 512, 512) float32 of driven keypoints (B, 21, 3), computed in `dtype`."""
        warp = self._run(self.network.warping, dtype, portrait.volume.to(dtype), driven, portrait.start)
        return self._run(self.network.generator, dtype, warp.feature).float()

    @staticmethod
    def _run(network: nn.Module, dtype: torch.dtype, *inputs: Tensor):
        """`network` of inputs, its weights taken in `dtype` where they are of another."""
        if dtype_of(network) == dtype:
            return network(*inputs)
        weights = {**dict(network.named_parameters()), **dict(network.named_buffers())}
        return functional_call(
            network, {k: v.to(dtype) if v.is_floating_point() else v for k, v in weights.items()}, inputs
        )
