"""Downloads against a server that breaks off, lies, is slow, is absent: whole and checked, or not at all."""

from __future__ import annotations

import os
import shutil
import socket
import time
from collections import namedtuple
from pathlib import Path

import pytest

from tests.weights.hub_server import HubServer
from vasa_core.errors import DownloadError, OutputError
from vasa_core.weights import fetching, hub

CONTENT = bytes(range(256)) * 2000  # 512 kB


@pytest.fixture
def server():
    with HubServer({"folder/model.bin": CONTENT, "table.pkl": b"small"}) as running:
        yield running


@pytest.fixture
def fetch(server, tmp_path):
    def bring(progress=None, **known):
        return fetching.fetch(server.model(**known), tmp_path / "models", progress, server.address, pause=0.01)

    return bring


def left(tmp_path: Path) -> list[str]:
    return sorted(path.name for path in (tmp_path / "models").glob("*") if not path.name.startswith("."))


def test_all_files_arrive_side_by_side_with_progress_to_the_end(fetch, tmp_path):
    seen = []
    paths = fetch(lambda done, total: seen.append((done, total)))
    assert [path.name for path in paths] == ["model.bin", "table.pkl"]
    assert paths[0].read_bytes() == CONTENT and paths[1].read_bytes() == b"small"
    assert seen[-1] == (len(CONTENT) + 5, len(CONTENT) + 5)
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)
    assert not list((tmp_path / "models").glob(".*"))


def test_what_is_whole_is_not_downloaded_again_and_what_is_damaged_is(fetch, server, tmp_path):
    fetch()
    server.ranges.clear()
    fetch()
    assert server.ranges == []
    (tmp_path / "models" / "model.bin").write_bytes(CONTENT[:-1] + b"!")
    fetch()
    assert (tmp_path / "models" / "model.bin").read_bytes() == CONTENT and len(server.ranges) == 1


def test_a_connection_that_breaks_off_is_gone_on_with(fetch, server):
    server.break_after = 200_000
    paths = fetch()
    assert paths[0].read_bytes() == CONTENT
    starts = [int(text.removeprefix("bytes=").rstrip("-")) for text in server.ranges if text]
    assert starts and starts == sorted(starts) and starts[0] > 0


def test_a_later_download_goes_on_where_a_broken_one_ended(fetch, server, tmp_path, monkeypatch):
    monkeypatch.setattr(fetching, "ATTEMPTS", 1)
    server.break_after, server.delay = 100_000, 0.0
    server.sends["folder/model.bin"] = CONTENT[:100_000]  # and nothing after that
    with pytest.raises(DownloadError, match="model.bin was not downloaded"):
        fetch()
    assert left(tmp_path) == [] and len(list((tmp_path / "models").glob(".model.bin.*.part"))) == 1
    server.break_after = None
    server.sends.clear()
    server.ranges.clear()
    assert fetch()[0].read_bytes() == CONTENT
    assert server.ranges[0] == "bytes=100000-"


def test_a_server_without_ranges_begins_again(fetch, server):
    server.break_after, server.breaks, server.knows_ranges = 200_000, 2, False
    assert fetch()[0].read_bytes() == CONTENT


@pytest.mark.parametrize("known", [{}, {"sha256": False}, {"sha256": False, "size": False}], ids=str)
def test_wrong_bytes_are_thrown_away_by_the_registrys_or_the_servers_hash(fetch, server, tmp_path, known):
    server.sends["folder/model.bin"] = CONTENT[:-1] + b"!"
    with pytest.raises(DownloadError, match="wrong size or hash.*thrown away"):
        fetch(**known)
    assert left(tmp_path) == [] and not list((tmp_path / "models").glob(".*"))


def test_another_file_than_the_registrys_is_refused_before_a_byte_is_sent(fetch, server, tmp_path):
    model = server.model()
    server.files["folder/model.bin"] = CONTENT[::-1]
    with pytest.raises(DownloadError, match="another hash or size than the one this version knows"):
        fetching.fetch(model, tmp_path / "models", None, server.address)
    assert server.ranges == []


def test_without_any_hash_the_size_decides(fetch, server):
    server.tells_hash = False
    assert fetch(sha256=False)[0].read_bytes() == CONTENT
    server.sends["folder/model.bin"] = CONTENT + b"more"
    shutil.rmtree(fetch(sha256=False)[0].parent)
    with pytest.raises(DownloadError, match="wrong size"):
        fetch(sha256=False)


