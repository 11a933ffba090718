"""The portrait's displacement fields: what each shape does to every place of the picture.

Two layers cover the face: the upper one (upper lip, upper lids) and the lower one. Each is smooth *through* the
slits of mouth and eyes, because it leaves out the vertices of the other side; the masks (masks.py) choose. Where no
slit is near, the two agree, so that there one joined field serves; it covers the whole crop, and the two layers only
the face. Depth and weight of the head's rigid motion come with them.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from . import topology as face
from .filters import blur, enlarge, interpolate_line, smoothstep, spread
from .layout import Ellipse, EyeLayout, FaceLayout

NODES = 128  # of the grid that covers the crop
BORDER = 45  # pixels of 512: towards the border of the crop all motion fades to nothing
SOFTNESS, RIDGE = 0.04, 2e-4  # of the displacement's interpolation, units
TURN = 0.12  # units over which the joined field turns from one layer to the other
EVEN = 0.75  # a far half of the mouth this wide, of the near one, is as good as frontal
DEPTH_SOFTNESS, DEPTH_RIDGE = 0.10, 5e-3


@dataclass(frozen=True)
class Fields:
    """Grids over the crop; displacements are picture pixels per unit of shape weight.

    joined: (52, 3, NODES, NODES). upper, lower: (52, 3, h, w) on the nodes of `box` (top, left, height, width).
    depth: (NODES, NODES) pixels. rigid: (NODES, NODES) in [0, 1], how far each place follows the head.
    nodes: (2, NODES, NODES) x and y of the nodes in pixels.
    """

    joined: Tensor
    upper: Tensor
    lower: Tensor
    box: tuple[int, int, int, int]
    depth: Tensor
    rigid: Tensor
    nodes: Tensor


def build_fields(layout: FaceLayout, shapes: Tensor) -> Fields:
    """shapes (52, 468, 3) in pixels, of rig.fit_shapes."""
    step = layout.size / NODES
    line = (torch.arange(NODES) + 0.5) * step
    nodes = torch.stack(torch.meshgrid(line, line, indexing="xy"))  # (2, N, N)
    at = layout.to_face(nodes.permute(1, 2, 0))  # (N, N, 2)
    coarse = layout.to_face(F.avg_pool2d(nodes[None], 2)[0].permute(1, 2, 0))
    box = _face_box(layout, step)
    top, left, height, width = box
    inner = at[top : top + height, left : left + width]
    anchors, neck = _still_anchors(layout)
    layers = []
    for left_out in _left_out(layout):
        kept = layout.visible & ~left_out
        points = torch.cat([layout.points[: face.VERTICES][kept], anchors, neck])
        values = shapes[:, kept].permute(1, 0, 2).flatten(1)
        values = torch.cat([values, values.new_zeros(len(anchors) + len(neck), values.shape[1])])  # (n, 3 K)
        targets = torch.cat([coarse.reshape(-1, 2), inner.reshape(-1, 2)])
        found = spread(points, values, targets, SOFTNESS, RIDGE)
        found, fine = found[: coarse.shape[0] ** 2].T, found[coarse.shape[0] ** 2 :].T
        whole = enlarge(found.unflatten(1, coarse.shape[:2]), 2)  # (3 K, N, N)
        whole[:, top : top + height, left : left + width] = fine.reshape(-1, height, width)
        layers.append(whole)
    _run_out_lids(layout, at, shapes, layers[0])
    upper, lower = _agree(layout, at, *layers)
    fade = _expression_fade(layout, at)
    joined = torch.lerp(upper, lower, _is_lower(layout, at)) * fade
    inside = (slice(None), slice(top, top + height), slice(left, left + width))
    shape = (len(shapes), 3)
    return Fields(
        joined.unflatten(0, shape).contiguous(),
        (upper * fade)[inside].unflatten(0, shape).contiguous(),
        (lower * fade)[inside].unflatten(0, shape).contiguous(),
        box,
        _depth(layout, at, coarse, anchors, neck),
        _rigid_weight(layout, at, nodes),
        nodes,
    )


def foreshortened(layout: FaceLayout, shapes: Tensor) -> Tensor:
    """The shapes (52, 468, 3) with their travel across the picture reduced on the far side of a turned face.

    There the whole half of a mouth may be a few pixels wide; shapes that move its corner further than that would fold
    the cheek. Far and near half of the mouth give the share.
    """
    middle = layout.points[face.LIP_TOP, 0]
    right = (middle - layout.points[face.MOUTH_CORNER_RIGHT, 0]).clamp_min(0.02)
    left = (layout.points[face.MOUTH_CORNER_LEFT, 0] - middle).clamp_min(0.02)
    ratio = float(torch.minimum(right, left) / torch.maximum(right, left))
    if ratio > EVEN:
        return shapes
    midline = layout.points[list(face.MIDLINE)]
    x, y = layout.points[: face.VERTICES].unbind(1)
    away = (x - interpolate_line(y, midline.flip(1))) * (1.0 if left < right else -1.0)
    share = 1.0 - (1.0 - ratio / EVEN) * smoothstep(-0.05, float(torch.minimum(right, left)) + 0.02, away)
    across = layout.rotation[0]  # (2,) the face's x in the picture
    travel = shapes[..., :2] @ across  # (52, 468)
    reduced = shapes.clone()
    reduced[..., :2] -= (travel * (1.0 - share))[..., None] * across
    return reduced


def zones(layout: FaceLayout) -> tuple[Ellipse, Ellipse, Ellipse]:
    """Mouth, right eye, left eye: where the two layers may differ."""
    mouth = Ellipse(layout.mouth_x, layout.mouth_y, 1.05 * layout.mouth_half, 1.5 * layout.mouth_half)
    right, left = (Ellipse(eye.x, eye.y, 1.05 * eye.half_width, 0.30) for eye in layout.eyes)
    return mouth, right, left


def _face_box(layout: FaceLayout, step: float) -> tuple[int, int, int, int]:
    margin = 0.30 * layout.unit
    low = ((layout.landmarks[:, :2].amin(0) - margin) / step).floor().clamp(0, NODES - 8).int().tolist()
    high = ((layout.landmarks[:, :2].amax(0) + margin) / step).ceil().clamp(8, NODES).int().tolist()
    return low[1], low[0], high[1] - low[1], high[0] - low[0]


def _still_anchors(layout: FaceLayout) -> tuple[Tensor, Tensor]:
    """Points (n, 2) around the head, clear of the face, and on the neck, that no shape moves."""
    head, oval = layout.head, layout.points[list(face.OVAL)]
    angle = torch.arange(36) * (2 * torch.pi / 36)
    ring = torch.stack(
        [head.x + 1.02 * head.radius_x * angle.sin(), head.y - 1.02 * head.radius_y * angle.cos()], dim=1
    )
    ring = ring[torch.cdist(ring, oval).amin(1) > 0.12 * layout.face_height]
    columns = torch.tensor([-0.9, -0.45, 0.0, 0.45, 0.9]) * layout.face_width + layout.chin_x
    rows = torch.tensor([0.95, 1.5]) + layout.chin_y
    return ring, torch.cartesian_prod(columns, rows)


def _left_out(layout: FaceLayout) -> tuple[Tensor, Tensor]:
    """(468,) bool: vertices that the upper layer, and that the lower layer, must not know."""
    x, y = layout.points[: face.VERTICES].unbind(1)
    index = torch.arange(face.VERTICES)

    def among(lines: tuple[tuple[int, ...], ...]) -> Tensor:
        return torch.isin(index, torch.tensor([v for line in lines for v in line[1:-1]]))

    upper_lip, lower_lip = among(face.UPPER_LIP_RINGS), among(face.LOWER_LIP_RINGS)
    below = lower_lip | (~upper_lip & (y > layout.slit_y(x)))
    near = (x - layout.mouth_x).abs() < 0.93 * layout.mouth_half
    from_upper = near & below
    from_lower = near & ~below & (y > layout.points[face.NOSE_BASE, 1] - 0.02)
    for eye, (upper, lower, _, _) in zip(layout.eyes, (face.EYE_RIGHT, face.EYE_LEFT), strict=True):
        near = (x - eye.x).abs() < 0.94 * eye.half_width
        up, low = interpolate_line(x, eye.upper), interpolate_line(x, eye.lower)
        middle = (up + low) / 2
        upper_lid, lower_lid = among((upper,)), among((lower,))
        from_upper |= (near & (y > middle) & (y < low + _lid_reach(eye)) & ~upper_lid) | lower_lid
        from_lower |= (near & (y <= middle) & (y > up - 0.13) & ~lower_lid) | upper_lid
    return from_upper, from_lower


def _run_out_lids(layout: FaceLayout, at: Tensor, shapes: Tensor, layer: Tensor) -> None:
    """Below each upper lid let the upper layer (3 K, N, N) move along with the lid's edge, less by the distance.

    The upper layer knows no vertex there. Left to extrapolate, it overshoots below a closed lid and folds.
    """
    x, y = at.unbind(-1)
    for eye, (upper, _, _, _) in zip(layout.eyes, (face.EYE_RIGHT, face.EYE_LEFT), strict=True):
        along = (x - eye.x).abs() / eye.half_width
        below = y - interpolate_line(x, eye.upper)
        spent = (below / (eye.gap + _lid_reach(eye))).clamp(0.0, 1.0)
        share = 1.0 - spent
        weight = smoothstep(-0.01, 0.03, below) * (1.0 - smoothstep(0.6, 1.0, spent))
        weight = weight * (1.0 - smoothstep(0.80, 1.0, along))
        rows, columns = torch.nonzero(weight > 0, as_tuple=True)
        hats = [interpolate_line(x[rows, columns], torch.stack([eye.upper[:, 0], hat], 1)) for hat in torch.eye(9)]
        edge = shapes[:, list(upper)].permute(0, 2, 1).flatten(0, 1) @ torch.stack(hats)  # (3 K, n)
        here = layer[:, rows, columns]
        layer[:, rows, columns] = torch.lerp(here, edge * share[rows, columns], weight[rows, columns])


def _lid_reach(eye: EyeLayout) -> float:
    """How far below the lower lid the upper layer ignores the face, in units: further in a wide open eye."""
    return max(0.22, 1.6 * eye.gap)


def seams(layout: FaceLayout, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Heights at x of the three lines where the layers take turns: eyes, middle of the nose, mouth."""
    upper = torch.cat([eye.upper for eye in layout.eyes])
    lower = torch.cat([eye.lower for eye in layout.eyes])
    eyes = (interpolate_line(x, upper) + interpolate_line(x, lower)) / 2
    nose = 0.6 * layout.points[4, 1] + 0.4 * layout.points[195, 1]
    return eyes, nose.expand_as(x), layout.slit_y(x)


