"""What a face network trained on synthetic heads has learnt, on heads that it never saw.

python -m vasa_core train face benchmarks/face_settings/small.json
python benchmarks/face_stage.py benchmarks/face_settings/small.json [OTHER.json ...] [--judge JUDGE] [--sheet SHEET.jpg]

The other settings there leave out one loss each, to see what it is good for.

For each training, in dB of PSNR: self-reenactment (one frame of a clip moves like its other frames), what it loses in
the inner face where the source's dynamics are kept, and the pose of one frame with the dynamics of another, against
the picture that the renderer makes of both. In degrees: the error of the head pose that is read, of the one read off
made frames against the one asked for, of the one read off frames of somebody else against the driver's true pose, and
of a head that does not move. Dynamics codes are opaque; what they tell of jaw, smile, brows, lids and gaze is found
by a linear map fitted on heads of the training: its correlation with the truth, on the held-out heads and on somebody
else who moves like them. In per cent: cross-talk, how far the dynamics read back, and what they tell, move when the
pose alone is changed, and the reverse, of how far they lie apart in two frames of the clip; and how far what is read
back moves where another frame of the clip is the source, the one that differs most in dynamics, or in pose. These use
the network's own encoders. With --judge, a recognition network (see synthetic_recognition.py) that should not be the
one of the loss: the likeness to its source of a head that moves like somebody else, beside those of two real frames
of one head and of two heads.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import asdict, dataclass
from math import degrees, nan
from pathlib import Path
from statistics import mean

import torch
from torch import Tensor

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from vasa_core.faces.vasa.files import load_face_network  # noqa: E402
from vasa_core.faces.vasa.network import EncodedFace, FaceNetwork  # noqa: E402
from vasa_core.metrics.recognition import RecognitionNetwork, likeness, load_recognition  # noqa: E402
from vasa_core.train.contact_sheet import save_sheet  # noqa: E402
from vasa_core.train.face_losses import inner_face  # noqa: E402
from vasa_core.train.face_stage import FaceSettings  # noqa: E402
from vasa_core.train.settings import read_settings  # noqa: E402
from vasa_core.train.synthetic import SPACE, SyntheticClip, SyntheticHeads  # noqa: E402
from vasa_core.types import Motion  # noqa: E402

HELD_OUT, FITTED, FRAMES, CHUNK, SHOWN, LARGER = 16, 64, 25, 16, 8, 3
COLUMNS = {
    "psnr": "PSNR, dB", "held": "lost with dynamics kept", "mixed": "pose and dynamics of two frames",
    "read": "pose read, deg", "shown": "shown", "carried": "carried over", "still": "still head",
    "jaw": "jaw read, r", "jaw_over": "carried over, r", "others": "other dynamics read, r",
    "dynamics_moved": "dynamics move with pose, %", "meaning_moved": "what they tell, %",
    "pose_moved": "pose moves with dynamics, %",
    "dynamics_left": "source's dynamics left, %", "pose_left": "its pose, %",
    "alike": "likeness", "one": "of one head", "two": "of two heads",
}  # fmt: skip


@dataclass(frozen=True)
class Figures:
    """psnr, held, mixed in dB; read, shown, carried, still: pose errors in degrees; jaw, jaw_over, others:
    correlations; dynamics_moved, meaning_moved, pose_moved, dynamics_left, pose_left: cross-talk in per cent; alike,
    one, two: cosine similarities, nan without a judge."""

    psnr: float
    held: float
    mixed: float
    read: float
    shown: float
    carried: float
    still: float
    jaw: float
    jaw_over: float
    others: float
    dynamics_moved: float
    meaning_moved: float
    pose_moved: float
    dynamics_left: float
    pose_left: float
    alike: float
    one: float
    two: float


@torch.no_grad()
def measure(
    network: FaceNetwork, heads: SyntheticHeads, identities: range, judge: RecognitionNetwork | None = None
) -> Figures:
    """Figures over one clip of each of `identities`, the last ones of `heads`; the driver of each is the one before."""
    clips = [heads.clip(identity, FRAMES, fps=5.0) for identity in identities]
    motions = [read(network, clip.frames) for clip in clips]
    telling = Telling.learn(network, [heads.clip(identity, FRAMES, fps=5.0) for identity in range(FITTED)])
    other = torch.arange(FRAMES).roll(FRAMES // 2)  # a frame well away in the clip
    rows, told, told_over, acted = [], [], [], []
    likenesses = torch.full((3,), nan if judge is None else 0.0)
    for row, (identity, clip) in enumerate(zip(identities, clips, strict=True)):
        truth, driver = true_pose(clip), clips[row - 1]
        source = network.encode(clip.frames[:1])
        pose, dynamics = motions[row]
        made = show(network, source, pose, dynamics)
        held = show(network, source, pose, dynamics[:1].expand_as(dynamics))
        by_pose = show(network, source, pose[other], dynamics)
        by_dynamics = show(network, source, pose, dynamics[other])
        mixed = heads.show(identity, Motion(clip.motion.pose[other], clip.motion.dynamics, clip.motion.fps, SPACE))
        carried = show(network, source, *motions[row - 1])
        back, back_by_pose, back_by_dynamics = (read(network, frames) for frames in (made, by_pose, by_dynamics))
        pose_over, dynamics_over = read(network, carried)
        acting = int((dynamics - dynamics[0]).norm(dim=1).argmax())  # the sources that differ most from the first frame
        turned = int((pose - pose[0])[:, :3].norm(dim=1).argmax())
        by_acting, by_turned = (
            read(network, show(network, network.encode(clip.frames[k : k + 1]), pose, dynamics))
            for k in (acting, turned)
        )
        faces = [inner_face(frames, truth) for frames in (clip.frames, made, held)]
        told.append(telling(dynamics))
        told_over.append(telling(dynamics_over))
        acted.append((clip.motion.dynamics, driver.motion.dynamics))
        rows.append([
            psnr(made, clip.frames),
            psnr(faces[1], faces[0]) - psnr(faces[2], faces[0]),
            psnr(by_pose, mixed),
            turn(pose - truth),
            turn((back[0] - pose)[1:]),
            turn(pose_over - true_pose(driver)),
            turn(true_pose(driver)),
            float((back_by_pose[1] - back[1]).norm(dim=1).mean()),
            float((dynamics[other] - dynamics).norm(dim=1).mean()),
            float((telling(back_by_pose[1]) - telling(back[1])).norm(dim=1).mean()),
            float((telling(dynamics[other]) - telling(dynamics)).norm(dim=1).mean()),
            float((back_by_dynamics[0] - back[0])[:, :3].norm(dim=1).mean()),
            float((pose[other] - pose)[:, :3].norm(dim=1).mean()),
            float((by_acting[1] - back[1]).norm(dim=1).mean()),
            float((dynamics[acting] - dynamics[0]).norm()),
            float((by_turned[0] - back[0])[:, :3].norm(dim=1).mean()),
            float((pose[turned] - pose[0])[:3].norm()),
        ])  # fmt: skip
        if judge is not None:
            face = clip.frames[:1].expand_as(carried), truth[:1].expand_as(truth)
            compared = ((carried, true_pose(driver)), (clip.frames, truth), (driver.frames, true_pose(driver)))
            likenesses += torch.stack([likeness(judge, *seen, *face)[1:].mean().cpu() for seen in compared])
    columns = torch.tensor(rows).mean(0)
    plain, talks = columns[:-10].tolist(), (100 * columns[-10::2] / columns[-9::2]).tolist()
    own, drivers = (torch.cat(parts).to(told[0]) for parts in zip(*acted, strict=True))
    seen, over = correlation(torch.cat(told), own), correlation(torch.cat(told_over), drivers)
    return Figures(*plain, seen[0], over[0], mean(seen[1:]), *talks, *(likenesses / len(clips)).tolist())


@dataclass(frozen=True)
class Telling:
    """What dynamics codes (N, D) tell of the renderer's dynamics (N, 7): a linear map (D + 1, 7), fitted to clips."""

    map: Tensor

    @staticmethod
    def learn(network: FaceNetwork, clips: list[SyntheticClip]) -> Telling:
        codes = torch.cat([read(network, clip.frames)[1] for clip in clips])
        truth = torch.cat([clip.motion.dynamics for clip in clips]).to(codes)
        with_one = torch.nn.functional.pad(codes, (0, 1), value=1.0)
        return Telling(torch.linalg.lstsq(with_one, truth).solution)

    def __call__(self, codes: Tensor) -> Tensor:
        return codes @ self.map[:-1] + self.map[-1]


def correlation(told: Tensor, truth: Tensor) -> list[float]:
    """Pearson's, of (N, 7) with (N, 7), each of the seven."""
    told, truth = told - told.mean(0), truth - truth.mean(0)
    return ((told * truth).sum(0) / (told.norm(dim=0) * truth.norm(dim=0))).tolist()


def turn(pose: Tensor) -> float:
    """Mean absolute angle of poses (T, 6), in degrees."""
    return degrees(float(pose[:, :3].abs().mean()))


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
            rows = contact_sheet(network, heads, range(count, count + SHOWN))
            save_sheet(options.sheet, [row.repeat_interleave(LARGER, 2).repeat_interleave(LARGER, 3) for row in rows])


if __name__ == "__main__":
    main()
