"""Bringing released weights to this machine: only when asked to, whole or not at all, and stopped at any time.

A file is written beside its final name as `.NAME.HASH.part`, checked, and renamed. What a broken or cancelled download
left is gone on with. A thread does the work while the caller's thread waits, calls `progress` ten times a second, and
can therefore stop at once, whatever the server does.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import threading
from collections.abc import Callable
from pathlib import Path

from ..errors import DownloadError, OutputError, VasaError
from . import hub
from .registry import ReleasedFile, ReleasedModel

Progress = Callable[[int, int], None]  # (bytes done, bytes in all); what it raises ends the download

ATTEMPTS = 5  # in a row that bring nothing
PAUSE = 1.0  # seconds before another attempt; twice as long before each further one
LOOK = 0.1  # seconds between two calls of `progress`


def fetch(
    model: ReleasedModel,
    folder: Path,
    progress: Progress | None = None,
    endpoint: str | None = None,
    pause: float = PAUSE,
) -> list[Path]:
    """Bring the files of `model` that are not yet whole in `folder`; returns the paths of all of them.

    endpoint: the server's address; None is HF_ENDPOINT's, or huggingface.co. DownloadError says what went wrong and
    what to do; OutputError that the folder is full or cannot be written.
    """
    work = _Work(model, folder, endpoint, pause)
    work.start()
    try:
        while work.is_alive():
            if progress is not None:
                progress(work.done, max(work.total, work.done, 1))
            work.join(LOOK)
    finally:
        work.stop.set()
    if work.error is not None:
        raise work.error
    if not work.finished:
        raise DownloadError(f"The download of {model.title} ended for an unknown reason, which the log shows.")
    if progress is not None:
        progress(work.done, max(work.done, 1))
    return [folder / file.name for file in model.files]


class _Stopped(Exception):
    """The caller waits no longer."""


class _Work(threading.Thread):
    """All files, one after the other. `done` of `total` bytes; `finished`, or `error` is why it ended early."""

    def __init__(self, model: ReleasedModel, folder: Path, endpoint: str | None, pause: float) -> None:
        super().__init__(name="vasa-download", daemon=True)
        self.model, self.folder, self.endpoint, self.pause = model, folder, endpoint, pause
        self.stop = threading.Event()
        self.done, self.total = 0, 0
        self.finished = False
        self.error: VasaError | None = None

    def run(self) -> None:
        """Called by `start`, in the thread of its own."""
        try:
            self._fetch_all()
            self.finished = True
        except _Stopped:
            pass
        except VasaError as error:
            self.error = error
        except OSError as error:
            self.error = OutputError(
                f"Cannot write {self.model.title}'s files into {self.folder} ({error.strerror or error}). "
                f"Free some space, or choose a folder that can be written."
            )

    def _fetch_all(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        lacking = [file for file in self.model.files if not self._is_whole(file)]
        wanted = [(file, self._expected(file)) for file in lacking]
        self.total = sum(expected.size or 0 for _, expected in wanted)
        parts = [self.folder / f".{file.name}.{(expected.digest or 'x')[:12]}.part" for file, expected in wanted]
        room, need = shutil.disk_usage(self.folder).free, self.total - sum(_length(part) for part in parts)
        if need > room:
            raise OutputError(
                f"{self.model.title} needs {_megabytes(need)} more, but {self.folder} has room for {_megabytes(room)}. "
                f"Free some space, or choose another folder."
            )
        before = 0
        for (file, expected), part in zip(wanted, parts, strict=True):
            self._fill(file, expected, part, before)
            self._check(file, expected, part)
            before += _length(part)
            os.replace(part, self.folder / file.name)
            self.done = before

    def _is_whole(self, file: ReleasedFile) -> bool:
        """Whether the file is there already, its hash being right where it is known."""
        path = self.folder / file.name
        return path.is_file() and (file.sha256 is None or self._digest(path, "sha256") == file.sha256)

    def _expected(self, file: ReleasedFile) -> hub.Description:
        """Size and hash that the file shall have: the registry's, else the server's, which must not differ."""
        try:
            said = hub.describe(file, self.endpoint)
        except hub.Refused as refused:
            raise self._failure(file, str(refused)) from refused
        comparable = said.digest is not None and file.sha256 is not None and len(said.digest) == len(file.sha256)
        other = comparable and said.digest != file.sha256
        if other or (said.size is not None and file.size is not None and said.size != file.size):
            raise self._failure(file, "the server's file has another hash or size than the one this version knows")
        return hub.Description(file.size or said.size, file.sha256 or said.digest)

    def _fill(self, file: ReleasedFile, expected: hub.Description, part: Path, before: int) -> None:
        """Write to `part` until it is whole. `before`: bytes of the files before this one."""
        idle = 0
        while True:
            have = _length(part)
            self.done = before + have
            if expected.size is not None and have >= expected.size:
                return
            reason = f"{hub.endpoint_or_default(self.endpoint)} breaks off every time: try again later"
            try:
                self._write(file, part, have, before)
                if expected.size is None:
                    return
            except hub.Interrupted as interrupted:
                reason = str(interrupted)
            except hub.Refused as refused:
                raise self._failure(file, str(refused)) from refused
            idle = 0 if _length(part) > have else idle + 1
            if idle == ATTEMPTS:
                raise self._failure(file, reason)
            if self.stop.wait(self.pause * 2 ** max(0, idle - 1)):
                raise _Stopped

    def _write(self, file: ReleasedFile, part: Path, have: int, before: int) -> None:
        with open(part, "r+b" if have else "wb") as output:
            for position, block in hub.blocks(file, have, self.endpoint):
                if self.stop.is_set():
                    raise _Stopped
                output.seek(position)
                output.write(block)
                output.flush()
                self.done = before + position + len(block)

    def _check(self, file: ReleasedFile, expected: hub.Description, part: Path) -> None:
        kind = None if expected.digest is None else "sha256" if len(expected.digest) == 64 else "sha1"
        right_size = expected.size is None or _length(part) == expected.size
        if right_size and (kind is None or self._digest(part, kind) == expected.digest):
            return
        part.unlink()
        raise self._failure(file, "what came has the wrong size or hash and was thrown away: try again, or elsewhere")

    def _digest(self, path: Path, kind: str) -> str:
        """Hexadecimal digest of a file; 'sha1' is Git's, of a blob."""
        digest = hashlib.new(kind, b"" if kind == "sha256" else f"blob {_length(path)}\0".encode())
        with open(path, "rb") as file:
            while block := file.read(1 << 20):
                if self.stop.is_set():
                    raise _Stopped
                digest.update(block)
        return digest.hexdigest()

    def _failure(self, file: ReleasedFile, reason: str) -> DownloadError:
        return DownloadError(
            f"{file.name} was not downloaded: {reason}; or put the file into {self.folder} yourself, "
            f"from {file.address()}."
        )


def _length(path: Path) -> int:
    return path.stat().st_size if path.is_file() else 0


def _megabytes(count: int) -> str:
    return f"{count / 1e6:.0f} MB"
