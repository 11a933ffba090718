"""Reads the motion of a filmed face: landmarks, or a detector's blendshapes and head matrices, become Motion.

Head pose is the similarity that carries the skull's points from the calmest frame to each other frame. With the pose
taken out, what remains is explained by the driver's own fitted shapes (bounded least squares); lids and gaze are
measured directly. Coefficients count from the calmest frame, except that jawOpen includes how far the mouth is open
in that frame, so that 0 is a closed mouth. Pose is smoothed well; expressions hardly, because lips close in two frames.
"""

from __future__ import annotations

import torch
from torch import Tensor

from ... import arkit
from ...errors import BadInput
from ...geometry import apply_homography, pose_from_rotation, similarity_between
from ...types import FRAME_SIZE, Motion
from ...vision.model import Vision
from ...vision.track import track_face
from . import rig
from . import topology as face
from .fitting import bounded_least_squares, smooth, soften

FITTED = tuple(n for n in arkit.NAMES if n.startswith(("mouth", "jaw", "brow", "nose", "cheekPuff")))
LIPS = tuple(sorted({v for ring in face.UPPER_LIP_RINGS + face.LOWER_LIP_RINGS for v in ring}))
FITTED_TO = tuple(
    sorted(
        {*LIPS, *face.BROW_TOP_RIGHT, *face.BROW_BOTTOM_RIGHT, *face.BROW_TOP_LEFT, *face.BROW_BOTTOM_LEFT}
        | {*face.CHIN, *face.CHEEK_RIGHT, *face.CHEEK_LEFT, *face.NOSE}
        | {152, 148, 377, 176, 400, 149, 378, 150, 379, 136, 365}
    )
)
DEPTH_WEIGHT, LIP_WEIGHT, OTHER_WEIGHT, GAP_WEIGHT = 0.35, 1.6, 0.7, 4.0
RIDGE = {"jawOpen": 0.02, "mouthClose": 0.12, "jawForward": 0.12, "cheekPuff": 0.15}
RIDGE |= {n: 0.2 for n in ("noseSneerLeft", "noseSneerRight")} | {n: 0.1 for n in ("mouthRollLower", "mouthRollUpper")}
RIDGE |= {n: 0.03 for n in arkit.NAMES if n.startswith("brow")}
OTHER_RIDGE = 0.07
CLOSED_EYE = 0.28  # the tracker still sees this share of the opening when the eye is shut
WIDE_GAIN, LOOK_DOWN_CLOSES, LOOK_UP_OPENS = 0.22, 0.36, 0.27  # share of the opening per coefficient, as authored
PARTING = tuple(n for n in arkit.NAMES if n.startswith(("mouthLowerDown", "mouthUpperUp", "mouthFunnel")))
SHUT_GAP, OPEN_GAP = 0.01, 0.03  # units between the lips: shut for certain, open for certain
CORE_WEIGHT = 4.0  # of the points about the eyes in the head pose
UPPER = 1.1  # of a coefficient
SHUT = 0.5  # gaze is not measured where an eye is open less than this
MODEL_UNIT, MODEL_EAR_DEPTH = 8.9, 2.4  # cm, of MediaPipe's metric face model


class MeshReader:
    """A MotionReader of the space 'arkit'."""

    def __init__(self, vision: Vision):
        self.vision = vision

    def read(self, crops: Tensor, fps: float) -> Motion:
        """crops (T, 3, S, S) in [0, 1], one fixed crop over time. Raises NoFaceFound where tracking fails."""
        track = track_face(self.vision, crops, fps)
        to_crops = torch.linalg.inv(track.crop_from_image)
        flat = apply_homography(to_crops, track.landmarks[..., :2])
        depth = track.landmarks[..., 2:] * to_crops[0, 0]
        return motion_from_landmarks(torch.cat([flat, depth], dim=-1), fps, crops.shape[-1])

    def read_landmarks(self, landmarks: Tensor, fps: float, crop_size: int = FRAME_SIZE) -> Motion:
        """As `motion_from_landmarks`."""
        return motion_from_landmarks(landmarks, fps, crop_size)


