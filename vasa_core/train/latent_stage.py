"""The motion stage on a face model's own codes: VASA-1's diffusion transformer learns how talking people move.

    settings (JSON) -> train_latent_motion -> OUTPUT/motion.safetensors, with state, losses.csv and their curves beside

Clips are read once with the encoders of a trained face model (extraction.py), cut into windows and labelled
(latent_windows.py). Loss: squared error of the predicted clean motion, in channels normalised number by number, and of
its velocity. No number of an opaque code has a meaning, so none weighs more than another.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from functools import cache
from pathlib import Path

import torch
from torch import Generator, Tensor

from ..audio import load_audio_encoder, weights_of
from ..errors import BadInput, OutputError
from ..motion.channels import MotionChannels
from ..motion.denoiser import PRESETS, Block
from ..motion.diffusion import STEPS, add_noise, draw_noise
from ..motion.model import FPS, MotionModel, load_motion_model, save_motion_model
from ..types import POSE, MotionSpace
from .ahead import Ahead
from .distributed import ALONE, World
from .economy import Economy, economise
from .extraction import encoder_key, encoder_name, extract
from .latent_windows import LatentBatch, LatentWindows, Withheld
from .loop import Recipe, averaged, train
from .losses_log import recorded, save_curves
from .readers import load_reader
from .talkers import SyntheticTalkers
from .talking_clips import MotionClips, ShardClips, read_emotions

SAID_EVERY = 50
EXAMPLES = 500  # windows that normalise the channels and start what is heard
FLOOR = 0.1
"""Smallest deviation by which a number of the code is normalised, in the usual one: what hardly varies stays small."""
STEADY, FADING_POSE, FADING_CODE, TRUST = 0.5, 20.0, 3.0, 0.4
"""How the denoiser's first guess starts: frames of smoothing, frames over which head and code fade from the previous
window's last, and the worth of x_t. See DiffusionTransformer.start_smooth."""
ANYWHERE = ("output", "face", "clips", "emotions", "audio_encoder", "economy", "tensorboard")
"""Settings that may change while a training goes on: they name things, or change how fast it goes."""
Say = Callable[[str], None]


@dataclass(frozen=True)
class MotionSettings:
    """Everything that decides the outcome of the motion stage.

    output: folder. face: the file of a trained face model, 'mesh' or 'liveportrait'. clips: folder of clips that `train
    prepare` wrote; without it, `takes` synthetic clips each of that many `identities`, of `size` pixels. emotions: file
    that says how videos feel (see talking_clips.read_emotions), where somebody knows. audio_encoder: 'phonetic',
    'log-mel', or the file of a Wav2Vec2. preset: of the denoiser. batch: windows in a step, in recipe.parts equal
    parts. velocity: weight of that loss; 0 leaves the paper's. withheld: how often a window does not get what is known.
    nearer: natural log of scale by which heads are moved in depth, see LatentWindows. tensorboard: write losses for it,
    too. economy: what saves time and memory.
    """

    output: str
    face: str
    clips: str | None = None
    emotions: str | None = None
    identities: int = 200
    takes: int = 1
    size: int = 128
    audio_encoder: str = "phonetic"
    preset: str = "paper"
    batch: int = 32
    velocity: float = 1.0
    tensorboard: bool = False
    economy: Economy = field(default_factory=Economy)
    withheld: Withheld = field(default_factory=Withheld)
    nearer: float = 0.2
    recipe: Recipe = field(
        default_factory=lambda: Recipe(steps=100_000, learning_rate=3e-4, warm_up=500, average=0.999, save_every=1000)
    )

    def __post_init__(self) -> None:
        if self.preset not in PRESETS:
            raise ValueError(f"there is no preset '{self.preset}'; choose one of {', '.join(PRESETS)}")
        if self.batch < 1:
            raise ValueError(f"a batch of {self.batch} windows trains nothing; at least 1 is needed")
        if self.batch % self.recipe.parts:
            raise ValueError(f"a batch of {self.batch} cannot be split into {self.recipe.parts} equal parts")
        if not 0 <= self.nearer <= 1:
            raise ValueError(f"nearer is {self.nearer}; a natural log of scale between 0 and 1 is needed")
        if self.velocity < 0:
            raise ValueError(f"velocity is {self.velocity}; a weight is 0 or more")


