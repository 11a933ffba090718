"""Train a recognition network of synthetic heads: the judge of the identity loss, and another that only measures.

python benchmarks/synthetic_clips.py training/synthetic_heads
python benchmarks/synthetic_recognition.py training/synthetic_heads training/judge.safetensors [--seed 1] [--steps 5000]

It learns to name the people of the clips by cosine similarity with a margin (Wang et al., 2018) from views jittered in
pose. Its accuracy is said on identities that are not among the clips: how often it errs where as many pairs of one head
are refused as pairs of two are accepted, and how often the nearest of 100 heads, known from one frame each, is right.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass
from math import cos, pi
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Generator, Tensor, nn

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from vasa_core.metrics.recognition import RecognitionNetwork, RecognitionSizes, aligned, save_recognition  # noqa: E402
from vasa_core.train.shards import Clips  # noqa: E402
from vasa_core.train.synthetic import SPACE, SyntheticHeads, draw_motion  # noqa: E402
from vasa_core.types import Motion  # noqa: E402

SIZES = RecognitionSizes(side=32, widths=(16, 32, 48), blocks=(1, 1, 1), length=64)
BATCH, RATE, WARM_UP, DECAY = 64, 2e-3, 50, 1e-4
SHARPNESS, MARGIN, JITTER = 24.0, 0.2, 0.03
HELD_OUT, FRAMES = 100, 8


@dataclass(frozen=True)
class Accuracy:
    """errors: equal error rate of verification. named: share of the frames whose head is found. Both in [0, 1]."""

    errors: float
    named: float


def learn(frames: Tensor, pose: Tensor, steps: int, seed: int) -> RecognitionNetwork:
    """A network that tells the people of frames (N, T, 3, S, S) uint8 at pose (N, T, 6) apart."""
    torch.manual_seed(seed)
    network, people = RecognitionNetwork(SIZES), nn.Parameter(torch.randn(len(frames), SIZES.length))
    optimiser = torch.optim.AdamW([*network.parameters(), people], lr=RATE, weight_decay=DECAY)
    generator = Generator().manual_seed(seed)
    for step in range(1, steps + 1):
        who = torch.randint(len(frames), (BATCH,), generator=generator)
        when = torch.randint(frames.shape[1], (BATCH,), generator=generator)
        place = pose[who, when] + JITTER * torch.randn(BATCH, 6, generator=generator)
        seen = network(aligned(frames[who, when].float() / 255, place, SIZES.side))
        alike = F.normalize(seen, dim=1) @ F.normalize(people, dim=1).mT - MARGIN * F.one_hot(who, len(frames))
        loss = F.cross_entropy(SHARPNESS * alike, who)
        for group in optimiser.param_groups:
            group["lr"] = RATE * min(1, step / WARM_UP) * (0.02 + 0.49 * (1 + cos(pi * step / steps)))
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        if step % 200 == 0:
            print(f"step {step} of {steps}: loss {loss.item():.3f}", flush=True)
    return network.eval()


@torch.no_grad()
def accuracy(network: RecognitionNetwork, heads: SyntheticHeads, identities: range) -> Accuracy:
    """On frames of each of `identities`, aligned by their true poses."""
    seen = []
    for identity in identities:
        pose, dynamics = draw_motion(FRAMES, Generator().manual_seed(identity))
        frames = heads.show(identity, Motion(pose, dynamics, 25.0, SPACE))
        seen.append(F.normalize(network(aligned(frames, pose, network.sizes.side)), dim=1))
    codes, count = torch.stack(seen), len(seen)  # (N, FRAMES, length)
    alike = torch.einsum("aic,bjc->abij", codes, codes)
    one = torch.eye(count, dtype=torch.bool)
    same = alike[one][:, ~torch.eye(FRAMES, dtype=torch.bool)].flatten()
    different = alike[~one].flatten()
    thresholds = torch.linspace(-1, 1, 2001)
    refused = torch.stack([(same <= t).float().mean() for t in thresholds])
    accepted = torch.stack([(different > t).float().mean() for t in thresholds])
    even = (refused - accepted).abs().argmin()
    nearest = (codes[:, 1:] @ codes[:, 0].mT).argmax(-1)  # (N, FRAMES - 1)
    return Accuracy(
        float((refused[even] + accepted[even]) / 2), float((nearest == torch.arange(count)[:, None]).float().mean())
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("clips", type=Path, help="folder of clips, as synthetic_clips.py writes them")
    parser.add_argument("output", type=Path)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--steps", type=int, default=5000)
    options = parser.parse_args()
    clips = Clips(options.clips)
    frames = torch.stack([clips.pictures(place, range(place.about.frames)) for place in clips.places])
    pose = torch.stack([clips.measured(place, names=["pose"]).pose for place in clips.places])
    network = learn(frames, pose, options.steps, options.seed)
    save_recognition(options.output, network, options.steps, "synthetic heads")
    heads = SyntheticHeads(len(clips) + HELD_OUT, frames.shape[-1])
    found = accuracy(network, heads, range(len(clips), len(heads)))
    print(f"{HELD_OUT} held-out heads: {100 * found.errors:.2f} % equal error rate, {100 * found.named:.1f} % named")


if __name__ == "__main__":
    main()
