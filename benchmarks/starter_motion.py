"""How well the starter moves: every figure of the sampled motion at its default settings, with targets beside them.

    python benchmarks/starter_motion.py [--model starter] [--out benchmarks/results/starter_motion.json] [--clips]

Lips: the labelled human recordings of speakers kept out of training, with their scorer, and flite's awb (as in
starter_speech.py). Head, lids, seams, controls: on the same motion. `--clips` also reads the three real talking clips,
which are kept for one last reading. Needs scipy and soundfile, as the scorer does.
"""

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import soundfile
import torch

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks import motion_figures as figures  # noqa: E402
from benchmarks.held_vowel import FORMANTS, held_vowel, kept_open  # noqa: E402
from benchmarks.starter_speech import KEPT, scorer, write_synthetic_folder  # noqa: E402
from tests.shared_data import shared_folder  # noqa: E402
from vasa_core.audio.align import frame_count  # noqa: E402
from vasa_core.audio.phonetic import CHANNELS, load_phonetic_encoder  # noqa: E402
from vasa_core.media.read import read_audio, read_video  # noqa: E402
from vasa_core.metrics.pose import head_turning  # noqa: E402
from vasa_core.motion.generate import Sampling, generate  # noqa: E402
from vasa_core.motion.model import MotionModel, load_motion_model  # noqa: E402
from vasa_core.pipeline import read_motion  # noqa: E402
from vasa_core.train.expression import FEATURES, both  # noqa: E402
from vasa_core.train.head import hear  # noqa: E402
from vasa_core.train.speech import is_held_out  # noqa: E402
from vasa_core.types import EMOTIONS, Audio, AudioFeatures, Controls, Curve, Motion  # noqa: E402
from vasa_core.vision.model import load_vision  # noqa: E402

FPS, RATE = 25, 16000
PROSODY = slice(len(CHANNELS) - 3, None)
CLIPS = {"jp_M2": ((0.0, 99.0),), "d10": ((0.0, 4.9), (10.4, 14.9)), "d11": ((0.0, 99.0),)}


class Speaker:
    """The starter at its default settings: sound to motion."""

    def __init__(self, model: str, encoder: Path | None, steps: int) -> None:
        self.model, self.encoder = load_motion_model(model), load_phonetic_encoder(encoder)
        self.sampling = Sampling(steps=steps)

    def features(self, audio: Audio) -> AudioFeatures:
        return self.encoder(audio, frame_count(audio.duration, FPS), FPS)

    def move(self, features: AudioFeatures, controls: Controls | None = None, seed: int = 0) -> Motion:
        generator = torch.Generator().manual_seed(seed)
        return generate(self.model, features, controls or Controls(), self.sampling, generator)


def lips_on(speaker: Speaker, module, folder: Path, heldout: bool, **controls) -> dict[str, float]:
    """The scorer's figures of sampled motion on a folder of labelled speech."""

    def predict(samples: np.ndarray) -> dict[str, np.ndarray]:
        features = speaker.features(Audio(torch.from_numpy(samples), RATE))
        return figures.lips(speaker.move(features, Controls(**controls)))

    scores = module.score(str(folder), predict, verbose=False, heldout=heldout)
    return {key: round(float(scores[key]), 4) for key in KEPT.split() if key in scores}


