"""Training the encoder: it learns four clips in seconds, and it goes on where it was stopped."""

from dataclasses import replace

import pytest
import torch

from vasa_core.audio.mel import BANDS
from vasa_core.audio.phonetic import PhoneticConfig, PhoneticNet, load_phonetic_encoder
from vasa_core.train import encoder_stage, spectral, speech
from vasa_core.train.encoder_stage import EncoderConfig, encoder_losses, measure, train_encoder
from vasa_core.train.loop import Recipe
from vasa_core.train.windows import WindowConfig, Windows

TOY = EncoderConfig(
    net=PhoneticConfig(width=16, dilations=(1,), dropout=0.0),
    recipe=Recipe(steps=40, learning_rate=1e-2, warm_up=5, average=0.8, save_every=10, seed=1),
    windows=WindowConfig(shares=(("human", 1.0),), batch=8, frames=50, stretch=0.0, crossed=(), held_share=0.0),
)


QUIET = replace(spectral.Variety().scaled(0.0), noise_only_share=0.0)


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_variety_is_finite_repeats_and_keeps_silence_low():
    mel = torch.randn(6, 100, BANDS, generator=seeded(0)) - 2
    one, two = (spectral.vary(mel, spectral.Variety(), seeded(1)) for _ in range(2))
    assert torch.equal(one, two) and torch.isfinite(one).all() and not torch.equal(one, mel)
    plain = QUIET
    assert torch.allclose(spectral.vary(mel, plain, seeded(1)), mel, atol=1e-2)


def test_closures_weigh_more(corpus):
    net = PhoneticNet(TOY.net)
    batch = Windows(corpus, TOY.windows).draw(seeded(0))
    batch[2][:] = encoder_stage.CLOSURE
    plain, weighted = (
        encoder_losses(net, batch, replace(TOY, closure_weight=w), seeded(0))["curves"].item() for w in (1.0, 7.0)
    )
    assert weighted > plain


def test_learns_four_clips_and_resumes_exactly(corpus):
    config = replace(TOY, variety=QUIET)
    said = []
    path = train_encoder(config, corpus, corpus / "a", progress=said.append, measure_every=20)
    encoder = load_phonetic_encoder(path)
    figures = measure(encoder.net, speech.load_shard(corpus / "human_held_out.safetensors"))
    assert figures["jaw"] > 0.9
    assert len(said) == 2 and (corpus / "a" / "encoder.csv").read_text().count("\n") == 3

    class Stopped(Exception):
        pass

    def stop(_):
        raise Stopped

    with pytest.raises(Stopped):
        train_encoder(config, corpus, corpus / "b", progress=stop, measure_every=25)  # stops at 25, saved at 20
    again = train_encoder(config, corpus, corpus / "b", measure_every=40)
    for key, value in encoder.net.state_dict().items():
        assert torch.equal(value, load_phonetic_encoder(again).net.state_dict()[key]), key


def test_measures():
    score, label = torch.tensor([0.1, 0.9, 0.8, 0.3]), torch.tensor([False, True, True, False])
    assert encoder_stage.ranking(score, label) == 1.0 and encoder_stage.ranking(-score, label) == 0.0
    time = torch.linspace(0, 6, 50)[:, None]
    assert encoder_stage.correlation(time.sin(), -2 * time.sin() + 1)[0] == pytest.approx(-1)
    assert encoder_stage.correlation(time.sin(), torch.ones(50, 1))[0] == 0
