"""Memory of a long render: the peak of a process that makes a talking video of 120 s less that of one of 10 s.

    python benchmarks/memory.py [--seconds 10 120] [--out benchmarks/results/memory.json]

Each video is made from the bundled portrait and speech (repeated) by the command line, in a process of its own.
"""

import argparse
import json
import os
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
PORTRAIT, SPEECH = ROOT / "assets" / "astronaut.png", ROOT / "assets" / "speech.wav"
LIMIT = 200  # MB


def peak_of_talk(seconds: float, steps: int) -> float:
    """Peak resident memory in MB of a child process that makes a video of `seconds`."""
    child = os.fork()
    if child == 0:
        os._exit(_talk(seconds, steps))
    _, status, usage = os.wait4(child, 0)
    if status:
        sys.exit(f"The render of {seconds} s failed.")
    return usage.ru_maxrss / (1024 if sys.platform != "darwin" else 1024**2)


def _talk(seconds: float, steps: int) -> int:
    import torch

    from vasa_core.cli import main
    from vasa_core.media.read import read_waveform

    waveform, rate = read_waveform(SPEECH)
    repeats = int(seconds * rate / waveform.shape[1]) + 1
    waveform = waveform.repeat(1, repeats)[:, : int(seconds * rate)]
    with tempfile.TemporaryDirectory() as folder:
        _write_wave(Path(folder) / "speech.wav", waveform.mul(32767).to(torch.int16).numpy(), rate)
        del waveform
        files = [str(PORTRAIT), str(Path(folder) / "speech.wav"), "-o", str(Path(folder) / "talk.mp4")]
        return main(["talk", *files, "--steps", str(steps), "--device", "cpu"])


def _write_wave(path: Path, samples, rate: int) -> None:
    import wave

    with wave.open(str(path), "wb") as file:
        file.setnchannels(samples.shape[0])
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(samples.T.tobytes())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, nargs=2, default=(10.0, 120.0))
    parser.add_argument("--steps", type=int, default=10)
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks" / "results" / "memory.json")
    options = parser.parse_args()
    short, long = (peak_of_talk(seconds, options.steps) for seconds in options.seconds)
    result = {
        "seconds": list(options.seconds),
        "peak_MB": [round(short), round(long)],
        "difference_MB": round(long - short),
        "limit_MB": LIMIT,
    }
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps(result, indent=1) + "\n")
    print(json.dumps(result))
    sys.exit(long - short > LIMIT)


if __name__ == "__main__":
    main()
