"""Control Values: numbers become what the control widgets hold, and drive them."""

from __future__ import annotations

from tests.nodes.live_server import node


def values(**changes) -> dict:
    plain = {"yaw": 12.0, "pitch": -4.0, "distance": 1.1, "emotion": "happiness", "strength": 0.5}
    return node("VASA_ControlValues", **(plain | changes))


def test_numbers_drive_gaze_distance_and_a_mixture(run, talking):
    prompt = talking(
        first=values(emotion="fear", strength=0.2),
        numbers=values(mixture=["first", 2]),
        gaze=node("VASA_Gaze", **{"gaze": "fixed", "gaze.value": ["numbers", 0]}),
        distance=node(
            "VASA_HeadDistance", **{"distance": "fixed", "distance.value": ["numbers", 1]}, controls=["gaze", 0]
        ),
        emotion=node("VASA_Emotion", **{"emotion": "fixed", "emotion.value": ["numbers", 2]}, controls=["distance", 0]),
        report=node("TestReport", value=["emotion", 0]),
    )
    done = run({name: prompt[name] for name in ("first", "numbers", "gaze", "distance", "emotion", "report")})
    assert done.ending.type == "execution_success", done.ending
    said = done.outputs["report"]["text"][0]
    assert "0.2094" in said and "-0.0698" in said  # 12 and -4 degrees in radians
    assert "1.1" in said and "0.2000" in said and "0.5000" in said
