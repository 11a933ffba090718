"""Motion of a filmed face: from a video, or from ComfyUI's own face landmarks."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction

from comfy_api.latest import Input, InputImpl, io
from torch import Tensor

from ..vasa_core.errors import BadInput
from ..vasa_core.faces.mesh.reader import motion_from_blendshapes
from ..vasa_core.media.read import read_video
from ..vasa_core.pipeline import counted_from_calm, imitation, read_motion
from ..vasa_core.types import FaceModel, Portrait, ReadsFilms
from . import host, landmarks, sockets

CATEGORY = "VASA/motion"
READ_MEMORY = 512 << 20  # bytes, with room: eight pictures of 256x256 through LivePortrait's motion network


@dataclass(frozen=True)
class Film:
    """`frames` (3, H, W) in [0, 1] one by one, about `count` of them at `fps`; `audio` is a native AUDIO or None."""

    frames: Iterable[Tensor]
    count: int
    fps: float | Fraction
    audio: dict | None


def film_from_sockets(video: Input.Video | None, images: Tensor | None, fps: float) -> Film:
    """A video, or a batch of images at `fps`. A whole video file is read frame by frame; a trimmed one by ComfyUI."""
    if (video is None) == (images is None):
        raise BadInput("Connect one of the inputs 'video' and 'images'.")
    if images is not None:
        return Film(sockets.frames_from_image(images), len(images), fps, None)
    source = video.get_stream_source() if isinstance(video, InputImpl.VideoFromFile) else None
    if isinstance(source, str) and video.get_active_trim_window() == (0.0, 0.0):
        reader = read_video(source)
        sound = reader.waveform()
        audio = None if sound is None else sockets.audio_to_socket(*sound)
        return Film(reader, reader.expected_frames, reader.fps, audio)
    parts = video.get_components()
    return Film(sockets.frames_from_image(parts.images), len(parts.images), parts.frame_rate, parts.audio)


class MotionFromVideo(io.ComfyNode):
    """Track a face through a film and read its motion."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="VASA_MotionFromVideo",
            display_name="Motion From Video",
            category=CATEGORY,
            description="Follows the largest face in a video and reads its head motion and expressions.",
            search_aliases=["driving video", "face tracking", "motion capture", "mocap", "reenactment", "vasa drive"],
            inputs=[
                io.Video.Input("video", optional=True, tooltip="The driving video, read frame by frame."),
                io.Image.Input(
                    "images", optional=True, tooltip="Or the video's frames as a batch of images, with 'fps'."
                ),
                io.Float.Input(
                    "fps", default=25.0, min=1.0, max=240.0, step=0.01, advanced=True,
                    tooltip="Frame rate of 'images'. A video knows its own.",
                ),
                sockets.FACE_MODEL.Input(
                    "face_model", optional=True,
                    tooltip="Connect liveportrait to read the video in its own, richer way. A face model that you "
                    "trained must be connected. Without it: ARKit's expressions.",
                ),
                sockets.PORTRAIT.Input(
                    "portrait", optional=True,
                    tooltip="Connect it to give this portrait exactly the pose and expression of the video. Without "
                    "it, only their changes are taken, which suit any portrait.",
                ),
            ],
            outputs=[
                sockets.MOTION.Output("motion", tooltip="Motion relative to the clip's usual pose, for any portrait."),
                io.Audio.Output("audio", tooltip="The sound of the video; nothing for images or a silent video."),
            ],
        )  # fmt: skip

    @classmethod
    def execute(
        cls,
        fps: float,
        video: Input.Video | None = None,
        images: Tensor | None = None,
        face_model: host.Placed[FaceModel] | None = None,
        portrait: Portrait | None = None,
    ) -> io.NodeOutput:
        """Read frame by frame; a cancel takes effect between two of them."""
        film = film_from_sockets(video, images, fps)
        if face_model is None:
            model, vision = None, host.vision()
        else:
            model, vision = face_model.ready(READ_MEMORY, host.placed_vision()), host.placed_vision().about()
        passes = 2 if isinstance(model, ReadsFilms) else 1  # one to find the face, one to read it
        pictures = host.Progress().over(film.frames, film.count, passes)
        with host.named_input("images" if video is None else "video"):
            motion = read_motion(vision, pictures, film.fps, model)
        if portrait is None:
            return io.NodeOutput(host.to_cache(counted_from_calm(motion)), film.audio)
        with host.named_input("portrait"):
            return io.NodeOutput(host.to_cache(imitation(model, portrait, motion)), film.audio)


class MotionFromFaceLandmarks(io.ComfyNode):
    """Motion from the blendshapes and head matrices that ComfyUI's MediaPipe nodes measure."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="VASA_MotionFromFaceLandmarks",
            display_name="Motion From Face Landmarks",
            category=CATEGORY,
            description="Turns what ComfyUI's Detect Face Landmarks found in a video's frames into motion.",
            search_aliases=["mediapipe", "blendshapes", "arkit", "face mesh", "driving video", "vasa landmarks"],
            inputs=[
                sockets.FACE_LANDMARKS.Input(
                    "face_landmarks", tooltip="From Detect Face Landmarks (MediaPipe), one face in every frame."
                ),
                io.Float.Input(
                    "fps", default=25.0, min=1.0, max=240.0, step=0.01, tooltip="Frame rate of the video they are from."
                ),
            ],
            outputs=[
                sockets.MOTION.Output("motion", tooltip="Motion relative to the clip's usual pose, for any portrait.")
            ],
        )  # fmt: skip

    @classmethod
    def execute(cls, face_landmarks: dict, fps: float) -> io.NodeOutput:
        """Convert the first face of every frame."""
        blendshapes, matrices = landmarks.blendshapes_over_time(face_landmarks)
        with host.named_input("face_landmarks"):
            motion = motion_from_blendshapes(blendshapes, matrices, fps)
        return io.NodeOutput(counted_from_calm(motion))
