"""What a face network trained on synthetic heads has learnt, on heads that it never saw.

python -m vasa_core train face benchmarks/face_settings/small.json
python benchmarks/face_stage.py benchmarks/face_settings/small.json [OTHER.json ...] [--judge JUDGE] [--sheet SHEET.jpg]

The other settings there leave out one loss each, to see what it is good for.

For each training, in dB of PSNR: self-reenactment (one frame of a clip moves like its other frames), and the same with
the pose of one frame and the dynamics of another, against the picture that the renderer makes of both. In degrees: the
error of the head pose that is read, of the one read off made frames against the one asked for, and of the one read off
frames of somebody else against the driver's true pose. In per cent: cross-talk, how far the dynamics read back move
when the pose alone is changed, and the reverse, of how far they lie apart in two frames of the clip. These use the
network's own encoders. With --judge, a recognition network (see synthetic_recognition.py) that should not be the one
of the loss: the likeness to its source of a head that moves like somebody else, beside those of two real frames of one
head and of two heads.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import asdict, dataclass
from math import degrees, nan
from pathlib import Path

import torch
from torch import Tensor

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from vasa_core.faces.vasa.files import load_face_network  # noqa: E402
from vasa_core.faces.vasa.network import EncodedFace, FaceNetwork  # noqa: E402
from vasa_core.metrics.recognition import RecognitionNetwork, likeness, load_recognition  # noqa: E402
from vasa_core.train.contact_sheet import save_sheet  # noqa: E402
from vasa_core.train.face_stage import FaceSettings  # noqa: E402
from vasa_core.train.settings import read_settings  # noqa: E402
from vasa_core.train.synthetic import SPACE, SyntheticClip, SyntheticHeads  # noqa: E402
from vasa_core.types import Motion  # noqa: E402

HELD_OUT, FRAMES, CHUNK, SHOWN = 16, 25, 16, 8
COLUMNS = {
    "psnr": "PSNR, dB", "mixed": "PSNR, pose and dynamics of two frames, dB", "read": "pose read, deg",
    "shown": "pose shown, deg", "carried": "pose carried over, deg", "dynamics_moved": "dynamics move with pose, %",
    "pose_moved": "pose moves with dynamics, %", "alike": "likeness", "one": "of one head", "two": "of two heads",
}  # fmt: skip


@dataclass(frozen=True)
class Figures:
    """psnr, mixed in dB; read, shown, carried: pose errors in degrees; dynamics_moved, pose_moved: cross-talk in per
    cent; alike, one, two: cosine similarities, nan without a judge."""

    psnr: float
    mixed: float
    read: float
    shown: float
    carried: float
    dynamics_moved: float
    pose_moved: float
    alike: float
    one: float
    two: float


@torch.no_grad()
def measure(
    network: FaceNetwork, heads: SyntheticHeads, identities: range, judge: RecognitionNetwork | None = None
) -> Figures:
    """Figures over one clip of each of `identities`; the driver of each is the one before."""
    clips = [heads.clip(identity, FRAMES, fps=5.0) for identity in identities]
    motions = [read(network, clip.frames) for clip in clips]
    other = torch.arange(FRAMES).roll(FRAMES // 2)  # a frame well away in the clip
    sums = torch.zeros(9)
    likenesses = torch.full((3,), nan if judge is None else 0.0)
    for row, (identity, clip) in enumerate(zip(identities, clips, strict=True)):
        truth = true_pose(clip)
        source = network.encode(clip.frames[:1])
        pose, dynamics = motions[row]
        made = show(network, source, pose, dynamics)
        by_pose, by_dynamics = (
            show(network, source, pose[other], dynamics),
            show(network, source, pose, dynamics[other]),
        )
        mixed = heads.show(identity, Motion(clip.motion.pose[other], clip.motion.dynamics, clip.motion.fps, SPACE))
        carried = show(network, source, *motions[row - 1])
        back, back_by_pose, back_by_dynamics = (read(network, frames) for frames in (made, by_pose, by_dynamics))
        sums += torch.tensor([
            psnr(made, clip.frames),
            psnr(by_pose, mixed),
            degrees(float((pose - truth)[:, :3].abs().mean())),
            degrees(float((back[0] - pose)[1:, :3].abs().mean())),
            degrees(float((read(network, carried)[0] - true_pose(clips[row - 1]))[:, :3].abs().mean())),
            float((back_by_pose[1] - back[1]).norm(dim=1).mean()),
            float((dynamics[other] - dynamics).norm(dim=1).mean()),
            float((back_by_dynamics[0] - back[0])[:, :3].norm(dim=1).mean()),
            float((pose[other] - pose)[:, :3].norm(dim=1).mean()),
        ])  # fmt: skip
        if judge is not None:
            before, face = clips[row - 1], (clip.frames[:1].expand_as(carried), truth[:1].expand_as(truth))
            compared = ((carried, true_pose(before)), (clip.frames, truth), (before.frames, true_pose(before)))
            likenesses += torch.stack([likeness(judge, *seen, *face)[1:].mean().cpu() for seen in compared])
    plain, mixed, read_error, shown, carried, moved, apart, turned, turned_apart = (sums / len(identities)).tolist()
    talk = 100 * moved / apart, 100 * turned / turned_apart
    return Figures(plain, mixed, read_error, shown, carried, *talk, *(likenesses / len(identities)).tolist())


def psnr(made: Tensor, real: Tensor) -> float:
    """Mean over the frames but the first, in dB."""
    return float((-10 * (made - real)[1:].square().mean((1, 2, 3)).log10()).mean())


def true_pose(clip: SyntheticClip) -> Tensor:
    """(T, 6) on the device of the frames."""
    return clip.motion.pose.to(clip.frames)


def show(network: FaceNetwork, source: EncodedFace, pose: Tensor, dynamics: Tensor) -> Tensor:
    """(T, 3, S, S): the source at T poses and dynamics."""
    parts = zip(pose.split(CHUNK), dynamics.split(CHUNK), strict=True)
    return torch.cat([network.decode(source.volume, source.identity, p, d) for p, d in parts])


def read(network: FaceNetwork, frames: Tensor) -> tuple[Tensor, Tensor]:
    """Pose (T, 6) and dynamics (T, D) of frames (T, 3, S, S)."""
    return tuple(torch.cat(part) for part in zip(*map(network.read_motion, frames.split(CHUNK)), strict=True))


@torch.no_grad()
def contact_sheet(network: FaceNetwork, heads: SyntheticHeads, identities: range) -> list[Tensor]:
    """Rows: sources; frames of others that drive them; what comes of it; drivers' frames made from their own first."""
    clips = [heads.clip(identity, FRAMES, fps=5.0) for identity in identities]
    late = range(3, 3 + len(clips))  # another moment of each
    sources = torch.stack([clip.frames[0] for clip in clips])
    drivers = torch.stack([clips[k - 1].frames[t] for k, t in enumerate(late)])
    source, motion = network.encode(sources), network.read_motion(drivers)
    own = network.encode(sources.roll(1, 0))
    return [
        sources,
        drivers,
        network.decode(source.volume, source.identity, *motion),
        network.decode(own.volume, own.identity, *motion),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("settings", nargs="+", type=Path, help="the settings of each training, whose output is there")
    parser.add_argument("--judge", type=Path, help="recognition network of synthetic heads")
    parser.add_argument("--sheet", type=Path, help="picture file for what the first training makes")
    parser.add_argument("--device", default="auto")
    options = parser.parse_args()
    found = torch.accelerator.current_accelerator() if torch.accelerator.is_available() else torch.device("cpu")
    device = found if options.device == "auto" else torch.device(options.device)
    judge = load_recognition(options.judge).to(device) if options.judge else None
    print(f"{HELD_OUT} held-out identities, {FRAMES} frames each, on {device}\n")
    print(f"| settings | {' | '.join(COLUMNS.values())} |\n|{'---|' * (len(COLUMNS) + 1)}")
    for number, path in enumerate(options.settings):
        settings = read_settings(path, FaceSettings)
        network = load_face_network(Path(settings.output) / "face.safetensors").network.to(device)
        count = settings.identities
        heads = SyntheticHeads(count + HELD_OUT, network.preset.size, settings.recipe.seed, device)
        figures = asdict(measure(network, heads, range(count, count + HELD_OUT), judge))
        print(f"| {path.stem} | {' | '.join(f'{figures[name]:.2f}' for name in COLUMNS)} |", flush=True)
        if options.sheet and number == 0:
            save_sheet(options.sheet, contact_sheet(network, heads, range(count, count + SHOWN)))


if __name__ == "__main__":
    main()
