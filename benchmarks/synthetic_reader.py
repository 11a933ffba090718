"""Train a reader of synthetic heads: it tells pose and dynamics in the renderer's own terms, and only measures.

python benchmarks/synthetic_reader.py training/reader.safetensors [--preset mini] [--steps 5000]

It learns from rendered heads whose motion is known, none of which a face network is trained on, and takes no part in
any other training. So what it reads off made frames is what these show, whatever codes made them. Its own errors are
said on heads that it never saw, and stand beside all figures that it gives.
"""

from __future__ import annotations

import argparse
import sys
from math import cos, pi
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Generator, Tensor, nn

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from vasa_core.faces.vasa.codes import FACE_CENTRE, FACE_REACH, UNIT, CodeEncoder, upright  # noqa: E402
from vasa_core.faces.vasa.framing import seen_in_middle  # noqa: E402
from vasa_core.faces.vasa.presets import PRESETS, FacePreset  # noqa: E402
from vasa_core.train.procedural_head import DYNAMICS, Head, render  # noqa: E402
from vasa_core.train.synthetic import draw_motion  # noqa: E402
from vasa_core.types import POSE  # noqa: E402
from vasa_core.weights import checkpoint  # noqa: E402

ARCHITECTURE = "synthetic-reader-1"
WIDTHS, BLOCKS = (32, 64), (1, 1)
BATCH, RATE, WARM_UP, SEED, HELD_OUT = 32, 3e-3, 50, 77, 200
JITTER = 0.02  # of the pose by which the inner face is cut out, as the pose that is read is never exact


class SyntheticReader(nn.Module):
    """Pictures (B, 3, size, size) in [0, 1] of synthetic heads -> pose (B, 6) and dynamics (B, 7, see DYNAMICS)."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.size = size
        self.pose = CodeEncoder(size, WIDTHS, BLOCKS, len(POSE))
        self.dynamics = CodeEncoder(size, WIDTHS, BLOCKS, len(DYNAMICS))

    def read_pose(self, picture: Tensor) -> Tensor:
        """(B, 6)."""
        return UNIT * self.pose(picture)

    def read_dynamics(self, picture: Tensor, pose: Tensor) -> Tensor:
        """(B, 7) of heads that stand at `pose`."""
        return self.dynamics(upright(picture, pose, self.size, FACE_REACH, FACE_CENTRE))

    def forward(self, picture: Tensor) -> tuple[Tensor, Tensor]:
        pose = self.read_pose(picture)
        return pose, self.read_dynamics(picture, pose)


def load_reader(path: str | Path) -> SyntheticReader:
    """The reader in a file that this script wrote."""
    tensors, header = checkpoint.load(path, ARCHITECTURE)
    reader = SyntheticReader(int(header["size"]))
    checkpoint.load_into(reader, tensors, Path(path).name)
    return reader.eval()


def drawn(count: int, preset: FacePreset, generator: Generator) -> tuple[Tensor, Tensor, Tensor]:
    """Pictures of `count` new heads as networks of `preset` see them, poses (count, 6) and dynamics (count, 7)."""
    pose, dynamics = draw_motion(count, generator)
    pose = seen_in_middle(pose, preset.reach)
    return render(Head.draw(count, generator), pose, dynamics, preset.size), pose, dynamics


def learn(preset: FacePreset, steps: int) -> SyntheticReader:
    """A reader of pictures as networks of `preset` see them; every step sees heads of its own."""
    torch.manual_seed(SEED)
    reader, generator = SyntheticReader(preset.size), Generator().manual_seed(SEED)
    optimiser = torch.optim.AdamW(reader.parameters(), lr=RATE)
    for step in range(1, steps + 1):
        with torch.no_grad():
            pictures, pose, dynamics = drawn(BATCH, preset, generator)
        about = pose + JITTER * torch.randn(pose.shape, generator=generator)
        of_pose = F.l1_loss(reader.read_pose(pictures), pose) / UNIT
        of_dynamics = F.l1_loss(reader.read_dynamics(pictures, about), dynamics)
        for group in optimiser.param_groups:
            group["lr"] = RATE * min(1, step / WARM_UP) * (0.02 + 0.49 * (1 + cos(pi * step / steps)))
        optimiser.zero_grad()
        (of_pose + of_dynamics).backward()
        optimiser.step()
        if step % 200 == 0:
            print(f"step {step} of {steps}: pose {of_pose.item():.3f}, dynamics {of_dynamics.item():.3f}", flush=True)
    return reader.eval()


def correlation(told: Tensor, truth: Tensor) -> Tensor:
    """Pearson's, of (N, C) with (N, C): (C,)."""
    told, truth = told - told.mean(0), truth - truth.mean(0)
    return (told * truth).sum(0) / (told.norm(dim=0) * truth.norm(dim=0)).clamp_min(1e-9)


@torch.no_grad()
def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("output", type=Path)
    parser.add_argument("--preset", default="mini", choices=PRESETS, help="of the face networks whose frames it reads")
    parser.add_argument("--steps", type=int, default=5000)
    options = parser.parse_args()
    preset = PRESETS[options.preset]
    with torch.enable_grad():
        reader = learn(preset, options.steps)
    checkpoint.save(options.output, reader.state_dict(), ARCHITECTURE, size=str(preset.size))
    generator = Generator().manual_seed(SEED + 1)
    pictures, pose, dynamics = drawn(HELD_OUT, preset, generator)
    read_pose, read_dynamics = reader(pictures)
    degrees = (read_pose - pose)[:, :3].abs().mean() * 180 / pi
    told = ", ".join(
        f"{n} {r:.2f}" for n, r in zip(DYNAMICS, correlation(read_dynamics, dynamics).tolist(), strict=True)
    )
    print(f"{HELD_OUT} held-out heads: pose {degrees:.2f} degrees; correlation {told}")


if __name__ == "__main__":
    main()
