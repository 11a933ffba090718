"""The face rig: signs and sizes of the head pose, and shapes that do on a portrait what their names say."""

import math

import pytest
import torch

from vasa_core import arkit
from vasa_core.faces.mesh import rig
from vasa_core.faces.mesh import topology as face
from vasa_core.geometry import rotation_from_pose
from vasa_core.weights import checkpoint

CROP = 512
PAIRS = [(n, n[:-4] + "Right") for n in arkit.NAMES if n.endswith("Left")]
OPEN = 0.4


def placed(pitch=0.0, yaw=0.0, roll=0.0, unit=118.0, dynamics=None):
    """The canonical face in the middle of a crop, turned by angles in degrees, with an expression."""
    mesh = rig.canonical_mesh()
    local = mesh.vertices.double().clone()
    for name, value in (dynamics or {}).items():
        local[: face.VERTICES] += value * mesh.shapes[arkit.INDEX[name]].double()
    turn = rotation_from_pose(torch.tensor([pitch, yaw, roll]).double().deg2rad())
    return local @ turn.mT * unit + torch.tensor([CROP / 2, CROP / 2, 0.0]).double()


def shape(shapes, name):
    return shapes[arkit.INDEX[name]]


def test_the_table_follows_arkit_and_is_symmetric():
    mesh = rig.canonical_mesh()
    _, header = checkpoint.load(checkpoint.shipped(rig.FILE_NAME), rig.ARCHITECTURE)
    assert header["shapes"].split(",") == list(arkit.NAMES)
    assert mesh.shapes.shape == (52, 468, 3) and mesh.vertices.shape == (478, 3)
    assert torch.isfinite(mesh.shapes).all() and mesh.shapes.abs().amax((1, 2)).min() > 0.005  # none is empty
    mirrored = mesh.shapes[:, mesh.mirror[:468]] * torch.tensor([-1.0, 1.0, 1.0])
    for left, right in PAIRS:
        torch.testing.assert_close(shape(mirrored, left), shape(mesh.shapes, right), atol=2e-4, rtol=0)
    for name in set(arkit.NAMES) - {n for pair in PAIRS for n in pair}:
        torch.testing.assert_close(shape(mirrored, name), shape(mesh.shapes, name), atol=2e-4, rtol=0)


@pytest.mark.parametrize("angle", ["pitch", "yaw", "roll"])
@pytest.mark.parametrize("degrees", [-25.0, 12.0])
def test_head_pose_reads_back_each_angle(angle, degrees):
    pose = rig.head_pose(placed(**{angle: degrees}), CROP)
    expected = [degrees if a == angle else 0.0 for a in ("pitch", "yaw", "roll")]
    torch.testing.assert_close(pose[:3].rad2deg(), torch.tensor(expected).double(), atol=0.3, rtol=0)


def test_signs_are_the_viewers():
    straight, nose = placed(), 1
    assert placed(yaw=20)[nose, 0] > straight[nose, 0] + 10  # the nose goes to the viewer's right
    assert placed(pitch=20)[nose, 1] < straight[nose, 1] - 10  # and up
    left_eye = placed(roll=20)[face.EYE_OUTER_LEFT]
    assert left_eye[1] > straight[face.EYE_OUTER_LEFT, 1] + 10  # clockwise: what is on the right goes down


def test_translation_and_scale():
    pose = rig.head_pose(placed(), CROP)
    moved = rig.head_pose(placed() + torch.tensor([25.6, -51.2, 0.0]).double(), CROP)
    torch.testing.assert_close(moved[3:5] - pose[3:5], torch.tensor([0.1, -0.2]).double())
    larger = rig.head_pose(placed(unit=118.0 * 1.3), CROP)
    assert float(larger[5] - pose[5]) == pytest.approx(math.log(1.3), abs=1e-6)
    assert float(rig.head_pose(placed(unit=rig.USUAL_UNIT * CROP), CROP)[5]) == pytest.approx(0.0, abs=1e-3)


def test_deltas_turn_and_grow_with_the_face():
    straight, larger = rig.fit_shapes(placed()), rig.fit_shapes(placed(unit=236.0))
    torch.testing.assert_close(larger, straight * 2)
    quarter = rig.fit_shapes(placed(roll=90))
    down = shape(straight, "jawOpen")[face.CHIN_TIP]
    assert down[1] > 15
    torch.testing.assert_close(shape(quarter, "jawOpen")[face.CHIN_TIP, 0], -down[1])  # clockwise: down is left


def test_jaw_open_and_mouth_close_cancel_at_the_lips():
    shapes = rig.fit_local_shapes(placed())
    both = shape(shapes, "jawOpen") + shape(shapes, "mouthClose")
    assert rig.lip_gaps(both).abs().max() < 2e-4
    assert both[face.CHIN_TIP, 1] > 0.15  # while the jaw is down


