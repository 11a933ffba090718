"""A video of two minutes needs hardly more memory than one of ten seconds: the server's own peak, while it renders."""

from __future__ import annotations

from pathlib import Path

import av
import pytest

from tests.nodes.live_server import ROOT, node, shorten

FPS = 3.0  # of the videos, so that the longer one takes a fraction of a minute; the motion has 25
SECONDS = (10, 120)
LIMIT = 100  # MB of growth; the frames that the longer video has more are 260 MB, as floats 1038 MB


@pytest.fixture
def peak(live):
    """A function that begins to watch the server's memory, and one that says its peak since in MB."""
    status, reset = (Path(f"/proc/{live.process.pid}/{name}") for name in ("status", "clear_refs"))
    if not status.exists():
        pytest.skip("This system has no /proc, where a process says how much memory it had.")

    def begin() -> None:
        reset.write_text("5")

    def so_far() -> float:
        (line,) = (line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) / 1024

    return begin, so_far


def test_two_minutes_need_no_more_memory_than_ten_seconds(run, talking, live, peak):
    begin, so_far = peak
    peaks = []
    for seconds in SECONDS:
        shorten(ROOT / "assets" / "speech.wav", live.base / "input" / f"{seconds}s.wav", seconds)
        prompt = talking(
            sound=node("LoadAudio", audio=f"{seconds}s.wav"),
            motion=node("TestMotion", frames=25 * seconds, space="arkit"),
        )
        prompt["video"]["inputs"]["fps"] = FPS
        begin()
        done = run(prompt)
        peaks.append(so_far())
        assert done.ending.type == "execution_success", done.ending
        with av.open(str(done.files[0])) as film:
            assert film.streams.video[0].frames == seconds * FPS
            assert abs(float(film.duration / av.time_base) - seconds) <= 1 / FPS
    assert peaks[1] - peaks[0] < LIMIT, peaks
