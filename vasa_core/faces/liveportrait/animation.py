"""The published ways of driving a picture's keypoints by other people's, as pure functions.

Guo et al. 2024 (LivePortrait), algorithm 1, and KwaiVGI/LivePortrait, src/live_portrait_pipeline.py; the rule for
generated speech is JoyVASA's (jdh-algo/JoyVASA, src/live_portrait_wmg_pipeline.py). `LivePortraitFaceModel` uses
`posed` and `adjusted`; the modes as a whole are here to be compared with, and for whoever has keypoints of their own.

Rotations are in LivePortrait's form, `points @ rotation`.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import torch
from torch import Tensor

from ...keypoints import EYES, LIPS, PARTIAL, POINTS, WHOLE, neutral_expression
from .pose import transform_keypoints
from .released import LivePortraitNetworks

REGIONS = ("all", "exp", "pose", "lip", "eyes")
LIP_THRESHOLD = 0.03  # mouths that are less open than this need no closing
PROCESS_VARIANCE, OBSERVATION_VARIANCE = 1e-5, 3e-7


@dataclass(frozen=True)
class Faces:
    """What the motion network says of T pictures, and how open their eyes and mouths are.

    keypoints, expression (T, 21, 3), rotation (T, 3, 3), scale (T, 1), shift (T, 3); eyes (T, 2) and lips (T, 1) are
    the ratios of crop.py, needed for retargeting and for closing lips.
    """

    keypoints: Tensor
    expression: Tensor
    rotation: Tensor
    scale: Tensor
    shift: Tensor
    eyes: Tensor | None = None
    lips: Tensor | None = None

    def __len__(self) -> int:
        return self.expression.shape[0]

    def posed(self) -> Tensor:
        """(T, 21, 3): the keypoints where they lie in the pictures."""
        return transform_keypoints(self.keypoints, self.rotation, self.expression, self.scale, self.shift)


@dataclass(frozen=True)
class Mode:
    """A published set of options.

    relative: what changed since the first driving frame is added to the source; otherwise the driving frames replace
    it. region: one of REGIONS. expression_friendly: relative motion is scaled by the heads' sizes and begins at the
    source. spoken: JoyVASA's rule, where lips are always as generated, and scale and shift always follow.
    normalise_lips: close the source's mouth first. retarget_eyes, retarget_lips: open them as far as the driving ones,
    which with relative motion is all that is driven. multiplier: of the whole motion.
    """

    relative: bool = True
    region: str = "all"
    stitching: bool = True
    expression_friendly: bool = True
    normalise_lips: bool = False
    retarget_eyes: bool = False
    retarget_lips: bool = False
    spoken: bool = False
    multiplier: float = 1.0


def driven_keypoints(source: Faces, driving: Faces, mode: Mode, networks: LivePortraitNetworks) -> Tensor:
    """(T, 21, 3): the keypoints of the source, one picture, driven by T frames as the published code does it."""
    start = source.posed()  # (1, 21, 3)
    expression = spoken_expression(source, driving, mode) if mode.spoken else driven_expression(source, driving, mode)
    rotation, scale, shift = driven_pose(source, driving, mode)
    driven = transform_keypoints(source.keypoints, rotation, expression, scale, shift)  # (T, 21, 3)
    if mode.relative and mode.expression_friendly and len(driving) > 1:
        driven = start + (driven - driven[:1]) * size_factor(start[0], driven[0])
    if mode.retarget_eyes or mode.retarget_lips:
        offset = _retargeting(source, driving, mode, networks)
        driven = (start if mode.relative else driven) + offset
        driven = adjusted(start, driven, networks, mode.stitching)
    else:
        closing = closing_offset(start, source.lips, networks) if mode.normalise_lips and mode.relative else 0.0
        driven = adjusted(start, driven, networks, mode.stitching) + closing
    return start + (driven - start) * mode.multiplier


def driven_expression(source: Faces, driving: Faces, mode: Mode) -> Tensor:
    """(T, 21, 3): relative or absolute expression in the region that the mode names."""
    chosen = _chosen(mode).to(source.expression)
    if not mode.relative:
        return torch.lerp(source.expression, driving.expression, chosen)
    first = driving.expression[:1]
    if len(driving) == 1:  # one picture has no earlier one to count from
        first = torch.zeros_like(first) if mode.region == "eyes" else neutral_expression().to(first)[None]
    return source.expression + chosen * (driving.expression - first)


def spoken_expression(source: Faces, driving: Faces, mode: Mode) -> Tensor:
    """(T, 21, 3) by JoyVASA's rule: relative, but lips as generated; for the region 'lip' relative lips alone."""
    change = driving.expression - driving.expression[:1]
    if mode.region == "lip":
        return source.expression + group_mask(LIPS).to(change) * change
    if mode.region in ("all", "exp"):
        return torch.lerp(source.expression + change, driving.expression, group_mask(LIPS).to(change))
    return source.expression.expand_as(driving.expression)


