"""The phonetic encoder: lengths, silence, alignment in time, independence of chunks; and, shipped, that it hears."""

import math

import pytest
import torch

from vasa_core.audio import phonetic
from vasa_core.audio.phonetic import CHANNELS, CURVES, VISEMES, PhoneticConfig, PhoneticEncoder, load_phonetic_encoder
from vasa_core.errors import WeightsError
from vasa_core.types import Audio

SMALL = PhoneticConfig(width=16, dilations=(1, 2))
SIL = CHANNELS.index("viseme sil")


@pytest.fixture
def encoder() -> PhoneticEncoder:
    torch.manual_seed(0)
    return PhoneticEncoder(SMALL).eval()


def noise(seconds: float, rate: int = 16000) -> Audio:
    return Audio(0.1 * torch.randn(int(seconds * rate), generator=torch.Generator().manual_seed(1)), rate)


@pytest.mark.parametrize("fps", [24.0, 25.0, 30000 / 1001, 60.0])
@pytest.mark.parametrize("rate", [8000, 16000, 44100])
def test_exact_length_and_finite_at_any_rate(encoder, fps, rate):
    features = encoder(noise(0.7, rate), 23, fps)
    assert features.values.shape == (23, 38) == (23, encoder.channels)
    assert features.fps == fps and features.encoder == "phonetic"
    assert torch.isfinite(features.values).all()


def test_silence_is_silence(encoder):
    for level in (0.0, 1e-4):
        values = encoder(Audio(level * noise(2).samples, 16000), 50, 25).values
        assert (values[:, : len(CURVES)] == 0).all()
        assert (values[:, SIL] == 1).all()
        assert values[:, SIL + 1 : -3].abs().max() == 0
        assert values[:, -3].max() < -1.5  # loudness, dB / 20


def test_a_pause_inside_a_clip_is_silent(encoder):
    sound = torch.cat([noise(1).samples, torch.zeros(32000), noise(1).samples])
    values = encoder(Audio(sound, 16000), 100, 25).values
    assert (values[40:60, SIL] == 1).all()  # 1.6 to 2.4 s
    assert (values[:20, SIL] < 1).all()


@pytest.mark.parametrize("time", [0.6, 1.0, 1.48])
def test_a_click_moves_features_at_its_time(encoder, time):
    steady = noise(2).samples
    clicked = steady.clone()
    clicked[int(time * 16000)] += 0.9
    change = encoder.heard(phonetic.log_mel(clicked)) - encoder.heard(phonetic.log_mel(steady))
    size = change[:, : len(CURVES)].abs().sum(1)
    moved = (size > 0.1 * size.max()).nonzero()[:, 0]  # what is left elsewhere is the clip's changed loud level
    at, reach = time * 50, SMALL.reach
    assert at - reach - 1 <= moved.min() <= moved.max() <= at + reach + 1
    assert abs(float(moved.min() + moved.max()) / 2 - at) <= 2.5  # 50 ms: no lag


def test_chunks_do_not_show(encoder, monkeypatch):
    sound = noise(3)
    whole = encoder(sound, 75, 25).values
    monkeypatch.setattr(phonetic, "CHUNK", 11)
    assert torch.allclose(encoder(sound, 75, 25).values, whole, atol=1e-5)


def test_ranges(encoder):
    with torch.no_grad():
        encoder.net.head.weight.mul_(50)
    values = encoder(noise(2), 50, 25).values
    assert values[:, : len(CURVES)].max() <= 1 and values[:, 2].min() >= -1
    assert values[:, [0, 1, 3, 4, 5]].min() >= 0
    assert torch.allclose(values[:, SIL : SIL + len(VISEMES)].sum(1), torch.ones(50), atol=1e-4)


def test_a_closure_shuts_the_lips(encoder):
    mel = torch.randn(1, 40, 160, generator=torch.Generator().manual_seed(2))
    with torch.no_grad():
        encoder.net.head.bias[-2] = 50.0
        assert encoder.net(mel)[0][..., 1].abs().max() < 1e-6


def test_saved_and_loaded(encoder, tmp_path):
    path = tmp_path / "net.safetensors"
    phonetic.save_phonetic_encoder(path, encoder.net, steps="1")
    loaded = load_phonetic_encoder(path)
    assert loaded.net.config == SMALL
    assert torch.allclose(loaded(noise(1), 25, 25).values, encoder(noise(1), 25, 25).values, atol=5e-3)
    phonetic.checkpoint.save(path, encoder.net.state_dict(), phonetic.ARCHITECTURE)
    with pytest.raises(WeightsError, match="net.safetensors does not say"):
        load_phonetic_encoder(path)


AH = ((730, 90, 1.0), (1090, 110, 0.6), (2440, 160, 0.2))  # formants: Hz, width, height
EE = ((270, 60, 1.0), (2290, 120, 0.4), (3010, 160, 0.3))
OO = ((300, 60, 1.0), (870, 100, 0.3), (2240, 140, 0.03))


def sung(formants: tuple, pitch: float, seconds: float = 0.22) -> torch.Tensor:
    """A short vowel from harmonics under three formants, its pitch falling, followed by 50 ms of silence."""
    time = torch.arange(int(16000 * seconds)) / 16000
    frequency = pitch * (1.1 - 0.25 * time / seconds)
    phase = 2 * math.pi * torch.cumsum(frequency, 0) / 16000
    sound = torch.zeros_like(time)
    for k in range(1, 40):
        gain = sum(height / (1 + ((k * frequency - centre) / width) ** 2) for centre, width, height in formants)
        sound += gain * torch.sin(k * phase) / k**0.5
    return torch.cat([0.1 * sound * torch.hann_window(len(sound)).sqrt(), torch.zeros(800)])


@pytest.mark.parametrize("pitch", [120.0, 200.0])
def test_the_shipped_encoder_hears_ah_ee_oo(pitch):
    sound = torch.cat([torch.zeros(4800), *(sung(vowel, pitch) for vowel in (AH, EE, OO)), torch.zeros(4800)])
    values = load_phonetic_encoder()(Audio(sound, 16000), 35, 25).values
    ah, ee, oo = (values[round((0.41 + 0.27 * i) * 25)] for i in range(3))
    jaw, width, pucker = (CURVES.index(name) for name in ("jaw", "width", "pucker"))
    assert ah[jaw] > 0.45 > 0.35 > max(ee[jaw], oo[jaw])
    assert ee[width] > 0.25 > 0 > oo[width] + 0.2
    assert oo[pucker] > 0.35 > 0.15 > max(ah[pucker], ee[pucker])
    assert values[:3, jaw].max() < 0.1  # the jaw begins to open 0.2 s ahead of a vowel, as in the labels
