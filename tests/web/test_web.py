"""The widgets of web/js/ in a real browser, in ComfyUI's classic canvas and in Nodes 2.0: one test for each script."""

from __future__ import annotations

import re

import pytest

from tests.nodes.live_server import ROOT
from tests.web.conftest import SCRIPTS

FILES = sorted((ROOT / "web" / "js").rglob("*.js"))
WIDGETS = {path.stem for path in (ROOT / "web" / "js").glob("*.js")}


@pytest.mark.parametrize("mode", ["classic", "nodes2"])
@pytest.mark.parametrize("script", SCRIPTS)
def test_in_the_browser(checks, script, mode):
    said = checks(mode)
    lines = said.get(script)
    assert lines is not None, "It did not run:\n" + "\n".join(line for part in said.values() for line in part)
    assert lines[0].startswith("ok") or any(line.startswith("ok") for line in lines), "\n".join(lines)
    assert not any(line.startswith("FAILED") for line in lines), "\n".join(lines)


def test_every_widget_has_a_script():
    assert {name.removesuffix(".mjs") for name in SCRIPTS} >= WIDGETS


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_file_is_fit_to_be_served(path):
    """ComfyUI imports every *.js as an extension: helpers register nothing; and nothing comes from elsewhere."""
    text = path.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 350
    registered = re.findall(r"registerExtension\(\{\s*name: \"([\w.]+)\"", text)
    assert len(registered) == (0 if path.parent.name == "shared" else 1)
    for source in re.findall(r"from \"([^\"]+)\"", text):
        assert source.startswith("./") or source.endswith("../scripts/app.js") or source.endswith("../scripts/api.js")
    assert not re.search(r"https?://|\beval\(|new Function|innerHTML", text)


def test_no_two_extensions_share_a_name():
    names = [name for path in FILES for name in re.findall(r"name: \"(vasa\.\w+)\"", path.read_text(encoding="utf-8"))]
    assert len(names) == len(set(names)) == len(WIDGETS)
