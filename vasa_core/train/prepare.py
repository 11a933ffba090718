"""A folder of talking videos becomes a folder of clips: several processes, and a run that was stopped goes on.

    prepare(videos, out, PrepareSettings(), workers=4) -> Report

    OUT/KEY-0000.safetensors ...    shards of clips (shards.py), those of one video together
    OUT/records/KEY.json            what became of the video; written last, so a video without one is prepared (again)
    OUT/prepared.json               the settings, and what was kept and dropped in all
    OUT/prepared.jpg                clips that were kept, and one picture of each kind of what was dropped

Videos do not know of one another, so the files hold the same whatever the number of processes.
"""

from __future__ import annotations

import json
import os
import re
import signal
import threading
import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from multiprocessing import get_context, parent_process
from pathlib import Path

import torch

from ..errors import BadInput, OutputError, VasaError
from ..weights.checkpoint import sha256
from .contact_sheet import save_labelled
from .preprocess import KEPT, PrepareSettings, Record, Source, Tools, prepare_video

SUFFIXES = {".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".mpg", ".mpeg", ".ts", ".flv", ".wmv", ".3gp"}
SHOWN_KEPT, SHOWN_DROPPED = 32, 8  # pictures on the sheet
FORMAT = 1  # of what is measured and how: raise it when clips made before are no longer like those made now
Progress = Callable[[int, int], None]  # videos done, of all
Say = Callable[[str], None]


@dataclass(frozen=True)
class Report:
    """All videos together. dropped: seconds by reason; failed: why a video could not be used, by its name."""

    videos: int
    people: int
    clips: int
    seconds: float
    cuts: int
    dropped: dict[str, float] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)

    def table(self) -> str:
        """The figures as lines of text."""
        total = self.seconds + sum(self.dropped.values())
        rows = [("kept", self.seconds), *sorted(self.dropped.items(), key=lambda row: -row[1])]
        lines = [f"{self.videos} videos, {self.cuts} cuts, {self.clips} clips of {self.people} people"]
        lines += [f"{name:20} {seconds:10.1f} s {100 * seconds / max(total, 1e-9):6.1f} %" for name, seconds in rows]
        return "\n".join([*lines, *(f"not usable: {why}" for why in self.failed.values())])


def prepare(
    videos: str | Path,
    out: str | Path,
    settings: PrepareSettings,
    workers: int = 1,
    progress: Progress | None = None,
    say: Say | None = None,
) -> Report:
    """Prepare every video in the folder `videos` and below; see the head of this file.

    Who is shown: the first folder below `videos`, or where there is none the video's name. A video that changed its
    size since an earlier run is prepared anew; clips of one that is gone are kept, and that is said. say: told what
    goes on. Raises BadInput where there are no videos, or `out` was made with other settings; OutputError where it
    cannot be written.
    """
    if workers < 1:
        raise BadInput(f"The number of processes must be at least 1, not {workers}.")
    sources, out, say = find_videos(Path(videos)), Path(out), say or (lambda text: None)
    told = _described(settings)
    records = out / "records"
    try:
        records.mkdir(parents=True, exist_ok=True)
        for torn in [*out.glob(".*.safetensors.*"), *records.glob(".*")]:  # of a run that was killed
            torn.unlink()
    except OSError as error:
        raise OutputError(f"The folder {out} cannot be made ({error.strerror}). Name another output.") from error
    _agree(out, told)
    todo = [source for source in sources if _record(records, source) is None]
    if len(todo) < len(sources):
        say(f"{len(sources) - len(todo)} of {len(sources)} videos were prepared before")
    strangers = sorted({path.stem for path in records.glob("*.json")} - {source.key for source in sources})
    if strangers:
        say(
            f"{out} holds clips of {len(strangers)} videos that are not in {videos}, and keeps them for training; "
            f"to leave them out, delete their files: {strangers[0]}-*.safetensors, records/{strangers[0]}.json ..."
        )
    say("sync is checked by lips against voice, where a video has 10 seconds or more of clips")
    if settings.syncnet is None:
        say("sync of single clips is not checked: no --syncnet is named")
    done = len(sources) - len(todo)
    for source, record in _prepared(todo, out, settings, workers):
        _write_json(records / f"{source.key}.json", asdict(record))
        done += 1
        if progress is not None:
            progress(done, len(sources))
    every = [_record(records, source) for source in sources]
    report = _counted(every)
    _write_json(out / "prepared.json", {"settings": told, **asdict(report)})
    _show(out / "prepared.jpg", every)
    return report


def find_videos(folder: Path) -> list[Source]:
    """All videos in a folder and below, in the order of their names; BadInput where there are none."""
    found = []
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder)
        if path.suffix.lower() in SUFFIXES and path.is_file() and not any(p.startswith(".") for p in name.parts):
            identity = name.parts[0] if len(name.parts) > 1 else name.stem
            readable = re.sub(r"\W+", "_", name.with_suffix("").as_posix())[:80]
            key = f"{readable}-{zlib.crc32(name.as_posix().encode()):08x}"
            found.append(Source(path, name.as_posix(), identity, key))
    if not found:
        endings = ", ".join(sorted(SUFFIXES))
        raise BadInput(f"There are no videos in {folder}. Files that end in {endings} count.")
    return found


