"""Pictures, sound and video from files, as tensors.

Pictures come through PIL, sound and video through PyAV. Whatever cannot be read ends in one sentence that
names the file. Videos are read frame by frame, so a long one needs no more memory than a short one.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import torch
from av.video.reformatter import ColorRange, Colorspace
from PIL import Image, ImageOps, UnidentifiedImageError
from torch import Tensor

from ..errors import BadAudio, BadInput
from ..types import Audio
from .hdr import is_hdr, to_ordinary

BEHIND_TRANSPARENCY = 0.5  # mid-grey: neither a dark nor a light rim around cut-out hair
UNSPECIFIED_COLOURS = 2  # AVCOL_SPC_UNSPECIFIED
WIDEST_PIXEL = 4  # width over height: what a file says beyond that, either way, is a mistake
GAP, LONGEST_GAP = 0.02, 600.0  # seconds: time stamps of sound jitter by less, and damaged ones jump by more
HD_HEIGHT = 720  # untagged video is BT.709 from here on, BT.601 below, as players assume


def read_image(path: str | Path) -> Tensor:
    """(3, H, W) RGB in [0, 1] from any still picture that PIL reads; of an animation, the first frame.

    The EXIF rotation is applied. Transparency is laid over mid-grey. 16-bit grey keeps its depth; 'F' pictures
    are taken as [0, 1]. Raises BadInput for a file that is missing, empty, cut off, or no picture.
    """
    path = _existing(path, "picture")
    try:
        with Image.open(path) as file:
            picture = ImageOps.exif_transpose(file)
            picture.load()
            pixels = _rgb(picture)
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise BadInput(f"The picture {path.name} cannot be read ({error}). Use an intact PNG, JPEG or WebP.") from error
    return torch.from_numpy(np.ascontiguousarray(pixels.transpose(2, 0, 1)))


def read_waveform(path: str | Path) -> tuple[Tensor, int]:
    """((C, N) float32 samples, rate) of a sound file, or of the sound of a video; time 0 is the file's start.

    Sound lies where its time stamps say: holes are filled with silence, overlaps are cut, so that it never slides away
    from the picture. Raises BadAudio where the file is missing, corrupt, or has no sound.
    """
    path = _existing(path, "audio file")
    with _opened(path, BadAudio, "audio file", "Use an intact WAV, FLAC, MP3, M4A or video file.") as container:
        if not container.streams.audio:
            raise BadAudio(f"{path.name} has no sound. Use a file with an audio track.")
        stream = container.streams.audio[0]
        stream.thread_type = "AUTO"
        rate = stream.codec_context.sample_rate
        resampler = av.AudioResampler(format="fltp", layout=stream.codec_context.layout, rate=rate)
        start = (container.start_time or 0) / av.time_base
        pieces: list[tuple[int | None, np.ndarray]] = []  # where each belongs, if that is known, and its samples
        for frame in container.decode(stream):
            place = None if frame.time is None else round((frame.time - start) * rate)
            for block in resampler.resample(frame):
                pieces.append((place, block.to_ndarray()))
                place = None
        pieces += [(None, block.to_ndarray()) for block in resampler.resample(None)]
    if not pieces:
        raise BadAudio(f"{path.name} holds no sound at all. Use a file with an audio track.")
    return torch.from_numpy(np.ascontiguousarray(_laid(pieces, rate, path.name), dtype=np.float32)), rate


def read_audio(path: str | Path) -> Audio:
    """The sound of a file in mono (the mean of its channels), at its own rate; see read_waveform."""
    waveform, rate = read_waveform(path)
    return Audio(waveform.mean(0), rate)


class VideoReader:
    """Frames of a video, one at a time and as often as wanted: `for frame in reader` gives (3, H, W) in [0, 1].

    The frames are on an even grid of `fps` (exact Fraction, the file's own unless another is given), frame k at k / fps
    seconds from the file's start, which is also that of its sound: a video of varying or another frame rate, or one
    that sets in later than its sound, repeats frames, or of several gives the nearest, so that picture and sound stay
    within half a frame; one of constant rate is given as it is. The rotation of phone videos is applied, pixels that
    are not square are made so, and colours are converted by the file's own tags, also those of high dynamic range.
    """

    def __init__(self, path: str | Path, fps: Fraction | None = None) -> None:
        self.path = _existing(path, "video")
        with self._open() as container:
            stream = container.streams.video[0]
            self.own_fps = Fraction(stream.average_rate or stream.guessed_rate or 25)
            self.fps = self.own_fps if fps is None else Fraction(fps)
            length = stream.duration * stream.time_base if stream.duration else (container.duration or 0) / av.time_base
            self.expected_frames = round((stream.frames / self.own_fps if stream.frames else length) * self.fps)
            self.has_sound = bool(container.streams.audio)

    def __iter__(self) -> Iterator[Tensor]:
        for picture in self.pictures():
            yield torch.from_numpy(picture).permute(2, 0, 1).float().div_(255)  # (3, H, W)

    def pictures(self) -> Iterator[np.ndarray]:
        """The same frames as (H, W, 3) uint8."""
        with self._open() as container:
            stream = container.streams.video[0]
            stream.thread_type = "AUTO"
            transfer, pixel = int(stream.codec_context.color_trc), Fraction(stream.sample_aspect_ratio or 1)
            pixel = pixel if 1 / WIDEST_PIXEL <= pixel <= WIDEST_PIXEL else Fraction(1)
            start, emitted, last, off = (container.start_time or 0) / av.time_base, 0, None, math.inf
            for number, frame in enumerate(container.decode(stream)):
                time = number / self.own_fps if frame.time is None else frame.time - start
                tick = round(time * self.fps)
                while last is not None and emitted < tick:
                    yield last
                    emitted, off = emitted + 1, math.inf
                if abs(time * self.fps - tick) < off:
                    last, off = _upright_rgb(frame, transfer, pixel), abs(time * self.fps - tick)
            if last is None:
                raise BadInput(f"The video {self.path.name} holds no frames. Use another video.")
            yield last

    def waveform(self) -> tuple[Tensor, int] | None:
        """((C, N), rate) of the sound, or None where the video has none."""
        return read_waveform(self.path) if self.has_sound else None

    @contextmanager
    def _open(self):
        with _opened(self.path, BadInput, "video", "Use an intact MP4, MOV, MKV or WebM file.") as container:
            if not container.streams.video:
                raise BadInput(f"{self.path.name} has no picture. Use a video file.")
            yield container


def read_video(path: str | Path, fps: Fraction | None = None) -> VideoReader:
    """Open a video, on the grid of another frame rate where one is given; raises BadInput for a file that is missing,
    corrupt, or has no picture."""
    return VideoReader(path, fps)


def _laid(pieces: list[tuple[int | None, np.ndarray]], rate: int, name: str) -> np.ndarray:
    """(C, N): the pieces one after another, with silence where one belongs later, and cut where it belongs earlier."""
    laid, end = [], 0
    for place, samples in pieces:
        late = 0 if place is None else place - end
        if end and abs(late) <= GAP * rate:
            late = 0
        if late > LONGEST_GAP * rate:
            raise BadAudio(f"The sound of {name} jumps by {late / rate:.0f} seconds. Convert the file once more.")
        laid += [np.zeros((len(samples), max(late, 0)), samples.dtype), samples[:, max(-late, 0) :]]
        end += sum(part.shape[1] for part in laid[-2:])
    return np.concatenate(laid, axis=1)


def _existing(path: str | Path, kind: str) -> Path:
    path = Path(path)
    if not path.is_file():
        raise BadInput(f"There is no {kind} at {path}. Check the path.")
    if path.stat().st_size == 0:
        raise (BadAudio if kind == "audio file" else BadInput)(f"The {kind} {path.name} is empty. Use another file.")
    return path


@contextmanager
def _opened(path: Path, error_class: type[BadInput], kind: str, cure: str):
    try:
        with av.open(str(path)) as container:
            yield container
    except av.FFmpegError as error:
        raise error_class(f"The {kind} {path.name} cannot be read ({error.strerror}). {cure}") from error


def _rgb(picture: Image.Image) -> np.ndarray:
    """(H, W, 3) float32 in [0, 1] of a PIL picture of any mode."""
    if picture.mode.startswith("I") or picture.mode == "F":
        grey = np.asarray(picture).astype(np.float32) / (1.0 if picture.mode == "F" else 65535.0)
        return np.repeat(grey.clip(0.0, 1.0)[..., None], 3, axis=2)
    if picture.has_transparency_data:
        rgba = np.asarray(picture.convert("RGBA"), dtype=np.float32) / 255.0
        return BEHIND_TRANSPARENCY + (rgba[..., :3] - BEHIND_TRANSPARENCY) * rgba[..., 3:]
    return np.asarray(picture.convert("RGB"), dtype=np.float32) / 255.0


def _upright_rgb(frame: av.VideoFrame, transfer: int, pixel: Fraction) -> np.ndarray:
    """(H, W, 3) uint8 full-range RGB of a decoded frame with square pixels, turned as the file's display matrix says.

    transfer: the file's transfer characteristics; pixel: width over height of its pixels.
    """
    space, full = int(frame.colorspace), int(frame.color_range) == ColorRange.JPEG or "yuvj" in frame.format.name
    if space == UNSPECIFIED_COLOURS:
        space = Colorspace.ITU709 if frame.height >= HD_HEIGHT else Colorspace.ITU601
    rgb = frame.reformat(
        width=round(frame.width * max(pixel, 1)),
        height=round(frame.height / min(pixel, 1)),
        format="rgb48le" if is_hdr(transfer) else "rgb24",
        src_colorspace=space,
        src_color_range=ColorRange.JPEG if full else ColorRange.MPEG,
        dst_color_range=ColorRange.JPEG,
    ).to_ndarray()
    if is_hdr(transfer):
        rgb = to_ordinary(rgb, transfer)
    return np.ascontiguousarray(np.rot90(rgb, round(frame.rotation / 90)))
