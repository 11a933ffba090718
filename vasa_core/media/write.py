"""A video file, written as its frames are made: H.264 and AAC in MP4, in flat memory, whole or not at all.

    with VideoWriter("talk.mp4", fps=25, waveform=waveform, rate=rate) as writer:
        for frames in chunks:               # uint8 (T, H, W, 3)
            writer.write(frames)

The file appears under its name only when it is complete. On any error or cancellation nothing is left behind.
"""

from __future__ import annotations

import os
import secrets
from contextlib import suppress
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import torch
from av.video.reformatter import ColorRange, Colorspace
from torch import Tensor

from ..errors import BadInput, OutputError

CRF = 17  # visually lossless on faces
SPEED = "veryfast"
SOUND_BLOCK = 1 << 15  # samples handed to the encoder at a time
SOUND_RATES = (44100, 48000)  # played everywhere; other rates are resampled to the last one
SOUND_BITS = 160_000
BT709 = 1  # AVCOL_PRI_BT709, AVCOL_TRC_BT709 and AVCOL_SPC_BT709 alike


def exact_rate(fps: float | Fraction) -> Fraction:
    """Frame rate as a fraction; 23.976, 29.97 and 59.94 become n * 1000 / 1001. Raises BadInput outside 1 to 240."""
    if not 1 <= fps <= 240:
        raise BadInput(f"A frame rate of {fps} is not possible. Use 1 to 240 frames per second, 25 as a rule.")
    ntsc = round(float(fps) * 1.001)
    if abs(float(fps) * 1.001 - ntsc) < 2e-3 and abs(float(fps) - round(float(fps))) > 2e-3:
        return Fraction(ntsc * 1000, 1001)
    return Fraction(fps).limit_denominator(1001)


