"""SyncNet: five frames of a face, and the sound of the same fifth of a second, as points close together where they fit.

J. S. Chung, A. Zisserman, "Out of time: automated lip sync in the wild" (2016). Layers and names of tensors are those
of the published second version (github.com/joonson/syncnet_python, MIT licence); the weights are its authors'.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from torch import Tensor, nn

from ..errors import WeightsError
from ..weights import checkpoint, installed
from ..weights.foreign import flat_tensors, read_foreign
from ..weights.registry import SYNCNET

SIDE = 224  # pixels of a face
FRAMES = 5  # of a window
SPECTRA = 20  # of the same time, 10 ms apart
LENGTH = 1024

# Parts of the published file, and ours; inside a part the layers have the same numbers.
PARTS = {
    "netcnnlip": "watching",
    "netfclip": "seen",
    "netcnnaud": "listening",
    "netfcaud": "heard",
}
COUNTER = "num_batches_tracked"  # of a batch norm: older files lack it, and only training reads it


class SyncNet(nn.Module):
    """Two stacks of convolutions, one for faces and one for sound, each with a head of two linear layers."""

    def __init__(self) -> None:
        super().__init__()
        self.watching = nn.Sequential(
            *_layer(nn.Conv3d(3, 96, (FRAMES, 7, 7), stride=(1, 2, 2))),
            nn.MaxPool3d((1, 3, 3), stride=(1, 2, 2)),
            *_layer(nn.Conv3d(96, 256, (1, 5, 5), stride=(1, 2, 2), padding=(0, 1, 1))),
            nn.MaxPool3d((1, 3, 3), stride=(1, 2, 2), padding=(0, 1, 1)),
            *_layer(nn.Conv3d(256, 256, (1, 3, 3), padding=(0, 1, 1))),
            *_layer(nn.Conv3d(256, 256, (1, 3, 3), padding=(0, 1, 1))),
            *_layer(nn.Conv3d(256, 256, (1, 3, 3), padding=(0, 1, 1))),
            nn.MaxPool3d((1, 3, 3), stride=(1, 2, 2)),
            *_layer(nn.Conv3d(256, 512, (1, 6, 6))),
        )
        self.listening = nn.Sequential(
            *_layer(nn.Conv2d(1, 64, 3, padding=1)),
            nn.Identity(),  # a pooling over single values
            *_layer(nn.Conv2d(64, 192, 3, padding=1)),
            nn.MaxPool2d(3, stride=(1, 2)),
            *_layer(nn.Conv2d(192, 384, 3, padding=1)),
            *_layer(nn.Conv2d(384, 256, 3, padding=1)),
            *_layer(nn.Conv2d(256, 256, 3, padding=1)),
            nn.MaxPool2d(3, stride=2),
            *_layer(nn.Conv2d(256, 512, (5, 4))),
        )
        self.seen, self.heard = _head(), _head()

    def see(self, faces: Tensor) -> Tensor:
        """faces (T, 3, 224, 224) uint8 RGB, T >= 5 -> (T - 4, 1024); row i is of the frames i to i + 4.

        Only the first layer spans frames, so that the windows share all the others' work.
        """
        pictures = faces.flip(1).to(self.seen[0].weight)  # the network knows BGR from 0 to 255
        points = self.watching(pictures.transpose(0, 1)[None])  # (1, 512, T - 4, 1, 1)
        return self.seen(points[0, :, :, 0, 0].T)

    def hear(self, spectra: Tensor) -> Tensor:
        """spectra (N, 13, 20): MFCC windows, time last -> (N, 1024)."""
        return self.heard(self.listening(spectra[:, None].to(self.heard[0].weight)).flatten(1))


def load_syncnet(path: str | Path | None = None) -> SyncNet:
    """The network with its released weights (syncnet_v2.model, or a .safetensors of the same tensors), frozen.

    path: None finds the file in the default folder of models. WeightsError where it is missing, damaged, or not that.
    """
    if path is None:
        path = installed.find(SYNCNET, installed.folders_in(installed.default_folder(), SYNCNET))["syncnet_v2"]
    path = Path(path)
    network = SyncNet()
    counters = {key: value for key, value in network.state_dict().items() if key.endswith(COUNTER)}
    checkpoint.load_into(network, {**counters, **named_as_ours(flat_tensors(read_foreign(path), path.name))}, path.name)
    return network.eval().requires_grad_(False)


def named_as_ours(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Published tensors under the names of SyncNet's; WeightsError where one belongs to no part of it."""
    renamed = {}
    for key, value in tensors.items():
        part, _, name = key.partition(".")
        if part not in PARTS:
            raise WeightsError(f"The weights hold '{key}', which SyncNet does not have. Use syncnet_v2.model.")
        renamed[f"{PARTS[part]}.{name}"] = value
    return renamed


def _layer(convolution: nn.Conv2d | nn.Conv3d) -> tuple[nn.Module, nn.Module, nn.Module]:
    norm = nn.BatchNorm2d if isinstance(convolution, nn.Conv2d) else nn.BatchNorm3d
    return convolution, norm(convolution.out_channels), nn.ReLU()


def _head() -> nn.Sequential:
    return nn.Sequential(nn.Linear(512, 512), nn.BatchNorm1d(512), nn.ReLU(), nn.Linear(512, LENGTH))
