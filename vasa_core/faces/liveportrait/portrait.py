"""Everything that is computed once per picture, and how a motion moves its keypoints."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

import torch
from torch import Tensor, nn

from ...errors import BadInput
from ...geometry import rotation_from_pose
from ...keypoints import LIPS, LIVEPORTRAIT, neutral_expression
from ...types import FRAME_SIZE, FaceCrop, Motion, Portrait
from .animation import adjusted, closing_offset, group_mask, opening_offset
from .crop import eye_openings, lip_opening, network_input
from .pose import degrees_from_bins, transform_keypoints
from .released import LivePortraitNetworks

LIP_CHOICES = ("closed", "own", "normalised")
LARGEST_OPENING = 0.8  # of eyes and lips, in the published editor
LARGEST_MULTIPLIER = 3.0


@dataclass(frozen=True)
class LivePortraitOptions:
    """How a picture is taken.

    lips: what a motion's lips count from. 'closed': the published neutral mouth, so that a motion of 0 has closed lips
    whatever the picture shows. 'own': the picture's. 'normalised': the picture's, closed by the lip network.
    stitching: let the stitching network join neck and shoulders to the picture around the crop.
    exact_rest: take off what stitching does to the picture's own keypoints, so that the rest motion gives exactly them.
    eye_opening, lip_opening: ratio of height to width, 0 to 0.8, for which the retargeting networks open the picture's
    eyes or lips; what they add is added in every frame. None leaves them.
    multiplier: of everything that moves; 1 is as it is.
    """

    lips: str = "closed"
    stitching: bool = True
    exact_rest: bool = True
    eye_opening: float | None = None
    lip_opening: float | None = None
    multiplier: float = 1.0

    def __post_init__(self) -> None:
        if self.lips not in LIP_CHOICES:
            raise BadInput(f"The option lips is '{self.lips}'. It must be one of: {', '.join(LIP_CHOICES)}.")
        for name in ("eye_opening", "lip_opening"):
            value = getattr(self, name)
            if value is not None and not 0.0 <= value <= LARGEST_OPENING:
                raise BadInput(f"The option {name} is {value}. It must be from 0 to {LARGEST_OPENING}, or left out.")
        if not 0.0 <= self.multiplier <= LARGEST_MULTIPLIER:
            raise BadInput(f"The option multiplier is {self.multiplier}. It must be from 0 to {LARGEST_MULTIPLIER:g}.")


@dataclass(frozen=True)
class Reading:
    """What the motion network says of T pictures, float32: canonical keypoints and expression (T, 21, 3), and pose
    (T, 6) as in `Motion`."""

    keypoints: Tensor
    expression: Tensor
    pose: Tensor


@dataclass(frozen=True)
class LivePortraitPortrait(Portrait):
    """An encoded picture; tensors in float32.

    volume (1, 32, 16, 64, 64): the appearance. keypoints (1, 21, 3): canonical. base (1, 21, 3): the expression that
    dynamics count from. start (1, 21, 3): the keypoints in the picture. opened, closed, strayed (1, 21, 3): what
    retargeting, closing the lips, and stitching at rest add to keypoints.
    """

    options: LivePortraitOptions
    volume: Tensor
    keypoints: Tensor
    base: Tensor
    start: Tensor
    opened: Tensor
    closed: Tensor
    strayed: Tensor

    def to(self, device: torch.device) -> LivePortraitPortrait:
        """This portrait with its tensors on a device; crop and rest stay where they are."""
        if self.volume.device == device:
            return self
        kept = {"crop", "rest", "options"}
        return replace(self, **{f.name: getattr(self, f.name).to(device) for f in fields(self) if f.name not in kept})


def encode(networks: LivePortraitNetworks, crop: FaceCrop, options: LivePortraitOptions) -> LivePortraitPortrait:
    """Prepare a crop (3, 512, 512) with its landmarks, on the networks' device.

    Raises BadInput for a crop of another size, or one in which the motion network sees no head.
    """
    if tuple(crop.image.shape) != (3, FRAME_SIZE, FRAME_SIZE):
        raise BadInput(f"The face crop has shape {tuple(crop.image.shape)}; LivePortrait needs (3, 512, 512).")
    picture = network_input(crop.image[None].to(device_of(networks)))  # (1, 3, 256, 256)
    read = read_pictures(networks.motion, picture)
    spoken_from = neutral_expression().to(read.expression) if options.lips == "closed" else read.expression
    base = torch.lerp(read.expression, spoken_from, group_mask(LIPS).to(read.expression))
    start = posed(read.keypoints, read.expression, read.pose)
    landmarks = crop.landmarks[None].to(start)
    opened, closed = torch.zeros_like(start), torch.zeros_like(start)
    if options.eye_opening is not None:
        opened = opened + opening_offset(start, eye_openings(landmarks), options.eye_opening, networks.eye)
    if options.lip_opening is not None:
        opened = opened + opening_offset(start, lip_opening(landmarks), options.lip_opening, networks.lip)
    if options.lips == "normalised":
        closed = closing_offset(start, lip_opening(landmarks), networks)
    strays = options.stitching and options.exact_rest
    return LivePortraitPortrait(
        crop=crop,
        rest=Motion(read.pose.cpu(), (read.expression - base).flatten(1).cpu(), 25.0, LIVEPORTRAIT),
        options=options,
        volume=networks.appearance(picture.to(dtype_of(networks.appearance))).float(),
        keypoints=read.keypoints,
        base=base,
        start=start,
        opened=opened,
        closed=closed,
        strayed=adjusted(start, start, networks, strays) - start,
    )


def driven_keypoints(networks: LivePortraitNetworks, portrait: LivePortraitPortrait, motion: Motion) -> Tensor:
    """(T, 21, 3) on the portrait's device: where absolute `motion` moves the keypoints of the picture."""
    expression = portrait.base + motion.dynamics.to(portrait.base).unflatten(1, (-1, 3))
    driven = posed(portrait.keypoints, expression, motion.pose) + portrait.opened
    driven = adjusted(portrait.start, driven, networks, portrait.options.stitching) - portrait.strayed + portrait.closed
    return portrait.start + (driven - portrait.start) * portrait.options.multiplier


