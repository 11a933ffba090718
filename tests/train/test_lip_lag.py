"""Sound that is late or early is found by the lips, and nothing is concluded from little."""

import pytest
import torch
import torch.nn.functional as F

from vasa_core.train.lip_lag import lag_of_sound


def opening(frames, seed):
    noise = torch.randn(frames + 4, generator=torch.Generator().manual_seed(seed))
    return F.avg_pool1d(noise[None], 5, 1)[0]


def heard_late(seen, frames, noise=0.3):
    return seen.roll(frames) + noise * torch.randn(len(seen), generator=torch.Generator().manual_seed(9))


@pytest.mark.parametrize("late", [0, 2, 8, -8, 14])
@pytest.mark.parametrize("fps", [25.0, 30.0])
def test_the_lag_is_found_over_several_clips(late, fps):
    seen = [opening(200, 1), opening(150, 2)]
    lag = lag_of_sound(seen, [heard_late(clip, late) for clip in seen], fps)
    assert lag.seconds == pytest.approx(late / fps) and lag.sure
    assert lag.bad == (abs(late) > 5)


def test_weak_evidence_is_none():
    seen = [opening(400, 1)]
    assert not lag_of_sound(seen, [opening(400, 2)], 25.0).sure  # a voice that has nothing to do with it
    assert not lag_of_sound([seen[0][:200]], [heard_late(seen[0][:200], 8)], 25.0).sure  # eight seconds
    assert not lag_of_sound([torch.zeros(400)], [opening(400, 2)], 25.0).sure
    assert not lag_of_sound([], [], 25.0).sure
