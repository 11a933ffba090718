"""Draw a workflow's graph as its thumbnail: groups, nodes and wires, for workflows whose result cannot be shown here.

python -m tools.workflow_card workflows/photo_real_talking_portrait.json "Photo-real talking portrait"
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from .errors import run_command

SIZE, MARGIN, HEAD = (768, 512), 28, 74  # pixels
BACK, GROUP, NODE, OURS, WIRE, TEXT = "#1f2226", "#2b3238", "#48525c", "#5b7f95", "#b9a36b", "#e8e8e8"


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(prog="python -m tools.workflow_card", description=__doc__.splitlines()[0])
    parser.add_argument("workflow", type=Path, help="the workflow's .json; the .jpg goes beside it")
    parser.add_argument("title")
    options = parser.parse_args()
    draw_card(json.loads(options.workflow.read_text()), options.title).save(
        options.workflow.with_suffix(".jpg"), quality=90
    )


def draw_card(workflow: dict, title: str) -> Image.Image:
    """The graph of `workflow` under its title; notes are left out."""
    nodes = {node["id"]: node for node in workflow["nodes"] if node["type"] != "MarkdownNote"}
    boxes = [(*group["bounding"][:2], *group["bounding"][2:]) for group in workflow["groups"]]
    left, top = min(box[0] for box in boxes), min(box[1] for box in boxes)
    width = max(box[0] + box[2] for box in boxes) - left
    height = max(box[1] + box[3] for box in boxes) - top
    scale = min((SIZE[0] - 2 * MARGIN) / width, (SIZE[1] - HEAD - MARGIN) / height)

    def place(x: float, y: float) -> tuple[float, float]:
        return MARGIN + (x - left) * scale, HEAD + (y - top) * scale

    card = Image.new("RGB", SIZE, BACK)
    draw = ImageDraw.Draw(card)
    draw.text((MARGIN, 22), title, TEXT, ImageFont.load_default(26))
    for x, y, wide, high in boxes:
        draw.rounded_rectangle((*place(x, y), *place(x + wide, y + high)), 6, GROUP)
    for _, source, slot, target, place_in, _ in workflow["links"]:
        start, end = nodes[source], nodes[target]
        x0, y0 = place(start["pos"][0] + start["size"][0], start["pos"][1] + 12 + 20 * slot)
        x1, y1 = place(end["pos"][0], end["pos"][1] + 12 + 20 * place_in)
        draw.line(_curve(x0, y0, x1, y1), WIRE, 2)
    for node in nodes.values():
        (x, y), (wide, high) = node["pos"], node["size"]
        draw.rounded_rectangle(
            (*place(x, y - 30), *place(x + wide, y + high)), 4, OURS if node["type"].startswith("VASA_") else NODE
        )
        label = node.get("title") or node["type"].removeprefix("VASA_")
        draw.text(place(x + 10, y - 22), label[:20], TEXT, ImageFont.load_default(11))
    return card


def _curve(x0: float, y0: float, x1: float, y1: float) -> list[tuple[float, float]]:
    """A wire that leaves and arrives level."""
    ease = [k / 16 for k in range(17)]
    return [(x0 + (x1 - x0) * t, y0 + (y1 - y0) * t * t * (3 - 2 * t)) for t in ease]


if __name__ == "__main__":
    run_command(main)
