"""The convolutions with fewer multiplications against torch's own in float64, also where maps end and strips meet."""

import pytest
import torch
import torch.nn.functional as F

from vasa_core.faces.liveportrait import convolution
from vasa_core.faces.liveportrait.convolution import (
    AFTER_4,
    FOURIER_7,
    REPEATED_2,
    REPEATED_4,
    WINOGRAD,
    Bilinear,
    Direct,
    Scratch,
    prepare,
)

BATCH, DEPTH, CHANNELS = 3, 4, 5


def draw(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(sum(shape)))


def reference(x, weight, bias, repeats):
    """Published order of things: repeat, then convolve. (B, D, H, W, C) in and out."""
    x = F.interpolate(x.permute(0, 4, 1, 2, 3).double(), scale_factor=(1, repeats, repeats))
    return F.conv3d(x, weight.double(), bias.double(), padding=[n // 2 for n in weight.shape[2:]]).permute(
        0, 2, 3, 4, 1
    )


@pytest.mark.parametrize("strip", [1, 1 << 22])
@pytest.mark.parametrize(
    ("algorithm", "repeats", "taps", "depth_taps", "outputs"),
    [
        (WINOGRAD, 1, 3, 1, 6),
        (WINOGRAD, 1, 3, 3, 6),
        (WINOGRAD, 1, 3, 3, 100),
        (REPEATED_2, 2, 3, 1, 6),
        (REPEATED_2, 2, 3, 3, 100),
        (FOURIER_7, 1, 7, 7, 6),
        (FOURIER_7, 1, 7, 7, 40),
    ],
)
def test_equals_the_convolution(algorithm, repeats, taps, depth_taps, outputs, strip, monkeypatch):
    monkeypatch.setattr(convolution, "STRIP", strip)
    x = draw(BATCH, DEPTH, 32, 16, CHANNELS)
    weight, bias = draw(outputs, CHANNELS, depth_taps, taps, taps), draw(outputs)
    expected = reference(x, weight, bias, repeats)
    for kind in (Bilinear, Direct) if repeats == 1 else (Bilinear,):
        ours = kind(weight, bias, algorithm, Scratch())(x)
        torch.testing.assert_close(ours.double(), expected, rtol=0, atol=4e-6 * float(expected.abs().max()))


@pytest.mark.parametrize("kind", [Bilinear, Direct])
def test_two_convolutions_of_a_map_repeated_four_times(kind):
    x, first, second = draw(2, 1, 8, 4, CHANNELS), draw(6, CHANNELS, 1, 3, 3), draw(7, 6, 1, 3, 3)
    hidden = Bilinear(first, None, REPEATED_4, Scratch())(x).relu_()  # (2, 1, 24, 12, 6)
    ours = kind(second, draw(7), AFTER_4, Scratch())(hidden)
    expected = reference(reference(x, first, torch.zeros(6), 4).relu(), second, draw(7), 1)
    torch.testing.assert_close(ours.double(), expected, rtol=0, atol=4e-6 * float(expected.abs().max()))


def test_writes_into_a_part_of_a_wider_map():
    x, weight = draw(1, 2, 8, 8, CHANNELS), draw(6, CHANNELS, 3, 3, 3)
    wide = torch.zeros(1, 2, 16, 16, 10)
    prepare(weight, None, REPEATED_2, Scratch())(x, wide[..., 2:8])
    expected = reference(x, weight, torch.zeros(6), 2)
    torch.testing.assert_close(wide[..., 2:8].double(), expected, rtol=0, atol=1e-5)
    assert wide[..., :2].abs().max() == 0 and wide[..., 8:].abs().max() == 0


def test_half_precision_takes_the_kind_that_keeps_its_accuracy():
    weight = draw(6, CHANNELS, 3, 3)
    assert isinstance(prepare(weight, None, WINOGRAD, Scratch()), Bilinear)
    half = weight.bfloat16()
    assert isinstance(prepare(half, None, WINOGRAD, Scratch()), Direct)
    assert isinstance(prepare(half, None, AFTER_4, Scratch()), Direct)
    assert isinstance(prepare(half, None, REPEATED_4, Scratch()), Bilinear)
    x = draw(1, 1, 8, 8, CHANNELS)
    for algorithm, repeats in ((WINOGRAD, 1), (REPEATED_2, 2)):
        ours = prepare(half, draw(6).bfloat16(), algorithm, Scratch())(x.bfloat16()).double()
        expected = reference(x, weight[:, :, None], draw(6), repeats)
        assert float((ours - expected).abs().max() / expected.abs().max()) < 0.03


def test_scratch_hands_out_the_same_memory_again():
    scratch, like = Scratch(), torch.zeros(1)
    first = scratch.take("a", like, 4, 5)
    assert scratch.take("a", like, 2, 3).data_ptr() == first.data_ptr()
    assert scratch.take("b", like, 2, 3).data_ptr() != first.data_ptr()
    assert scratch.take("a", like, 5, 5).shape == (5, 5)


def test_a_pause_comes_before_every_strip_and_can_end_the_work():
    class Enough(Exception):
        pass

    def stop():
        raise Enough

    for kind in (Bilinear, Direct):
        convolution = kind(draw(4, 3, 1, 3, 3), None, WINOGRAD, Scratch(stop))
        with pytest.raises(Enough):
            convolution(draw(1, 1, 8, 8, 3))