def behaviour(speaker: Speaker, folder: Path) -> dict[str, float]:
    """Head, lids and seams over two minutes of held-out speech as one talk, its pauses made up of silence."""
    labels = json.loads((folder / "labels.json").read_text())
    names = [n for n, entry in sorted(labels.items()) if is_held_out(entry["speaker"])]
    parts, total = [], 0
    for name in names:
        samples = soundfile.read(folder / name, dtype="float32")[0]
        parts += [samples, np.zeros(RATE // 2, dtype=np.float32)]
        total += len(samples)
        if total > 120 * RATE:
            break
    features = speaker.features(Audio(torch.from_numpy(np.concatenate(parts)), RATE))
    start = time.process_time()
    one, two = (speaker.move(features, seed=seed) for seed in (0, 1))
    seconds = (time.process_time() - start) / 2
    random = np.random.default_rng(0)
    envelope = hear(features.values[:, PROSODY].numpy(), FPS).envelope
    follows, shuffled = np.mean([figures.follows_voice(m, envelope, random) for m in (one, two)], axis=0)
    seam, step = np.mean([figures.seams(m) for m in (one, two)], axis=0)
    gaze = np.degrees(figures.gaze_of(one))
    result = {
        "dP degrees a frame": head_turning(one),
        "head with voice r": follows,
        "head with shuffled voice r": shuffled,
        "blinks a minute": (figures.blink_count(one) + figures.blink_count(two)) / (2 * len(one)) * 60 * FPS,
        "seam step median degrees": seam,
        "frame step median degrees": step,
        "gaze spread degrees": gaze.std(0).mean(),
        "two seeds: jaw r": np.corrcoef(figures.lips(one)["jaw"], figures.lips(two)["jaw"])[0, 1],
        "two seeds: head yaw r": np.corrcoef(one.pose[:, 1].numpy(), two.pose[:, 1].numpy())[0, 1],
        "CPU seconds a second of motion": seconds / one.duration,
    }
    for part, axis in (("pitch", 0), ("yaw", 1), ("roll", 2)):
        result[f"{part} deviation degrees"] = one.pose[:, axis].rad2deg().std().item()
    return result | {f"second difference, {k}": v for k, v in figures.trembling(one).items()}


def silence(speaker: Speaker) -> dict[str, float]:
    """A minute of digital silence."""
    motion = speaker.move(speaker.features(Audio(torch.zeros(60 * RATE), RATE)))
    return {
        "silence: widest aperture": figures.lips(motion)["aperture"].max(),
        "silence: blinks a minute": figures.blink_count(motion),
        "silence: dP degrees a frame": head_turning(motion),
    }


def held(speaker: Speaker, folder: Path) -> dict[str, float]:
    """Three vowels, each held for three seconds, alone and after a spoken sentence: how far the lips part soon after it
    begins, and at the least from then on."""
    sentence = torch.from_numpy(soundfile.read(sorted(folder.glob("LJ*.flac"))[1], dtype="float32")[0])
    result = {}
    for name in FORMANTS:
        for where, before in (("alone", sentence[:0]), ("in speech", sentence)):
            samples = torch.cat([before, held_vowel(name, 3.0).samples])
            aperture = figures.lips(speaker.move(speaker.features(Audio(samples, RATE))))["aperture"]
            soon, least = kept_open(aperture[round(len(before) / RATE * FPS) :], 3.0)
            result[f"held {name}, {where}: soon"], result[f"held {name}, {where}: at least"] = soon, least
    return result


def controls(speaker: Speaker, module, folder: Path) -> dict[str, float]:
    """Gaze and distance as the motion has them, and what each emotion moves."""
    audio = Audio(torch.from_numpy(soundfile.read(sorted(folder.glob("LJ*.flac"))[0], dtype="float32")[0]), RATE)
    features = speaker.features(audio)
    gaze_errors, distance_errors = [], []
    for yaw, pitch in ((0, 0), (15, 0), (-15, 0), (0, 10), (0, -10), (10, 6)):
        asked = np.radians((yaw, pitch))
        found = figures.gaze_of(speaker.move(features, Controls(gaze=Curve.constant(*asked.tolist()))))
        gaze_errors.append(np.degrees(np.linalg.norm(np.median(found, 0) - asked)))
    for distance in (0.8, 1.0, 1.3):
        motion = speaker.move(features, Controls(distance=Curve.constant(distance)))
        distance_errors.append(abs(motion.pose[:, 5].mean().item() + np.log(distance)))
    result = {
        "gaze error degrees, mean": np.mean(gaze_errors),
        "gaze error degrees, worst": np.max(gaze_errors),
        "distance error, worst": np.max(distance_errors),
    }
    plain = speaker.move(features).dynamics.mean(0)
    for name in EMOTIONS:
        curve = Curve.constant(*[float(name == other) for other in EMOTIONS])
        change = speaker.move(features, Controls(emotion=curve)).dynamics.mean(0) - plain
        own = [c for feature in FEATURES[name] for c in both(feature) if FEATURES[name][feature] >= 0.3]
        if own:
            result[f"{name}: its features move by"] = change[own].mean().item()
    for name in ("happiness", "anger", "surprise", "disgust"):
        curve = Curve.constant(*[float(name == other) for other in EMOTIONS])
        scores = lips_on(speaker, module, folder, True, emotion=curve)
        result[f"{name}: p/b/m hit"], result[f"{name}: closure AUC"] = scores["hit35"], scores["close_auc"]
    return result


def real_clips(speaker: Speaker, media: Path) -> dict[str, float]:
    """Correlation, at lag 0, of sampled lips with those measured on real talking videos."""
    result = {}
    for name, spans in CLIPS.items():
        measured = np.load(media / f"lips_{name}.npz")
        motion = speaker.move(speaker.features(read_audio(media / f"talking_{name}.mp4")))
        lips, times = figures.lips(motion), measured["t"]
        inside = np.any([(times >= a) & (times < b) for a, b in spans], axis=0) & measured["valid"].astype(bool)
        inside &= times * FPS <= len(motion) - 1
        for key, ours in (("lip_open", "aperture"), ("jaw_open", "jaw"), ("lip_width", "width")):
            curve = np.interp(times[inside], np.arange(len(motion)) / FPS, lips[ours])
            result[f"{name}: {key} r"] = np.corrcoef(curve, measured[key][inside])[0, 1]
    return result


def filmed_heads(media: Path) -> dict[str, float]:
    """Second differences of the same clips' own heads and lids, as the mesh face model's reader sees them."""
    vision, result = load_vision(), {}
    for name in CLIPS:
        video = read_video(media / f"talking_{name}.mp4")
        for key, value in figures.trembling(read_motion(vision, video, video.fps)).items():
            result[f"{name}: filmed second difference, {key}"] = value
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="starter")
    parser.add_argument("--encoder", type=Path)
    parser.add_argument("--steps", type=int, default=MotionModel.sampling.steps)
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks" / "results" / "starter_motion.json")
    parser.add_argument("--clips", action="store_true")
    parser.add_argument("--quick", action="store_true", help="lips on human speakers and behaviour only")
    options = parser.parse_args()
    shared = shared_folder()
    if shared is None:
        sys.exit("The labelled recordings are not here. Set VASA_SHARED to their folder.")
    torch.set_num_threads(1)
    module, speech = scorer(shared / "speech"), shared / "speech"
    speaker = Speaker(options.model, options.encoder, options.steps)
    parts = {"human speakers": lambda: lips_on(speaker, module, speech, True)}
    parts["behaviour"] = lambda: behaviour(speaker, speech) | silence(speaker) | held(speaker, speech)
    if not options.quick:
        parts["synthesiser held out"] = lambda: _on_synthesiser(speaker, module)
        parts["controls"] = lambda: controls(speaker, module, speech)
    if options.clips:
        parts["real clips"] = lambda: real_clips(speaker, shared / "media") | filmed_heads(shared / "media")
    results: dict[str, dict[str, float]] = {}
    for name, measure in parts.items():
        results[name] = {key: round(float(value), 4) for key, value in measure().items()}
        print(f"\n{name}", flush=True)
        for key, value in results[name].items():
            print(f"  {key:34s} {value:9.4f}", flush=True)
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps(results, indent=2) + "\n")


def _on_synthesiser(speaker: Speaker, module) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as folder:
        write_synthetic_folder(Path(folder))
        return lips_on(speaker, module, Path(folder), False)


if __name__ == "__main__":
    main()