@pytest.mark.parametrize("expression", [{}, {"eyeBlinkLeft": 0.4, "eyeWideRight": 0.8}])
def test_a_blink_ends_where_the_lids_meet(expression):
    portrait = placed(yaw=15, dynamics=expression)
    shapes = rig.fit_shapes(portrait)
    for side, (upper, lower, _, _) in (("Right", face.EYE_RIGHT), ("Left", face.EYE_LEFT)):
        closed = portrait[: face.VERTICES] + shape(shapes, "eyeBlink" + side)
        torch.testing.assert_close(closed[list(upper)], closed[list(lower)])


def test_an_open_mouth_is_measured_and_closes():
    assert rig.mouth_opening(placed()) == 0
    portrait = placed(yaw=10, dynamics={"jawOpen": OPEN, "mouthUpperUpLeft": 0.5, "mouthUpperUpRight": 0.5})
    opening = rig.mouth_opening(portrait)
    assert OPEN < opening < OPEN + 0.3
    shapes = rig.fit_local_shapes(portrait)
    local = rig.FaceFrame.from_landmarks(portrait).to_local(portrait)[: face.VERTICES]
    closed = rig.lip_gaps(local - opening * shape(shapes, "jawOpen"))
    torch.testing.assert_close(closed, rig.lip_gaps(rig.canonical_mesh().vertices).double(), atol=2e-3, rtol=0)
    both = shape(shapes, "jawOpen") + shape(shapes, "mouthClose")
    assert rig.lip_gaps(both).abs().max() < 2e-4


def test_weights_take_back_what_would_collide():
    dynamics = torch.zeros(2, 52)
    for name, value in (("eyeLookDownLeft", 1.0), ("eyeLookDownRight", 1.0), ("eyeBlinkLeft", 1.0)):
        dynamics[:, arkit.INDEX[name]] = value
    dynamics[0, arkit.INDEX["jawOpen"]], dynamics[:, arkit.INDEX["mouthClose"]] = 0.3, 0.8
    before = dynamics.clone()
    weights = rig.shape_weights(dynamics)
    assert dynamics.equal(before)
    assert weights[0, arkit.INDEX["eyeLookDownLeft"]] == 0 and weights[0, arkit.INDEX["eyeLookDownRight"]] == 1
    torch.testing.assert_close(weights[:, arkit.INDEX["mouthClose"]], torch.tensor([0.3, 0.0]))


def test_parting_lips_keep_their_corners_together():
    portrait = placed()
    shapes, dynamics = rig.fit_local_shapes(portrait), torch.zeros(3, 52, dtype=torch.float64)
    dynamics[:, arkit.INDEX["jawOpen"]] = torch.tensor([0.0, 0.15, 1.0])
    weights = rig.shape_weights(dynamics)
    assert weights.shape == (3, 53) and len(shapes) == 53 and weights[0, 52] == 0
    assert weights[2, 52] == rig.SEAL_STRENGTH
    gaps = rig.lip_gaps(torch.einsum("tk,kvc->tvc", weights, shapes))  # (3, 9)
    profile = gaps / gaps[:, 4:5]
    assert profile[1, 2] < 0.68 < profile[2, 2]  # a slightly open mouth is narrower than a wide open one
    assert profile[1, 1] < 0.42 and gaps[1].min() > -0.006
    opened = rig.fit_local_shapes(placed(dynamics={"jawOpen": OPEN}))
    assert opened[52].abs().max() == 0


def test_lips_that_all_but_touch_do_touch():
    shapes, dynamics = rig.fit_local_shapes(placed()), torch.zeros(3, 52, dtype=torch.float64)
    dynamics[:, arkit.INDEX["jawOpen"]] = torch.tensor([0.02, 0.04, 0.3])
    plain = rig.lip_gaps(shapes[arkit.INDEX["jawOpen"]])[4] * dynamics[:, arkit.INDEX["jawOpen"]]
    shown = rig.lip_gaps(torch.einsum("tk,kvc->tvc", rig.shape_weights(dynamics), shapes))[:, 4]
    assert shown[0] < 0.3 * plain[0] and shown[1] < 0.75 * plain[1] and shown[2] > 0.85 * plain[2]
    assert shown.min() > -0.002 and shown.diff().min() > 0  # never through each other, and always in order


def test_irises_turn_like_eyeballs():
    dynamics = torch.zeros(3, 52)
    dynamics[0, [arkit.INDEX["eyeLookOutLeft"], arkit.INDEX["eyeLookInRight"]]] = 1.0  # both to the viewer's right
    dynamics[1, [arkit.INDEX["eyeLookUpLeft"], arkit.INDEX["eyeLookUpRight"]]] = 1.0
    shift = rig.iris_shift(dynamics)
    expected = (
        torch.tensor([[0.5, 0.0], [0.0, -math.sin(math.radians(20))], [0.0, 0.0]]) * rig.EYEBALL_RADIUS * rig.IRIS_GAIN
    )
    torch.testing.assert_close(shift, expected[:, None].expand(3, 2, 2))
