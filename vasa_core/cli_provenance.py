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

CORE_TAGS = ("workflow", "prompt")  # ComfyUI's own: the graph, which is long


def inspect(options: argparse.Namespace) -> None:
    """Show what a video says of its origin: synthetic or not, models, seed, workflow, Content Credentials."""
    tags = read_tags(options.video)
    print(f"synthetic     {'yes' if tags.get('digital_source_type') == SYNTHETIC else 'not said'}")
    for name in sorted(set(tags) - set(CORE_TAGS)):
        print(f"{name:13} {tags[name]}")
    for name in CORE_TAGS:
        print(f"{name:13} {_counted(tags[name]) if name in tags else 'none'}")
    try:
        found = credentials.read_credentials(options.video)
    except MissingPackage as error:
        print(f"credentials   not read: {error}")
        return
    if found is None:
        print("credentials   none")
        return
    trust = "by a known authority" if found.trusted else "by nobody that this machine knows"
    print(f"credentials   {'valid' if found.valid else 'BROKEN: the file was changed after it was signed'}, {trust}")
    print(f"  signed by   {found.signer}\n  made by     {found.generator}\n  source      {found.source_type}")
    for name, value in found.made_with.items():
        print(f"  {name:11} {value}")


def sign(options: argparse.Namespace) -> None:
    """Add Content Credentials (C2PA) to a finished video, with a certificate of your own."""
    if options.output.suffix.lower() != ".mp4":
        raise BadInput(f"The output {options.output} must end in .mp4.")
    credentials.sign(options.video, options.output, options.certificate, options.key, options.algorithm)
    print(f"signed: {options.output}")


def _counted(text: str) -> str:
    try:
        graph = json.loads(text)
    except ValueError:
        return f"{len(text)} characters"
    return f"{len(graph.get('nodes', graph))} nodes"


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
