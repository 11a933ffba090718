"""python -m vasa_core talk | drive | motion | train | evaluate | fetch | convert | models | inspect | sign.

Without ComfyUI. People give degrees; the core takes radians. Errors are one sentence on stderr and exit code 2.
Stopping with Ctrl-C leaves no file behind.
"""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from itertools import repeat
from math import radians
from pathlib import Path

import torch

from . import __version__
from .audio.resample import audio_from_waveform
from .cli_arguments import frame_rate, joined, mixed_emotion, numbers, usable_device
from .cli_evaluate import add_evaluate_command, evaluate
from .cli_provenance import add_provenance_commands
from .cli_train import add_train_command, train
from .cli_weights import add_weights_commands, fetch
from .errors import BadInput, VasaError
from .faces import load_face_model
from .media.label import labelled
from .media.provenance import made_with, provenance
from .media.read import read_image, read_video, read_waveform
from .media.write import VideoWriter
from .motion.controls import sample_controls
from .motion.files import load_motion, save_arkit_csv, save_motion
from .motion.generate import Sampling
from .motion.joyvasa.network import POSITION_RULES
from .motion.joyvasa.options import CHAININGS, SMOOTHINGS, JoyVasaOptions
from .motion.model import encoder_of, load_motion_model
from .motion.plot import plot_motion
from .pipeline import (
    Progress,
    anchor,
    at_rate,
    counted_from_calm,
    imitation,
    pasted,
    read_motion,
    remarks,
    render,
    speak,
    suited,
)
from .terminal import Bar, Counted
from .types import EMOTIONS, Audio, Controls, Curve, Motion, ReadsFilms
from .vision.crop import crop_face
from .vision.model import load_vision
from .weights import checkpoint
from .weights.installed import default_folder, find, folders_in
from .weights.registry import JOYVASA, LIVEPORTRAIT

