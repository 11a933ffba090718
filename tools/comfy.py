"""Start ComfyUI headless with this pack in it, and talk to its HTTP and websocket API.

    with running_comfyui(source, base, packs={"vasa": repository}) as server:
        server.put_input(picture, "portrait.png")
        with server.listen() as listener:
            prompt_id = server.queue(prompt, listener.client_id)
            for event in listener.events(prompt_id):      # progress, errors; ends with the run
                ...
        for path in server.outputs(prompt_id):
            ...

`base` is a folder of our own (inputs, models, custom nodes, user settings): a ComfyUI of the user's is never touched.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .errors import ToolError

HISTORY_PATIENCE = 20.0  # seconds
ENDINGS = {"execution_success", "execution_error", "execution_interrupted"}


@dataclass(frozen=True)
class Event:
    """One websocket message: `type` as ComfyUI names it; a preview picture has the type 'preview' and its `picture`."""

    type: str
    data: dict
    picture: bytes = field(default=b"", repr=False)


@contextmanager
def running_comfyui(
    source: Path,
    base: Path,
    packs: Mapping[str, Path],
    *,
    output: Path | None = None,
    cpu: bool | None = None,
    port: int | None = None,
    options: Sequence[str] = (),
    environment: Mapping[str, str] | None = None,
    patience: float = 600.0,
) -> Iterator[ComfyServer]:
    """Run ComfyUI for the length of a `with` block.

    source: folder of ComfyUI's main.py. base: its base directory, made where missing; packs: custom nodes as
    {folder name: repository}, linked into it. output: where results go (base/output). cpu: None looks for a GPU.
    options: further command-line options. environment: changes to this process's environment. patience: seconds to wait
    for its first answer. Raises ToolError with the end of its log where it does not start.
    """
    server = start_comfyui(source, base, packs, output, cpu, port, options, environment)
    try:
        server.wait_until_ready(patience)
        yield server
    finally:
        server.stop()


def start_comfyui(
    source: Path,
    base: Path,
    packs: Mapping[str, Path],
    output: Path | None,
    cpu: bool | None,
    port: int | None,
    options: Sequence[str],
    environment: Mapping[str, str] | None,
) -> ComfyServer:
    """Start the process and return at once; see running_comfyui for the arguments."""
    for name in ("custom_nodes", "input", "models", "user"):
        (base / name).mkdir(parents=True, exist_ok=True)
    output = output or base / "output"
    output.mkdir(parents=True, exist_ok=True)
    for name, repository in packs.items():
        link = base / "custom_nodes" / name
        if link.is_symlink():
            link.unlink()
        link.symlink_to(repository.resolve(), target_is_directory=True)

    port = port or free_port()
    command = [sys.executable, str(source / "main.py"), "--listen", "127.0.0.1", "--port", str(port)]
    command += ["--base-directory", str(base), "--output-directory", str(output)]
    command += ["--database-url", "sqlite:///:memory:", "--disable-auto-launch", *options]
    if cpu or (cpu is None and not has_gpu()):
        command.append("--cpu")
    log = base / "comfyui.log"
    with log.open("wb") as stream:
        process = subprocess.Popen(
            command, cwd=source, stdout=stream, stderr=subprocess.STDOUT, env={**os.environ, **(environment or {})}
        )
    return ComfyServer(process, port, base, output, log)


class ComfyServer:
    """A ComfyUI process of ours: `address` (http://...), `base`, `output` and `log` paths, `process`."""

    def __init__(self, process: subprocess.Popen, port: int, base: Path, output: Path, log: Path) -> None:
        self.process = process
        self.port = port
        self.address = f"http://127.0.0.1:{port}"
        self.base = base
        self.output = output
        self.log = log

    def wait_until_ready(self, patience: float) -> None:
        """Return when the server answers; ToolError when it ended, or after `patience` seconds."""
        deadline = time.monotonic() + patience
        while True:
            if self.process.poll() is not None:
                raise ToolError(f"ComfyUI did not start. The end of its log ({self.log}):\n{self.log_tail()}")
            try:
                self.get("/system_stats", timeout=5.0)
                return
            except OSError:
                if time.monotonic() > deadline:
                    raise ToolError(f"ComfyUI did not answer within {patience:.0f} s; its log is {self.log}.") from None
                time.sleep(0.2)

    def log_tail(self, lines: int = 15) -> str:
        """The last lines of the server's log."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])

    def stop(self) -> None:
        """End the process; wait until it is gone."""
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(10.0)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()

    def get(self, path: str, timeout: float = 60.0) -> Any:
        """The JSON answer of GET `path`."""
        with urllib.request.urlopen(self.address + path, timeout=timeout) as answer:
            return json.load(answer)

    def post(self, path: str, body: Any, timeout: float = 60.0) -> Any:
        """The JSON answer of POST `path` with the JSON `body`, None where it is empty. Errors: urllib's HTTPError."""
        data = json.dumps(body).encode()
        request = urllib.request.Request(self.address + path, data, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=timeout) as answer:
            text = answer.read()
        return json.loads(text) if text else None

    def object_info(self) -> dict:
        """The schema of every node that the server has."""
        return self.get("/object_info")

    def put_input(self, path: Path, name: str) -> str:
        """Copy a file into the input folder under `name`, and return the name: what LoadImage and its kin take."""
        shutil.copyfile(path, self.base / "input" / name)
        return name

    def queue(self, prompt: dict, client_id: str = "", workflow: dict | None = None) -> str:
        """Queue an API prompt and return its id. ToolError with the server's reasons where it is refused.

        workflow: the workflow that the prompt came from; ComfyUI writes it into the files that it saves.
        """
        body: dict[str, Any] = {"prompt": prompt, "client_id": client_id}
        if workflow is not None:
            body["extra_data"] = {"extra_pnginfo": {"workflow": workflow}}
        try:
            return self.post("/prompt", body)["prompt_id"]
        except urllib.error.HTTPError as refusal:
            raise ToolError(f"ComfyUI refused the workflow: {_reasons(json.load(refusal))}") from None

    def interrupt(self) -> None:
        """Cancel what runs now."""
        self.post("/interrupt", {})

    def history(self, prompt_id: str) -> dict:
        """What the server remembers of a finished prompt: `outputs` and `status`; written just after its last event."""
        deadline = time.monotonic() + HISTORY_PATIENCE
        while prompt_id not in (history := self.get(f"/history/{prompt_id}")):
            if time.monotonic() > deadline:
                raise ToolError(f"ComfyUI does not know the prompt {prompt_id}; see {self.log}.")
            time.sleep(0.05)
        return history[prompt_id]

    def outputs(self, prompt_id: str) -> list[Path]:
        """Files that a finished prompt saved into the output folder."""
        saved = []
        for shown in self.history(prompt_id)["outputs"].values():
            for files in shown.values():
                for file in files if isinstance(files, list) else ():
                    if isinstance(file, dict) and file.get("type") == "output":
                        saved.append(self.output / file["subfolder"] / file["filename"])
        return saved

    @contextmanager
    def listen(self) -> Iterator[Listener]:
        """A websocket to the server for the length of a `with` block."""
        listener = Listener(self)
        try:
            yield listener
        finally:
            listener.close()


class Listener:
    """A websocket client with an id of its own; what is queued under `client_id` reports its progress here."""

    def __init__(self, server: ComfyServer) -> None:
        import aiohttp  # comes with ComfyUI

        self.client_id = uuid.uuid4().hex
        self._server = server
        self._kinds = aiohttp.WSMsgType
        self._loop = asyncio.new_event_loop()
        self._session = self._loop.run_until_complete(self._open_session(aiohttp))
        address = f"{server.address}/ws?clientId={self.client_id}"
        self._socket = self._loop.run_until_complete(self._session.ws_connect(address, max_msg_size=0))

    @staticmethod
    async def _open_session(aiohttp: Any) -> Any:
        return aiohttp.ClientSession()

    def close(self) -> None:
        """Hang up."""
        self._loop.run_until_complete(self._socket.close())
        self._loop.run_until_complete(self._session.close())
        self._loop.close()

    def events(self, prompt_id: str, patience: float = 600.0) -> Iterator[Event]:
        """What happens to one prompt, until it ends (its last event is of one of ENDINGS).

        patience: seconds without any message after which a ToolError is raised.
        """
        while True:
            event = self._receive(patience)
            if event.data.get("prompt_id", prompt_id) != prompt_id:
                continue
            yield event
            if event.type in ENDINGS:
                return

    def _receive(self, patience: float) -> Event:
        try:
            message = self._loop.run_until_complete(self._socket.receive(patience))
        except asyncio.TimeoutError:
            raise ToolError(f"ComfyUI has been silent for {patience:.0f} s; see {self._server.log}.") from None
        if message.type == self._kinds.TEXT:
            content = json.loads(message.data)
            return Event(content["type"], content.get("data") or {})
        if message.type == self._kinds.BINARY:
            return Event("preview", {}, message.data)
        raise ToolError(f"ComfyUI ended in the middle of the work. Its last words:\n{self._server.log_tail()}")


def free_port() -> int:
    """A TCP port of this machine that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def has_gpu() -> bool:
    """Whether torch finds a GPU of any make here."""
    probe = "import torch; print(torch.accelerator.is_available())"
    answer = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True)
    return answer.stdout.strip() == "True"


def _reasons(refusal: dict) -> str:
    """The server's refusal of a prompt as one line."""
    reasons = []
    for node_id, node in (refusal.get("node_errors") or {}).items():
        for error in node["errors"]:
            reasons.append(f"{node['class_type']} (node {node_id}): {error['message']}: {error['details']}")
    return "; ".join(reasons) or refusal.get("error", {}).get("message", str(refusal))
