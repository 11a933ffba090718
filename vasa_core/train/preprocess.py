"""One video becomes clips: watched once for faces and cuts, and read once more for the pictures of what is kept.

Frame k of the video belongs to k / fps seconds of the file, for picture and sound alike: the reader puts the nearest
picture there and sound by its time stamps, and a clip takes frames and samples of the same span. So nothing adds up,
however long a video is and whatever its frame rate.
"""

from __future__ import annotations

import base64
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image, ImageOps
from torch import Tensor, nn

from ..audio import load_audio_encoder, weights_of
from ..audio.align import frame_count, sample_span
from ..audio.phonetic import CURVES, PhoneticEncoder, load_phonetic_encoder
from ..audio.resample import SPEECH_RATE, audio_from_waveform, resample
from ..errors import BadInput
from ..faces.mesh.reader import motion_from_landmarks
from ..media.read import read_video
from ..metrics.sync import score_sync, sync_faces
from ..metrics.syncnet import SyncNet, load_syncnet
from ..motion.labels import arkit_gaze
from ..types import Audio
from ..vision.crop import HALF, SMALLEST_FACE, cut_crop, upright_framing
from ..vision.model import Vision, load_vision
from ..vision.track import fill_gaps
from .lip_lag import Lag, lag_of_sound, lip_opening
from .shards import About, Clip, Labels, as_jpeg, from_still, write_shard
from .shots import Progress, Stretch, stretches, watch

SHORTEST, LONGEST = 2.4, 12.0  # seconds of a clip; the motion stage needs 60 frames
ENLARGED = 2.0  # a crop may be so many times larger than what it shows
LOUD, SOUNDING = 10 ** (-50 / 20), 0.1  # of full scale; share of a clip that must be this loud
SHARD_FRAMES = 4000  # about 0.2 GB at 512 pixels
THUMBNAIL = 128  # pixels
SIZES = (256, 512)
KEPT, BAD_SYNC = "kept", "bad sync"
CONFIDENT, OFFSET = 2.0, 3  # of SyncNet: least confidence, largest offset in frames of 40 ms


@dataclass(frozen=True)
class PrepareSettings:
    """What decides the clips: their size in pixels, their frame rate, the audio encoder (name or file), and the file
    of SyncNet, if there is one."""

    size: int = 512
    fps: Fraction = Fraction(25)
    encoder: str = "phonetic"
    syncnet: str | None = None

    def __post_init__(self) -> None:
        if self.size not in SIZES:
            raise BadInput(f"Clips of {self.size} pixels cannot be made. Use 256 or 512.")


@dataclass(frozen=True)
class Source:
    """A video to prepare: its path, its name within the folder, who it shows, and `key`, the name of its files."""

    path: Path
    name: str
    identity: str
    key: str


@dataclass(frozen=True)
class Record:
    """What became of a video. seconds: kept; dropped: seconds by reason; failure: why it could not be used at all;
    late: by how many seconds its sound surely is late; shown: a small JPEG in base64 of what was kept or dropped."""

    video: str
    bytes: int
    identity: str
    clips: int = 0
    seconds: float = 0.0
    cuts: int = 0
    dropped: dict[str, float] = field(default_factory=dict)
    failure: str | None = None
    late: float | None = None
    shown: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Tools:
    """The networks that look and listen."""

    vision: Vision
    encoder: nn.Module
    phonetic: PhoneticEncoder
    syncnet: SyncNet | None
    weights: str = ""  # which audio encoder of its name

    @staticmethod
    def load(settings: PrepareSettings) -> Tools:
        """Those that the settings ask for, on the CPU; raises what load_audio_encoder and load_syncnet do."""
        encoder = load_audio_encoder(settings.encoder)
        syncnet = None if settings.syncnet is None else load_syncnet(settings.syncnet)
        return Tools(load_vision(), encoder, load_phonetic_encoder(), syncnet, weights_of(encoder))


@dataclass(frozen=True)
class _Draft:
    """A clip whose pictures are not read yet: span (left, top, side) of its crop, landmarks in crop pixels."""

    stretch: Stretch
    span: tuple[int, int, int]
    landmarks: Tensor
    samples: Tensor


