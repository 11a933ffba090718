"""Many videos become one table: what is measured of each is kept, and rows are put together from that."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from math import radians
from pathlib import Path

import torch

from ..errors import BadInput
from ..weights import checkpoint
from .reading import Clip, Reading, Wish
from .report import Row, mean_row
from .video import fvd

ARCHITECTURE = "vasa reading 1"  # of the files that keep what was measured of a video
SUFFIXES = (".mp4", ".mov", ".mkv", ".webm", ".avi", ".m4v")
ALL, REAL = "all generated", "real video"
ONE_REAL = "one real video has no other to be compared with"
NO_REAL = "it is a distance to real videos; name some with --real"


@dataclass(frozen=True)
class Group:
    """Videos that make one row of the table. folder: they are in it or below."""

    name: str
    videos: list[Path]
    folder: Path

    def within(self, video: Path) -> str:
        """A video's name with the folders below the group's, as in 'ada/talk.mp4'."""
        return video.relative_to(self.folder).as_posix()


def groups_of(places: list[Path]) -> list[Group]:
    """A row for each video, and one for each folder of videos; BadInput for what is neither."""
    groups = []
    for place in places:
        if place.is_dir():
            videos = sorted(path for path in place.rglob("*") if path.suffix.lower() in SUFFIXES)
            if not videos:
                raise BadInput(f"The folder {place} holds no video ({', '.join(SUFFIXES)}). Name one that does.")
            groups.append(Group(place.resolve().name, videos, place))
        elif place.is_file():
            groups.append(Group(place.stem, [place], place.parent))
        else:
            raise BadInput(f"There is no video and no folder at {place}. Check the path.")
    return groups


def original_of(name: str, real: list[Group]) -> Path | None:
    """The real video that the generated one called `name` within its group re-enacts: the one of the same name and
    folders, else the one of the same name; endings do not count. BadInput where there are several.
    """
    wanted = Path(name).with_suffix("")
    every = [(Path(group.within(video)).with_suffix(""), video) for group in real for video in group.videos]
    for same in ([v for n, v in every if n == wanted], [v for n, v in every if n.name == wanted.name]):
        if len({video.resolve() for video in same}) > 1:
            raise BadInput(
                f"{name} may re-enact {same[0]} or {same[1]}, which have its name. "
                "Put generated videos into folders of the same names as the real ones'."
            )
        if same:
            return same[0]
    return None


def wish_of(video: Path, group: Group, wishes: dict[str, Wish]) -> Wish:
    """What a video of a group was asked to be, by its name with its folders, else by its name alone.

    BadInput where the group has several of that name.
    """
    name = group.within(video)
    if name not in wishes and video.name in wishes and sum(other.name == video.name for other in group.videos) > 1:
        raise BadInput(f"{group.folder} has several videos named {video.name}; say in the wishes which, as '{name}'.")
    return wishes.get(name, wishes.get(video.name, Wish()))


def read_wishes(path: Path) -> dict[str, Wish]:
    """{name of a video file: what it was asked to be} of a JSON file; see the README. BadInput says what is wrong.

    {"talk.mp4": {"portrait": "ada.jpg", "gaze": [10, -5], "distance": 1.1}}: degrees to the viewer's right and up;
    a portrait's path counts from the file's folder; each of the three may be left out. A name may have the folders
    below the one that is evaluated in front of it.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise BadInput(f"The wishes {path} cannot be read ({error}). Use a JSON file, as the README has it.") from error
    if not isinstance(content, dict):
        raise BadInput(f"The wishes {path.name} must be an object with the names of video files.")
    wishes = {}
    for name, wish in content.items():
        if not isinstance(wish, dict) or wish.keys() - {"portrait", "gaze", "distance"}:
            raise BadInput(f"The wish for {name} may have a portrait, a gaze and a distance, and nothing else.")
        try:
            yaw_pitch = [float(angle) for angle in wish["gaze"]] if "gaze" in wish else None
            distance = float(wish["distance"]) if "distance" in wish else None
            portrait = path.parent / wish["portrait"] if "portrait" in wish else None
        except (TypeError, ValueError) as error:
            raise BadInput(f"The wish for {name} is not understood ({error}). Give numbers, and a path.") from error
        if yaw_pitch is not None and len(yaw_pitch) != 2:
            raise BadInput(f"The gaze for {name} must be two angles in degrees, such as [10, -5].")
        gaze = None if yaw_pitch is None else (radians(yaw_pitch[0]), radians(yaw_pitch[1]))
        wishes[name] = Wish(portrait, gaze, distance)
    return wishes


def key_of(clip: Clip, weights: dict[str, str], step: int) -> str:
    """What a reading depends on, as 16 hexadecimal digits: the files' contents, the wish, and the networks' hashes."""
    files = [checkpoint.sha256(p) for p in (clip.video, clip.sound, clip.original, clip.wish.portrait) if p]
    told = [ARCHITECTURE, files, clip.real, bool(clip.sound), bool(clip.original), str(clip.wish.gaze)]
    told += [str(clip.wish.distance), sorted(weights.items()), step]
    return hashlib.sha256(json.dumps(told).encode()).hexdigest()[:16]


def keep(path: Path, reading: Reading) -> None:
    """Write what was measured of a video, atomically. Raises OutputError."""
    features = torch.zeros(0, 0) if reading.features is None else reading.features
    told = {"values": json.dumps(reading.values), "reasons": json.dumps(reading.reasons)}
    checkpoint.save(path, {"features": features}, ARCHITECTURE, **told)


def kept(path: Path) -> Reading:
    """What `keep` wrote."""
    tensors, header = checkpoint.load(path, ARCHITECTURE)
    features = tensors["features"] if tensors["features"].numel() else None
    return Reading(json.loads(header["values"]), json.loads(header["reasons"]), features)


def table(groups: list[tuple[str, list[Reading]]], real: list[Reading]) -> list[Row]:
    """The table's rows: each group, all together where there are several, and the real videos for reference.

    FVD_25 of the real row is that between every other real video and the rest.
    """
    rows = [_row(name, readings, real) for name, readings in groups]
    if len(groups) > 1:
        rows.append(_row(ALL, [reading for _, readings in groups for reading in readings], real))
    if real:
        rows.append(_row(REAL, real[::2], real[1::2], real))
    return rows


def per_video(names: list[str], readings: list[Reading]) -> list[Row]:
    """A row for each video alone."""
    return [Row(name, 1, r.values, r.reasons) for name, r in zip(names, readings, strict=True)]


def _row(name: str, made: list[Reading], real: list[Reading], reference: list[Reading] | None = None) -> Row:
    """One row, whose FVD_25 is that of `made` to `real`; its other figures are those of `reference` where given."""
    row = mean_row(name, [Row(name, 1, r.values, r.reasons) for r in reference or made], reference is not None)
    measured = [r.features for r in made if r.features is not None]
    if not measured:
        return row
    row.reasons.pop("FVD_25", None)  # of some of the videos
    if not real:
        row.reasons["FVD_25"] = NO_REAL if reference is None else ONE_REAL
        return row
    others = [r.features for r in real if r.features is not None]
    try:
        row.values["FVD_25"] = fvd(torch.cat(measured), torch.cat(others) if others else torch.zeros(0, 0))
    except BadInput as complaint:
        row.reasons["FVD_25"] = str(complaint)
    return row
