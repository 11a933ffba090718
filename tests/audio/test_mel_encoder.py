import torch

from vasa_core.audio import load_audio_encoder
from vasa_core.audio.mel import BANDS
from vasa_core.types import Audio


def click(second: float, rate: int = 16000) -> Audio:
    samples = torch.zeros(2 * rate)
    at = round(second * rate)
    samples[at : at + rate // 200] = 0.5
    return Audio(samples, rate)


def test_frames_spectra_and_name():
    features = load_audio_encoder("log-mel")(click(1.0), 50, 25.0)
    assert features.values.shape == (50, 320) and features.encoder == "log-mel" and features.fps == 25.0


def test_a_sound_is_heard_when_it_is_made():
    for rate in (16000, 44100):
        loud = load_audio_encoder("log-mel")(click(1.0, rate), 50, 25.0).values.unflatten(1, (4, BANDS)).mean(2)
        frame, spectrum = divmod(int(loud.flatten().argmax()), 4)  # at 1 s: the middle of frame 25
        assert frame == 25 and spectrum in (1, 2)


def test_its_level_does_not_count():
    quiet = Audio(0.1 * torch.randn(24000, generator=torch.Generator().manual_seed(0)), 16000)
    loud = Audio(quiet.samples * 1.9, quiet.rate)
    encoder = load_audio_encoder("log-mel")
    torch.testing.assert_close(encoder(quiet, 30, 25.0).values, encoder(loud, 30, 25.0).values, atol=0.02, rtol=0)