FAILED, CANCELLED = 2, 130
DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code: 0, 2 after an error, 130 when stopped."""
    options = _parser().parse_args(joined(sys.argv[1:] if arguments is None else arguments))
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        options.run(options)
    except VasaError as error:
        print(f"\nvasa: {error}", file=sys.stderr)
        return FAILED
    except KeyboardInterrupt:
        kept = "run the same command to go on" if options.run in (train, fetch, evaluate) else "no file was written"
        print(f"\nvasa: stopped; {kept}.", file=sys.stderr)
        return CANCELLED
    finally:
        signal.signal(signal.SIGTERM, before)
    return 0


def talk(options: argparse.Namespace) -> None:
    """A portrait speaks."""
    output, device = _mp4(options.output), usable_device(options.device)
    waveform, rate = read_waveform(options.audio)
    audio = audio_from_waveform(waveform, rate)
    saved = load_motion(options.use_motion) if options.use_motion else None
    origin = saved.origin if saved else _voice_origin(options)
    bar = Bar()
    with VideoWriter(output, options.fps, waveform, rate, _tags(options, origin)) as writer:
        voice = None if saved else _Voice(options, device)
        face = _Face(options, device)
        motion = saved or voice.speak(audio, bar.step("motion"))
        motion = at_rate(face.placed(motion), writer.fps, audio.duration)
        face.write(writer, motion, bar.step("video"))
    bar.done(f"{output}: {writer.duration:.2f} s")


def drive(options: argparse.Namespace) -> None:
    """A portrait moves like the face of a video."""
    output, device = _mp4(options.output), usable_device(options.device)
    video = read_video(options.video)
    waveform, rate = video.waveform() or (None, None)
    bar = Bar()
    with VideoWriter(output, video.fps, waveform, rate, _tags(options)) as writer:
        face = _Face(options, device)
        passes = 2 if isinstance(face.model, ReadsFilms) else 1  # one to find the face, one to read it
        frames = Counted(video, video.expected_frames, passes, bar.step("reading"))
        motion = read_motion(face.vision, frames, video.fps, face.model)
        same = options.absolute
        motion = imitation(face.model, face.portrait, motion) if same else counted_from_calm(motion)
        face.write(writer, face.placed(motion), bar.step("video"))
    bar.done(f"{output}: {writer.duration:.2f} s")


def motion(options: argparse.Namespace) -> None:
    """The motion of a voice, as a file."""
    audio = audio_from_waveform(*read_waveform(options.audio))
    bar = Bar()
    made = _Voice(options, usable_device(options.device)).speak(audio, bar.step("motion"))
    save = save_arkit_csv if Path(options.output).suffix.lower() == ".csv" else save_motion
    save(options.output, made)
    if options.plot:
        plot_motion(made, title=Path(options.audio).name).save(options.plot)
    bar.done(f"{options.output}: {made.duration:.2f} s, {len(made)} frames")


class _Voice:
    """The motion model of the options, with its audio encoder."""

    def __init__(self, options: argparse.Namespace, device: torch.device) -> None:
        joyvasa = JoyVasaOptions(options.chaining, options.positions, options.smoothing)
        self.model = load_motion_model(_motion_model(options.motion), joyvasa=joyvasa).to(device)
        self.encoder = encoder_of(self.model, options.audio_encoder).to(device)
        self.controls, self.seed, self.origin = _controls(options), options.seed, _voice_origin(options)
        sample_controls(self.controls, 1, self.model.fps)  # says now what is wrong with them
        self.sampling = Sampling(options.steps, options.cfg_audio, options.cfg_gaze)

    def speak(self, audio: Audio, progress: Progress) -> Motion:
        motion = speak(self.model, self.encoder, audio, self.controls, self.sampling, self.seed, progress)
        return replace(motion, origin=self.origin)


class _Face:
    """The portrait of the options, encoded, and how its frames are written."""

    def __init__(self, options: argparse.Namespace, device: torch.device) -> None:
        self.picture = read_image(options.portrait).to(device)
        self.vision = load_vision().to(device)
        self.model = load_face_model(options.face)
        for part in getattr(self.model, "halves", ()):  # large networks alone
            part.to(DTYPES[options.dtype])
        self.model.network.to(device)
        framing = getattr(self.model, "framing", None)
        self.crop = crop_face(self.vision, self.picture, options.face_index, options.box, framing=framing)
        self.portrait = self.model.encode(self.crop)
        self.whole, self.label = options.paste_back, options.label

    def placed(self, motion: Motion) -> Motion:
        """Absolute motion of this portrait, converted where the face model's space is another."""
        return anchor(suited(self.model, motion), self.portrait.rest)

    def write(self, writer: VideoWriter, motion: Motion, progress: Progress) -> None:
        """Frames of absolute `motion` into the file, in the whole picture where that is asked for."""
        pieces = render(self.model, self.portrait, motion, progress=progress)
        pieces = pasted(pieces, repeat(self.picture), self.crop) if self.whole else pieces
        for piece in labelled(pieces, self.label):
            writer.write(piece)
        for remark in remarks(self.model, self.portrait, motion):
            print(f"note: {remark}", file=sys.stderr)


def _controls(options: argparse.Namespace) -> Controls:
    gaze = Curve.constant(*(radians(angle) for angle in options.gaze)) if options.gaze else None
    distance = Curve.constant(options.distance) if options.distance is not None else None
    emotion = Curve.constant(*(options.emotion.get(name, 0.0) for name in EMOTIONS)) if options.emotion else None
    return Controls(gaze, distance, emotion)


def _voice_origin(options: argparse.Namespace) -> dict[str, str]:
    return made_with({"motion": _weights(_motion_model(options.motion))}, options.seed)


def _tags(options: argparse.Namespace, origin: Mapping[str, str] | None = None) -> dict[str, str]:
    """What the video says of itself: the face model, and how its motion came to be."""
    face = _weights(options.face)
    if options.face == LIVEPORTRAIT.name:
        face = list(find(LIVEPORTRAIT, folders_in(default_folder(), LIVEPORTRAIT)).values())
    return provenance({**made_with({"face": face}), **(origin or {})})


def _weights(name: str) -> Path | str:
    """The file behind a shipped name or a path; the name itself where there is none, which the loader complains of."""
    files = (checkpoint.shipped(f"{name}.safetensors"), Path(name))
    return next((file for file in files if file.is_file()), name)


def _motion_model(name: str) -> str:
    """The file of a motion model that was fetched, by its name; any other name as it is."""
    if name != JOYVASA.name:
        return name
    return str(find(JOYVASA, folders_in(default_folder(), JOYVASA))[JOYVASA.files[0].stem])


