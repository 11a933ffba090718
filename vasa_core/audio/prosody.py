"""Loudness, voicing and pitch of a voice, by plain signal processing, 50 frames per second.

    prosody(samples at 16 kHz)  (frames, 3)    loudness, voicing, pitch deviation

Frame i is centred on i * 20 ms. Pitch follows P. Boersma (1993): the autocorrelation of a windowed frame divided by
that of the window. Its highest peak between 60 and 420 Hz is the period; the height of the peak is the voicing.
"""

import torch
from torch import Tensor
from torch.nn import functional

from .mel import MEL_RATE

PROSODY_FPS = 50
HOP = MEL_RATE // PROSODY_FPS
DECIMATION = 2  # pitch is read at 8 kHz
WINDOW, FFT = 400, 1024  # 50 ms at 8 kHz: three periods of the lowest pitch
LOWEST, HIGHEST = 60.0, 420.0  # Hz
BLOCK = 6000  # frames at once: two minutes
QUIETEST_LOUD_DB = -60.0  # dB full scale: a clip whose loud frames are below this stays quiet
LOUDNESS_RANGE = 60.0  # dB
VOICED = 0.5  # voicing above which pitch is believed


def prosody(samples: Tensor) -> Tensor:
    """(N,) samples at 16 kHz -> (N // 320 + 1, 3).

    loudness: level / 20 dB relative to the clip's loud level (95 % quantile), -3 (60 dB down, or silence) .. about 0.3.
    voicing: 0 noise or silence .. 1 perfectly periodic. pitch: log of pitch over the clip's median, 0 where unvoiced.
    """
    loudness = loudness_db(samples)
    rank = max(1, int(0.95 * loudness.shape[0]))
    loud = loudness.kthvalue(rank).values.clamp_min(QUIETEST_LOUD_DB)
    relative = ((loudness - loud) / 20).clamp(-LOUDNESS_RANGE / 20, 0.5)
    voicing, pitch = voicing_and_pitch(samples)
    voicing = voicing * ((relative + 2.25) * 2).clamp(0, 1)  # what is 45 dB down is not the speaker
    voiced = voicing > VOICED
    median = pitch[voiced].median() if voiced.any() else pitch.new_ones(())
    deviation = (pitch / median).log().clamp(-0.7, 0.7)
    return torch.stack([relative, voicing, smooth(torch.where(voiced, deviation, deviation.new_zeros(())))], dim=1)


def loudness_db(samples: Tensor) -> Tensor:
    """(N,) at 16 kHz -> (N // 320 + 1,) dB full scale over 40 ms windows, -100 in silence."""
    frames = samples.shape[0] // HOP + 1
    power = functional.pad(samples.float().square(), (HOP, 2 * HOP))
    power = functional.avg_pool1d(power[None, None], 2 * HOP, HOP)[0, 0, :frames]
    return 10 * torch.log10(power + 1e-10)


def voicing_and_pitch(samples: Tensor) -> tuple[Tensor, Tensor]:
    """(N,) at 16 kHz -> voicing (N // 320 + 1,) in 0..1 and pitch in Hz (meaningful where voiced)."""
    frames = samples.shape[0] // HOP + 1
    half = functional.avg_pool1d(samples.float()[None, None], DECIMATION)[
        0, 0
    ]  # 8 kHz; its lowpass spares the speech band
    rate, hop = MEL_RATE // DECIMATION, HOP // DECIMATION
    half = functional.pad(half, (WINDOW // 2, WINDOW + hop))
    window = torch.hann_window(WINDOW, device=samples.device)
    own = autocorrelation(window[None])[0]
    lags = torch.arange(int(rate / HIGHEST), int(rate / LOWEST) + 2, device=samples.device)
    voicing, pitch = [], []
    for first in range(0, frames, BLOCK):
        count = min(BLOCK, frames - first)
        pieces = half[first * hop : (first + count - 1) * hop + WINDOW].unfold(0, WINDOW, hop)  # (count, 400)
        pieces = (pieces - pieces.mean(1, keepdim=True)) * window
        correlation = autocorrelation(pieces)
        power = correlation[:, :1]
        shape = correlation / (power + 1e-7) / (own / own[0]).clamp_min(0.05)  # 1 at lag 0
        search = shape[:, lags] - 0.001 * (lags - lags[0])  # of equal peaks the shorter period: no octave jumps down
        best = search[:, 1:-1].argmax(1) + 1  # (count,)
        before, at, after = (shape.gather(1, (lags[0] + best + k)[:, None])[:, 0] for k in (-1, 0, 1))
        bend = (before - 2 * at + after).clamp_max(-1e-6)
        offset = (0.5 * (before - after) / bend).clamp(-0.5, 0.5)  # top of the parabola through three points
        voicing.append(at.clamp(0, 1))
        pitch.append(rate / (lags[0] + best + offset))
    return torch.cat(voicing), torch.cat(pitch)


def autocorrelation(pieces: Tensor) -> Tensor:
    """(count, 400) -> (count, 200): autocorrelation at lags 0..199, by the Fourier transform."""
    return torch.fft.irfft(torch.fft.rfft(pieces, FFT).abs().square(), FFT)[:, : WINDOW // 2]


def smooth(values: Tensor) -> Tensor:
    """(frames,) -> (frames,): running mean of three, which softens single wrong frames."""
    padded = functional.pad(values[None, None], (1, 1), mode="replicate")
    return functional.avg_pool1d(padded, 3, 1)[0, 0]
