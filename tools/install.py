"""Make .venv beside the repository and install into it; a second run sees that nothing changed and is done at once.

    python3 -m tools.install            what the pack and ComfyUI need
    python3 -m tools.install --tests    the tools of the tests as well

Runs with the machine's own Python and needs nothing but its standard library.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
import venv
from pathlib import Path

from .comfyui_source import comfyui_folder
from .errors import ToolError, run_command

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
CACHE = ROOT / ".comfyui"
OLDEST, NEWEST = (3, 10), (3, 12)
# One matching set; ComfyUI's own list leaves them open.
TORCH = ("torch==2.11.0", "torchaudio==2.11.0", "torchvision==0.26.0")
TESTS = ("pytest>=8,<10", "ruff==0.17.5", "soundfile", "c2pa-python>=0.38,<1", "cryptography")


def main() -> int:
    """Run the command; returns its exit code."""
    require_python(sys.version_info[:2])
    python = VENV / ("Scripts" if sys.platform == "win32" else "bin") / "python"
    if not python.exists():
        make_venv(VENV)
    source = comfyui_folder(CACHE, python=str(python))
    lists = [source / "requirements.txt", ROOT / "requirements.txt"]
    install(python, "packages", [*TORCH, *(part for path in lists for part in ("-r", str(path)))], lists)
    if "--tests" in sys.argv[1:]:
        install(python, "tests", list(TESTS), [])
    return 0


def require_python(version: tuple[int, int]) -> None:
    """Raise ToolError unless packages exist for this Python `version`."""
    if not OLDEST <= version <= NEWEST:
        have = ".".join(map(str, version))
        raise ToolError(f"This is Python {have}; 3.10, 3.11 or 3.12 is needed. Name one: make demo PYTHON=python3.12")


def make_venv(folder: Path) -> None:
    """A virtual environment with pip at `folder`, or nothing there and a ToolError."""
    print("Making .venv ...", flush=True)
    try:
        venv.create(folder, with_pip=True)
    except (subprocess.CalledProcessError, OSError) as error:
        shutil.rmtree(folder, ignore_errors=True)
        raise ToolError(
            f"Python could not make a virtual environment ({error}). On Debian and Ubuntu: apt install python3-venv."
        ) from error


def install(python: Path, name: str, arguments: list[str], lists: list[Path]) -> None:
    """pip install `arguments` unless the same was installed before; `lists` are the files whose content counts."""
    content = "\n".join(arguments) + "".join(path.read_text() for path in lists)
    digest = hashlib.sha256(content.encode()).hexdigest()
    stamp = VENV / f"installed-{name}"
    if stamp.exists() and stamp.read_text() == digest:
        return
    print(f"Installing {name} into .venv (the first time takes some minutes) ...", flush=True)
    command = [str(python), "-m", "pip", "install", "--disable-pip-version-check", "--no-compile", *arguments]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    last = []
    for line in process.stdout:
        last = [*last[-9:], line.rstrip()]
        if line.startswith(("Collecting", "Downloading", "Installing")):
            show(line)
    if process.wait():
        raise ToolError(
            "pip could not install what is needed; check the network connection. It said:\n" + "\n".join(last)
        )
    show("")
    stamp.write_text(digest)


def show(line: str) -> None:
    """Show what pip does now: one line that is written over on a terminal; nothing elsewhere."""
    if sys.stdout.isatty():
        print(f"\r  {line.strip()[:76]:<76}", end="" if line else "\r", flush=True)


if __name__ == "__main__":
    run_command(main)
