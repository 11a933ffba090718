"""The motion reader: what the rig is told to do, the reader reads back; and its two numerical tools."""

import pytest
import torch

from vasa_core import arkit
from vasa_core.errors import BadInput
from vasa_core.faces.mesh import reader, rig
from vasa_core.faces.mesh.fitting import bounded_least_squares, smooth, soften
from vasa_core.faces.mesh.posing import posed_landmarks
from vasa_core.geometry import rotation_from_pose
from vasa_core.types import Motion

CROP, FPS, FRAMES, ACT = 512, 25.0, 40, 18
PORTRAIT = rig.canonical_mesh().vertices.double() * 118.0 + torch.tensor([256.0, 250.0, 0.0]).double()


def rest() -> Motion:
    return Motion(rig.head_pose(PORTRAIT, CROP)[None].float(), torch.zeros(1, 52), FPS, arkit.ARKIT)


def acted(pose=None, **coefficients) -> Motion:
    """Rest for most of the clip, then a rise to the given pose and coefficients, and back."""
    swell = torch.cat([torch.zeros(FRAMES - ACT), torch.sin(torch.linspace(0, torch.pi, ACT)) ** 2])[:, None]  # (T, 1)
    target = torch.zeros(52)
    for name, value in coefficients.items():
        target[arkit.INDEX[name]] = value
    turned = rest().pose + swell * torch.tensor(pose or [0.0] * 6)
    return Motion(turned, swell * target, FPS, arkit.ARKIT)


def read(motion: Motion) -> Motion:
    return reader.motion_from_landmarks(posed_landmarks(PORTRAIT, rest(), motion, CROP), FPS, CROP)


def test_pose_comes_back():
    motion = acted(pose=[0.15, -0.3, 0.1, 0.2, -0.1, 0.25])
    back = read(motion)
    assert len(back) == FRAMES and back.space == arkit.ARKIT and back.fps == FPS
    torch.testing.assert_close(back.pose, motion.pose, atol=4e-3, rtol=0)
    assert back.dynamics.max() < 0.05


@pytest.mark.parametrize(
    "coefficients",
    [
        {"jawOpen": 0.7},
        {"jawOpen": 0.6, "mouthClose": 0.5},
        {"mouthSmileLeft": 0.8, "mouthSmileRight": 0.8},
        {"mouthPucker": 0.9},
        {"browDownLeft": 0.7, "browDownRight": 0.7},
        {"eyeBlinkLeft": 0.6, "eyeBlinkRight": 0.6},
        {"eyeLookOutLeft": 0.8, "eyeLookInRight": 0.8},
        {"eyeLookUpLeft": 0.7, "eyeLookUpRight": 0.7},
    ],
    ids=lambda c: next(iter(c)),
)
def test_expressions_come_back(coefficients):
    pose = [0.1, 0.15, 0.05, 0.0, 0.0, 0.0]
    back, truth = read(acted(pose, **coefficients)).dynamics, acted(pose, **coefficients).dynamics
    for name in coefficients:
        k = arkit.INDEX[name]
        tolerance = 0.3 if name.startswith("eyeBlink") else 0.12  # a filmed shut eye is not quite shut
        assert (back[:, k] - truth[:, k]).abs().max() < tolerance, name
    # and looks the same, whatever mixture of shapes was found
    seen = posed_landmarks(PORTRAIT, rest(), Motion(rest().pose.expand(FRAMES, 6), back, FPS, arkit.ARKIT), CROP)
    meant = posed_landmarks(PORTRAIT, rest(), Motion(rest().pose.expand(FRAMES, 6), truth, FPS, arkit.ARKIT), CROP)
    lips = list(reader.LIPS)
    assert (seen - meant)[:, lips, :2].norm(dim=-1).mean() < 0.01 * 118


def test_a_mouth_open_throughout_is_open_from_the_first_frame():
    motion = acted(jawOpen=0.0)
    motion.dynamics[:, arkit.INDEX["jawOpen"]] = 0.5
    back = read(motion).dynamics[:, arkit.INDEX["jawOpen"]]
    torch.testing.assert_close(back, torch.full_like(back, 0.5), atol=0.06, rtol=0)


def test_mouth_close_never_exceeds_jaw_open():
    back = read(acted(jawOpen=0.5, mouthClose=0.5, mouthRollLower=0.8)).dynamics
    assert (back[:, arkit.INDEX["mouthClose"]] <= back[:, arkit.INDEX["jawOpen"]] + 1e-4).all()


