"""What a motion model trained on synthetic talkers makes a portrait do, with voices and heads that it never met.

python -m vasa_core train motion benchmarks/motion_settings/mini.json
python benchmarks/synthetic_reader.py training/reader.safetensors
python benchmarks/motion_stage.py benchmarks/motion_settings/mini.json --reader training/reader.safetensors
    [--sheet SHEET.jpg]

A calm portrait of each held-out talker gets its voice. The motion that is sampled, at default settings, becomes
frames by the face network of the settings; what these show is told by the reader (see synthetic_reader.py), which took
no part in any of the trainings.

Lips: how the jaw and the width that are seen correlate with those behind the voice, at which lag of the frames the jaw
does so best, and the same with the voice of the talker before, which is chance. As a bound, frames made from motion
that was read off the talker's own film. Controls: the direction of gaze asked for against the one seen (the eyes with
the head, main direction of a clip), beside what asking for nothing would give; distance likewise; and how much more a
happy face smiles. Head: mean turn from frame to frame.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from math import degrees, log
from pathlib import Path
from statistics import mean

import torch
from torch import Tensor

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks.synthetic_reader import SyntheticReader, correlation, load_reader  # noqa: E402
from vasa_core.audio import load_audio_encoder  # noqa: E402
from vasa_core.faces.vasa.files import load_face_network  # noqa: E402
from vasa_core.faces.vasa.framing import middle  # noqa: E402
from vasa_core.faces.vasa.model import VasaFaceModel  # noqa: E402
from vasa_core.faces.vasa.portrait import VasaPortrait  # noqa: E402
from vasa_core.motion.labels import main_direction  # noqa: E402
from vasa_core.motion.model import MotionModel, load_motion_model  # noqa: E402
from vasa_core.pipeline import anchor, counted_from_calm, speak  # noqa: E402
from vasa_core.train.contact_sheet import save_sheet  # noqa: E402
from vasa_core.train.latent_stage import MotionSettings  # noqa: E402
from vasa_core.train.procedural_head import DYNAMICS, SPACE  # noqa: E402
from vasa_core.train.settings import read_settings  # noqa: E402
from vasa_core.train.synthetic import SyntheticHeads  # noqa: E402
from vasa_core.train.talkers import GAZE, SyntheticTalkers  # noqa: E402
from vasa_core.types import EMOTIONS, AudioEncoder, Controls, Curve, FaceCrop, Motion  # noqa: E402

FIRST, HELD_OUT = 2000, 16  # identities that neither stage was trained on
CHUNK, LAGS, LARGER = 16, range(-4, 5), 3
DIRECTIONS = ((-0.2, 0.0), (0.2, 0.0), (0.0, -0.1), (0.0, 0.1))  # yaw, pitch in radians
DISTANCES = (0.9, 1.1)
SHOWN = range(30, 150, 15)  # frames on the sheet
JAW, WIDE, SMILE = (DYNAMICS.index(name) for name in ("jaw", "wide", "smile"))


class Stage:
    """A trained motion model with its face and its hearing, and the reader of what it shows."""

    def __init__(self, settings: MotionSettings, reader: SyntheticReader) -> None:
        self.face: VasaFaceModel = load_face_network(settings.face)
        self.motion: MotionModel = load_motion_model(Path(settings.output) / "motion.safetensors")
        self.encoder: AudioEncoder = load_audio_encoder(settings.audio_encoder)
        self.reader = reader
        self.talkers = SyntheticTalkers(Path("unused"), 0, settings.size, seed=settings.recipe.seed)

    def portrait(self, identity: int) -> VasaPortrait:
        """A calm head, in a crop as the face network frames it."""
        preset = self.face.network.preset
        heads = SyntheticHeads(1, preset.size, self.talkers.seed, first=identity, reach=preset.reach)
        calm = torch.zeros(1, 6)
        calm[0, 5] = -log(preset.reach)
        image = heads.show(0, Motion(calm, torch.zeros(1, len(DYNAMICS)), 25.0, SPACE))[0]
        return self.face.encode(FaceCrop(image, torch.zeros(478, 3), torch.eye(3), (preset.size, preset.size)))

    def say(self, name: str, controls: Controls | None = None) -> Motion:
        """Motion sampled for the voice of a talker."""
        return speak(self.motion, self.encoder, self.talkers.clip(name).audio, controls)

    def filmed(self, name: str) -> Motion:
        """Motion read off a talker's film."""
        clip = self.talkers.clip(name)
        return counted_from_calm(self.face.reader.read(clip.frames().float() / 255, clip.fps))

    def frames(self, portrait: VasaPortrait, motion: Motion) -> Tensor:
        """(T, 3, S, S) at the network's own size."""
        placed = anchor(motion, portrait.rest)
        parts = zip(placed.pose.split(CHUNK), placed.dynamics.split(CHUNK), strict=True)
        return torch.cat([self.face.network.decode(portrait.volume, portrait.identity, p, d) for p, d in parts])

    def seen(self, portrait: VasaPortrait, motion: Motion) -> tuple[Tensor, Tensor]:
        """Pose (T, 6) and dynamics (T, 7) that the frames show."""
        return self.reader(self.frames(portrait, motion))


