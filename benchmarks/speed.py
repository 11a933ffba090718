"""Speed of a whole talk, stage by stage: seconds by the clock and of processor time for each second of video, and what
one portrait takes before that.

    python benchmarks/speed.py [--seconds 20] [--threads 2] [--device cpu] [--out benchmarks/results/speed.json]

On a machine with other work the clock tells of that, too; processor time with --threads 1 hardly does (with several
threads it counts their waiting for one another).
"""

import argparse
import json
import os
import platform
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import torch

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from vasa_core.audio import load_audio_encoder  # noqa: E402
from vasa_core.audio.align import frame_count  # noqa: E402
from vasa_core.audio.resample import audio_from_waveform  # noqa: E402
from vasa_core.faces import load_face_model  # noqa: E402
from vasa_core.media.read import read_image, read_waveform  # noqa: E402
from vasa_core.media.write import VideoWriter  # noqa: E402
from vasa_core.motion.generate import Sampling, generate  # noqa: E402
from vasa_core.motion.model import load_motion_model  # noqa: E402
from vasa_core.pipeline import anchor, render  # noqa: E402
from vasa_core.types import Controls  # noqa: E402
from vasa_core.vision.crop import crop_face  # noqa: E402
from vasa_core.vision.model import load_vision  # noqa: E402


def timed(work: Callable, device: torch.device):
    """(result, wall seconds, processor seconds) of `work`; the device is waited for."""
    wait = torch.accelerator.synchronize if device.type != "cpu" else lambda: None
    wait()
    wall, processor = time.perf_counter(), time.process_time()
    result = work()
    wait()
    return result, time.perf_counter() - wall, time.process_time() - processor


def _name_of(device: torch.device) -> str:
    if device.type != "cpu":
        return torch.get_device_module(device).get_device_name()
    cpus = Path("/proc/cpuinfo")
    lines = cpus.read_text().splitlines() if cpus.exists() else []
    names = [line.split(":")[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def _shares(wall: float, processor: float, seconds: float) -> dict[str, float]:
    return {"seconds": round(wall / seconds, 4), "processor_seconds": round(processor / seconds, 4)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--face", default="mesh")
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks" / "results" / "speed.json")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    device = torch.device(options.device)

    picture = read_image(ROOT / "assets" / "astronaut.png").to(device)
    waveform, rate = read_waveform(ROOT / "assets" / "speech.wav")
    waveform = waveform.repeat(1, int(options.seconds * rate / waveform.shape[1]) + 1)
    audio = audio_from_waveform(waveform[:, : int(options.seconds * rate)], rate)
    vision, face_model = load_vision().to(device), load_face_model(options.face)
    face_model.network.to(device)
    model = load_motion_model("starter").to(device)
    encoder = load_audio_encoder(model.encoder).to(device)
    frames = frame_count(audio.duration, model.fps)
    features = motion = portrait = crop = pieces = None

    def find():
        nonlocal crop
        crop = crop_face(vision, picture)

    def encode_portrait():
        nonlocal portrait
        portrait = face_model.encode(crop)

    def hear():
        nonlocal features
        features = encoder(audio, frames, model.fps)

    def sample():
        nonlocal motion
        motion = generate(model, features, Controls(), Sampling(), torch.Generator().manual_seed(0))

    def decode():
        nonlocal pieces
        pieces = [piece.cpu() for piece in render(face_model, portrait, anchor(motion, portrait.rest))]

    def write():
        with tempfile.TemporaryDirectory() as folder, VideoWriter(Path(folder) / "v.mp4", 25, waveform, rate) as writer:
            for piece in pieces:
                writer.write(piece)

    once = {"find the face": find, "encode the portrait": encode_portrait}
    stages = {"audio features": hear, "motion": sample, "frames": decode, "video file": write}
    result = {
        "device": _name_of(device),
        "threads": options.threads,
        "seconds": options.seconds,
        "load_average": round(os.getloadavg()[0], 1),  # above the number of cores, the clock tells of other work, too
        "once": {},
        "each_second_of_video": {},
    }
    for name, work in once.items():
        work()
        _, wall, processor = timed(work, device)
        result["once"][name] = {"seconds": round(wall, 3), "processor_seconds": round(processor, 3)}
    total_wall = total_processor = 0.0
    for name, work in stages.items():
        if name in ("audio features", "motion"):
            work()
        _, wall, processor = timed(work, device)
        total_wall, total_processor = total_wall + wall, total_processor + processor
        result["each_second_of_video"][name] = _shares(wall, processor, options.seconds)
    result["each_second_of_video"]["everything"] = _shares(total_wall, total_processor, options.seconds)
    wall = result["each_second_of_video"]["frames"]["seconds"]
    result["frames_per_second"] = round(25 / wall, 1)
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps(result, indent=1) + "\n")
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
