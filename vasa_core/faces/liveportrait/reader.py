"""Motion of a filmed face in LivePortrait's own space, read by its motion network from the published driving crop.

What is read is absolute: the head's pose, and the expression counted from the published neutral one.
`keypoints.counted_from_calm` makes changes of it, `imitated` an expression to be taken over as it is.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import torch
from torch import Tensor

from ...errors import BadInput, NoFaceFound
from ...geometry import apply_homography
from ...keypoints import LIVEPORTRAIT, neutral_expression
from ...types import FRAME_SIZE, Motion
from ...vision.model import Vision
from ...vision.track import track_face
from ...vision.warp import warp
from .animation import absolute_mask, smoothed
from .crop import driving_crop, network_input
from .portrait import LivePortraitPortrait, device_of, read_pictures
from .released import LivePortraitNetworks

BATCH = 8  # pictures through the motion network at once


class LivePortraitReader:
    """A MotionReader of the space 'liveportrait'.

    smooth: pass expressions, shifts and scales through the published Kalman smoother, which hardly shows.
    """

    def __init__(self, networks: LivePortraitNetworks, vision: Vision, smooth: bool = False) -> None:
        self.networks, self.vision, self.smooth = networks, vision, smooth

    @torch.no_grad()
    def read(self, crops: Tensor, fps: float) -> Motion:
        """crops (T, 3, S, S) in [0, 1], one fixed crop over time, framed as `driving_crop` does."""
        return self._motion((network_input(crop[None]) for crop in crops), fps)

    @torch.no_grad()
    def read_film(self, frames: Iterable[Tensor], fps: float) -> Motion:
        """Frames (3, H, W) in [0, 1] of a film, which are gone through twice: to find the crop, and to read.

        Memory does not grow with the film's length. Raises NoFaceFound as track_face does.
        """
        if iter(frames) is frames:
            raise TypeError("frames can be gone through only once; give a list, a tensor or a VideoReader")
        track = track_face(self.vision, frames, fps)
        found = apply_homography(torch.linalg.inv(track.crop_from_image), track.landmarks[..., :2])[~track.lost]
        matrix = driving_crop(found, FRAME_SIZE)
        size = (FRAME_SIZE, FRAME_SIZE)
        motion = self._motion((network_input(warp(frame[None].float(), matrix, size)) for frame in frames), fps)
        if len(motion) != len(track.landmarks):
            raise BadInput(
                f"The video had {len(track.landmarks)} frames at first and {len(motion)} then. Try it again."
            )
        return motion

    def _motion(self, pictures: Iterable[Tensor], fps: float) -> Motion:
        """pictures (1, 3, 256, 256) one by one."""
        poses, expressions, waiting = [], [], []

        def read() -> None:
            together = torch.cat(waiting).to(device_of(self.networks.motion))
            reading = read_pictures(self.networks.motion, together)
            poses.append(reading.pose.cpu())
            expressions.append(reading.expression.cpu())
            waiting.clear()

        for picture in pictures:
            waiting.append(picture)
            if len(waiting) == BATCH:
                read()
        if waiting:
            read()
        if not poses:
            raise NoFaceFound("The video has no frames. Use another video.")
        pose, expression = torch.cat(poses), torch.cat(expressions)
        if self.smooth:
            pose, expression = smoothed(pose), smoothed(expression)
        return Motion(pose, (expression - neutral_expression()).flatten(1), float(fps), LIVEPORTRAIT)


def imitated(portrait: LivePortraitPortrait, motion: Motion) -> Motion:
    """Motion as it was read, for this portrait to take over its expression as it is.

    The published absolute mode: the points and axes of `keypoints.WHOLE` and `PARTIAL` are the film's, the others and
    the head's size the picture's.
    """
    motion.require(LIVEPORTRAIT, "This portrait")
    base, own = (v.cpu().flatten(1).to(motion.dynamics) for v in (portrait.base, portrait.rest.dynamics))
    filmed = motion.dynamics + neutral_expression().flatten().to(motion.dynamics) - base
    pose = motion.pose.clone()
    pose[:, 5] = portrait.rest.pose[0, 5]
    return replace(motion, pose=pose, dynamics=torch.lerp(own.expand_as(filmed), filmed, absolute_mask().flatten()))
