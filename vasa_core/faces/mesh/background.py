"""The backdrop: a plate that stays still while the head moves over it.

The picture is split so that `foreground + (1 - cover) * plate` is exactly the picture: `cover` is how much the
person hides, `plate` the backdrop with what lies behind the person filled in, `foreground` the rest, already
multiplied by its cover. The foreground and its cover are warped, the plate is not.
"""

from __future__ import annotations

import torch
from torch import Tensor

from .filters import blur, box_mean, dilate, fill, smoothstep
from .layout import FaceLayout

SHARP_LOW, SHARP_HIGH = 0.30, 0.80  # of the network's matte: nothing below, everything above
REACH = 8  # pixels of 512 that the guided filter looks around
MARGIN = 24  # pixels of 512 about the person in which the backdrop's broad light is not believed
BROAD = 6.0  # pixels: what is broader than this is light, what is finer is detail
MISSED = (0.10, 0.22)  # colour distance, just outside the matte, from the backdrop beyond: hair that the matte missed


def split_picture(layout: FaceLayout, matte: Tensor | None) -> tuple[Tensor, Tensor]:
    """foreground with cover (4, S, S), and plate (3, S, S); matte (S, S) in [0, 1].

    Without a matte, and where its edge does not agree with the picture, the cover is 1: there the backdrop moves
    with the head.
    """
    image = layout.image
    if matte is None:
        return torch.cat([image, torch.ones_like(image[:1])]), image.clone()
    person = refine(image, matte.float().cpu())
    person = torch.maximum(person, _face_cover(layout))
    hidden = dilate((person > 0.02).float(), 4)
    trust = _agreement(image, person, hidden)
    cover = 1.0 - trust * (1.0 - person)
    plate = _fill_behind(image, torch.maximum(hidden, (cover > 0.1).float()))
    foreground = image - (1.0 - cover) * plate
    return torch.cat([foreground, cover[None]]), plate


def refine(image: Tensor, matte: Tensor) -> Tensor:
    """The matte (S, S) with its edge drawn to the picture's edges: guided filter, He, Sun and Tang (2013)."""
    guide = image.mean(0)

    def box(x: Tensor) -> Tensor:
        return box_mean(x, REACH)

    mean_guide, mean_matte = box(guide), box(matte)
    slope = (box(guide * matte) - mean_guide * mean_matte) / (box(guide * guide) - mean_guide**2 + 1e-3)
    offset = mean_matte - slope * mean_guide
    matte = box(slope) * guide + box(offset)
    return ((matte - SHARP_LOW) / (SHARP_HIGH - SHARP_LOW)).clamp(0.0, 1.0)


def _face_cover(layout: FaceLayout) -> Tensor:
    """The face itself belongs to the person, whatever the matte says."""
    at = layout.to_face(layout.pixel_grid())
    middle = layout.points[[10, 152]].mean(0)
    across = ((at - middle) / torch.tensor([0.40 * layout.face_width, 0.46 * layout.face_height])).norm(dim=-1)
    return 1.0 - smoothstep(0.9, 1.0, across)


def _fill_behind(image: Tensor, hidden: Tensor) -> Tensor:
    """The backdrop: what is known, and a smooth fill with the backdrop's own grain behind the person.

    Close to the person the backdrop is often darker or lighter, by a shadow or by strands that the matte missed. There
    the fill, known from further out, takes over the backdrop's broad light and leaves its detail, so that no outline
    of the person stays behind when the head moves away.
    """
    known = 1.0 - hidden
    if float(known.mean()) < 0.02:
        return image.clone()
    clear = 1.0 - dilate(hidden, MARGIN)
    clear = clear if float(clear.mean()) > 0.02 else known
    broad = fill(image, clear)
    away = blur(dilate(hidden, MARGIN // 2), MARGIN / 4)  # 1 at the person, 0 a margin further out
    near = blur(image * known, BROAD) / blur(known, BROAD).clamp_min(1e-3)  # (3, S, S) the backdrop's broad light
    touched = image + away * (blur(broad, BROAD) - near)
    gone = blur(dilate(hidden, 6), 3.0)
    grain = (image - blur(image, 2.0)) * clear
    level = grain.square().sum((1, 2)).div((grain[0] != 0).sum().clamp_min(1)).sqrt()  # (3,)
    noise = torch.randn(image.shape[-2:], generator=torch.Generator().manual_seed(0))
    smooth = broad + (level.clamp(max=0.03)[:, None, None] * blur(noise, 0.7) * 2.0)
    return torch.lerp(touched, smooth, torch.maximum(gone, hidden)).clamp(0.0, 1.0)


def _agreement(image: Tensor, person: Tensor, hidden: Tensor) -> Tensor:
    """(S, S) in [0, 1]: how far the matte can be believed about here.

    Just outside a good matte lies backdrop; so its colour is that of the backdrop further out. Where it is not, the
    matte cut through hair or clothes.
    """
    far = fill(image, 1.0 - dilate(person.gt(0.02).float(), 24))
    ring = dilate(hidden, 3) - hidden  # just outside
    error = (image - far).abs().mean(0)
    missed = smoothstep(*MISSED, error) * ring
    return 1.0 - (blur(missed, 10.0) / blur(ring, 10.0).clamp_min(1e-4)).clamp(0.0, 1.0)
