"""Sizes of the face network. A preset is a named entry; everything about the architecture is in it."""

from __future__ import annotations

from dataclasses import dataclass
from math import log2


@dataclass(frozen=True)
class FacePreset:
    """Widths, depths and resolutions of one face network.

    size: side of its pictures in pixels. patch: side of the squares of pixels that become channels before the first
    convolution, and pixels again after the last. halvings: from there to the volume's plane. width: 2D channels before
    them, doubled with each. volume_channels, volume_depth: of V_app. volume_blocks: 3D residual blocks behind the
    lifting. unet: channels of the 3D U-Net per level. warp: channels of the warp generators per level, from
    a plane of 4 upwards, one more than it takes doublings to the volume's plane. identity, dynamics: lengths of z_id
    and z_dyn. condition: width of the vector that conditions the warps. view: side in pixels of what the three code
    encoders see. code_widths: their channels per level. identity_blocks, dynamics_blocks, pose_blocks: residual blocks
    per level. decoder_width, decoder_blocks: of the 2D residual blocks between projection and upsampling. reach: how
    much of the usual crop's side its pictures show (see framing.py).
    """

    size: int
    patch: int
    halvings: int
    width: int
    volume_channels: int
    volume_depth: int
    volume_blocks: int
    unet: tuple[int, ...]
    warp: tuple[int, ...]
    identity: int
    dynamics: int
    condition: int
    view: int
    code_widths: tuple[int, ...]
    identity_blocks: tuple[int, ...]
    dynamics_blocks: tuple[int, ...]
    pose_blocks: tuple[int, ...]
    decoder_width: int
    decoder_blocks: int
    reach: float = 1.0

    def __post_init__(self) -> None:
        doublings = log2(self.plane / WARP_PLANE)
        if len(self.warp) != doublings + 1:
            raise ValueError(f"A plane of {self.plane} needs {doublings + 1:g} levels of warp, not {len(self.warp)}.")
        for blocks in (self.identity_blocks, self.dynamics_blocks, self.pose_blocks):
            if len(blocks) != len(self.code_widths):
                raise ValueError(f"{blocks} blocks do not match the {len(self.code_widths)} code widths.")
        if not 0 < self.reach <= 1:
            raise ValueError(f"A network sees up to all of the crop, 1, and more than nothing of it, not {self.reach}.")

    @property
    def plane(self) -> int:
        """Height and width of the volume."""
        return self.size // self.patch >> self.halvings

    @property
    def volume_shape(self) -> tuple[int, int, int]:
        """Depth, height, width of the volume."""
        return self.volume_depth, self.plane, self.plane


WARP_PLANE = 4
"""Side of the learned cube from which a warp generator starts."""

PRESETS = {
    # After MegaPortraits at 512 px. Its expression code is longer; 128 numbers hold a face and leave less room for pose
    # and identity to hide in.
    "paper": FacePreset(
        size=512, patch=1, halvings=3, width=64, volume_channels=96, volume_depth=16, volume_blocks=6,
        unet=(96, 192, 384, 512), warp=(512, 512, 256, 96, 32), identity=512, dynamics=128, condition=512,
        view=256, code_widths=(64, 128, 256, 512), identity_blocks=(3, 4, 6, 3), dynamics_blocks=(3, 4, 6, 3),
        pose_blocks=(2, 2, 2, 2), decoder_width=512, decoder_blocks=8,
    ),
    # For a first training on one GPU.
    "small": FacePreset(
        size=128, patch=1, halvings=2, width=32, volume_channels=32, volume_depth=16, volume_blocks=2,
        unet=(32, 64, 128), warp=(128, 128, 64, 32), identity=128, dynamics=32, condition=128,
        view=128, code_widths=(32, 64, 128, 256), identity_blocks=(1, 1, 2, 1), dynamics_blocks=(1, 1, 2, 1),
        pose_blocks=(1, 1, 1, 1), decoder_width=256, decoder_blocks=4, reach=0.75,
    ),
    # For a first training on a CPU: patches spare it the layers that see single pixels.
    "mini": FacePreset(
        size=48, patch=3, halvings=0, width=48, volume_channels=12, volume_depth=8, volume_blocks=1,
        unet=(12, 24), warp=(32, 16, 12), identity=48, dynamics=16, condition=48,
        view=48, code_widths=(24, 48), identity_blocks=(1, 1), dynamics_blocks=(1, 1),
        pose_blocks=(1, 1), decoder_width=48, decoder_blocks=3, reach=0.75,
    ),
    # For tests: everything that the others have, in miniature.
    "tiny": FacePreset(
        size=64, patch=1, halvings=3, width=8, volume_channels=16, volume_depth=8, volume_blocks=1,
        unet=(16, 32), warp=(32, 16), identity=32, dynamics=16, condition=32,
        view=32, code_widths=(16, 32, 64), identity_blocks=(1, 1, 1), dynamics_blocks=(1, 1, 1),
        pose_blocks=(1, 1, 1), decoder_width=64, decoder_blocks=2,
    ),
}  # fmt: skip
