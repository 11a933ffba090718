"""A small renderer of talking heads: ellipsoids with painted features, in batches, on any device.

    Head            what makes an identity: shape, colours, hair, features, clothes, background, light
    render(...)     pictures of heads at given poses and dynamics

Coordinates are those of types.Motion: half-crops, x to the viewer's right, y down, z away; the view is orthographic. A
head's own coordinates have their origin in its centre. Skull, jaw, nose, ears and hair turn with it; neck and shoulders
follow its place but do not turn, and the background stands still. Edges are softened by drawing at twice the size.
Eyes and mouth are larger than people's: a picture of 48 pixels has to show what they do.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import torch
import torch.nn.functional as F
from torch import Generator, Tensor

from ..geometry import rotation_from_pose
from ..types import MotionSpace

DYNAMICS = ("jaw", "smile", "wide", "brow", "blink", "gaze_x", "gaze_y")
"""jaw and blink in [0, 1]; smile, wide and brow (up) in [-1, 1]; gaze 1 is far to the viewer's right, or up."""
SPACE = MotionSpace("synthetic", len(DYNAMICS))
SKIN = ((0.96, 0.80, 0.70), (0.85, 0.64, 0.50), (0.62, 0.42, 0.30), (0.36, 0.23, 0.17))
HAIR = ((0.10, 0.07, 0.05), (0.35, 0.20, 0.10), (0.85, 0.68, 0.38), (0.60, 0.25, 0.12), (0.75, 0.75, 0.76))
FAR = 1e3


@dataclass(frozen=True)
class Head:
    """Identities. Each field is (B, n): lengths in half-crops, colours in [0, 1].

    skull, jaw, nose: radii in x, y, z. eyes: half distance, height, half width, half height. brows: height, half
    length, thickness. mouth: height, half width, thickness of a lip. hair: how far it stands off, hairline, length.
    """

    skull: Tensor
    jaw: Tensor
    eyes: Tensor
    brows: Tensor
    mouth: Tensor
    nose: Tensor
    hair: Tensor
    skin: Tensor
    hair_colour: Tensor
    iris: Tensor
    lips: Tensor
    beard: Tensor
    shirt: Tensor
    stripes: Tensor
    backdrop: Tensor
    wave: Tensor
    light: Tensor

    @staticmethod
    def draw(count: int, generator: Generator) -> Head:
        """`count` random identities, on the CPU."""

        def between(*limits: tuple[float, float]) -> Tensor:
            low, high = torch.tensor(limits).unbind(1)
            return low + (high - low) * torch.rand(count, len(limits), generator=generator)

        def from_ramp(colours: tuple[tuple[float, ...], ...]) -> Tensor:
            place = torch.rand(count, generator=generator) * (len(colours) - 1)
            ramp, below = torch.tensor(colours), place.long().clamp(max=len(colours) - 2)
            mixed = torch.lerp(ramp[below], ramp[below + 1], (place - below)[:, None])
            return (mixed + between(*[(-0.04, 0.04)] * 3)).clamp(0, 1)

        skin = from_ramp(SKIN)
        return Head(
            skull=between((0.36, 0.43), (0.46, 0.54), (0.42, 0.50)),
            jaw=between((0.26, 0.35), (0.27, 0.34), (0.34, 0.40)),
            eyes=between((0.16, 0.20), (-0.09, -0.03), (0.09, 0.12), (0.055, 0.08)),
            brows=between((-0.24, -0.20), (0.08, 0.12), (0.012, 0.03)),
            mouth=between((0.25, 0.30), (0.13, 0.19), (0.024, 0.05)),
            nose=between((0.045, 0.075), (0.08, 0.12), (0.07, 0.13)),
            hair=between((0.02, 0.12), (-0.36, -0.20), (-0.1, 0.75)),
            skin=skin,
            hair_colour=from_ramp(HAIR),
            iris=between((0.1, 0.45), (0.2, 0.5), (0.1, 0.7)),
            lips=(skin * between((0.8, 1.0), (0.45, 0.75), (0.45, 0.8))).clamp(0, 1),
            beard=between((-0.6, 0.7)).clamp_min(0.0),
            shirt=between(*[(0.05, 0.95)] * 3),
            stripes=between((0.0, 30.0), (-0.2, 0.2)),
            backdrop=between(*[(0.1, 0.9)] * 6),
            wave=between((-4.0, 4.0), (-4.0, 4.0), (0.0, 6.3)),
            light=between((-0.7, 0.7), (-0.8, 0.1), (-1.0, -0.6)),
        )

    def take(self, rows: Tensor | slice) -> Head:
        """Some of the identities, or all in another order."""
        return Head(*(getattr(self, field.name)[rows] for field in fields(self)))

    def to(self, device: torch.device | str) -> Head:
        """These identities on a device."""
        return Head(*(getattr(self, field.name).to(device) for field in fields(self)))

    def __len__(self) -> int:
        return len(self.skull)


