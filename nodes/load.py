"""Choose the face model and the motion model. Those that come with this pack need no file and no network."""

from __future__ import annotations

from comfy_api.latest import io

from ..vasa_core.faces import FACE_MODELS, load_face_model
from ..vasa_core.motion.model import load_motion_model
from . import host, sockets

CATEGORY = "VASA/load"
SHIPPED_MOTION = "starter"


class LoadFaceModel(io.ComfyNode):
    """A face model by name."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="VASA_LoadFaceModel",
            display_name="Load Face Model",
            category=CATEGORY,
            description="The model that turns one picture and a motion into frames. 'mesh' comes with this pack.",
            search_aliases=["talking head", "portrait animation", "face animation", "vasa face model"],
            inputs=[
                io.Combo.Input(
                    "name", options=list(FACE_MODELS), default="mesh",
                    tooltip="mesh: the photo itself on a 3D face mesh with ARKit's 52 expressions. Runs on a CPU.",
                ),
            ],
            outputs=[
                sockets.FACE_MODEL.Output("face_model", tooltip="For Encode Portrait, Decode Frames and Render Video.")
            ],
        )  # fmt: skip

    @classmethod
    def execute(cls, name: str) -> io.NodeOutput:
        """Load the model and give its network to ComfyUI's memory manager."""
        model = load_face_model(name)
        return io.NodeOutput(host.Placed(model, model.network))


class LoadMotionModel(io.ComfyNode):
    """A motion model that comes with this pack, or one of the user's own."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="VASA_LoadMotionModel",
            display_name="Load Motion Model",
            category=CATEGORY,
            description="The diffusion model that turns sound and controls into motion. 'starter' is included.",
            search_aliases=["audio to motion", "lip sync model", "talking head", "vasa motion model"],
            inputs=[
                io.Combo.Input(
                    "name", options=[SHIPPED_MOTION, *host.model_files()], default=SHIPPED_MOTION,
                    tooltip="starter comes with this pack. Checkpoints of your own go into ComfyUI's models/vasa.",
                ),
            ],
            outputs=[
                sockets.MOTION_MODEL.Output("motion_model", tooltip="For Audio Features and Generate Motion."),
            ],
        )  # fmt: skip

    @classmethod
    def execute(cls, name: str) -> io.NodeOutput:
        """Load the model and give its network to ComfyUI's memory manager."""
        model = load_motion_model(SHIPPED_MOTION if name == SHIPPED_MOTION else host.model_path(name))
        return io.NodeOutput(host.Placed(model, model.denoiser))
