"""The losses that make a face network disentangle what it sees. Each is a function of its own.

Of two frames, i and j, of one person, and of drivers d and e who are others:

    face            the inner face alone: lips and eyes, a hundredth of the picture, hold most of the dynamics
    pose            the pose that is read is the pose that is known
    pairwise        D(V_i, id_i, pose_j, dyn_i) and D(V_j, id_j, pose_j, dyn_i) are one picture (VASA-1)
    cycle           motion read off a made picture is the motion that it was made with (after MegaPortraits)
    identity        D(V_i, id_i, pose_d, dyn_e) looks like the person of i (VASA-1)

The picture of the last two has its pose and its dynamics from two drivers: were they one's, dynamics that hold some of
the pose would be told apart the better for it, and cycle would pull pose into them.

Reconstruction, perceptual and adversarial losses compare D(V_i, id_i, pose_j, dyn_j) with frame j; the latter two are
in vgg.py and discriminator.py.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from ..faces.vasa.codes import FACE_CENTRE, FACE_REACH, UNIT, upright
from ..faces.vasa.network import EncodedFace, FaceNetwork
from ..metrics.recognition import RecognitionNetwork, likeness

SHARPNESS, MARGIN = 5.0, 0.2
"""Of the cosine loss that tells a driver's dynamics from other drivers'."""


@dataclass(frozen=True)
class LossWeights:
    """How much each loss counts; 0 switches it off, and then it costs nothing."""

    reconstruction: float = 10.0
    face: float = 10.0
    perceptual: float = 2.0
    adversarial: float = 0.1
    matching: float = 2.0
    pose: float = 1.0
    pairwise: float = 5.0
    cycle: float = 0.5
    identity: float = 0.5


def reconstruction_loss(made: Tensor, real: Tensor) -> Tensor:
    """Mean absolute difference of pictures (B, 3, S, S)."""
    return (made - real).abs().mean()


def inner_face(picture: Tensor, pose: Tensor) -> Tensor:
    """What lies between brows and chin of pictures (B, 3, S, S) of heads at `pose` (B, 6): (B, 3, s, s)."""
    return upright(picture, pose, round(picture.shape[-1] * FACE_REACH), FACE_REACH, FACE_CENTRE)


def face_loss(made: Tensor, real: Tensor, pose: Tensor) -> Tensor:
    """Mean absolute difference in the inner face of pictures (B, 3, S, S), both of heads at `pose` (B, 6)."""
    return (inner_face(made, pose) - inner_face(real, pose)).abs().mean()


def pose_loss(read: Tensor, known: Tensor) -> Tensor:
    """Mean absolute error of poses (B, 6), in units of 0.25 rad, half-crops or natural logs."""
    return (read - known).abs().mean() / UNIT


def cross_transfers(network: FaceNetwork, first: EncodedFace, second: EncodedFace) -> tuple[Tensor, Tensor]:
    """Two ways to one picture: the first frame with the second's pose, the second with the first's dynamics."""
    by_pose = network.decode(first.volume, first.identity, second.pose, first.dynamics)
    by_dynamics = network.decode(second.volume, second.identity, second.pose, first.dynamics)
    return by_pose, by_dynamics


def pairwise_loss(by_pose: Tensor, by_dynamics: Tensor, pose: Tensor) -> Tensor:
    """Mean absolute difference of the two pictures of `cross_transfers`, at `pose` (B, 6), and of their inner faces."""
    return (by_pose - by_dynamics).abs().mean() + face_loss(by_pose, by_dynamics, pose)


def cycle_loss(network: FaceNetwork, made: Tensor, pose: Tensor, dynamics: Tensor) -> Tensor:
    """Pictures (B, 3, S, S) made with pose (B, 6) and dynamics (B, D) give these back when read.

    Dynamics are told apart by direction: a picture's should be nearer to its own than to those of the other rows, by a
    margin. So the codes cannot all become one. No gradient flows into the pose and dynamics that were asked for.
    """
    pose, dynamics = pose.detach(), dynamics.detach()
    read_pose, read_dynamics = network.read_motion(made)
    alike = F.normalize(read_dynamics, dim=1) @ F.normalize(dynamics, dim=1).mT  # (B, B)
    alike = SHARPNESS * (alike - MARGIN * torch.eye(len(made), device=made.device))
    own = torch.arange(len(made), device=made.device)
    return pose_loss(read_pose, pose) + F.cross_entropy(alike, own)


def identity_loss(judge: RecognitionNetwork, made: Tensor, pose: Tensor, source: Tensor, source_pose: Tensor) -> Tensor:
    """1 - cosine similarity of the people in made pictures, at `pose`, and in their sources, at `source_pose`."""
    return 1 - likeness(judge, made, pose.detach(), source, source_pose.detach()).mean()
