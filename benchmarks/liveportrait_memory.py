"""Memory of LivePortrait and JoyVASA: of a long video above a short one, and of what a batch of frames takes.

    python benchmarks/liveportrait_memory.py [--models FOLDER] [--seconds 5 60] [--steps 4] [--out FILE]

Growth: the peak of a process that makes a talking video of 60 s less that of one of 5 s. A minute of frames takes hours
on a CPU, so the two networks that paint them, whose memory does not depend on the length, are replaced by cheap ones of
equal inputs and outputs. All else is real: both models' files, hearing, sampling, keypoints, stitching, conversion to
bytes, video file. Working: the peak of a process that paints frames with the real networks, over its own before (on
Linux).

--models: a folder with the released files (see `python -m vasa_core models`); without it weights by the rule of the
recorded outputs are written into a temporary folder.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
from tests.goldens import goldens_folder, rule_weights  # noqa: E402

PORTRAIT, SPEECH = ROOT / "assets" / "astronaut.png", ROOT / "assets" / "speech.wav"
LIMIT = 300  # MB


def in_child(work: Callable[[], float | None]) -> float:
    """What `work` returns in a process of its own, or the peak memory of that process in MB."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(read)
        told = work()
        os.write(write, repr(peak() if told is None else told).encode())
        os._exit(0)
    os.close(write)
    with os.fdopen(read) as answer:
        text = answer.read()
    _, status = os.waitpid(child, 0)
    if status or not text:
        sys.exit("The measured process failed.")
    return float(text)


def peak() -> float:
    """Peak resident memory of this process in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1024 if sys.platform != "darwin" else 1024**2)


def talk(models: Path, seconds: float, steps: int) -> None:
    """A talking video of `seconds`, its frames painted by stand-ins."""
    import torch
    import torch.nn.functional as F
    from torch import nn

    from benchmarks.memory import _write_wave
    from vasa_core import cli
    from vasa_core.faces import load_face_model
    from vasa_core.media.read import read_waveform

    class Warping(nn.Linear):
        def forward(self, volume, driven, start):
            feature = volume.flatten(1, 2)[:, :256] * driven.mean(dim=(1, 2)).view(-1, 1, 1, 1)
            return SimpleNamespace(feature=feature)  # (B, 256, 64, 64)

    class Generator(nn.Linear):
        def forward(self, feature):
            return F.interpolate(feature[:, :3], (512, 512)).sigmoid()  # (B, 3, 512, 512)

    def load(name: str, files=None):
        model = load_face_model(name, files)
        model.network.warping, model.network.generator = Warping(1, 1), Generator(1, 1)
        return model

    cli.load_face_model = load
    os.environ["VASA_MODELS"] = str(models)
    waveform, rate = read_waveform(SPEECH)
    waveform = waveform.repeat(1, int(seconds * rate / waveform.shape[1]) + 1)[:, : int(seconds * rate)]
    with tempfile.TemporaryDirectory() as folder:
        _write_wave(Path(folder) / "speech.wav", waveform.mul(32767).to(torch.int16).numpy(), rate)
        files = [str(PORTRAIT), str(Path(folder) / "speech.wav"), "-o", str(Path(folder) / "talk.mp4")]
        which = ["--face", "liveportrait", "--motion", "joyvasa", "--steps", str(steps), "--device", "cpu"]
        if cli.main(["talk", *files, *which]):
            os._exit(1)


def paint(models: Path, frames: int) -> float:
    """MB above what the loaded model and its portrait take, while `frames` frames are painted at once."""
    from dataclasses import replace

    from vasa_core.faces import load_face_model
    from vasa_core.media.read import read_image
    from vasa_core.vision.crop import crop_face
    from vasa_core.vision.model import load_vision

    model = load_face_model("liveportrait", models / "liveportrait")
    portrait = model.encode(crop_face(load_vision(), read_image(PORTRAIT), framing=model.framing))
    rest = portrait.rest
    motion = replace(rest, pose=rest.pose.repeat(frames, 1), dynamics=rest.dynamics.repeat(frames, 1))
    Path("/proc/self/clear_refs").write_text("5")  # forget the peak of loading
    before = resident("VmRSS")
    model.decode_uint8(portrait, motion)
    return resident("VmHWM") - before


def resident(what: str) -> float:
    """Resident memory in MB now (VmRSS) or at its peak (VmHWM), as Linux counts it."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(what)) / 1024


def write_weights(folder: Path) -> None:
    """The released files with weights by the rule."""
    import torch

    from tests.motion.joyvasa_kit import write_released
    from vasa_core.weights.registry import LIVEPORTRAIT

    for name in ("liveportrait", "joyvasa"):
        (folder / name).mkdir(parents=True)
    for file in LIVEPORTRAIT.files:
        torch.save(rule_weights(file.stem), folder / "liveportrait" / file.name)
    write_released(folder / "joyvasa")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--models", type=Path)
    parser.add_argument("--seconds", type=float, nargs=2, default=(5.0, 60.0))
    parser.add_argument("--steps", type=int, default=4, help="of sampling; they do not change the memory")
    parser.add_argument("--frames", type=int, nargs="*", default=[1, 4], help="painted at once by the real networks")
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks" / "results" / "liveportrait_memory.json")
    options = parser.parse_args()
    if options.models is None and goldens_folder() is None:
        print("Left out: the weights' rule is not here. Name a folder of released files with --models.")
        return
    with tempfile.TemporaryDirectory() as temporary:
        models = options.models or Path(temporary)
        if options.models is None:
            in_child(lambda: write_weights(models))
        short, long = (in_child(lambda s=s: talk(models, s, options.steps)) for s in options.seconds)
        result = {
            "seconds": list(options.seconds),
            "peak_MB_with_stand_ins": [round(short), round(long)],
            "difference_MB": round(long - short),
            "limit_MB": LIMIT,
            "frames_at_once": options.frames,
            "working_MB": [round(in_child(lambda n=n: paint(models, n))) for n in options.frames],
        }
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps(result, indent=1) + "\n")
    print(json.dumps(result))
    sys.exit(long - short > LIMIT)


if __name__ == "__main__":
    main()