def prepare_video(
    source: Source, out: Path, settings: PrepareSettings, tools: Tools, progress: Progress | None = None
) -> Record:
    """Write the shards of one video into `out`, those of an earlier run replaced; a video that cannot be used is
    recorded as such. progress is told the frames watched."""
    for stale in out.glob(f"{source.key}-*.safetensors"):
        stale.unlink()
    record = Record(source.name, source.path.stat().st_size, source.identity)
    try:
        return _prepared(record, source, out, settings, tools, progress)
    except BadInput as error:
        return replace(record, failure=str(error))


def _prepared(
    record: Record, source: Source, out: Path, settings: PrepareSettings, tools: Tools, progress: Progress | None
) -> Record:
    video, fps = read_video(source.path, settings.fps), float(settings.fps)
    waveform = video.waveform()
    if waveform is None:
        return replace(record, dropped={"no sound": video.expected_frames / fps})
    audio = resample(audio_from_waveform(*waveform))
    smallest = max(SMALLEST_FACE, settings.size / (2 * HALF * ENLARGED))
    watched = watch(tools.vision, video.pictures(), fps, smallest, progress)
    limits = round(SHORTEST * fps), round(LONGEST * fps)
    drafts, left_out = [], []
    for stretch in stretches(watched, *limits, frame_count(audio.duration, fps)):
        draft = stretch if stretch.fault else _draft(stretch, watched.landmarks, audio, settings)
        (drafts if isinstance(draft, _Draft) else left_out).append(draft)
    lag = _lag(drafts, tools.phonetic, fps)
    if lag.bad:
        left_out += [replace(draft.stretch, fault=BAD_SYNC) for draft in drafts]
        drafts = []
    shown, unsynced = _write(source, out, settings, tools, video.pictures, drafts, left_out)
    frames = Counter()
    for stretch in [*left_out, *unsynced]:
        frames[stretch.fault] += stretch.frames
    kept = sum(draft.stretch.frames for draft in drafts) - sum(stretch.frames for stretch in unsynced)
    return replace(
        record,
        clips=len(drafts) - len(unsynced),
        seconds=kept / fps,
        cuts=int(watched.cuts.sum()),
        dropped={reason: count / fps for reason, count in sorted(frames.items())},
        late=lag.seconds if lag.sure else None,
        shown=shown,
    )