def driven_pose(source: Faces, driving: Faces, mode: Mode) -> tuple[Tensor, Tensor, Tensor]:
    """Rotation (T, 3, 3), scale (T, 1) and shift (T, 3) of the driven head."""
    frames, relative = len(driving), mode.relative or mode.spoken
    rotation, scale, shift = (v.expand(frames, *v.shape[1:]) for v in (source.rotation, source.scale, source.shift))
    if mode.region in ("all", "pose"):
        turned = driving.rotation @ driving.rotation[:1].mT @ source.rotation
        rotation = turned if relative else driving.rotation
    if mode.region in ("all", "pose") or mode.spoken:
        shift = source.shift + driving.shift - driving.shift[:1] if relative else driving.shift
    if mode.region == "all" and relative or mode.spoken:
        scale = source.scale * (driving.scale / driving.scale[:1])
    return rotation, scale, shift


def adjusted(start: Tensor, driven: Tensor, networks: LivePortraitNetworks, stitching: bool) -> Tensor:
    """driven (T, 21, 3), stitched to start (1, 21, 3) so that neck and shoulders meet the picture, where asked for."""
    return networks.stitching(start.expand_as(driven), driven) if stitching else driven


def closing_offset(start: Tensor, lips: Tensor, networks: LivePortraitNetworks) -> Tensor:
    """(1, 21, 3) that closes the mouth of start (1, 21, 3), open by lips (1, 1); zero where it is closed already."""
    offset = opening_offset(start, lips, 0.0, networks.lip)
    return offset * (lips >= LIP_THRESHOLD).to(offset)[..., None]


def opening_offset(start: Tensor, ratios: Tensor, target: float | Tensor, network: torch.nn.Module) -> Tensor:
    """(T, 21, 3) that brings lips or eyes of start (1, 21, 3), open by ratios (1, n), to the ratio(s) `target` (T,)."""
    asked = torch.as_tensor(target, dtype=start.dtype, device=start.device).reshape(-1, 1)  # (T, 1)
    together = torch.cat([ratios.to(asked).expand(len(asked), -1), asked], dim=1)
    return network(start.expand(len(asked), -1, -1), together)


def group_mask(points: tuple[int, ...]) -> Tensor:
    """(21, 1): 1 at these points."""
    mask = torch.zeros(POINTS, 1)
    mask[list(points)] = 1.0
    return mask


def absolute_mask() -> Tensor:
    """(21, 3): 1 where an absolute expression replaces the source's."""
    mask = group_mask(WHOLE).repeat(1, 3)
    for point, axis in PARTIAL:
        mask[point, axis] = 1.0
    return mask


def size_factor(source: Tensor, driven: Tensor) -> float:
    """Square root of the ratio of the volumes that keypoints (21, 3) of two heads span."""
    return (hull_volume(source) / hull_volume(driven)) ** 0.5


def hull_volume(points: Tensor) -> float:
    """Volume of the convex hull of points (N, 3), N small: every triple that has all others on one side is a face.

    The points are shaken by a ten-millionth of their extent, so that no four lie in one plane; the volume is right to
    about the same share.
    """
    shaken = points.detach().cpu().double()
    noise = torch.randn(shaken.shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    shaken = shaken + noise * (1e-7 * (shaken.amax(0) - shaken.amin(0)).max())
    triples = torch.tensor(list(combinations(range(len(shaken)), 3)))  # (F, 3)
    corner = shaken[triples[:, 0]]  # (F, 3)
    normal = torch.linalg.cross(shaken[triples[:, 1]] - corner, shaken[triples[:, 2]] - corner)
    side = (normal @ shaken.T - (normal * corner).sum(1, keepdim=True)).scatter(1, triples, 0.0)  # (F, N)
    face = (side >= 0).all(1) | (side <= 0).all(1)
    heights = ((shaken.mean(0) - corner[face]) * normal[face]).sum(1).abs()
    return float(heights.sum() / 6)


def smoothed(values: Tensor, observation: float = OBSERVATION_VARIANCE, process: float = PROCESS_VARIANCE) -> Tensor:
    """values (T, ...) after a Kalman filter of a random walk and Rauch, Tung and Striebel's pass back over it.

    As the published code smooths expressions and rotations of a source video: unit variance and the first value at
    the start, each channel by itself.
    """
    z = values.double()
    predicted, filtered, before, after = [], [], [], []
    mean, variance = z[0], 1.0
    for value in z:
        predicted.append(mean)
        before.append(variance)
        gain = variance / (variance + observation)
        mean, variance = mean + gain * (value - mean), (1 - gain) * variance
        filtered.append(mean)
        after.append(variance)
        variance = variance + process
    result = [filtered[-1]]
    for k in range(len(z) - 2, -1, -1):
        result.append(filtered[k] + after[k] / before[k + 1] * (result[-1] - predicted[k + 1]))
    return torch.stack(result[::-1]).to(values)


def _chosen(mode: Mode) -> Tensor:
    if mode.region in ("all", "exp"):
        return torch.ones(POINTS, 3) if mode.relative else absolute_mask()
    return group_mask({"lip": LIPS, "eyes": EYES, "pose": ()}[mode.region])


def _retargeting(source: Faces, driving: Faces, mode: Mode, networks: LivePortraitNetworks) -> Tensor:
    start, offset = source.posed(), torch.zeros_like(driving.expression)
    if mode.retarget_eyes:
        offset = offset + opening_offset(start, source.eyes, driving.eyes[:, 0], networks.eye)
    if mode.retarget_lips:
        offset = offset + opening_offset(start, source.lips, driving.lips[:, 0], networks.lip)
    return offset
