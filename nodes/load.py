"""Choose the face model and the motion model. Those that come with this pack need no file and no network."""

from __future__ import annotations

from comfy_api.latest import io

from ..vasa_core.faces import load_face_model
from ..vasa_core.media.provenance import described
from ..vasa_core.motion.joyvasa.model import load_joyvasa
from ..vasa_core.motion.joyvasa.options import CHAININGS, SMOOTHINGS, JoyVasaOptions
from ..vasa_core.motion.model import MotionModel, SamplingModel, load_motion_model
from ..vasa_core.types import FaceModel
from ..vasa_core.weights.checkpoint import shipped
from ..vasa_core.weights.registry import JOYVASA, LIVEPORTRAIT, ReleasedModel
from . import host, sockets

CATEGORY = "VASA/load"
SHIPPED_FACE, SHIPPED_MOTION = "mesh", "starter"


def _where(model: ReleasedModel) -> str:
    """Whether a released model is here, for a tooltip."""
    return "Its files are here." if host.is_installed(model) else "Its files are not here yet: run Download Models."


class LoadFaceModel(io.ComfyNode):
    """A face model: the one that comes with this pack, a released one, or a checkpoint of the user's."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="VASA_LoadFaceModel",
            display_name="Load Face Model",
            category=CATEGORY,
            description="The model that turns one picture and a motion into frames. 'mesh' comes with this pack.",
            search_aliases=["talking head", "portrait animation", "face animation", "liveportrait", "vasa face model"],
            inputs=[
                io.Combo.Input(
                    "name", options=[SHIPPED_FACE, LIVEPORTRAIT.name, *host.model_files()], default=SHIPPED_FACE,
                    tooltip="mesh: the photo itself on a 3D face mesh with ARKit's 52 expressions. Runs on a CPU. "
                    f"liveportrait: photo-real, for a graphics card. {_where(LIVEPORTRAIT)} Other names "
                    "are files in models/vasa.",
                ),
                io.Combo.Input(
                    "dtype", options=["auto", *host.DTYPES], default="auto", optional=True, advanced=True,
                    tooltip="Number type of large networks, not of mesh. auto is what ComfyUI finds best for the "
                    "graphics card, and float32 on a CPU; bfloat16 is far faster on a CPU with matrix units (AMX).",
                ),
            ],
            outputs=[
                sockets.FACE_MODEL.Output("face_model", tooltip="For Encode Portrait, Decode Frames and Render Video.")
            ],
        )  # fmt: skip

    @classmethod
    def fingerprint_inputs(cls, name: str, dtype: str = "auto") -> str:
        """Load again when a file has come, gone or changed."""
        return "" if name == SHIPPED_FACE else host.state_of(_face_files(name))

    @classmethod
    def execute(cls, name: str, dtype: str = "auto") -> io.NodeOutput:
        """Load the model and give its network to ComfyUI's memory manager."""
        return io.NodeOutput(placed_face(name, dtype))


def _face_files(name: str) -> dict:
    if name == LIVEPORTRAIT.name:
        return host.found_files(LIVEPORTRAIT)
    return {name: host.model_path(name)}


def placed_face(name: str, dtype: str) -> host.Placed[FaceModel]:
    """The face model, in the types and with the hooks that its size asks for."""
    if name == SHIPPED_FACE:
        model = load_face_model(name)
        return host.Placed(model, model.network, source=name)
    if name == LIVEPORTRAIT.name:
        files = host.released_files(LIVEPORTRAIT)
        model, paths = load_face_model(name, files), list(files.values())
    else:
        paths = [host.model_path(name)]
        model = load_face_model(str(paths[0]))
    for part in getattr(model, "halves", ()):
        part.to(host.network_dtype(dtype, model.network))
    return host.Placed(model, model.network, slow=True, source=described(paths))


class LoadMotionModel(io.ComfyNode):
    """A motion model that comes with this pack, a released one, or one of the user's own."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        default = JoyVasaOptions()
        return io.Schema(
            node_id="VASA_LoadMotionModel",
            display_name="Load Motion Model",
            category=CATEGORY,
            description="The diffusion model that turns sound and controls into motion. 'starter' is included.",
            search_aliases=["audio to motion", "lip sync model", "talking head", "joyvasa", "vasa motion model"],
            inputs=[
                io.Combo.Input(
                    "name", options=[SHIPPED_MOTION, JOYVASA.name, *host.model_files()], default=SHIPPED_MOTION,
                    tooltip="starter comes with this pack and drives every face. joyvasa: made for liveportrait. "
                    f"{_where(JOYVASA)} Checkpoints of your own go into ComfyUI's models/vasa.",
                ),
                io.Combo.Input(
                    "joyvasa_windows", options=list(CHAININGS), default=default.chaining, optional=True, advanced=True,
                    tooltip="Only for joyvasa. overlap: seamless, lips on the sound. published: as its authors run it, "
                    "lips two frames late.",
                ),
                io.Combo.Input(
                    "joyvasa_head", options=list(SMOOTHINGS), default=default.smoothing, optional=True, advanced=True,
                    tooltip="Only for joyvasa: smoothing of the head's motion. gentle: over 60 ms. published: as its "
                    "authors do, the head hardly moves.",
                ),
            ],
            outputs=[
                sockets.MOTION_MODEL.Output("motion_model", tooltip="For Audio Features and Generate Motion."),
            ],
        )  # fmt: skip

    @classmethod
    def fingerprint_inputs(cls, name: str, **options: str) -> str:
        """Load again when a file has come, gone or changed."""
        if name == SHIPPED_MOTION:
            return ""
        return host.state_of(host.found_files(JOYVASA) if name == JOYVASA.name else {name: host.model_path(name)})

    @classmethod
    def execute(cls, name: str, joyvasa_windows: str = "", joyvasa_head: str = "") -> io.NodeOutput:
        """Load the model and give its networks to ComfyUI's memory manager."""
        default = JoyVasaOptions()
        options = JoyVasaOptions(joyvasa_windows or default.chaining, smoothing=joyvasa_head or default.smoothing)
        if name == JOYVASA.name:
            paths = list(host.released_files(JOYVASA).values())
            model: MotionModel | SamplingModel = load_joyvasa(paths[0], options, paths[1])
        else:
            paths = [shipped(f"{name}.safetensors") if name == SHIPPED_MOTION else host.model_path(name)]
            model = load_motion_model(paths[0], joyvasa=options)
        return io.NodeOutput(host.PlacedMotionModel(model, described(paths)))
