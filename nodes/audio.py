"""Sound to features at the motion's frame rate."""

from __future__ import annotations

from comfy_api.latest import io

from ..vasa_core.audio.align import frame_count
from ..vasa_core.audio.resample import SPEECH_RATE
from ..vasa_core.audio.wav2vec2 import features_from_encoder_output
from ..vasa_core.errors import BadAudio
from . import host, sockets

HEARING_MEMORY = 512 << 20  # bytes, with room: JoyVASA's HuBERT hears four seconds at a time


class AudioFeatures(io.ComfyNode):
    """What the motion model hears."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="VASA_AudioFeatures",
            display_name="Audio Features",
            category="VASA/motion",
            description="Listens to speech for a motion model: what is said and how, frame by frame.",
            search_aliases=["speech", "voice", "phonemes", "visemes", "wav2vec2", "lip sync", "vasa audio"],
            inputs=[
                sockets.MOTION_MODEL.Input(
                    "motion_model", tooltip="The motion model that will get these features: from Load Motion Model."
                ),
                io.Audio.Input(
                    "audio", optional=True,
                    tooltip="The speech, at least 0.3 seconds. The motion will be exactly as long as this sound.",
                ),
                io.AudioEncoderOutput.Input(
                    "audio_encoder_output", optional=True,
                    tooltip="Only for motion models trained on Wav2Vec2: from ComfyUI's Audio Encoder Encode.",
                ),
                io.Int.Input(
                    "layer", default=-1, min=-1, max=24, step=1, advanced=True,
                    tooltip="Layer of audio_encoder_output that the motion model was trained on; -1 is the last.",
                ),
            ],
            outputs=[sockets.FEATURES.Output("features", tooltip="For Generate Motion.")],
        )  # fmt: skip

    @classmethod
    def execute(
        cls,
        motion_model: host.PlacedMotionModel,
        layer: int,
        audio: dict | None = None,
        audio_encoder_output: dict | None = None,
    ) -> io.NodeOutput:
        """Exactly one row of features per frame of the motion to come."""
        model = motion_model.about()
        if audio_encoder_output is not None:
            samples = audio_encoder_output["audio_samples"]
            frames = frame_count(samples / SPEECH_RATE, model.fps)
            layers = audio_encoder_output["encoded_audio_all_layers"]
            with host.named_input("audio_encoder_output"):
                features = features_from_encoder_output(layers, samples, frames, model.fps, layer)
            return io.NodeOutput(host.to_cache(features))
        sound = sockets.audio_from_socket(audio)
        if motion_model.hearing is not None:
            encoder = motion_model.hearing.ready(HEARING_MEMORY)
        elif host.has_audio_encoder(model.encoder):
            encoder = host.audio_encoder(model.encoder, model.encoder_weights)
        else:
            raise BadAudio(
                f"The motion model hears with '{model.encoder}': connect ComfyUI's Audio Encoder Encode, with that "
                f"encoder, to the input 'audio_encoder_output'."
            )
        return io.NodeOutput(host.to_cache(encoder(sound, frame_count(sound.duration, model.fps), model.fps)))
