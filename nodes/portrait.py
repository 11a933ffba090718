"""One picture to a portrait: find the face, crop it, encode it once."""

from __future__ import annotations

from comfy_api.latest import io, ui
from torch import Tensor

from ..vasa_core.types import FaceModel
from ..vasa_core.vision.crop import crop_face, crop_from_landmarks
from . import host, landmarks, pictures, sockets

ENCODE_MEMORY = 512 << 20  # bytes, with room: one portrait took 107 MiB on a CPU


class EncodePortrait(io.ComfyNode):
    """A face of a picture, ready to be animated."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="VASA_EncodePortrait",
            display_name="Encode Portrait",
            category="VASA/portrait",
            description="Finds a face in a picture and prepares it for animation, once for any number of videos.",
            search_aliases=["face crop", "face detection", "portrait", "headshot", "vasa portrait"],
            has_intermediate_output=True,
            inputs=[
                sockets.FACE_MODEL.Input("face_model", tooltip="The model that will animate this portrait."),
                io.Image.Input("image", tooltip="One picture with a face that looks roughly at the camera."),
                io.Int.Input(
                    "face_index", default=0, min=0, max=63, step=1,
                    tooltip="Which face where there are several: 0 is the largest, 1 the next, and so on.",
                ),
                io.BoundingBox.Input(
                    "bounding_box", optional=True, force_input=True, socketless=False,
                    tooltip="Where to look for the face instead of choosing by index.",
                ),
                sockets.FACE_LANDMARKS.Input(
                    "face_landmarks", optional=True,
                    tooltip="Landmarks of this picture from ComfyUI's Detect Face Landmarks, used instead of our own.",
                ),
            ],
            outputs=[
                sockets.PORTRAIT.Output("portrait", tooltip="For Decode Frames, Render Video and Paste Into Picture."),
                io.Image.Output("preview", tooltip="The crop that will be animated, with the landmarks drawn on it."),
            ],
        )  # fmt: skip

    @classmethod
    def execute(
        cls,
        face_model: host.Placed[FaceModel],
        image: Tensor,
        face_index: int,
        bounding_box: dict | list | None = None,
        face_landmarks: dict | None = None,
    ) -> io.NodeOutput:
        """Crop with the vision networks, then encode with the face model."""
        picture = sockets.picture_from_image(image).cpu()
        if face_landmarks is not None:
            points = landmarks.landmarks_of_picture(face_landmarks, face_index, picture)
            with host.named_input("face_landmarks"):
                crop = crop_from_landmarks(host.vision(), picture, points)
        else:
            box = None if bounding_box is None else landmarks.box_from_socket(bounding_box, face_index)
            with host.named_input("image"):
                crop = crop_face(host.vision(), picture, 0 if box else face_index, box)
        portrait = host.to_cache(face_model.ready(ENCODE_MEMORY).encode(crop))
        preview = host.to_output(pictures.with_landmarks(portrait.crop)[None])
        return io.NodeOutput(portrait, preview, ui=ui.PreviewImage(preview, cls=cls))
