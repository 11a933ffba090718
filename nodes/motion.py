"""Motion from sound: the diffusion model at work, and how it samples."""

from __future__ import annotations

from dataclasses import replace

import torch
from comfy_api.latest import io

from ..vasa_core.media.provenance import made_with
from ..vasa_core.motion.generate import Sampling, generate
from ..vasa_core.motion.model import MotionModel
from ..vasa_core.motion.plot import plot_motion
from ..vasa_core.types import AudioFeatures, Controls, Motion
from . import host, sockets

CATEGORY = "VASA/motion"
DENOISE_MEMORY = 256 << 20  # bytes, with room: three windows of 60 tokens, one for each guidance branch


class SamplingOptions(io.ComfyNode):
    """How the diffusion model of motion samples."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="VASA_SamplingOptions",
            display_name="Sampling Options",
            category="VASA/controls",
            description="Guidance and number of steps of Generate Motion. Without this node the defaults hold.",
            search_aliases=["guidance", "cfg", "steps", "quality", "sampler", "vasa sampling"],
            inputs=[
                io.Int.Input(
                    "steps", default=MotionModel.sampling.steps, min=1, max=200, step=1,
                    tooltip="Denoising steps per two seconds of motion. More is slower and changes little beyond 20.",
                ),
                io.Float.Input(
                    "cfg_audio", default=MotionModel.sampling.cfg_audio, min=0.0, max=5.0, step=0.05,
                    tooltip="How strongly the motion follows the voice. Higher is more distinct; too high makes "
                    "grimaces.",
                ),
                io.Float.Input(
                    "cfg_gaze", default=MotionModel.sampling.cfg_gaze, min=0.0, max=5.0, step=0.05,
                    tooltip="How strictly the gaze control is kept. 0 leaves the eyes freer.",
                ),
            ],
            outputs=[sockets.SAMPLING.Output("sampling", tooltip="For Generate Motion.")],
        )  # fmt: skip

    @classmethod
    def execute(cls, steps: int, cfg_audio: float, cfg_gaze: float) -> io.NodeOutput:
        """The options as the core takes them."""
        return io.NodeOutput(Sampling(steps=steps, cfg_audio=cfg_audio, cfg_gaze=cfg_gaze))


class GenerateMotion(io.ComfyNode):
    """Sound and controls to motion."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="VASA_GenerateMotion",
            display_name="Generate Motion",
            category=CATEGORY,
            description="Lips, head, eyes and brows for what is spoken. Another seed gives another performance.",
            search_aliases=["audio to motion", "lip sync", "talking head", "diffusion", "vasa generate"],
            inputs=[
                sockets.MOTION_MODEL.Input("motion_model", tooltip="The same model as in Audio Features."),
                sockets.FEATURES.Input(
                    "features", tooltip="What is spoken: from Audio Features. The motion will be as long."
                ),
                io.Int.Input(
                    "seed", default=0, min=0, max=0xFFFFFFFFFFFFFFFF, step=1, control_after_generate=True,
                    tooltip="The same seed gives the same motion on every machine.",
                ),
                sockets.CONTROLS.Input(
                    "controls", optional=True,
                    tooltip="Gaze, distance and emotion. Without it the eyes look at the camera.",
                ),
                sockets.SAMPLING.Input(
                    "sampling", optional=True, tooltip="Steps and guidance. Without it: the defaults."
                ),
            ],
            outputs=[
                sockets.MOTION.Output(
                    "motion", tooltip="Motion relative to any portrait, for Decode Frames, Render Video or Edit Motion."
                )
            ],
        )  # fmt: skip

    @classmethod
    def execute(
        cls,
        motion_model: host.PlacedMotionModel,
        features: AudioFeatures,
        seed: int,
        controls: Controls | None = None,
        sampling: Sampling | None = None,
    ) -> io.NodeOutput:
        """Sample window by window; noise comes from a CPU generator of this seed."""
        model = motion_model.ready(DENOISE_MEMORY)
        generator = torch.Generator().manual_seed(seed)
        progress = host.Progress()

        def show(so_far: Motion) -> None:
            if progress.due():
                progress.show(plot_motion(so_far))

        motion = generate(model, features, controls or Controls(), sampling or Sampling(), generator, progress, show)
        progress.show(plot_motion(motion), last=True)
        return io.NodeOutput(replace(motion, origin=made_with({"motion": motion_model.source}, seed)))
