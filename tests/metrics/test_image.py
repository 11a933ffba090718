"""PSNR and SSIM against their definitions, LPIPS against the published package."""

import math

import numpy as np
import pytest
import torch

from tests.goldens import rule_data, weight_rule
from vasa_core.errors import BadInput, WeightsError
from vasa_core.metrics.image import psnr, ssim
from vasa_core.metrics.lpips import LAYERS, PUBLISHED, UNUSED, load_lpips

PUBLISHED_DISTANCES = (
    0.20174036920070648,
    0.0018078061984851956,
)
"""By lpips 0.1.4 with net='alex', for the weights and the pictures below."""


@pytest.fixture
def pair():
    generator = torch.Generator().manual_seed(0)
    real = torch.rand(2, 3, 20, 17, generator=generator)
    return (real + 0.1 * torch.randn(real.shape, generator=generator)).clamp(0, 1), real


def test_psnr_is_the_logarithm_of_the_mean_square(pair):
    made, real = pair
    for k in range(2):
        expected = 10 * math.log10(1 / np.mean((made[k].numpy() - real[k].numpy()) ** 2, dtype=np.float64))
        assert float(psnr(made, real)[k]) == pytest.approx(expected, abs=1e-4)
    assert float(psnr(torch.zeros(1, 3, 4, 4), torch.full((1, 3, 4, 4), 0.1))) == pytest.approx(20.0, abs=1e-4)
    assert float(psnr(real, real)[0]) == math.inf


def test_ssim_is_its_definition_place_by_place(pair):
    made, real = pair
    window = np.exp(-((np.arange(11) - 5) ** 2) / (2 * 1.5**2))
    window = np.outer(window, window) / window.sum() ** 2
    places = []
    for colour in range(3):
        x, y = (picture[0, colour].double().numpy() for picture in pair)
        for top in range(20 - 10):
            for left in range(17 - 10):
                a, b = (p[top : top + 11, left : left + 11] for p in (x, y))
                ma, mb = (window * a).sum(), (window * b).sum()
                va, vb = (window * (a - ma) ** 2).sum(), (window * (b - mb) ** 2).sum()
                cov = (window * (a - ma) * (b - mb)).sum()
                c1, c2 = 0.01**2, 0.03**2
                places.append((2 * ma * mb + c1) * (2 * cov + c2) / ((ma**2 + mb**2 + c1) * (va + vb + c2)))
    assert float(ssim(made, real)[0]) == pytest.approx(float(np.mean(places)), abs=1e-9)
    assert float(ssim(real, real)[1]) == pytest.approx(1.0, abs=1e-12)
    assert float(ssim(made, real)[1]) < 0.99


def test_pictures_that_cannot_be_compared_are_refused(pair):
    with pytest.raises(BadInput, match="cannot be compared"):
        psnr(pair[0], pair[1][:, :, :-1])
    with pytest.raises(BadInput, match="11 x 11"):
        ssim(torch.zeros(1, 3, 10, 40), torch.zeros(1, 3, 10, 40))


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """The two files that the user names, with the rule's weights; the heads positive, as the published ones are."""
    folder, rule = tmp_path_factory.mktemp("lpips"), weight_rule()
    heads = {f"lin{k}.model.1.weight": (1, width, 1, 1) for k, (width, *_) in enumerate(LAYERS)}
    torch.save(
        {key: torch.from_numpy(np.abs(rule.tensor(f"lpips/{key}", s))) for key, s in heads.items()}, folder / "h"
    )
    shapes, before = {}, 3
    for number, (width, kernel, _, _) in zip(PUBLISHED, LAYERS, strict=True):
        shapes |= {f"features.{number}.weight": (width, before, kernel, kernel), f"features.{number}.bias": (width,)}
        before = width
    alexnet = {key: torch.from_numpy(value) for key, value in rule.fill("alexnet", shapes).items()}
    torch.save(alexnet | {UNUSED[0]: torch.zeros(1)}, folder / "a")
    return folder / "h", folder / "a"


@torch.no_grad()
def test_lpips_answers_as_the_published_package(files):
    network = load_lpips(*files)
    a, b = ((rule_data(f"input/lpips_{x}", (2, 3, 80, 67), 0.25) + 0.5).clamp(0, 1) for x in "ab")
    b[1] = (a[1] + 0.1 * (b[1] - 0.5)).clamp(0, 1)
    assert network(a, b).tolist() == pytest.approx(PUBLISHED_DISTANCES, rel=1e-4)
    assert network(a, a).tolist() == [0.0, 0.0]


def test_lpips_files_in_the_wrong_place_are_refused(files):
    with pytest.raises(WeightsError, match=r"a lacks 0\.weight"):
        load_lpips(files[1], files[1])
    with pytest.raises(WeightsError, match=r"h lacks 0\.bias"):
        load_lpips(files[0], files[0])
