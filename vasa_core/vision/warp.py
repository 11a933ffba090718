"""Pictures under a turn, a shift and a change of size, and the soft edge of what is laid over a picture.

Coordinates are continuous, as in crop.py: 0 is the outer edge of the first pixel, its centre lies at 0.5.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from ..geometry import apply_homography

COARSE = 2.0  # pixels of the source between two samples, beyond which the source is shrunk first


def warp(images: Tensor, target_from_source: Tensor, size: tuple[int, int]) -> Tensor:
    """images (B, C, H, W) under a similarity (3, 3) in pixels -> (B, C, *size), bilinear, 0 outside the source.

    Where the result is less than half as large as the source, the source is low-pass filtered.
    """
    target_from_source = target_from_source.cpu().double()
    step = 1.0 / float(torch.linalg.det(target_from_source[:2, :2]).abs().sqrt())  # source pixels per sample
    if step > COARSE:
        height, width = images.shape[-2:]
        smaller = [max(1, round(extent / step)) for extent in (height, width)]
        images = F.interpolate(images, smaller, mode="bilinear", antialias=True)
        ratio = target_from_source.new_tensor([width / smaller[1], height / smaller[0], 1.0])
        target_from_source = target_from_source * ratio
    at = apply_homography(torch.linalg.inv(target_from_source), pixel_centres(size)).float()  # (h, w, 2)
    extent = at.new_tensor([images.shape[-1], images.shape[-2]])
    grid = (2.0 * at / extent - 1.0).to(images)
    return F.grid_sample(images, grid.expand(len(images), -1, -1, -1), padding_mode="zeros", align_corners=False)


def pixel_centres(size: tuple[int, int]) -> Tensor:
    """(h, w, 2) float64: x, y of the centres of `size` pixels."""
    y, x = torch.meshgrid(*(torch.arange(n, dtype=torch.float64) + 0.5 for n in size), indexing="ij")
    return torch.stack([x, y], dim=-1)


def rounded_mask(at: Tensor, size: float, ramp: float) -> Tensor:
    """Weight (...) in [0, 1] at points (..., 2) of a square of `size`: 1 inside, falling to 0 at its edge over `ramp`.

    The corners are round. The formula of LivePortrait's mask, whose squares have 512 pixels and a ramp of 16.
    """
    at = at - 0.5
    beyond = torch.maximum(ramp - at, at - (size - ramp)).clamp_min(0.0) / max(ramp, 1e-6)  # (..., 2)
    return (1.0 - beyond.norm(dim=-1)).clamp(0.0, 1.0)


def lay_over(frames: Tensor, picture: Tensor, frame_from_picture: Tensor, feather: float) -> Tensor:
    """frames (T, 3, S, S) laid over picture (3, H, W) where they belong -> (T, 3, H, W).

    feather: width of the soft edge over the frame's side. Only the part of the picture that they cover is computed.
    """
    size, (height, width) = frames.shape[-1], picture.shape[1:]
    corners = torch.tensor([[0.0, 0.0], [size, 0.0], [size, size], [0.0, size]], dtype=torch.float64)
    around = apply_homography(torch.linalg.inv(frame_from_picture.cpu().double()), corners)
    left, top = (max(int(v), 0) for v in around.amin(0).floor())
    right, bottom = (min(int(v), n) for v, n in zip(around.amax(0).ceil(), (width, height), strict=True))
    laid = picture.to(frames).expand(len(frames), -1, -1, -1).clone()
    if right <= left or bottom <= top:
        return laid
    shift = torch.tensor([[1.0, 0.0, -left], [0.0, 1.0, -top], [0.0, 0.0, 1.0]], dtype=torch.float64)
    part_from_frame = shift @ torch.linalg.inv(frame_from_picture.cpu().double())
    moved = warp(frames, part_from_frame, (bottom - top, right - left))
    mask = rounded_mask(pixel_centres((size, size)), size, feather * size).to(frames)  # (S, S)
    weight = warp(mask[None, None], part_from_frame, (bottom - top, right - left))  # (1, 1, h, w)
    region = laid[:, :, top:bottom, left:right]
    region += (moved.clamp(0.0, 1.0) - region) * weight
    return laid
