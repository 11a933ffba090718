import torch

from vasa_core.arkit import ARKIT, INDEX
from vasa_core.motion.channels import SPOKEN, arkit_channels, lip_aperture, plain_channels
from vasa_core.train.behaviour import set_look
from vasa_core.types import MotionSpace


def motion(**shapes: float) -> torch.Tensor:
    values = torch.zeros(1, ARKIT.width)
    for name, value in shapes.items():
        values[0, 6 + INDEX[name]] = value
    return values


def test_valid_motion_survives_the_round_trip():
    import numpy as np

    channels = arkit_channels()
    channels.mean.normal_()
    channels.scale.uniform_(0.5, 2.0)
    values = motion(
        jawOpen=0.5, mouthClose=0.2, mouthSmileLeft=0.4, mouthSmileRight=0.1, browInnerUp=0.3, mouthPucker=0.2
    )
    shapes = values[:, 6:].numpy()
    set_look(shapes, np.array([[0.2, -0.1]]))
    values[:, :6] = torch.randn(1, 6)
    assert torch.allclose(channels.restore(channels.normalise(values)), values, atol=1e-5)


def test_aperture_is_what_the_jaw_opens_and_the_lips_do_not_close():
    channels = arkit_channels()
    k = channels.names.index("aperture")
    assert abs(channels.normalise(motion(jawOpen=0.5, mouthClose=0.2))[0, k].item() - 0.3) < 1e-6


def test_lips_that_part_further_than_the_jaw_survive_the_round_trip_and_read_back():
    """s and t: the jaw is almost shut, the lips are not."""
    channels = arkit_channels()
    channels.mean.normal_()
    values = motion(jawOpen=0.05, mouthLowerDownLeft=0.24, mouthLowerDownRight=0.24, mouthUpperUpLeft=0.16,
                    mouthUpperUpRight=0.16)  # fmt: skip
    assert torch.allclose(channels.restore(channels.normalise(values)), values, atol=1e-5)
    assert abs(lip_aperture(values[:, 6:]).item() - 0.2) < 1e-6
    assert abs(channels.restore(channels.normalise(values))[0, 6 + INDEX["mouthClose"]].item()) < 1e-6


def test_parted_lips_part_on_the_face_as_far_as_the_jaw_would():
    """One unit of aperture is one opening, whether the jaw or the lips make it."""
    from vasa_core.faces.mesh.rig import canonical_mesh, lip_gaps
    from vasa_core.train.expression import speak

    curves = torch.tensor([[0.3, 0.3, 0, 0, 0, 0], [0.1, 0.3, 0, 0, 0, 0]]).numpy()
    shapes = torch.from_numpy(speak(curves)).float()  # (2, 52)
    by_jaw, by_lips = shapes @ lip_gaps(canonical_mesh().shapes)[:, 4]
    assert abs(by_lips / by_jaw - 1) < 0.05


def test_what_is_spoken_is_named_among_the_channels():
    assert set(SPOKEN) <= set(arkit_channels().names)


def test_lips_never_close_further_than_shut():
    channels = arkit_channels()
    values = channels.normalise(motion(jawOpen=0.1))
    values[0, channels.names.index("aperture")] = -0.7
    restored = channels.restore(values)[0, 6:]
    assert torch.isclose(restored[INDEX["mouthClose"]], restored[INDEX["jawOpen"]])


def test_dynamics_stay_within_their_range_and_pose_is_free():
    restored = arkit_channels().restore(
        10 * torch.randn(200, len(arkit_channels()), generator=torch.Generator().manual_seed(1))
    )
    assert restored[:, 6:].min() >= 0 and restored[:, 6:].max() <= 1
    assert restored[:, :6].abs().max() > 5


def test_any_space_has_plain_channels():
    space = MotionSpace("other", 7)
    values = 3 * torch.randn(4, space.width)
    channels = plain_channels(space)
    channels.fit(values, 0.05)
    assert torch.allclose(channels.restore(channels.normalise(values)), values, atol=1e-5)