def _is_lower(layout: FaceLayout, at: Tensor) -> Tensor:
    """(N, N) 1 where the lower layer counts, 0 where the upper one does, evenly between across the seams."""
    x, y = at.unbind(-1)
    eyes, nose, mouth = ((y - line) / TURN + 0.5 for line in seams(layout, x))
    return torch.maximum(torch.minimum(eyes, 1.0 - nose), mouth).clamp(0.0, 1.0)


def _agree(layout: FaceLayout, at: Tensor, upper: Tensor, lower: Tensor) -> tuple[Tensor, Tensor]:
    """Make the layers (156, N, N) equal along their seams, but not within the slits."""
    x, y = at.unbind(-1)
    mouth, *eyes = (1.0 - smoothstep(0.86, 1.02, zone.distance(at)) for zone in zones(layout))
    free = torch.maximum(*eyes), torch.zeros_like(x), mouth  # of each seam
    near = [torch.exp(-(((y - line) / 0.11) ** 2)) for line in seams(layout, x)]
    share = torch.stack([n * (1.0 - f) for n, f in zip(near, free, strict=True)]).amax(0)
    mean = (upper + lower) / 2
    return torch.lerp(upper, mean, share), torch.lerp(lower, mean, share)


def _expression_fade(layout: FaceLayout, at: Tensor) -> Tensor:
    """Hair, background and shoulders stay out of the expressions; the upper neck follows the chin."""
    height = layout.face_height
    below = at[..., 1] - layout.chin_y
    neck = smoothstep(0.0, 0.3 * height, below)
    aside = (at[..., 0] - layout.chin_x).abs()
    down = (1.0 - smoothstep(0.2 * height, 0.75 * height, below)) * (
        1.0 - smoothstep(0.45 * height, 0.8 * height, aside)
    )
    return torch.lerp(1.0 - smoothstep(1.0, 1.35, layout.head.distance(at)), down, neck)


