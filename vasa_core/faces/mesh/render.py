"""A frame, in four steps: where everything comes from (on a coarse grid), the whole head in one sampling pass,
mouth and eyes in small boxes of their own, and the still backdrop behind it all."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor

from ... import arkit
from ...geometry import rotation_from_pose
from ...types import FRAME_SIZE, Motion
from . import rig
from .eyes import paint_eye, shut_lid
from .fields import NODES
from .filters import smoothstep, upsampling_matrix
from .limits import relative_pose
from .mouth import bare_lip, paint_mouth
from .portrait import MeshPortrait
from .shading import TINT, smile_light
from .warp import HeadMotion, Inverse, forward_field, guard_shapes, guard_strength, sample

STEP = FRAME_SIZE // NODES
BATCH = 8  # frames whose fields are computed at once
COARSE_STEPS, FINE_STEPS, LAYER_STEPS = 3, 2, 8  # of Newton's method
STRONGEST = 1.1  # largest coefficient that is followed
SIDES = ("Right", "Left")
BLINKS = [arkit.INDEX["eyeBlink" + side] for side in SIDES]
MARGIN = 2  # nodes that cubic interpolation needs around a box
SPAN = 2.0 / (FRAME_SIZE - 1)  # a pixel, in sampling coordinates


@dataclass(frozen=True)
class Moves:
    """A batch of motion as the renderer needs it: weights (T, 52) absolute, change (T, 52) from the picture,
    iris (T, 2, 2) travel in units, the head's motion and the share of it that the fold guard allows (T,)."""

    weights: Tensor
    change: Tensor
    iris: Tensor
    head: HeadMotion
    strength: Tensor


@dataclass(frozen=True)
class Patch:
    """A painted box: pixels (T, h, w, 4), colour multiplied by cover; share (T, h, w, 1), where they replace the head's
    sampling; and its left top corner in each frame."""

    pixels: Tensor
    share: Tensor
    corners: list[tuple[int, int]]


def render(portrait: MeshPortrait, motion: Motion) -> Iterator[Tensor]:
    """Frames (t, S, S, 4) in [0, 1], unclamped, the fourth channel unused, a few at a time."""
    device = portrait.plate.device
    for first in range(0, len(motion), BATCH):
        moves = _moves(portrait, motion[first : first + BATCH], device)
        whole, layers = _forward_fields(portrait, moves)
        source = _head_sources(portrait, whole)
        first = portrait.fields.nodes[
            :, portrait.fields.box[0], portrait.fields.box[1]
        ]  # (2,) left top node of a layer
        inverses = [Inverse(layer, first, STEP) for layer in layers]
        patches = [
            _paint_zone(portrait, moves, k, inverses, _target_box(portrait.zones[k], layers, first)) for k in range(3)
        ]
        together = torch.get_num_threads() if device.type == "cpu" else BATCH
        for k in range(0, len(source), together):
            frames = slice(k, k + together)
            light = smile_light(portrait.shading, moves.change[frames])
            yield _compose(portrait, source[frames], patches, frames, light)


def _moves(portrait: MeshPortrait, motion: Motion, device: torch.device) -> Moves:
    rest = portrait.rest
    dynamics = motion.dynamics.to(device).float().clamp(0.0, STRONGEST)
    calm = rest.dynamics.to(device).float()
    weights = rig.shape_weights(dynamics)
    pose = portrait.limits.ease(relative_pose(motion, rest).to(device))
    matrix = rotation_from_pose(pose) * pose[:, 5].exp()[:, None, None]
    head = HeadMotion(matrix, pose[:, 3:5] * (FRAME_SIZE / 2))
    fields = portrait.fields
    coarse = torch.cat([fields.nodes, fields.depth[None]])
    coarse, rigid = (torch.nn.functional.avg_pool2d(x[None], 2)[0] for x in (coarse, fields.rigid[None]))
    strength = guard_strength(head, portrait.lens, coarse, rigid[0], portrait.matters)
    iris = rig.iris_shift(dynamics) - rig.iris_shift(calm)
    return Moves(weights, weights - rig.shape_weights(calm), iris, head, strength)


def _forward_fields(portrait: MeshPortrait, moves: Moves) -> tuple[Tensor, list[Tensor]]:
    """Displacements in pixels: of the whole crop (T, 2, NODES, NODES), and of both layers (T, 2, h, w) on the face."""
    fields = portrait.fields
    at = torch.cat([fields.nodes, fields.depth[None]])
    top, left, height, width = fields.box
    inside = (..., slice(top, top + height), slice(left, left + width))
    joined, upper, lower = (
        (moves.change @ basis.flatten(1)).unflatten(1, basis.shape[1:])
        for basis in (fields.joined, fields.upper, fields.lower)
    )
    allowed = guard_shapes([upper, lower], STEP)
    if allowed is not None:
        upper, lower = upper * allowed, lower * allowed
        joined[inside] *= allowed
    lens, strength = portrait.lens, moves.strength
    whole = forward_field(moves.head, lens, at, joined, fields.rigid, strength)
    layers = [forward_field(moves.head, lens, at[inside], x, fields.rigid[inside], strength) for x in (upper, lower)]
    return whole, layers


