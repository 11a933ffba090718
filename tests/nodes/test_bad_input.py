"""Whatever goes wrong ends in one sentence or two that name the input and the cure; and the next run works."""

from __future__ import annotations

import re

import pytest

from tests.nodes.live_server import node
from tools.errors import ToolError


def plain(message: str) -> str:
    """The message, after checks that it is one for people."""
    assert "\n" not in message and len(message) < 400, message
    assert message.endswith("."), message
    assert not any(word in message for word in ("Traceback", "Tensor", "torch", "Error(")), message
    return message


@pytest.fixture(scope="module")
def encode(run):
    """A function that encodes a picture and returns the error."""

    def failing(image: dict, face_index: int = 0, **more) -> str:
        prompt = {
            "face": node("VASA_LoadFaceModel", name="mesh"),
            "picture": image,
            "astronaut": node("LoadImage", image="vasa_astronaut.png"),
            "portrait": node(
                "VASA_EncodePortrait", face_model=["face", 0], image=["picture", 0], face_index=face_index, **more
            ),
            "preview": node("PreviewImage", images=["portrait", 1]),
        }
        return plain(run(prompt).error)

    return failing


def test_no_face(encode):
    message = encode(node("LoadImage", image="no_face.png"))
    assert "'image'" in message and "No face" in message


def test_face_index_too_large(encode):
    message = encode(node("LoadImage", image="vasa_astronaut.png"), face_index=9)
    assert "'image'" in message and "9" in message


@pytest.mark.parametrize(("kind", "says"), [("batch", "3 pictures"), ("tiny", "face")])
def test_unusable_forms_of_a_picture(encode, kind, says):
    assert says in encode(node("TestPicture", image=["astronaut", 0], kind=kind))


@pytest.mark.parametrize("kind", ["rgba", "grey", "odd", "large"])
def test_awkward_pictures_that_work(run, kind):
    prompt = {
        "face": node("VASA_LoadFaceModel", name="mesh"),
        "astronaut": node("LoadImage", image="vasa_astronaut.png"),
        "picture": node("TestPicture", image=["astronaut", 0], kind=kind),
        "portrait": node("VASA_EncodePortrait", face_model=["face", 0], image=["picture", 0], face_index=0),
        "preview": node("PreviewImage", images=["portrait", 1]),
    }
    assert run(prompt).ending.type == "execution_success"


@pytest.mark.parametrize(
    ("sound", "says"),
    [
        (node("TestNoAudio"), "'audio'"),
        (node("LoadAudio", audio="too_short.wav"), "0.3"),
        (node("TestBrokenAudio", kind="nan"), "NaN"),
        (node("TestBrokenAudio", kind="empty"), "empty"),
        (node("TestBrokenAudio", kind="batch"), "2 sounds"),
    ],
)
def test_unusable_sound(run, talking, sound, says):
    message = plain(run(talking(sound=sound)).error)
    assert says in message and "'audio'" in message


def test_motion_of_another_space(run, talking):
    prompt = talking(other=node("TestOtherSpace", motion=["motion", 0]))
    prompt["video"]["inputs"]["motion"] = ["other", 0]
    message = plain(run(prompt).error)
    assert "'motion'" in message and "elsewhere" in message


def test_a_broken_weights_file(run, talking, live):
    folder = live.base / "models" / "vasa"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "broken.safetensors").write_bytes(b"\x10\x00\x00\x00\x00\x00\x00\x00not weights")
    message = plain(run(talking(motion_model=node("VASA_LoadMotionModel", name="broken.safetensors"))).error)
    assert "broken.safetensors" in message


def test_a_weights_file_that_is_gone_is_refused_before_anything_runs(run, talking):
    with pytest.raises(ToolError, match="never_there.safetensors"):
        run(talking(motion_model=node("VASA_LoadMotionModel", name="never_there.safetensors")))


@pytest.mark.parametrize("prefix", ["../escaped", "motion/../../escaped", "/escaped"])
def test_a_motion_is_saved_inside_the_output_folder_only(run, talking, live, prefix):
    prompt = talking()
    prompt["save"] = node("VASA_SaveMotion", motion=["motion", 0], filename_prefix=prefix, format="safetensors")
    message = plain(run(prompt).error)
    assert "'filename_prefix'" in message and "output folder" in message
    assert not list(live.base.glob("escaped*")) and not list(live.base.parent.glob("escaped*"))


@pytest.mark.parametrize(("file", "says"), [("../comfyui.log", "leads out"), ("not_there.csv", "not there")])
def test_a_motion_is_loaded_from_the_input_and_output_folders_only(run, file, says):
    prompt = {
        "motion": node("VASA_LoadMotion", file=file),
        "plot": node("VASA_MotionPlot", motion=["motion", 0]),
        "preview": node("PreviewImage", images=["plot", 0]),
    }
    with pytest.raises(ToolError, match=says):
        run(prompt)


