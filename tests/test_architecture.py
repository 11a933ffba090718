"""The house's rules, checked on the syntax tree of every file: imports point down, each third party has one home,
files and node bodies stay short, and what is banned stays away. The checker itself is tried on bad snippets below."""

from __future__ import annotations

import ast
import re
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

# Each package may import from those to its right of the colon, and from itself. `arkit`, `keypoints`: as `types`.
GROUND = {"types", "errors", "geometry", "attention", "arkit", "keypoints", "__version__"}
SIBLINGS = {"vision", "audio", "media"}
CLI_PARTS = {"cli_arguments", "cli_evaluate", "cli_provenance", "cli_train", "cli_weights", "terminal"}
BELOW = {
    "ground": GROUND,
    "weights": GROUND,
    "vision": GROUND | {"weights"},
    "audio": GROUND | {"weights"},
    "media": GROUND | {"weights"},
    "faces": GROUND | {"weights"} | SIBLINGS,
    "motion": GROUND | {"weights"} | SIBLINGS,
    "pipeline": GROUND | {"weights"} | SIBLINGS | {"faces", "motion"},
    "metrics": GROUND | {"weights"} | SIBLINGS | {"faces", "motion"},
    "train": GROUND | {"weights"} | SIBLINGS | {"faces", "motion", "pipeline", "metrics"},
    "terminal": set(),
    "cli_arguments": GROUND | {"media"},
    "cli_evaluate": GROUND | {"weights"} | SIBLINGS | {"metrics", "cli_arguments", "terminal"},
    "cli_provenance": GROUND | {"media"},
    "cli_train": GROUND | {"weights", "media", "train", "cli_arguments", "terminal"},
    "cli_weights": GROUND | {"weights", "faces", "motion", "terminal"},
    "cli": GROUND | {"weights"} | SIBLINGS | {"faces", "motion", "pipeline", "metrics", "train"} | CLI_PARTS,
    "__main__": {"cli"},
}
NODES_MAY_USE = GROUND | {"weights"} | SIBLINGS | {"faces", "motion", "pipeline", "metrics"}

ALLOWED_THIRD_PARTIES = {
    "torch",
    "torchaudio",
    "numpy",
    "PIL",
    "safetensors",
    "av",
    "huggingface_hub",
    "xformers",
    "c2pa",
}
HOMES = {  # third party: the only places (folders end with /) inside vasa_core that may import it
    "av": ("media/",),
    "huggingface_hub": ("weights/hub.py",),
    "torch.distributed": ("train/distributed.py",),
    "xformers": ("attention.py",),
    "c2pa": ("media/credentials.py",),
    "subprocess": ("train/synthesis.py",),
}
COMFY = re.compile(r"^(comfy\w*|folder_paths|server|nodes|node_helpers|execution)(\.|$)")
BANNED_IMPORTS = {"pickle", "importlib.util", "os.system", "multiprocessing.reduction"}
PRINTERS = {
    "cli.py",
    "cli_evaluate.py",
    "cli_provenance.py",
    "cli_train.py",
    "cli_weights.py",
    "terminal.py",
    "__main__.py",
}  # may speak to a terminal; train/ reports its progress there as well

CEILING, NETWORK_CEILING, BODY_CEILING = 350, 450, 40
NETWORK_DEFINITIONS = {"vision/face_mesh.py", "audio/wav2vec2.py", "motion/denoiser.py"}


def package_files() -> list[Path]:
    """Every Python file of the pack itself."""
    return [ROOT / "__init__.py", *sorted((ROOT / "nodes").rglob("*.py")), *sorted((ROOT / "vasa_core").rglob("*.py"))]


