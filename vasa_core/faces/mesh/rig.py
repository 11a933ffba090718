"""The face rig: where the head is in a picture, and how each ARKit shape moves this face's 468 vertices.

The shapes are authored once on a canonical mesh (tools/author_mesh.py) and shipped; here they are laid into the
portrait by its own axes and size, and fitted where faces differ: the width of the mouth, the opening of each eye,
the exact line on which the lids meet, and an open mouth that has to close.

Local coordinates of a face: x to the subject's left (the viewer's right), y down to the chin, z into the head; the
unit is the distance between the outer eye corners (about 90 mm); the origin lies midway between them.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor

from ... import arkit
from ...geometry import pose_from_rotation
from ...weights import checkpoint
from . import topology as face

ARCHITECTURE, FILE_NAME = "mesh-rig-2", "mesh.safetensors"
EYEBALL_RADIUS = 0.14  # units: 12 mm
IRIS_GAIN = 1.3  # trackers drag the lids' corners along with a drawn iris, and see this much less of its way
USUAL_UNIT = 0.23  # of the crop's side; a face of this size has log scale 0
MOUTH_SCALE = (0.75, 1.25)
BLINK_UPPER, BLINK_LOWER = 0.90, 0.10  # how far each lid goes to meet the other
OPEN_MOUTH = 0.05  # jawOpen coefficients below this are a closed mouth
SEAL_OPENING = 0.06  # units: lips that part less than this in the middle keep together towards the corners
SEAL_STRENGTH = 0.5  # of the authored seal; the whole of it closes small openings of one-sided mouths
TOUCHING = 0.025  # units: lips that part less than this are soft enough to touch
LID_NAMES = tuple(n for n in arkit.NAMES if n.startswith(("eyeLook", "eyeWide", "eyeSquint")))
_SIDES = (("Right", face.EYE_RIGHT), ("Left", face.EYE_LEFT))


@dataclass(frozen=True)
class CanonicalMesh:
    """vertices (478, 3) of an average face in local coordinates, symmetric about x = 0; mirror (478,) the index of
    each vertex's mirror image; shapes (52, 468, 3) deltas in the order of arkit.NAMES; correctives (1, 468, 3)
    deltas of the shapes that other shapes bring along: the lip seal."""

    vertices: Tensor
    mirror: Tensor
    shapes: Tensor
    correctives: Tensor


@lru_cache(maxsize=1)
def canonical_mesh() -> CanonicalMesh:
    """The shipped mesh, on the CPU. Raises WeightsError where the file is missing or not ours."""
    tensors, _ = checkpoint.load(checkpoint.shipped(FILE_NAME), ARCHITECTURE)
    return CanonicalMesh(
        tensors["vertices"], tensors["mirror"], tensors["shapes"].float(), tensors["correctives"].float()
    )


@dataclass(frozen=True)
class FaceFrame:
    """Position of a head in a picture. All in pixels of that picture; batched over any leading dimensions.

    axes (..., 3, 3): columns are the local x, y, z axes. unit (...): distance of the outer eye corners.
    origin (..., 3): midway between them. centre (..., 3): the point about which a head turn is described, at the
    depth of the ears, half way from forehead to chin.
    """

    axes: Tensor
    unit: Tensor
    origin: Tensor
    centre: Tensor

    @staticmethod
    def from_landmarks(landmarks: Tensor) -> FaceFrame:
        """landmarks (..., 478, 3) in pixels, z negative towards the camera."""
        point = landmarks.unbind(-2)
        right, left = point[face.EYE_OUTER_RIGHT], point[face.EYE_OUTER_LEFT]
        ear_right, ear_left = point[face.EAR_RIGHT], point[face.EAR_LEFT]
        forehead, chin = point[face.FOREHEAD_TOP], point[face.CHIN_TIP]
        x = torch.nn.functional.normalize((left - right) + (ear_left - ear_right), dim=-1)
        y = chin - forehead
        y = torch.nn.functional.normalize(y - x * (x * y).sum(-1, keepdim=True), dim=-1)
        axes = torch.stack([x, y, torch.linalg.cross(x, y)], dim=-1)
        ears, middle = (ear_right + ear_left) / 2, (forehead + chin) / 2
        centre = torch.stack([(ears + middle)[..., 0] / 2, middle[..., 1], ears[..., 2]], dim=-1)
        return FaceFrame(axes, (left - right).norm(dim=-1), (left + right) / 2, centre)

    def to_local(self, points: Tensor) -> Tensor:
        """Points (..., N, 3) in pixels -> local coordinates."""
        return (points - self.origin[..., None, :]) @ self.axes / self.unit[..., None, None]


def head_pose(landmarks: Tensor, crop_size: int) -> Tensor:
    """Head pose (..., 6) as in types.Motion, of landmarks (..., 478, 3) in a crop of `crop_size` pixels.

    Translation is that of FaceFrame.centre from the middle of the crop, in half-crops; log scale is 0 where the
    outer eye corners are USUAL_UNIT crops apart.
    """
    frame = FaceFrame.from_landmarks(landmarks)
    angles = pose_from_rotation(frame.axes)  # (..., 3)
    shift = frame.centre[..., :2] * (2.0 / crop_size) - 1.0
    log_scale = torch.log(frame.unit / (USUAL_UNIT * crop_size))
    return torch.cat([angles, shift, log_scale[..., None]], dim=-1)


def eye_opening(points: Tensor) -> Tensor:
    """(..., 2) mean lid distance of the right and the left eye relative to the eye's width; points (..., 478, 3)."""
    openings = []
    for _, (upper, lower, _, _) in _SIDES:
        width = (points[..., upper[-1], :2] - points[..., upper[0], :2]).norm(dim=-1)
        gaps = (points[..., list(upper[2:-2]), :2] - points[..., list(lower[2:-2]), :2]).norm(dim=-1)
        openings.append(gaps.mean(-1) / width)
    return torch.stack(openings, dim=-1)


