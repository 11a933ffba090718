"""The face network: pictures become appearance, identity, pose and dynamics; these become pictures.

    encode      picture -> posed volume -> canonical volume V_app, beside z_id, pose and z_dyn     once per portrait
    decode      V_app, warped to pose and dynamics -> projection -> 2D decoder -> picture           once per frame

After MegaPortraits (Drobyshev et al., 2022), with the four factors of VASA-1 (Xu et al., 2024).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch.nn.functional as F
from torch import Tensor, nn

from . import warping
from .codes import Codes
from .layers import ResidualBlock, StandardConv, groups_of
from .presets import FacePreset


@dataclass(frozen=True)
class EncodedFace:
    """volume (B, C, D, H, W): canonical V_app. identity (B, I). pose (B, 6). dynamics (B, D)."""

    volume: Tensor
    identity: Tensor
    pose: Tensor
    dynamics: Tensor

    def take(self, rows: Tensor | slice) -> EncodedFace:
        """Some faces of the batch, or all in another order."""
        return EncodedFace(self.volume[rows], self.identity[rows], self.pose[rows], self.dynamics[rows])


class FaceNetwork(nn.Module):
    """All networks of the face stage, of one preset."""

    def __init__(self, preset: FacePreset) -> None:
        super().__init__()
        self.preset = preset
        self.codes = Codes(preset)
        self.appearance = AppearanceEncoder(preset)
        self.source_warp = warping.WarpGenerator(preset)
        self.canonical = VolumeUNet(preset)
        self.target_warp = warping.WarpGenerator(preset)
        self.decoder = Decoder(preset)

    def parts(self) -> list[nn.Module]:
        """The networks between which only geometry is done."""
        codes = [self.codes.identity, self.codes.dynamics, self.codes.pose]
        return [*codes, self.appearance, self.source_warp, self.canonical, self.target_warp, self.decoder]

    def encode(self, picture: Tensor, pose: Tensor | None = None) -> EncodedFace:
        """picture (B, 3, size, size) in [0, 1]; pose (B, 6) where it is known, else it is read."""
        pose = self.codes.read_pose(picture) if pose is None else pose
        identity, dynamics = self.codes.read_identity(picture, pose), self.codes.read_dynamics(picture, pose)
        field = self.source_warp(identity, pose, dynamics)  # (B, 3, D, H, W)
        volume = warping.to_canonical(self.appearance(picture), pose, field)
        return EncodedFace(self.canonical(volume), identity, pose, dynamics)

    def read_motion(self, picture: Tensor) -> tuple[Tensor, Tensor]:
        """(B, 3, size, size) -> pose (B, 6) and dynamics (B, D): encode without the appearance."""
        pose = self.codes.read_pose(picture)
        return pose, self.codes.read_dynamics(picture, pose)

    def decode(self, volume: Tensor, identity: Tensor, pose: Tensor, dynamics: Tensor) -> Tensor:
        """Pictures (B, 3, size, size) in [0, 1] of V_app and z_id of one or B faces, at B poses and dynamics."""
        count = len(pose)
        field = self.target_warp(identity.expand(count, -1), pose, dynamics)  # (B, 3, D, H, W)
        posed = warping.to_pose(volume.expand(count, -1, -1, -1, -1), pose, field)  # (B, C, D, H, W)
        return self.decoder(posed)


class AppearanceEncoder(nn.Module):
    """A picture becomes a volume in its own pose: 2D residual blocks, channels unfolded into depth, 3D blocks.

    Nothing rectifies what passes beside the blocks, from the picture into the volume: details come through at once,
    where a norm and a ReLU before the lifting, as in MegaPortraits, have first to be learnt around.
    """

    def __init__(self, preset: FacePreset) -> None:
        super().__init__()
        self.patch, self.depth = preset.patch, preset.volume_depth
        widths = [preset.width << level for level in range(preset.halvings + 1)]
        kernel = 7 if preset.patch == 1 else 3
        self.stem = nn.Conv2d(3 * preset.patch**2, widths[0], kernel, padding=kernel // 2)
        halved = [ResidualBlock(2, a, b, down=(2, 2)) for a, b in zip(widths[:-1], widths[1:], strict=True)]
        self.flat = nn.Sequential(*(halved or [ResidualBlock(2, widths[0], widths[0])]))
        self.lift = StandardConv(2, widths[-1], preset.volume_channels * preset.volume_depth, kernel=1)
        channels = preset.volume_channels
        self.solid = nn.Sequential(*(ResidualBlock(3, channels, channels) for _ in range(preset.volume_blocks)))

    def forward(self, picture: Tensor) -> Tensor:
        """(B, 3, S, S) -> (B, C, D, H, W)."""
        x = self.flat(self.stem(F.pixel_unshuffle(2 * picture - 1, self.patch)))  # (B, width, H, W)
        return self.solid(self.lift(x).unflatten(1, (-1, self.depth)))


class VolumeUNet(nn.Module):
    """Completes the canonical volume: what the picture did not show. Starts as the identity."""

    def __init__(self, preset: FacePreset) -> None:
        super().__init__()
        pairs = list(zip(preset.unet[:-1], preset.unet[1:], strict=True))
        half = (2, 2, 2)
        self.enter = ResidualBlock(3, preset.volume_channels, preset.unet[0])
        self.down = nn.ModuleList(ResidualBlock(3, a, b, down=half) for a, b in pairs)
        self.middle = ResidualBlock(3, preset.unet[-1], preset.unet[-1])
        self.up = nn.ModuleList(ResidualBlock(3, b, a, up=half) for a, b in reversed(pairs))
        self.norm = nn.GroupNorm(groups_of(preset.unet[0]), preset.unet[0])
        self.leave = StandardConv(3, preset.unet[0], preset.volume_channels, gain=0.0)

    def forward(self, volume: Tensor) -> Tensor:
        """(B, C, D, H, W) -> (B, C, D, H, W)."""
        x, passed = self.enter(volume), []
        for block in self.down:
            passed.append(x)
            x = block(x)
        x = self.middle(x)
        for block in self.up:
            x = block(x) + passed.pop()
        return volume + self.leave(F.relu(self.norm(x)))


class Decoder(nn.Module):
    """A posed volume becomes a picture: depth into channels, 1x1 projection, residual blocks, upsampling.

    As before the volume, nothing rectifies what passes beside the blocks.
    """

    def __init__(self, preset: FacePreset) -> None:
        super().__init__()
        self.patch, wide = preset.patch, preset.decoder_width
        self.project = StandardConv(2, preset.volume_channels * preset.volume_depth, wide, kernel=1)
        self.blocks = nn.Sequential(*(ResidualBlock(2, wide, wide) for _ in range(preset.decoder_blocks)))
        widths = [wide, *(preset.width << level for level in reversed(range(preset.halvings)))]
        self.enlarge = nn.Sequential(
            *(ResidualBlock(2, a, b, up=(2, 2)) for a, b in zip(widths[:-1], widths[1:], strict=True))
        )
        self.output = nn.Conv2d(widths[-1], 3 * preset.patch**2, 3, padding=1)

    def forward(self, posed: Tensor) -> Tensor:
        """(B, C, D, H, W) -> (B, 3, S, S) in [0, 1]."""
        x = self.project(posed.flatten(1, 2))  # (B, width, H, W)
        x = self.enlarge(self.blocks(x))  # (B, width, S / patch, S / patch)
        return F.pixel_shuffle(self.output(x), self.patch).sigmoid()
