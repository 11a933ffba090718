"""The verbs of the command line that are about released weights: fetch, convert, models.

Prints, as the command line does: the list of models is an answer; licences and written files are said on stderr.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

from .errors import BadInput
from .faces.liveportrait import released as liveportrait
from .motion.joyvasa import checkpoint as joyvasa
from .terminal import Bar
from .weights.installed import SAFE, default_folder, folders_in, on_disk, released
from .weights.registry import JOYVASA, LIVEPORTRAIT, MODELS, ReleasedModel

SHIPPED = {"mesh": "face", "starter": "motion"}  # come with this pack
MEGABYTE = 1e6


def fetch(options: argparse.Namespace) -> None:
    """Download a released model, whole and checked; run it again to go on with a download that was stopped."""
    from .weights.fetching import fetch as bring  # huggingface_hub takes a moment to import

    model = released(options.name)
    folder = (options.folder or default_folder()) / model.folder
    print(f"{model.terms()} By downloading it you accept them.", file=sys.stderr)
    bar = Bar()
    paths = bring(model, folder, bar.step("MB", MEGABYTE))
    bar.done(f"{folder}: {', '.join(path.name for path in paths)}", "fetched")


def convert(options: argparse.Namespace) -> None:
    """Write released .pth, .pt or .pkl files as .safetensors: one file, or all that a folder holds."""
    source, target = Path(options.source), Path(options.target)
    if source.is_dir():
        found = {file.stem: on_disk(file, [source]) for model in MODELS.values() for file in model.files}
        todo = [(path, target / f"{stem}{SAFE}") for stem, path in found.items() if path and stem in CONVERTERS]
        if not todo:
            raise BadInput(f"There is no released file in {source}. Name the folder that holds them, or one file.")
    else:
        todo = [(source, target / f"{source.stem}{SAFE}" if target.is_dir() else target)]
    for path, out in todo:
        if path.stem not in CONVERTERS:
            raise BadInput(f"{path.name} is no released file. Its name must be one of: {', '.join(CONVERTERS)}.")
        if out.suffix != SAFE:
            raise BadInput(f"The output {out} must be a folder, or end in {SAFE}.")
        out.parent.mkdir(parents=True, exist_ok=True)
        CONVERTERS[path.stem](path, out)
        print(f"{path} -> {out}", file=sys.stderr)


def models(options: argparse.Namespace) -> None:
    """List the face and motion models: which are here, which can be fetched, and on what terms."""
    folder = options.folder or default_folder()
    print(f"Folder of models: {folder}")
    for name, kind in SHIPPED.items():
        print(f"{name:13} {kind:7} comes with this pack   Apache-2.0")
    for model in MODELS.values():
        print(f"{model.name:13} {model.kind:7} {_state(model, folder):22} {model.licence}, {model.home}")


def _state(model: ReleasedModel, folder: Path) -> str:
    here = [on_disk(file, folders_in(folder, model)) for file in model.files]
    if all(here):
        return "here"
    size = "size unknown" if model.size is None else f"{model.size / MEGABYTE:.0f} MB"
    return f"{sum(path is not None for path in here)} of {len(here)} files, {size}"


CONVERTERS: dict[str, Callable[[Path, Path], None]] = {
    **{file.stem: liveportrait.convert for file in LIVEPORTRAIT.files},
    **{file.stem: joyvasa.convert for file in JOYVASA.files},
}


def add_weights_commands(command: Callable[[Callable], argparse.ArgumentParser]) -> None:
    """Add the three verbs; `command` makes the parser of one."""
    sub = command(fetch)
    sub.add_argument("name", choices=list(MODELS), help="which model")
    folder_option(sub)
    sub = command(convert)
    sub.add_argument("source", metavar="IN", help="a released file, or a folder of them")
    sub.add_argument("target", metavar="OUT", help="the .safetensors to write, or a folder")
    sub = command(models)
    folder_option(sub)


def folder_option(parser: argparse.ArgumentParser) -> None:
    """--folder, where models lie."""
    parser.add_argument(
        "--folder", type=Path, metavar="F",
        help="folder of models; else VASA_MODELS, ComfyUI's models where this pack is in custom_nodes, ~/.cache/vasa",
    )  # fmt: skip
