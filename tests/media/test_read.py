"""Pictures, sound and video of every kind that people have."""

import math
from fractions import Fraction

import av
import numpy as np
import pytest
import torch
from PIL import Image

from vasa_core.errors import BadAudio, BadInput
from vasa_core.media.read import read_audio, read_image, read_video, read_waveform
from vasa_core.media.write import VideoWriter


def gradient(width=60, height=40):
    """RGB uint8: red rises to the right, green downwards."""
    red = np.linspace(0, 255, width, dtype=np.uint8)[None, :].repeat(height, 0)
    green = np.linspace(0, 255, height, dtype=np.uint8)[:, None].repeat(width, 1)
    return np.stack([red, green, np.full_like(red, 128)], axis=2)


def saved(tmp_path, picture, name="p.png", **options):
    picture.save(tmp_path / name, **options)
    return read_image(tmp_path / name)


def test_rgb_is_exact(tmp_path):
    image = saved(tmp_path, Image.fromarray(gradient()))
    assert image.shape == (3, 40, 60) and image.dtype == torch.float32
    np.testing.assert_allclose(image.permute(1, 2, 0).numpy() * 255, gradient(), atol=1e-4)


@pytest.mark.parametrize("mode", ["1", "L", "P", "CMYK", "LA", "RGBA", "LAB"])
def test_every_mode_becomes_rgb(tmp_path, mode):
    picture = Image.fromarray(gradient())
    if mode == "LAB":
        picture = Image.new("LAB", (60, 40), (128, 128, 128))
    elif mode == "LA":
        picture = picture.convert("L").convert("LA")
    else:
        picture = picture.convert(mode)
    image = saved(tmp_path, picture, "p.tif")
    assert image.shape == (3, 40, 60) and image.min() >= 0 and image.max() <= 1
    if mode in ("L", "LA"):
        assert image[0].equal(image[1]) and image[0].equal(image[2])


def test_sixteen_bit_grey_keeps_its_depth(tmp_path):
    values = np.arange(40 * 60, dtype=np.uint16).reshape(40, 60) * 27
    image = saved(tmp_path, Image.fromarray(values))
    np.testing.assert_allclose(image[0].numpy(), values / 65535, atol=1e-6)


def test_float_pictures(tmp_path):
    image = saved(tmp_path, Image.fromarray(np.linspace(-0.5, 1.5, 2400, dtype=np.float32).reshape(40, 60)), "p.tif")
    assert image.min() == 0 and image.max() == 1


def test_transparency_lies_over_mid_grey(tmp_path):
    rgba = np.zeros((8, 8, 4), np.uint8)
    rgba[:, 4:] = (255, 0, 0, 255)
    image = saved(tmp_path, Image.fromarray(rgba))
    assert image[:, 0, 0].tolist() == [0.5, 0.5, 0.5] and image[:, 0, 7].tolist() == [1.0, 0.0, 0.0]
    palette = Image.fromarray(gradient()).convert("P")
    assert saved(tmp_path, palette, transparency=palette.getpixel((0, 0)))[:, 0, 0].tolist() == [0.5, 0.5, 0.5]


