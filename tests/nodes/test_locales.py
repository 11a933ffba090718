"""Translations: locales/en is what the nodes say themselves, and every other language covers every string of it.

After a change of names or tooltips, write locales/en again: VASA_WRITE_LOCALES=1 pytest tests/nodes/test_locales.py
Then translate what is new; the tests name what is missing.
"""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import pytest

from tests.nodes.test_schema import inputs_of

LOCALES = Path(__file__).resolve().parents[2] / "locales"
LANGUAGES = ("zh", "ja", "ko", "fr", "es", "de")
FILES = ("nodeDefs.json", "main.json")
DIFFERENT = 0.9  # share of strings that a translation must not leave in English
NOT_HERE = "Its files are not here yet: run Download Models."
CODE = re.compile(r"`[^`]+`|--[\w-]+|\b[\w/]+\.(?:safetensors|csv|json|mp4|pth)\b")


def strings(tree: dict, prefix: str = "") -> dict[str, str]:
    """{dotted key: text} of a locale file."""
    found = {}
    for key, value in tree.items():
        found |= strings(value, f"{prefix}{key}.") if isinstance(value, dict) else {f"{prefix}{key}": value}
    return found


def read(language: str, file: str) -> dict[str, str]:
    return strings(json.loads((LOCALES / language / file).read_text(encoding="utf-8")))


def said_by_nodes(object_info: dict) -> dict:
    """nodeDefs.json in English. The frontend looks inputs up with dots as underscores."""
    told = {}
    for name, node in sorted(object_info.items()):
        if not name.startswith("VASA_"):
            continue
        inputs: dict[str, dict[str, str]] = {}
        for entry, _, _, options in translatable(node):
            tooltip = options["tooltip"].replace("Its files are here.", NOT_HERE)  # as on a machine without them
            named = {"name": options.get("display_name") or entry.rsplit(".", 1)[-1], "tooltip": tooltip}
            known = inputs.setdefault(entry.replace(".", "_"), named)
            if named["tooltip"] not in known["tooltip"]:  # one name in two choices
                known["tooltip"] += f" / {named['tooltip']}"
        outputs = {
            str(k): {"name": label, "tooltip": tooltip}
            for k, (label, tooltip) in enumerate(zip(node["output_name"], node["output_tooltips"], strict=True))
        }
        told[name] = {
            "display_name": node["display_name"],
            "description": node["description"],
            "inputs": inputs,
            "outputs": outputs,
        }
    return told


def translatable(node: dict) -> list[tuple[str, str, str, dict]]:
    """Inputs under the names that the browser has for them: those inside a choice without the choice's own name."""
    found = []
    for entry, kind, group, options in inputs_of(node["input"]):
        parts = entry.split(".")
        found.append((".".join([parts[0], *parts[2:]]) if len(parts) > 2 else entry, kind, group, options))
    return found


def test_english_is_what_the_nodes_say(object_info):
    told = said_by_nodes(object_info)
    path = LOCALES / "en" / "nodeDefs.json"
    if os.environ.get("VASA_WRITE_LOCALES"):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(told, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    assert json.loads(path.read_text(encoding="utf-8")) == told


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_string_is_translated(language):
    english, translated = ({k: v for file in FILES for k, v in read(which, file).items()} for which in ("en", language))
    assert sorted(translated) == sorted(english)
    empty = [key for key, text in translated.items() if not text.strip() and english[key].strip()]
    assert empty == []
    worded = [key for key, text in english.items() if text.strip()]
    same = [key for key in worded if translated[key] == english[key]]
    assert len(same) <= (1 - DIFFERENT) * len(worded), same


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_translation_keeps_file_names_and_options(language):
    english, translated = read("en", "nodeDefs.json"), read(language, "nodeDefs.json")
    for key, text in english.items():
        for code in CODE.findall(text):
            assert code in translated[key], (key, code)


@pytest.mark.parametrize("language", ("zh", "ja", "ko"))
def test_asian_translations_are_in_their_own_script(language):
    scripts = {"zh": r"[\u4e00-\u9fff]", "ja": r"[\u3040-\u30ff\u4e00-\u9fff]", "ko": r"[\uac00-\ud7af]"}
    texts = [text for text in read(language, "nodeDefs.json").values() if text.strip()]
    assert sum(bool(re.search(scripts[language], text)) for text in texts) >= DIFFERENT * len(texts)


def test_the_server_hands_them_out(live):
    told = live.get("/i18n")
    for language in ("en", *LANGUAGES):
        assert told[language]["nodeDefs"]["VASA_GenerateMotion"]["display_name"]
        assert told[language]["nodeCategories"]["VASA"]
