"""JoyVASA's sampling: ours against the published graph, both with the weights of the recorded outputs, taking turns.

    python benchmarks/joyvasa_speed.py [--rounds 5] [--threads 1] [--device cpu] [--out benchmarks/results/joyvasa.json]

One window of 100 frames (4 s), 50 steps, guidance 2.8. Times are the smallest of all rounds, by the clock and, on the
CPU, by processor time, which other work on the machine disturbs less. The largest error is against the recorded output
of the published code, as a share of the largest value. Needs the recorded outputs (see tests/goldens.py).
"""

import argparse
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks.joyvasa_eager import load_eager, sample_eager  # noqa: E402
from benchmarks.speed import _name_of, timed  # noqa: E402
from tests.goldens import golden, goldens_folder, rule_data  # noqa: E402
from tests.motion.joyvasa_kit import released_tensors  # noqa: E402
from vasa_core.audio.hubert import hear_frames  # noqa: E402
from vasa_core.motion.joyvasa.checkpoint import parts_from_tensors  # noqa: E402
from vasa_core.motion.joyvasa.diffusion import sample  # noqa: E402
from vasa_core.motion.joyvasa.options import JoyVasaOptions  # noqa: E402

GUIDANCE, FRAMES = 2.8, 100
STEPS = (50, 25, 10)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks/results/joyvasa.json")
    options = parser.parse_args()
    if goldens_folder() is None:
        print("The recorded outputs are not here (see tests/goldens.py): nothing to measure.")
        return
    torch.set_num_threads(options.threads)
    device = torch.device(options.device)
    tensors = {key: value.to(device) for key, value in released_tensors().items()}
    denoiser, hearing = (part.to(device).eval() for part in parts_from_tensors(tensors, "the rule", JoyVasaOptions()))
    eager = load_eager(tensors).to(device)
    audio = golden("joyvasa_audio")["audio_feat"].to(device)
    expected = golden("joyvasa_denoiser")["sample_pe_released"][0]
    sound = golden("joyvasa_audio")["wav"].float()[None, : FRAMES * 640].to(device)

    draws = [rule_data(f"noise/w0/{k}", (1, FRAMES, 73)).to(device) for k in range(max(STEPS))]

    @torch.no_grad()
    def ours(steps: int) -> Tensor:
        heard = torch.cat([denoiser.no_audio.expand_as(audio), audio])
        prepared = denoiser.prepare(denoiser.start_motion, denoiser.start_audio, heard)
        noise = iter(draws)
        return sample(denoiser, prepared, next(noise)[0], lambda: next(noise)[0], steps, GUIDANCE)

    works: dict[str, Callable[[], Tensor]] = {
        "published graph, 50 steps": lambda: sample_eager(eager, tensors, audio, iter(draws).__next__, GUIDANCE)[0],
        **{f"ours, {steps} steps": lambda steps=steps: ours(steps) for steps in STEPS},
        "HuBERT, 4 s of sound": lambda: hear_frames(hearing.network, sound, FRAMES),
    }
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in works}
    errors = {}
    for round_number in range(options.rounds + 1):
        for name, work in works.items():
            result, wall, processor = timed(work, device)
            if round_number == 0:  # to warm up
                if "50 steps" in name:
                    errors[name] = float((result.cpu() - expected).abs().max() / expected.abs().max())
            else:
                times[name].append((wall, processor))
    rows = {
        name: {"wall_ms": 1e3 * min(wall for wall, _ in runs), "processor_ms": 1e3 * min(cpu for _, cpu in runs)}
        for name, runs in times.items()
    }
    for name, row in rows.items():
        error = f", largest error {errors[name]:.1e}" if name in errors else ""
        print(f"{name:28} {row['wall_ms']:8.0f} ms by the clock, {row['processor_ms']:8.0f} ms of processor{error}")
    first, second = (rows[f"{name}, 50 steps"] for name in ("published graph", "ours"))
    kind = "processor_ms" if device.type == "cpu" else "wall_ms"
    print(f"ours is {first[kind] / second[kind]:.2f} times as fast as the published graph ({kind})")
    told = {
        "machine": _name_of(device),
        "cores": os.cpu_count(),
        "threads": options.threads,
        "torch": torch.__version__,
        "rounds": options.rounds,
        "rows": rows,
        "errors": errors,
        "times_as_fast": first[kind] / second[kind],
    }
    options.out.write_text(json.dumps(told, indent=1) + "\n")


if __name__ == "__main__":
    main()
