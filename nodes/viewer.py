"""A motion to look at in its node: curves, and pictures to scrub through."""

from __future__ import annotations

from typing import Any

import torch
from comfy_api.latest import io, ui

from ..vasa_core.errors import BadInput
from ..vasa_core.motion.plot import contact_sheet
from ..vasa_core.motion.view import thinned, viewed
from ..vasa_core.pipeline import anchor, render, suited
from ..vasa_core.types import FaceModel, Motion, Portrait
from . import host, sockets
from .render import ready_to_decode

MOST_PICTURES = 48
AT_ONCE = 2  # pictures decoded at once: they are few, and each is worth a report
PICTURE_SIZE = 256  # pixels
COLUMNS = 8  # pictures in a row of the sheet
JPEG_QUALITY = 85


def _curves(motion: Motion) -> list[dict[str, Any]]:
    found = []
    for channel in viewed(motion):
        values, frames = thinned(channel.values)
        numbers = [round(value, 3) for value in values.tolist()]
        told = {"name": channel.name, "group": channel.group, "unit": channel.unit}
        found.append({**told, "frames_per_value": frames, "values": numbers})
    return found


def _pictures(face_model: host.Placed[FaceModel], portrait: Portrait, motion: Motion) -> dict[str, Any]:
    """Decode every few frames, and lay them side by side in one file of ComfyUI's temp folder."""
    with host.named_input("motion"):
        absolute = anchor(suited(face_model.about(), motion), portrait.rest)
    every = -(-len(absolute) // MOST_PICTURES)
    chosen = absolute[::every]
    model, progress = ready_to_decode(face_model), host.Progress(len(chosen))
    frames = []
    for piece in render(model, host.to_device(portrait), chosen, min(AT_ONCE, face_model.chunk), progress):
        progress.show(piece[-1])
        frames.append(piece.cpu())  # (t, 512, 512, 3)
    path = host.temporary_file(".jpg")
    contact_sheet(torch.cat(frames), COLUMNS, PICTURE_SIZE).save(path, quality=JPEG_QUALITY)
    file = ui.SavedResult(path.name, "", io.FolderType.temp)
    return {"file": file, "count": len(chosen), "every": every, "columns": COLUMNS, "size": PICTURE_SIZE}


class MotionViewer(io.ComfyNode):
    """A motion to scrub through in its node."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="VASA_MotionViewer",
            display_name="Motion Viewer",
            category="VASA/motion",
            description="Shows a motion as curves to scrub through and play, with a live picture of each moment.",
            search_aliases=["scrub", "curves", "preview motion", "play motion", "inspect motion", "vasa viewer"],
            is_output_node=True,
            inputs=[
                sockets.MOTION.Input("motion", tooltip="The motion to look at. It comes out as it is."),
                sockets.FACE_MODEL.Input(
                    "face_model", optional=True, tooltip="With a portrait: shows that face, not a drawn one."
                ),
                sockets.PORTRAIT.Input(
                    "portrait", optional=True, tooltip="The portrait to show: from Encode Portrait."
                ),
                io.Audio.Input("audio", optional=True, tooltip="The sound to play with the motion."),
            ],
            outputs=[sockets.MOTION.Output("motion", tooltip="The motion that came in, unchanged.")],
        )

    @classmethod
    def execute(
        cls,
        motion: Motion,
        face_model: host.Placed[FaceModel] | None = None,
        portrait: Portrait | None = None,
        audio: dict | None = None,
    ) -> io.NodeOutput:
        """Curves for the browser; pictures and sound as files of ComfyUI's temp folder."""
        if (face_model is None) != (portrait is None):
            missing = "face_model" if face_model is None else "portrait"
            raise BadInput(f"The input '{missing}' is missing: a picture needs both a face model and its portrait.")
        if len(motion) == 0:
            raise BadInput("The input 'motion' has no frames. Connect another, or trim it less.")
        waveform, rate = sockets.waveform_from_socket(audio)
        told = {"version": 1, "fps": motion.fps, "frames": len(motion), "space": motion.space.name}
        told |= {"curves": _curves(motion), "pictures": None, "sound": None}
        if face_model is not None:
            told["pictures"] = _pictures(face_model, portrait, motion)
        if waveform is not None:
            sound = sockets.audio_to_socket(waveform, rate)
            (told["sound"],) = ui.AudioSaveHelper.save_audio(sound, "vasa_sound", io.FolderType.temp, None)
        return io.NodeOutput(motion, ui={"vasa_motion": [told]})
