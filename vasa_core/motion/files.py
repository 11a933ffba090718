"""Motion in files: safetensors of our own, and ARKit CSV as Epic's Live Link Face records it.

The safetensors header names the motion space and the frame rate; loading is strict.

The CSV has one row per frame: Timecode (HH:MM:SS:FF.fff, FF counted at the file's rate), BlendshapeCount, 52 ARKit
coefficients in [0, 1], then HeadYaw, HeadPitch, HeadRoll and the same of each eye, in radians. Signs are ours, as the
viewer sees the picture: yaw positive to the viewer's right, pitch positive up, roll positive clockwise. ARKit's axes,
which the app records, agree with that in yaw; turn a file of a mirrored or landscape recording round with the
`signs` of `load_arkit_csv`. Four columns of our own at the end, HeadX, HeadY, HeadLogScale and FrameRate, make the
round trip whole; other files load without them. Columns are found by name, in any order and case.
"""

from __future__ import annotations

import csv
import io
import json
import os
import secrets
from contextlib import suppress
from pathlib import Path

import torch
from torch import Tensor

from ..arkit import ARKIT, INDEX, LOOK_SIDEWAYS, LOOK_VERTICAL, NAMES
from ..errors import BadInput, OutputError
from ..types import Motion, MotionSpace
from ..weights import checkpoint

ARCHITECTURE = "motion"
APP_ORDER = {"jawLeft": "jawRight", "jawRight": "jawLeft", "mouthLeft": "mouthRight", "mouthRight": "mouthLeft"}
SHAPE_COLUMNS = tuple(APP_ORDER.get(name, name) for name in NAMES)  # the app lists right before left in these two
HEAD_COLUMNS = ("HeadYaw", "HeadPitch", "HeadRoll")
EYE_COLUMNS = ("LeftEyeYaw", "LeftEyePitch", "LeftEyeRoll", "RightEyeYaw", "RightEyePitch", "RightEyeRoll")
OUR_COLUMNS = ("HeadX", "HeadY", "HeadLogScale")
RATE_COLUMN = "FrameRate"


def save_motion(path: str | Path, motion: Motion) -> None:
    """Write a motion as safetensors. Raises OutputError where that is not possible."""
    checkpoint.save(
        path,
        {"pose": motion.pose, "dynamics": motion.dynamics},
        ARCHITECTURE,
        space=motion.space.name,
        fps=repr(motion.fps),
        origin=json.dumps(dict(motion.origin)),
    )


def load_motion(path: str | Path) -> Motion:
    """Read what save_motion wrote. Raises WeightsError for a damaged or foreign file."""
    tensors, header = checkpoint.load(path, ARCHITECTURE)
    if set(tensors) != {"pose", "dynamics"} or not {"space", "fps"} <= set(header):
        raise BadInput(f"{Path(path).name} is not a motion file. Save the motion again.")
    space = MotionSpace(header["space"], tensors["dynamics"].shape[-1])
    origin = {str(name): str(value) for name, value in json.loads(header.get("origin", "{}")).items()}
    return Motion(tensors["pose"], tensors["dynamics"], float(header["fps"]), space, origin)


def save_arkit_csv(path: str | Path, motion: Motion) -> None:
    """Write a motion of the space 'arkit' in Live Link Face's layout. Raises WrongSpace, OutputError."""
    motion.require(ARKIT, "An ARKit CSV")
    columns = [name[0].upper() + name[1:] for name in SHAPE_COLUMNS] + [*HEAD_COLUMNS, *EYE_COLUMNS]
    shapes = motion.dynamics[:, [INDEX[name] for name in SHAPE_COLUMNS]]
    head = motion.pose[:, [1, 0, 2]]
    values = torch.cat([shapes, head, _eye_angles(motion.dynamics), motion.pose[:, 3:]], dim=1).tolist()
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["Timecode", "BlendshapeCount", *columns, *OUR_COLUMNS, RATE_COLUMN])
    for frame, row in enumerate(values):
        writer.writerow(
            [_timecode(frame, motion.fps), len(columns), *(f"{value:.7f}" for value in row), repr(motion.fps)]
        )
    _write_text(Path(path), text.getvalue())


