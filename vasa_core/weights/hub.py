"""Talking to the server that has the released weights: the only file of this pack that opens a network connection.

huggingface_hub makes every connection, so that its settings hold: HF_ENDPOINT (a mirror), HF_TOKEN (for files behind
a login), HF_HUB_OFFLINE (no network at all). Nothing here writes a file; `fetching.py` does, when the user asks for it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

from huggingface_hub import constants, get_hf_file_metadata
from huggingface_hub.errors import HfHubHTTPError, OfflineModeIsEnabled
from huggingface_hub.utils import build_hf_headers, get_session, hf_raise_for_status

from .registry import ReleasedFile

# What its HTTP library raises, which is requests or httpx by version: the bases of the library's own error.
TRANSPORT = (*HfHubHTTPError.__bases__, OSError)
BLOCK = 1 << 16  # bytes
TIMEOUT = 20.0  # seconds without an answer
RANGE_NOT_SATISFIABLE, PARTIAL_CONTENT = 416, 206


class Refused(Exception):
    """Why the server does not give a file, worded as the middle of a sentence."""


class Interrupted(Refused):
    """A failure that may pass: another try can succeed."""


@dataclass(frozen=True)
class Description:
    """What the server says of a file: `size` in bytes; `digest`, the hexadecimal SHA-256 of a large file or the SHA-1
    of a small one as a Git blob. None: it does not say."""

    size: int | None
    digest: str | None


def endpoint_or_default(endpoint: str | None) -> str:
    """`endpoint`, else the one that HF_ENDPOINT names, else huggingface.co's."""
    return (endpoint or constants.ENDPOINT).rstrip("/")


def describe(file: ReleasedFile, endpoint: str | None = None) -> Description:
    """Ask for size and hash of `file`. Raises Refused."""
    address = _checked_address(file, endpoint)
    try:
        said = get_hf_file_metadata(address, timeout=TIMEOUT)
    except TRANSPORT as error:
        raise _refusal(error, file, endpoint) from error
    return Description(said.size, said.etag if said.etag and len(said.etag) in (40, 64) else None)


def blocks(file: ReleasedFile, start: int, endpoint: str | None = None) -> Iterator[tuple[int, bytes]]:
    """(position, bytes) of `file` from `start` on, or from 0 where the server can only begin there. Raises Refused."""
    address = _checked_address(file, endpoint)
    headers = {**build_hf_headers(), "Accept-Encoding": "identity"}
    if start:
        headers["Range"] = f"bytes={start}-"
    try:
        with _request(address, headers) as response:
            if response.status_code == RANGE_NOT_SATISFIABLE:
                return
            hf_raise_for_status(response)
            position = start if response.status_code == PARTIAL_CONTENT else 0
            for block in _body(response):
                yield position, block
                position += len(block)
    except TRANSPORT as error:
        raise _refusal(error, file, endpoint) from error


def _checked_address(file: ReleasedFile, endpoint: str | None) -> str:
    if constants.HF_HUB_OFFLINE:
        raise Refused("HF_HUB_OFFLINE is set, which forbids downloads: unset it")
    return file.address(endpoint_or_default(endpoint))


def _request(address: str, headers: dict[str, str]) -> AbstractContextManager[Any]:
    """The answer, its body not yet read. By its version, huggingface_hub holds httpx's client or requests' session."""
    session = get_session()
    if callable(session.stream):  # httpx; of requests it is a setting
        return session.stream("GET", address, headers=headers, timeout=TIMEOUT, follow_redirects=True)
    return session.get(address, headers=headers, timeout=TIMEOUT, stream=True)


def _body(response: Any) -> Iterator[bytes]:
    return response.iter_bytes(BLOCK) if hasattr(response, "iter_bytes") else response.iter_content(BLOCK)


def _refusal(error: Exception, file: ReleasedFile, endpoint: str | None) -> Refused:
    server = endpoint_or_default(endpoint)
    if isinstance(error, OfflineModeIsEnabled):
        return Refused("HF_HUB_OFFLINE is set, which forbids downloads: unset it")
    status = getattr(getattr(error, "response", None), "status_code", None)
    if status in (401, 403):
        return Refused(
            f"{server} asks for a login (status {status}): accept the terms of {file.repository} there in a browser "
            f"and set HF_TOKEN to a token of yours"
        )
    if status == 404:
        return Refused(f"{server} does not have it (status 404): look for an update of this pack, or at the mirror")
    if status is not None and status < 500 and status != 429:
        return Refused(f"{server} refuses it (status {status})")
    reason = f"status {status}" if status else type(error).__name__
    return Interrupted(
        f"{server} cannot be reached or broke off ({reason}): check the network and try again, or name a mirror "
        f"in HF_ENDPOINT"
    )
