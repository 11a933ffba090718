"""Synthetic talking heads: one seed gives one clip, lips are heard, and labels say what is shown."""

from pathlib import Path

import torch

from vasa_core.audio import load_audio_encoder
from vasa_core.motion.labels import main_direction
from vasa_core.train.procedural_head import DYNAMICS
from vasa_core.train.talkers import LARGEST_LABEL, SyntheticTalkers, talk, voice
from vasa_core.types import EMOTIONS


def talkers(**more):
    return SyntheticTalkers(Path("unused"), identities=2, size=24, takes=2, seconds=2.0, **more)


def test_a_clip_is_the_same_whenever_it_is_asked_for():
    a, b = (talkers().clip("00001-001") for _ in range(2))
    assert torch.equal(a.audio.samples, b.audio.samples) and torch.equal(a.gaze, b.gaze)
    assert len(talkers().names) == 4 and len({float(talkers().clip(n).gaze[0, 0]) for n in talkers().names}) == 4
    assert a.audio.duration == 2.0 and a.gaze.shape == (50, 2)
    assert talkers().version("00001-001") != talkers(seed=1).version("00001-001")


def test_takes_show_one_person_and_identities_differ():
    first, again, other = (talkers().clip(name).frames() for name in ("00000-000", "00000-001", "00001-000"))
    assert first.shape == (50, 3, 24, 24) and first.dtype == torch.uint8
    corner = [frames[0, :, 0, 0] for frames in (first, again, other)]  # the background is part of an identity
    assert torch.equal(corner[0], corner[1]) and not torch.equal(corner[0], corner[2])


def test_the_jaw_is_heard_and_a_shut_mouth_is_silent():
    motion, _ = talk(150, 25.0, 0.0, torch.Generator().manual_seed(1))
    jaw = motion.dynamics[:, DYNAMICS.index("jaw")]
    sound = voice(motion, 120.0).samples.unflatten(0, (150, 640)).square().mean(1).sqrt()
    assert float(sound[1:-1][(jaw[:-2] < 0.03) & (jaw[1:-1] < 0.03) & (jaw[2:] < 0.03)].amax()) < 1e-3
    assert torch.corrcoef(torch.stack([jaw, sound]))[0, 1] > 0.7


def test_the_width_of_the_mouth_is_heard():
    """Of two mouths equally open the wider one has more sound at its higher second formant."""
    motion, _ = talk(50, 25.0, 0.0, torch.Generator().manual_seed(1))
    spectra = []
    for wide in (-1.0, 1.0):
        motion.dynamics[:, DYNAMICS.index("jaw")], motion.dynamics[:, DYNAMICS.index("wide")] = 0.4, wide
        features = load_audio_encoder("log-mel")(voice(motion, 120.0), 50, 25.0).values[25, :80]
        spectra.append(features)
    assert (spectra[1] - spectra[0]).argmax() > (spectra[0] - spectra[1]).argmax()


def test_labels_say_what_is_shown():
    for number in range(5):
        motion, gaze = talk(100, 25.0, 0.0, torch.Generator().manual_seed(number))
        assert (main_direction(gaze).abs() < LARGEST_LABEL + 0.05).all()
        assert (gaze - main_direction(gaze)).norm(dim=1).median() < 0.05
        assert motion.dynamics.abs().max() <= 1.0
    happy, calm = (talk(100, 25.0, h, torch.Generator().manual_seed(0))[0].dynamics[:, 1].mean() for h in (1.0, 0.0))
    assert happy > calm + 0.5
    feeling = [talkers().clip(name).emotion for name in talkers().names]
    assert [e is None for e in feeling] == [False, True, True, False]
    assert feeling[0].argmax() == EMOTIONS.index("happiness")