def test_gaze_is_held_through_a_blink():
    landmarks = posed_landmarks(PORTRAIT, rest(), acted(eyeBlinkLeft=1.0, eyeBlinkRight=1.0), CROP)
    landmarks[FRAMES - ACT // 2 - 3 : FRAMES - ACT // 2 + 3, 468:, 1] += 8  # irises are guesses behind lids
    back = reader.motion_from_landmarks(landmarks, FPS, CROP).dynamics
    assert back[:, [arkit.INDEX["eyeLookDownLeft"], arkit.INDEX["eyeLookDownRight"]]].max() < 0.1
    assert back[:, arkit.INDEX["eyeBlinkLeft"]].max() > 0.9


@pytest.mark.parametrize("frames", [1, 4, 5])
def test_short_clips(frames):
    back = reader.motion_from_landmarks(PORTRAIT.repeat(frames, 1, 1), FPS, CROP)
    assert len(back) == frames and back.dynamics.abs().max() < 1e-3


def test_bad_landmarks_are_named():
    with pytest.raises(BadInput, match="frames, 478, 3"):
        reader.motion_from_landmarks(torch.zeros(0, 478, 3), FPS)
    with pytest.raises(BadInput, match="not finite"):
        reader.motion_from_landmarks(torch.full((3, 478, 3), float("nan")), FPS)


def test_bounded_least_squares_satisfies_the_optimality_conditions():
    g = torch.Generator().manual_seed(0)
    basis, targets = (torch.randn(*s, generator=g).double() for s in ((30, 8), (20, 30)))
    ridge = torch.full((8,), 0.3).double()
    x = bounded_least_squares(basis, targets, ridge, 0.4, settled=0.0)
    gradient = (x @ basis.mT - targets) @ basis + x * ridge**2
    assert x.min() >= 0 and x.max() <= 0.4
    at_zero, at_top = x == 0, x == 0.4
    assert at_zero.any() and at_top.any()
    assert gradient[at_zero].min() > -1e-9 and gradient[at_top].max() < 1e-9
    assert gradient[~at_zero & ~at_top].abs().max() < 1e-9


def test_smoothing_keeps_parabolas_and_has_the_published_weights():
    t = torch.arange(12).double()
    parabola = torch.stack([t**2 - 3 * t, 4 - t], dim=1)
    torch.testing.assert_close(smooth(parabola), parabola)
    impulse = torch.zeros(11, 1).double()
    impulse[5] = 1.0
    published = torch.tensor([-3.0, 12.0, 17.0, 12.0, -3.0]).double() / 35  # Savitzky and Golay 1964
    torch.testing.assert_close(smooth(impulse)[3:8, 0], published)


def test_softening_keeps_a_two_frame_closure():
    opening = torch.tensor([1.0, 1.0, 0.0, 0.0, 1.0, 1.0])
    torch.testing.assert_close(soften(opening), torch.tensor([1.0, 0.875, 0.125, 0.125, 0.875, 1.0]))
    assert soften(torch.ones(1, 3)).equal(torch.ones(1, 3))


def blendshapes(frames: int, **values: float) -> dict[str, torch.Tensor]:
    named = {n: torch.zeros(frames) for n in ("_neutral", *arkit.NAMES) if n != "tongueOut"}
    return named | {n: torch.full((frames,), v) for n, v in values.items()}


def camera_matrices(angles: list[float], place: list[float], frames: int = 3) -> torch.Tensor:
    """MediaPipe's convention: x right, y up, z towards the viewer, in cm; the first frame is straight at 50 cm."""
    flip = torch.diag(torch.tensor([1.0, -1.0, -1.0]))
    turns = rotation_from_pose(torch.tensor([[0.0] * 3] * (frames - 1) + [angles]))
    matrices = torch.eye(4).repeat(frames, 1, 1)
    matrices[:, :3, :3] = flip @ turns @ flip
    matrices[:, :3, 3] = torch.tensor([[0.0, 0.0, -50.0]] * (frames - 1) + [place])
    return matrices


def test_blendshapes_and_matrices_become_motion():
    motion = reader.motion_from_blendshapes(
        blendshapes(3, jawOpen=0.4, eyeBlinkLeft=0.9), camera_matrices([0.1, 0.2, -0.3], [4.0, 3.0, -40.0]), FPS
    )
    assert len(motion) == 3
    assert motion.dynamics[:, arkit.INDEX["jawOpen"]].allclose(torch.tensor(0.4))
    assert motion.dynamics[0].sum() == pytest.approx(1.3)
    torch.testing.assert_close(motion.pose[2, :3], torch.tensor([0.1, 0.2, -0.3]), atol=1e-5, rtol=0)
    assert motion.pose[:2].abs().max() < 1e-5
    assert motion.pose[2, 3] > 0.05 and motion.pose[2, 4] < -0.05 and motion.pose[2, 5] > 0.1  # right, up, nearer


def test_bad_blendshapes_are_named():
    lacking = blendshapes(3)
    del lacking["mouthPucker"]
    with pytest.raises(BadInput, match="mouthPucker"):
        reader.motion_from_blendshapes(lacking, camera_matrices([0.0] * 3, [0, 0, -50.0]), FPS)
    with pytest.raises(BadInput, match="length"):
        reader.motion_from_blendshapes(blendshapes(2), camera_matrices([0.0] * 3, [0, 0, -50.0]), FPS)
    with pytest.raises(BadInput, match="4, 4"):
        reader.motion_from_blendshapes(blendshapes(0), torch.zeros(0, 4, 4), FPS)