def imports(place: str, tree: ast.AST) -> list[tuple[int, str]]:
    """(line, absolute dotted name) of every import; `place` is the file's path from the root, e.g. vasa_core/cli.py."""
    package = place.split("/")[:-1]
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found += [(node.lineno, alias.name) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                up = package[: len(package) - (node.level - 1)]
                base = ".".join(["<pack>", *up, *([node.module] if node.module else [])])
            found += [(node.lineno, f"{base}.{alias.name}" if base else alias.name) for alias in node.names]
    return found


def complaints(place: str, source: str) -> list[str]:
    """What is wrong with one file, as `place:line: what`; an empty list for a good one."""
    tree = ast.parse(source)
    found = [f"{place}:{line}: {what}" for line, what in (*import_faults(place, tree), *code_faults(place, tree))]
    for word in ("/work/", "/tmp/", "/root/", "/home/"):
        if word in source:
            found.append(f"{place}: holds the machine path {word}")
    inside = place.removeprefix("vasa_core/")
    ceiling = NETWORK_CEILING if inside in NETWORK_DEFINITIONS else CEILING
    lines = len(source.splitlines())
    if lines > ceiling:
        found.append(f"{place}: {lines} lines, more than {ceiling}")
    return found


def import_faults(place: str, tree: ast.AST) -> list[tuple[int, str]]:
    """Imports that point up or sideways, or that bring a third party to a place that is not its home."""
    core = place.startswith("vasa_core/")
    inside = place.removeprefix("vasa_core/")
    here = inside.split("/")[0].removesuffix(".py") if core else place.split("/")[0]
    faults = []
    for line, name in imports(place, tree):
        if name.startswith("<pack>."):
            parts = name.split(".")[1:]
            if parts[0] == "vasa_core" and len(parts) > 1:
                faults += [(line, fault) for fault in direction_faults(core, here, inside, parts[1:])]
            elif parts[0] != "vasa_core" and core:
                faults.append((line, f"the core imports {name}"))
            continue
        top = name.split(".")[0]
        if COMFY.match(name):
            if core:
                faults.append((line, f"the core imports ComfyUI's {name}"))
            continue
        if top == "vasa_core":
            faults.append((line, "import the core by a relative name: the pack's folder may have any name"))
        elif name in BANNED_IMPORTS or top in BANNED_IMPORTS:
            faults.append((line, f"{name} is banned"))
        elif top not in ALLOWED_THIRD_PARTIES and top not in sys.stdlib_module_names:
            faults.append((line, f"{top} is no package that ComfyUI brings and this pack uses"))
        for party, homes in HOMES.items():
            if (name == party or name.startswith(party + ".")) and not (core and inside.startswith(homes)):
                faults.append((line, f"{party} belongs in {' or '.join(homes)} only"))
    return faults


def direction_faults(core: bool, here: str, inside: str, target: list[str]) -> list[str]:
    """Why a file of the package `here` must not import `target` (its dotted path inside vasa_core, split)."""
    there = target[0]
    if not core:
        return [] if there in NODES_MAY_USE else [f"nodes import vasa_core.{there}"]
    if here == "faces" and there == "faces":
        mine, other = inside.split("/")[1:2], target[1:2]
        private = len(inside.split("/")) > 2
        if private and other and other != mine and (ROOT / "vasa_core/faces" / other[0]).is_dir():
            return [f"faces/{mine[0]} imports faces/{other[0]}"]
    level = "ground" if here in GROUND else here
    if level not in BELOW:
        return [f"the folder {here} has no level: add it to BELOW"]
    if there == here or there in BELOW[level]:
        return []
    return [f"{here} imports {there}: imports point down only"]


def code_faults(place: str, tree: ast.AST) -> list[tuple[int, str]]:
    """Constructs that are banned wherever they stand, and node bodies that are too long."""
    inside = place.removeprefix("vasa_core/")
    faults = []
    for node in ast.walk(tree):
        line = getattr(node, "lineno", 0)
        if isinstance(node, ast.ExceptHandler):
            caught = node.type.elts if isinstance(node.type, ast.Tuple) else [node.type]
            names = {getattr(kind, "id", None) for kind in caught}
            if node.type is None or names & {"Exception", "BaseException"}:
                faults.append((line, "catches everything"))
        elif isinstance(node, ast.Call):
            called = ast.unparse(node.func)
            last = called.split(".")[-1]
            if called in {"eval", "exec", "compile"}:
                faults.append((line, f"calls {called}"))
            if last == "cuda" or called.startswith("torch.cuda."):
                faults.append((line, "names CUDA: the host places networks"))
            if last in {"unload_all_models", "system", "popen"}:
                faults.append((line, f"calls {called}"))
            speaks = place.startswith("vasa_core/train/") or inside in PRINTERS
            if called == "print" and not speaks:
                faults.append((line, "prints"))
            for keyword in node.keywords:
                value = getattr(keyword.value, "value", None)
                if keyword.arg in {"strict", "weights_only"} and value is False and last != "zip":
                    faults.append((line, f"{keyword.arg}=False"))
        elif isinstance(node, ast.Attribute) and ast.unparse(node) == "torch.cuda":
            faults.append((line, "names torch.cuda: the host places networks"))
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and node.name == "execute":
            length = node.end_lineno - node.body[0].lineno + 1
            if place.startswith("nodes/") and length > BODY_CEILING:
                faults.append((line, f"execute has {length} lines, more than {BODY_CEILING}"))
    return faults


@pytest.mark.parametrize("path", package_files(), ids=lambda path: path.relative_to(ROOT).as_posix())
def test_every_file_keeps_the_rules(path: Path) -> None:
    assert complaints(path.relative_to(ROOT).as_posix(), path.read_text(encoding="utf-8")) == []


def test_the_pack_is_there() -> None:
    names = {path.relative_to(ROOT).as_posix() for path in package_files()}
    assert {"nodes/__init__.py", "vasa_core/types.py", "vasa_core/pipeline.py"} <= names


def test_tools_tests_and_benchmarks_hold_no_machine_path() -> None:
    words = [f"/{name}/" for name in ("work", "tmp/w", "root")]
    for folder in ("tools", "tests", "benchmarks", "nodes", "vasa_core", ".ci"):
        for path in (ROOT / folder).rglob("*"):
            if path.suffix in {".py", ".sh", ".js", ".md", ".ini"} and path != Path(__file__):
                text = path.read_text(encoding="utf-8")
                assert not [word for word in words if word in text], path


def test_tools_tests_and_benchmarks_are_short() -> None:
    paths = [path for folder in ("tools", "tests", "benchmarks") for path in (ROOT / folder).rglob("*.py")]
    too_long = {path.name: n for path in paths if (n := len(path.read_text(encoding="utf-8").splitlines())) > CEILING}
    assert too_long == {}


def test_the_root_imports_nothing_at_the_top() -> None:
    """pytest and other tools import the root without ComfyUI."""
    tree = ast.parse((ROOT / "__init__.py").read_text(encoding="utf-8"))
    top = [node for node in tree.body if isinstance(node, (ast.Import, ast.ImportFrom))]
    assert [ast.unparse(node) for node in top if ast.unparse(node) != "from __future__ import annotations"] == []


@pytest.mark.parametrize(
    ("place", "source"),
    [
        ("vasa_core/vision/x.py", "from ..motion import generate"),
        ("vasa_core/vision/x.py", "from ..audio import mel"),
        ("vasa_core/vision/x.py", "from .. import pipeline"),
        ("vasa_core/motion/x.py", "from ..faces.mesh import model"),
        ("vasa_core/weights/x.py", "from ..media.read import read_image"),
        ("vasa_core/geometry.py", "from .weights import checkpoint"),
        ("vasa_core/pipeline.py", "from .cli import main"),
        ("vasa_core/pipeline.py", "from .train import loop"),
        ("vasa_core/pipeline.py", "from ..nodes import host"),
        ("vasa_core/faces/vasa/x.py", "from ..mesh import model"),
        ("vasa_core/strange/x.py", "from ..types import Audio"),
        ("vasa_core/types.py", "import comfy.utils"),
        ("vasa_core/types.py", "def f():\n    from folder_paths import models_dir"),
        ("vasa_core/types.py", "import scipy"),
        ("vasa_core/types.py", "import av"),
        ("vasa_core/types.py", "from vasa_core import errors"),
        ("vasa_core/train/loop.py", "import torch.distributed as dist"),
        ("vasa_core/train/loop.py", "from torch import distributed"),
        ("vasa_core/weights/registry.py", "from huggingface_hub import hf_hub_download"),
        ("vasa_core/media/read.py", "import subprocess"),
        ("nodes/x.py", "import subprocess"),
        ("nodes/x.py", "import av"),
        ("nodes/x.py", "from ..vasa_core.train import loop"),
        ("nodes/x.py", "from ..vasa_core.cli import main"),
        ("vasa_core/types.py", "import pickle"),
        ("vasa_core/types.py", "try:\n    x = 1\nexcept:\n    pass"),
        ("vasa_core/types.py", "try:\n    x = 1\nexcept Exception:\n    pass"),
        ("vasa_core/types.py", "try:\n    x = 1\nexcept (ValueError, Exception):\n    pass"),
        ("vasa_core/types.py", "eval('1')"),
        ("nodes/x.py", "exec('1')"),
        ("vasa_core/types.py", "model.cuda()"),
        ("nodes/x.py", "torch.cuda.empty_cache()"),
        ("nodes/x.py", "empty = torch.cuda.empty_cache"),
        ("vasa_core/types.py", "model.load_state_dict(values, strict=False)"),
        ("vasa_core/types.py", "torch.load(path, weights_only=False)"),
        ("vasa_core/types.py", "print('hello')"),
        ("vasa_core/types.py", "FOLDER = '/home/me/models'"),
        ("vasa_core/types.py", "x = 1\n" * 351),
        ("nodes/x.py", "class N:\n    def execute(cls):\n" + "        x = 1\n" * 41),
    ],
)
def test_the_checker_finds_what_is_bad(place: str, source: str) -> None:
    assert len(complaints(place, source)) >= 1


@pytest.mark.parametrize(
    ("place", "source"),
    [
        ("vasa_core/faces/mesh/x.py", "from ...vision.crop import crop_face\nfrom .rig import FaceFrame\nimport torch"),
        ("vasa_core/faces/__init__.py", "from .mesh.model import MeshFaceModel"),
        ("vasa_core/faces/mesh/x.py", "from ..base import FaceModel\nfrom ... import arkit"),
        ("vasa_core/media/read.py", "import av\nfrom ..types import Audio"),
        ("vasa_core/train/synthesis.py", "import subprocess"),
        ("vasa_core/weights/hub.py", "import huggingface_hub"),
        ("vasa_core/cli.py", "from .train import loop\nprint('x')"),
        ("nodes/x.py", "import comfy.utils\nimport folder_paths\nfrom ..vasa_core.pipeline import render"),
        (
            "vasa_core/types.py",
            "try:\n    x = 1\nexcept ValueError:\n    raise\nfor a in zip(x, y, strict=False):\n    a",
        ),
        ("vasa_core/vision/face_mesh.py", "x = 1\n" * 440),
    ],
)
def test_the_checker_lets_good_files_pass(place: str, source: str) -> None:
    assert complaints(place, source) == []
