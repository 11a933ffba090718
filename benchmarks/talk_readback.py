"""Gaze and distance of the whole chain, read back by mediapipe 0.10.21 from its own videos.

    python -m benchmarks.talk_readback --mediapipe MP_PYTHON [PICTURE ...] [--keep FOLDER] [--out FILE]

Each picture speaks the bundled speech, with motion sampled at the default settings, while Gaze and then Head Distance
go through a list of wishes, each held for HOLD seconds. What a hold shows is the median of its frames once the change
is over; gaze counts from the picture's own, head and eyes together, as in mesh_readback.py. The error of the gaze is in
degrees, that of the distance the absolute logarithm of measured size times distance. Without pictures, three of the
test portraits and the bundled astronaut are used.
"""

from __future__ import annotations

import argparse
import json
import math
import tempfile
from pathlib import Path

import torch
from torch import Tensor

from benchmarks.read_back import gaze_and_size, mediapipe_landmarks, write_video
from tests.shared_data import shared_folder
from vasa_core.audio import load_audio_encoder
from vasa_core.audio.resample import audio_from_waveform
from vasa_core.faces.mesh.model import MeshFaceModel
from vasa_core.media.read import read_image, read_waveform
from vasa_core.motion.model import MotionModel, load_motion_model
from vasa_core.pipeline import anchor, render, speak
from vasa_core.types import Audio, AudioEncoder, Controls, Curve
from vasa_core.vision.crop import crop_face
from vasa_core.vision.model import Vision, load_vision

ROOT = Path(__file__).resolve().parents[1]
PICTURES = ("portrait_s3.jpg", "portrait_s9.jpg", "portrait_s12.jpg")
FPS, HOLD, SETTLE, STILL = 25.0, 2.0, 0.8, 6  # frames/s; seconds of a wish and of its start left out; frames of rest
GAZES = ((0, 0), (10, 0), (-10, 0), (0, 6), (0, -6), (15, 4), (-15, -4))  # degrees
DISTANCES = (1.0, 0.85, 1.2)
TARGETS = {"gaze error": 6.0, "distance error": 0.03}


def controls() -> tuple[Controls, Tensor]:
    """The wishes as controls, and as (n, 3) gaze yaw, pitch in radians and distance, one row per hold."""
    wanted = [(math.radians(yaw), math.radians(pitch), 1.0) for yaw, pitch in GAZES]
    wanted += [(0.0, 0.0, distance) for distance in DISTANCES]
    truth, times = torch.tensor(wanted), torch.arange(len(wanted)) * HOLD
    return Controls(Curve(times, truth[:, :2], "step"), Curve(times, truth[:, 2:], "step")), truth.double()


def long_speech() -> Audio:
    """The bundled speech, repeated for as long as all wishes take."""
    waveform, rate = read_waveform(ROOT / "assets" / "speech.wav")
    samples = round((len(GAZES) + len(DISTANCES)) * HOLD * rate)
    return audio_from_waveform(waveform.repeat(1, samples // waveform.shape[1] + 1)[:, :samples], rate)


def talk_and_read(
    python: str, vision: Vision, voice: tuple[MotionModel, AudioEncoder, Audio], picture: Path, folder: Path
) -> dict[str, float]:
    """Make one picture's video and measure it."""
    model, (asked, truth) = MeshFaceModel(), controls()
    portrait = model.encode(crop_face(vision, read_image(picture)))
    motion = anchor(speak(*voice, asked), portrait.rest)

    def pieces():
        for _ in range(STILL):  # for the tracker to settle on the picture itself
            yield from render(model, portrait, portrait.rest)
        yield from render(model, portrait, motion)

    video = write_video(folder / f"{picture.stem}_talk.mp4", pieces(), FPS)
    seen = mediapipe_landmarks(python, video)
    rest, frames = seen[STILL - 1], seen[STILL:]
    hold, settle = round(HOLD * FPS), round(SETTLE * FPS)
    gaze, size = gaze_and_size(frames, rest)  # (T, 2), (T,)
    holds = [slice(k * hold + settle, (k + 1) * hold) for k in range(len(truth))]
    gaze = torch.stack([gaze[h].nanmedian(0).values for h in holds])  # (n, 2)
    size = torch.stack([size[h].nanmedian() for h in holds])
    errors = (gaze - truth[:, :2]).norm(dim=1).rad2deg()[: len(GAZES)]
    far = (size * truth[:, 2]).log().abs()
    return {
        "gaze error": float(errors.mean()),
        "worst gaze error": float(errors.max()),
        "distance error": float(far[len(GAZES) :].mean()),
        "worst distance error": float(far[len(GAZES) :].max()),
        "frames without a face": int(torch.isnan(frames[:, 0, 0]).sum()),
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
        pictures = [ROOT / "assets" / "astronaut.png"]
        pictures += [shared / "media" / name for name in PICTURES] if shared else []
    motion_model, vision = load_motion_model("starter"), load_vision()
    voice = motion_model, load_audio_encoder(motion_model.encoder), long_speech()
    results = {}
    with tempfile.TemporaryDirectory() as temporary:
        folder = arguments.keep or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        for picture in pictures:
            results[picture.stem] = figures = talk_and_read(arguments.mediapipe, vision, voice, picture, folder)
            print(f"{picture.stem}:", *(f"{name} {value:.3f}" for name, value in figures.items()), flush=True)
    mean = {name: sum(r[name] for r in results.values()) / len(results) for name in TARGETS}
    print("mean:", *(f"{name} {value:.3f} (target {TARGETS[name]})" for name, value in mean.items()))
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    arguments.out.write_text(json.dumps({"mean": mean, "targets": TARGETS} | results, indent=1) + "\n")


if __name__ == "__main__":
    main()
