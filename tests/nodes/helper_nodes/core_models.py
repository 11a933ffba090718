"""Weights for ComfyUI's own loaders: small or random networks of its own classes, whose nodes then run as they are."""

from __future__ import annotations

import sys
from pathlib import Path

import comfy.ops
import folder_paths
import torch
from comfy.audio_encoders.wav2vec2 import Wav2Vec2Model
from comfy_extras.frame_interpolation_models.ifnet import IFNet
from comfy_extras.mediapipe.face_landmarker import FaceLandmarker
from safetensors.torch import save_file

BASE = {"conv_norm": False, "conv_bias": False, "do_normalize": False, "do_stable_layer_norm": False}
PLAIN = comfy.ops.disable_weight_init
PARTS = ("face_oval", "left_eye", "right_eye", "left_eyebrow", "right_eyebrow", "lips", "irises", "nose")
CROP = 192  # pixels of the picture in which ComfyUI's face mesh sees a face, one and a half times the found box


class CoreModels:
    """Write a Wav2Vec2 base, a frame interpolation network, and a MediaPipe whose detector is real, and whose mesh
    network sees the face of `portrait` in whatever the detector finds."""

    CATEGORY, FUNCTION, RETURN_TYPES, OUTPUT_NODE = "test", "write", (), True

    @classmethod
    def INPUT_TYPES(cls):
        return {"required": {"portrait": ("VASA_PORTRAIT",)}}

    def write(self, portrait):
        torch.manual_seed(0)
        hearing = Wav2Vec2Model(embed_dim=768, num_heads=12, num_layers=12, operations=PLAIN, **BASE)
        keep(hearing, "audio_encoders", dtype=torch.float16)  # 190 MB
        keep(IFNet(channels=(16,) * 5), "frame_interpolation")
        keep(FaceLandmarker(), "detection", mediapipe(portrait.crop.landmarks))
        return {}


def keep(network, folder, more=None, dtype=torch.float32):
    """Small random weights, or those of `more` where it has them, in a models folder as random.safetensors."""
    tensors = {}
    for name, tensor in network.state_dict().items():
        norm = "norm" in name and name.endswith("weight")
        tensors[name] = (torch.ones(tensor.shape) if norm else torch.randn(tensor.shape).mul_(0.05)).to(dtype)
    if more is not None:
        tensors = {name.replace("detector.", "detector_short."): tensor for name, tensor in tensors.items()} | more
    path = Path(folder_paths.get_folder_paths(folder)[0], "random.safetensors")
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, path)


def mediapipe(landmarks):
    """The detector's weights, which this pack has under other names, in their order; a mesh network of biases only."""
    load = next(module for name, module in sys.modules.items() if name.endswith("vasa_core.vision.model")).load_vision
    ours, theirs = load().near.state_dict(), FaceLandmarker().detector.state_dict()
    tensors = {f"detector_short.{name}": t for name, t in zip(theirs, ours.values(), strict=True)}
    assert all(tensors[f"detector_short.{name}"].shape == tensor.shape for name, tensor in theirs.items())
    low, high = landmarks[:, :2].min(0).values, landmarks[:, :2].max(0).values
    unit = CROP / 1.5 / (high - low).max()
    middle = torch.cat([(low + high) / 2, torch.zeros(1)])
    seen = (landmarks - middle) * unit + torch.tensor([CROP / 2, CROP / 2, 0.0])  # (478, 3)
    tensors |= {
        "mesh.head_landmarks.weight": torch.zeros(478 * 3, 8, 3, 3),
        "mesh.head_landmarks.bias": seen.flatten(),
        "mesh.head_presence.weight": torch.zeros(1, 8, 3, 3),
        "mesh.head_presence.bias": torch.full((1,), 10.0),
        "canonical_vertices": (landmarks - middle) * torch.tensor([1.0, -1.0, -1.0]) * 20 / (high - low).max(),
        "procrustes_indices": torch.arange(0, 468, 9, dtype=torch.int32),
        "procrustes_weights": torch.ones(52),
    }
    return tensors | {f"topology.{part}": torch.tensor([[0, 1]], dtype=torch.int32) for part in PARTS}
