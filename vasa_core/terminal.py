"""What the command line shows while it works."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Generic, TypeVar

Item = TypeVar("Item")


class Bar:
    """Progress on stderr: a line that is redrawn, or on a file one line per tenth."""

    def __init__(self) -> None:
        self.live = sys.stderr.isatty()
        self.started = time.monotonic()

    def step(self, name: str, unit: float = 1.0) -> Callable[[int, int], None]:
        """A progress callback (done, of all) for one step of the work; shown are both divided by `unit`."""
        started, shown = time.monotonic(), -1

        def show(done: int, total: int) -> None:
            nonlocal shown
            tenth = 10 * done // max(total, 1)
            if not self.live and tenth == shown:
                return
            shown = tenth
            rate = done / unit / max(time.monotonic() - started, 1e-6)
            filled = 24 * done // max(total, 1)
            line = f"{name:8} [{'#' * filled:24}] {done / unit:.0f}/{total / unit:.0f}  {rate:.1f}/s"
            end = "\n" if not self.live or done >= total else ""
            print(f"\r{line:72}" if self.live else line, end=end, file=sys.stderr, flush=True)

        return show

    def done(self, text: str, how: str = "made") -> None:
        """The last line."""
        print(f"{text}, {how} in {time.monotonic() - self.started:.1f} s", file=sys.stderr)


class Counted(Generic[Item]):
    """About `count` items that are gone through `passes` times, with progress over all of them."""

    def __init__(self, items: Iterable[Item], count: int, passes: int, progress: Callable[[int, int], None]) -> None:
        self.items, self.count, self.total, self.progress = items, count, count * passes, progress
        self.begun = 0

    def __iter__(self) -> Iterator[Item]:
        before, self.begun = self.begun, self.begun + self.count
        for done, item in enumerate(self.items, before + 1):
            self.progress(min(done, self.total), self.total)
            yield item
