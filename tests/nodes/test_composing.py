"""The nodes among ComfyUI's own: images, masks, videos, sound, landmarks and files go in and out in native form."""

from __future__ import annotations

import json

import pytest

from tests.nodes.live_server import CLIP_SECONDS, node
from tests.nodes.values import looking

FRAMES = round(CLIP_SECONDS * 25)


@pytest.fixture(scope="module")
def reports(run, talking):
    """Run a talking portrait with more nodes; what each node id in `asked` puts out, as {id: facts}."""

    def ask(more: dict, **asked: list) -> dict:
        prompt = talking(**more)
        del prompt["save"]
        for name, link in asked.items():
            prompt[f"report {name}"] = node("TestReport", value=link)
        done = run(prompt)
        assert done.ending.type == "execution_success", done.ending
        return {name: json.loads(done.outputs[f"report {name}"]["text"][0]) for name in asked}

    return ask


SHORT = {"short": node("VASA_EditMotion", motion=["motion", 0], **{"edit": "trim", "edit.start": 0.2, "edit.end": 0.4})}
DECODED = SHORT | {
    "frames": node("VASA_DecodeFrames", face_model=["face", 0], portrait=["portrait", 0], motion=["short", 0])
}


def test_frames_and_masks_are_native(reports):
    facts = reports(DECODED, images=["frames", 0], masks=["frames", 1])
    assert facts["images"]["shape"] == [5, 512, 512, 3]
    assert facts["masks"]["shape"] == [5, 512, 512]
    for one in facts.values():
        assert one["dtype"] == "torch.float32" and one["device"] == "cpu"
        assert 0.0 <= one["low"] < one["high"] <= 1.0
    assert 0.2 < facts["masks"]["mean"] < 0.9  # a person, and what is behind
    assert facts["images"]["change"] > 1e-5  # it moves


def test_frames_become_a_native_video(reports):
    more = DECODED | {"film": node("CreateVideo", images=["frames", 0], fps=25.0, audio=["sound", 0])}
    facts = reports(more, film=["film", 0])
    assert facts["film"]["shape"] == [512, 512, 5]


def test_pasting_keeps_the_rest_of_the_picture(reports):
    small = {
        "half": node("ImageScale", image=["frames", 0], upscale_method="area", width=256, height=256, crop="disabled")
    }
    pasted = {
        name: node("VASA_PasteIntoPicture", images=[source, 0], picture=["picture", 0], portrait=["portrait", 0],
                   feather=0.06)
        for name, source in (("whole", "frames"), ("whole small", "half"))
    }  # fmt: skip
    facts = reports(DECODED | small | pasted, picture=["picture", 0], whole=["whole", 0], small=["whole small", 0])
    height, width = facts["picture"]["shape"][1:3]
    for one in (facts["whole"], facts["small"]):
        assert one["shape"] == [5, height, width, 3]
        assert abs(one["mean"] - facts["picture"]["mean"]) < 0.02


def test_a_rendered_video_comes_apart_again(reports):
    parts = {"parts": node("GetVideoComponents", video=["video", 0])}
    facts = reports(parts, video=["video", 0], images=["parts", 0], audio=["parts", 1], fps=["parts", 2])
    assert facts["video"]["shape"] == [512, 512, FRAMES]
    assert facts["images"]["shape"] == [FRAMES, 512, 512, 3]
    assert facts["fps"]["text"] == "25.0"
    assert abs(facts["audio"]["shape"][-1] / facts["audio"]["rate"] - CLIP_SECONDS) < 0.1


def test_the_whole_picture_can_be_rendered_at_another_rate(run, talking):
    prompt = talking()
    prompt["video"]["inputs"] |= {"picture": ["picture", 0], "fps": 30.0}
    prompt["report"] = node("TestReport", value=["video", 0])
    prompt["size"] = node("TestReport", value=["picture", 0])
    done = run(prompt)
    assert done.ending.type == "execution_success", done.ending
    video, picture = (json.loads(done.outputs[name]["text"][0]) for name in ("report", "size"))
    height, width = picture["shape"][1:3]
    assert video["shape"] == [width + width % 2, height + height % 2, round(CLIP_SECONDS * 30)]
    assert video["rate"] == 30.0


def test_trimmed_sound_makes_a_shorter_motion(reports):
    trimmed = {
        "trimmed": node("TrimAudioDuration", audio=["sound", 0], start_index=0.0, duration=0.6),
        "features": node("VASA_AudioFeatures", motion_model=["motion_model", 0], audio=["trimmed", 0], layer=-1),
    }
    assert reports(trimmed, motion=["motion", 0])["motion"]["frames"] == 15


