"""A tiny face network for tests: random weights, everything switched on, and a picture to show it."""

import torch

from vasa_core.faces.vasa.network import FaceNetwork
from vasa_core.faces.vasa.presets import PRESETS
from vasa_core.types import FaceCrop


def lively_network(seed: int = 0, preset: str = "tiny") -> FaceNetwork:
    """A network with random weights. What starts at zero in training, so that blocks start as the identity, is drawn
    as well: no part is without effect."""
    torch.manual_seed(seed)
    network = FaceNetwork(PRESETS[preset])
    for name, parameter in network.named_parameters():
        if name.endswith("gain"):
            torch.nn.init.uniform_(parameter, 0.5, 1.0)
    for generator in (network.source_warp, network.target_warp):
        torch.nn.init.normal_(generator.output.weight, std=0.02)
    torch.nn.init.normal_(network.codes.pose.output.weight, std=0.05)
    return network


def picture_crop(size: int = 512, seed: int = 0) -> FaceCrop:
    """A crop of soft random colours; the face network reads no landmarks."""
    generator = torch.Generator().manual_seed(seed)
    coarse = torch.rand(1, 3, 9, 9, generator=generator)
    image = torch.nn.functional.interpolate(coarse, (size, size), mode="bicubic").clamp(0, 1)[0]
    return FaceCrop(image, torch.zeros(478, 3), torch.eye(3), (size, size))
