"""The picture of a motion."""

import numpy as np
import pytest
import torch

from vasa_core.arkit import ARKIT, INDEX
from vasa_core.motion.plot import contact_sheet, plot_motion
from vasa_core.types import Motion, MotionSpace


@pytest.mark.parametrize("frames", [1, 2, 40, 3000])
def test_any_length(frames):
    picture = plot_motion(Motion(torch.zeros(frames, 6), torch.zeros(frames, 52), 25.0, ARKIT), width=600)
    assert picture.width == 600 and picture.mode == "RGB"


def test_a_blink_shows():
    still = Motion(torch.zeros(50, 6), torch.zeros(50, 52), 25.0, ARKIT)
    dynamics = torch.zeros(50, 52)
    dynamics[20:24, INDEX["eyeBlinkLeft"]] = dynamics[20:24, INDEX["eyeBlinkRight"]] = 1.0
    difference = np.abs(
        np.asarray(plot_motion(still), dtype=int)
        - np.asarray(plot_motion(Motion(still.pose, dynamics, 25.0, ARKIT)), dtype=int)
    ).max(axis=2)
    columns = np.flatnonzero(difference.max(axis=0) > 30)
    width = 1200 - 64 - 132
    assert 64 + 0.37 * width < columns.min() and columns.max() < 64 + 0.52 * width  # about 0.8 s of 2 s


def test_other_spaces_and_contact_sheet():
    other = Motion(torch.randn(50, 6), torch.randn(50, 7), 25.0, MotionSpace("other", 7))
    assert plot_motion(other).height > 200
    assert contact_sheet(torch.rand(10, 3, 64, 64), columns=4, size=32).size == (128, 96)
    assert contact_sheet(torch.zeros(2, 64, 64, 3, dtype=torch.uint8), size=32).size == (64, 32)
