"""Little films for the tests of preparing data: the bundled driving video, recut."""

from fractions import Fraction
from functools import lru_cache
from pathlib import Path

import av
import numpy as np
import torch

from vasa_core.media.read import read_video, read_waveform
from vasa_core.media.write import VideoWriter

DRIVING = Path(__file__).resolve().parents[2] / "assets" / "driving.mp4"
RATE = 16000


@lru_cache(maxsize=1)
def driving():
    """Its 85 frames (256, 256, 3), 25 a second."""
    return [np.ascontiguousarray(picture[::2, ::2]) for picture in read_video(DRIVING).pictures()]


def voice(seconds):
    """(1, N) of its sound at its rate, and the rate."""
    waveform, rate = read_waveform(DRIVING)
    return waveform[:1, : int(seconds * rate)], rate


def film(path, pictures, fps=5, sound=None):
    """An MP4 of pictures, with sound (waveform, rate) or none."""
    path.parent.mkdir(parents=True, exist_ok=True)
    waveform, rate = sound or (None, None)
    with VideoWriter(path, fps, waveform, rate) as writer:
        writer.write(np.stack(pictures))
    return path


def clapperboard(path, times, moment):
    """Driving frames at `times` (seconds), and in them a white patch from `moment` on; a click at `moment` in the
    sound, which begins with the picture. Matroska, so that times are kept to a millisecond."""
    clicks = np.zeros((1, round(times[-1] * RATE) + RATE // 10), np.float32)
    clicks[0] = 0.01 * np.random.default_rng(0).standard_normal(clicks.shape[1])
    clicks[0, round(moment * RATE) :][:40] = 0.9
    with av.open(str(path), "w") as file:
        stream = file.add_stream("libx264", rate=25, options={"crf": "12", "bf": "0"})
        sound = file.add_stream("pcm_s16le", rate=RATE, layout="mono")
        stream.width = stream.height = 256
        stream.codec_context.time_base = Fraction(1, 1000)
        block = av.AudioFrame.from_ndarray((clicks * 32767).astype(np.int16), format="s16", layout="mono")
        block.sample_rate, block.pts = RATE, 0
        packets = [*sound.encode(block), *sound.encode(None)]
        for time in times:
            picture = driving()[min(84, round(time * 25))].copy()
            if time >= moment:
                picture[150:166, 90:106] = 255
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts, frame.time_base = round(time * 1000), Fraction(1, 1000)
            packets += stream.encode(frame)
        packets += stream.encode(None)
        for packet in sorted(packets, key=lambda packet: packet.dts * packet.time_base):
            file.mux(packet)
    return path


def silence(seconds):
    return torch.zeros(1, round(seconds * RATE)), RATE