def lip_gaps(local: Tensor) -> Tensor:
    """(..., 9) vertical distance of the inner lip lines without the corners, in units; local (..., 468+, 3)."""
    upper, lower = list(face.UPPER_LIP_INNER[1:-1]), list(face.LOWER_LIP_INNER[1:-1])
    return local[..., lower, 1] - local[..., upper, 1]


def mouth_opening(landmarks: Tensor) -> Tensor:
    """(...) jawOpen coefficient that would open a closed mouth as far as it is open in `landmarks` (..., 478, 3).

    0 for a mouth that counts as closed. A portrait's rest motion holds this value, so that jawOpen 0 closes it.
    """
    mesh = canonical_mesh()
    closed, jaw = (lip_gaps(v.to(landmarks)) for v in (mesh.vertices, mesh.shapes[arkit.INDEX["jawOpen"]]))
    gaps = lip_gaps(FaceFrame.from_landmarks(landmarks).to_local(landmarks)) - closed
    opening = (gaps * jaw).sum(-1) / jaw.square().sum()
    return torch.where(opening < OPEN_MOUTH, torch.zeros_like(opening), opening)


def fit_shapes(landmarks: Tensor) -> Tensor:
    """All shapes on this face: (53, 468, 3) deltas in picture pixels; landmarks (478, 3) of the portrait.

    The 52 of arkit.NAMES and the corrective; combine them with `shape_weights(dynamics) - shape_weights(rest)`.
    jawOpen 1 with mouthClose 1 brings the lips back together; eyeBlink 1 makes the lid lines meet.
    """
    frame = FaceFrame.from_landmarks(landmarks)
    return fit_local_shapes(landmarks) @ frame.axes.mT * frame.unit


def fit_local_shapes(landmarks: Tensor) -> Tensor:
    """As fit_shapes, in local coordinates and units."""
    mesh = canonical_mesh()
    local = FaceFrame.from_landmarks(landmarks).to_local(landmarks)  # (478, 3)
    canonical, shapes = mesh.vertices.to(local), torch.cat([mesh.shapes, mesh.correctives]).to(local)
    width = _mouth_width(local) / _mouth_width(canonical)
    lips = [k for n, k in arkit.INDEX.items() if n.startswith("mouth") and n != "mouthClose"]
    shapes[lips] *= width.clamp(*MOUTH_SCALE)
    _fit_eyes(shapes, local, canonical)
    opening = mouth_opening(landmarks)
    if opening > 0:
        _fit_open_mouth(shapes, lip_gaps(local) - lip_gaps(canonical), opening)
        shapes[len(arkit.NAMES) :] = 0.0  # an open mouth in a picture shows its own corners
    return shapes


