"""Portrait and motion to pictures, to a video, and back into the whole picture."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import repeat

import torch
from comfy_api.latest import Input, InputImpl, io
from torch import Tensor

from ..vasa_core.errors import BadInput
from ..vasa_core.media.label import labelled
from ..vasa_core.media.provenance import made_with, provenance
from ..vasa_core.media.write import VideoWriter
from ..vasa_core.pipeline import anchor, at_rate, pasted, remarks, render, suited
from ..vasa_core.types import FaceCrop, FaceModel, Motion, Portrait
from ..vasa_core.vision.crop import paste_back, person_matte
from . import host, sockets
from .drive import film_from_sockets

CATEGORY = "VASA/render"
DECODE_MEMORY = 1 << 30  # bytes, with room: eight frames at 512x512 stay below what encoding takes on a CPU
LARGE_MEMORY = 3 << 30  # bytes, of LivePortrait: four frames took 0.7 GB on a CPU; a graphics card holds whole maps


def _inputs(*more: io.Input) -> list[io.Input]:
    return [
        sockets.FACE_MODEL.Input("face_model", tooltip="The model that encoded the portrait."),
        sockets.PORTRAIT.Input("portrait", tooltip="The portrait that moves: from Encode Portrait."),
        sockets.MOTION.Input(
            "motion", tooltip="How it moves: from Generate Motion, Motion From Video, Load Motion or Edit Motion."
        ),
        *more,
    ]


def _at_rate_of_video(motion: Motion, fps: float, waveform: Tensor | None, rate: int | None) -> Motion:
    """The motion at the video's frame rate; one that was made for this sound ends with it."""
    duration = motion.duration
    if waveform is not None and abs(waveform.shape[1] / rate - duration) <= 1.0 / motion.fps:
        duration = waveform.shape[1] / rate
    return at_rate(motion, fps or motion.fps, duration)


def _tags(face_model: host.Placed[FaceModel], motion: Motion) -> dict[str, str]:
    """What the video says of its origin, unless ComfyUI was told to write no metadata."""
    if not host.may_write_metadata():
        return {}
    return provenance({**made_with({"face": face_model.source}), **motion.origin})


def _frames_behind(video: Input.Video, fps: float, crop: FaceCrop) -> Iterator[Tensor]:
    """The frames (3, H, W) of a video of the whole picture, its last one for ever; BadInput where it cannot be one."""
    film = film_from_sockets(video, None, fps)
    if abs(float(film.fps) - fps) > 0.01:
        raise BadInput(
            f"The input 'background' has {float(film.fps):g} frames per second, the motion {fps:g}: set 'fps'."
        )
    frame = None
    for frame in film.frames:
        if tuple(frame.shape[1:]) != tuple(crop.image_size):
            height, width = crop.image_size
            raise BadInput(
                f"The input 'background' is {frame.shape[2]}x{frame.shape[1]} pixels, but the portrait was cut from a "
                f"picture of {width}x{height}. Connect a video of that whole picture."
            )
        yield host.to_device(frame)
    if frame is None:
        raise BadInput("The input 'background' is a video without frames. Connect another.")
    yield from repeat(host.to_device(frame))


def ready_to_decode(face_model: host.Placed[FaceModel], *beside: host.Placed) -> FaceModel:
    """The face model on the device, beside other models, with memory free there for the frames it will decode."""
    return face_model.ready(LARGE_MEMORY if face_model.slow else DECODE_MEMORY, *beside)


