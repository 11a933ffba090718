"""Nodes for the tests only: payloads that are awkward to make by clicking, and a reporter of what a wire carries."""

import json
from dataclasses import replace

import numpy as np
import torch

from .core_models import CoreModels


class Report:
    """Say what arrived: type, shape, range."""

    CATEGORY, FUNCTION, RETURN_TYPES, OUTPUT_NODE = "test", "report", (), True

    @classmethod
    def INPUT_TYPES(cls):
        return {"required": {"value": ("*",)}}

    @classmethod
    def VALIDATE_INPUTS(cls, input_types):
        return True

    def report(self, value):
        return {"ui": {"text": [json.dumps(describe(value))]}}


def describe(value):
    if isinstance(value, torch.Tensor):
        low, high = value.min().item(), value.max().item()
        mean, change = value.float().mean().item(), value.float().diff(dim=0).abs().mean().item()
        facts = {"low": low, "high": high, "mean": mean, "change": change if len(value) > 1 else 0.0}
        return {"shape": list(value.shape), "dtype": str(value.dtype), "device": str(value.device), **facts}
    if hasattr(value, "get_components"):
        shape = [*value.get_dimensions(), value.get_frame_count()]
        return {"shape": shape, "rate": float(value.get_frame_rate()), "seconds": float(value.get_duration())}
    if hasattr(value, "dynamics"):
        whole = value.joined().double()
        facts = {"sum": whole.sum().item(), "squares": whole.square().sum().item(), "frames": len(value)}
        return {"fps": value.fps, "space": value.space.name, "pose": value.pose.mean(0).tolist(), **facts}
    if isinstance(value, dict) and "waveform" in value:
        return {"shape": list(value["waveform"].shape), "rate": value["sample_rate"]}
    if hasattr(value, "gaze"):
        lanes = {lane: getattr(value, lane) for lane in ("gaze", "distance", "emotion")}
        parts = {lane: curve and curve_parts(curve) for lane, curve in lanes.items()}
        return {"text": str(value), "curves": parts}
    return {"text": str(value)}


def curve_parts(curve):
    return {"times": curve.times.tolist(), "values": curve.values.tolist(), "ease": curve.ease}


class NoAudio:
    """AUDIO that is None, as from a video without sound."""

    CATEGORY, FUNCTION, RETURN_TYPES = "test", "make", ("AUDIO",)

    @classmethod
    def INPUT_TYPES(cls):
        return {"required": {}}

    def make(self):
        return (None,)


class BrokenAudio:
    """AUDIO whose samples are not numbers, or empty."""

    CATEGORY, FUNCTION, RETURN_TYPES = "test", "make", ("AUDIO",)

    @classmethod
    def INPUT_TYPES(cls):
        return {"required": {"kind": (["nan", "empty", "batch"],)}}

    def make(self, kind):
        waveform = torch.zeros(2 if kind == "batch" else 1, 1, 0 if kind == "empty" else 16000)
        waveform[..., 100:200] = float("nan") if kind == "nan" else 0.0
        return ({"waveform": waveform, "sample_rate": 16000},)


class Picture:
    """The same picture in an awkward form."""

    CATEGORY, FUNCTION, RETURN_TYPES = "test", "make", ("IMAGE",)

    @classmethod
    def INPUT_TYPES(cls):
        return {"required": {"image": ("IMAGE",), "kind": (["rgba", "grey", "batch", "odd", "large", "tiny"],)}}

    def make(self, image, kind):
        if kind == "rgba":
            return (torch.cat([image, image.new_full((*image.shape[:3], 1), 0.5)], dim=-1),)
        if kind == "grey":
            return (image.mean(-1, keepdim=True),)
        if kind == "batch":
            return (image.repeat(3, 1, 1, 1),)
        size = {"odd": (401, 379), "large": (3000, 3000), "tiny": (24, 24)}[kind]
        return (torch.nn.functional.interpolate(image.movedim(-1, 1), size, mode="area").movedim(1, -1),)


class Landmarks:
    """FACE_LANDMARKS as ComfyUI's MediaPipe nodes make them, for `frames` frames of a still portrait that talks."""

    CATEGORY, FUNCTION, RETURN_TYPES = "test", "make", ("FACE_LANDMARKS", "BOUNDING_BOX")

    @classmethod
    def INPUT_TYPES(cls):
        return {
            "required": {
                "portrait": ("VASA_PORTRAIT",),
                "frames": ("INT", {"default": 1, "min": 0, "max": 100}),
                "faces": ("INT", {"default": 1, "min": 0, "max": 2}),
            }
        }

    def make(self, portrait, frames, faces):
        crop = portrait.crop
        scale = 1.0 / crop.crop_from_image[0, 0].item()
        to_picture = torch.linalg.inv(crop.crop_from_image)
        flat = crop.landmarks[:, :2] @ to_picture[:2, :2].mT + to_picture[:2, 2]
        low, high = flat.min(0).values, flat.max(0).values
        canonical = torch.cat([(flat - low) * 192 / (high - low).max(), crop.landmarks[:, 2:] * scale * 192], 1)
        face = {
            "bbox_xyxy": torch.cat([low, high]).numpy().astype(np.float32),
            "landmarks_xy": flat.numpy().astype(np.float32),
            "landmarks_3d": canonical.numpy().astype(np.float32),
            "presence": 0.99,
            "score": 0.9,
        }
        payload = {"frames": [], "image_size": tuple(crop.image_size), "connection_sets": {}}
        for k in range(frames):
            matrix = np.eye(4, dtype=np.float32)
            matrix[:3, 3] = (0.0, 0.0, -40.0)
            shapes = {name: 0.0 for name in shape_names(portrait)} | {"jawOpen": 0.5 - 0.5 * np.cos(k / 4)}
            payload["frames"].append([{**face, "blendshapes": shapes, "transformation_matrix": matrix}] * faces)
        box = {
            "x": low[0].item(),
            "y": low[1].item(),
            "width": (high - low)[0].item(),
            "height": (high - low)[1].item(),
        }
        return (payload, [[box] * faces] * frames)


