"""The square crop around one face that everything else works in, and the way back into the picture.

The usual crop is upright and covers whole picture pixels, so that resampling is separable, low-pass filtered and, at
equal size, exact. A face model may frame its own, turned one instead (`Framing`), which warp.py cuts and lays back.
Coordinates are continuous: 0 is the outer edge of the first pixel, its centre lies at 0.5.
"""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from ..errors import BadInput, NoFaceFound
from ..geometry import apply_homography
from ..types import FRAME_SIZE, FaceCrop
from .detect import PRESENCE, Face, check_image, find_faces, read_mesh, squares_from_landmarks
from .landmarks import POINTS
from .model import Vision
from .sampling import overlap
from .warp import lay_over, warp

# Where a face model wants its crop: landmarks (478, 3) in picture pixels and the crop's size -> crop_from_image (3, 3),
# a similarity. Without one the crop is upright and covers whole pixels; with one it may be turned, and is black outside
# the picture.
Framing = Callable[[Tensor, int], Tensor]

HALF = 1.18  # half the crop over the longer extent of the landmarks
LIFT = 0.04  # the crop's centre above the landmarks', over the same extent: room for hair
SMALLEST_FACE = 48  # pixels from forehead to chin; below this the mesh guesses
FEATHER, TURNED_FEATHER = 0.06, 1 / 32  # width of the soft edge over the crop's side: upright crops, turned ones


def crop_face(
    vision: Vision,
    image: Tensor,
    index: int = 0,
    box: tuple[float, float, float, float] | None = None,
    size: int = FRAME_SIZE,
    framing: Framing | None = None,
) -> FaceCrop:
    """The crop (size, size) around one face of image (3, H, W) in [0, 1], with landmarks and matte.

    index: 0 is the largest face. box: x0, y0, x1, y1 in picture pixels; index then counts the faces that overlap it,
    the one with the greatest overlap first. framing: the face model's, where it has one. Raises NoFaceFound where there
    is no such face or it is too small.
    """
    landmarks = choose_face(find_faces(vision, image), index, box).landmarks
    return crop_from_landmarks(vision, image, landmarks, size, look_again=True, framing=framing)


def crop_from_landmarks(
    vision: Vision,
    image: Tensor,
    landmarks: Tensor,
    size: int = FRAME_SIZE,
    look_again: bool = False,
    framing: Framing | None = None,
) -> FaceCrop:
    """The crop of image (3, H, W) around known landmarks (478, 3) in picture pixels, with matte.

    look_again: read the landmarks once more inside the crop, which is finer where the picture is large.
    """
    check_image(image, "The picture")
    check_landmarks(landmarks, image)
    if framing is None:
        matrix, span = upright_framing(landmarks, size)
        crop = cut_crop(image, span, size)
    else:
        matrix = framing(landmarks, size)
        crop = warp(image[None].float(), matrix, (size, size))[0]
    zoom = torch.linalg.det(matrix[:2, :2]).sqrt()
    local = torch.cat([apply_homography(matrix, landmarks[:, :2]), landmarks[:, 2:] * zoom], dim=1)
    prepared = vision.prepare(crop)[None]
    if look_again:
        found, presence = read_mesh(vision, prepared, squares_from_landmarks(local[None].to(prepared.device)))
        if presence[0] < PRESENCE:
            raise NoFaceFound("The face in the picture is not clear enough. Use one that is lit well and not covered.")
        local = found[0].to(local)
    return FaceCrop(crop, local, matrix, (image.shape[1], image.shape[2]), person_matte(vision, crop))


def person_matte(vision: Vision, image: Tensor) -> Tensor:
    """(H, W) in [0, 1]: how far each pixel of image (3, H, W) belongs to the person."""
    inputs = F.interpolate(vision.prepare(image)[None], (vision.matte.size,) * 2, mode="bilinear", antialias=True)
    matte = vision.matte(inputs)[:, None].to(image)
    return F.interpolate(matte, image.shape[1:], mode="bilinear")[0, 0]


def choose_face(faces: list[Face], index: int = 0, box: tuple[float, float, float, float] | None = None) -> Face:
    """The face that index and box ask for (as in crop_face); NoFaceFound says what is there instead."""
    if not faces:
        raise NoFaceFound(
            "No face in the picture. Use a picture of a person who looks roughly towards the camera; "
            "animals, profiles and covered faces are not found."
        )
    if box is not None:
        x0, y0, x1, y1 = box
        if not (x1 > x0 and y1 > y0):
            raise BadInput(f"The face box {tuple(box)} is empty. It must be left, top, right, bottom in pixels.")
        area = torch.tensor([box], dtype=torch.float32)
        shares = [float(overlap(face.box[None].float().cpu(), area)) for face in faces]
        order = sorted((k for k, share in enumerate(shares) if share > 0), key=lambda k: -shares[k])
        faces = [faces[k] for k in order]
        if not faces:
            raise NoFaceFound(f"No face inside the box {tuple(box)}. Draw it around a face, or leave it out.")
    if not 0 <= index < len(faces):
        raise NoFaceFound(
            f"Face {index} was asked for, but the picture has {len(faces)}. Use an index from 0 to {len(faces) - 1}."
        )
    return faces[index]