def test_exif_rotation_is_applied(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # "rotate 90 degrees clockwise to view"
    image = saved(tmp_path, Image.fromarray(gradient()), "p.jpg", exif=exif, quality=95)
    assert image.shape == (3, 60, 40)
    assert image[0, -1].mean() > 0.9 and image[0, 0].mean() < 0.1  # red rises downwards now
    assert image[1, :, 0].mean() > 0.9  # green, once at the bottom, is at the left


def test_small_and_large(tmp_path):
    assert saved(tmp_path, Image.new("RGB", (64, 64))).shape == (3, 64, 64)
    assert saved(tmp_path, Image.new("RGB", (7680, 4320)), "p.jpg").shape == (3, 4320, 7680)


@pytest.mark.parametrize("content", [b"", b"not a picture", None, "cut"])
def test_bad_pictures_are_one_sentence(tmp_path, content):
    path = tmp_path / "bad.png"
    if content == "cut":
        Image.fromarray(np.random.default_rng(0).integers(0, 255, (99, 99, 3), np.uint8)).save(path)
        path.write_bytes(path.read_bytes()[:5000])
    elif content is not None:
        path.write_bytes(content)
    with pytest.raises(BadInput, match="bad.png"):
        read_image(path)


def write_sound(path, waveform, rate, codec):
    """waveform (C, N) float array in a file."""
    with av.open(str(path), "w") as file:
        stream = file.add_stream(codec, rate=rate, layout="mono" if len(waveform) == 1 else "stereo")
        size = stream.codec_context.frame_size or 1024
        resampler = av.AudioResampler(stream.codec_context.format, stream.codec_context.layout, rate, frame_size=size)
        frame = av.AudioFrame.from_ndarray(waveform, format="fltp", layout=stream.codec_context.layout.name)
        frame.sample_rate, frame.pts, frame.time_base = rate, 0, Fraction(1, rate)
        for block in [*resampler.resample(frame), *resampler.resample(None)]:
            file.mux(stream.encode(block))
        file.mux(stream.encode(None))


def beep(rate, channels, seconds=1.5, onset=0.5):
    t = np.arange(int(rate * seconds)) / rate
    tone = np.where((t > onset) & (t < onset + 0.2), 0.7 * np.sin(2 * math.pi * 440 * t), 0)
    return np.stack([tone, 0.5 * tone][:channels]).astype(np.float32)


@pytest.mark.parametrize(
    ("name", "codec", "rates"),
    [
        ("a.wav", "pcm_s16le", (8000, 22050, 96000)),
        ("a.flac", "flac", (16000, 48000)),
        ("a.mp3", "libmp3lame", (16000, 44100)),
        ("a.m4a", "aac", (22050, 48000)),
        ("a.ogg", "libopus", (48000,)),
    ],
)
@pytest.mark.parametrize("channels", [1, 2])
def test_sound_is_where_it_was(tmp_path, name, codec, rates, channels):
    for rate in rates:
        path = tmp_path / f"{rate}-{name}"
        write_sound(path, beep(rate, channels), rate, codec)
        waveform, read_rate = read_waveform(path)
        assert read_rate == rate and waveform.shape[0] == channels
        assert abs(waveform.shape[1] / rate - 1.5) < 0.1
        loud = (waveform[0].abs() > 0.3).nonzero()[:, 0] / rate
        assert abs(loud[0] - 0.5) < 0.004 and abs(loud[-1] - 0.7) < 0.004
        assert read_audio(path).samples.equal(waveform.mean(0))


def test_bad_sound_is_one_sentence(tmp_path):
    bad = tmp_path / "bad.wav"
    with pytest.raises(BadInput, match="no audio file"):
        read_audio(bad)
    for content in (b"", b"RIFF" + bytes(50), np.random.default_rng(0).bytes(4000)):
        bad.write_bytes(content)
        with pytest.raises(BadAudio, match="bad.wav"):
            read_audio(bad)
    with VideoWriter(tmp_path / "mute.mp4", 25) as writer:
        writer.write(np.zeros((3, 64, 64, 3), np.uint8))
    with pytest.raises(BadAudio, match="no sound"):
        read_audio(tmp_path / "mute.mp4")
    assert read_video(tmp_path / "mute.mp4").waveform() is None


def numbered(count, size=64):
    """Frames whose grey tells their number."""
    return np.stack([np.full((size, size, 3), 20 + 10 * k, np.uint8) for k in range(count)])


@pytest.mark.parametrize("fps", [Fraction(24), Fraction(30000, 1001), Fraction(60)])
def test_frames_of_a_video(tmp_path, fps):
    with VideoWriter(tmp_path / "v.mp4", fps) as writer:
        writer.write(numbered(20))
    video = read_video(tmp_path / "v.mp4")
    assert video.fps == fps and video.expected_frames == 20
    for _ in range(2):  # as often as wanted
        greys = [float(frame.mean()) * 255 for frame in video]
        np.testing.assert_allclose(greys, [20 + 10 * k for k in range(20)], atol=2)


def test_varying_frame_rate_lands_on_an_even_grid(tmp_path):
    """Frames 0, 1, 2 at 25 fps, then a gap of four frames: the last before the gap is repeated."""
    with av.open(str(tmp_path / "v.mkv"), "w") as file:
        stream = file.add_stream("libx264", rate=25)
        stream.width = stream.height = 64
        stream.pix_fmt = "yuv420p"
        for k, pts in enumerate([0, 1, 2, 7, 8, 9, 10, 11]):
            frame = av.VideoFrame.from_ndarray(numbered(8)[k], format="rgb24")
            frame.pts, frame.time_base = pts, Fraction(1, 25)
            file.mux(stream.encode(frame))
        file.mux(stream.encode(None))
    video = read_video(tmp_path / "v.mkv")
    video.fps = Fraction(25)  # the average of this file is lower
    greys = [round((float(frame.mean()) * 255 - 20) / 10) for frame in video]
    assert greys == [0, 1, 2, 2, 2, 2, 2, 3, 4, 5, 6, 7]


def test_pictures_that_set_in_after_the_sound(tmp_path):
    """Video that starts 0.2 s after its sound: the first frame stands in for the five before it."""
    with av.open(str(tmp_path / "v.mkv"), "w") as file:
        stream, sound = file.add_stream("libx264", rate=25), file.add_stream("pcm_s16le", rate=16000, layout="mono")
        stream.width = stream.height = 64
        stream.pix_fmt = "yuv420p"
        silence = av.AudioFrame.from_ndarray(np.zeros((1, 16000), np.int16), format="s16", layout="mono")
        silence.sample_rate, silence.pts = 16000, 0
        file.mux(sound.encode(silence))
        for k in range(3):
            frame = av.VideoFrame.from_ndarray(numbered(3)[k], format="rgb24")
            frame.pts, frame.time_base = k + 5, Fraction(1, 25)
            file.mux(stream.encode(frame))
        file.mux(stream.encode(None))
    video = read_video(tmp_path / "v.mkv")
    video.fps = Fraction(25)
    assert [round((float(frame.mean()) * 255 - 20) / 10) for frame in video] == [0] * 6 + [1, 2]


@pytest.mark.parametrize("times", [[k / 30 for k in range(8)], [k / 24 for k in range(8)], [0, 0.05, 0.06, 0.2, 0.21]])
def test_another_frame_rate_gives_the_nearest_frames(tmp_path, times):
    with av.open(str(tmp_path / "v.mkv"), "w") as file:
        stream = file.add_stream("libx264", rate=25, options={"crf": "4"})
        stream.width, stream.height, stream.codec_context.time_base = 64, 64, Fraction(1, 1000)
        for k, time in enumerate(times):
            frame = av.VideoFrame.from_ndarray(numbered(8)[k], format="rgb24")
            frame.pts, frame.time_base = round(time * 1000), Fraction(1, 1000)
            file.mux(stream.encode(frame))
        file.mux(stream.encode(None))
    video = read_video(tmp_path / "v.mkv", Fraction(25))
    shown = [round((float(frame.mean()) * 255 - 20) / 10) for frame in video]
    assert video.fps == 25 and len(shown) == round(times[-1] * 25) + 1
    for tick, source in enumerate(shown):
        best = min(abs(time - tick / 25) for time in times if time <= (tick + 0.5) / 25)
        assert abs(times[source] - tick / 25) <= best + 1e-3


@pytest.mark.parametrize(("hole", "step", "lasts"), [(0.3, 800, 1.3), (0.0, 600, 0.8875)])
def test_sound_with_a_hole_or_overlaps_stays_in_its_place(tmp_path, hole, step, lasts):
    """Ten blocks of 50 ms, quiet, and after a hole ten loud ones, whose time stamps are `step` samples apart."""
    with av.open(str(tmp_path / "v.mkv"), "w") as file:
        stream = file.add_stream("pcm_s16le", rate=16000, layout="mono")
        for number in range(20):
            level = np.full((1, 800), 2000 if number < 10 else 8000, np.int16)
            frame = av.AudioFrame.from_ndarray(level, format="s16", layout="mono")
            after = max(0, number - 10) * step + (number >= 10) * round(16000 * hole)
            frame.sample_rate, frame.pts = 16000, 800 * min(number, 10) + after
            file.mux(stream.encode(frame))
        file.mux(stream.encode(None))
    samples = read_waveform(tmp_path / "v.mkv")[0][0]
    loud = (samples > 0.2).nonzero()[:, 0] / 16000
    assert samples.shape[0] / 16000 == pytest.approx(lasts, abs=0.02)
    assert float(loud[0]) == pytest.approx(0.5 + hole, abs=0.02)
    assert bool((samples == 0).any()) == bool(hole)


def film(path, frames, **options):
    """An H.264 file of frames, each (H, W, 3) or one of PyAV's, with options of its stream's codec context set."""
    with av.open(str(path), "w") as file:
        stream = file.add_stream("libx264", rate=25, options={"crf": "4"})
        first = frames[0]
        stream.height, stream.width = first.shape[:2] if isinstance(first, np.ndarray) else (first.height, first.width)
        for name, value in options.items():
            setattr(stream.codec_context, name, value)
        for k, pixels in enumerate(frames):
            given = pixels if isinstance(pixels, av.VideoFrame) else av.VideoFrame.from_ndarray(pixels, format="rgb24")
            given.pts, given.time_base = k, Fraction(1, 25)
            file.mux(stream.encode(given))
        file.mux(stream.encode(None))
    return path


@pytest.mark.parametrize(("pixel", "shape"), [("16/11", (3, 64, 93)), ("8/9", (3, 72, 64)), ("1/1", (3, 64, 64))])
def test_pixels_become_square(tmp_path, pixel, shape):
    path = film(tmp_path / "v.mkv", list(numbered(2)), pix_fmt="yuv420p", sample_aspect_ratio=Fraction(pixel))
    assert [tuple(frame.shape) for frame in read_video(path)] == [shape] * 2


@pytest.mark.parametrize("transfer", [16, 18])  # PQ, HLG
def test_high_dynamic_range_looks_ordinary(tmp_path, transfer):
    """Grey levels of 20, 203 and 1000 cd/m2 of a ten-bit BT.2020 film."""
    levels = {16: (0.356, 0.581, 0.752), 18: (0.339, 0.750, 1.0)}[transfer]
    frame = av.VideoFrame(96, 32, "yuv420p10le")
    for plane, scale in zip(frame.planes, (1, 2, 2), strict=True):
        values = np.full((plane.height, plane.line_size // 2), 512, np.uint16)
        if scale == 1:
            for k, level in enumerate(levels):
                values[:, 32 * k : 32 * (k + 1)] = round(64 + 876 * level)
        plane.update(values.tobytes())
    frame.colorspace = 9
    path = film(tmp_path / "v.mkv", [frame], pix_fmt="yuv420p10le", color_trc=transfer, color_primaries=9, colorspace=9)
    picture = next(iter(read_video(path)))
    dark, white, bright = (float(picture[:, 8:24, 32 * k + 8 : 32 * k + 24].mean()) for k in range(3))
    assert dark == pytest.approx(0.35, abs=0.04)  # a tenth of white paper's light, as sRGB writes it
    assert white == pytest.approx(0.93, abs=0.02) and white < bright <= 1.0
    assert float((picture[:, 8:24, 8:88].amax(0) - picture[:, 8:24, 8:88].amin(0)).max()) < 0.03  # grey stays grey


def test_phone_videos_are_turned_upright(tmp_path):
    """The display matrix of ISO 14496-12 (tkhd), set to a quarter turn clockwise as phones held upright do."""
    path = tmp_path / "v.mp4"
    frame = np.zeros((64, 128, 3), np.uint8)
    frame[:, :64] = 200  # bright left half
    with VideoWriter(path, 25) as writer:
        writer.write(np.stack([frame] * 3))
    assert next(iter(read_video(path))).shape == (3, 64, 128)
    data = path.read_bytes()
    unit, minus = (65536).to_bytes(4, "big"), (-65536).to_bytes(4, "big", signed=True)
    zero, last = bytes(4), (1 << 30).to_bytes(4, "big")
    upright, turned = unit + zero * 3 + unit + zero * 3 + last, zero + unit + zero + minus + zero * 4 + last
    at = data.index(upright, data.index(b"tkhd"))
    path.write_bytes(data[:at] + turned + data[at + 36 :])
    picture = next(iter(read_video(path)))
    assert picture.shape == (3, 128, 64)
    assert picture[:, :60].mean() > 0.7 and picture[:, 68:].mean() < 0.1  # what was left is on top


def test_bad_videos_are_one_sentence(tmp_path):
    bad = tmp_path / "bad.mp4"
    for content in (b"", b"nothing of a video"):
        bad.write_bytes(content)
        with pytest.raises(BadInput, match="bad.mp4"):
            read_video(bad)
    write_sound(tmp_path / "a.m4a", beep(16000, 1), 16000, "aac")
    with pytest.raises(BadInput, match="no picture"):
        read_video(tmp_path / "a.m4a")