def render(head: Head, pose: Tensor, dynamics: Tensor, size: int) -> Tensor:
    """Pictures (B, 3, size, size) in [0, 1] of B heads at pose (B, 6) and dynamics (B, 7, see DYNAMICS)."""
    axis = (torch.arange(2 * size, device=pose.device, dtype=pose.dtype) + 0.5) / size - 1
    y, x = torch.meshgrid(axis, axis, indexing="ij")
    pixels = torch.stack([x, y, torch.zeros_like(x)], dim=-1).flatten(0, 1)  # (N, 3)
    rotation, scale = rotation_from_pose(pose), pose[:, 5].exp()[:, None]  # (B, 3, 3), (B, 1)
    place = F.pad(pose[:, 3:5], (0, 1))  # (B, 3)
    origin = (pixels - place[:, None]) @ rotation / scale[..., None]  # (B, N, 3) in the head's own coordinates
    ray = rotation[:, 2][:, None]  # (B, 1, 3) the head's own direction of sight
    still = (pixels - place[:, None]) / scale[..., None]  # (B, N, 3) of what does not turn
    ahead = torch.tensor([0.0, 0.0, 1.0], device=pose.device).expand_as(ray)

    layers = [
        _face(head, dynamics, origin, ray),
        _hair(head, origin, ray),
        _body(head, still, ahead),
    ]
    colour = _backdrop(head, pixels)  # (B, N, 3)
    nearest = torch.full_like(colour[..., 0], FAR)
    light = F.normalize(head.light, dim=1)
    turned = torch.einsum("bc,bcd->bd", light, rotation)  # in the head's own coordinates
    for (depth, normal, paint), lamp in zip(layers, (turned, turned, light), strict=True):
        bright = 0.55 + 0.5 * (normal @ lamp[..., None])[..., 0].clamp_min(0.0)
        colour = torch.where((depth < nearest)[..., None], paint * bright[..., None], colour)
        nearest = torch.minimum(nearest, depth)
    picture = colour.clamp(0, 1).unflatten(1, (2 * size, 2 * size)).permute(0, 3, 1, 2)
    return F.avg_pool2d(picture, 2)


def _hit(origin: Tensor, ray: Tensor, *ellipsoids: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor, Tensor]:
    """What a ray meets first of ellipsoids, each (centre, radii) of (B, 3).

    Returns its depth (B, N), FAR where all are missed, its normal (B, N, 3), and the ellipsoid's number (B, N).
    """
    nearest, which = torch.full_like(origin[..., 0], FAR), torch.zeros_like(origin[..., 0], dtype=torch.long)
    for number, (centre, radii) in enumerate(ellipsoids):
        start, step = (origin - centre[:, None]) / radii[:, None], ray / radii[:, None]
        a, b = step.square().sum(-1), (start * step).sum(-1)
        inside = b.square() - a * (start.square().sum(-1) - 1)
        depth = torch.where(inside > 0, (-b - inside.clamp_min(0).sqrt()) / a, FAR)
        which = torch.where(depth < nearest, number, which)
        nearest = torch.minimum(nearest, depth)
    centre, radii = (_pick(torch.stack(values, 1), which) for values in zip(*ellipsoids, strict=True))  # (B, N, 3)
    normal = (origin + nearest[..., None] * ray - centre) / radii.square()
    return nearest, F.normalize(normal, dim=-1), which


def _pick(table: Tensor, which: Tensor) -> Tensor:
    """Rows of table (B, K, 3) by numbers (B, N): (B, N, 3)."""
    return table.gather(1, which[..., None].expand(-1, -1, table.shape[2]))


def _at(*values: Tensor | float, like: Tensor) -> Tensor:
    """(B, 3) point of numbers or (B,) tensors."""
    return torch.stack([torch.as_tensor(v, device=like.device, dtype=like.dtype).expand(len(like)) for v in values], 1)