def _head_sources(portrait: MeshPortrait, field: Tensor) -> Tensor:
    """(T, 2, NODES, NODES) displacement to the source of each node, in sampling coordinates: coarse, then fine."""
    nodes = portrait.fields.nodes
    inverse = Inverse(field, nodes[:, 0, 0], STEP)
    coarse = torch.nn.functional.avg_pool2d(nodes[None], 2)
    guess = inverse.solve(coarse, COARSE_STEPS) - coarse
    guess = torch.nn.functional.interpolate(guess, scale_factor=2, mode="bilinear", align_corners=False)
    return (inverse.solve(nodes[None], FINE_STEPS, nodes + guess) - nodes) * SPAN


def _compose(
    portrait: MeshPortrait, source: Tensor, patches: list[Patch], frames: slice, light: Tensor | None
) -> Tensor:
    matrix = _upsampling(NODES, 0, source.device)
    at = _add_upsampled(_pixel_grid(FRAME_SIZE, source.device)[None], source, matrix)
    seen = sample(portrait.foreground, at).permute(0, 2, 3, 1)  # (t, S, S, 4)
    for patch in patches:
        height, width = patch.pixels.shape[1:3]
        for k, (left, top) in enumerate(patch.corners[frames]):
            box = seen[k, top : top + height, left : left + width]
            box.lerp_(patch.pixels[frames][k], patch.share[frames][k])
    if light is not None:
        _relight(seen, sample(light, _pixel_grid(NODES, source.device) + source)[:, 0])
    return torch.addcmul(seen + portrait.plate, seen[..., 3:], portrait.plate, value=-1.0)


def _relight(seen: Tensor, light: Tensor) -> None:
    """Multiply frames (t, S, S, 4) by 1 + light (t, NODES, NODES), where there is any."""
    lit = light.abs().amax(0) > 1e-3
    rows, columns = (torch.nonzero(lit.any(d))[:, 0] for d in (1, 0))
    if len(rows) == 0:
        return
    top, left = (max(0, int(v[0]) - MARGIN) for v in (rows, columns))
    bottom, right = (min(NODES, int(v[-1]) + 1 + MARGIN) for v in (rows, columns))
    up, across = (_upsampling(n, 0, seen.device) for n in (bottom - top, right - left))
    change = (up @ light[:, top:bottom, left:right] @ across.mT)[..., None] * seen.new_tensor(TINT)  # (t, h, w, 3)
    seen[:, top * STEP : bottom * STEP, left * STEP : right * STEP, :3] *= 1.0 + change


def _paint_zone(
    portrait: MeshPortrait, moves: Moves, zone: int, inverses: list[Inverse], box: tuple[Tensor, tuple[int, int]]
) -> Patch:
    """Mouth (0), right eye (1) or left eye (2): both layers, and what shows between them."""
    starts, size = box  # (T, 2) nodes, (w, h) nodes
    device = starts.device
    columns = torch.arange(size[0], device=device)
    rows = torch.arange(size[1], device=device)
    x = ((starts[:, :1] + columns + 0.5) * STEP)[:, None, :].expand(-1, size[1], -1)
    y = ((starts[:, 1:] + rows + 0.5) * STEP)[:, :, None].expand(-1, -1, size[0])
    targets = torch.stack([x, y], dim=1)  # (T, 2, h, w)
    corner = (starts + MARGIN) * STEP  # (T, 2) pixels
    pixels = _box_pixels(corner, (size[0] - 2 * MARGIN) * STEP, (size[1] - 2 * MARGIN) * STEP)  # (T, 2, H, W)
    grid = (pixels - 0.5) * SPAN - 1.0
    up, across = (_upsampling(n, MARGIN, device) for n in (size[1], size[0]))
    seen, masks = [], []
    for inverse, mask in zip(inverses, (portrait.masks.upper, portrait.masks.lower), strict=True):
        source = (inverse.solve(targets, LAYER_STEPS) - targets) * SPAN
        place = grid + up @ source @ across.mT
        seen.append(sample(portrait.foreground, place))  # (T, 4, H, W)
        masks.append(sample(mask, place))
        upper = inverse is inverses[0]
        if zone == 0:
            seen[-1] = bare_lip(portrait.mouth, seen[-1], place, moves.change, upper)
        else:
            eye = portrait.eyes[zone - 1]
            seen[-1] = shut_lid(eye, seen[-1], (place + 1.0) / SPAN + 0.5, moves.change, SIDES[zone - 1], upper)
    lower_share = masks[1][:, :1]
    upper_share = torch.minimum(masks[0][:, :1], 1.0 - lower_share)  # the lower lip closes over the teeth
    open_share = 1.0 - upper_share - lower_share
    hole = open_share * masks[0][:, 3:]
    if zone:
        shut = smoothstep(0.8, 1.0, moves.weights[:, BLINKS[zone - 1]])
        hole = hole * (1.0 - shut)[:, None, None, None]
    either = 0.5 * (open_share - hole)  # no layer claims this place, and no interior may show
    skin = seen[0] * (upper_share + either) + seen[1] * (lower_share + either)
    _add_interior(portrait, moves, zone, skin, hole, masks, pixels)
    share = torch.maximum(masks[0][:, 2:3], masks[1][:, 2:3])
    return Patch(skin.permute(0, 2, 3, 1), share.permute(0, 2, 3, 1), [tuple(c) for c in corner.int().tolist()])


