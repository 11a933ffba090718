"""What every face model has to keep, whatever it is made of. A face model's own test file calls `check_all`."""

import pytest
import torch

from vasa_core.errors import WrongSpace
from vasa_core.types import FRAME_SIZE, FaceModel, Motion, MotionSpace, Portrait


def lively_motion(model: FaceModel, portrait: Portrait, frames: int, seed: int = 0) -> Motion:
    """Moderate motion about the portrait's rest, different in every frame."""
    generator = torch.Generator().manual_seed(seed)
    pose = portrait.rest.pose.cpu() + torch.randn(frames, 6, generator=generator) * 0.05
    dynamics = portrait.rest.dynamics.cpu() + torch.rand(frames, model.space.dynamics, generator=generator) * 0.3
    return Motion(pose, dynamics, 25.0, model.space)


def extreme_motion(model: FaceModel, portrait: Portrait) -> Motion:
    """Far beyond what any face can do, in both directions."""
    signs = torch.tensor([[1.0], [-1.0]])
    pose = portrait.rest.pose.cpu() + signs * torch.tensor([1.2, 1.5, 1.5, 2.0, 2.0, 1.5])
    dynamics = (signs * 3.0).expand(2, model.space.dynamics)
    return Motion(pose, dynamics.contiguous(), 25.0, model.space)


def check_all(model: FaceModel, portrait: Portrait, rest_levels: float | None = 0.05) -> None:
    """Every clause of the contract, for one encoded portrait of one model.

    rest_levels: mean error, of 255 levels, within which the rest motion gives back the picture; None for a network
    whose weights are not trained.
    """
    check_shapes(model, portrait)
    check_stateless(model, portrait)
    check_chunks(model, portrait)
    check_rest(model, portrait, rest_levels)
    check_wrong_space(model, portrait)
    check_extremes(model, portrait)
    check_input_unchanged(model, portrait)


def check_shapes(model: FaceModel, portrait: Portrait) -> None:
    """T frames of 512 in [0, 1], also for no frame at all."""
    motion = lively_motion(model, portrait, 3)
    frames = model.decode(portrait, motion)
    assert frames.shape == (3, 3, FRAME_SIZE, FRAME_SIZE)
    assert float(frames.min()) >= 0.0 and float(frames.max()) <= 1.0
    assert model.decode(portrait, motion[:0]).shape == (0, 3, FRAME_SIZE, FRAME_SIZE)
    assert len(portrait.rest) == 1 and portrait.rest.space == model.space


def check_stateless(model: FaceModel, portrait: Portrait) -> None:
    """A frame does not depend on its neighbours, nor on what was decoded before."""
    motion = lively_motion(model, portrait, 4, seed=1)
    together = model.decode(portrait, motion)
    for k in (3, 0):
        alone = model.decode(portrait, motion[k : k + 1])[0]
        torch.testing.assert_close(together[k], alone, atol=2e-3, rtol=0.0)
    assert torch.equal(together, model.decode(portrait, motion))


def check_chunks(model: FaceModel, portrait: Portrait) -> None:
    """Chunks of any size give the same film."""
    motion = lively_motion(model, portrait, 11, seed=2)
    whole = model.decode(portrait, motion)
    pieces = torch.cat([model.decode(portrait, motion[k : k + 3]) for k in range(0, 11, 3)])
    torch.testing.assert_close(whole, pieces, atol=2e-3, rtol=0.0)


def check_rest(model: FaceModel, portrait: Portrait, levels: float | None = 0.05) -> None:
    """The rest motion gives back the picture, within `levels` of 255 on average; other motion does not."""
    rest = model.decode(portrait, portrait.rest)[0].cpu()
    if levels is not None:
        assert float((rest - portrait.crop.image.cpu()).abs().mean()) * 255.0 < levels
    moved = model.decode(portrait, lively_motion(model, portrait, 1))[0].cpu()
    assert float((moved - rest).abs().mean()) * 255.0 > 0.5


def check_wrong_space(model: FaceModel, portrait: Portrait) -> None:
    """Motion of another space is refused, even where its width is the same."""
    foreign = MotionSpace("elsewhere", model.space.dynamics)
    motion = Motion(torch.zeros(1, 6), torch.zeros(1, foreign.dynamics), 25.0, foreign)
    with pytest.raises(WrongSpace, match="elsewhere"):
        model.decode(portrait, motion)


def check_extremes(model: FaceModel, portrait: Portrait) -> None:
    """Nothing a motion holds makes a frame that is not a picture."""
    frames = model.decode(portrait, extreme_motion(model, portrait))
    assert bool(torch.isfinite(frames).all())
    assert float(frames.std()) > 0.02


def check_input_unchanged(model: FaceModel, portrait: Portrait) -> None:
    """Decoding writes into neither the motion nor the portrait's picture."""
    motion = lively_motion(model, portrait, 2)
    before = motion.joined().clone(), portrait.crop.image.clone(), portrait.rest.joined().clone()
    model.decode(portrait, motion)
    assert torch.equal(motion.joined(), before[0])
    assert torch.equal(portrait.crop.image, before[1])
    assert torch.equal(portrait.rest.joined(), before[2])
