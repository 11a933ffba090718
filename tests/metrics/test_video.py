"""FVD_25: the network against the published one, the distance against closed forms and SciPy, the sliding clips.

goldens/i3d.npz holds what piergiaj/pytorch-i3d at b49fadf answers with the weights of the rule: the mean logits of the
clip 'input/i3d', and every sixteenth channel of the last mixed block for 'input/i3d_small'.
"""

from pathlib import Path

import numpy as np
import pytest
import torch

from tests.goldens import relative_error, rule_data, weight_rule
from vasa_core.errors import BadInput, WeightsError
from vasa_core.metrics import video
from vasa_core.metrics.i3d import COUNTER, VideoNetwork, load_i3d
from vasa_core.metrics.video import CLIP, FEWEST, clip_features, frechet_distance, fvd, sliding_clips

GOLDEN = Path(__file__).with_name("goldens") / "i3d.npz"


@pytest.fixture(scope="module")
def network(tmp_path_factory):
    """The network, from a file of the published kind: an old pickle, without the counters of later batch norms."""
    with torch.device("meta"):
        shapes = {key: tuple(value.shape) for key, value in VideoNetwork().state_dict().items()}
    filled = {key: torch.from_numpy(np.asarray(value)) for key, value in weight_rule().fill("i3d", shapes).items()}
    path = tmp_path_factory.mktemp("i3d") / "rgb_imagenet.pt"
    kept = {key: value for key, value in filled.items() if not key.endswith(COUNTER)}
    torch.save(kept, path, _use_new_zipfile_serialization=False)
    return load_i3d(path)


@torch.no_grad()
def test_the_network_answers_as_the_published_one(network):
    recorded = np.load(GOLDEN)
    clip = (rule_data("input/i3d", (1, 3, 10, 193, 193), 0.25) + 0.5).clamp(0, 1)
    assert relative_error(network(clip)[0], torch.from_numpy(recorded["logits"])) < 1e-5
    small = (rule_data("input/i3d_small", (1, 3, 17, 45, 38), 0.25) + 0.5).clamp(0, 1)
    assert relative_error(network.features(small)[0, ::16], torch.from_numpy(recorded["small"])) < 1e-5


def test_files_that_are_something_else_are_refused(tmp_path):
    with torch.device("meta"):
        names = VideoNetwork().state_dict().keys()
    assert sum(not name.endswith(COUNTER) for name in names) == 57 * 5 + 2
    torch.save({"logits.conv3d.bias": torch.zeros(400)}, tmp_path / "short.pt")
    with pytest.raises(WeightsError, match=r"short\.pt lacks"):
        load_i3d(tmp_path / "short.pt")


def test_distance_of_gaussians_that_are_known_exactly():
    """Samples whose mean and covariance are exactly those of N(m, s^2 I): |dm|^2 + D (s - t)^2."""
    generator = torch.Generator().manual_seed(0)
    samples = torch.randn(200, 6, generator=generator, dtype=torch.float64)
    samples = samples - samples.mean(0)
    samples = samples @ torch.linalg.inv(torch.linalg.cholesky(torch.cov(samples.mT))).mT
    assert frechet_distance(samples, samples) == pytest.approx(0.0, abs=1e-9)
    assert frechet_distance(2 * samples, 5 * samples + 3) == pytest.approx(6 * 9 + 6 * 9, rel=1e-9)


@pytest.mark.parametrize("count", [300, 20])  # the second without full rank
def test_distance_is_that_of_scipys_square_root(count):
    linalg = pytest.importorskip("scipy.linalg", reason="SciPy, the reference, is not installed")
    generator = torch.Generator().manual_seed(1)
    mix = torch.randn(2, 40, 40, generator=generator, dtype=torch.float64)
    a, b = torch.randn(2, count, 40, generator=generator, dtype=torch.float64) @ mix
    b = b + 0.3
    covariances = [np.cov(x.numpy(), rowvar=False) for x in (a, b)]
    ridge = 0 if count > 40 else 1e-10 * np.eye(40)  # which the general square root needs
    root = linalg.sqrtm((covariances[0] + ridge) @ (covariances[1] + ridge)).real
    expected = float((a.mean(0) - b.mean(0)).square().sum()) + np.trace(covariances[0] + covariances[1] - 2 * root)
    assert frechet_distance(a, b) == pytest.approx(expected, rel=1e-4)
    assert frechet_distance(b, a) == pytest.approx(frechet_distance(a, b), rel=1e-6)


def test_clips_slide(monkeypatch):
    monkeypatch.setattr(video, "SIDE", 4)
    frames = torch.arange(37.0)[:, None, None, None].expand(-1, 3, 8, 6)
    clips = list(sliding_clips(frames, step=5))
    assert [clip.shape for clip in clips] == [(CLIP, 3, 4, 4)] * 3
    assert [clip[:, 0, 0, 0].tolist() for clip in clips] == [
        list(map(float, range(first, first + CLIP))) for first in (0, 5, 10)
    ]
    assert list(sliding_clips(frames[: CLIP - 1])) == []


def test_features_are_of_each_clip(network):
    clips = [torch.full((CLIP, 3, 32, 32), value) for value in (0.2, 0.8)]
    features = clip_features(network, clips)
    assert features.shape == (2, 400) and features.dtype == torch.float64 and not torch.equal(*features)
    assert clip_features(network, []).shape == (0, 400)


def test_too_few_clips_are_refused():
    enough = torch.randn(FEWEST, 400, dtype=torch.float64)
    assert fvd(enough, enough) == pytest.approx(0.0, abs=1e-6)
    with pytest.raises(BadInput, match="the generated videos give 400"):
        fvd(enough[:-1], enough)
    with pytest.raises(BadInput, match="the real videos give 3"):
        fvd(enough, enough[:3])
