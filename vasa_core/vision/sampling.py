"""Turned rectangles cut out of pictures, the way MediaPipe cuts them.

A rectangle is (centre x, centre y, width, height, turn): picture pixels, and radians clockwise as the viewer sees it.
"""

import torch
import torch.nn.functional as F
from torch import Tensor


def cut_out(images: Tensor, rectangles: Tensor, size: int, border: str) -> Tensor:
    """Bilinear samples of rectangles (B, 5) in images (B, 3, H, W) -> (B, 3, size, size).

    Sample k lies at k / size of the rectangle, and a coordinate is a pixel's index (its centre is at 0, not at 0.5):
    that is what OpenCV's warpPerspective does inside MediaPipe, and the networks' answers are read in the same way.
    There is no low-pass filter. border: 'zeros', or 'border' for the nearest pixel.
    """
    height, width = images.shape[-2:]
    steps = torch.arange(size, dtype=torch.float32, device=images.device) / size - 0.5
    y, x = torch.meshgrid(steps, steps, indexing="ij")
    at = picture_from_rectangle(rectangles, torch.stack([x, y], dim=-1).reshape(1, -1, 2))  # (B, size * size, 2)
    last = torch.tensor([width - 1, height - 1], dtype=at.dtype, device=at.device).clamp_min(1)
    grid = (2 * at / last - 1).reshape(-1, size, size, 2).to(images.dtype)
    return F.grid_sample(images, grid, padding_mode=border, align_corners=True)


def picture_from_rectangle(rectangles: Tensor, points: Tensor) -> Tensor:
    """points (B or 1, N, 2) in [-0.5, 0.5] of rectangles (B, 5) -> (B, N, 2) picture pixels."""
    centre, extent, turn = rectangles[:, :2], rectangles[:, 2:4], rectangles[:, 4]
    cos, sin = torch.cos(turn), torch.sin(turn)
    rotation = torch.stack([cos, -sin, sin, cos], dim=-1).reshape(-1, 2, 2)
    return centre[:, None] + (points * extent[:, None]) @ rotation.mT


def square_around(boxes: Tensor, start: Tensor, end: Tensor, scale: float) -> Tensor:
    """Square rectangles (B, 5) around boxes (B, 4) x0 y0 x1 y1, `scale` times their longer side, upright with the
    line from start (B, 2) to end (B, 2)."""
    side = scale * (boxes[:, 2:] - boxes[:, :2]).amax(dim=1)
    along = end - start
    turn = torch.atan2(along[:, 1], along[:, 0])
    centre = 0.5 * (boxes[:, :2] + boxes[:, 2:])
    return torch.stack([centre[:, 0], centre[:, 1], side, side, turn], dim=1)


def overlap(a: Tensor, b: Tensor) -> Tensor:
    """Intersection over union of boxes a (N, 4) and b (M, 4) -> (N, M)."""
    low = torch.maximum(a[:, None, :2], b[None, :, :2])
    high = torch.minimum(a[:, None, 2:], b[None, :, 2:])
    shared = (high - low).clamp_min(0).prod(dim=2)
    areas = [(x[:, 2:] - x[:, :2]).prod(dim=1) for x in (a, b)]
    return shared / (areas[0][:, None] + areas[1][None] - shared).clamp_min(1e-9)
