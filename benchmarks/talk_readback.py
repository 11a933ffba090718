"""Gaze and distance of the whole chain, read back by mediapipe 0.10.21 from its own videos.

    python -m benchmarks.talk_readback --mediapipe MP_PYTHON [PICTURE ...] [--keep FOLDER] [--out FILE]

Each picture speaks the bundled speech, with motion sampled at the default settings, once for each wish of Gaze and Head
Distance, each time with another seed. A wish is a mean: eyes wander about it as people's do, and how far a clip of six
seconds strays as a whole is the seed's doing (1 to 9 degrees), not the wish's, so one seed for all would be one sample.
What a video shows is the median of its frames after the first second. Gaze counts from the picture's own, head and eyes
together, as in mesh_readback.py; its error is in degrees, that of the distance the absolute logarithm of measured size
times distance. Without pictures, three of the test portraits are used, or else the bundled astronaut.
"""

from __future__ import annotations

import argparse
import json
import math
import tempfile
from pathlib import Path

import torch

from benchmarks.read_back import mediapipe_landmarks, write_video
from tests.shared_data import shared_folder
from vasa_core.audio import load_audio_encoder
from vasa_core.audio.resample import audio_from_waveform
from vasa_core.faces.mesh.gaze import gaze_and_size
from vasa_core.faces.mesh.model import MeshFaceModel
from vasa_core.media.read import read_image, read_waveform
from vasa_core.motion.model import MotionModel, load_motion_model
from vasa_core.pipeline import anchor, at_rate, render, speak
from vasa_core.types import Audio, AudioEncoder, Controls, Curve
from vasa_core.vision.crop import crop_face
from vasa_core.vision.model import Vision, load_vision

ROOT = Path(__file__).resolve().parents[1]
PICTURES = ("portrait_s3.jpg", "portrait_s9.jpg", "portrait_s12.jpg")
FPS, SECONDS, SETTLE, STILL = 12.5, 6.4, 1.0, 6  # of a video; seconds at its start left out; frames of rest before
WISHES = ((10, 0, 1.0), (-12, 4, 1.0), (0, -6, 1.0), (0, 0, 0.85), (0, 0, 1.2))  # degrees to the right and up, distance
TARGETS = {"gaze error": 6.0, "distance error": 0.03}


def speech() -> Audio:
    """The beginning of the bundled speech."""
    waveform, rate = read_waveform(ROOT / "assets" / "speech.wav")
    return audio_from_waveform(waveform[:, : round(SECONDS * rate)], rate)


def talk_and_read(
    python: str, vision: Vision, voice: tuple[MotionModel, AudioEncoder, Audio], picture: Path, folder: Path, seed: int
) -> dict[str, float]:
    """Make one picture's videos, one after another in one file, and measure them; their seeds count from `seed`."""
    model = MeshFaceModel()
    portrait = model.encode(crop_face(vision, read_image(picture)))

    def pieces():
        for _ in range(STILL):  # for the tracker to settle on the picture itself
            yield from render(model, portrait, portrait.rest)
        for number, (yaw, pitch, distance) in enumerate(WISHES):
            gaze = Curve.constant(math.radians(yaw), math.radians(pitch))
            motion = speak(*voice, Controls(gaze, Curve.constant(distance)), seed=seed + number)
            yield from render(model, portrait, at_rate(anchor(motion, portrait.rest), FPS, SECONDS))

    seen = mediapipe_landmarks(python, write_video(folder / f"{picture.stem}_talk.mp4", pieces(), FPS))
    rest, videos = seen[STILL - 1], seen[STILL:].unflatten(0, (len(WISHES), -1))[:, round(SETTLE * FPS) :]
    gaze_errors, distance_errors = [], []
    for (yaw, pitch, distance), frames in zip(WISHES, videos, strict=True):
        gaze, size = gaze_and_size(frames, rest)  # (T, 2), (T,)
        shown = gaze.nanmedian(0).values.rad2deg()
        gaze_errors.append(float((shown - shown.new_tensor([yaw, pitch])).norm()))
        distance_errors.append(abs(math.log(float(size.nanmedian()) * distance)))
    return {
        "gaze error": sum(gaze_errors) / len(WISHES),
        "worst gaze error": max(gaze_errors),
        "distance error": sum(distance_errors) / len(WISHES),
        "worst distance error": max(distance_errors),
        "frames without a face": int(torch.isnan(videos[:, :, 0, 0]).sum()),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("pictures", nargs="*", type=Path)
    parser.add_argument("--mediapipe", required=True, help="python of an environment with mediapipe 0.10.21")
    parser.add_argument("--keep", type=Path, help="folder for the videos")
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks" / "results" / "talk_readback.json")
    arguments = parser.parse_args()
    pictures, shared = arguments.pictures, shared_folder()
    if not pictures:
        pictures = [shared / "media" / name for name in PICTURES] if shared else [ROOT / "assets" / "astronaut.png"]
    motion_model, vision = load_motion_model("starter"), load_vision()
    voice = motion_model, load_audio_encoder(motion_model.encoder), speech()
    results = {}
    with tempfile.TemporaryDirectory() as temporary:
        folder = arguments.keep or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        for number, picture in enumerate(pictures):
            seed = number * len(WISHES)
            results[picture.stem] = figures = talk_and_read(arguments.mediapipe, vision, voice, picture, folder, seed)
            print(f"{picture.stem}:", *(f"{name} {value:.3f}" for name, value in figures.items()), flush=True)
    mean = {name: sum(r[name] for r in results.values()) / len(results) for name in TARGETS}
    print("mean:", *(f"{name} {value:.3f} (target {TARGETS[name]})" for name, value in mean.items()))
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    arguments.out.write_text(json.dumps({"mean": mean, "targets": TARGETS} | results, indent=1) + "\n")


if __name__ == "__main__":
    main()
