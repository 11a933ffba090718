"""ComfyUI as the nodes see it: devices and memory, progress and cancelling, model and output folders.

The only file that imports `comfy.*` and `folder_paths`. What is placed, moved or written comes from `vasa_core`.

The networks of this pack run in float32: they are small, and lips that close to a hundredth of a mouth do not survive
half precision. Only large face models, which are loaded with a choice of type, run in half precision where ComfyUI's
policy has it so.
"""

from __future__ import annotations

import os
import time
import uuid
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import fields, is_dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any, Generic, TypeVar

import comfy.model_management as memory
import comfy.model_patcher
import comfy.utils
import folder_paths
import torch
from comfy.cli_args import args as launched_with
from PIL import Image
from torch import Tensor, nn

from ..vasa_core.audio import AUDIO_ENCODERS, load_trained_with
from ..vasa_core.errors import BadInput, VasaError
from ..vasa_core.pipeline import CHUNK
from ..vasa_core.types import AudioEncoder
from ..vasa_core.vision.model import Vision, load_vision
from ..vasa_core.weights.installed import find, on_disk
from ..vasa_core.weights.registry import MODELS, ReleasedModel

MODEL_FOLDER = "vasa"
WEIGHT_SUFFIXES = {".safetensors", ".sft"}
RELEASED_SUFFIXES = WEIGHT_SUFFIXES | {".pth", ".pt", ".pkl"}
DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
PREVIEW_SIZE = 512
SHOW_EVERY = 0.3  # seconds between two live pictures
VISION_MEMORY = 256 << 20  # bytes, with room: one picture took 45 MiB on a CPU
ENCODER_MEMORY = 256 << 20  # bytes, with room: sound goes through in pieces of a minute

Model = TypeVar("Model")
Value = TypeVar("Value")


class Managed(nn.Module):
    """Holds a network of ours for ComfyUI, whose memory manager writes notes such as `device` onto what it manages."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network.eval().requires_grad_(False)


class Placed(Generic[Model]):
    """A model of ours and the network inside it, which ComfyUI moves between memory and the accelerator.

    `patcher` is what ComfyUI's memory manager and cache look for. slow: one call may take seconds, so that a cancel
    must take effect inside it. source: the weights' names and hashes, for the tags of a video.
    """

    def __init__(self, model: Model, network: nn.Module, slow: bool = False, source: str = "") -> None:
        self._model, self.slow, self.source = model, slow, source
        if slow:
            for part in network.modules():
                part.register_forward_pre_hook(_cancelled_here)
                if hasattr(part, "pause"):
                    part.pause = memory.throw_exception_if_processing_interrupted
        self.patcher = comfy.model_patcher.CoreModelPatcher(
            Managed(network),
            load_device=memory.get_torch_device(),
            offload_device=memory.unet_offload_device(),
        )

    def about(self) -> Model:
        """The model for reading its facts (space, fps, name); its network is where `ready` has put it, or anywhere."""
        return self._model

    @property
    def chunk(self) -> int:
        """How many frames a face model decodes at once: a slow one on a CPU shows each."""
        return 1 if self.slow and memory.is_device_cpu(memory.get_torch_device()) else CHUNK

    def ready(self, working_memory: int, *beside: Placed) -> Model:
        """The model with its network on the device, and `working_memory` bytes free there for what it will do.

        beside: models that work at the same time; asked for one after another, one could send the other away.
        """
        patchers = [placed.patcher for placed in (self, *beside)]
        memory.load_models_gpu(patchers, memory_required=working_memory)
        return self._model


class PlacedMotionModel(Placed[Any]):
    """A motion model by its denoiser. `hearing` is the audio encoder that it brings along, placed alone, or None."""

    def __init__(self, model: Any, source: str = "") -> None:
        super().__init__(model, model.denoiser, source=source)
        own = getattr(model, "hearing", None)
        self.hearing = None if own is None else Placed(own, own, slow=True)


def _cancelled_here(module: nn.Module, inputs: tuple) -> None:
    """A forward hook: raise ComfyUI's InterruptProcessingException once the user has pressed cancel."""
    memory.throw_exception_if_processing_interrupted()


def network_dtype(choice: str, network: nn.Module) -> torch.dtype:
    """The type that a large network shall run in: one of DTYPES by name, or 'auto', ComfyUI's policy for the device.

    On a CPU 'auto' is float32: only some processors are faster in half precision.
    """
    device = memory.get_torch_device()
    if choice != "auto":
        return DTYPES[choice]
    if memory.is_device_cpu(device):
        return torch.float32
    count = sum(parameter.numel() for parameter in network.parameters())
    found = memory.unet_dtype(device, count, [torch.float16, torch.bfloat16, torch.float32])
    return found if found in DTYPES.values() else torch.float16  # other networks may be asked to run in 8 bits