def shape_names(portrait):
    """ARKit's names, from the pack that made the portrait."""
    import importlib

    package = type(portrait).__module__.split(".vasa_core.")[0]
    return importlib.import_module(f"{package}.vasa_core.arkit").NAMES


class EncoderOutput:
    """What ComfyUI's AudioEncoderEncode gives for a Wav2Vec2 of the base size."""

    CATEGORY, FUNCTION, RETURN_TYPES = "test", "make", ("AUDIO_ENCODER_OUTPUT",)

    @classmethod
    def INPUT_TYPES(cls):
        return {"required": {"seconds": ("FLOAT", {"default": 1.0})}}

    def make(self, seconds):
        samples = round(seconds * 16000)
        layers = tuple(torch.randn(1, (samples - 400) // 320 + 1, 768) for _ in range(13))
        return ({"encoded_audio": layers[-1], "encoded_audio_all_layers": layers, "audio_samples": samples},)


class OtherSpace:
    """The same motion, said to be of a space that no model here knows."""

    CATEGORY, FUNCTION, RETURN_TYPES = "test", "make", ("VASA_MOTION",)

    @classmethod
    def INPUT_TYPES(cls):
        return {"required": {"motion": ("VASA_MOTION",)}}

    def make(self, motion):
        return (replace(motion, space=replace(motion.space, name="elsewhere")),)


class SmallMotion:
    """A motion of a turning head that opens its mouth and blinks once, or one of a space without names."""

    CATEGORY, FUNCTION, RETURN_TYPES = "test", "make", ("VASA_MOTION",)

    @classmethod
    def INPUT_TYPES(cls):
        return {"required": {"frames": ("INT", {"default": 50}), "space": (["arkit", "codes"],)}}

    def make(self, frames, space):
        import sys

        types, arkit = (
            next(module for name, module in sys.modules.items() if name.endswith(f"vasa_core.{end}"))
            for end in ("types", "arkit")
        )
        time = torch.linspace(0.0, 1.0, max(frames, 1))[:frames]
        pose, dynamics = torch.zeros(frames, 6), torch.zeros(frames, 52)
        pose[:, 1] = 0.4 * time - 0.2
        if space == "codes":
            return (types.Motion(pose, time[:, None] * torch.arange(12.0), 25.0, types.MotionSpace("codes", 12)),)
        dynamics[:, arkit.INDEX["jawOpen"]] = 0.5 - 0.5 * torch.cos(25 * time)
        for side in ("Left", "Right"):
            dynamics[frames // 2 : frames // 2 + 3, arkit.INDEX[f"eyeBlink{side}"]] = 1.0
        return (types.Motion(pose, dynamics, 25.0, arkit.ARKIT),)


class ReleasedModels:
    """Put a small model into the pack's table of released models, for Download Models."""

    CATEGORY, FUNCTION, RETURN_TYPES, OUTPUT_NODE = "test", "add", (), True

    @classmethod
    def INPUT_TYPES(cls):
        return {"required": {"size": ("INT", {"default": 1}), "sha256": ("STRING", {"default": ""})}}

    @classmethod
    def IS_CHANGED(cls, **_):
        return float("nan")

    def add(self, size, sha256):
        import sys

        (name,) = (name for name in sys.modules if name.endswith("vasa_core.weights.registry"))
        registry = sys.modules[name]
        file = registry.ReleasedFile(
            "someone/model", "0123456789abcdef0123456789abcdef01234567", "model.pth", size, sha256
        )
        whole = replace(registry.LIVEPORTRAIT, name="small", title="The small model", folder="joyvasa", files=(file,))
        registry.MODELS["small"] = whole
        return {}


class WidgetValues:
    """One value of each of the pack's own widgets, as a node that drives their sockets would send it."""

    CATEGORY, FUNCTION = "test", "make"
    RETURN_TYPES = ("VASA_GAZE", "VASA_DISTANCE", "VASA_EMOTION", "VASA_TIMELINE")

    @classmethod
    def INPUT_TYPES(cls):
        return {"required": {}}

    def make(self):
        gaze, emotion = {"version": 1, "yaw": 9.0, "pitch": -3.0}, {"version": 1, "fear": 0.25}
        timeline = {"version": 1, "distance": {"ease": "step", "keys": [{"t": 0.5, "distance": 1.5}]}}
        return (gaze, {"version": 1, "distance": 1.25}, emotion, timeline)


NODE_CLASS_MAPPINGS = {
    "TestCoreModels": CoreModels,
    "TestWidgetValues": WidgetValues,
    "TestReleasedModels": ReleasedModels,
    "TestReport": Report,
    "TestNoAudio": NoAudio,
    "TestBrokenAudio": BrokenAudio,
    "TestPicture": Picture,
    "TestLandmarks": Landmarks,
    "TestEncoderOutput": EncoderOutput,
    "TestOtherSpace": OtherSpace,
    "TestMotion": SmallMotion,
}