class DecodeFrames(io.ComfyNode):
    """Every frame as an image, all in memory."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="VASA_DecodeFrames",
            display_name="Decode Frames",
            category=CATEGORY,
            description="Frames as images, to upscale or composite. For long clips Render Video needs far less memory.",
            search_aliases=["frames", "images", "animate portrait", "vasa decode"],
            inputs=_inputs(),
            outputs=[
                io.Image.Output("images", tooltip="Frames of 512x512 pixels, one for each frame of the motion."),
                io.Mask.Output("masks", tooltip="Where the person is in each frame: 1 on the person, 0 behind."),
            ],
        )

    @classmethod
    def execute(cls, face_model: host.Placed[FaceModel], portrait: Portrait, motion: Motion) -> io.NodeOutput:
        """Decode a few frames at a time, showing each last one."""
        with host.named_input("motion"):
            absolute = anchor(suited(face_model.about(), motion), portrait.rest)
        vision, progress = host.placed_vision(), host.Progress(len(motion))
        model = ready_to_decode(face_model, vision)
        images, masks = [], []
        for frames in render(model, host.to_device(portrait), absolute, face_model.chunk, progress):  # (t, 512, 512, 3)
            progress.show(frames[-1])
            decoded = sockets.frames_from_image(frames / 255.0)
            images.append(host.to_output(sockets.image_from_frames(decoded)))
            masks.append(host.to_output(torch.stack([person_matte(vision.about(), frame) for frame in decoded])))
        return io.NodeOutput(torch.cat(images), torch.cat(masks))


class RenderVideo(io.ComfyNode):
    """A video file, written as its frames are made."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="VASA_RenderVideo",
            display_name="Render Video",
            category=CATEGORY,
            description="Makes a video with sound, for Save Video. A long video needs no more memory than a short one.",
            search_aliases=["talking head video", "animate portrait", "mp4", "create video", "vasa render"],
            inputs=_inputs(
                io.Audio.Input("audio", optional=True, tooltip="The sound of the video. Without it: silent."),
                io.Image.Input(
                    "picture", optional=True,
                    tooltip="Connect the picture that the portrait came from to animate it whole, not only the crop.",
                ),
                io.Float.Input(
                    "fps", default=0.0, min=0.0, max=120.0, step=0.01, advanced=True,
                    tooltip="Frames per second of the video. 0 takes the motion's own, 25 for generated motion.",
                ),
                io.Video.Input(
                    "background", optional=True,
                    tooltip="A video of the whole picture at the same frame rate, such as one in which another "
                    "person speaks. This face is laid over its frames.",
                ),
                io.String.Input(
                    "label", default="", optional=True, advanced=True,
                    tooltip="Words shown in a corner of every frame, such as AI generated. Empty: none.",
                ),
            ),
            outputs=[
                io.Video.Output("video", tooltip="For Save Video, Get Video Components or any video node."),
                io.String.Output(
                    "remarks", tooltip="What this portrait could not follow in the motion; usually empty."
                ),
            ],
        )  # fmt: skip

    @classmethod
    def execute(
        cls,
        face_model: host.Placed[FaceModel],
        portrait: Portrait,
        motion: Motion,
        fps: float = 0.0,
        audio: dict | None = None,
        picture: Tensor | None = None,
        background: Input.Video | None = None,
        label: str = "",
    ) -> io.NodeOutput:
        """Encode each piece as it is decoded, into a file in ComfyUI's temp folder."""
        waveform, rate = sockets.waveform_from_socket(audio)
        with host.named_input("motion"):
            moved = _at_rate_of_video(suited(face_model.about(), motion), fps, waveform, rate)
            absolute = anchor(moved, portrait.rest)
        model, progress = ready_to_decode(face_model), host.Progress(len(absolute))
        pieces = render(model, host.to_device(portrait), absolute, face_model.chunk, progress)
        if background is not None:
            pieces = pasted(pieces, _frames_behind(background, absolute.fps, portrait.crop), portrait.crop)
        elif picture is not None:
            whole = sockets.picture_of_crop(picture, portrait.crop)
            pieces = pasted(pieces, repeat(host.to_device(whole)), portrait.crop)
        with host.named_input("label"):
            shown = labelled(pieces, label)
        path = host.temporary_file(".mp4")
        with VideoWriter(path, absolute.fps, waveform, rate, _tags(face_model, motion)) as writer:
            for frames in shown:
                writer.write(frames)
                progress.show(frames[-1])
        return io.NodeOutput(InputImpl.VideoFromFile(str(path)), "\n".join(remarks(model, portrait, absolute)))


class PasteIntoPicture(io.ComfyNode):
    """Frames of the face crop, laid back into the picture that it was cut from."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="VASA_PasteIntoPicture",
            display_name="Paste Into Picture",
            category=CATEGORY,
            description="Lays face frames, of any size, back into the whole picture with a soft edge.",
            search_aliases=["composite", "uncrop", "stitch", "paste back", "full picture", "vasa paste"],
            inputs=[
                io.Image.Input("images", tooltip="Frames of the crop, from Decode Frames; upscaled ones are welcome."),
                io.Image.Input("picture", tooltip="The picture that the portrait was encoded from."),
                sockets.PORTRAIT.Input(
                    "portrait", tooltip="The portrait made from that picture; it knows where the crop lies."
                ),
                io.Float.Input(
                    "feather", default=0.06, min=0.0, max=0.25, step=0.01, advanced=True,
                    tooltip="Width of the soft edge, as a share of the crop.",
                ),
            ],
            outputs=[io.Image.Output("images", tooltip="The whole picture, once for each frame.")],
        )  # fmt: skip

    @classmethod
    def execute(cls, images: Tensor, picture: Tensor, portrait: Portrait, feather: float) -> io.NodeOutput:
        """Paste frame by frame."""
        whole = sockets.picture_of_crop(picture, portrait.crop)
        frames = sockets.frames_from_image(images)
        if frames.shape[-1] != frames.shape[-2]:
            raise BadInput(
                f"The input 'images' has frames of {frames.shape[-1]}x{frames.shape[-2]} pixels, but those of the face "
                f"are square. Connect the frames of Decode Frames, enlarged as you like."
            )
        progress, done = host.Progress(len(frames)), []
        zoom = frames.shape[-1] / portrait.crop.image.shape[-1]
        matrix = portrait.crop.crop_from_image
        crop_from_image = matrix * matrix.new_tensor([[zoom], [zoom], [1.0]])
        for frame in progress.over(frames, len(frames)):
            pasted_frame = paste_back(frame[None], whole, crop_from_image, feather)
            done.append(host.to_output(sockets.image_from_frames(pasted_frame)))
        return io.NodeOutput(torch.cat(done))
