"""What a face network trained on synthetic heads has learnt, on heads that it never saw.

python -m vasa_core train face benchmarks/face_settings/small.json
python benchmarks/face_stage.py benchmarks/face_settings/small.json [OTHER.json ...] [--device auto]

The other settings there leave out one loss each, to see what it is good for.

For each training: self-reenactment (one frame of a clip moves like its other frames) in dB of PSNR; the error of the
head pose that is read, and of the one read off made frames against the one asked for, in degrees; and cross-talk: how
far the dynamics read back move when the pose alone is changed, and the reverse, in per cent of how far they lie apart
in two frames of the clip. All but the first use the network's own encoders.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass
from math import degrees
from pathlib import Path

import torch
from torch import Tensor

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from vasa_core.faces.vasa.files import load_face_network  # noqa: E402
from vasa_core.faces.vasa.network import FaceNetwork  # noqa: E402
from vasa_core.train.face_stage import FaceSettings  # noqa: E402
from vasa_core.train.settings import read_settings  # noqa: E402
from vasa_core.train.synthetic import SyntheticHeads  # noqa: E402

HELD_OUT, FRAMES, CHUNK = 16, 25, 16


@dataclass(frozen=True)
class Figures:
    """psnr in dB; read, shown: pose errors in degrees; dynamics_moved, pose_moved: cross-talk in per cent."""

    psnr: float
    read: float
    shown: float
    dynamics_moved: float
    pose_moved: float


@torch.no_grad()
def measure(network: FaceNetwork, heads: SyntheticHeads, identities: range) -> Figures:
    """Figures over one clip of each of `identities`."""
    sums = torch.zeros(7)
    for identity in identities:
        clip = heads.clip(identity, FRAMES, fps=5.0)
        truth = clip.motion.pose.to(clip.frames)
        source = network.encode(clip.frames[:1])
        pose, dynamics = (torch.cat(p) for p in zip(*map(network.read_motion, clip.frames.split(CHUNK)), strict=True))
        made = show(network, source, pose, dynamics)
        other = torch.arange(FRAMES).roll(FRAMES // 2)  # a frame well away in the clip
        by_pose = read(network, show(network, source, pose[other], dynamics))
        by_dynamics = read(network, show(network, source, pose, dynamics[other]))
        back = read(network, made)
        sums += torch.tensor([
            float((-10 * (made - clip.frames)[1:].square().mean((1, 2, 3)).log10()).mean()),
            degrees(float((pose - truth)[:, :3].abs().mean())),
            degrees(float((back[0] - pose)[1:, :3].abs().mean())),
            float((by_pose[1] - back[1]).norm(dim=1).mean()),
            float((dynamics[other] - dynamics).norm(dim=1).mean()),
            float((by_dynamics[0] - back[0])[:, :3].norm(dim=1).mean()),
            float((pose[other] - pose)[:, :3].norm(dim=1).mean()),
        ])  # fmt: skip
    psnr, read_error, shown, moved, apart, turned, turned_apart = (sums / len(identities)).tolist()
    return Figures(psnr, read_error, shown, 100 * moved / apart, 100 * turned / turned_apart)


def show(network: FaceNetwork, source, pose: Tensor, dynamics: Tensor) -> Tensor:
    """(T, 3, S, S): the source at T poses and dynamics."""
    parts = zip(pose.split(CHUNK), dynamics.split(CHUNK), strict=True)
    return torch.cat([network.decode(source.volume, source.identity, p, d) for p, d in parts])


def read(network: FaceNetwork, frames: Tensor) -> tuple[Tensor, Tensor]:
    """Pose (T, 6) and dynamics (T, D) of frames (T, 3, S, S)."""
    return tuple(torch.cat(part) for part in zip(*map(network.read_motion, frames.split(CHUNK)), strict=True))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("settings", nargs="+", type=Path, help="the settings of each training, whose output is there")
    parser.add_argument("--device", default="auto")
    options = parser.parse_args()
    found = torch.accelerator.current_accelerator() if torch.accelerator.is_available() else torch.device("cpu")
    device = found if options.device == "auto" else torch.device(options.device)
    print(f"{HELD_OUT} held-out identities, {FRAMES} frames each, on {device}")
    print("| settings | PSNR, dB | pose read, deg | pose shown, deg | dynamics move with pose, % | reverse, % |")
    print("|---|---|---|---|---|---|")
    for path in options.settings:
        settings = read_settings(path, FaceSettings)
        network = load_face_network(Path(settings.output) / "face.safetensors").network.to(device)
        count = settings.identities
        heads = SyntheticHeads(count + HELD_OUT, network.preset.size, settings.recipe.seed, device)
        figures = measure(network, heads, range(count, count + HELD_OUT))
        print(f"| {path.stem} | {' | '.join(f'{value:.2f}' for value in vars(figures).values())} |")


if __name__ == "__main__":
    main()
