"""Mel-frequency cepstra: the definition written out in NumPy, the published package's numbers, and the frame grid."""

from pathlib import Path

import numpy as np
import pytest
import torch

from tests.goldens import rule_data
from vasa_core.audio.mfcc import mfcc

GOLDEN = Path(__file__).resolve().parents[1] / "metrics" / "goldens" / "syncnet.npz"


def by_definition(samples: np.ndarray) -> np.ndarray:
    """Frame by frame and filter by filter, as the formulas say."""
    steps = np.clip(np.round(samples.astype(np.float64) * 32768), -32768, 32767)
    emphasised = np.append(steps[0], steps[1:] - 0.97 * steps[:-1])
    count = 1 + max(0, int(np.ceil((len(steps) - 400) / 160)))
    emphasised = np.append(emphasised, np.zeros(count * 160 + 400))
    mel = np.linspace(0, 2595 * np.log10(1 + 8000 / 700), 28)
    edges = np.floor(513 * 700 * (10 ** (mel / 2595) - 1) / 16000).astype(int)
    rows = []
    for frame in range(count):
        power = np.abs(np.fft.rfft(emphasised[frame * 160 : frame * 160 + 400], 512)) ** 2 / 512
        bands = np.zeros(26)
        for j, (low, middle, high) in enumerate(zip(edges[:-2], edges[1:-1], edges[2:], strict=True)):
            for k in range(low, high):
                share = (k - low) / (middle - low) if k < middle else (high - k) / (high - middle)
                bands[j] += share * power[k]
        logs = np.log(np.where(bands == 0, np.finfo(float).eps, bands))
        row = [np.log(power.sum() or np.finfo(float).eps)]
        for n in range(1, 13):
            cosines = np.cos(np.pi * n * (np.arange(26) + 0.5) / 26)
            row.append((1 + 11 * np.sin(np.pi * n / 22)) * np.sqrt(2 / 26) * (logs * cosines).sum())
        rows.append(row)
    return np.array(rows)


@pytest.mark.parametrize("length", [1, 399, 400, 401, 560, 561, 2000])
def test_it_is_the_definition(length):
    samples = 0.1 * torch.randn(length, generator=torch.Generator().manual_seed(length))
    expected = by_definition(samples.numpy())
    assert np.abs(mfcc(samples).numpy() - expected).max() < 1e-4


def test_it_gives_the_published_packages_numbers():
    recorded = np.load(GOLDEN)["mfcc"]
    found = mfcc(rule_data("input/syncnet_sound", (4000,), 0.1).clamp(-1, 1))
    assert np.abs(found.numpy() - recorded).max() < 1e-4 * np.abs(recorded).max()


def test_silence_is_finite_and_full_scale_is_not_wrapped():
    silence = mfcc(torch.zeros(1000))
    assert torch.isfinite(silence).all() and (silence[:, 0] < -30).all() and silence[:, 1:].abs().max() < 1e-9
    assert torch.equal(mfcc(torch.full((800,), 1.0)), mfcc(torch.full((800,), 32767 / 32768)))


def test_only_the_energy_knows_how_loud_it_is():
    samples = 0.02 * torch.randn(3000, generator=torch.Generator().manual_seed(0))
    quiet, loud = mfcc(samples), mfcc(10 * samples)
    assert torch.allclose(loud[:, 0] - quiet[:, 0], torch.tensor(100.0).log(), atol=0.02)
    assert (loud[:, 1:] - quiet[:, 1:]).abs().max() < 0.1
