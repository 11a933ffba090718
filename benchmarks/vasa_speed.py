"""Speed of the paper's own networks, face and motion, on whatever device is there. What weights hold does not change
it, so they are random here: nothing that this makes is shown.

    python benchmarks/vasa_speed.py [--presets paper small] [--batches 1 4 16] [--steps 10 50] [--rounds 3]
                                    [--device auto] [--half] [--threads 2]

Frames decoded in a second, at one portrait, and where that time goes; seconds for a window of 50 frames of motion
(2 seconds of video) with guidance, in one batch of three, at the 'paper' preset of the denoiser; and the time from two
seconds of sound to the first frame. On a busy machine the clock tells of the other work, too; processor time, the busy
milliseconds in the tables and in brackets, with --threads 1 hardly does.
"""

from __future__ import annotations

import argparse
import platform
import sys
import time
from collections.abc import Callable
from pathlib import Path

import torch

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from vasa_core.audio import load_audio_encoder  # noqa: E402
from vasa_core.faces.vasa import warping  # noqa: E402
from vasa_core.faces.vasa.layers import fold  # noqa: E402
from vasa_core.faces.vasa.network import EncodedFace, FaceNetwork  # noqa: E402
from vasa_core.faces.vasa.presets import PRESETS  # noqa: E402
from vasa_core.motion.conditions import WINDOW  # noqa: E402
from vasa_core.motion.generate import Sampling, generate  # noqa: E402
from vasa_core.motion.model import FPS, MotionModel  # noqa: E402
from vasa_core.types import Audio, AudioFeatures, Controls, MotionSpace  # noqa: E402

SOUND_RATE = 16000


class Timer:
    """Seconds by the clock, and seconds busy, of a call: the best of `rounds`, after one to warm up.

    Busy is processor time on a CPU, where other work may slow the clock, and the clock elsewhere.
    """

    def __init__(self, device: torch.device, rounds: int) -> None:
        self.rounds, self.on_cpu = rounds, device.type == "cpu"

    @torch.inference_mode()
    def __call__(self, work: Callable) -> tuple[float, float]:
        times = []
        for _ in range(1 + self.rounds):
            wall, processor = time.perf_counter(), time.process_time()
            work()
            if not self.on_cpu:
                torch.accelerator.synchronize()
            wall, processor = time.perf_counter() - wall, time.process_time() - processor
            times.append((wall, processor if self.on_cpu else wall))
        walls, busy = zip(*times[1:], strict=True)
        return min(walls), min(busy)


def face_network(name: str, device: torch.device, dtype: torch.dtype) -> FaceNetwork:
    """A network of random weights, simplified as a loaded one is."""
    return fold(FaceNetwork(PRESETS[name])).eval().requires_grad_(False).to(device, dtype)


def face_speed(name: str, batches: list[int], device: torch.device, dtype: torch.dtype, timer: Timer) -> None:
    """Print what encoding takes, and for each batch frames in a second and the share of each part."""
    network = face_network(name, device, dtype)
    picture = torch.rand(1, 3, network.preset.size, network.preset.size, device=device, dtype=dtype)
    with torch.inference_mode():
        face = network.encode(picture)
    wall, busy = timer(lambda: network.encode(picture))
    millions = sum(p.numel() for p in network.parameters()) / 1e6
    print(f"\nface '{name}', {millions:.1f} M parameters, {network.preset.size} pixels")
    print(f"encode {1000 * wall:.0f} ms ({1000 * busy:.0f} ms)\n")
    print("| batch | frames/s | busy ms a frame | warp field, % | sampling, % | 2D decoder, % |")
    print("|---|---|---|---|---|---|")
    for batch in batches:
        print(f"| {batch} | {' | '.join(decode_speed(network, face, batch, timer))} |", flush=True)


def decode_speed(network: FaceNetwork, face: EncodedFace, batch: int, timer: Timer) -> list[str]:
    """Frames in a second, busy milliseconds of each, and the shares of warp field, sampling and 2D decoder."""
    pose, dynamics = face.pose.expand(batch, -1), face.dynamics.expand(batch, -1)
    identity, volume = face.identity.expand(batch, -1), face.volume.expand(batch, -1, -1, -1, -1)
    with torch.inference_mode():
        field = network.target_warp(identity, pose, dynamics)
        posed = warping.to_pose(volume, pose, field)
    wall, busy = timer(lambda: network.decode(face.volume, face.identity, pose, dynamics))
    parts = [
        timer(lambda: network.target_warp(identity, pose, dynamics))[1],
        timer(lambda: warping.to_pose(volume, pose, field))[1],
        timer(lambda: network.decoder(posed))[1],
    ]
    return [f"{batch / wall:.2f}", f"{1000 * busy / batch:.1f}", *(f"{100 * p / sum(parts):.0f}" for p in parts)]


