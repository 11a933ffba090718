"""How many windows a second the motion stage learns from: presets of the denoiser on a code of the paper's size.

    python benchmarks/motion_training_speed.py [--threads 1] [--device cpu] [--batch 8] [--out FILE.json]

Clips are made up, of 10 seconds each, with features of 768 channels as Wav2Vec2's; they are read from disk, labelled
and cut as in a training. On a machine with other work processor time with --threads 1 says more than the clock.
"""

import argparse
import json
import os
import sys
import tempfile
import time
from pathlib import Path

import torch

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks.speed import _name_of  # noqa: E402
from vasa_core.faces.vasa.presets import PRESETS as FACE_PRESETS  # noqa: E402
from vasa_core.train.extraction import FEATURES, MOTION, ReadClip  # noqa: E402
from vasa_core.train.latent_stage import latent_loss, new_latent_model  # noqa: E402
from vasa_core.train.latent_windows import LatentWindows, Withheld  # noqa: E402
from vasa_core.train.loop import Recipe, averaged, train  # noqa: E402
from vasa_core.types import MotionSpace  # noqa: E402
from vasa_core.weights import checkpoint  # noqa: E402

CLIPS, FRAMES, FEATURE_CHANNELS = 60, 250, 768
SPACE = MotionSpace("made-up", FACE_PRESETS["paper"].dynamics)


def made_up_clips(folder: Path) -> list[ReadClip]:
    """Files as extraction writes them, of smooth random numbers."""
    generator, clips = torch.Generator().manual_seed(0), []
    for number in range(CLIPS):
        motion, features = folder / f"{number}.motion.safetensors", folder / f"{number}.features.safetensors"
        walk = 0.1 * torch.randn(FRAMES, SPACE.width, generator=generator).cumsum(0)
        gaze = 0.02 * torch.randn(FRAMES, 2, generator=generator)
        checkpoint.save(motion, {"motion": walk - walk.mean(0), "gaze": gaze, "emotion": torch.zeros(8)}, MOTION)
        heard = torch.randn(FRAMES, FEATURE_CHANNELS, generator=generator).half()
        checkpoint.save(features, {"features": heard}, FEATURES)
        clips.append(ReadClip(motion, features, FRAMES))
    return clips


def measured(preset: str, windows: LatentWindows, batch: int, steps: int, device: torch.device, folder: Path) -> dict:
    """Windows a second, by the clock and by processor time, of `steps` training steps after two to warm up."""
    model = new_latent_model(windows, SPACE, "wav2vec2-768", preset, 0)
    channels = averaged(model.channels)
    model.to(device)

    def losses(step: int, generator: torch.Generator) -> dict:
        return latent_loss(model, windows.batch(batch, channels, generator), 1.0, generator)

    recipe = Recipe(steps=steps + 2, save_every=10**9)
    times = []
    for _ in train(model, averaged(model), losses, recipe, folder / f"{preset}.state"):
        times.append((time.perf_counter(), time.process_time()))
    wall, processor = (times[-2][k] - times[1][k] for k in (0, 1))  # the last step also writes the state
    count = (steps - 1) * batch
    return {
        "parameters": sum(p.numel() for p in model.denoiser.parameters()),
        "windows_per_second": round(count / wall, 1),
        "windows_per_processor_second": round(count / processor, 1),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--steps", type=int, default=4)
    parser.add_argument("--presets", nargs="+", default=["starter", "paper"])
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks" / "results" / "motion_training_speed.json")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    device = torch.device(options.device)
    result = {"device": _name_of(device), "threads": options.threads, "batch": options.batch, "steps": options.steps,
              "load_average": round(os.getloadavg()[0], 1), "code": SPACE.dynamics}  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        windows = LatentWindows(made_up_clips(Path(folder)), Withheld())
        begin = time.process_time()
        windows.examples(200, torch.Generator().manual_seed(0))
        result["reading_windows_per_processor_second"] = round(200 / (time.process_time() - begin))
        for preset in options.presets:
            result[preset] = measured(preset, windows, options.batch, options.steps, device, Path(folder))
    options.out.write_text(json.dumps(result, indent=1) + "\n")
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
