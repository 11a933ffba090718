"""How well the starter hears: scores the phonetic encoder's mouth curves on voices that were kept out of training.

    python benchmarks/starter_speech.py [--encoder FILE] [--out benchmarks/results/starter_speech.json]

Human speakers: the recordings beside the repository (see tests/shared_data.py) with their scorer. A synthesiser:
flite's awb, spoken on the spot (needs flite). Needs scipy and soundfile, as the scorer does.
"""

import argparse
import importlib.util
import json
import sys
import tempfile
from pathlib import Path

import numpy as np
import soundfile
import torch

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
sys.path.insert(0, str(ROOT / "tests"))

from shared_data import shared_folder  # noqa: E402

from vasa_core.audio.align import frame_count  # noqa: E402
from vasa_core.audio.phonetic import CURVES, VISEMES, load_phonetic_encoder  # noqa: E402
from vasa_core.train import synthesis  # noqa: E402
from vasa_core.train.phones import mouth_curves, split, vowel_loudness  # noqa: E402
from vasa_core.types import Audio  # noqa: E402

FPS = 25
RATE = 16000
PHONES = "SIL P F TH T L S SH K HH R W Y IY IH EH AE AA AH AH AO OW UH UW UW OW ER"
KEPT = """files speakers minutes jaw aperture width tuck hit25 chance25 hit35 chance35 truth_hit35 close_auc truth_auc
round_auc fv_auc dip dip_other lag"""


def scorer(speech: Path):
    """The module score_curves.py of the labelled recordings."""
    spec = importlib.util.spec_from_file_location("score_curves", speech / "score_curves.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def curves_for_scorer(curves: np.ndarray) -> dict[str, np.ndarray]:
    """(T, 6) J A W F P V -> the names that the scorer knows."""
    jaw, aperture, width, funnel, pucker, tuck = curves.T
    return {"jaw": jaw, "aperture": aperture, "width": width - 0.6 * pucker - 0.4 * funnel, "tuck": tuck}


def hearing(path: Path | None):
    """A function from samples at 16 kHz to the curves that the encoder hears."""
    encoder = load_phonetic_encoder(path)

    def hear(samples: np.ndarray) -> dict[str, np.ndarray]:
        audio = Audio(torch.from_numpy(samples), RATE)
        values = encoder(audio, frame_count(audio.duration, FPS), FPS).values
        return curves_for_scorer(values[:, : len(CURVES)].numpy())

    return hear


def write_synthetic_folder(folder: Path, voice: str = "awb", count: int = 60, seed: int = 5) -> None:
    """Utterances of one voice of flite, with labels and truth, in the layout of the labelled recordings."""
    labels = {}
    phone_of = dict(zip(VISEMES, PHONES.split(), strict=True))  # enough for the scorer
    (folder / "truth").mkdir()
    speaker = synthesis.flite(np.random.default_rng(seed), (voice,))
    for i, utterance in zip(range(count), speaker, strict=False):
        segments = split(utterance.segments)
        loudness = vowel_loudness(segments, utterance.samples, utterance.rate)
        frames = int(len(utterance.samples) / utterance.rate * FPS)
        truth = mouth_curves(segments, frames, FPS, loudness)
        np.savez(folder / "truth" / f"{i:03d}.npz", y=truth, y0=mouth_curves(segments, frames, FPS))
        soundfile.write(folder / f"{i:03d}.flac", utterance.samples, utterance.rate)
        phones = [[phone_of[s.viseme], s.start, s.end] for s in segments]
        labels[f"{i:03d}.flac"] = {"speaker": voice, "phones": phones}
    (folder / "labels.json").write_text(json.dumps(labels))


def figures(module, folder: Path, predict, name: str, heldout: bool) -> dict[str, float]:
    """The scorer's figures of one folder of labelled speech."""
    scores = module.score(str(folder), predict, name=name, heldout=heldout)
    return {key: round(float(scores[key]), 4) for key in KEPT.split() if key in scores}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--encoder", type=Path, default=None)
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks" / "results" / "starter_speech.json")
    options = parser.parse_args()
    shared = shared_folder()
    if shared is None:
        sys.exit("The labelled recordings are not beside the repository. Set VASA_SHARED to their folder.")
    torch.set_num_threads(1)
    module = scorer(shared / "speech")
    hear = hearing(options.encoder)
    result = {"encoder, human speakers held out": figures(module, shared / "speech", hear, "encoder, human", True)}
    with tempfile.TemporaryDirectory() as folder:
        write_synthetic_folder(Path(folder))
        result["encoder, flite awb held out"] = figures(module, Path(folder), hear, "encoder, flite awb", False)
    loud = module.loudness
    result["loudness alone, human"] = figures(module, shared / "speech", loud, "loudness, human", True)
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
