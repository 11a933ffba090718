"""Speech synthesisers as teachers: each gives sound and the exact times of its phones.

    speak = espeak() | flite() | festival()      generators of Utterance, endless, from a random generator
Only training needs them: espeak-ng (its library libespeak-ng.so.1), flite and festival with their voices. They run as
other programs or through ctypes and are never shipped.
"""

import ctypes
import shutil
import subprocess  # espeak-ng, flite and festival are programs; nothing else is run
import tempfile
import wave
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.random import Generator

from ..errors import BadInput
from .phones import ARPABET, Segment, visemes_of_ipa
from .text import sentence

OTHER_LANGUAGES = """en-gb-scotland en-gb-x-rp en-gb-x-gbclan en-029 en-us de fr-fr es it pt-br pl nl tr id sv ro hu fi
cs sw"""
ESPEAK_LANGUAGES = ["en-us"] * 10 + ["en-gb"] * 4 + OTHER_LANGUAGES.split()
FESTIVAL_VOICES = ("kal_diphone", "ked_diphone", "cmu_us_slt_arctic_hts")
FLITE_VOICES = ("slt", "rms", "awb")  # never kal: flite states wrong times for it
PAUSE = 0.04  # s; a nameless event of espeak shorter than this is no pause
BATCH = 60  # utterances per process of festival
SLOWEST, FASTEST = 1.5, 0.75  # duration stretch of festival and flite


@dataclass(frozen=True)
class Utterance:
    """`samples` (N,) float32 at `rate` Hz; `segments` in order, without gaps; `voice` as the synthesiser names it."""

    samples: np.ndarray
    rate: int
    segments: list[Segment]
    voice: str


def require(program: str) -> str:
    """Path of an installed program; BadInput says how to get it."""
    path = shutil.which(program)
    if path is None:
        raise BadInput(f"The speech synthesiser '{program}' is not installed. Install the package {program}.")
    return path


class _EventName(ctypes.Union):
    _fields_ = [("number", ctypes.c_int), ("name", ctypes.c_char_p), ("string", ctypes.c_char * 8)]


class _Event(ctypes.Structure):  # espeak_EVENT of speak_lib.h
    _fields_ = [
        ("type", ctypes.c_int),
        ("unique_identifier", ctypes.c_uint),
        ("text_position", ctypes.c_int),
        ("length", ctypes.c_int),
        ("audio_position", ctypes.c_int),  # ms
        ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p),
        ("id", _EventName),
    ]


_Callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(_Event))
_SYNCHRONOUS, _PHONEME_EVENTS_IN_IPA, _PHONEME, _UTF8 = 2, 0x1 | 0x2, 7, 1
_RATE, _VOLUME, _PITCH, _RANGE, _WORD_GAP = 1, 2, 3, 4, 7


class Espeak:
    """espeak-ng through its C library; one per process."""

    def __init__(self) -> None:
        try:
            self.library = ctypes.CDLL("libespeak-ng.so.1")
        except OSError as error:
            raise BadInput(
                "The speech synthesiser espeak-ng is not installed. Install the package espeak-ng."
            ) from error
        self.sound: list[np.ndarray] = []
        self.events: list[tuple[float, str]] = []
        self.rate = self.library.espeak_Initialize(_SYNCHRONOUS, 200, None, _PHONEME_EVENTS_IN_IPA)
        self._callback = _Callback(self._collect)  # kept: the library holds only a pointer
        self.library.espeak_SetSynthCallback(self._callback)

    def _collect(self, sound, count, events) -> int:
        if count > 0 and sound:
            self.sound.append(np.ctypeslib.as_array(sound, shape=(count,)).copy())
        i = 0
        while events[i].type != 0:
            if events[i].type == _PHONEME:
                name = ctypes.string_at(ctypes.addressof(events[i].id), 8).split(b"\0")[0]
                self.events.append((events[i].audio_position / 1000, name.decode("utf8", "ignore")))
            i += 1
        return 0

    def speak(self, text: str, voice: str, speed=165, pitch=50, pitch_range=50, word_gap=0) -> Utterance | None:
        """None where espeak has no such voice or says nothing. speed: words per minute; pitch, pitch_range: 0..100."""
        self.sound.clear()
        self.events.clear()
        if self.library.espeak_SetVoiceByName(voice.encode()) != 0:
            return None
        settings = {_RATE: speed, _VOLUME: 100, _PITCH: pitch, _RANGE: pitch_range, _WORD_GAP: word_gap}
        for number, value in settings.items():
            self.library.espeak_SetParameter(number, int(value), 0)
        encoded = text.encode("utf8") + b"\0"
        self.library.espeak_Synth(encoded, len(encoded), 0, 1, 0, _UTF8, None, None)
        self.library.espeak_Synchronize()
        if not self.sound:
            return None
        samples = np.concatenate(self.sound).astype(np.float32) / 32768
        segments = segments_of_events(self.events, len(samples) / self.rate)
        return Utterance(samples, self.rate, segments, f"espeak {voice}") if len(segments) > 3 else None


