"""The types on the wires of this pack, and ComfyUI's IMAGE, AUDIO and CURVE to core types and back."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import torch
from comfy_api.input import CurveInput
from comfy_api.latest import io
from torch import Tensor

from ..vasa_core.audio.resample import audio_from_waveform
from ..vasa_core.errors import BadAudio, BadInput
from ..vasa_core.media.write import mono_or_stereo
from ..vasa_core.types import Audio, Curve, FaceCrop
from .host import named_input

FACE_MODEL = io.Custom("VASA_FACE_MODEL")
MOTION_MODEL = io.Custom("VASA_MOTION_MODEL")
FACE_OPTIONS = io.Custom("VASA_FACE_OPTIONS")
PORTRAIT = io.Custom("VASA_PORTRAIT")
FEATURES = io.Custom("VASA_AUDIO_FEATURES")
CONTROLS = io.Custom("VASA_CONTROLS")
SAMPLING = io.Custom("VASA_SAMPLING")
MOTION = io.Custom("VASA_MOTION")
FACE_LANDMARKS = io.Custom("FACE_LANDMARKS")  # ComfyUI's own, of its MediaPipe nodes

CURVE_RATE = 25.0
ROUNDING = 1e-6  # of a curve between its points


def picture_from_image(image: Tensor, name: str = "image") -> Tensor:
    """One native IMAGE (1, H, W, C) to a picture (3, H, W) in [0, 1]; `name` is the input that a refusal names."""
    if image.shape[0] != 1:
        raise BadInput(
            f"The input '{name}' holds {image.shape[0]} pictures where one is needed. Pick one, "
            f"for example with ComfyUI's node 'Get Image from Batch'."
        )
    return frames_from_image(image)[0]


def frames_from_image(image: Tensor) -> Tensor:
    """A native IMAGE batch (T, H, W, C) with 1, 3 or 4 channels to frames (T, 3, H, W) in [0, 1]."""
    frames = image.movedim(-1, 1).float()  # (T, C, H, W)
    if frames.shape[1] < 3:
        return frames[:, :1].expand(-1, 3, -1, -1)
    return frames[:, :3]


def image_from_frames(frames: Tensor) -> Tensor:
    """Frames (T, 3, H, W) to a native IMAGE (T, H, W, 3)."""
    return frames.movedim(1, -1).contiguous()


def audio_from_socket(audio: dict | None, name: str = "audio") -> Audio:
    """A native AUDIO, of which a batch holds one sound, to mono core Audio; None and unusable sound raise BadAudio."""
    if audio is None:
        raise BadAudio(f"The input '{name}' carries no sound. Connect Load Audio, or a video that has a sound track.")
    waveform = audio["waveform"]  # (B, C, N)
    if waveform.ndim == 3 and waveform.shape[0] != 1:
        raise BadAudio(f"The input '{name}' holds {waveform.shape[0]} sounds where one is needed. Send one at a time.")
    with named_input(name):
        return audio_from_waveform(waveform.flatten(0, -2), audio["sample_rate"])


def waveform_from_socket(audio: dict | None) -> tuple[Tensor | None, int | None]:
    """A native AUDIO to ((1 or 2, N), rate) for the sound of a video, checked like speech; no sound stays none."""
    if audio is None:
        return None, None
    audio_from_socket(audio)
    return mono_or_stereo(audio["waveform"].flatten(0, -2).float().cpu()), audio["sample_rate"]


def audio_to_socket(waveform: Tensor, rate: int) -> dict:
    """Sound (C, N) to a native AUDIO."""
    return {"waveform": waveform[None], "sample_rate": rate}


def picture_of_crop(image: Tensor, crop: FaceCrop) -> Tensor:
    """The native IMAGE that a crop was cut from, as (3, H, W). BadInput where its size says that it is another."""
    picture = picture_from_image(image, "picture")
    if tuple(picture.shape[1:]) != tuple(crop.image_size):
        height, width = crop.image_size
        raise BadInput(
            f"The input 'picture' is {picture.shape[2]}x{picture.shape[1]} pixels, but the portrait was cut from "
            f"one of {width}x{height}. Connect the picture that went into Encode Portrait."
        )
    return picture


def curve_from_drawing(raw: dict, start: tuple[float, ...], end: tuple[float, ...], seconds: float) -> Curve:
    """A native CURVE as drawn, its width standing for `seconds`: at height 0 the values are `start`, at 1 `end`.

    BadInput for what is no curve, and for one that leaves these heights.
    """
    count = max(2, round(seconds * CURVE_RATE) + 1)
    times = torch.linspace(0.0, seconds, count, dtype=torch.float64)
    try:
        heights = torch.from_numpy(CurveInput.from_raw(raw).interp_array((times / seconds).numpy()))
    except (KeyError, TypeError, ValueError):
        raise BadInput("The input 'curve' is no curve of points. Draw it again.") from None
    if not ((heights - 0.5).abs() <= 0.5 + ROUNDING).all():
        raise BadInput("The input 'curve' leaves the heights 0 to 1. Draw it again.")
    low, high = torch.tensor(start, dtype=torch.float64), torch.tensor(end, dtype=torch.float64)
    return Curve(times.float(), torch.lerp(low, high, heights.clamp(0.0, 1.0)[:, None]).float())  # (K,), (K, C)


def curve_from_keyframes(text: str, columns: tuple[str, ...]) -> Curve:
    """Lines 'seconds: value' or 'seconds: value, value' to a Curve, eased smoothly; `columns` name the values."""

    def row(rest: str) -> list[float]:
        values = [float(part) for part in rest.split(",")]
        if len(values) != len(columns):
            raise ValueError
        return values

    return _curve_from_lines(text, row, f"seconds: {', '.join(columns)}")


def mixture_curve_from_keyframes(text: str, names: tuple[str, ...]) -> Curve:
    """Lines 'seconds: name value, name value' to a Curve of (K, names); what a line does not name is 0 in it."""

    def row(rest: str) -> list[float]:
        values = dict.fromkeys(names, 0.0)
        for part in filter(None, (part.strip() for part in rest.split(","))):
            name, number = part.split()
            if name not in names:
                raise ValueError
            values[name] = float(number)
        return list(values.values())

    return _curve_from_lines(text, row, f"seconds: {names[0]} 0.5, {names[-1]} 0.2")


def _curve_from_lines(text: str, row: Callable[[str], list[float]], form: str) -> Curve:
    """Lines 'seconds: ...' to a Curve; `row` reads what follows the colon, and raises ValueError where it cannot."""
    times, values = [], []
    for line in filter(None, (line.strip() for line in text.splitlines())):
        time, colon, rest = line.partition(":")
        try:
            if not colon:
                raise ValueError
            times.append(float(time))
            values.append(row(rest))
        except ValueError:
            raise BadInput(f"The keyframe '{line}' is not in the form '{form}'. Correct it.") from None
    if not times or any(b <= a for a, b in pairwise(times)):
        raise BadInput("The input 'keyframes' needs at least one line, and each line a later time than the one above.")
    if not torch.tensor([times, *zip(*values, strict=True)]).isfinite().all():
        raise BadInput("The input 'keyframes' holds a number that is not finite. Correct it.")
    return Curve(torch.tensor(times), torch.tensor(values), ease="smooth")
