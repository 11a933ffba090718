"""A face network and a motion model of one's own, put into models/vasa: they appear in the menus and do all that the
models of this pack do. Most of these networks are tiny and hardly trained; the pictures are meaningless, the way there
is not. The last test takes two that were trained."""

from __future__ import annotations

import json
import shutil
import wave
from pathlib import Path

import av
import pytest
import torch
from PIL import Image

from tests.faces.vasa_kit import lively_network
from tests.nodes.live_server import CLIP_SECONDS, node
from vasa_core.faces.vasa.codes import resized
from vasa_core.faces.vasa.files import load_face_network, save_face_network
from vasa_core.motion.model import MotionModel, save_motion_model
from vasa_core.train.procedural_head import DYNAMICS, SPACE
from vasa_core.train.synthetic import SyntheticHeads
from vasa_core.train.talkers import SyntheticTalkers
from vasa_core.types import Motion

FACE, OTHER, MOTION = "my_face.safetensors", "another_face.safetensors", "my_motion.safetensors"


@pytest.fixture(scope="module")
def space(live):
    """Puts two faces, and a motion model of the first one's space, where ComfyUI looks for them."""
    folder = live.base / "models" / "vasa"
    folder.mkdir(exist_ok=True)
    for seed, name in enumerate((FACE, OTHER)):
        save_face_network(folder / name, lively_network(seed), steps=1)
    space = load_face_network(folder / FACE).space
    torch.manual_seed(0)
    model = MotionModel(space, "log-mel", 320, "tiny")
    with torch.no_grad():
        for weights in model.denoiser.parameters():
            if not weights.any():  # a model that starts training predicts the mean, whatever is asked
                weights.normal_(0, 0.02)
    save_motion_model(folder / MOTION, model)
    yield space
    for name in (FACE, OTHER, MOTION):
        (folder / name).unlink()


@pytest.fixture
def mine(talking, space):
    """The prompt of the shortest talking portrait, with models of one's own; arguments as of `talking`."""

    def build(**changes: dict) -> dict:
        own = {
            "face": node("VASA_LoadFaceModel", name=FACE),
            "motion_model": node("VASA_LoadMotionModel", name=MOTION),
        }
        return talking(**(own | changes))

    return build


def report(run, prompt: dict, wire: str) -> dict:
    """What a wire carries, without a video being made."""
    needed = {name: part for name, part in prompt.items() if name not in ("video", "save")}
    done = run(needed | {"report": node("TestReport", value=[wire, 0])})
    assert done.ending.type == "execution_success", done.ending
    return json.loads(done.outputs["report"]["text"][0])


def test_they_are_in_the_menus(live, space):
    for kind, name in (("Face", FACE), ("Motion", MOTION)):
        told = live.get(f"/object_info/VASA_Load{kind}Model")[f"VASA_Load{kind}Model"]["input"]["required"]["name"]
        assert name in (told[1]["options"] if isinstance(told[0], str) else told[0])


def test_a_portrait_talks_with_them(run, mine):
    done = run(mine())
    assert done.ending.type == "execution_success", done.ending
    with av.open(str(done.files[0])) as film:
        picture = film.streams.video[0]
        assert (picture.width, picture.height) == (512, 512)
        assert abs(picture.frames / 25 - CLIP_SECONDS) <= 1 / 25
        assert FACE.split(".")[0] in str(dict(film.metadata))


def test_every_control_moves_their_motion(run, mine, space):
    plain = report(run, mine(), "motion")
    assert plain["space"] == space.name and plain["frames"] == round(CLIP_SECONDS * 25)
    controls = {
        "VASA_Gaze": {"gaze": "keyframes", "gaze.keyframes": "0: 15, 0"},
        "VASA_HeadDistance": {"distance": "keyframes", "distance.keyframes": "0: 1.3"},
        "VASA_Emotion": {"emotion": "keyframes", "emotion.keyframes": "0: anger 0.8"},
    }
    for name, control in controls.items():
        prompt = mine() | {"control": node(name, **control)}
        prompt["motion"]["inputs"]["controls"] = ["control", 0]
        asked = report(run, prompt, "motion")
        assert abs(asked["squares"] - plain["squares"]) > 1e-6 * plain["squares"], name


