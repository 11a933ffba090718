"""The verbs of the command line that are about a video's origin: inspect and sign.

Prints, as the command line does: what a video says of itself is the answer that was asked for.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from pathlib import Path

from .errors import BadInput, MissingPackage
from .media import credentials
from .media.provenance import SYNTHETIC, read_tags

TOLD = ("comment", "generator", "face_model", "motion_model", "seed", "digital_source_type")  # in the order shown
CONTAINER = ("major_brand", "minor_version", "compatible_brands", "encoder")  # in every MP4, of no origin
CORE_TAGS = {"workflow": "drop the file on ComfyUI's page to open it", "prompt": "as ComfyUI ran them"}  # long graphs
MAKERS = ("VASA_DecodeFrames", "VASA_PasteIntoPicture", "VASA_RenderVideo")  # nodes of this pack that make pictures


def inspect(options: argparse.Namespace) -> None:
    """Show what a video says of its origin: synthetic or not, models, seed, workflow, Content Credentials."""
    tags = read_tags(options.video)
    _show("synthetic", _synthetic(tags))
    others = sorted(set(tags) - {*TOLD, *CONTAINER, *CORE_TAGS})
    for name in (*(name for name in TOLD if name in tags), *others):
        _show(name, tags[name])
    for name, meaning in CORE_TAGS.items():
        count = len(_nodes(tags.get(name, "")))
        _show(name, f"{count} nodes; {meaning}" if count else "none" if name not in tags else "not readable")
    try:
        found = credentials.read_credentials(options.video)
    except MissingPackage as error:
        _show("credentials", f"not read: {error}")
        return
    if found is None:
        _show("credentials", "none")
        return
    trust = "by a known authority" if found.trusted else "by nobody that this machine knows"
    _show("credentials", f"{'valid' if found.valid else 'BROKEN: the file was changed after it was signed'}, {trust}")
    for name, value in {
        "signed by": found.signer,
        "made by": found.generator,
        "source": found.source_type,
        **found.made_with,
    }.items():
        _show(f"  {name}", value)


def sign(options: argparse.Namespace) -> None:
    """Add Content Credentials (C2PA) to a finished video, with a certificate of your own."""
    if options.output.suffix.lower() != ".mp4":
        raise BadInput(f"The output {options.output} must end in .mp4.")
    credentials.sign(options.video, options.output, options.certificate, options.key, options.algorithm)
    print(f"signed: {options.output}")


def _show(name: str, value: str) -> None:
    print(f"{name:19} {value}")


def _synthetic(tags: dict[str, str]) -> str:
    """What the tags say; else, of a video made from frames by other nodes, which nodes of ours its graph holds."""
    if tags.get("digital_source_type") == SYNTHETIC:
        return "yes"
    ours = [name for name in MAKERS if name in _nodes(tags.get("prompt", ""))]
    return f"no tag says so, but it was made with {' and '.join(ours)}" if ours else "not said"


def _nodes(text: str) -> list[str]:
    """Kinds of the nodes in a graph of ComfyUI's, as a workflow or a prompt; none where the text is no graph."""
    try:
        graph = json.loads(text)
    except ValueError:
        return []
    entries = graph.get("nodes", list(graph.values())) if isinstance(graph, dict) else []
    kinds = (node.get("type") or node.get("class_type") for node in entries if isinstance(node, dict))
    return [kind for kind in kinds if isinstance(kind, str)]


def add_provenance_commands(command: Callable[..., argparse.ArgumentParser]) -> None:
    """Add the two verbs; `command` makes the parser of one."""
    sub = command(inspect)
    sub.add_argument("video", type=Path, help="a video file")
    sub = command(sign)
    sub.add_argument("video", type=Path, help="a video that this pack made, as Save Video or talk wrote it")
    sub.add_argument("-o", "--output", type=Path, required=True, help="signed video to write, .mp4")
    sub.add_argument("--certificate", type=Path, required=True, metavar="PEM", help="your chain, your own first")
    sub.add_argument("--key", type=Path, required=True, metavar="PEM", help="its private key")
    sub.add_argument("--algorithm", choices=credentials.ALGORITHMS, default="es256", help="of the key (es256)")
