"""MediaPipe's face mesh with attention as a torch module: 478 points from a 192x192 picture of one face.

A trunk finds 468 points. From these the network cuts the lips and the two eyes out of its own feature map
(a spatial transformer) and looks at each again, which gives finer lips and lids and ten iris points.
After "Attention Mesh" (Grishchenko et al. 2020). Left and right are the viewer's.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .landmarks import IRIS_LEFT, IRIS_RIGHT, LEFT_EYE, LEFT_LIDS, LIPS, MESH_POINTS, POINTS, RIGHT_EYE, RIGHT_LIDS
from .layers import BlazeBlock, SameConv2d

FEATURES = 48  # side of the feature map that the regions are cut from
REGION = 16  # side of a cut-out
MARGIN = 1.5  # a cut-out's size over the extent of its points


class FaceMesh(nn.Module):
    size = 192

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(SameConv2d(3, 16, 3, 2), nn.PReLU(16))
        self.shallow = _blocks((16, 16, 1), (16, 16, 1), (16, 32, 2))
        self.deep = _blocks(
            (32, 32, 1), (32, 32, 1), (32, 64, 2), (64, 64, 1), (64, 64, 1), (64, 128, 2), (128, 128, 1), (128, 128, 1),
            (128, 128, 2), (128, 128, 1), (128, 128, 1), (128, 128, 2), (128, 128, 1), (128, 128, 1),
        )  # fmt: skip
        self.narrow = nn.Sequential(nn.Conv2d(128, 32, 1), nn.PReLU(32), *_blocks((32, 32, 1)))
        self.mesh = nn.Conv2d(32, MESH_POINTS * 3, 3)
        self.presence = nn.Conv2d(32, 1, 3)
        self.lips = _Region(61, 291, {"contour": LIPS})
        self.left_eye = _Region(33, 133, {"contour": LEFT_EYE, "iris": IRIS_LEFT})
        self.right_eye = _Region(362, 263, {"contour": RIGHT_EYE, "iris": IRIS_RIGHT})

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """x (B, 3, 192, 192) in [0, 1] -> points (B, 478, 3) in input pixels, presence of a face (B,) in [0, 1]."""
        features = self.shallow(self.stem(x))  # (B, 32, 48, 48)
        code = self.narrow(self.deep(features))  # (B, 32, 3, 3)
        mesh = self.mesh(code).reshape(-1, MESH_POINTS, 3)
        points = torch.cat([mesh, mesh.new_zeros(len(mesh), POINTS - MESH_POINTS, 3)], dim=1)
        for region in (self.lips, self.left_eye, self.right_eye):
            for indices, found in region(features, mesh):
                points[:, indices, :2] = found
        points[:, IRIS_LEFT, 2] = mesh[:, LEFT_LIDS, 2].mean(dim=1, keepdim=True)
        points[:, IRIS_RIGHT, 2] = mesh[:, RIGHT_LIDS, 2].mean(dim=1, keepdim=True)
        return points, torch.sigmoid(self.presence(code)).flatten()


class _Region(nn.Module):
    """Looks again at the part of the picture around heads['contour'], upright along the line from `start` to `end`."""

    def __init__(self, start: int, end: int, heads: dict[str, list[int]]) -> None:
        super().__init__()
        self.start, self.end, self.indices = start, end, heads
        self.trunk = _blocks((32, 32, 1), (32, 32, 1), (32, 64, 2), (64, 64, 1), (64, 64, 1), (64, 128, 2))
        self.heads = nn.ModuleDict({name: _head(2 * len(indices)) for name, indices in heads.items()})

    def forward(self, features: Tensor, mesh: Tensor) -> list[tuple[list[int], Tensor]]:
        """features (B, 32, 48, 48), mesh (B, 468, 3) -> for each head its indices and x, y (B, N, 2)."""
        matrix = self._features_from_region(mesh[..., :2] * (FEATURES / FaceMesh.size))
        code = self.trunk(_cut_out(features, matrix))  # (B, 128, 4, 4)
        scale = FaceMesh.size / FEATURES
        found = []
        for name, head in self.heads.items():
            local = head(code).flatten(1).unflatten(1, (-1, 2))  # in region cells, times scale
            xy = local @ matrix[:, :, :2].mT + scale * matrix[:, None, :, 2]
            found.append((self.indices[name], xy))
        return found

    def _features_from_region(self, mesh: Tensor) -> Tensor:
        """(B, 468, 2) in feature cells -> (B, 2, 3), region cells to feature cells: turned, scaled, centred."""
        along = mesh[:, self.end] - mesh[:, self.start]
        direction = along / along.norm(dim=1, keepdim=True)
        cos, sin = direction.unbind(1)
        rotation = torch.stack([cos, -sin, sin, cos], dim=1).reshape(-1, 2, 2)  # upright to turned
        upright = mesh[:, self.indices["contour"]] @ rotation
        low, high = upright.amin(dim=1), upright.amax(dim=1)
        centre = rotation @ (0.5 * (low + high))[..., None]  # (B, 2, 1)
        linear = rotation * (MARGIN * (high - low) / REGION)[:, None, :]
        return torch.cat([linear, centre - linear.sum(dim=2, keepdim=True) * (REGION / 2)], dim=2)


def _cut_out(features: Tensor, matrix: Tensor) -> Tensor:
    """Bilinear (B, C, 16, 16) of features (B, C, H, W) at matrix (B, 2, 3) @ cell; zero where outside the map."""
    centres = torch.arange(REGION, dtype=features.dtype, device=features.device) + 0.5
    y, x = torch.meshgrid(centres, centres, indexing="ij")
    cells = torch.stack([x, y, torch.ones_like(x)], dim=-1).reshape(-1, 3)
    at = (cells @ matrix.mT).reshape(len(features), REGION, REGION, 2) - 0.5  # (B, 16, 16, 2)
    last = torch.tensor([features.shape[3] - 1, features.shape[2] - 1], dtype=at.dtype, device=at.device)
    inside = ((at >= 0) & (at <= last)).all(dim=-1)
    return F.grid_sample(features, 2 * at / last - 1, align_corners=True) * inside[:, None]


def _blocks(*shapes: tuple[int, int, int]) -> nn.Sequential:
    return nn.Sequential(*(BlazeBlock(a, b, stride, nn.PReLU(b)) for a, b, stride in shapes))


def _head(outputs: int) -> nn.Sequential:
    return nn.Sequential(
        *_blocks((128, 128, 1), (128, 128, 1), (128, 128, 2), (128, 128, 1), (128, 128, 1)),
        nn.Conv2d(128, 32, 1),
        nn.PReLU(32),
        *_blocks((32, 32, 1)),
        nn.Conv2d(32, outputs, 2),
    )
