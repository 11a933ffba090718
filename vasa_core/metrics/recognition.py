"""The face-recognition network that tells people apart: ArcFace's improved ResNet-50 (Deng et al., 2019).

The user names the file (the published `iresnet50` backbone, .pth or .safetensors); nothing is downloaded. Without it
there is neither an identity loss nor an identity figure. The attributes have the names of the published file's keys.

For pictures that are no photos of people, such as synthetic heads, train a smaller network of this kind on them and
keep it with `save_recognition`; its file is named in the same place.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

import torch.nn.functional as F
from torch import Tensor, nn

from ..errors import WeightsError
from ..faces.vasa.codes import upright
from ..weights import checkpoint
from ..weights.foreign import flat_tensors, read_foreign

ARCHITECTURE = "vasa-recognition-1"  # of our own files
REACH, CENTRE = 0.512, -0.092
"""Where the published alignment template lies about a head of average proportions, in half-crops: half its side, and
its middle below the head's centre. From the eyes' places in the template, (38.3, 51.7) and (73.5, 51.5) of 112."""


@dataclass(frozen=True)
class RecognitionSizes:
    """side: of the aligned face in pixels. widths, blocks: channels and residual blocks per level. length: of what it
    gives. As they are, the published network's.
    """

    side: int = 112
    widths: tuple[int, ...] = (64, 128, 256, 512)
    blocks: tuple[int, ...] = (3, 4, 14, 3)
    length: int = 512


PUBLISHED = RecognitionSizes()


class Block(nn.Module):
    """Two convolutions between batch norms, beside a shortcut; the second one may halve the size."""

    def __init__(self, inside: int, outside: int, stride: int) -> None:
        super().__init__()
        self.bn1 = nn.BatchNorm2d(inside)
        self.conv1 = nn.Conv2d(inside, outside, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(outside)
        self.prelu = nn.PReLU(outside)
        self.conv2 = nn.Conv2d(outside, outside, 3, stride, padding=1, bias=False)
        self.bn3 = nn.BatchNorm2d(outside)
        if stride > 1 or inside != outside:
            shortcut = nn.Conv2d(inside, outside, 1, stride, bias=False)
            self.downsample = nn.Sequential(shortcut, nn.BatchNorm2d(outside))
        else:
            self.downsample = nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        hidden = self.bn2(self.conv1(self.bn1(x)))
        return self.bn3(self.conv2(self.prelu(hidden))) + self.downsample(x)


class RecognitionNetwork(nn.Module):
    """Aligned faces (B, 3, side, side) in [0, 1] to vectors (B, length) whose direction is the person."""

    def __init__(self, sizes: RecognitionSizes = PUBLISHED) -> None:
        super().__init__()
        self.sizes = sizes
        widths = sizes.widths
        self.conv1 = nn.Conv2d(3, widths[0], 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(widths[0])
        self.prelu = nn.PReLU(widths[0])
        before = widths[0]
        for level, (width, count) in enumerate(zip(widths, sizes.blocks, strict=True), start=1):
            blocks = [Block(before, width, 2), *(Block(width, width, 1) for _ in range(count - 1))]
            self.add_module(f"layer{level}", nn.Sequential(*blocks))
            before = width
        self.bn2 = nn.BatchNorm2d(before)
        self.fc = nn.Linear(before * (sizes.side >> len(widths)) ** 2, sizes.length)
        self.features = nn.BatchNorm1d(sizes.length)

    def forward(self, face: Tensor) -> Tensor:
        x = self.prelu(self.bn1(self.conv1(2 * face - 1)))
        for level in range(1, len(self.sizes.blocks) + 1):
            x = getattr(self, f"layer{level}")(x)
        return self.features(self.fc(self.bn2(x).flatten(1)))


def load_recognition(path: str | Path) -> RecognitionNetwork:
    """The published network, or one that `save_recognition` wrote, frozen. WeightsError where the file is neither."""
    path = Path(path)
    if checkpoint.architecture_of(path) == ARCHITECTURE:
        tensors, header = checkpoint.load(path, ARCHITECTURE)
        sizes = {k: tuple(v) if isinstance(v, list) else v for k, v in json.loads(header["sizes"]).items()}
        network = RecognitionNetwork(RecognitionSizes(**sizes))
    else:
        tensors, network = flat_tensors(read_foreign(path), path.name), RecognitionNetwork()
    checkpoint.load_into(network, tensors, path.name)
    return network.eval().requires_grad_(False)


def save_recognition(path: str | Path, network: RecognitionNetwork, steps: int, pictures: str) -> None:
    """Write a network that was trained for `steps` on `pictures` (a word or two), atomically.

    Raises WeightsError for one that was not trained.
    """
    if steps < 1:
        raise WeightsError("This recognition network is untrained and is not saved. Train it for at least one step.")
    told = {"sizes": json.dumps(asdict(network.sizes)), "steps": str(steps), "pictures": pictures}
    checkpoint.save(path, network.state_dict(), ARCHITECTURE, **told)


def aligned(picture: Tensor, pose: Tensor, side: int) -> Tensor:
    """Pictures (B, 3, S, S) of heads at `pose` (B, 6) as recognition networks see them: (B, 3, side, side)."""
    return upright(picture, pose, side, REACH, CENTRE)


def likeness(network: RecognitionNetwork, a: Tensor, a_pose: Tensor, b: Tensor, b_pose: Tensor) -> Tensor:
    """(B,) cosine similarity of the people in pictures a and b (B, 3, S, S), aligned by their poses (B, 6)."""
    faces = (network(aligned(picture, pose, network.sizes.side)) for picture, pose in ((a, a_pose), (b, b_pose)))
    return F.cosine_similarity(*faces)