def _prepared(
    todo: Sequence[Source], out: Path, settings: PrepareSettings, workers: int
) -> Iterator[tuple[Source, Record]]:
    """Each source with its record, as they get done."""
    if not todo:
        return
    tools = Tools.load(settings)  # also where others will do the work: says now what is wrong with them
    if workers == 1:
        threads = torch.get_num_threads()
        torch.set_num_threads(1)  # as in the processes of many, so that all add up in one order
        try:
            for source in todo:
                yield source, prepare_video(source, out, settings, tools)
        finally:
            torch.set_num_threads(threads)
        return
    del tools
    context = get_context("spawn")
    stop = context.Event()
    pool = ProcessPoolExecutor(min(workers, len(todo)), context, _begin, (settings, stop))
    try:
        with _deaf():
            futures = {pool.submit(_work, source, out, settings): source for source in todo}
        for future in as_completed(futures):
            yield futures[future], future.result()
    except BrokenProcessPool as error:
        raise VasaError(
            "A process that prepares videos was killed, perhaps for want of memory. "
            "Run the same command again with fewer --workers; it goes on where it was."
        ) from error
    finally:
        stop.set()
        pool.shutdown(cancel_futures=True)


@contextmanager
def _deaf() -> Iterator[None]:
    """Processes that are started within leave Ctrl-C to their parent from their first moment on."""
    ours = threading.current_thread() is threading.main_thread()  # others cannot, and are sent no signals
    before = signal.signal(signal.SIGINT, signal.SIG_IGN) if ours else None
    try:
        yield
    finally:
        if ours:
            signal.signal(signal.SIGINT, before)


_OWN: dict[str, object] = {}  # of a process that works: its tools, and the event that stops it


def _begin(settings: PrepareSettings, stop) -> None:
    """A process starts; it does not outlive its parent."""
    threading.Thread(target=lambda: (parent_process().join(), os._exit(1)), daemon=True).start()
    torch.set_num_threads(1)
    _OWN.update(tools=Tools.load(settings), stop=stop)


def _work(source: Source, out: Path, settings: PrepareSettings) -> Record:
    def go_on(_: int) -> None:
        if _OWN["stop"].is_set():
            raise KeyboardInterrupt

    return prepare_video(source, out, settings, _OWN["tools"], go_on)


def _described(settings: PrepareSettings) -> dict[str, str | int]:
    """The settings as they are kept and compared; files of networks by their content."""
    networks = {"encoder": settings.encoder, "syncnet": settings.syncnet or "none"}
    for network, name in networks.items():
        if Path(name).is_file():
            networks[network] = f"{Path(name).name} sha256:{sha256(name)[:16]}"
    return {"size": settings.size, "fps": str(settings.fps), **networks, "format": FORMAT}


def _agree(out: Path, told: dict[str, str | int]) -> None:
    """Note the settings in a new folder; BadInput where an earlier run had others."""
    path = out / "prepared.json"
    if not path.exists():
        _write_json(path, {"settings": told})
        return
    try:
        before = json.loads(path.read_text(encoding="utf-8"))["settings"]
    except (OSError, ValueError, KeyError) as error:
        raise BadInput(f"{path} cannot be read ({error}). Delete it, or name another output.") from error
    for name in told:
        if before.get(name) != told[name]:
            raise BadInput(
                f"The clips in {out} were made with {name} {before.get(name)}, not {told[name]}. "
                f"Use the same settings, or name another output."
            )


def _record(records: Path, source: Source) -> Record | None:
    """What became of this video in an earlier run; None where there was none, or it is another video now."""
    try:
        record = Record(**json.loads((records / f"{source.key}.json").read_text(encoding="utf-8")))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError) as error:
        raise BadInput(f"{records / source.key}.json cannot be read ({error}). Delete it.") from error
    return record if record.bytes == source.path.stat().st_size else None


def _counted(records: Sequence[Record]) -> Report:
    dropped = Counter()
    for record in records:
        dropped.update(record.dropped)
    return Report(
        videos=len(records),
        people=len({record.identity for record in records if record.clips}),
        clips=sum(record.clips for record in records),
        seconds=sum(record.seconds for record in records),
        cuts=sum(record.cuts for record in records),
        dropped=dict(dropped),
        failed={record.video: record.failure for record in records if record.failure},
    )


def _show(path: Path, records: Sequence[Record]) -> None:
    """The contact sheet."""
    pictures: dict[str, list[str]] = {KEPT: []}
    for record in records:
        for reason, picture in record.shown.items():
            pictures.setdefault(reason, []).append(picture)
    rows = {}
    for reason, every in pictures.items():
        count = SHOWN_KEPT if reason == KEPT else SHOWN_DROPPED
        rows[reason] = [every[k * len(every) // count] for k in range(count)] if len(every) > count else every
    save_labelled(path, {reason: row for reason, row in rows.items() if row})


def _write_json(path: Path, value: dict) -> None:
    """Write atomically."""
    temporary = path.with_name(f".{path.name}")
    try:
        temporary.write_text(json.dumps(value, indent=1, ensure_ascii=False), encoding="utf-8")
        os.replace(temporary, path)
    except OSError as error:
        raise OutputError(f"Cannot write {path}: {error}. Choose a folder with room and write permission.") from error
