"""One picture to a portrait: find the face, crop it, encode it once; and what a face model may be told about it."""

from __future__ import annotations

from comfy_api.latest import io, ui
from torch import Tensor

from ..vasa_core.errors import BadInput
from ..vasa_core.faces.liveportrait.portrait import (
    LARGEST_MULTIPLIER,
    LARGEST_OPENING,
    LIP_CHOICES,
    LivePortraitOptions,
)
from ..vasa_core.keypoints import LIVEPORTRAIT
from ..vasa_core.types import FaceModel
from ..vasa_core.vision.crop import crop_face, crop_from_landmarks
from . import host, landmarks, pictures, sockets

AS_IT_IS, SET = "as in the picture", "set"
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
                    tooltip="A box around the face, instead of choosing by index.",
                ),
                sockets.FACE_LANDMARKS.Input(
                    "face_landmarks", optional=True,
                    tooltip="Landmarks of this picture from ComfyUI's Detect Face Landmarks, used instead of this "
                    "pack's own.",
                ),
                sockets.FACE_OPTIONS.Input(
                    "options", optional=True,
                    tooltip="For the face model liveportrait: from LivePortrait Options. Without it: its defaults.",
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
        options: LivePortraitOptions | None = None,
    ) -> io.NodeOutput:
        """Crop with the vision networks, then encode with the face model."""
        if options is not None and face_model.about().space != LIVEPORTRAIT:
            raise BadInput("The input 'options' is for the face model liveportrait. Leave it open, or load that model.")
        picture = sockets.picture_from_image(image).cpu()
        framing = getattr(face_model.about(), "framing", None)
        if face_landmarks is not None:
            points = landmarks.landmarks_of_picture(face_landmarks, face_index, picture)
            with host.named_input("face_landmarks"):
                crop = crop_from_landmarks(host.vision(), picture, points, framing=framing)
        else:
            box = None if bounding_box is None else landmarks.box_from_socket(bounding_box, face_index)
            with host.named_input("image"):
                crop = crop_face(host.vision(), picture, 0 if box else face_index, box, framing=framing)
        more = () if options is None else (options,)
        portrait = host.to_cache(face_model.ready(ENCODE_MEMORY).encode(crop, *more))
        preview = host.to_output(pictures.with_landmarks(portrait.crop)[None])
        return io.NodeOutput(portrait, preview, ui=ui.PreviewImage(preview, cls=cls))


class LivePortraitFaceOptions(io.ComfyNode):
    """How the face model liveportrait takes a picture."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        default = LivePortraitOptions()

        def opening(name: str, tooltip: str) -> io.Input:
            slider = io.Float.Input(
                "opening", default=0.35, min=0.0, max=LARGEST_OPENING, step=0.01, display_mode=io.NumberDisplay.slider,
                tooltip="Height over width: 0 is shut, 0.3 to 0.4 wide open for most eyes.",
            )  # fmt: skip
            choices = [io.DynamicCombo.Option(AS_IT_IS, []), io.DynamicCombo.Option(SET, [slider])]
            return io.DynamicCombo.Input(name, options=choices, tooltip=tooltip)

        return io.Schema(
            node_id="VASA_LivePortraitOptions",
            display_name="LivePortrait Options",
            category="VASA/portrait",
            description="How the face model liveportrait takes a picture: lips, eyes, shoulders, strength of motion.",
            search_aliases=["liveportrait settings", "stitching", "retargeting", "lip zero", "driving multiplier"],
            inputs=[
                io.Combo.Input(
                    "lips", options=list(LIP_CHOICES), default=default.lips,
                    tooltip="What speech starts from. closed: shut lips, whatever the picture shows. own: the "
                    "picture's lips. normalised: the picture's, shut by LivePortrait's lip network.",
                ),
                io.Boolean.Input(
                    "stitching", default=default.stitching,
                    tooltip="Keep neck and shoulders where they are in the picture. Needed to paste back.",
                ),
                io.Float.Input(
                    "multiplier", default=default.multiplier, min=0.0, max=LARGEST_MULTIPLIER, step=0.05,
                    tooltip="Strength of everything that moves, head and face; 1 is as the motion says.",
                ),
                opening("eyes", "Open or shut the picture's eyes to a given opening before they move."),
                opening("mouth", "Open or shut the picture's mouth to a given opening before it moves."),
                io.Boolean.Input(
                    "exact_rest", default=default.exact_rest, advanced=True,
                    tooltip="Without motion show exactly the picture, not the picture as stitching changes it.",
                ),
            ],
            outputs=[sockets.FACE_OPTIONS.Output("options", tooltip="For Encode Portrait.")],
        )  # fmt: skip

    @classmethod
    def execute(
        cls,
        lips: str,
        stitching: bool,
        multiplier: float,
        exact_rest: bool,
        eyes: dict | None = None,
        mouth: dict | None = None,
    ) -> io.NodeOutput:
        """The options as the core takes them."""
        for name, choice in (("eyes", eyes), ("mouth", mouth)):
            if choice is None:  # ComfyUI leaves out a choice that there is not
                raise BadInput(f"The input '{name}' has no such choice. Use '{AS_IT_IS}' or '{SET}'.")
        openings = [choice.get("opening") for choice in (eyes, mouth)]  # only 'set' has one
        return io.NodeOutput(LivePortraitOptions(lips, stitching, exact_rest, *openings, multiplier))