def segments_of_events(events: list[tuple[float, str]], duration: float) -> list[Segment]:
    """Starts of phones, as espeak tells them -> segments. A nameless event is a pause, or nothing when short."""
    segments = []
    ends = [start for start, _ in events[1:]] + [duration]
    for (start, name), end in zip(events, ends, strict=True):
        visemes = visemes_of_ipa(name)
        if not visemes:
            if end - start < PAUSE:
                continue
            visemes = ("sil",)
        segments.append(Segment(start, max(end, start + 0.01), visemes))
    return segments


def espeak(random: Generator) -> Iterator[Utterance]:
    """26 languages and accents, each in about 100 timbres, at many speeds and pitches; all read English spelling."""
    engine = Espeak()
    listing = subprocess.run([require("espeak-ng"), "--voices=variant"], capture_output=True, text=True, check=True)
    timbres = sorted(line.split()[-1].split("/")[-1] for line in listing.stdout.splitlines()[1:])
    while True:
        voice = str(random.choice(ESPEAK_LANGUAGES))
        if random.random() < 0.93:
            voice += "+" + str(random.choice(timbres))
        text = " ".join(sentence(random) for _ in range(random.integers(1, 4)))
        speed = float(np.clip(random.normal(165, 40), 80, 320))
        pitch, pitch_range = random.integers(15, 86), random.integers(10, 96)
        utterance = engine.speak(text, voice, speed, pitch, pitch_range, random.choice([0, 0, 0, 2, 6]))
        if utterance is not None and len(utterance.samples) > 8000:
            yield utterance


def flite(random: Generator, voices: tuple[str, ...]) -> Iterator[Utterance]:
    """Statistical voices made from human recordings (of FLITE_VOICES)."""
    program = require("flite")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "speech.wav"
        while True:
            voice = str(random.choice(voices))
            stretch = f"duration_stretch={random.uniform(FASTEST, SLOWEST):.2f}"
            command = [program, "-voice", voice, "--setf", stretch, "-t", sentence(random), "-psdur", "-o", str(path)]
            listing = subprocess.run(command, capture_output=True, text=True, check=True)
            ends = [entry.rpartition(":") for entry in listing.stdout.split()]  # phone:end
            segments = segments_of_ends([(float(end), phone) for phone, _, end in ends])
            if len(segments) > 3:
                yield Utterance(*read_wave(path), segments, f"flite {voice}")


_SCHEME = """(define (speak voice stretch text sound labels)
  (let (spoken)
    (eval (list voice))
    (Parameter.set 'Duration_Stretch stretch)
    (set! spoken (utt.synth (eval (list 'Utterance 'Text text))))
    (utt.save.wave spoken sound 'riff)
    (utt.save.segs spoken labels)))
"""


def festival(random: Generator, voices: tuple[str, ...] = FESTIVAL_VOICES) -> Iterator[Utterance]:
    """Two diphone voices and one statistical voice."""
    program = require("festival")
    with tempfile.TemporaryDirectory() as folder:
        while True:
            voice = str(random.choice(voices))
            script = [_SCHEME]
            for i in range(BATCH):
                stretch, text = random.uniform(FASTEST, SLOWEST), sentence(random)
                script.append(f'(speak \'voice_{voice} {stretch:.2f} "{text}" "{folder}/{i}.wav" "{folder}/{i}.seg")')
            path = Path(folder) / "speak.scm"
            path.write_text("\n".join(script))
            subprocess.run([program, "-b", str(path)], capture_output=True, check=True)
            for i in range(BATCH):
                lines = (Path(folder) / f"{i}.seg").read_text().splitlines()
                fields = [line.split() for line in lines if len(line.split()) == 3]  # end, number, phone
                segments = segments_of_ends([(float(end), phone) for end, _, phone in fields])
                if len(segments) > 3:
                    yield Utterance(*read_wave(Path(folder) / f"{i}.wav"), segments, f"festival {voice}")


def segments_of_ends(ends: list[tuple[float, str]]) -> list[Segment]:
    """[(end in s, ARPABET phone)] -> segments; a phone unknown to the table counts as a schwa."""
    segments, start = [], 0.0
    for end, phone in ends:
        if end > start:
            segments.append(Segment(start, end, ARPABET.get(phone, ("@",))))
            start = end
    return segments


def read_wave(path: Path) -> tuple[np.ndarray, int]:
    """Mono 16-bit RIFF -> samples (N,) float32 in [-1, 1], rate."""
    with wave.open(str(path)) as file:
        samples = np.frombuffer(file.readframes(file.getnframes()), np.int16)
        return samples.astype(np.float32) / 32768, file.getframerate()
