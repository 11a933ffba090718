"""S_C, S_D and the offset: an artificial shift is found with its sign, and short or foreign input is refused."""

import pytest
import torch
import torch.nn.functional as F

from vasa_core.audio.mfcc import mfcc
from vasa_core.errors import BadInput
from vasa_core.metrics import sync
from vasa_core.metrics.sync import FPS, _steadied, score_points, score_sync
from vasa_core.types import Audio
from vasa_core.vision.track import FaceTrack

RATE, SAMPLES = 16000, 640  # in a frame


class StandIn:
    """Knows faces whose brightness is the sound's loudness: a code of the frames' means, and of the energies'."""

    def see(self, faces):
        return faces[:, 0, 0, 0].float().unfold(0, 5, 1) / 10

    def hear(self, spectra):
        return spectra[:, 0].unflatten(1, (5, 4)).mean(2)


@pytest.fixture(scope="module")
def scene():
    """Three seconds and a half: a sound whose frames are now loud and now soft, and a face as bright as it is loud."""
    generator = torch.Generator().manual_seed(1)
    loudness = 10 ** (3 * torch.rand(88, generator=generator) - 4)  # of a frame
    samples = torch.randn(88 * SAMPLES, generator=generator) * loudness.repeat_interleave(SAMPLES)
    energy = F.pad(mfcc(samples)[:, 0], (0, 1)).unflatten(0, (88, 4)).mean(1)
    faces = (10 * energy).round().to(torch.uint8)[:, None, None, None].expand(-1, 3, 224, 224)
    return faces, samples


def shifted(samples, frames):
    """The sound, `frames` later where positive, earlier where negative."""
    silence = torch.zeros(abs(frames) * SAMPLES)
    late = torch.cat([silence, samples])[: len(samples)]
    early = torch.cat([samples, silence])[-len(samples) :]
    return Audio(late if frames > 0 else early, RATE)


@pytest.mark.parametrize("late", [-5, 0, 5])
def test_a_shift_of_the_sound_is_found_exactly(scene, late):
    faces, samples = scene
    score = score_sync(StandIn(), faces, FPS, shifted(samples, late) if late else Audio(samples, RATE))
    assert score.offset_frames == -late  # positive: the sound is early, and delaying it puts it right
    assert score.confidence > 3 * score.distance > 0


def test_another_sound_gives_no_confidence(scene):
    faces, samples = scene
    right = score_sync(StandIn(), faces, FPS, Audio(samples, RATE))
    wrong = score_sync(StandIn(), faces, FPS, Audio(samples.flip(0), RATE))
    assert wrong.confidence < 0.3 * right.confidence and wrong.distance > 3 * right.distance


def test_other_rates_of_picture_and_sound_change_little(scene):
    faces, samples = scene
    exact = score_sync(StandIn(), faces, FPS, Audio(samples, RATE))
    doubled = score_sync(StandIn(), faces.repeat_interleave(2, 0), 50, Audio(samples, RATE))
    assert doubled == exact
    finer = score_sync(StandIn(), faces, FPS, Audio(samples.repeat_interleave(2), 2 * RATE))
    assert finer.offset_frames == 0 and finer.confidence == pytest.approx(exact.confidence, rel=0.1)


def test_points_are_compared_as_published():
    """Distances with 1e-6 added to every difference, shifts of up to 15 rows, zeros beyond the ends, a median."""
    generator = torch.Generator().manual_seed(0)
    seen, heard = torch.randn(40, 6, generator=generator), torch.randn(40, 6, generator=generator)
    padded = F.pad(heard, (0, 0, 15, 15))
    means = []
    for shift in range(31):
        rows = [(seen[i] - padded[i + shift] + 1e-6).norm() for i in range(40)]
        means.append(float(torch.stack(rows).mean()))
    score = score_points(seen, heard)
    assert score.distance == pytest.approx(min(means), abs=1e-5)
    assert score.confidence == pytest.approx(sorted(means)[15] - min(means), abs=1e-5)
    assert score.offset_frames == 15 - means.index(min(means))


def test_progress_reaches_the_end_and_can_stop(scene):
    faces, samples = scene
    told = []
    score_sync(StandIn(), faces, FPS, Audio(samples, RATE), lambda done, of: told.append((done, of)))
    assert told[0] == (0, 83) and told[-1] == (83, 83)

    def stop(done, of):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        score_sync(StandIn(), faces, FPS, Audio(samples, RATE), stop)


def test_what_cannot_be_scored_is_refused(scene):
    faces, samples = scene
    with pytest.raises(BadInput, match="1.16 seconds together, too short"):
        score_sync(StandIn(), faces[:29], FPS, Audio(samples, RATE))
    with pytest.raises(BadInput, match="0.48 seconds together, too short"):
        score_sync(StandIn(), faces, FPS, Audio(samples[:8000], RATE))
    with pytest.raises(BadInput, match=r"must be \(T, 3, 224, 224\) of uint8"):
        score_sync(StandIn(), faces.float(), FPS, Audio(samples, RATE))


def test_boxes_are_steadied_by_a_median():
    places = torch.tensor([[1.0], [1.0], [9.0], [1.0], [1.0], [1.0]])
    assert _steadied(places)[:, 0].tolist() == [1.0] * 6


def test_faces_are_cut_with_the_margin_of_the_published_pipeline(monkeypatch):
    """The box reaches from 40, 60 to 140, 160: the square from 20, 60 to 160, 200, and grey where the picture ends."""
    points = torch.tensor([[40.0, 60.0, 0.0], [120.0, 160.0, 0.0], [140.0, 100.0, 0.0]])
    half_size = torch.diag(torch.tensor([0.5, 0.5, 1.0]))
    found = FaceTrack(0.5 * points[None], half_size, 128, torch.zeros(1, dtype=torch.bool), (190, 150))
    monkeypatch.setattr(sync, "track_face", lambda vision, frames, fps: found)
    picture = torch.zeros(3, 190, 150)
    picture[0, 110] = picture[2, :, 90] = 1.0  # red and blue lines through the box's middle
    (face,) = sync.sync_faces(None, [picture], 25.0)
    assert face.shape == (3, 224, 224) and face.dtype == torch.uint8
    pixel = 224 / 140
    assert int(face[0, :200].float().mean(1).argmax()) == pytest.approx(50.5 * pixel, abs=1)
    assert int(face[2, :, :200].float().mean(0).argmax()) == pytest.approx(70.5 * pixel, abs=1)
    assert (face[:, round(131 * pixel) :] == 110).all() and (face[:, :, round(131 * pixel) :] == 110).all()
    assert (face[1, : round(129 * pixel), : round(129 * pixel)] == 0).all()
