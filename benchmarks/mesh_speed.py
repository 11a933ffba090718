"""Speed and exactness of the mesh face model on the bundled astronaut.

    python benchmarks/mesh_speed.py [--frames 48] [--threads 2] [--device cpu]

Prints frames per second including the conversion to uint8 (by the clock), processor milliseconds per frame (summed
over threads; on a busy machine with several threads this counts waiting, so compare with --threads 1), the time to
encode the portrait, and how far the rest motion is from the picture. The motion talks, blinks and turns the head in
every frame.
"""

import argparse
import math
import sys
import time
from pathlib import Path

import torch

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from vasa_core.arkit import ARKIT, INDEX  # noqa: E402
from vasa_core.faces import load_face_model  # noqa: E402
from vasa_core.media.read import read_image  # noqa: E402
from vasa_core.types import Motion, Portrait  # noqa: E402
from vasa_core.vision.crop import crop_face  # noqa: E402
from vasa_core.vision.model import load_vision  # noqa: E402


def lively_motion(portrait: Portrait, frames: int) -> Motion:
    """Speech-like jaw, blinks and sway at 25 frames/s, about the portrait's rest."""
    time_ = torch.arange(frames) / 25.0
    pose, dynamics = portrait.rest.pose.cpu().repeat(frames, 1), torch.zeros(frames, len(INDEX))
    for channel, size, rate in ((0, 0.06, 0.7), (1, 0.15, 0.4), (2, 0.05, 0.3), (3, 0.03, 0.4)):
        pose[:, channel] += size * torch.sin(2 * math.pi * rate * time_ + channel)
    dynamics[:, INDEX["jawOpen"]] = 0.3 + 0.3 * torch.sin(2 * math.pi * 3.5 * time_)
    dynamics[:, INDEX["mouthFunnel"]] = 0.3 + 0.3 * torch.sin(2 * math.pi * 1.3 * time_)
    for side in ("Left", "Right"):
        dynamics[:, INDEX["eyeBlink" + side]] = (torch.sin(2 * math.pi * 0.5 * time_) - 0.8).clamp_min(0) * 5
        dynamics[:, INDEX["mouthSmile" + side]] = 0.2
    return Motion(pose, dynamics, 25.0, ARKIT)


def best(work, repeats: int, device: torch.device) -> tuple[float, float]:
    """Shortest wall and processor seconds of several runs."""
    wait = torch.accelerator.synchronize if device.type != "cpu" else lambda: None
    times = []
    for _ in range(repeats):
        wait()
        wall, processor = time.perf_counter(), time.process_time()
        work()
        wait()
        times.append((time.perf_counter() - wall, time.process_time() - processor))
    return min(t[0] for t in times), min(t[1] for t in times)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--frames", type=int, default=48)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=4)
    parser.add_argument("--device", default="cpu")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    device = torch.device(options.device)
    crop = crop_face(load_vision(), read_image(ROOT / "assets" / "astronaut.png"))
    model = load_face_model("mesh")
    model.network.to(device)
    portrait = model.encode(crop)
    motion = lively_motion(portrait, options.frames)
    model.decode_uint8(portrait, motion[:8])
    wall, processor = best(lambda: model.decode_uint8(portrait, motion), options.repeats, device)
    encode_wall, encode_processor = best(lambda: model.encode(crop), options.repeats, device)
    error = (model.decode(portrait, portrait.rest)[0].cpu() - crop.image).abs().mean() * 255.0
    print(
        f"{options.device}, {options.threads} threads, {options.frames} frames of 512 x 512, best of {options.repeats}"
    )
    print(
        f"decode  {options.frames / wall:7.1f} frames/s   {1000 * processor / options.frames:6.1f} processor ms/frame"
    )
    print(f"encode  {encode_wall:7.2f} s          {1000 * encode_processor:6.0f} processor ms")
    print(f"rest motion differs from the picture by {float(error):.4f} of 255 on average")


if __name__ == "__main__":
    main()
