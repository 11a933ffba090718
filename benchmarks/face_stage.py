"""What a face network trained on synthetic heads has learnt, on heads that it never saw.

python -m vasa_core train face benchmarks/face_settings/small.json
python benchmarks/synthetic_reader.py training/reader.safetensors --preset small
python benchmarks/face_stage.py benchmarks/face_settings/small.json [OTHER.json ...]
    --reader training/reader.safetensors [--judge JUDGE] [--sheet SHEET.jpg]

The other settings there leave out one loss each, to see what it is good for.

What pictures show is told by the reader (see synthetic_reader.py), which took no part in any of the trainings. Of
each training:

Quality. In dB of PSNR: self-reenactment (one frame of a clip moves like its other frames), what it loses in the inner
face where the source's dynamics are kept, and the pose of one frame with the dynamics of another, against the picture
that the renderer makes of both. In degrees: the error of the head pose that the network reads, of the one that made
frames show, of the one that frames of somebody else show, and of a head that does not move. With --judge, a recognition
network (see synthetic_recognition.py) that should not be the one of the loss: the likeness to its source of a head that
moves like somebody else, beside those of two real frames of one head and of two heads.

Dynamics. How what is seen in made frames correlates with the truth, in self-reenactment, and on somebody else.

Cross-talk, in per cent: how far the dynamics read back move when the pose alone is changed, and the reverse, of how far
they lie apart in two frames of the clip; and how far what is read back moves where another frame of the clip is the
source, the one that differs most in dynamics, or in pose. Read back by the network's own encoders, by the reader, and
by the reader of the jaw alone, which is learnt first. How much of it is reading error is in the row of the renderer,
whose pictures have no cross-talk (read by the encoders of the first training).
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from math import degrees, isnan, nan
from pathlib import Path
from statistics import mean

import torch
from torch import Tensor

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks.synthetic_reader import SyntheticReader, correlation, load_reader  # noqa: E402
from vasa_core.faces.vasa.files import load_face_network  # noqa: E402
from vasa_core.faces.vasa.network import EncodedFace, FaceNetwork  # noqa: E402
from vasa_core.metrics.recognition import RecognitionNetwork, likeness, load_recognition  # noqa: E402
from vasa_core.train.contact_sheet import save_sheet  # noqa: E402
from vasa_core.train.face_losses import inner_face  # noqa: E402
from vasa_core.train.face_stage import FaceSettings  # noqa: E402
from vasa_core.train.procedural_head import DYNAMICS  # noqa: E402
from vasa_core.train.settings import read_settings  # noqa: E402
from vasa_core.train.synthetic import SPACE, SyntheticClip, SyntheticHeads  # noqa: E402
from vasa_core.types import Motion  # noqa: E402

HELD_OUT, FRAMES, CHUNK, SHOWN, LARGER = 16, 25, 16, 8, 3
QUALITY = {
    "psnr": "PSNR, dB", "held": "lost with dynamics kept", "mixed": "pose and dynamics of two frames",
    "read": "pose read, deg", "shown": "shown", "carried": "carried over", "still": "still head",
    "alike": "likeness", "one": "of one head", "two": "of two heads",
}  # fmt: skip
CROSSTALK = {
    "dynamics_moved": "dynamics move with pose", "pose_moved": "pose moves with dynamics",
    "dynamics_left": "source's dynamics left", "pose_left": "source's pose left",
}  # fmt: skip
Reading = Callable[[Tensor], tuple[Tensor, Tensor]]
"""Pictures (T, 3, S, S) -> pose (T, 6) and dynamics (T, D)."""


@dataclass(frozen=True)
class Figures:
    """quality: by the names of QUALITY; likenesses are nan without a judge. acted, carried: correlations (7,) of the
    dynamics that the reader sees with the true ones, on the clip's own head and on somebody else's. own, seen, jaw:
    cross-talk in per cent by the names of CROSSTALK, read by the network's encoders, by the reader, and of the jaw
    alone by the reader."""

    quality: dict[str, float]
    acted: list[float]
    carried: list[float]
    own: dict[str, float]
    seen: dict[str, float]
    jaw: dict[str, float]


@dataclass(frozen=True)
class Swapped:
    """A clip's real frames (T, 3, S, S), and pictures of the same head.

    made: in the clip's motion, from its first frame. by_pose, by_dynamics: with that of the frames `other` instead.
    by_acting, by_turned: as `made`, from the frames `acting` and `turned`.
    """

    real: Tensor
    made: Tensor
    by_pose: Tensor
    by_dynamics: Tensor
    by_acting: Tensor
    by_turned: Tensor
    other: Tensor
    acting: int
    turned: int

    def crosstalk(self, reading: Reading) -> Tensor:
        """(4, 2): how far what should stay moves, and how far it lies apart in the real frames; see CROSSTALK."""
        pose, dynamics = reading(self.real)
        pose_made, dynamics_made = reading(self.made)
        moves = (
            (reading(self.by_pose)[1] - dynamics_made, dynamics[self.other] - dynamics),
            ((reading(self.by_dynamics)[0] - pose_made)[:, :3], (pose[self.other] - pose)[:, :3]),
            (reading(self.by_acting)[1] - dynamics_made, (dynamics[self.acting] - dynamics[0])[None]),
            ((reading(self.by_turned)[0] - pose_made)[:, :3], (pose[self.turned] - pose[0])[None, :3]),
        )
        return torch.tensor([[float(part.norm(dim=1).mean()) for part in pair] for pair in moves])


@torch.no_grad()
def measure(
    network: FaceNetwork,
    heads: SyntheticHeads,
    identities: range,
    reader: SyntheticReader,
    judge: RecognitionNetwork | None = None,
) -> Figures:
    """Figures over one clip of each of `identities`, the last ones of `heads`; the driver of each is the one before."""
    clips = [heads.clip(identity, FRAMES, fps=5.0) for identity in identities]
    motions = [read(network, clip.frames) for clip in clips]
    other = torch.arange(FRAMES).roll(FRAMES // 2)  # a frame well away in the clip
    rows, acted, carried, own, seen, jaw = [], [], [], [], [], []
    likenesses = torch.full((3,), nan if judge is None else 0.0)
    for row, (identity, clip) in enumerate(zip(identities, clips, strict=True)):
        truth, driver = true_pose(clip), clips[row - 1]
        source = network.encode(clip.frames[:1])
        pose, dynamics = motions[row]
        acting = int((dynamics - dynamics[0]).norm(dim=1).argmax())  # the sources that differ most from the first frame
        turned = int((pose - pose[0])[:, :3].norm(dim=1).argmax())
        swapped = Swapped(
            clip.frames,
            show(network, source, pose, dynamics),
            show(network, source, pose[other], dynamics),
            show(network, source, pose, dynamics[other]),
            *(show(network, network.encode(clip.frames[k : k + 1]), pose, dynamics) for k in (acting, turned)),
            *(other, acting, turned),
        )
        held = show(network, source, pose, dynamics[:1].expand_as(dynamics))
        mixed = heads.show(identity, Motion(clip.motion.pose[other], clip.motion.dynamics, clip.motion.fps, SPACE))
        over = show(network, source, *motions[row - 1])
        pose_shown, dynamics_shown = reader(swapped.made)
        pose_over, dynamics_over = reader(over)
        acted.append((dynamics_shown, clip.motion.dynamics))
        carried.append((dynamics_over, driver.motion.dynamics))
        own.append(swapped.crosstalk(partial(read, network)))
        seen.append(swapped.crosstalk(reader))
        jaw.append(swapped.crosstalk(partial(jaw_alone, reader)))
        faces = [inner_face(frames, truth) for frames in (clip.frames, swapped.made, held)]
        rows.append([
            psnr(swapped.made, clip.frames),
            psnr(faces[1], faces[0]) - psnr(faces[2], faces[0]),
            psnr(swapped.by_pose, mixed),
            turn(pose - truth),
            turn((pose_shown - truth)[1:]),
            turn(pose_over - true_pose(driver)),
            turn(true_pose(driver)),
        ])  # fmt: skip
        if judge is not None:
            face = clip.frames[:1].expand_as(over), truth[:1].expand_as(truth)
            compared = ((over, true_pose(driver)), (clip.frames, truth), (driver.frames, true_pose(driver)))
            likenesses += torch.stack([likeness(judge, *shown, *face)[1:].mean().cpu() for shown in compared])
    quality = [*torch.tensor(rows).mean(0).tolist(), *(likenesses / len(clips)).tolist()]
    named = dict(zip(QUALITY, quality, strict=True))
    return Figures(named, together(acted), together(carried), *(percent(part) for part in (own, seen, jaw)))


@torch.no_grad()
def measure_renderer(
    network: FaceNetwork, heads: SyntheticHeads, identities: range, reader: SyntheticReader
) -> Figures:
    """What the reader and a network's encoders see where nothing is wrong, on the renderer's own pictures: their errors
    are in all figures."""
    acted, own, seen, jaw, poses = [], [], [], [], []
    other = torch.arange(FRAMES).roll(FRAMES // 2)
    for identity in identities:
        clip = heads.clip(identity, FRAMES, fps=5.0)
        motion = clip.motion
        by_pose = heads.show(identity, Motion(motion.pose[other], motion.dynamics, motion.fps, SPACE))
        by_dynamics = heads.show(identity, Motion(motion.pose, motion.dynamics[other], motion.fps, SPACE))
        frames = clip.frames
        swapped = Swapped(frames, frames, by_pose, by_dynamics, frames, frames, other, 1, 1)
        own.append(swapped.crosstalk(partial(read, network)))
        seen.append(swapped.crosstalk(reader))
        jaw.append(swapped.crosstalk(partial(jaw_alone, reader)))
        pose, dynamics = reader(frames)
        poses.append(turn(pose - true_pose(clip)))
        acted.append((dynamics, motion.dynamics))
    quality = dict.fromkeys(QUALITY, nan) | {"shown": mean(poses)}
    moves = (percent(part) for part in (own, seen, jaw))
    return Figures(quality, together(acted), [nan] * len(DYNAMICS), *moves)


def jaw_alone(reader: SyntheticReader, pictures: Tensor) -> tuple[Tensor, Tensor]:
    """Pose (T, 6) and jaw (T, 1) that the reader sees."""
    pose, dynamics = reader(pictures)
    return pose, dynamics[:, [DYNAMICS.index("jaw")]]


def together(pairs: list[tuple[Tensor, Tensor]]) -> list[float]:
    """Correlations of what is seen in all clips with the truth."""
    seen, truth = (torch.cat([part.cpu() for part in parts]) for parts in zip(*pairs, strict=True))
    return correlation(seen, truth).tolist()


def percent(moves: list[Tensor]) -> dict[str, float]:
    """Cross-talk (4, 2) of all clips, in per cent."""
    moved, apart = torch.stack(moves).mean(0).unbind(1)
    return dict(zip(CROSSTALK, (100 * moved / apart).tolist(), strict=True))


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
    parser.add_argument("--reader", type=Path, required=True, help="reader of synthetic heads")
    parser.add_argument("--judge", type=Path, help="recognition network of synthetic heads")
    parser.add_argument("--sheet", type=Path, help="picture file for what the first training makes")
    parser.add_argument("--device", default="auto")
    options = parser.parse_args()
    found = torch.accelerator.current_accelerator() if torch.accelerator.is_available() else torch.device("cpu")
    device = found if options.device == "auto" else torch.device(options.device)
    judge = load_recognition(options.judge).to(device) if options.judge else None
    reader, figures = load_reader(options.reader).to(device), {}
    for number, path in enumerate(options.settings):
        settings = read_settings(path, FaceSettings)
        network = load_face_network(Path(settings.output) / "face.safetensors").network.to(device)
        count = settings.identities
        preset, seed = network.preset, settings.recipe.seed
        heads = SyntheticHeads(count + HELD_OUT, preset.size, seed, device, reach=preset.reach)
        figures[path.stem] = measure(network, heads, range(count, count + HELD_OUT), reader, judge)
        if number == 0:
            renderer = measure_renderer(network, heads, range(count, count + HELD_OUT), reader)
            if options.sheet:
                rows = contact_sheet(network, heads, range(count, count + SHOWN))
                larger = [row.repeat_interleave(LARGER, 2).repeat_interleave(LARGER, 3) for row in rows]
                save_sheet(options.sheet, larger)
    figures["the renderer itself"] = renderer
    print(f"{HELD_OUT} held-out identities, {FRAMES} frames each, on {device}")
    print_table(list(QUALITY.values()), {name: [f.quality[k] for k in QUALITY] for name, f in figures.items()}, 2)
    of_both = {name: [*f.acted, *f.carried] for name, f in figures.items()}
    print_table([*DYNAMICS, *(f"{name}, carried over" for name in DYNAMICS)], of_both, 2)
    for by, of in (("own encoders", "own"), ("the reader", "seen"), ("the reader, the jaw alone", "jaw")):
        print(f"\nCross-talk in per cent, read by {by}")
        print_table(
            list(CROSSTALK.values()), {n: [getattr(f, of)[k] for k in CROSSTALK] for n, f in figures.items()}, 1
        )


def print_table(columns: list[str], rows: dict[str, list[float]], digits: int) -> None:
    """As Markdown; what was not measured is a dash."""
    print(f"\n| settings | {' | '.join(columns)} |\n|{'---|' * (len(columns) + 1)}")
    for name, values in rows.items():
        print(f"| {name} | {' | '.join('-' if isnan(v) else f'{v:.{digits}f}' for v in values)} |", flush=True)


if __name__ == "__main__":
    main()
