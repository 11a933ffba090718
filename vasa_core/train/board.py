"""What TensorBoard shows of a run, where its settings ask for that. tensorboard is an optional package."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from ..errors import MissingPackage
from .loop import Report


def on_board(reports: Iterable[Report], folder: Path, picture: Path) -> Iterator[Report]:
    """Pass the reports on and write them into `folder` for TensorBoard: scalars, and `picture` whenever it is new.

    A run that goes on replaces what came after its last checkpoint. MissingPackage where tensorboard is not installed.
    """
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError as error:
        raise MissingPackage(
            "The settings ask for TensorBoard, which is not installed. Run: pip install tensorboard, "
            "or leave `tensorboard` out of them."
        ) from error
    writer, shown = None, _written(picture)
    try:
        for report in reports:
            writer = writer or SummaryWriter(str(folder), purge_step=report.step)
            for name, value in report.losses.items():
                writer.add_scalar(f"losses/{name}", value, report.step)
            writer.add_scalar("learning_rate", report.learning_rate, report.step)
            writer.add_scalar("gradient", report.gradient, report.step)
            yield report
            if _written(picture) != shown:
                shown = _written(picture)
                levels = np.asarray(Image.open(picture).convert("RGB"))  # (H, W, 3)
                writer.add_image(picture.stem, levels, report.step, dataformats="HWC")
    finally:
        if writer is not None:
            writer.close()


def _written(path: Path) -> int | None:
    """When the file was written, in nanoseconds; None where there is none."""
    return path.stat().st_mtime_ns if path.exists() else None
