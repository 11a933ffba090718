"""Motion files: the round trip is exact, damage is one sentence."""

import pytest
import torch

from vasa_core.arkit import ARKIT, INDEX
from vasa_core.errors import BadInput, OutputError, VasaError, WeightsError, WrongSpace
from vasa_core.motion.files import load_arkit_csv, load_motion, save_arkit_csv, save_motion
from vasa_core.types import Motion, MotionSpace


def motion(frames=50, fps=25.0):
    g = torch.Generator().manual_seed(0)
    return Motion(torch.randn(frames, 6, generator=g) * 0.1, torch.rand(frames, 52, generator=g), fps, ARKIT)


@pytest.mark.parametrize("fps", [25.0, 29.97, 30000 / 1001])
def test_safetensors_round_trip_is_exact(tmp_path, fps):
    space = MotionSpace("liveportrait", 63)
    a = Motion(torch.randn(7, 6), torch.randn(7, 63), fps, space, {"motion_model": "joyvasa", "seed": "7"})
    save_motion(tmp_path / "m.safetensors", a)
    b = load_motion(tmp_path / "m.safetensors")
    assert b.origin == a.origin
    assert b.pose.equal(a.pose) and b.dynamics.equal(a.dynamics) and (b.fps, b.space) == (a.fps, a.space)


def test_damaged_files(tmp_path):
    path = tmp_path / "m.safetensors"
    with pytest.raises(WeightsError, match="missing"):
        load_motion(path)
    save_motion(path, motion())
    whole = path.read_bytes()
    path.write_bytes(whole[:-100])
    with pytest.raises(WeightsError, match="truncated"):
        load_motion(path)
    path.write_bytes(whole[:-4] + b"\0\0\0\1")
    with pytest.raises(WeightsError, match="SHA-256"):
        load_motion(path)
    path.write_bytes(b"")
    with pytest.raises(WeightsError):
        load_motion(path)


@pytest.mark.parametrize(("frames", "fps"), [(8, 25.0), (130, 25.0), (200, 29.97), (1, 60.0)])
def test_csv_round_trip(tmp_path, frames, fps):
    a = motion(frames, fps)
    save_arkit_csv(tmp_path / "m.csv", a)
    b = load_arkit_csv(tmp_path / "m.csv")
    torch.testing.assert_close(b.dynamics, a.dynamics, atol=1e-6, rtol=0)
    torch.testing.assert_close(b.pose, a.pose, atol=1e-6, rtol=0)
    assert b.fps == a.fps and b.space == ARKIT


def recording(rows, header="Timecode,BlendShapeCount,EyeBlinkLeft,JawOpen,HeadYaw,HeadPitch,HeadRoll"):
    return "\n".join([header, *rows]) + "\n"


def test_recording_of_the_app(tmp_path):
    """Another order and case, missing columns, timecodes at 60 frames a second."""
    path = tmp_path / "take.csv"
    codes = [f"11:45:{14 + (k + 31) // 60}:{(k + 31) % 60:02d}.123" for k in range(150)]
    path.write_text(recording(f"{code},61,0.25,{k / 200},0.1,-0.2,0.3" for k, code in enumerate(codes)))
    take = load_arkit_csv(path)
    assert take.fps == 60.0 and len(take) == 150
    assert take.dynamics[10, INDEX["jawOpen"]] == pytest.approx(0.05)
    assert take.dynamics[:, INDEX["eyeBlinkLeft"]].eq(0.25).all() and take.dynamics.sum(1)[0] == 0.25
    torch.testing.assert_close(take.pose[0], torch.tensor([-0.2, 0.1, 0.3, 0, 0, 0]))
    assert load_arkit_csv(path, signs=(-1, 1, 1)).pose[0, 1] == pytest.approx(-0.1)
    assert load_arkit_csv(path, fps=30).fps == 30


def test_layout_is_the_apps(tmp_path):
    save_arkit_csv(tmp_path / "m.csv", motion(3))
    header, first = (tmp_path / "m.csv").read_text().splitlines()[:2]
    names = header.split(",")
    assert names[:4] == ["Timecode", "BlendshapeCount", "EyeBlinkLeft", "EyeLookDownLeft"]
    assert names[53:57] == ["TongueOut", "HeadYaw", "HeadPitch", "HeadRoll"] and len(names) == 2 + 61 + 4
    assert first.startswith("00:00:00:00.000,61,")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "no ARKit curves"),
        ("a,b\n1,2\n", "no ARKit curves"),
        (recording([]), "no ARKit curves"),
        (recording(["00:00:00:00.0,61,x,0,0,0,0"]), "not numbers"),
        (recording(["00:00:00:00.0,61"]), "not numbers"),
        (recording(["00:00:00:00.0,61,0,0,0,0,0"]), "less than a second"),
        (recording(["zero,61,0,0,0,0,0"] * 3), "no timecodes"),
    ],
)
def test_bad_csv_is_one_sentence(tmp_path, text, says):
    path = tmp_path / "m.csv"
    path.write_text(text)
    with pytest.raises(BadInput, match=says):
        load_arkit_csv(path)


def test_refusals(tmp_path):
    other = Motion(torch.zeros(2, 6), torch.zeros(2, 5), 25.0, MotionSpace("other", 5))
    with pytest.raises(WrongSpace):
        save_arkit_csv(tmp_path / "m.csv", other)
    for save in (save_arkit_csv, save_motion):
        with pytest.raises(OutputError, match="Cannot write"):
            save(tmp_path / "nowhere" / "m", motion())
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "binary.csv").write_bytes(bytes(range(256)))
    with pytest.raises(VasaError):
        load_arkit_csv(tmp_path / "binary.csv")
