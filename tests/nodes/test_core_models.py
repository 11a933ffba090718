"""With ComfyUI's own networks in the graph, by its own loaders: audio encoder, MediaPipe face landmarks, frame
interpolation. Their weights are random or made up (tests download nothing); the nodes, types and numbers are theirs."""

from __future__ import annotations

import json

import av
import pytest
import torch

from tests.nodes.live_server import node
from vasa_core.arkit import ARKIT
from vasa_core.motion.model import MotionModel, save_motion_model

HEARS = "hears_wav2vec2.safetensors"
NAME = "random.safetensors"


@pytest.fixture(scope="module")
def models(live, run, talking):
    """Weights where ComfyUI's loaders look for them, and a motion model for features of its audio encoder."""
    prompt = {name: part for name, part in talking().items() if name in ("face", "picture", "portrait")}
    made = run(prompt | {"write": node("TestCoreModels", portrait=["portrait", 0])})
    assert made.ending.type == "execution_success", made.ending
    torch.manual_seed(0)
    path = live.base / "models" / "vasa" / HEARS
    path.parent.mkdir(exist_ok=True)
    save_motion_model(path, MotionModel(ARKIT, "wav2vec2-768", 768, "tiny"))
    yield
    path.unlink()
    for folder in ("audio_encoders", "frame_interpolation", "detection"):
        (live.base / "models" / folder / NAME).unlink()


def hearing(talking, layer: int = -1) -> dict:
    """A talking portrait that hears with ComfyUI's audio encoder, trimmed sound included."""
    return talking(
        motion_model=node("VASA_LoadMotionModel", name=HEARS),
        trimmed=node("TrimAudioDuration", audio=["sound", 0], start_index=0.0, duration=1.0),
        loader=node("AudioEncoderLoader", audio_encoder_name=NAME),
        heard=node("AudioEncoderEncode", audio_encoder=["loader", 0], audio=["trimmed", 0]),
        features=node(
            "VASA_AudioFeatures", motion_model=["motion_model", 0], audio_encoder_output=["heard", 0], layer=layer
        ),
    )


def test_a_portrait_talks_by_comfyuis_audio_encoder(run, talking, models):
    done = run(hearing(talking))
    assert done.ending.type == "execution_success", done.ending
    with av.open(str(done.files[0])) as film:
        assert film.streams.video[0].frames == 25


def test_a_layer_that_is_not_there_is_named(run, talking, models):
    message = run(hearing(talking, layer=20)).error
    assert "'audio_encoder_output'" in message and "0 to 12, no 20" in message and message.endswith(".")


def test_frames_are_interpolated_and_become_a_video_again(run, talking, models):
    prompt = talking(
        few=node("VASA_EditMotion", motion=["motion", 0], **{"edit": "trim", "edit.start": 0.0, "edit.end": 0.12}),
        frames=node("VASA_DecodeFrames", face_model=["face", 0], portrait=["portrait", 0], motion=["few", 0]),
        loader=node("FrameInterpolationModelLoader", model_name=NAME),
        more=node("FrameInterpolate", interp_model=["loader", 0], images=["frames", 0], multiplier=2),
        whole=node(
            "VASA_PasteIntoPicture", images=["more", 0], picture=["picture", 0], portrait=["portrait", 0], feather=0.06
        ),
        film=node("CreateVideo", images=["whole", 0], fps=50.0, audio=["sound", 0]),
        report=node("TestReport", value=["film", 0]),
    )
    del prompt["save"]
    done = run(prompt)
    assert done.ending.type == "execution_success", done.ending
    told = json.loads(done.outputs["report"]["text"][0])
    assert told["shape"] == [512, 512, 5] and told["rate"] == 50.0


def test_what_comfyuis_mediapipe_finds_serves_as_portrait_and_as_motion(run, talking, models):
    prompt = {name: part for name, part in talking().items() if name in ("face", "picture", "portrait")}
    detect = {"face_detection_model": ["loader", 0], "detector_variant": "short", "num_faces": 1}
    detect |= {"min_confidence": 0.5, "missing_frame_fallback": "empty"}
    encode = {"face_model": ["face", 0], "image": ["picture", 0], "face_index": 0}
    prompt |= {
        "loader": node("LoadMediaPipeFaceLandmarker", model_name=NAME),
        "found": node("MediaPipeFaceLandmarker", image=["picture", 0], **detect),
        "film": node("RepeatImageBatch", image=["picture", 0], amount=4),
        "filmed": node("MediaPipeFaceLandmarker", image=["film", 0], **detect),
        "by landmarks": node("VASA_EncodePortrait", **encode, face_landmarks=["found", 0]),
        "by box": node("VASA_EncodePortrait", **encode, bounding_box=["found", 1]),
        "motion": node("VASA_MotionFromFaceLandmarks", face_landmarks=["filmed", 0], fps=25.0),
    }
    slots = {"portrait": 1, "by landmarks": 1, "by box": 1, "motion": 0}
    prompt |= {f"report {name}": node("TestReport", value=[name, slot]) for name, slot in slots.items()}
    done = run(prompt)
    assert done.ending.type == "execution_success", done.ending
    told = {name: json.loads(done.outputs[f"report {name}"]["text"][0]) for name in slots}
    for name in ("by landmarks", "by box"):
        assert told[name]["mean"] == pytest.approx(told["portrait"]["mean"], abs=0.03), name
    assert told["motion"]["frames"] == 4 and told["motion"]["space"] == "arkit"
    assert max(abs(angle) for angle in told["motion"]["pose"]) < 1e-3  # a still picture