def motion_from_landmarks(landmarks: Tensor, fps: float, crop_size: int = FRAME_SIZE) -> Motion:
    """Motion of landmarks (T, 478, 3) in pixels of one fixed crop of `crop_size`; absolute head pose as head_pose.

    Raises BadInput for an empty track or landmarks that are not finite.
    """
    if landmarks.ndim != 3 or landmarks.shape[0] == 0 or landmarks.shape[1:] != (face.POINTS, 3):
        raise BadInput(f"Landmarks have shape {tuple(landmarks.shape)}; the motion reader needs (frames, 478, 3).")
    if not torch.isfinite(landmarks).all():
        raise BadInput("Some landmarks are not finite. Fill the frames without a face before reading motion.")
    points = landmarks.double()
    steady = smooth(points)
    calm = steady[calmest_frame(steady)]  # (478, 3)
    frame = rig.FaceFrame.from_landmarks(calm)
    rotation, scale, shift = _skull_motion(calm, steady)
    still = ((points - shift[:, None]) @ rotation) / scale[:, None, None]  # (T, 478, 3) as posed in the calmest frame
    dynamics = _expression(calm, frame.to_local(still) - frame.to_local(calm))
    _measure_eyes(dynamics, frame, calm, still)
    gap = rig.lip_gaps(frame.to_local(still))[:, 3:6].mean(1)  # (T,) of the lips' middle
    dynamics = _keep_closures(dynamics, soften(dynamics).clamp(0.0, UPPER), gap)

    centre = scale[:, None] * (rotation @ frame.centre) + shift  # (T, 3)
    log_scale = torch.log(scale * frame.unit / (rig.USUAL_UNIT * crop_size))
    pose = torch.cat(
        [
            pose_from_rotation(rotation @ frame.axes),
            centre[:, :2] * (2.0 / crop_size) - 1.0,
            log_scale[:, None],
        ],
        dim=1,
    )
    return Motion(smooth(pose).float(), dynamics.float(), fps, arkit.ARKIT)