def motion_speed(steps: list[int], device: torch.device, timer: Timer) -> None:
    """Print what a window with guidance takes, and each further step of it."""
    model, features = motion_model(device)
    print("\nmotion 'paper' (8 layers, width 512), one window of 50 frames with guidance, three variants in a batch\n")
    print("| steps | ms | busy ms | busy ms in a second of video |\n|---|---|---|---|")
    found = []
    for count in steps:
        sampling = Sampling(steps=count, cfg_audio=0.5, cfg_gaze=1.0)
        wall, busy = timer(lambda s=sampling: generate(model, features, Controls(), s, seed()))
        print(f"| {count} | {1000 * wall:.0f} | {1000 * busy:.0f} | {1000 * busy * FPS / WINDOW:.0f} |", flush=True)
        found.append(busy)
    if len(steps) > 1:
        each = (found[-1] - found[0]) / (steps[-1] - steps[0])
        print(f"\na step takes {1000 * each:.1f} ms, all else in a window {1000 * (found[0] - steps[0] * each):.1f} ms")


def first_frame(name: str, steps: int, device: torch.device, dtype: torch.dtype, timer: Timer) -> None:
    """Print the time from sound to the first frame, stage by stage."""
    (model, features), encoder = motion_model(device), load_audio_encoder("phonetic").to(device)
    network = face_network(name, device, dtype)
    size = network.preset.size
    with torch.inference_mode():
        face = network.encode(torch.rand(1, 3, size, size, device=device, dtype=dtype))
    sound = Audio(0.1 * torch.randn(int(SOUND_RATE * WINDOW / FPS), generator=seed()), SOUND_RATE)
    sampling = Sampling(steps=steps, cfg_audio=0.5, cfg_gaze=1.0)
    stages = {
        "hearing": lambda: encoder(sound, WINDOW, FPS),
        f"motion at {steps} steps": lambda: generate(model, features, Controls(), sampling, seed()),
        f"face '{name}'": lambda: network.decode(face.volume, face.identity, face.pose, face.dynamics),
    }
    times = {stage: timer(work) for stage, work in stages.items()}
    told = ", ".join(f"{stage} {1000 * wall:.0f} ms ({1000 * busy:.0f})" for stage, (wall, busy) in times.items())
    print(f"\nfirst frame after {1000 * sum(wall for wall, _ in times.values()):.0f} ms: {told}", flush=True)


def motion_model(device: torch.device) -> tuple[MotionModel, AudioFeatures]:
    """The paper's size with random weights, and a window of sound's features for it."""
    torch.manual_seed(0)
    channels = load_audio_encoder("phonetic").channels
    space = MotionSpace("vasa", PRESETS["paper"].dynamics)
    model = MotionModel(space, "phonetic", channels, "paper").eval().requires_grad_(False).to(device)
    return model, AudioFeatures(torch.randn(WINDOW, channels), FPS, "phonetic")


def seed() -> torch.Generator:
    return torch.Generator().manual_seed(0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--presets", nargs="+", choices=sorted(PRESETS), default=["paper", "small"])
    parser.add_argument("--batches", nargs="+", type=int, default=[1, 4, 16])
    parser.add_argument("--steps", nargs="+", type=int, default=[10, 50])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--half", action="store_true", help="the face network in bfloat16")
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    found = torch.accelerator.current_accelerator() if torch.accelerator.is_available() else torch.device("cpu")
    device = found if options.device == "auto" else torch.device(options.device)
    dtype = torch.bfloat16 if options.half else torch.float32
    name = platform.machine() if device.type == "cpu" else torch.get_device_module(device).get_device_name()
    print(f"{device} ({name}), {dtype}, {options.threads} threads, torch {torch.__version__}", flush=True)
    timer = Timer(device, options.rounds)
    motion_speed(options.steps, device, timer)
    for preset in options.presets:
        face_speed(preset, options.batches, device, dtype, timer)
        first_frame(preset, options.steps[0], device, dtype, timer)


if __name__ == "__main__":
    main()
