"""A small server on 127.0.0.1 that gives files as the Hugging Face hub does, and misbehaves as asked.

with HubServer({"model.bin": b"..."}) as server:
    server.break_after = 1000       # every answer ends after so many bytes
    server.address                  # http://127.0.0.1:PORT, for HF_ENDPOINT or `endpoint`
    server.ranges                   # the Range header of every GET, in order; None where there was none
"""

from __future__ import annotations

import contextlib
import hashlib
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from vasa_core.weights.registry import ReleasedFile, ReleasedModel

REPOSITORY, REVISION = "someone/model", "0123456789abcdef0123456789abcdef01234567"


class HubServer:
    """Attributes to set: `break_after` (bytes of an answer), `breaks` (how many answers break), `delay` (seconds before
    each 4 KB), `status` (instead of a file), `tells_hash`, `knows_ranges`, `sends` (name -> other bytes than told)."""

    def __init__(self, files: dict[str, bytes]) -> None:
        self.files, self.sends = files, {}
        self.break_after, self.breaks, self.delay, self.status = None, 10**9, 0.0, 200
        self.tells_hash, self.knows_ranges = True, True
        self.ranges, self.tokens = [], []
        owner = self

        class Handler(_Handler):
            server_state = owner

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.address = f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> HubServer:
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def model(self, **known: bool) -> ReleasedModel:
        """A released model of all files; `size=False` or `sha256=False` leaves these out of the registry's entry."""
        return ReleasedModel(
            name="model", title="The model", kind="face", folder="model", licence="MIT licence", holder="someone",
            home="https://example.org", code="https://example.org", note="",
            files=tuple(
                ReleasedFile(
                    REPOSITORY, REVISION, name,
                    len(content) if known.get("size", True) else None,
                    hashlib.sha256(content).hexdigest() if known.get("sha256", True) else None,
                )
                for name, content in self.files.items()
            ),
        )  # fmt: skip


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_state: HubServer

    def do_HEAD(self) -> None:
        self._answer(body=False)

    def do_GET(self) -> None:
        self.server_state.ranges.append(self.headers.get("Range"))
        self._answer(body=True)

    def log_message(self, *_: object) -> None:
        pass

    def _answer(self, body: bool) -> None:
        state = self.server_state
        state.tokens.append(self.headers.get("Authorization"))
        name = self.path.removeprefix(f"/{REPOSITORY}/resolve/{REVISION}/")
        status = state.status if name in state.files else 404
        if status != 200:
            self._head(status, 0, {"X-Error-Code": "GatedRepo"} if status in (401, 403) else {})
            return
        told = state.files[name]
        content = state.sends.get(name, told)
        start = 0
        if body and state.knows_ranges and self.headers.get("Range"):
            start = int(self.headers["Range"].removeprefix("bytes=").rstrip("-"))
            status = 206 if start < len(content) else 416
        tag = f'"{hashlib.sha256(told).hexdigest() if state.tells_hash else "weak"}"'
        length = len(content) - start if body else len(told)
        self._head(status, max(0, length), {"X-Repo-Commit": REVISION, "X-Linked-Etag": tag, "ETag": tag})
        if body:
            self._send(content[start:])

    def _head(self, status: int, length: int, headers: dict[str, str]) -> None:
        self.send_response(status)
        for key, value in {**headers, "Content-Length": str(length)}.items():
            self.send_header(key, value)
        self.end_headers()

    def _send(self, content: bytes) -> None:
        state = self.server_state
        whole = state.break_after is None or state.breaks <= 0 or len(content) <= state.break_after
        if not whole:
            content = content[: state.break_after]
            state.breaks -= 1
        with contextlib.suppress(OSError):  # the client may have gone
            for first in range(0, len(content), 4096):
                time.sleep(state.delay)
                self.wfile.write(content[first : first + 4096])
            if not whole:
                self.wfile.flush()
                self.connection.shutdown(2)