@lru_cache(maxsize=1)
def placed_vision() -> Placed[Vision]:
    """Face detector, face mesh and matte, loaded once for all nodes."""
    vision = load_vision()
    return Placed(vision, vision)


def vision() -> Vision:
    """The vision networks, ready to run."""
    return placed_vision().ready(VISION_MEMORY)


@lru_cache(maxsize=4)
def _placed_encoder(name: str, weights: str) -> Placed[nn.Module]:
    encoder = load_trained_with(name, weights)
    return Placed(encoder, encoder, slow=True)  # ten minutes of sound take seconds


def has_audio_encoder(name: str) -> bool:
    """Whether this pack brings the audio encoder `name` itself."""
    return name in AUDIO_ENCODERS


def audio_encoder(name: str, weights: str = "") -> AudioEncoder:
    """An audio encoder that this pack brings, loaded once for all nodes, ready to run; see audio.load_trained_with."""
    return _placed_encoder(name, weights).ready(ENCODER_MEMORY)


def to_device(value: Value) -> Value:
    """A tensor, or a dataclass with every tensor inside it, on the device where networks run."""
    return _moved(value, memory.get_torch_device())


def to_cache(value: Value) -> Value:
    """The same on the device where ComfyUI keeps what nodes return."""
    return _moved(value, memory.intermediate_device())


def to_output(tensor: Tensor) -> Tensor:
    """An IMAGE or MASK on the device and in the type in which ComfyUI keeps what nodes return."""
    return tensor.to(memory.intermediate_device(), memory.intermediate_dtype())


def _moved(value: Any, device: torch.device) -> Any:
    if isinstance(value, Tensor):
        return value.to(device)
    if is_dataclass(value) and not isinstance(value, type):
        return replace(value, **{f.name: _moved(getattr(value, f.name), device) for f in fields(value) if f.init})
    if type(value) is tuple:
        return tuple(_moved(part, device) for part in value)
    return value


class Progress:
    """A node's progress bar, its live picture, and the place where a cancel takes effect.

    Call it with (work done, work in all); `show` puts a picture into the browser. Both raise ComfyUI's
    InterruptProcessingException, a BaseException, once the user has pressed cancel.
    """

    def __init__(self, total: int = 1) -> None:
        self._bar = comfy.utils.ProgressBar(max(1, total))
        self._shown = -SHOW_EVERY

    def __call__(self, done: int, total: int) -> None:
        memory.throw_exception_if_processing_interrupted()
        self._bar.update_absolute(done, max(1, total))

    def due(self) -> bool:
        """Whether a picture would be shown now, and not passed over."""
        return time.monotonic() - self._shown >= SHOW_EVERY

    def show(self, picture: Tensor | Image.Image, last: bool = False) -> None:
        """Show a picture: PIL, uint8 (H, W, 3), or (3, H, W) in [0, 1]. Too many are passed over, but not the last."""
        memory.throw_exception_if_processing_interrupted()
        if last or self.due():
            self._shown = time.monotonic()
            self._bar.update_absolute(self._bar.current, preview=("JPEG", _as_pil(picture), PREVIEW_SIZE))

    def over(self, pictures: Iterable[Tensor], count: int, passes: int = 1) -> Iterable[Tensor]:
        """The pictures (3, H, W), about `count` of them, counted and shown as they are taken, `passes` times."""
        return _Shown(self, pictures, count, passes)


class _Shown:
    def __init__(self, progress: Progress, pictures: Iterable[Tensor], count: int, passes: int) -> None:
        self.progress, self.pictures, self.count, self.total = progress, pictures, count, count * passes
        self.begun = 0

    def __iter__(self) -> Iterator[Tensor]:
        before, self.begun = self.begun, self.begun + self.count
        for done, picture in enumerate(self.pictures, before):
            self.progress(min(done, self.total), self.total)
            self.progress.show(picture)
            yield picture
        self.progress(min(self.begun, self.total), self.total)


def _as_pil(picture: Tensor | Image.Image) -> Image.Image:
    if isinstance(picture, Image.Image):
        return picture
    if picture.is_floating_point():
        picture = picture.movedim(0, -1).mul(255.0).round().clamp(0, 255).to(torch.uint8)
    return Image.fromarray(picture.cpu().numpy())


@contextmanager
def named_input(name: str) -> Iterator[None]:
    """Begin the message of any VasaError with the node's input that caused it."""
    try:
        yield
    except VasaError as error:
        if f"'{name}'" in str(error):
            raise
        raise type(error)(f"Input '{name}': {error}") from error