def _face(head: Head, dynamics: Tensor, origin: Tensor, ray: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Depth, normal and paint of skull, jaw, nose and ears."""
    like, jaw = head.skull, dynamics[:, 0]
    front = -head.skull[:, 2] - 0.25 * head.nose[:, 2]
    sides = [_at(side * head.skull[:, 0], 0.02, 0.04, like=like) for side in (-1, 1)]
    depth, normal, which = _hit(
        origin,
        ray,
        (_at(0.0, -0.06, 0.0, like=like), head.skull),
        (_at(0.0, 0.24 + 0.08 * jaw, -0.06, like=like), head.jaw),
        (_at(0.0, 0.10, front, like=like), head.nose),
        *((side, _at(0.05, 0.11, 0.07, like=like)) for side in sides),
    )
    point = origin + depth[..., None] * ray  # (B, N, 3)
    return depth, normal, _paint(head, dynamics, point, (point[..., 2] < -0.05) & (which < 2))


def _paint(head: Head, dynamics: Tensor, point: Tensor, front: Tensor) -> Tensor:
    """(B, N, 3) colour of points of the face: skin with beard, eyes, brows and mouth; features only where `front`."""
    x, y = point[..., 0], point[..., 1]
    jaw, smile, wide, brow, blink, gaze_x, gaze_y = (d[:, None] for d in dynamics.unbind(1))
    palette, which = [head.skin], torch.zeros_like(x, dtype=torch.long)

    def put(where: Tensor, paint: Tensor) -> None:
        nonlocal which
        which = torch.where(where & front, len(palette), which)
        palette.append(paint)

    bearded = torch.lerp(head.skin, 0.6 * head.hair_colour, head.beard)
    put((y > 0.20 + 0.25 * x.square()) & (x.abs() < 0.33), bearded)

    apart, height, half_width, half_height = (e[:, None] for e in head.eyes.unbind(1))
    brow_height, brow_length, brow_width = (b[:, None] for b in head.brows.unbind(1))
    white, black = torch.full_like(head.skin, 0.95), torch.full_like(head.skin, 0.04)
    across = x.abs() - apart  # from the eye's middle, outwards
    arch = brow_height - 0.06 * brow + (1.5 + 2.0 * brow) * across.square() * 0.7
    put(((y - arch).abs() < brow_width) & (across.abs() < brow_length), 0.75 * head.hair_colour)
    lens = 1 - (across / half_width).square()
    rim = ((y - height) / half_height).square() - lens
    put(rim < 0, 0.8 * head.skin)  # a closed lid
    opening = (1 - blink) * half_height
    open_eye = (y - height - 0.3 * blink * half_height).abs() < opening * lens.clamp_min(0).sqrt()
    put(open_eye, white)
    offset = (x - torch.where(x > 0, apart, -apart) - 0.06 * gaze_x, y - height + 0.035 * gaze_y)
    radius = offset[0].square() + offset[1].square()
    put(open_eye & (radius < 0.056**2), head.iris)
    put(open_eye & (radius < 0.026**2), black)
    lash = (y - height - 0.3 * blink * half_height + opening * lens.clamp_min(0).sqrt()).abs()
    put((lash < 0.009) & (lens > 0), black)

    mouth_height, mouth_width, lip = (m[:, None] for m in head.mouth.unbind(1))
    along = x / (mouth_width * (1 + 0.3 * wide))
    swell = (1 - along.square()).clamp_min(0)
    middle = mouth_height - 0.07 * smile * (along.square() - 0.3) + 0.02 * jaw
    gap = 0.18 * jaw * swell
    on_mouth = along.abs() < 1
    full = lip * (1 - 0.35 * wide) * swell.sqrt()
    put(on_mouth & (y > middle - full) & (y < middle + gap + full), head.lips)
    put(on_mouth & (y > middle - 0.004) & (y < middle + gap + 0.004), 0.35 * head.lips)
    put(on_mouth & (y > middle) & (y < middle + (0.35 * gap).clamp(max=0.045)), white)
    return _pick(torch.stack(palette, 1), which)


def _hair(head: Head, origin: Tensor, ray: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Depth, normal and paint of a shell about the skull, cut open over the face."""
    off, line, length = (h[:, None] for h in head.hair.unbind(1))
    centre = _at(0.0, -0.08, 0.03, like=head.skull)
    depth, normal, _ = _hit(origin, ray, (centre, head.skull + off))
    x, y, z = (origin + depth[..., None] * ray).unbind(-1)
    over = (y < line + 1.5 * (z + 0.42) + 0.4 * x.square()) & (y < length)
    strands = 0.88 + 0.12 * torch.sin(70.0 * torch.atan2(x, z + 0.6))
    paint = head.hair_colour[:, None] * strands[..., None]
    return torch.where(over, depth, FAR), normal, paint


def _body(head: Head, origin: Tensor, ray: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Depth, normal and paint of neck and shoulders, which do not turn."""
    like = head.skull
    depth, normal, which = _hit(
        origin,
        ray,
        (_at(0.0, 0.70, 0.12, like=like), _at(0.19, 0.5, 0.19, like=like)),
        (_at(0.0, 1.25, 0.2, like=like), _at(0.85, 0.47, 0.35, like=like)),
    )
    striped = 1 + head.stripes[:, None, 1] * torch.sign(torch.sin(head.stripes[:, None, 0] * origin[..., 0]))
    shirt, neck = head.shirt[:, None] * striped[..., None], 0.85 * head.skin[:, None]
    return depth, normal, torch.where((which == 1)[..., None], shirt, neck)


def _backdrop(head: Head, pixels: Tensor) -> Tensor:
    """(B, N, 3): two colours in a slanted wave."""
    phase = pixels[:, :2] @ head.wave[:, :2, None] + head.wave[:, None, 2:]  # (B, N, 1)
    return torch.lerp(head.backdrop[:, None, :3], head.backdrop[:, None, 3:], 0.5 + 0.5 * torch.sin(phase))