def _add_interior(
    portrait: MeshPortrait, moves: Moves, zone: int, skin: Tensor, hole: Tensor, masks: list[Tensor], pixels: Tensor
) -> None:
    """Add teeth or eyeball to skin (T, 4, H, W) as far as the hole (T, 1, H, W) lets them show."""
    seen = hole.amax((0, 1)) > 1e-3  # (H, W)
    rows, columns = torch.nonzero(seen.any(1))[:, 0], torch.nonzero(seen.any(0))[:, 0]
    if len(rows) == 0:
        return
    inner = (..., slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1))
    behind = _plane_sources(portrait.planes[zone], moves, portrait, pixels[inner])
    if zone == 0:
        shadows = (mask[:, 1:2][inner] for mask in masks)
        interior = paint_mouth(portrait.mouth, behind, moves.weights, moves.change, *shadows)
    else:
        interior = paint_eye(portrait.eyes[zone - 1], behind, moves.iris[:, zone - 1])
    skin[:, :3][inner] += interior * hole[inner]
    skin[:, 3:][inner] += hole[inner]


def _target_box(outline: Tensor, layers: list[Tensor], first: Tensor) -> tuple[Tensor, tuple[int, int]]:
    """Where a zone lies in each frame: first node (T, 2) of a box, and its size, the same for all frames."""
    height, width = layers[0].shape[-2:]
    extent = outline.new_tensor([width - 1, height - 1]) * STEP
    at = ((outline - first) * 2.0 / extent - 1.0).T[None, :, :, None]  # (1, 2, n, 1)
    moved = [outline.T + sample(layer, at.expand(len(layer), -1, -1, -1))[..., 0] for layer in layers]
    moved = torch.cat(moved, dim=2)  # (T, 2, 2n)
    low = (moved.amin(2) / STEP).floor() - MARGIN - 1
    high = (moved.amax(2) / STEP).ceil() + MARGIN + 1
    size = (high - low).amax(0).clamp(2 * MARGIN + 1, NODES)
    starts = torch.minimum(low.clamp_min(0.0), NODES - size)
    return starts, tuple(size.int().tolist())


def _plane_sources(plane: Tensor, moves: Moves, portrait: MeshPortrait, pixels: Tensor) -> Tensor:
    """(T, 2, H, W) places of the picture that a rigid plane (three points with depth) shows at `pixels`."""
    still = plane[:, :2].T  # (2, 3)
    moved = moves.head.project(plane.T[None], portrait.lens)
    moved = torch.lerp(still.expand_as(moved), moved, moves.strength[:, None, None])
    before, after = (torch.stack([p[..., 1] - p[..., 0], p[..., 2] - p[..., 0]], dim=-1) for p in (still, moved))
    back = before @ torch.linalg.inv(after)  # (T, 2, 2)
    offset = still[:, 0] - (back @ moved[..., :1])[..., 0]
    return (back @ pixels.flatten(2) + offset[..., None]).unflatten(2, pixels.shape[-2:])


def _add_upsampled(base: Tensor, nodes: Tensor, matrix: Tensor) -> Tensor:
    """base (1, 2, S, S) + nodes (T, 2, N, N) interpolated to pixels."""
    frames, planes = nodes.shape[:2]
    rows = (matrix @ nodes).flatten(0, 1)  # (2 T, S, N)
    base = base.expand(frames, -1, -1, -1).flatten(0, 1)
    return torch.baddbmm(base, rows, matrix.mT.expand(len(rows), -1, -1)).unflatten(0, (frames, planes))


def _box_pixels(corner: Tensor, width: int, height: int) -> Tensor:
    x = corner[:, :1, None] + torch.arange(width, device=corner.device) + 0.5  # (T, 1, W)
    y = (corner[:, 1:, None] + torch.arange(height, device=corner.device) + 0.5).mT  # (T, H, 1)
    return torch.stack([x.expand(-1, height, -1), y.expand(-1, -1, width)], dim=1)


@lru_cache(maxsize=64)
def _upsampling(nodes: int, margin: int, device: torch.device) -> Tensor:
    return upsampling_matrix(nodes, STEP, margin).to(device)


@lru_cache(maxsize=4)
def _pixel_grid(size: int, device: torch.device) -> Tensor:
    """(2, size, size) centres of the picture's parts in sampling coordinates, `size` of them each way."""
    line = ((torch.arange(size, device=device) + 0.5) * (FRAME_SIZE / size) - 0.5) * SPAN - 1.0
    return torch.stack(torch.meshgrid(line, line, indexing="xy"))