def _depth(layout: FaceLayout, at: Tensor, coarse: Tensor, ring: Tensor, neck: Tensor) -> Tensor:
    """(N, N) depth in pixels. The hair's outline lies at the depth of the ears, where a turn hardly moves it."""
    landmarks, normal = layout.landmarks, layout.frame.axes[:, 2]
    width = layout.face_width * layout.unit
    ears = (landmarks[face.EAR_RIGHT] + landmarks[face.EAR_LEFT]) / 2
    plane = ears + normal * 0.04 * width * torch.sign(normal[2])
    offset = layout.to_pixels(ring) - plane[:2]
    ring_depth = plane[2] - offset @ normal[:2] / normal[2]
    neck_depth = (0.6 * plane[2] + 0.4 * landmarks[face.CHIN_TIP, 2]).expand(len(neck))
    points = torch.cat([layout.points[: face.VERTICES], ring, neck])
    values = torch.cat([landmarks[: face.VERTICES, 2], ring_depth, neck_depth])
    depth = spread(points, values[:, None], coarse.reshape(-1, 2), DEPTH_SOFTNESS, DEPTH_RIDGE)
    depth = depth.clamp(float(landmarks[:, 2].min()) - 5.0, float(ring_depth.max()) + 0.1 * width)
    depth = enlarge(depth.reshape(1, *coarse.shape[:2]), 2)[0]
    # Outside the middle of the face the slope is bounded: a steep outline would fold in a turn.
    centre = (layout.points[face.FOREHEAD_TOP, 1] + layout.points[face.CHIN_TIP, 1]) / 2
    middle = Ellipse(
        float(layout.points[4, 0]), float(centre), 0.5 * layout.face_width, 0.5 * layout.face_height
    ).distance(at)
    return blur(torch.lerp(depth, blur(depth, 7.0), smoothstep(0.50, 0.90, middle)), 1.2)


def _rigid_weight(layout: FaceLayout, at: Tensor, nodes: Tensor) -> Tensor:
    head, height = layout.head, layout.face_height
    outside = (head.distance(at) - 1.0) * 0.5 * (head.radius_x + head.radius_y)
    weight = 1.0 - smoothstep(0.0, 0.50 * height, outside)
    below = at[..., 1] - layout.chin_y
    down = 1.0 - smoothstep(-0.02 * height, 0.80 * height, below)
    aside = 1.0 - smoothstep(0.42 * height, 0.95 * height, (at[..., 0] - head.x).abs())
    above = 1.0 - smoothstep(-0.15 * height, 0.1 * height, below)
    neck = torch.minimum(torch.maximum(weight, down * aside), torch.maximum(down, above))
    weight = blur(torch.where(below > -0.15 * height, neck, weight), 3.0)
    border = torch.minimum(nodes, layout.size - nodes).amin(0)
    return weight * smoothstep(0.0, BORDER * layout.size / 512, border)