@pytest.mark.parametrize(
    "edit",
    [
        {"edit": "scale", "edit.pose": 0.0, "edit.face": 1.5},
        {"edit": "freeze", "edit.time": 0.2, "edit.part": "face"},
        {"edit": "pose of this, face of other", "edit.other": ["motion", 0]},
        {"edit": "frame rate", "edit.fps": 5.0},
    ],
)
def test_pose_tools_take_their_motion(run, mine, edit):
    prompt = mine() | {"edited": node("VASA_EditMotion", motion=["motion", 0], **edit)}
    prompt |= {"few": node("VASA_EditMotion", motion=["edited", 0], **{"edit": "frame rate", "edit.fps": 5.0})}
    prompt["video"]["inputs"]["motion"] = ["few", 0]
    assert run(prompt).ending.type == "execution_success"


def test_a_film_drives_their_face(run, mine, space):
    prompt = {name: part for name, part in mine().items() if name in ("face", "picture", "portrait")}
    prompt |= {
        "film": node("LoadVideo", file="vasa_driving.mp4"),
        "parts": node("GetVideoComponents", video=["film", 0]),
        "some": node("ImageFromBatch", image=["parts", 0], batch_index=0, length=6),
        "motion": node("VASA_MotionFromVideo", images=["some", 0], fps=25.0, face_model=["face", 0]),
        "frames": node(
            "VASA_DecodeFrames", face_model=["face", 0], portrait=["portrait", 0], motion=["motion", 0]
        ),
    }  # fmt: skip
    assert report(run, prompt, "motion")["space"] == space.name
    assert report(run, prompt, "frames")["shape"] == [6, 512, 512, 3]


def test_motion_of_another_space_is_refused(run, mine, space):
    other = run(mine(face=node("VASA_LoadFaceModel", name=OTHER)))
    assert space.name in other.error and "one space" in other.error
    starter = run(mine(motion_model=node("VASA_LoadMotionModel", name="starter")))
    assert "'arkit'" in starter.error and space.name in starter.error


def test_a_file_of_the_wrong_kind_is_named(run, mine):
    wrong = run(mine(face=node("VASA_LoadFaceModel", name=MOTION)))
    assert MOTION in wrong.error and "vasa-face-1" in wrong.error


def test_a_trained_pair_moves_lips_with_a_voice(live, run, talking, tmp_path):
    """On a head and to a voice that neither was trained on. See tests/train/test_trained_mini.py for what they are."""
    stranger, trained = 2003, Path(__file__).parents[1] / "train"
    names = {"face": "trained_mini.safetensors", "motion": "trained_mini_motion.safetensors"}
    folder = live.base / "models" / "vasa"
    folder.mkdir(exist_ok=True)
    for name in names.values():
        shutil.copyfile(trained / name, folder / name)
    talkers = SyntheticTalkers(tmp_path, 0, 64, seconds=4.0)
    take, voice = talkers.take(f"{stranger:05d}-000"), talkers.clip(f"{stranger:05d}-000").audio
    calm = Motion(torch.zeros(1, 6), torch.zeros(1, len(DYNAMICS)), 25.0, SPACE)
    head = SyntheticHeads(1, 384, first=stranger).show(0, calm)[0]
    Image.fromarray((255 * head).round().byte().permute(1, 2, 0).numpy()).save(live.base / "input" / "stranger.png")
    with wave.open(str(live.base / "input" / "stranger.wav"), "wb") as file:
        file.setparams((1, 2, voice.rate, 0, "NONE", ""))
        file.writeframes((32767 * voice.samples).round().short().numpy().tobytes())
    done = run(
        talking(
            face=node("VASA_LoadFaceModel", name=names["face"]),
            motion_model=node("VASA_LoadMotionModel", name=names["motion"]),
            picture=node("LoadImage", image="stranger.png"),
            sound=node("LoadAudio", audio="stranger.wav"),
        )
    )
    for name in names.values():
        (folder / name).unlink()
    assert done.ending.type == "execution_success", done.ending
    with av.open(str(done.files[0])) as film:
        frames = [torch.from_numpy(f.to_ndarray(format="rgb24")).permute(2, 0, 1) / 255 for f in film.decode(video=0)]
    network = load_face_network(trained / names["face"]).network
    codes = network.read_motion(resized(torch.stack(frames), network.preset.size))[1]
    lips = torch.linalg.svd(codes - codes.mean(0), full_matrices=False).U[:, 0]  # what varies most
    jaw = take.motion.dynamics[: len(frames), DYNAMICS.index("jaw")]
    assert abs(float(torch.corrcoef(torch.stack([lips, jaw]))[0, 1])) > 0.6
