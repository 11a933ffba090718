"""Time on the frame grid."""

from fractions import Fraction

import pytest
import torch

from vasa_core.audio.align import frame_count, resample_features, sample_span
from vasa_core.errors import BadAudio


@pytest.mark.parametrize("fps", [24, 25, 29.97, 30, 60])
@pytest.mark.parametrize("duration", [0.3, 1.0, 7.77, 61.0, 3600.0])
def test_video_covers_the_sound_within_a_frame(duration, fps):
    frames = frame_count(duration, fps)
    assert -1e-6 <= frames - duration * fps < 1


def test_whole_numbers_stay_in_spite_of_rounding():
    assert frame_count(0.1 + 0.2, 10) == 3
    assert frame_count(40 * 0.04, 25) == 40
    assert frame_count(0.0, 25) == 1


@pytest.mark.parametrize(("source_fps", "first_time"), [(50, 0.0125), (100, 0.0), (25, 0.02)])
@pytest.mark.parametrize("fps", [25, 29.97, 30])
def test_a_ramp_over_time_keeps_its_times(source_fps, first_time, fps):
    rows = 60 * source_fps
    times = first_time + torch.arange(rows, dtype=torch.float64) / source_fps
    values = torch.stack([times, -times], dim=1)
    frames = frame_count(60, fps)
    expected = (torch.arange(frames, dtype=torch.float64) / fps).clamp(times[0], times[-1])
    result = resample_features(values, source_fps, first_time, frames, fps)
    torch.testing.assert_close(result, torch.stack([expected, -expected], dim=1), atol=1e-9, rtol=0)


def test_49_rows_of_a_second_become_25_frames():
    values = torch.arange(49.0)[:, None]
    result = resample_features(values, 50, 0.0125, 25, 25)
    assert result.shape == (25, 1)
    assert result[0] == 0 and result[-1] == pytest.approx((24 / 25 - 0.0125) * 50, abs=1e-4)


def test_ends_hold_and_a_single_row_is_constant():
    assert resample_features(torch.tensor([[3.0]]), 50, 0.0, 7, 25).eq(3.0).all()
    assert resample_features(torch.tensor([[1.0], [2.0]]), 50, 0.0, 10, 25)[5:].eq(2.0).all()
    with pytest.raises(BadAudio, match="empty"):
        resample_features(torch.zeros(0, 4), 50, 0.0, 5, 25)


@pytest.mark.parametrize("fps", [25, 23.976, Fraction(30000, 1001), 24])
def test_sound_of_frames_meets_and_never_drifts(fps):
    spans = [sample_span(first, 10, fps, 16000) for first in range(0, 100_000, 10)]
    assert all(before[1] == after[0] for before, after in zip(spans[:-1], spans[1:], strict=True))
    assert abs(spans[-1][1] - 100_000 * 16000 / fps) <= 0.5