def _mp4(path: str) -> Path:
    if Path(path).suffix.lower() != ".mp4":
        raise BadInput(f"The output {path} must end in .mp4.")
    return Path(path)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("python -m vasa_core", description="One portrait and one voice become a video.")
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def plain_command(run: Callable) -> argparse.ArgumentParser:
        sub = commands.add_parser(run.__name__, help=run.__doc__, description=run.__doc__)
        sub.set_defaults(run=run)
        return sub

    def command(run: Callable, *groups: Callable) -> argparse.ArgumentParser:
        sub = plain_command(run)
        for group in groups:
            group(sub)
        sub.add_argument("--device", default="auto", help="auto, cpu, cuda, mps ... (auto)")
        return sub

    sub = command(talk, _portrait_options, _voice_options)
    sub.add_argument("audio", help="speech: WAV, FLAC, MP3, M4A, or a video with sound")
    sub.add_argument("--fps", type=frame_rate, default=Fraction(25), help="frames per second of the video (25)")
    sub.add_argument("--use-motion", metavar="FILE", help="a motion saved before, instead of making one")
    sub = command(drive, _portrait_options)
    sub.add_argument("video", help="video of a face")
    same = "take the film's pose and expression as they are, not their changes"
    sub.add_argument("--absolute", action="store_true", help=same)
    sub = command(motion, _voice_options)
    sub.add_argument("audio", help="speech, as for talk")
    sub.add_argument("-o", "--output", required=True, help="file to write: .safetensors, or .csv for ARKit curves")
    sub.add_argument("--plot", metavar="PICTURE", help="draw the motion, too")
    add_train_command(plain_command)
    add_evaluate_command(plain_command)
    add_weights_commands(plain_command)
    add_provenance_commands(plain_command)
    return parser


def _portrait_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("portrait", help="picture of a person: PNG, JPEG, WebP ...")
    parser.add_argument("-o", "--output", required=True, help="video to write, .mp4")
    told = "face model: mesh, liveportrait once it is fetched, or the file of a trained one (mesh)"
    parser.add_argument("--face", default="mesh", metavar="MODEL", help=told)
    dtype = "number type of a large face model (float32)"
    parser.add_argument("--dtype", default="float32", choices=list(DTYPES), help=dtype)
    parser.add_argument("--face-index", type=int, default=0, metavar="N", help="which face; 0 is the largest (0)")
    box = numbers(4, "four numbers, left,top,right,bottom in pixels")
    parser.add_argument("--box", type=box, metavar="L,T,R,B", help="only faces in this part of the picture")
    parser.add_argument("--label", default="", metavar="WORDS", help="shown in a corner, such as 'AI generated' (none)")
    parser.add_argument("--paste-back", action="store_true", help="the whole picture instead of the face's square")


def _voice_options(parser: argparse.ArgumentParser) -> None:
    told = "motion model: starter, joyvasa once it is fetched, or a file (starter)"
    parser.add_argument("--motion", default="starter", metavar="MODEL", help=told)
    parser.add_argument("--audio-encoder", metavar="FILE", help="Wav2Vec2 file, for motion models that need one")
    parser.add_argument("--seed", type=int, default=0, help="another seed moves the head another way (0)")
    own = "the motion model's own"
    parser.add_argument("--steps", type=int, help=f"denoising steps ({own})")
    parser.add_argument("--cfg-audio", type=float, help=f"pull towards the sound ({own})")
    parser.add_argument("--cfg-gaze", type=float, help=f"pull towards the gaze asked for ({own})")
    gaze = numbers(2, "two angles in degrees, such as 10,-5")
    parser.add_argument("--gaze", type=gaze, metavar="YAW,PITCH", help="degrees to the viewer's right, and up")
    parser.add_argument("--distance", type=float, metavar="D", help="1 is the portrait's own, 2 is twice as far")
    parser.add_argument("--emotion", type=mixed_emotion, metavar="NAME:AMOUNT,...", help=", ".join(EMOTIONS))
    group = parser.add_argument_group("JoyVASA", "how that motion model is run; the first choice is the default")
    for option, choices, told in (
        ("--chaining", CHAININGS, "windows that overlap, or as published, with lips two frames late"),
        ("--smoothing", SMOOTHINGS, "of the head; as published it nearly freezes"),
        ("--positions", POSITION_RULES, "the rule of the released weights, or that of the code since December 2025"),
    ):
        group.add_argument(option, choices=choices, default=choices[0], help=told)
