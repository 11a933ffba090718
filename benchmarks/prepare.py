"""What `train prepare` costs, and whether its check of lips against voice finds sound that was shifted.

    python benchmarks/prepare.py VIDEO... [--size 512]

Prints processor seconds per second of video, bytes per minute of clip, the time to draw a pair of frames, the same
frames as H.264, and the lag that is found for each video with its sound as it is and 8 frames late and early.
"""

from __future__ import annotations

import argparse
import io
import platform
import sys
import tempfile
import time
from fractions import Fraction
from pathlib import Path

import av
import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from vasa_core.audio.phonetic import CURVES
from vasa_core.train.lip_lag import lag_of_sound, lip_opening
from vasa_core.train.preprocess import PrepareSettings, Source, Tools, prepare_video
from vasa_core.train.shards import Clips
from vasa_core.types import Audio

DRAWN = 100  # frames
LATE = 8  # frames of 40 ms


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("videos", nargs="+", type=Path)
    parser.add_argument("--size", type=int, default=512, choices=(256, 512))
    options = parser.parse_args()
    torch.set_num_threads(1)
    settings = PrepareSettings(options.size)
    tools = Tools.load(settings)
    with tempfile.TemporaryDirectory() as folder:
        out, started, seconds = Path(folder), time.process_time(), 0.0
        for number, path in enumerate(options.videos):
            record = prepare_video(Source(path, path.name, path.stem, f"{number}"), out, settings, tools)
            seconds += record.seconds + sum(record.dropped.values())
        spent = time.process_time() - started
        clips = Clips(out)
        kept = sum(place.about.frames for place in clips.places) / 25.0
        size = sum(path.stat().st_size for path in out.glob("*.safetensors"))
        print(f"{processor_name()}, one thread, {options.size} pixels")
        print(f"{spent / seconds:.2f} s of processor time a second of video")
        print(f"{60 * size / kept / 1e6:.0f} MB a minute of clip")
        compare_storage(clips)
        for place in {place.about.source: place for place in clips.places}.values():
            follow_lips(clips, place.about.source, tools)


def processor_name() -> str:
    """What this runs on."""
    cpus = Path("/proc/cpuinfo")
    lines = cpus.read_text().splitlines() if cpus.exists() else []
    return next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), platform.machine())


def compare_storage(clips: Clips) -> None:
    """JPEG as stored, and H.264 with a key frame every 8 frames: bytes, and time to draw one frame."""
    place, generator = clips.places[0], torch.Generator().manual_seed(0)
    drawn = torch.randint(place.about.frames, (DRAWN,), generator=generator).tolist()
    started = time.process_time()
    for frame in drawn:
        clips.pictures(place, [frame])
    jpeg = 1e3 * (time.process_time() - started) / DRAWN
    frames = clips.pictures(place, range(place.about.frames)).permute(0, 2, 3, 1).contiguous().numpy()
    with tempfile.NamedTemporaryFile(suffix=".mp4") as file:
        with av.open(file.name, "w") as container:
            options = {"crf": "17", "preset": "veryfast", "g": "8", "bf": "0"}
            stream = container.add_stream("libx264", rate=25, options=options)
            stream.width = stream.height = frames.shape[1]
            for frame in frames:
                container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
            container.mux(stream.encode(None))
        data = Path(file.name).read_bytes()
    started = time.process_time()
    for frame in drawn:
        with av.open(io.BytesIO(data)) as container:
            stream = container.streams.video[0]
            wanted = int(Fraction(frame, 25) / stream.time_base)
            container.seek(wanted, stream=stream)
            next(found for found in container.decode(stream) if found.pts >= wanted).to_ndarray(format="rgb24")
    film = 1e3 * (time.process_time() - started) / DRAWN
    print(f"drawing a frame: {jpeg:.1f} ms from JPEG, {film:.1f} ms from H.264")
    print(
        f"a minute of pictures as H.264 (CRF 17, a key frame every 8): {60 * 25 * len(data) / len(frames) / 1e6:.0f} MB"
    )


def follow_lips(clips: Clips, source: str, tools: Tools) -> None:
    """The lag found for one video, its sound as it is, late and early."""
    places = [place for place in clips.places if place.about.source == source]
    seen = [lip_opening(clips.measured(place, names=["landmarks"]).landmarks) for place in places]
    for shift in (0, LATE, -LATE):
        heard = []
        for place in places:
            samples = clips.sound(place).samples.roll(shift * 640)
            values = tools.phonetic(Audio(samples, 16000), place.about.frames, 25.0).values
            heard.append(values[:, CURVES.index("aperture")])
        lag = lag_of_sound(seen, heard, 25.0)
        said = "dropped" if lag.bad else "kept, certain" if lag.sure else "kept, not certain"
        print(f"{source}, sound {shift:+d} frames: lag {25 * lag.seconds:+.0f} frames, {said}")


if __name__ == "__main__":
    main()