def posed(keypoints: Tensor, expression: Tensor, pose: Tensor) -> Tensor:
    """Canonical keypoints (1 or T, 21, 3) with expression (T, 21, 3) in absolute pose (T, 6) -> (T, 21, 3)."""
    pose = pose.to(expression)
    rotation = rotation_from_pose(pose).mT  # LivePortrait turns row vectors
    return transform_keypoints(keypoints, rotation, expression, pose[:, 5:].exp(), pose[:, 3:5])


def read_pictures(network: nn.Module, pictures: Tensor) -> Reading:
    """What the motion network says of pictures (T, 3, 256, 256) in [0, 1] on its device.

    LivePortrait's yaw is positive to the viewer's left, its pitch positive down; ours are the other way round.
    """
    code = network(pictures.to(dtype_of(network)))
    pitch, yaw, roll = (torch.deg2rad(degrees_from_bins(v)) for v in (code.pitch, code.yaw, code.roll))
    scale = code.scale.float()
    if not torch.isfinite(code.expression).all() or float(scale.min()) <= 0.0:
        raise BadInput("LivePortrait sees no head in this picture. Use one with a clear face, or check the weights.")
    pose = torch.cat([-pitch[:, None], -yaw[:, None], roll[:, None], code.shift[:, :2].float(), scale.log()], dim=1)
    return Reading(code.keypoints.float(), code.expression.float(), pose)


def device_of(network: nn.Module) -> torch.device:
    """Where the host has put a network."""
    return next(network.parameters()).device


def dtype_of(network: nn.Module) -> torch.dtype:
    """The floating type that the host has given a network."""
    return next(network.parameters()).dtype