def _skull_motion(calm: Tensor, points: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Rotation (T, 3, 3), scale (T,) and shift (T, 3) that carry the calm skull into each frame of (T, 478, 3)."""
    stable = list(face.STABLE)
    weights = points.new_tensor([CORE_WEIGHT if v in face.STABLE_CORE else 1.0 for v in stable])
    return similarity_between(calm[stable].expand(len(points), -1, -1), points[:, stable], weights)


def calmest_frame(landmarks: Tensor) -> int:
    """Index of the frame with closed mouth, usual mouth width, usual gaze and usually open eyes; (T, 478, 3)."""
    frame = rig.FaceFrame.from_landmarks(landmarks)
    unit, gaze = frame.unit, _iris_place(frame.to_local(landmarks)).mean(-2)  # (T, 2)
    gap = (landmarks[:, face.LIP_TOP] - landmarks[:, face.LIP_BOTTOM]).norm(dim=-1) / unit
    width = (landmarks[:, face.MOUTH_CORNER_LEFT] - landmarks[:, face.MOUTH_CORNER_RIGHT]).norm(dim=-1) / unit
    eyes = rig.eye_opening(landmarks).sum(-1)
    strain = 6.0 * (gap - gap.quantile(0.05)).clamp_min(0.0)
    strain = strain + (eyes - eyes.median()).abs() + 2.0 * (width - width.median()).abs()
    strain = strain + 3.0 * (gaze - gaze.median(0).values).norm(dim=-1)
    return int(strain.argmin())


def _expression(calm: Tensor, moved: Tensor) -> Tensor:
    """(T, 52) coefficients, those of FITTED filled in; moved (T, 478, 3) local displacement from the calm face."""
    index, used = [arkit.INDEX[n] for n in FITTED], list(FITTED_TO)
    jaw, close = FITTED.index("jawOpen"), FITTED.index("mouthClose")
    shapes = rig.fit_local_shapes(calm)[index]  # (K, 468, 3)
    from_closed = moved[:, : face.VERTICES] + rig.mouth_opening(calm) * shapes[jaw]
    shapes[close] += shapes[jaw]  # a jaw that opens behind closed lips, so that mouthClose never exceeds jawOpen
    in_lips = torch.tensor([v in set(LIPS) for v in used])
    weight = torch.where(in_lips, LIP_WEIGHT, OTHER_WEIGHT)[:, None] * torch.tensor([1.0, 1.0, DEPTH_WEIGHT])
    weight = weight.to(moved)

    def rows(displacement: Tensor) -> Tensor:
        """Equations: weighted displacement of each vertex, and of the gap between the lips, which sight is keen on."""
        gaps = rig.lip_gaps(displacement) * GAP_WEIGHT
        return torch.cat([(displacement[:, used] * weight).flatten(1), gaps], dim=1)

    ridge = 1.1 * torch.tensor([RIDGE.get(n, OTHER_RIDGE) for n in FITTED]).to(moved)
    dynamics = moved.new_zeros(len(moved), len(arkit.NAMES))
    coefficients = bounded_least_squares(rows(shapes).mT, rows(from_closed), ridge, UPPER)
    coefficients[:, jaw] += coefficients[:, close]
    dynamics[:, index] = coefficients
    return dynamics


def _keep_closures(measured: Tensor, softened: Tensor, gap: Tensor) -> Tensor:
    """softened (T, 52), but where the lips' gap (T,) shows them shut, no more open than measured (T, 52)."""
    jaw, close = arkit.INDEX["jawOpen"], arkit.INDEX["mouthClose"]
    kept = softened.clone()
    parting = [arkit.INDEX[n] for n in PARTING]
    kept[:, parting] = torch.minimum(softened[:, parting], measured[:, parting])
    shut_by = softened[:, jaw] - (measured[:, jaw] - measured[:, close]).clamp_min(0.0)
    kept[:, close] = torch.maximum(softened[:, close], shut_by.clamp(0.0, UPPER))
    shut = ((OPEN_GAP - gap) / (OPEN_GAP - SHUT_GAP)).clamp(0.0, 1.0)[:, None]  # (T, 1)
    return torch.lerp(softened, kept, shut)


def _measure_eyes(dynamics: Tensor, frame: rig.FaceFrame, calm: Tensor, still: Tensor) -> None:
    """Fill in gaze, blink and widening, in the measures by which rig.py moves irises and lids."""
    opening = rig.eye_opening(still) / rig.eye_opening(calm)  # (T, 2) right, left
    opening = ((opening - CLOSED_EYE) / (1.0 - CLOSED_EYE)).clamp_min(0.0)
    shift = _iris_place(frame.to_local(still)) - _iris_place(frame.to_local(calm))  # (T, 2, 2)
    gaze = _hold(shift.mean(1), opening.amin(1) > SHUT)  # (T, 2) both eyes look as one
    angle = torch.asin((gaze / rig.EYEBALL_RADIUS).clamp(-1.0, 1.0))
    sideways, down = (angle / angle.new_tensor([arkit.LOOK_SIDEWAYS, arkit.LOOK_VERTICAL])).unbind(-1)

    def fill(name: str, value: Tensor) -> None:
        dynamics[:, arkit.INDEX[name]] = value.clamp(0.0, 1.0)

    for eye, side in enumerate(("Right", "Left")):
        fill("eyeLook" + ("In" if side == "Right" else "Out") + side, sideways)
        fill("eyeLook" + ("Out" if side == "Right" else "In") + side, -sideways)
        fill("eyeLookDown" + side, down)
        fill("eyeLookUp" + side, -down)
        by_gaze = 1.0 - LOOK_DOWN_CLOSES * down.clamp(0.0, 1.0) + LOOK_UP_OPENS * (-down).clamp(0.0, 1.0)
        lids = opening[:, eye] / by_gaze
        fill("eyeBlink" + side, 1.0 - lids)
        fill("eyeWide" + side, (lids - 1.0) / WIDE_GAIN)


def _iris_place(local: Tensor) -> Tensor:
    """(..., 2, 2) x, y of the right and the left iris from the middle of their eye's corners, in units."""
    places = []
    for upper, _, iris, _ in (face.EYE_RIGHT, face.EYE_LEFT):
        places.append(local[..., iris, :2] - (local[..., upper[0], :2] + local[..., upper[-1], :2]) / 2)
    return torch.stack(places, dim=-2)


def _hold(values: Tensor, seen: Tensor) -> Tensor:
    """values (T, C) where seen (T,); elsewhere a straight line between the neighbours that were seen."""
    known = torch.nonzero(seen)[:, 0]
    if len(known) == 0:
        return torch.zeros_like(values)
    frames = torch.arange(len(values), device=values.device)
    after = torch.searchsorted(known, frames).clamp(max=len(known) - 1)
    before = (torch.searchsorted(known, frames, right=True) - 1).clamp_min(0)
    start, end = known[before], known[after]
    share = ((frames - start) / (end - start).clamp_min(1)).clamp(0.0, 1.0).to(values)[:, None]
    return values[start] * (1.0 - share) + values[end] * share


def motion_from_blendshapes(blendshapes: dict[str, Tensor], matrices: Tensor, fps: float) -> Motion:
    """Motion of a detector's 52 blendshapes and head matrices, as ComfyUI's FACE_LANDMARKS carry them.

    blendshapes: MediaPipe name -> (T,) in [0, 1]; '_neutral' is ignored, and 'tongueOut', which MediaPipe does not
    measure, may be missing. matrices (T, 4, 4): MediaPipe's facial transformation, which carries its metric face
    model (cm; x right, y up, z towards the viewer) into the camera. Rotation is absolute; translation counts from
    its median over the clip, as for a face of the usual size in the middle of its crop. Raises BadInput.
    """
    frames = matrices.shape[0]
    missing = [n for n in arkit.NAMES if n not in blendshapes and n != "tongueOut"]
    if missing:
        raise BadInput(f"The face landmarks carry no blendshape '{missing[0]}'. Use ComfyUI's MediaPipe detector.")
    if frames == 0 or matrices.shape[1:] != (4, 4):
        raise BadInput(f"Head matrices have shape {tuple(matrices.shape)}; (frames, 4, 4) with a frame is needed.")
    columns = [torch.as_tensor(blendshapes.get(n, torch.zeros(frames))).double() for n in arkit.NAMES]
    if any(c.shape != (frames,) for c in columns):
        raise BadInput(f"Blendshapes and head matrices differ in length; each needs {frames} frames.")
    dynamics = torch.stack(columns, dim=1)
    matrices = matrices.double()
    if not (torch.isfinite(dynamics).all() and torch.isfinite(matrices).all()):
        raise BadInput("Some blendshapes or head matrices are not finite. Fill the frames without a face first.")

    flip = torch.diag(matrices.new_tensor([1.0, -1.0, -1.0]))  # to y down, z away
    linear, scale = matrices[:, :3, :3], torch.linalg.det(matrices[:, :3, :3]).pow(1.0 / 3.0)
    ears = matrices.new_tensor([0.0, 0.0, -MODEL_EAR_DEPTH])
    place = (matrices[:, :3, 3] + linear @ ears) @ flip  # (T, 3) cm before the camera
    size = scale * MODEL_UNIT / place[:, 2]  # (T,) of the unit, in tangents
    shift = place[:, :2] / place[:, 2:]
    shift = (shift - shift.median(0).values) / size.median() * 2.0 * rig.USUAL_UNIT
    log_scale = torch.log(size / size.median())[:, None]
    angles = pose_from_rotation(flip @ linear @ flip / scale[:, None, None])
    pose = torch.cat([angles, shift, log_scale], dim=1)
    return Motion(pose.float(), dynamics.clamp(0.0, 1.0).float(), fps, arkit.ARKIT)