def shape_weights(dynamics: Tensor) -> Tensor:
    """Coefficients (..., 53) as the linear combination of shapes needs them, from a motion's dynamics (..., 52).

    What would push vertices through each other is taken back: closed lids no longer follow the gaze, squint or
    widen, and mouthClose does not exceed jawOpen. Lips that all but touch do touch. The last weight is that of the lip
    seal. The iris itself follows the gaze and not these weights.
    """
    weights = dynamics.clone()
    for side, _ in _SIDES:
        open_share = 1.0 - dynamics[..., arkit.INDEX["eyeBlink" + side]].clamp(0.0, 1.0)
        for name in LID_NAMES:
            if name.endswith(side):
                weights[..., arkit.INDEX[name]] *= open_share
    jaw, close = arkit.INDEX["jawOpen"], arkit.INDEX["mouthClose"]
    weights[..., close] = torch.minimum(dynamics[..., close], dynamics[..., jaw].clamp_min(0.0))
    middle = lip_gaps(canonical_mesh().shapes)[:, 4].to(weights)  # (52,)
    gap = weights @ middle
    near = (gap / TOUCHING).clamp(0.0, 1.0)
    closed = gap.clamp_min(0.0) * (1.0 - near * near * (3.0 - 2.0 * near))  # units of the gap that contact closes
    weights[..., close] = weights[..., close] + closed / -middle[close]
    seal = SEAL_STRENGTH * ((gap - closed) / SEAL_OPENING).clamp(0.0, 1.0)
    return torch.cat([weights, seal[..., None]], dim=-1)


def iris_shift(dynamics: Tensor) -> Tensor:
    """(..., 2, 2) displacement of the right and the left iris along local x and y, in units; dynamics (..., 52).

    An eyeball of EYEBALL_RADIUS turned by the angles of arkit.py, seen from the front, times IRIS_GAIN.
    """

    def look(direction: str, side: str) -> Tensor:
        return dynamics[..., arkit.INDEX[f"eyeLook{direction}{side}"]]

    shifts = []
    for side, to_viewers_right, to_viewers_left in (("Right", "In", "Out"), ("Left", "Out", "In")):
        yaw = (look(to_viewers_right, side) - look(to_viewers_left, side)) * arkit.LOOK_SIDEWAYS
        pitch = (look("Down", side) - look("Up", side)) * arkit.LOOK_VERTICAL
        shifts.append(torch.stack([yaw.sin(), pitch.sin()], dim=-1) * (IRIS_GAIN * EYEBALL_RADIUS))
    return torch.stack(shifts, dim=-2)


def _mouth_width(local: Tensor) -> Tensor:
    return (local[face.MOUTH_CORNER_LEFT] - local[face.MOUTH_CORNER_RIGHT]).norm()


def _fit_eyes(shapes: Tensor, local: Tensor, canonical: Tensor) -> None:
    """Scale lid movement by this eye's opening, and let the blink end exactly where the lids meet."""
    for side, (upper, lower, _, _) in _SIDES:
        up, low = list(upper), list(lower)
        opening = (local[low] - local[up])[:, 1].amax().clamp_min(0.01)
        ratio = opening / (canonical[low] - canonical[up])[:, 1].amax()
        for name, k in arkit.INDEX.items():
            if name.endswith(side) and (name in LID_NAMES or name.startswith("eyeBlink")):
                shapes[k] *= ratio
        blink, gap = arkit.INDEX["eyeBlink" + side], local[low] - local[up]
        shapes[blink, up], shapes[blink, low] = gap * BLINK_UPPER, -gap * BLINK_LOWER
        shapes[blink, [up[0], up[-1]]] = 0.0


def _fit_open_mouth(shapes: Tensor, gaps: Tensor, opening: Tensor) -> None:
    """Let jawOpen carry the portrait's own lip line, so that taking `opening` of it away closes every point.

    gaps (9,) what has to close. mouthClose takes the same amount back, so that the two still cancel.
    """
    jaw, close = arkit.INDEX["jawOpen"], arkit.INDEX["mouthClose"]
    own = lip_gaps(shapes[jaw])
    rest = gaps / opening - own  # what jawOpen's own line leaves open or overlaps
    rest = torch.maximum(torch.minimum(rest, 0.6 * own.amax()), -0.9 * own)
    for rings, share in ((face.UPPER_LIP_RINGS, -0.3), (face.LOWER_LIP_RINGS, 0.7)):
        for ring in rings:
            shapes[jaw, list(ring[1:-1]), 1] += share * rest
            shapes[close, list(ring[1:-1]), 1] -= share * rest
