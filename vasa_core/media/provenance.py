"""What a video says about its origin: that it is synthetic, and what it was made with.

The tags are plain container metadata, which any later edit can drop; they inform, they do not prove. For proof see
credentials.py.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import av

from .. import __version__
from ..errors import BadInput
from ..weights.checkpoint import sha256

SYNTHETIC = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"  # IPTC's term for generated media
COMMENT = "Synthetic video: a portrait animated by a computer."


def provenance(origin: Mapping[str, str] | None = None) -> dict[str, str]:
    """Metadata tags for VideoWriter: that the video is synthetic, and by which version; then those of `origin`."""
    return {
        "comment": COMMENT,
        "digital_source_type": SYNTHETIC,
        "generator": f"VASA for ComfyUI {__version__}",
        **(origin or {}),
    }


def made_with(models: Mapping[str, str | Path | Sequence[Path]], seed: int | None = None) -> dict[str, str]:
    """{"face_model": ..., "motion_model": ..., "seed": ...} for `provenance` and `Motion.origin`.

    models: role ("face", "motion") -> its weights file or files, or a plain name. seed: of the motion.
    """
    told = {f"{role}_model": described(model) for role, model in models.items()}
    return told if seed is None else {**told, "seed": str(seed)}


def described(model: str | Path | Sequence[Path]) -> str:
    """Names and SHA-256 of weights files, for people and programs; a plain name as it is."""
    if isinstance(model, str):
        return model
    paths = [model] if isinstance(model, Path) else model
    return "; ".join(f"{path.name} sha256:{sha256(path)}" for path in paths)


def read_tags(path: str | Path) -> dict[str, str]:
    """All metadata tags of a media file. BadInput where it is none."""
    try:
        with av.open(str(path)) as container:
            return dict(container.metadata)
    except (OSError, av.FFmpegError) as error:
        raise BadInput(f"{Path(path).name} cannot be read as a video ({error}). Name a video file.") from error
