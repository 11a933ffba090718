"""CAPP: what its score is made of, its files, and what it refuses; training is in tests/train/test_capp_stage.py."""

import pytest
import torch

from vasa_core.arkit import ARKIT
from vasa_core.errors import BadInput, WeightsError
from vasa_core.metrics.capp import CappConfig, CappNetwork, load_capp, save_capp, score_capp, window_scores
from vasa_core.types import AudioFeatures, Motion

TINY = CappConfig(width=16, pose_layers=2, audio_layers=1, heads=2, summary=2, space=8, dropout=0.0)


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(0)
    return CappNetwork(TINY, "phonetic", 5, "nothing", "0123abcd").eval()


def clip(frames=120, encoder="phonetic", fps=25.0):
    generator = torch.Generator().manual_seed(frames)
    features = AudioFeatures(torch.randn(frames, 5, generator=generator), 25.0, encoder)
    pose = torch.randn(frames, 6, generator=generator)
    return features, Motion(pose, torch.zeros(frames, 52), fps, ARKIT)


def test_the_score_is_the_mean_cosine_of_windows_a_second_apart_and_of_the_last(network):
    features, motion = clip(120)  # windows from frame 0, 25 and, so that the end counts, 45
    scores = window_scores(network, features, motion)
    assert scores.shape == (3,) and score_capp(network, features, motion) == pytest.approx(float(scores.mean()))
    with torch.no_grad():
        heard, watched = network.hear(features.values[None, 45:120]), network.watch(motion.pose[None, 45:120])
    assert torch.allclose(heard.norm(dim=1), torch.ones(1)) and torch.allclose(watched.norm(dim=1), torch.ones(1))
    assert float(scores[2]) == pytest.approx(float((heard * watched).sum()), abs=1e-6)
    assert len(window_scores(network, *clip(75))) == 1 and len(window_scores(network, *clip(100))) == 2


def test_where_the_head_rests_plays_no_part_and_how_far_it_moves_does(network):
    pose = clip()[1].pose[None, :75]
    with torch.no_grad():
        plain, moved, wider = (network.watch(p) for p in (pose, pose + 3.0, 2 * pose))
    assert torch.allclose(plain, moved, atol=1e-4) and not torch.allclose(plain, wider, atol=1e-3)


def test_what_is_left_over_at_the_end_of_one_is_not_needed(network):
    features, motion = clip(120)
    longer = AudioFeatures(torch.cat([features.values, torch.ones(9, 5)]), 25.0, "phonetic")
    assert score_capp(network, longer, motion) == score_capp(network, features, motion)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"encoder": "log-mel"}, "hears through 'phonetic', the features are of 'log-mel'"),
        ({"fps": 30.0}, "at 25 frames a second, not 25.0 and 30.0"),
        ({"frames": 74}, "lasts 2.96 seconds"),
    ],
)
def test_what_does_not_fit_is_refused(network, change, says):
    with pytest.raises(BadInput, match=says):
        score_capp(network, *clip(**change))


def test_a_file_says_what_it_is_and_comes_back_the_same(network, tmp_path):
    save_capp(tmp_path / "capp.safetensors", network)
    again = load_capp(tmp_path / "capp.safetensors")
    assert (again.encoder, again.trained_on, again.config) == ("phonetic", "nothing", TINY)
    assert again.encoder_weights == "0123abcd"
    assert score_capp(again, *clip()) == score_capp(network, *clip())
    save_capp(tmp_path / "half.safetensors", network, half=True)
    assert score_capp(load_capp(tmp_path / "half.safetensors"), *clip()) == pytest.approx(
        score_capp(network, *clip()), abs=0.01
    )


def test_without_weights_there_is_no_score(tmp_path):
    with pytest.raises(WeightsError, match=r"capp.safetensors are missing from .*train your own with .*train capp"):
        load_capp(tmp_path / "capp.safetensors")
    (tmp_path / "x.safetensors").write_bytes(b"no weights")
    with pytest.raises(WeightsError, match="x.safetensors is truncated"):
        load_capp(tmp_path / "x.safetensors")