def _draft(stretch: Stretch, points: Tensor, audio: Audio, settings: PrepareSettings) -> _Draft | Stretch:
    """A clip of this stretch of points (T, 478, 3), or the stretch with the reason why there is none."""
    fps, size = float(settings.fps), settings.size
    found = [None if face[0, 0].isnan() else face for face in points[stretch.first : stretch.stop]]
    filled = fill_gaps(found, fps)  # (t, 478, 3)
    matrix, span = upright_framing(filled.median(dim=0).values, size)
    landmarks = filled * matrix[0, 0]
    landmarks[..., :2] += matrix[:2, 2]
    if landmarks[..., :2].amin() < 0 or landmarks[..., :2].amax() > size:
        return replace(stretch, fault="leaves its crop")
    begin, end = sample_span(stretch.first, stretch.frames, settings.fps, SPEECH_RATE)
    heard = audio.samples[begin:end]
    heard = F.pad(heard, (0, end - begin - len(heard)))
    blocks = heard[: len(heard) // 640 * 640].view(-1, 640)  # 40 ms each
    if (blocks.square().mean(1).sqrt() > LOUD).float().mean() < SOUNDING:
        return replace(stretch, fault="silent")
    return _Draft(stretch, span, landmarks, (heard * 32768.0).round().clamp(-32768, 32767).to(torch.int16))


def _lag(drafts: Sequence[_Draft], phonetic: PhoneticEncoder, fps: float) -> Lag:
    aperture = CURVES.index("aperture")
    seen = [lip_opening(draft.landmarks) for draft in drafts]
    heard = [phonetic(_sound(draft), draft.stretch.frames, fps).values[:, aperture] for draft in drafts]
    return lag_of_sound(seen, heard, fps)


def _sound(draft: _Draft) -> Audio:
    return Audio(draft.samples.float() / 32768.0, SPEECH_RATE)


def _write(
    source: Source,
    out: Path,
    settings: PrepareSettings,
    tools: Tools,
    pictures: Callable[[], Iterator[np.ndarray]],
    drafts: Sequence[_Draft],
    left_out: Sequence[Stretch],
) -> tuple[dict[str, str], list[Stretch]]:
    """Write the shards of the drafts, reading the video once more.

    Returns small pictures of what is in and out, and the stretches that SyncNet turned down.
    """
    largest = {stretch.fault: stretch for stretch in sorted(left_out, key=lambda stretch: stretch.frames)}
    wanted = {(stretch.first + stretch.stop) // 2: fault for fault, stretch in largest.items()}
    until = max([draft.stretch.stop for draft in drafts] + [number + 1 for number in wanted], default=0)
    shown, stills, ready, unsynced, number, waiting = {}, [], [], [], 0, list(drafts)
    encoder = ""
    for at, picture in zip(range(until), pictures(), strict=False):
        if at in wanted:
            shown[wanted[at]] = _thumbnail(picture)
        if not waiting or at < waiting[0].stretch.first:
            continue
        crop = _cut_out(picture, waiting[0].span, settings.size)
        stills.append(as_jpeg(crop))
        if at + 1 < waiting[0].stretch.stop:
            continue
        draft = waiting.pop(0)
        if tools.syncnet is None or _in_sync(tools.vision, tools.syncnet, stills, draft, float(settings.fps)):
            clip, encoder = _clip(source, settings, tools, draft, stills)
            ready.append(clip)
            shown.setdefault(KEPT, _thumbnail(crop))
        else:
            unsynced.append(replace(draft.stretch, fault=BAD_SYNC))
            shown.setdefault(BAD_SYNC, _thumbnail(crop))
        stills = []
        if ready and (not waiting or sum(clip.about.frames for clip in ready) >= SHARD_FRAMES):
            write_shard(out / f"{source.key}-{number:04}.safetensors", ready, encoder, tools.weights)
            ready, number = [], number + 1
    return shown, unsynced


def _in_sync(vision: Vision, syncnet: SyncNet, stills: Sequence[bytes], draft: _Draft, fps: float) -> bool:
    """Whether SyncNet finds that lips and sound belong together, and at the same time."""
    faces = sync_faces(vision, [picture.float() / 255.0 for picture in map(from_still, stills)], fps)
    score = score_sync(syncnet, faces, fps, _sound(draft))
    return score.confidence >= CONFIDENT and abs(score.offset_frames) <= OFFSET


def _clip(
    source: Source, settings: PrepareSettings, tools: Tools, draft: _Draft, stills: Sequence[bytes]
) -> tuple[Clip, str]:
    """The clip of a draft with its labels, and the name of the audio encoder."""
    frames, fps = draft.stretch.frames, float(settings.fps)
    motion = motion_from_landmarks(draft.landmarks, fps, settings.size)
    features = tools.encoder(_sound(draft), frames, fps)
    labels = Labels(motion.pose, motion.dynamics, arkit_gaze(motion), draft.landmarks, features.values)
    start = float(draft.stretch.first / settings.fps)
    about = About(source.identity, source.name, start, fps, frames, len(draft.samples))
    return Clip(about, stills, labels, draft.samples), features.encoder


def _cut_out(picture: np.ndarray, span: tuple[int, int, int], size: int) -> np.ndarray:
    """The crop (size, size, 3) uint8 of a picture (H, W, 3), by the rule of vision.crop."""
    left, top, side = span
    rows = np.arange(top, top + side).clip(0, picture.shape[0] - 1)
    columns = np.arange(left, left + side).clip(0, picture.shape[1] - 1)
    part = torch.from_numpy(picture[rows][:, columns]).permute(2, 0, 1).float().div_(255.0)
    crop = cut_crop(part, (0, 0, side), size)
    return (crop * 255.0).round().to(torch.uint8).permute(1, 2, 0).contiguous().numpy()


def _thumbnail(picture: np.ndarray) -> str:
    small = ImageOps.pad(Image.fromarray(picture), (THUMBNAIL, THUMBNAIL))
    return base64.b64encode(as_jpeg(np.asarray(small))).decode("ascii")
