"""The pure parts of web/js/ in Node.js, without a browser."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.nodes.live_server import ROOT

SHARED = ROOT / "web" / "js" / "shared"


def computed(folder: Path, imports: str, expression: str, given: Any) -> Any:
    """What `expression` of `given` is, after `imports`; folder: an empty one, for copies of web/js/shared.

    Skips, with the reason, where Node.js is missing.
    """
    if shutil.which("node") is None:
        pytest.skip("Running the widgets' own code needs Node.js: apt install nodejs.")
    shutil.copytree(SHARED, folder / "shared")
    (folder / "package.json").write_text('{"type": "module"}')
    (folder / "given.json").write_text(json.dumps(given))
    (folder / "main.js").write_text(
        f'import {{ readFileSync }} from "node:fs";\n{imports}\n'
        'const given = JSON.parse(readFileSync("given.json", "utf8"));\n'
        f"console.log(JSON.stringify({expression}));\n"
    )
    answer = subprocess.run(["node", "main.js"], cwd=folder, capture_output=True, text=True, timeout=120)
    assert answer.returncode == 0, answer.stderr
    return json.loads(answer.stdout)