def check_landmarks(landmarks: Tensor, image: Tensor) -> None:
    """Raise BadInput or NoFaceFound unless landmarks (478, 3) are a usable face inside image (3, H, W)."""
    if landmarks.shape != (POINTS, 3) or not torch.isfinite(landmarks).all():
        raise BadInput(f"The landmarks have shape {tuple(landmarks.shape)}; they must be 478 finite points (x, y, z).")
    check_size(landmarks, "The face in the picture")
    low, high = landmarks[:, :2].amin(dim=0), landmarks[:, :2].amax(dim=0)
    height, width = image.shape[1:]
    if high[0] < 0 or high[1] < 0 or low[0] > width or low[1] > height:
        raise BadInput("The landmarks lie outside the picture. Use the picture that they were found in.")


def check_size(landmarks: Tensor, name: str) -> None:
    """NoFaceFound where landmarks (478, 3) show a face below SMALLEST_FACE."""
    extent = float((landmarks[:, :2].amax(dim=0) - landmarks[:, :2].amin(dim=0)).amax())
    if extent < SMALLEST_FACE:
        raise NoFaceFound(
            f"{name} is only {extent:.0f} px high; it must be at least {SMALLEST_FACE} px. Use a larger picture."
        )


def cut_crop(image: Tensor, span: tuple[int, int, int], size: int) -> Tensor:
    """Pixels left..left+side, top..top+side (span: left, top, side) of image (..., 3, H, W) -> (..., 3, size, size).

    Outside the picture the nearest pixel repeats. Smaller crops are low-pass filtered.
    """
    left, top, side = span
    height, width = image.shape[-2:]
    rows = torch.arange(top, top + side, device=image.device).clamp(0, height - 1)
    columns = torch.arange(left, left + side, device=image.device).clamp(0, width - 1)
    part = image[..., rows[:, None], columns[None, :]].float()
    if side == size:
        return part
    batch = part.reshape(-1, *part.shape[-3:])
    resized = F.interpolate(batch, (size, size), mode="bicubic", antialias=True).clamp_(0, 1)
    return resized.reshape(*part.shape[:-2], size, size)


def paste_back(frames: Tensor, picture: Tensor, crop_from_image: Tensor, feather: float | None = None) -> Tensor:
    """frames (T, 3, S, S) put back into picture (3, H, W) -> (T, 3, H, W).

    crop_from_image: the FaceCrop's, for frames of S pixels. feather: width of the soft edge over the crop's side, by
    default what suits the crop; its outermost pixels show the picture itself, and so does all outside it.
    """
    size = frames.shape[-1]
    if not covers_whole_pixels(crop_from_image, size):
        return lay_over(frames, picture, crop_from_image, TURNED_FEATHER if feather is None else feather)
    feather = FEATHER if feather is None else feather
    left, top, side = span_of(crop_from_image, size)
    height, width = picture.shape[1:]
    resized = frames if side == size else F.interpolate(frames, (side, side), mode="bicubic", antialias=True)
    ramp = (torch.arange(side, dtype=torch.float32, device=frames.device) + 0.5) / side
    ramp = (torch.minimum(ramp, 1 - ramp) / max(feather, 1e-6)).clamp(0, 1)
    ramp = ramp * ramp * (3 - 2 * ramp)
    weight = ramp[:, None] * ramp[None, :]
    y0, x0, y1, x1 = max(top, 0), max(left, 0), min(top + side, height), min(left + side, width)
    inside = (..., slice(y0 - top, y1 - top), slice(x0 - left, x1 - left))
    pasted = picture.to(frames).expand(len(frames), -1, -1, -1).clone()
    region = pasted[:, :, y0:y1, x0:x1]
    region += (resized.clamp(0, 1)[inside] - region) * weight[inside[1:]]
    return pasted


def span_of(crop_from_image: Tensor, size: int) -> tuple[int, int, int]:
    """The whole picture pixels (left, top, side) that a crop of `size` covers."""
    scale = float(crop_from_image[0, 0])
    left, top = (-float(crop_from_image[k, 2]) / scale for k in (0, 1))
    return round(left), round(top), round(size / scale)


def covers_whole_pixels(crop_from_image: Tensor, size: int) -> bool:
    """Whether a crop of `size` is upright and ends where pixels of the picture do, as `upright_framing` has it."""
    matrix = crop_from_image.cpu().double()
    edges = torch.cat([-matrix[:2, 2], size - matrix[:2, 2]]) / matrix[0, 0]
    return float(matrix[0, 1].abs()) == 0.0 and float((edges - edges.round()).abs().max()) < 1e-2


def upright_framing(landmarks: Tensor, size: int) -> tuple[Tensor, tuple[int, int, int]]:
    """Where the usual crop lies: crop_from_image (3, 3), and the span that cut_crop takes."""
    xy = landmarks[:, :2].cpu().double()
    low, high = xy.amin(dim=0), xy.amax(dim=0)
    extent = float((high - low).amax())
    centre = 0.5 * (low + high) - torch.tensor([0.0, LIFT * extent])
    side = round(2 * HALF * extent)
    left, top = (round(float(c) - side / 2) for c in centre)
    scale = size / side
    matrix = [[scale, 0.0, -left * scale], [0.0, scale, -top * scale], [0.0, 0.0, 1.0]]
    return torch.tensor(matrix, dtype=torch.float32, device=landmarks.device), (left, top, side)