@pytest.mark.parametrize("text", ["", "0: 1", "0: 1, 2\n0: 3, 4", "soon: 1, 2", "0: nan, 1"])
def test_keyframes_that_make_no_sense(run, talking, text):
    message = plain(run(talking(gaze=node("VASA_Gaze", **{"gaze": "keyframes", "gaze.keyframes": text}))).error)
    assert "keyframe" in message


@pytest.mark.parametrize(
    ("kind", "name", "more"),
    [
        ("VASA_Gaze", "gaze", {}),
        ("VASA_HeadDistance", "distance", {}),
        ("VASA_Emotion", "emotion", {}),
        ("VASA_EditMotion", "edit", {"motion": ["motion", 0]}),
        (
            "VASA_LivePortraitOptions",
            "mouth",
            {"lips": "own", "stitching": True, "multiplier": 1.0, "exact_rest": True},
        ),
    ],
)
def test_a_choice_that_there_is_not(run, kind, name, more):
    """Through the API; ComfyUI then leaves the input out."""
    more = more | ({"eyes": "as in the picture"} if name == "mouth" else {})
    prompt = {
        "motion": node("TestMotion", frames=3, space="arkit"),
        "chosen": node(kind, **more, **{name: "something else"}),
        "report": node("TestReport", value=["chosen", 0]),
    }
    message = plain(run(prompt).error)
    assert f"'{name}'" in message and "no such choice" in message


@pytest.mark.parametrize(
    ("curve", "says"),
    [({}, "no curve"), ("up", "no curve"), ({"points": [[0, 0], [1, 5]], "interpolation": "linear"}, "heights")],
)
def test_a_curve_that_is_none(run, curve, says):
    ends = {f"distance.{end}": {"version": 1, "distance": 1.0} for end in ("from", "to")}
    prompt = {
        "drawn": node(
            "VASA_HeadDistance", distance="curve", **ends, **{"distance.curve": curve, "distance.seconds": 2.0}
        ),
        "report": node("TestReport", value=["drawn", 0]),
    }
    message = plain(run(prompt).error)
    assert "'curve'" in message and says in message


def test_frames_that_are_not_of_the_face_are_not_pasted(run, talking):
    prompt = {name: part for name, part in talking().items() if name in ("face", "picture", "portrait")}
    size = {"width": 320, "height": 160, "upscale_method": "area", "crop": "disabled"}
    prompt |= {
        "wide": node("ImageScale", image=["picture", 0], **size),
        "pasted": node(
            "VASA_PasteIntoPicture", images=["wide", 0], picture=["picture", 0], portrait=["portrait", 0], feather=0.06
        ),
        "preview": node("PreviewImage", images=["pasted", 0]),
    }
    message = plain(run(prompt).error)
    assert "'images'" in message and "320x160" in message


def test_a_box_that_there_is_not(run, talking):
    prompt = {name: part for name, part in talking().items() if name in ("face", "picture", "portrait")}
    other = {"face_model": ["face", 0], "image": ["picture", 0], "bounding_box": ["found", 1], "face_index": 1}
    prompt |= {
        "found": node("TestLandmarks", portrait=["portrait", 0], frames=1, faces=1),
        "boxed": node("VASA_EncodePortrait", **other),
        "preview": node("PreviewImage", images=["boxed", 1]),
    }
    message = plain(run(prompt).error)
    assert "'bounding_box'" in message and "holds 1 boxes" in message


def test_a_label_in_letters_that_cannot_be_drawn(run, talking):
    prompt = talking()
    prompt["video"]["inputs"]["label"] = "AI生成"
    assert "'label'" in plain(run(prompt).error)


def test_emotions_that_make_one_in_the_sum(run, talking):
    """In 32 bits 0.27 + 0.66 + 0.07 is a little more."""
    prompt, before = {}, {}
    for name, strength in (("a", 0.27), ("b", 0.66), ("c", 0.07)):
        value = {"version": 1, "fear": strength}
        prompt[name] = node("VASA_Emotion", **{"emotion": "fixed", "emotion.value": value}, **before)
        before = {"controls": [name, 0]}
    done = run(prompt | {"report": node("TestReport", value=["c", 0])})
    assert done.ending.type == "execution_success", done.ending


def test_too_much_of_one_emotion(run, talking):
    strong = {"emotion": "fixed", "emotion.value": {"version": 1, "happiness": 0.9}}
    prompt = talking(gaze=node("VASA_Emotion", **strong, controls=["more", 0]), more=node("VASA_Emotion", **strong))
    message = plain(run(prompt).error)
    assert "'emotion'" in message and "happiness" in message


@pytest.mark.parametrize("text", ["0: joy 0.5", "0: happiness", "0 happiness 0.5", "0: happiness 0.5 0.6", "0: fear x"])
def test_keyframes_of_no_mixture(run, talking, text):
    prompt = talking(gaze=node("VASA_Emotion", **{"emotion": "keyframes", "emotion.keyframes": text}))
    assert "seconds: anger 0.5, surprise 0.2" in plain(run(prompt).error)


