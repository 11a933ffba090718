"""S: three small networks that adjust driven keypoints (Guo et al. 2024, LivePortrait, section 3.3).

Stitching moves them so that the shoulders meet the picture around the crop; the lip and eye networks move them to
an asked opening of the mouth or the eyes. Parameters have the released names.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

POINTS = 21
STITCHING_WIDTHS = (126, 128, 128, 64, 65)
LIP_WIDTHS = (65, 128, 128, 64, 63)
EYE_WIDTHS = (66, 256, 256, 128, 128, 64, 63)


class Perceptron(nn.Module):
    """Linear layers of `widths` with ReLU between them: (B, widths[0]) -> (B, widths[-1])."""

    def __init__(self, widths: tuple[int, ...]) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for inputs, outputs in zip(widths[:-1], widths[1:], strict=True):
            layers += [nn.Linear(inputs, outputs), nn.ReLU()]
        self.mlp = nn.Sequential(*layers[:-1])

    def forward(self, x: Tensor) -> Tensor:
        return self.mlp(x)


class Stitching(Perceptron):
    """source and driven keypoints (B, 21, 3) -> stitched driven keypoints (B, 21, 3)."""

    def __init__(self) -> None:
        super().__init__(STITCHING_WIDTHS)

    def forward(self, source: Tensor, driven: Tensor) -> Tensor:
        out = self.mlp(torch.cat([source.flatten(1), driven.flatten(1)], dim=1))  # (B, 65)
        shift = torch.nn.functional.pad(out[:, None, 3 * POINTS :], (0, 1))  # (B, 1, 3), z unshifted
        return driven + out[:, : 3 * POINTS].unflatten(1, (POINTS, 3)) + shift


class LipRetargeting(Perceptron):
    """source keypoints (B, 21, 3), ratios (B, 2) = mouth opening of the source and target -> offsets (B, 21, 3)."""

    def __init__(self) -> None:
        super().__init__(LIP_WIDTHS)

    def forward(self, source: Tensor, ratios: Tensor) -> Tensor:
        return self.mlp(torch.cat([source.flatten(1), ratios], dim=1)).unflatten(1, (POINTS, 3))


class EyeRetargeting(Perceptron):
    """source keypoints (B, 21, 3), ratios (B, 3) = left and right eye of the source, target -> offsets (B, 21, 3)."""

    def __init__(self) -> None:
        super().__init__(EYE_WIDTHS)

    def forward(self, source: Tensor, ratios: Tensor) -> Tensor:
        return self.mlp(torch.cat([source.flatten(1), ratios], dim=1)).unflatten(1, (POINTS, 3))
