"""What a video says about its origin: that it is synthetic, and what it was made with.

The tags are plain container metadata, which any later edit can drop; they inform, they do not prove.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from .. import __version__
from ..weights.checkpoint import sha256

SYNTHETIC = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"  # IPTC's term for generated media


def provenance(models: Mapping[str, str | Path | None] | None = None, seed: int | None = None) -> dict[str, str]:
    """Metadata tags for VideoWriter.

    models: role ("face", "motion", ...) -> path of a weights file, whose name and SHA-256 are told, or a plain name.
    seed: of the motion, where there was one.
    """
    tags = {
        "comment": "Synthetic video: a portrait animated by a computer.",
        "digital_source_type": SYNTHETIC,
        "generator": f"VASA for ComfyUI {__version__}",
    }
    for role, model in (models or {}).items():
        if isinstance(model, Path):
            tags[f"{role}_model"] = f"{model.name} sha256:{sha256(model)}"
        elif model is not None:
            tags[f"{role}_model"] = model
    if seed is not None:
        tags["seed"] = str(seed)
    return tags
