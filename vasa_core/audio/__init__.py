"""Sound to features at the motion frame rate. `AUDIO_ENCODERS` is the table of encoders that need no file from outside.

A motion model names the encoder that it was trained with; features of another are refused when motion is generated.
"""

from pathlib import Path

from torch import nn

from ..errors import BadInput, WeightsError
from ..weights import checkpoint
from .mel_encoder import LogMelEncoder
from .phonetic import load_phonetic_encoder
from .wav2vec2 import load_wav2vec2

AUDIO_ENCODERS = {"phonetic": load_phonetic_encoder, "log-mel": LogMelEncoder}


def load_audio_encoder(name_or_path: str | Path) -> nn.Module:
    """An AudioEncoder by its name in AUDIO_ENCODERS, or a Wav2Vec2 from the path of a safetensors file.

    Raises BadInput for an unknown name, WeightsError for a file that does not fit.
    """
    if name_or_path in AUDIO_ENCODERS:
        return AUDIO_ENCODERS[name_or_path]()
    if Path(name_or_path).suffix in (".safetensors", ".sft"):
        return load_wav2vec2(name_or_path)
    known = ", ".join(AUDIO_ENCODERS)
    raise BadInput(
        f"There is no audio encoder '{name_or_path}'. Use {known}, or the path of a Wav2Vec2 .safetensors file."
    )


def weights_of(encoder: nn.Module) -> str:
    """What tells the weights of an audio encoder from others under its name: the first digits of their hash."""
    return checkpoint.content_hash({name: value.cpu() for name, value in encoder.state_dict().items()})[:8]


def load_trained_with(name_or_path: str | Path, weights: str) -> nn.Module:
    """An audio encoder for a model that was trained with these `weights` of it; '' where that is not known.

    Raises what load_audio_encoder does, and WeightsError for other weights.
    """
    encoder = load_audio_encoder(name_or_path)
    if weights and weights_of(encoder) != weights:
        raise WeightsError(
            f"This model was trained on what '{Path(name_or_path).name}' heard with the weights {weights}, not with "
            f"these ({weights_of(encoder)}). Use the audio encoder that it was trained with, or train it again."
        )
    return encoder