def test_gaze_as_curve_keyframes_and_constant_agree(reports):
    ways = {
        "fixed": looking(9.0, -3.0),
        "keyframes": {"gaze": "keyframes", "gaze.keyframes": "0: 9, -3\n1: 9, -3"},
        "curve": {
            "gaze": "curve", "gaze.from": looking(9.0, -3.0)["gaze.value"], "gaze.to": looking(9.0, -3.0)["gaze.value"],
            "gaze.curve": {"points": [[0, 0], [1, 1]], "interpolation": "monotone_cubic"}, "gaze.seconds": 1.0,
        },
    }  # fmt: skip
    more = {name: node("VASA_Gaze", **way) for name, way in ways.items()}
    more |= {
        f"motion {name}": node(
            "VASA_GenerateMotion", motion_model=["motion_model", 0], features=["features", 0], seed=1,
            controls=[name, 0],
        )
        for name in ways
    }  # fmt: skip
    facts = reports(more, plain=["motion", 0], **{name: [f"motion {name}", 0] for name in ways})
    for name in ("keyframes", "curve"):
        assert facts[name]["squares"] == pytest.approx(facts["fixed"]["squares"], rel=1e-4), name
    assert facts["plain"]["squares"] != pytest.approx(facts["fixed"]["squares"], rel=1e-4)


def test_a_wire_carries_what_a_widget_holds(reports):
    """The values of TestWidgetValues, once over a wire and once as the widget's own."""
    own = {
        "VASA_Gaze": ("gaze", {"version": 1, "yaw": 9.0, "pitch": -3.0}),
        "VASA_HeadDistance": ("distance", {"version": 1, "distance": 1.25}),
        "VASA_Emotion": ("emotion", {"version": 1, "fear": 0.25}),
    }
    more = {"values": node("TestWidgetValues")}
    for slot, (kind, (name, value)) in enumerate(own.items()):
        more[f"own {name}"] = node(kind, **{name: "fixed", f"{name}.value": value})
        more[f"wire {name}"] = node(kind, **{name: "fixed", f"{name}.value": ["values", slot]})
    facts = reports(more, **{key: [key, 0] for key in more if key != "values"})
    for name, _ in own.values():
        assert f"{name}=Curve" in facts[f"own {name}"]["text"]
        assert facts[f"wire {name}"] == facts[f"own {name}"]


def test_keyframes_of_a_mixture_reach_the_controls(reports):
    text = "0: neutral 0\n1: happiness 0.5, surprise 0.25"
    keyed = {"keyed": node("VASA_Emotion", **{"emotion": "keyframes", "emotion.keyframes": text})}
    told = reports(keyed, keyed=["keyed", 0])["keyed"]["text"]
    assert "0.5000, 0.0000, 0.0000, 0.2500" in told and "ease='smooth'" in told


def test_a_drawn_curve_reaches_the_motion(reports):
    """The head is nearer at the end of a curve that rises from 1.3 to 0.8 over the sound, than at one that falls."""
    curve = {"points": [[0, 0], [1, 1]], "interpolation": "linear"}
    more = {}
    for name, ends in (("nearer", (1.3, 0.8)), ("further", (0.8, 1.3))):
        start, end = ({"version": 1, "distance": value} for value in ends)
        drawn = {"distance.from": start, "distance.to": end, "distance.seconds": 99.0}
        more[name] = node(
            "VASA_HeadDistance", distance="curve", **drawn, **{"distance.curve": curve, "distance.audio": ["sound", 0]}
        )
        more[f"motion {name}"] = node(
            "VASA_GenerateMotion", motion_model=["motion_model", 0], features=["features", 0], seed=1,
            controls=[name, 0],
        )  # fmt: skip
        more[f"end {name}"] = node(
            "VASA_EditMotion", motion=[f"motion {name}", 0], **{"edit": "trim", "edit.start": -0.2, "edit.end": 0.0}
        )
    facts = reports(more, nearer=["end nearer", 0], further=["end further", 0])
    assert facts["nearer"]["pose"][5] > facts["further"]["pose"][5] + 0.1  # log scale


@pytest.mark.parametrize(("kind", "ending"), [("safetensors", ".safetensors"), ("ARKit CSV", ".csv")])
def test_a_motion_survives_its_file(run, talking, kind, ending):
    prompt = talking(report=node("TestReport", value=["motion", 0]))
    del prompt["video"]
    prompt["save"] = node("VASA_SaveMotion", motion=["motion", 0], filename_prefix="takes/one", format=kind)
    saved = run(prompt)
    assert saved.ending.type == "execution_success", saved.ending
    (path,) = saved.files
    assert path.suffix == ending and path.parent.name == "takes"
    loaded = run(
        {
            "motion": node("VASA_LoadMotion", file=f"takes/{path.name} [output]"),
            "report": node("TestReport", value=["motion", 0]),
        }
    )
    before, after = (json.loads(done.outputs["report"]["text"][0]) for done in (saved, loaded))
    assert after["frames"] == before["frames"] and after["fps"] == before["fps"]
    assert after["squares"] == pytest.approx(before["squares"], rel=1e-4)