def train_latent_motion(
    settings: MotionSettings, device: str = "cpu", say: Say | None = None, world: World = ALONE
) -> Path:
    """Train as `settings` say, going on where an earlier run stopped; returns the file of the motion model.

    Of several processes of a `world`, all read clips, and the leading one speaks and writes the rest. Raises BadInput
    where the output holds a training for another face or audio encoder.
    """
    out, say = Path(settings.output), say if say and world.leads else (lambda text: None)
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"The folder {out} cannot be made ({error.strerror}). Name another output.") from error
    reader, encoder = load_reader(settings.face), load_audio_encoder(settings.audio_encoder)
    made, name, recipe = out / "motion.safetensors", encoder_name(encoder), settings.recipe
    _check_same(made, reader.space, name)
    deciding = {key: value for key, value in asdict(settings).items() if key not in ANYWHERE}
    deciding |= {"space": reader.space.name, "hearing": encoder_key(encoder)}
    reader.network.to(device)
    clips = extract(_clips(settings), reader, encoder.to(device), FPS, say, world)
    reader.network.to("cpu")
    windows = LatentWindows(clips, settings.withheld, settings.nearer)
    world.agree(len(windows), "numbers of windows", "clips")
    say(f"training on {len(windows)} windows of {len(clips)} clips, space {reader.space.name}, hearing {name}")
    model = new_latent_model(windows, reader.space, name, settings.preset, recipe.seed)
    model.encoder_weights = weights_of(encoder)
    model.to(device)
    average, size = averaged(model), settings.batch // recipe.parts
    economise([model.denoiser], settings.economy, Block)

    @cache
    def channels() -> MotionChannels:
        """On the CPU, where windows are cut; asked for once the model is what it goes on from."""
        return averaged(model.channels).cpu()

    drawn = Ahead(lambda generator: windows.batch(size, channels(), generator), recipe, world)

    def losses(step: int, generator: Generator) -> dict[str, Tensor]:
        return latent_loss(model, drawn(step, generator), settings.velocity, generator)

    reports = train(model, average, losses, recipe, out / "state.safetensors", settings=deciding, world=world)
    for report in recorded(reports, out, world, out / "losses.png", settings.tensorboard):
        if report.step % recipe.save_every == 0 or report.step == recipe.steps:
            save_motion_model(made, average)
            save_curves(out / "losses.csv")
        if report.step % SAID_EVERY == 0 or report.step == recipe.steps:
            told = ", ".join(f"{loss} {value:.4f}" for loss, value in report.losses.items())
            say(f"motion, step {report.step} of {recipe.steps}: {told}")
    if world.leads:  # a run may have been stopped right before it wrote the file of its last step
        save_motion_model(made, average)
    return made


def _clips(settings: MotionSettings) -> MotionClips:
    if settings.clips is not None:
        return ShardClips(settings.clips, read_emotions(settings.emotions) if settings.emotions else None)
    folder = Path(settings.output) / "clips"
    return SyntheticTalkers(folder, settings.identities, settings.size, settings.takes, seed=settings.recipe.seed)


def _check_same(made: Path, space: MotionSpace, encoder: str) -> None:
    """BadInput where a model in `made` is of another motion space or audio encoder: its training cannot go on here."""
    if not made.exists():
        return
    before = load_motion_model(made)
    if (before.space, before.encoder) != (space, encoder):
        raise BadInput(
            f"{made} is of the space '{before.space.name}' and hears with '{before.encoder}', but this training is of "
            f"'{space.name}' with '{encoder}'. Name another output, or the face and audio encoder of before."
        )


def new_latent_model(windows: LatentWindows, space: MotionSpace, encoder: str, preset: str, seed: int) -> MotionModel:
    """A model with fresh weights, its channels normalised by examples and its dynamics begun as what is heard."""
    features, motion = windows.examples(EXAMPLES, Generator().manual_seed(seed))
    torch.manual_seed(seed)
    model = MotionModel(space, encoder, features.shape[1], preset, FPS)
    usual = float(motion[:, len(POSE) :].std(0).median())
    model.channels.fit(motion, max(FLOOR * usual, 1e-6))
    code = torch.arange(space.width) >= len(POSE)
    fading = torch.where(code, FADING_CODE, FADING_POSE)
    ones = torch.ones(space.width)
    model.denoiser.start_smooth(STEADY * ones, fading, TRUST * ones, ones)
    model.denoiser.hearing.start_linear(features, model.channels.normalise(motion), code)
    return model


def latent_loss(model: MotionModel, batch: LatentBatch, velocity: float, generator: Generator) -> dict[str, Tensor]:
    """Squared errors of position and, where it weighs anything, velocity, at random diffusion times."""
    size, device = len(batch.clean), model.device
    clean = batch.clean.to(device)
    share = (torch.randperm(size, generator=generator) + torch.rand(size, generator=generator)) / size
    t = (STEPS * share).long().clamp(max=STEPS - 1).to(device)  # one time from each of `size` parts of the process
    noise = draw_noise(*clean.shape, generator).to(device)
    error = model.denoiser(add_noise(clean, noise, t), t, batch.conditions.to(device)) - clean  # (B, W, K)
    named = {"position": error.square().mean()}
    if velocity:
        named["velocity"] = velocity * error.diff(dim=1).square().mean()
    return named