def gaze_of(pose: Tensor, dynamics: Tensor) -> Tensor:
    """(2,) main yaw and pitch relative to the camera, radians."""
    return main_direction(dynamics[:, -2:] * GAZE + pose[:, [1, 0]])


@torch.no_grad()
def lips(stage: Stage, names: list[str], portraits: list[VasaPortrait]) -> dict[str, str]:
    """Correlations of what is seen with the truth."""
    truth = [stage.talkers.take(name).motion.dynamics for name in names]
    spoken, filmed = (
        [stage.seen(p, f(n))[1] for n, p in zip(names, portraits, strict=True)] for f in (stage.say, stage.filmed)
    )

    def compared(seen: list[Tensor], true: list[Tensor], lag: int = 0) -> list[float]:
        pairs = [(s.roll(-lag, 0)[4:-4], t[4:-4]) for s, t in zip(seen, true, strict=True)]
        return correlation(*(torch.cat(part) for part in zip(*pairs, strict=True)))[[JAW, WIDE]].tolist()

    lags = {lag: compared(spoken, truth, lag)[0] for lag in LAGS}
    rows = {"its own voice": compared(spoken, truth), "the voice before": compared(spoken, truth[1:] + truth[:1])}
    rows["motion of its film"] = compared(filmed, truth)
    told = {f"jaw and width, r, {name}": f"{jaw:.2f}, {wide:.2f}" for name, (jaw, wide) in rows.items()}
    return told | {"lag of the jaw, frames": str(max(lags, key=lags.get))}


@torch.no_grad()
def controls(stage: Stage, names: list[str], portraits: list[VasaPortrait]) -> dict[str, str]:
    """Errors of what is seen against what was asked for."""
    errors, idle, far, smiles, turns, true_turns = [], [], [], [], [], []
    for number, (name, portrait) in enumerate(zip(names, portraits, strict=True)):
        still_pose, _ = stage.reader(stage.frames(portrait, replace(portrait.rest, pose=torch.zeros(1, 6))))
        plain_motion = stage.say(name)
        pose, dynamics = stage.seen(portrait, plain_motion)
        asked = torch.tensor(DIRECTIONS[number % len(DIRECTIONS)])
        seen = stage.seen(portrait, stage.say(name, Controls(gaze=Curve.constant(*asked.tolist()))))
        errors.append(degrees(float((gaze_of(*seen) - asked).norm())))
        idle.append(degrees(float((gaze_of(pose, dynamics) - asked).norm())))
        wish = DISTANCES[number % len(DISTANCES)]
        near_pose, _ = stage.seen(portrait, stage.say(name, Controls(distance=Curve.constant(wish))))
        far.append(abs(float((near_pose[:, 5] - still_pose[:, 5]).median()) + log(wish)))
        happy = [float(emotion == "happiness") for emotion in EMOTIONS]
        smiling = stage.seen(portrait, stage.say(name, Controls(emotion=Curve.constant(*happy))))[1]
        smiles.append(float((smiling - dynamics)[:, SMILE].mean()))
        turns.append(degrees(float(plain_motion.pose[:, :3].diff(dim=0).abs().mean())))
        true_turns.append(degrees(float(stage.talkers.take(name).motion.pose[:, :3].diff(dim=0).abs().mean())))
    wished = mean(abs(log(d)) for d in DISTANCES)
    return {
        "gaze, error in degrees (asked for nothing)": f"{mean(errors):.1f} ({mean(idle):.1f})",
        "distance, error in per cent (no change)": f"{100 * mean(far):.1f} ({100 * wished:.1f})",
        "smile of happiness over none, of 2": f"{mean(smiles):.2f}",
        "turn of the head a frame, degrees (talkers)": f"{mean(turns):.2f} ({mean(true_turns):.2f})",
    }


@torch.no_grad()
def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("settings", type=Path, help="of the training, whose output is there")
    parser.add_argument("--reader", type=Path, required=True, help="reader of synthetic heads")
    parser.add_argument("--sheet", type=Path, help="picture file: talkers, and portraits that got their voices")
    options = parser.parse_args()
    stage = Stage(read_settings(options.settings, MotionSettings), load_reader(options.reader))
    names = [f"{FIRST + k:05d}-000" for k in range(HELD_OUT)]
    portraits = [stage.portrait(FIRST + k) for k in range(HELD_OUT)]
    print(f"{HELD_OUT} held-out talkers, {stage.talkers.seconds:g} s each\n\n| what | seen |\n|---|---|")
    for part in (lips, controls):
        for what, figure in part(stage, names, portraits).items():
            print(f"| {what} | {figure} |", flush=True)
    if options.sheet:
        rows = []
        for name, portrait in list(zip(names, portraits, strict=True))[:3]:
            film = stage.talkers.clip(name).frames()[list(SHOWN)].float() / 255
            rows += [
                middle(film, stage.face.network.preset.reach),
                stage.frames(portrait, stage.say(name))[list(SHOWN)],
            ]
        save_sheet(options.sheet, [enlarged(row, rows[1].shape[-1] * LARGER) for row in rows])


def enlarged(row: Tensor, side: int) -> Tensor:
    """(B, 3, side, side)."""
    return torch.nn.functional.interpolate(row, (side, side), mode="bilinear", antialias=True).clamp(0, 1)


if __name__ == "__main__":
    main()