def test_a_cancel_ends_a_slow_download_at_once_and_leaves_a_part_to_go_on_with(fetch, server, tmp_path):
    class Cancelled(BaseException):
        pass

    cancelled = 0.0

    def cancel(done, total):
        nonlocal cancelled
        if done > 100_000:
            cancelled = time.monotonic()
            raise Cancelled

    server.delay = 0.01
    with pytest.raises(Cancelled):
        fetch(cancel)
    assert time.monotonic() - cancelled < 1.0
    assert left(tmp_path) == []
    (part,) = (tmp_path / "models").glob(".model.bin.*.part")
    time.sleep(0.1)
    size = part.stat().st_size
    time.sleep(0.2)
    assert part.stat().st_size == size >= 65536  # nobody writes any more
    server.delay = 0.0
    assert fetch()[0].read_bytes() == CONTENT


def test_a_cancel_ends_a_download_that_hangs(fetch, server):
    started = time.monotonic()

    def cancel(done, total):
        if time.monotonic() - started > 0.3:
            raise KeyboardInterrupt

    server.delay = 30.0
    with pytest.raises(KeyboardInterrupt):
        fetch(cancel)
    assert time.monotonic() - started < 1.3


def sentence(caught: pytest.ExceptionInfo, tmp_path: Path) -> str:
    """The message, which names file, folder and address in one sentence."""
    message = str(caught.value)
    for part in ("model.bin", str(tmp_path / "models"), "https://huggingface.co/someone/model/resolve/"):
        assert part in message
    assert message.endswith(".") and ". " not in message
    return message


@pytest.mark.parametrize(
    ("status", "words"),
    [(404, "does not have it"), (401, "asks for a login.*HF_TOKEN"), (403, "asks for a login"), (500, "status 500")],
)
def test_a_refusal_names_file_folder_address_and_cure(fetch, server, tmp_path, status, words):
    server.status = status
    with pytest.raises(DownloadError, match=words) as caught:
        fetch()
    sentence(caught, tmp_path)


def test_an_absent_server_is_said_to_be_absent(server, tmp_path):
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{closed.getsockname()[1]}"
    with pytest.raises(DownloadError, match="cannot be reached") as caught:
        fetching.fetch(server.model(), tmp_path / "models", None, address, pause=0.01)
    assert address in sentence(caught, tmp_path)


def test_offline_means_no_connection_at_all(fetch, server, tmp_path, monkeypatch):
    monkeypatch.setattr(hub.constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(DownloadError, match="HF_HUB_OFFLINE is set") as caught:
        fetch()
    sentence(caught, tmp_path)
    assert server.tokens == []


def test_the_token_of_the_environment_is_sent(fetch, server, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    fetch()
    assert server.tokens and set(server.tokens) == {"Bearer hf_secret"}


def test_too_little_room_is_said_before_a_byte_is_sent(fetch, server, monkeypatch):
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(fetching.shutil, "disk_usage", lambda path: usage(10, 10, 1000))
    with pytest.raises(OutputError, match="has room for 0 MB"):
        fetch()
    assert server.ranges == []


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="/dev/full, which is always full, is Linux's")
def test_a_disk_that_runs_full_is_said_to_be_full(fetch, server, tmp_path):
    folder = tmp_path / "models"
    folder.mkdir()
    digest = server.model().files[0].sha256
    os.symlink("/dev/full", folder / f".model.bin.{digest[:12]}.part")
    with pytest.raises(OutputError, match="No space left on device.*Free some space"):
        fetch()
    assert left(tmp_path) == []


def test_a_folder_that_is_a_file_is_refused(fetch, tmp_path):
    (tmp_path / "models").write_text("in the way")
    with pytest.raises(OutputError, match="Cannot write"):
        fetch()


def test_nothing_is_fetched_by_importing_or_by_looking(monkeypatch):
    """Only `fetch` opens a connection."""
    from vasa_core.weights import installed, registry

    def refuse(*_args, **_more):
        raise AssertionError("a connection was opened")

    monkeypatch.setattr(socket, "create_connection", refuse)
    monkeypatch.setattr(socket.socket, "connect", refuse)
    for model in registry.MODELS.values():
        assert all(installed.on_disk(file, [Path("nowhere")]) is None for file in model.files)