class VideoWriter:
    """Context manager; `write` takes uint8 (T, H, W, 3) or (H, W, 3), array or tensor.

    fps: float or Fraction. waveform: (C, N) or (N,) sound at `rate` Hz, or None; more than two channels are mixed to
    one. It starts with the first frame, and is cut where the video ends. metadata: tags of the file. An odd width or
    height is made even by repeating the last column or row. Colours are BT.709 in limited range, and tagged so.
    Raises OutputError where the file cannot be written.
    """

    def __init__(
        self,
        path: str | Path,
        fps: float | Fraction,
        waveform: Tensor | None = None,
        rate: int | None = None,
        metadata: dict[str, str] | None = None,
        crf: int = CRF,
    ) -> None:
        self.path = Path(path)
        self.fps = exact_rate(fps)
        self.frames_written = 0
        self._metadata = metadata or {}
        self._crf = crf
        self._waveform = None if waveform is None else mono_or_stereo(torch.atleast_2d(waveform))  # (C, N)
        self._rate = rate
        self._sound_sent = 0
        self._container = self._temporary = self._video = self._sound = None

    @property
    def duration(self) -> float:
        """Seconds of video written so far."""
        return float(self.frames_written / self.fps)

    def __enter__(self) -> VideoWriter:
        self._temporary = str(self.path.parent / f".vasa-{secrets.token_hex(8)}.mp4")
        try:
            if self.path.is_dir():
                raise IsADirectoryError("it is a folder")
            open(self._temporary, "xb").close()  # an unwritable place fails here, before any work is done
            self._container = av.open(
                self._temporary, "w", format="mp4", options={"movflags": "use_metadata_tags+faststart"}
            )
        except (OSError, av.FFmpegError) as error:
            self._discard()
            raise self._unwritable(error) from error
        self._container.metadata.update(self._metadata)
        return self

    def write(self, frames: Tensor | np.ndarray) -> None:
        """Encode frames, and the sound that goes with them."""
        frames = frames.cpu().numpy() if isinstance(frames, Tensor) else frames
        if frames.dtype != np.uint8 or frames.shape[-1] != 3:
            raise BadInput(f"Frames are uint8 (T, H, W, 3); these are {frames.dtype} {tuple(frames.shape)}.")
        frames = frames[None] if frames.ndim == 3 else frames
        try:
            for frame in frames:
                self._write_frame(frame)
            self._write_sound(self.frames_written / self.fps)
        except (OSError, av.FFmpegError) as error:
            raise self._unwritable(error) from error

    def __exit__(self, kind, value, traceback) -> None:
        if kind is None:
            self._finish()
        else:
            self._discard()

    def _write_frame(self, rgb: np.ndarray) -> None:
        height, width = rgb.shape[:2]
        if height % 2 or width % 2:
            rgb = np.pad(rgb, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")
        if self._video is None:
            self._open_streams(rgb.shape[1], rgb.shape[0])
        if (self._video.width, self._video.height) != (rgb.shape[1], rgb.shape[0]):
            raise BadInput("All frames of a video have one size; this one differs from the first.")
        frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(rgb), format="rgb24").reformat(
            format="yuv420p",
            src_color_range=ColorRange.JPEG,
            dst_colorspace=Colorspace.ITU709,
            dst_color_range=ColorRange.MPEG,
        )
        frame.pts, frame.time_base = self.frames_written, 1 / self.fps
        frame.color_primaries, frame.color_trc = BT709, BT709
        self._container.mux(self._video.encode(frame))
        self.frames_written += 1

    def _open_streams(self, width: int, height: int) -> None:
        self._video = self._container.add_stream("libx264", rate=self.fps)
        self._video.width, self._video.height, self._video.pix_fmt = width, height, "yuv420p"
        self._video.options = {"crf": str(self._crf), "preset": SPEED}
        context = self._video.codec_context
        context.color_range, context.colorspace = ColorRange.MPEG, Colorspace.ITU709
        context.color_primaries, context.color_trc = BT709, BT709
        if self._waveform is None:
            return
        rate = self._rate if self._rate in SOUND_RATES else SOUND_RATES[-1]
        layout = "mono" if self._waveform.shape[0] == 1 else "stereo"
        self._sound = self._container.add_stream("aac", rate=rate, layout=layout)
        self._sound.bit_rate = SOUND_BITS
        self._resampler = av.AudioResampler(format="fltp", layout=layout, rate=rate)

    def _write_sound(self, until: Fraction) -> None:
        """Send the sound up to `until` seconds to its encoder."""
        if self._sound is None:
            return
        end = min(int(until * self._rate), self._waveform.shape[1])
        while self._sound_sent < end:
            stop = min(self._sound_sent + SOUND_BLOCK, end)
            block = self._waveform[:, self._sound_sent : stop].float().clamp(-1, 1).cpu().contiguous().numpy()
            frame = av.AudioFrame.from_ndarray(block, format="fltp", layout=self._sound.codec_context.layout.name)
            frame.sample_rate, frame.pts, frame.time_base = self._rate, self._sound_sent, Fraction(1, self._rate)
            self._encode_sound(frame)
            self._sound_sent = stop

    def _encode_sound(self, frame: av.AudioFrame | None) -> None:
        for resampled in self._resampler.resample(frame):
            self._container.mux(self._sound.encode(resampled))

    def _finish(self) -> None:
        if not self.frames_written:
            self._discard()
            raise OutputError(f"No frame was made, so {self.path.name} was not written.")
        try:
            self._container.mux(self._video.encode(None))
            if self._sound is not None:
                self._encode_sound(None)
                self._container.mux(self._sound.encode(None))
            self._container.close()
            _check_complete(self._temporary)
            os.replace(self._temporary, self.path)
        except (OSError, av.FFmpegError) as error:
            raise self._unwritable(error) from error
        finally:
            self._discard()

    def _discard(self) -> None:
        """Close and remove the temporary file where it still exists."""
        if self._container is not None:
            with suppress(OSError, av.FFmpegError):  # the file is thrown away in any case
                self._container.close()
        if self._temporary is not None:
            with suppress(FileNotFoundError):
                os.unlink(self._temporary)
        self._container = self._temporary = None

    def _unwritable(self, error: Exception) -> OutputError:
        reason = getattr(error, "strerror", None) or error
        return OutputError(f"Cannot write {self.path} ({reason}). Choose a folder with room and write permission.")


def mono_or_stereo(waveform: Tensor) -> Tensor:
    """(C, N) with C 1 or 2; of more, where speech is in one of the middle, the mean."""
    return waveform if waveform.shape[0] <= 2 else waveform.float().mean(0, keepdim=True)


def _check_complete(path: str) -> None:
    """Raise OSError unless the boxes of an MP4 file (ISO 14496-12, 4.2) add up to its size, as after a full disk."""
    size, offset, kinds = os.path.getsize(path), 0, set()
    with open(path, "rb") as file:
        while offset < size:
            file.seek(offset)
            head = file.read(16)
            length = int.from_bytes(head[:4], "big")
            length = int.from_bytes(head[8:16], "big") if length == 1 else length
            if length < 8:
                break
            kinds.add(head[4:8])
            offset += length
    if offset != size or not {b"moov", b"mdat"} <= kinds:
        raise OSError("the file is incomplete; the disk may be full")
