"""Pictures that nodes show to people."""

from __future__ import annotations

import numpy as np
import torch
from PIL import Image, ImageDraw
from torch import Tensor

from ..vasa_core.types import FaceCrop

DOT = (0, 255, 128)


def with_landmarks(crop: FaceCrop) -> Tensor:
    """The crop's picture (S, S, 3) in [0, 1] with its landmarks as dots of two pixels at 512."""
    pixels = crop.image.movedim(0, -1).mul(255.0).round().clamp(0, 255).to(torch.uint8).cpu().numpy()
    picture = Image.fromarray(pixels)
    draw, radius = ImageDraw.Draw(picture), picture.width / 512
    for x, y in crop.landmarks[:, :2].tolist():
        draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=DOT)
    return torch.from_numpy(np.asarray(picture, dtype=np.float32) / 255.0)
