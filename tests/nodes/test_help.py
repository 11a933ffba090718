"""Help pages as the browser asks for them, in English and in Chinese: tables, advice, and pictures that are there."""

from __future__ import annotations

import re
import urllib.parse
import urllib.request

import pytest

from tests.nodes.live_server import PACK_FOLDER, ROOT
from tests.nodes.test_schema import inputs_of

SECTIONS = {"": ("## Inputs", "## Outputs"), "/zh": ("## 输入", "## 输出")}
ADVICE = {"": r"^## (Good to know|What goes wrong)", "/zh": r"^## (须知|出了问题|出错)"}
PICTURE = re.compile(r"!\[([^\]]*)\]\(([^)]+)\)")


@pytest.fixture(scope="module")
def fetched(live):
    """A function that gets a file of web/docs from the server: its bytes."""

    def get(path: str) -> bytes:
        address = f"{live.address}/extensions/{PACK_FOLDER}/docs/{urllib.parse.quote(path)}"
        with urllib.request.urlopen(address, timeout=30) as answer:
            return answer.read()

    return get


@pytest.mark.parametrize("language", SECTIONS, ids=["en", "zh"])
def test_every_page_is_served_with_inputs_outputs_advice_and_its_pictures(fetched, object_info, language):
    for name, node in object_info.items():
        if not name.startswith("VASA_"):
            continue
        page = fetched(f"{name}{language}.md").decode()
        for section in SECTIONS[language]:
            assert section in page, f"{name}{language}.md has no section {section}"
        assert re.search(ADVICE[language], page, re.MULTILINE), f"{name}{language}.md gives no advice"
        table = page.split(SECTIONS[language][0])[1].split("\n## ")[0]
        rows = [line for line in table.splitlines() if line.startswith("|")]
        assert len(rows) >= 2 + len({entry.split(".")[0] for entry, *_ in inputs_of(node["input"])}), name
        shown = PICTURE.findall(page)
        assert shown, f"{name}{language}.md shows no picture of the node"
        for words, picture in shown:
            assert words.strip(), f"{name}{language}.md: the picture {picture} has no words for who cannot see it"
            assert not re.match(r"\w+:", picture), f"{name}{language}.md: {picture} comes from elsewhere"
            assert (ROOT / "web" / "docs" / picture).is_file(), (
                f"{name}{language}.md shows {picture}, which is not there"
            )
            assert fetched(picture)[:4] in (b"\x89PNG", b"\xff\xd8\xff\xe0", b"RIFF", b"GIF8"), picture
