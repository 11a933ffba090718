"""The nodes of this pack: the list below is the only registry."""

from comfy_api.latest import ComfyExtension, io

from . import (
    audio,
    controls,
    download,
    drive,
    edit,
    files,
    host,
    load,
    motion,
    portrait,
    render,
    timeline,
    values,
    viewer,
)

NODES: list[type[io.ComfyNode]] = [
    load.LoadFaceModel,
    load.LoadMotionModel,
    download.DownloadModels,
    portrait.EncodePortrait,
    portrait.LivePortraitFaceOptions,
    audio.AudioFeatures,
    controls.Gaze,
    controls.HeadDistance,
    controls.Emotion,
    timeline.ControlTimeline,
    values.ControlValues,
    motion.SamplingOptions,
    motion.GenerateMotion,
    drive.MotionFromVideo,
    drive.MotionFromFaceLandmarks,
    edit.EditMotion,
    edit.MotionPlot,
    viewer.MotionViewer,
    files.SaveMotion,
    files.LoadMotion,
    render.DecodeFrames,
    render.RenderVideo,
    render.PasteIntoPicture,
]


class VasaExtension(ComfyExtension):
    """What ComfyUI asks of a pack: a hook at load time, and the list of nodes."""

    async def on_load(self) -> None:
        """Tell ComfyUI where weights for this pack live; nothing is created or read."""
        host.register_model_folders()

    async def get_node_list(self) -> list[type[io.ComfyNode]]:
        """Every node class, in menu order."""
        return NODES
