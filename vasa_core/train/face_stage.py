"""The face stage: a face network learns from pairs of frames to take faces apart and put them together again.

    settings (JSON) -> train_face -> OUTPUT/face.safetensors, with state, losses.csv and pictures beside it

A step draws pairs (i, j) of B people, each frame of which is made from the other; the drivers d and e of i are the j of
the two people before in the batch. See face_losses.py for what is learnt from them. Perceptual and identity losses need
networks from files that the user names; without a file the loss is off, and the log says so.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import torch
from torch import Generator, Tensor, nn

from ..errors import BadInput, OutputError
from ..faces.vasa.files import SPACE, load_face_network, save_face_network
from ..faces.vasa.layers import ResidualBlock
from ..faces.vasa.network import EncodedFace, FaceNetwork
from ..faces.vasa.presets import PRESETS
from ..metrics.recognition import RecognitionNetwork, load_recognition
from ..metrics.vgg import PerceptualNetwork, load_vgg, perceptual_distance
from . import face_losses
from .ahead import Ahead
from .contact_sheet import save_sheet
from .discriminator import Discriminator, feature_distance, hinge_made, hinge_real_and_made
from .distributed import ALONE, World
from .economy import Economy, economise
from .face_data import ClipFolder, Pairs, PairSource
from .face_losses import LossWeights
from .loop import Recipe, Rival, averaged, train
from .losses_log import recorded, save_curves
from .synthetic import SyntheticHeads

SAID_EVERY = 50
SHOWN = 6  # pairs on a sheet of samples
ANYWHERE = ("output", "space", "clips", "perceptual_network", "identity_network", "economy", "tensorboard")
"""Settings that may change while a training goes on: they name things, or change how fast it goes."""
Say = Callable[[str], None]


@dataclass(frozen=True)
class FaceSettings:
    """Everything that decides the outcome of the face stage.

    output: folder. preset: of the network. clips: folder of clips (see face_data.py); without it, that many synthetic
    `identities`. start: file of a trained network to go on from. batch: pairs in a step, in recipe.parts equal parts;
    drivers are other people of the same part. known_pose: share of the steps, from the first, in which warps get the
    known pose instead of the one that is read. perceptual_network, identity_network: files (see vgg.py,
    recognition.py). patch_width: channels of the discriminator. space: what the motion space is called, before the hash
    of the weights. tensorboard: write losses and samples for it, too. economy: what saves time and memory.
    """

    output: str
    preset: str = "small"
    clips: str | None = None
    identities: int = 1000
    start: str | None = None
    batch: int = 8
    known_pose: float = 0.3
    perceptual_network: str | None = None
    identity_network: str | None = None
    patch_width: int = 64
    space: str = SPACE
    tensorboard: bool = False
    economy: Economy = field(default_factory=Economy)
    losses: LossWeights = field(default_factory=LossWeights)
    recipe: Recipe = field(
        default_factory=lambda: Recipe(
            steps=100_000, learning_rate=4e-4, warm_up=500, average=0.999, save_every=1000, momentum=(0.5, 0.99)
        )
    )

    def __post_init__(self) -> None:
        if self.preset not in PRESETS:
            raise ValueError(f"there is no preset '{self.preset}'; choose one of {', '.join(PRESETS)}")
        if self.batch % self.recipe.parts:
            raise ValueError(f"a batch of {self.batch} cannot be split into {self.recipe.parts} equal parts")
        if self.batch < 2 * self.recipe.parts:
            raise ValueError(f"a batch of {self.batch} has no two people in each part; at least 2 pairs are needed")
        if self.recipe.steps < 1:
            raise ValueError(f"{self.recipe.steps} steps train nothing; at least 1 is needed")


def train_face(settings: FaceSettings, device: str = "cpu", say: Say | None = None, world: World = ALONE) -> Path:
    """Train as `settings` say, going on where an earlier run stopped; returns the file of the trained network.

    Of several processes of a `world`, the leading one speaks and writes.
    """
    out, say = Path(settings.output), say if say and world.leads else (lambda text: None)
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"The folder {out} cannot be made ({error.strerror}). Name another output.") from error
    torch.manual_seed(settings.recipe.seed)  # the first weights
    preset = PRESETS[settings.preset]
    data: PairSource
    if settings.clips is None:
        data = SyntheticHeads(settings.identities, preset.size, settings.recipe.seed, device, reach=preset.reach)
    else:
        data = ClipFolder(settings.clips, preset.size, preset.reach)
    stage = FaceStage.build(settings, first_network(settings), data, device, say)
    average = averaged(stage.network)
    stage.economise(settings.economy)
    if settings.clips is not None:  # synthetic heads are drawn where the network computes
        stage.drawn = Ahead(lambda generator: data.pairs(stage.batch, generator), settings.recipe, world, threads=4)
    rival = Rival(stage.discriminator, stage.adversary_losses) if stage.discriminator is not None else None
    state, recipe = out / "state.safetensors", settings.recipe
    deciding = {name: value for name, value in asdict(settings).items() if name not in ANYWHERE}
    deciding["losses"] = asdict(stage.weights)
    reports = train(stage.network, average, stage.losses, recipe, state, rival, deciding, world)
    for report in recorded(reports, out, world, out / "samples.png", settings.tensorboard):
        if report.step % recipe.save_every == 0 or report.step == recipe.steps:
            save_face_network(out / "face.safetensors", average, report.step, settings.space)
            save_sheet(out / "samples.png", samples(average, data.pairs(SHOWN, Generator().manual_seed(0))))
            save_curves(out / "losses.csv")
        if report.step % SAID_EVERY == 0 or report.step == recipe.steps:
            losses = ", ".join(f"{name} {value:.4f}" for name, value in report.losses.items())
            say(f"face, step {report.step} of {recipe.steps}: {losses}")
    if world.leads:  # a run may have been stopped right before it wrote the file of its last step
        save_face_network(out / "face.safetensors", average, recipe.steps, settings.space)
    return out / "face.safetensors"


def first_network(settings: FaceSettings) -> FaceNetwork:
    """What a training starts from: random weights, or those in `settings.start`; BadInput where it has other sizes."""
    preset = PRESETS[settings.preset]
    if settings.start is None:
        return FaceNetwork(preset)
    network = load_face_network(settings.start, trainable=True).network
    if network.preset != preset:
        name = settings.preset
        raise BadInput(f"{settings.start} holds a network of other sizes than '{name}'. Give the preset that it has.")
    return network


@dataclass
class FaceStage:
    """One training: the network, its adversary, the judges that were named, and the data. Holds what a step made."""

    network: FaceNetwork
    data: PairSource
    weights: LossWeights
    batch: int
    known_pose_steps: int
    discriminator: Discriminator | None = None
    perceptual: PerceptualNetwork | None = None
    recognition: RecognitionNetwork | None = None
    drawn: Ahead[Pairs] | None = None  # draws the pairs of clips while the part before is computed
    made: tuple[Tensor, Tensor] | None = None  # made and real pictures, for the adversary
    settled: int | None = None  # the step for which the adversary is

    @staticmethod
    def build(settings: FaceSettings, network: FaceNetwork, data: PairSource, device: str, say: Say) -> FaceStage:
        """Load the judges that are named, and switch off, saying so, what cannot be had."""
        weights, perceptual, recognition = settings.losses, None, None
        if weights.perceptual and settings.perceptual_network:
            perceptual = load_vgg(settings.perceptual_network).to(device)
        elif weights.perceptual:
            say("the perceptual loss is off: the settings name no perceptual_network (VGG19)")
            weights = replace(weights, perceptual=0.0)
        if weights.identity and settings.identity_network:
            recognition = load_recognition(settings.identity_network).to(device)
        elif weights.identity:
            say("the identity loss is off: the settings name no identity_network (face recognition)")
            weights = replace(weights, identity=0.0)
        adversary = Discriminator(settings.patch_width) if weights.adversarial or weights.matching else None
        if weights.pose and data.pairs(2, Generator().manual_seed(0)).first_pose is None:
            say("the pose loss is off: the clips know no pose, so the pose that is learnt has no fixed meaning")
            weights = replace(weights, pose=0.0)
        known = round(settings.known_pose * settings.recipe.steps)
        network, adversary = network.to(device), adversary and adversary.to(device)
        size = settings.batch // settings.recipe.parts
        return FaceStage(network, data, weights, size, known, adversary, perceptual, recognition)

    def economise(self, economy: Economy) -> None:
        """Save time or memory in all networks that a step uses."""
        judges = (self.discriminator, self.perceptual, self.recognition)
        economise([*self.network.parts(), *(judge for judge in judges if judge is not None)], economy, ResidualBlock)

    def losses(self, step: int, generator: Generator) -> dict[str, Tensor]:
        """Named and weighted losses of the network in one part of a step."""
        if self.discriminator is not None and step != self.settled:
            self.discriminator.settle()
            self.settled = step
        device = self.network.decoder.output.weight.device
        pairs = self.drawn(step, generator) if self.drawn else self.data.pairs(self.batch, generator)
        pairs = pairs.to(device)
        pictures = torch.cat([pairs.first, pairs.second])
        read = self.network.codes.read_pose(pictures)
        known = step <= self.known_pose_steps and pairs.first_pose is not None
        faces = self.network.encode(pictures, torch.cat([pairs.first_pose, pairs.second_pose]) if known else read)
        return self.losses_of(pairs, faces.take(slice(self.batch)), faces.take(slice(self.batch, None)), read)

    def losses_of(self, pairs: Pairs, first: EncodedFace, second: EncodedFace, read: Tensor) -> dict[str, Tensor]:
        """Named and weighted losses of two encoded frames each of B people; read (2 B, 6): the poses read off them."""
        w, network, named = self.weights, self.network, {}
        ways = ((first, second), (second, first))
        made = torch.cat([network.decode(a.volume, a.identity, b.pose, b.dynamics) for a, b in ways])
        real = torch.cat([pairs.second, pairs.first])
        self.made = made.detach(), real
        if w.reconstruction:
            named["reconstruction"] = w.reconstruction * face_losses.reconstruction_loss(made, real)
        if w.face:
            poses = torch.cat([second.pose, first.pose])
            named["face"] = w.face * face_losses.face_loss(made, real, poses)
        if w.perceptual:
            named["perceptual"] = w.perceptual * perceptual_distance(self.perceptual, made, real)
        if self.discriminator is not None:
            named |= self._against_adversary(made, real)
        if w.pose:
            known = torch.cat([pairs.first_pose, pairs.second_pose])
            named["pose"] = w.pose * face_losses.pose_loss(read, known)
        if w.pairwise:
            crossed = face_losses.cross_transfers(network, first, second)
            named["pairwise"] = w.pairwise * face_losses.pairwise_loss(*crossed, second.pose)
        if w.cycle or w.identity:
            others = torch.arange(len(pairs.first))
            pose, dynamics = second.pose[others.roll(1)], second.dynamics[others.roll(2)]
            crossed_person = network.decode(first.volume, first.identity, pose, dynamics)
            if w.cycle:
                named["cycle"] = w.cycle * face_losses.cycle_loss(network, crossed_person, pose, dynamics)
            if w.identity:
                likeness = (crossed_person, pose, pairs.first, first.pose)
                named["identity"] = w.identity * face_losses.identity_loss(self.recognition, *likeness)
        if not named:
            raise BadInput("All losses are switched off. Give at least one of them a weight above 0.")
        return named

    def adversary_losses(self, step: int, generator: Generator) -> dict[str, Tensor]:
        """The adversary's own loss, on what `losses` has just made."""
        made, real = self.made
        return {"adversary": hinge_real_and_made(self.discriminator(real)[0], self.discriminator(made)[0])}

    def _against_adversary(self, made: Tensor, real: Tensor) -> dict[str, Tensor]:
        named = {}
        with frozen(self.discriminator):
            scores, features = self.discriminator(made)
            if self.weights.adversarial:
                named["adversarial"] = self.weights.adversarial * hinge_made(scores)
            if self.weights.matching:
                real_features = self.discriminator(real)[1]
                named["matching"] = self.weights.matching * feature_distance(real_features, features)
        return named


@contextmanager
def frozen(module: nn.Module):
    """Within, gradients flow through `module` but not into its parameters."""
    learning = [p for p in module.parameters() if p.requires_grad]
    for parameter in learning:
        parameter.requires_grad_(False)
    try:
        yield
    finally:
        for parameter in learning:
            parameter.requires_grad_(True)


@torch.no_grad()
def samples(network: FaceNetwork, pairs: Pairs) -> list[Tensor]:
    """Rows of pictures (B, 3, S, S): frame i, frame j, i moved like j, and i moved like the j of the person before."""
    pairs = pairs.to(network.decoder.output.weight.device)
    first, second = network.encode(pairs.first), network.encode(pairs.second)
    driver = second.take(torch.arange(len(pairs.first)).roll(1))
    moved = network.decode(first.volume, first.identity, second.pose, second.dynamics)
    crossed = network.decode(first.volume, first.identity, driver.pose, driver.dynamics)
    return [pairs.first, pairs.second, moved, crossed]
