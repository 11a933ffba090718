"""Motion to files and back, inside ComfyUI's output and input folders only."""

from __future__ import annotations

from comfy_api.latest import io, ui

from ..vasa_core.errors import VasaError
from ..vasa_core.motion.files import load_arkit_csv, load_motion, save_arkit_csv, save_motion
from ..vasa_core.types import Motion
from . import host, sockets

CATEGORY = "VASA/motion"
WRITERS = {"safetensors": (".safetensors", save_motion), "ARKit CSV": (".csv", save_arkit_csv)}
SUFFIXES = tuple(suffix for suffix, _ in WRITERS.values())


class SaveMotion(io.ComfyNode):
    """A motion as a file in the output folder."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="VASA_SaveMotion",
            display_name="Save Motion",
            category=CATEGORY,
            description="Saves a motion to ComfyUI's output folder: to use again, or for Blender, Maya or Unreal.",
            search_aliases=["export motion", "arkit", "live link face", "csv", "blendshapes", "mocap"],
            is_output_node=True,
            inputs=[
                sockets.MOTION.Input("motion", tooltip="The motion to save."),
                io.String.Input(
                    "filename_prefix", default="motion/vasa",
                    tooltip="Beginning of the file's name. It may name a subfolder of the output folder first.",
                ),
                io.Combo.Input(
                    "format", options=list(WRITERS), default="safetensors",
                    tooltip="safetensors keeps everything. ARKit CSV has 52 curves and head pose, as Live Link Face "
                    "writes them.",
                ),
            ],
            outputs=[sockets.MOTION.Output("motion", tooltip="The same motion, to go on with.")],
        )  # fmt: skip

    @classmethod
    def execute(cls, motion: Motion, filename_prefix: str, format: str) -> io.NodeOutput:
        """Write a new numbered file."""
        suffix, write = WRITERS[format]
        path, name, subfolder = host.output_file(filename_prefix, suffix)
        write(path, motion)
        saved = ui.SavedResult(name, subfolder, io.FolderType.output)
        return io.NodeOutput(motion, ui={"files": [saved], "text": [f"output/{subfolder}/{name}".replace("//", "/")]})


class LoadMotion(io.ComfyNode):
    """A motion file of the input or the output folder."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="VASA_LoadMotion",
            display_name="Load Motion",
            category=CATEGORY,
            description="Loads a motion that Save Motion wrote, or a CSV of ARKit curves, such as Live Link Face's.",
            search_aliases=["import motion", "arkit", "live link face", "csv", "blendshapes", "mocap"],
            inputs=[
                io.Combo.Input(
                    "file", options=host.motion_files(SUFFIXES),
                    tooltip="A .safetensors or .csv motion in ComfyUI's input folder, or one that Save Motion wrote.",
                ),
            ],
            outputs=[sockets.MOTION.Output("motion", tooltip="For Edit Motion, Decode Frames or Render Video.")],
        )  # fmt: skip

    @classmethod
    def validate_inputs(cls, file: str) -> bool | str:
        """Take files that came after the menu was drawn, and refuse others with the reason."""
        try:
            host.motion_path(file)
        except VasaError as error:
            return str(error)
        return True

    @classmethod
    def fingerprint_inputs(cls, file: str) -> float:
        """Read again only when the file has changed."""
        return host.motion_path(file).stat().st_mtime

    @classmethod
    def execute(cls, file: str) -> io.NodeOutput:
        """Read by the kind of file."""
        path = host.motion_path(file)
        return io.NodeOutput((load_arkit_csv if path.suffix.lower() == ".csv" else load_motion)(path))