def load_arkit_csv(path: str | Path, fps: float | None = None, signs: tuple[int, int, int] = (1, 1, 1)) -> Motion:
    """Read a CSV of Live Link Face, or of any tool that names its columns alike; missing columns are zero.

    fps: of the recording; None takes it from the file: our FrameRate column, or the timecodes.
    signs: factors (1 or -1) for yaw, pitch, roll.
    Raises BadInput where the file is none of these.
    """
    path = Path(path)
    try:
        rows = [row for row in csv.reader(path.read_text(encoding="utf-8-sig").splitlines()) if row]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise BadInput(f"The motion file {path.name} cannot be read ({error}). Use a CSV of ARKit curves.") from error
    names = {name.strip().lower(): k for k, name in enumerate(rows[0])} if rows else {}
    if "jawopen" not in names or len(rows) < 2:
        raise BadInput(f"{path.name} has no ARKit curves. Its first line must name them, such as JawOpen.")

    def column(name: str) -> Tensor:
        index = names.get(name.lower())
        return (
            torch.zeros(len(rows) - 1, dtype=torch.float64)
            if index is None
            else torch.tensor([float(row[index]) for row in rows[1:]], dtype=torch.float64)
        )

    try:
        dynamics = torch.stack([column(name) for name in NAMES], dim=1).clamp(0.0, 1.0)  # (T, 52)
        yaw, pitch, roll = (column(name) * sign for name, sign in zip(HEAD_COLUMNS, signs, strict=True))
        pose = torch.stack([pitch, yaw, roll, *(column(name) for name in OUR_COLUMNS)], dim=1)  # (T, 6)
    except (ValueError, IndexError) as error:
        raise BadInput(f"{path.name} holds a row that is not numbers ({error}). Export it again.") from error
    if fps is None and RATE_COLUMN.lower() in names:
        fps = float(column(RATE_COLUMN)[0])
    elif fps is None:
        fps = _rate_of([row[names["timecode"]] for row in rows[1:]] if "timecode" in names else [], path.name)
    return Motion(pose.float(), dynamics.float(), fps, ARKIT)


def _eye_angles(dynamics: Tensor) -> Tensor:
    """(T, 6): yaw, pitch, roll of the subject's left eye, then of the right one, from the eyeLook coefficients."""

    def value(name: str) -> Tensor:
        return dynamics[:, INDEX[name]]

    columns = []
    for side, outward in (("Left", 1.0), ("Right", -1.0)):  # the subject's left is the viewer's right
        sideways = (value(f"eyeLookOut{side}") - value(f"eyeLookIn{side}")) * outward * LOOK_SIDEWAYS
        upward = (value(f"eyeLookUp{side}") - value(f"eyeLookDown{side}")) * LOOK_VERTICAL
        columns += [sideways, upward, torch.zeros_like(upward)]
    return torch.stack(columns, dim=1)


def _timecode(frame: int, fps: float) -> str:
    second, time = divmod(frame / fps, 1.0)
    second = int(second)
    return f"{second // 3600:02d}:{second // 60 % 60:02d}:{second % 60:02d}:{time * fps:06.3f}"


def _rate_of(timecodes: list[str], name: str) -> float:
    """Frames per second by least squares: frame k of a recording satisfies k = seconds * rate + FF - constant."""
    try:
        parts = torch.tensor([[float(part) for part in code.split(":")] for code in timecodes], dtype=torch.float64)
        seconds, inside = parts[:, :3] @ torch.tensor([3600.0, 60.0, 1.0], dtype=torch.float64), parts[:, 3]
    except (ValueError, IndexError) as error:
        raise BadInput(f"{name} has no timecodes HH:MM:SS:FF. Say its frame rate.") from error
    seconds = seconds - seconds.mean()
    if not seconds.any():
        raise BadInput(f"{name} lasts less than a second, which does not tell its frame rate. Say it.")
    rows = torch.arange(len(timecodes), dtype=torch.float64) - inside
    return round(float((seconds * (rows - rows.mean())).sum() / seconds.square().sum()), 3)


def _write_text(path: Path, text: str) -> None:
    temporary = path.parent / f".{path.name}.{secrets.token_hex(4)}"
    try:
        temporary.write_text(text, encoding="utf-8")
        os.replace(temporary, path)
    except OSError as error:
        raise OutputError(f"Cannot write {path} ({error.strerror}). Choose a folder with write permission.") from error
    finally:
        with suppress(FileNotFoundError):
            temporary.unlink()