def register_model_folders() -> None:
    """Make models/vasa and those of the released models model folders, beside any of extra_model_paths.yaml.

    They list weights only.
    """
    for name, suffixes in ((MODEL_FOLDER, WEIGHT_SUFFIXES), *((m.folder, RELEASED_SUFFIXES) for m in MODELS.values())):
        folder_paths.add_model_folder_path(name, os.path.join(folder_paths.models_dir, name))
        paths, known = folder_paths.folder_names_and_paths[name]
        if name == MODEL_FOLDER or not known:  # another pack may share the folder of a released model
            folder_paths.folder_names_and_paths[name] = (paths, set(suffixes))


def released_folders(model: ReleasedModel) -> list[Path]:
    """Where the files of a released model are looked for; the first is where they are downloaded to."""
    own = [Path(path) for path in folder_paths.get_folder_paths(model.folder)]
    ours = [Path(path) for path in folder_paths.get_folder_paths(MODEL_FOLDER)]
    return [*own, *(path / model.folder for path in ours), *ours]


def released_files(model: ReleasedModel) -> dict[str, Path]:
    """{stem: path} of a released model's files; WeightsError names the first missing one, its folder and address."""
    return find(model, released_folders(model))


def found_files(model: ReleasedModel) -> dict[str, Path | None]:
    """{stem: path} of a released model's files, None where one is missing."""
    folders = released_folders(model)
    return {file.stem: on_disk(file, folders) for file in model.files}


def is_installed(model: ReleasedModel) -> bool:
    """Whether every file of a released model is here."""
    return None not in found_files(model).values()


def state_of(files: Mapping[str, Path | None]) -> str:
    """A text that changes when one of the files comes, goes or is written."""
    return str([(str(path), path.stat().st_mtime_ns) if path else None for path in files.values()])


def model_files() -> list[str]:
    """Weights files of the user in models/vasa, by the names that the menu shows, without those of released models."""
    released = {file.stem for model in MODELS.values() for file in model.files}
    return [name for name in folder_paths.get_filename_list(MODEL_FOLDER) if Path(name).stem not in released]


def model_path(name: str) -> Path:
    """Path of one of model_files(). BadInput where it has gone."""
    path = folder_paths.get_full_path(MODEL_FOLDER, name)
    if path is None:
        folders = " or ".join(folder_paths.get_folder_paths(MODEL_FOLDER))
        raise BadInput(f"There is no weights file '{name}' in {folders}. Put it there and press R, or pick another.")
    return Path(path)


def may_write_metadata() -> bool:
    """Whether files may say what they were made with: not where ComfyUI was started with --disable-metadata."""
    return not launched_with.disable_metadata


def temporary_file(suffix: str) -> Path:
    """A new name in ComfyUI's temp folder, which ComfyUI empties when it starts."""
    folder = Path(folder_paths.get_temp_directory())
    folder.mkdir(parents=True, exist_ok=True)
    return folder / f"vasa_{uuid.uuid4().hex}{suffix}"


def output_file(prefix: str, suffix: str) -> tuple[Path, str, str]:
    """The next free numbered name under `prefix` in the output folder: path, file name and subfolder.

    Raises BadInput where the prefix leads out of the output folder.
    """
    root = folder_paths.get_output_directory()
    if not _inside(Path(root, prefix), Path(root)):
        raise BadInput(
            f"The input 'filename_prefix' is '{prefix}', which leads out of ComfyUI's output folder. "
            f"Use a plain name, or a subfolder such as motion/take."
        )
    folder, name, counter, subfolder, _ = folder_paths.get_save_image_path(prefix, root)
    file = f"{name}_{counter:05}_{suffix}"
    return Path(folder, file), file, subfolder


def _inside(path: Path, folder: Path) -> bool:
    return path.resolve().is_relative_to(folder.resolve())


def motion_files(suffixes: tuple[str, ...]) -> list[str]:
    """Files with one of `suffixes` in the input folder, and in the output folder with ' [output]' behind."""
    found = []
    for root, mark in ((folder_paths.get_input_directory(), ""), (folder_paths.get_output_directory(), " [output]")):
        names = folder_paths.recursive_search(root)[0] if os.path.isdir(root) else []
        found += [f"{name.replace(os.sep, '/')}{mark}" for name in names if name.lower().endswith(suffixes)]
    return sorted(found)


def motion_path(name: str) -> Path:
    """Path of one of motion_files(). BadInput where it is missing or outside the input and output folders."""
    plain, marked = folder_paths.annotated_filepath(name)
    folder = Path(marked or folder_paths.get_input_directory())
    path = folder / plain
    if not _inside(path, folder):
        raise BadInput(f"The input 'file' is '{name}', which leads out of ComfyUI's input and output folders.")
    if not path.is_file():
        raise BadInput(f"The input 'file' names '{name}', which is not there. Put it in ComfyUI's input folder.")
    return path