def test_edits_change_a_motion_as_they_say(reports):
    def edit(**values):
        return node("VASA_EditMotion", motion=["motion", 0], **values)

    more = {
        "still": edit(**{"edit": "scale", "edit.pose": 0.0, "edit.face": 1.0}),
        "looped": edit(**{"edit": "loop", "edit.seconds": 3.0, "edit.blend": 0.2}),
        "both": edit(**{"edit": "splice", "edit.other": ["still", 0], "edit.blend": 0.4}),
        "mixed": edit(**{"edit": "pose of this, face of other", "edit.other": ["still", 0]}),
        "smooth": edit(**{"edit": "smooth", "edit.seconds": 0.1, "edit.part": "head pose"}),
        "frozen": edit(**{"edit": "freeze", "edit.time": 0.5, "edit.part": "both"}),
        "faster": edit(**{"edit": "frame rate", "edit.fps": 50.0}),
        "plot": node("VASA_MotionPlot", motion=["motion", 0]),
    }
    facts = reports(more, motion=["motion", 0], **{name: [name, 0] for name in more})
    assert facts["still"]["pose"] == [0.0] * 6
    assert facts["looped"]["frames"] == 75
    assert facts["both"]["frames"] == 2 * FRAMES - 10
    assert facts["mixed"]["squares"] == pytest.approx(facts["motion"]["squares"], rel=1e-6)
    assert facts["smooth"]["squares"] < facts["motion"]["squares"]
    assert facts["frozen"]["frames"] == FRAMES
    assert facts["faster"]["frames"] == 2 * FRAMES and facts["faster"]["fps"] == 50.0
    assert facts["plot"]["shape"][0] == 1 and facts["plot"]["shape"][3] == 3 and facts["plot"]["change"] == 0.0


def test_motion_is_read_from_a_video_and_from_its_frames(reports):
    more = {
        "parts": node("GetVideoComponents", video=["video", 0]),
        "from video": node("VASA_MotionFromVideo", video=["video", 0], fps=25.0),
        "from images": node("VASA_MotionFromVideo", images=["parts", 0], fps=25.0),
    }
    facts = reports(more, video=["from video", 0], sound=["from video", 1], images=["from images", 0])
    assert facts["video"]["frames"] == facts["images"]["frames"] == FRAMES
    assert facts["video"]["space"] == "arkit"
    assert abs(facts["sound"]["shape"][-1] / facts["sound"]["rate"] - CLIP_SECONDS) < 0.1
    assert 0.5 < facts["images"]["squares"] / facts["video"]["squares"] < 2.0  # ComfyUI decodes other colours


def test_comfyuis_face_landmarks_serve_as_portrait_and_as_motion(reports):
    more = {
        "landmarks": node("TestLandmarks", portrait=["portrait", 0], frames=20, faces=1),
        "again": node(
            "VASA_EncodePortrait", face_model=["face", 0], image=["picture", 0], face_index=0,
            face_landmarks=["landmarks", 0],
        ),
        "boxed": node(
            "VASA_EncodePortrait", face_model=["face", 0], image=["picture", 0], face_index=0,
            bounding_box=["landmarks", 1],
        ),
        "driven": node("VASA_MotionFromFaceLandmarks", face_landmarks=["landmarks", 0], fps=30.0),
    }  # fmt: skip
    facts = reports(more, driven=["driven", 0], again=["again", 1], boxed=["boxed", 1], first=["portrait", 1])
    assert facts["driven"]["frames"] == 20 and facts["driven"]["fps"] == 30.0
    assert facts["driven"]["squares"] > 1.0  # the jaw opens
    for name in ("again", "boxed"):
        assert facts[name]["shape"] == [1, 512, 512, 3]
        assert facts[name]["mean"] == pytest.approx(facts["first"]["mean"], abs=0.02), name


def test_features_of_comfyuis_audio_encoder_are_taken_and_their_model_is_asked_for(run, talking):
    prompt = talking(
        encoded=node("TestEncoderOutput", seconds=1.2),
        features=node(
            "VASA_AudioFeatures", motion_model=["motion_model", 0], audio_encoder_output=["encoded", 0], layer=-1
        ),
    )
    message = run(prompt).error
    assert "wav2vec2-768" in message and "phonetic" in message and message.endswith(".")