@pytest.mark.parametrize(
    ("value", "says"),
    [
        (None, "Required input is missing|needs a dict"),
        (12.5, "needs a dict"),
        ("yaw", "needs a dict"),
        ({}, "version None"),
        ({"version": 2, "yaw": 0, "pitch": 0}, "version 2"),
        ({"version": 1, "yaw": 3.0}, "number from -20 to 20 for 'pitch', not none"),
        ({"version": 1, "yaw": "3", "pitch": 0}, "for 'yaw', not '3'"),
        ({"version": 1, "yaw": True, "pitch": 0}, "for 'yaw', not True"),
        ({"version": 1, "yaw": 30.5, "pitch": 0}, "for 'yaw', not 30.5"),
        ({"version": 1, "yaw": 0, "pitch": 0, "roll": 2}, "'roll', which is none of: yaw, pitch"),
    ],
)
def test_a_gaze_that_is_none(run, talking, value, says):
    refused(run, talking(gaze=node("VASA_Gaze", **{"gaze": "fixed", "gaze.value": value})), "gaze.value", says)


@pytest.mark.parametrize(
    ("value", "says"),
    [
        ({"version": 1}, "for 'distance', not none"),
        ({"version": 1, "distance": 0}, "from 0.5 to 2 for 'distance', not 0"),
        ({"version": 1, "distance": 10**400}, "for 'distance', not 1000"),
        ({"version": 1, "distance": float("nan")}, "for 'distance', not nan"),
        ({"version": 1, "distance": [1.0]}, "for 'distance'"),
    ],
)
def test_a_distance_that_is_none(run, talking, value, says):
    prompt = talking(gaze=node("VASA_HeadDistance", **{"distance": "fixed", "distance.value": value}))
    refused(run, prompt, "distance.value", says)


@pytest.mark.parametrize(
    ("value", "says"),
    [
        ({"version": 1, "joy": 0.4}, "'joy', which is none of: anger, contempt"),
        ({"version": 1, "fear": -0.1}, "from 0 to 1 for 'fear', not -0.1"),
        ({"version": 1, "fear": None}, "for 'fear', not none"),
        ({"version": "1"}, "version '1'"),
    ],
)
def test_an_emotion_that_is_none(run, talking, value, says):
    prompt = talking(gaze=node("VASA_Emotion", **{"emotion": "fixed", "emotion.value": value}))
    refused(run, prompt, "emotion.value", says)


def refused(run, prompt: dict, name: str, says: str) -> None:
    """One sentence that names the input and holds what the regular expression `says`."""
    message = plain(run(prompt).error)
    assert f"'{name}'" in message and re.search(says, message), message


def test_neither_video_nor_images(run):
    prompt = {
        "motion": node("VASA_MotionFromVideo", fps=25.0),
        "plot": node("VASA_MotionPlot", motion=["motion", 0]),
        "preview": node("PreviewImage", images=["plot", 0]),
    }
    message = plain(run(prompt).error)
    assert "'video'" in message and "'images'" in message


def test_a_video_without_a_face(run):
    prompt = {
        "picture": node("LoadImage", image="no_face.png"),
        "film": node("RepeatImageBatch", image=["picture", 0], amount=5),
        "motion": node("VASA_MotionFromVideo", images=["film", 0], fps=25.0),
        "plot": node("VASA_MotionPlot", motion=["motion", 0]),
        "preview": node("PreviewImage", images=["plot", 0]),
    }
    message = plain(run(prompt).error)
    assert "'images'" in message and "face" in message.lower()


def test_another_picture_than_the_portraits(run, talking):
    prompt = talking(other=node("LoadImage", image="no_face.png"))
    prompt["video"]["inputs"]["picture"] = ["other", 0]
    message = plain(run(prompt).error)
    assert "'picture'" in message and "128x96" in message


@pytest.mark.parametrize(("frames", "faces"), [(0, 1), (3, 0)])
def test_face_landmarks_without_a_face(run, frames, faces):
    prompt = {
        "face": node("VASA_LoadFaceModel", name="mesh"),
        "picture": node("LoadImage", image="vasa_astronaut.png"),
        "portrait": node("VASA_EncodePortrait", face_model=["face", 0], image=["picture", 0], face_index=0),
        "landmarks": node("TestLandmarks", portrait=["portrait", 0], frames=frames, faces=faces),
        "motion": node("VASA_MotionFromFaceLandmarks", face_landmarks=["landmarks", 0], fps=25.0),
        "report": node("TestReport", value=["motion", 0]),
    }
    assert "'face_landmarks'" in plain(run(prompt).error)


def test_the_next_run_works(run, talking):
    assert run(talking()).ending.type == "execution_success"
