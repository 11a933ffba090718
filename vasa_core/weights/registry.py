"""The released weights that this pack can use, none of which it contains: what they are, where they are, on what terms.

MODELS is the only list. Revisions, sizes and hashes were read in public manifests that agree with one another; a file
whose size or hash is None is checked against what the server says of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePosixPath

HUB = "https://huggingface.co"


@dataclass(frozen=True)
class ReleasedFile:
    """One file of a released model.

    path: inside `repository` at `revision`; size: bytes; sha256: hexadecimal. None where not known.
    """

    repository: str
    revision: str
    path: str
    size: int | None
    sha256: str | None

    @property
    def name(self) -> str:
        """The file's name, e.g. 'warping_module.pth'."""
        return PurePosixPath(self.path).name

    @property
    def stem(self) -> str:
        """The name without its ending, which conversions to safetensors keep."""
        return PurePosixPath(self.path).stem

    def address(self, endpoint: str = HUB) -> str:
        """Where a browser gets the file."""
        return f"{endpoint}/{self.repository}/resolve/{self.revision}/{self.path}"


@dataclass(frozen=True)
class ReleasedModel:
    """Files that belong together, and the terms on which their authors give them.

    kind: 'face', 'motion' or 'metric'. folder: name of the model folder that they go into. code: of the published
    implementation, whose architecture ours repeats.
    """

    name: str
    title: str
    kind: str
    folder: str
    files: tuple[ReleasedFile, ...]
    licence: str
    holder: str
    home: str
    code: str
    note: str

    @property
    def size(self) -> int | None:
        """Bytes of all files, or None where one is not known."""
        sizes = [file.size for file in self.files]
        return None if None in sizes else sum(sizes)

    def terms(self) -> str:
        """The licence and where to read it, in one sentence."""
        return f"{self.title} is {self.holder}'s work under the {self.licence}; read its terms at {self.home}."


def _liveportrait(path: str, size: int, sha256: str) -> ReleasedFile:
    revision = "82a4fa6735ca58432b6ce39301b4b9ee066dea47"
    return ReleasedFile("KlingTeam/LivePortrait", revision, f"liveportrait/{path}", size, sha256)


def _joyvasa(path: str, size: int | None, sha256: str) -> ReleasedFile:
    return ReleasedFile("jdh-algo/JoyVASA", "b8f13fe9c23679c56f21b1baafb92ed00dc087c3", path, size, sha256)


LIVEPORTRAIT = ReleasedModel(
    name="liveportrait",
    title="LivePortrait",
    kind="face",
    folder="liveportrait",
    files=(
        _liveportrait(
            "base_models/appearance_feature_extractor.pth",
            3387959,
            "5279bb8654293dbdf327030b397f107237dd9212fb11dd75b83dfb635211ceb5",
        ),
        _liveportrait(
            "base_models/motion_extractor.pth",
            112545506,
            "251e6a94ad667a1d0c69526d292677165110ef7f0cf0f6d199f0e414e8aa0ca5",
        ),
        _liveportrait(
            "base_models/warping_module.pth",
            182180086,
            "2f61a6f265fe344f14132364859a78bdbbc2068577170693da57fb96d636e282",
        ),
        _liveportrait(
            "base_models/spade_generator.pth",
            221813590,
            "4780afc7909a9f84e24c01d73b31a555ef651521a1fe3b2429bd04534d992aee",
        ),
        _liveportrait(
            "retargeting_models/stitching_retargeting_module.pth",
            2393098,
            "3652d5a3f95099141a56986aaddec92fadf0a73c87a20fac9a2c07c32b28b611",
        ),
    ),
    licence="MIT licence",
    holder="Kuaishou Visual Generation and Interaction Center",
    home="https://huggingface.co/KlingTeam/LivePortrait",
    code="https://github.com/KwaiVGI/LivePortrait",
    note="Photo-real faces. The InsightFace detectors that its authors use (not for commercial use) are not needed.",
)

JOYVASA = ReleasedModel(
    name="joyvasa",
    title="JoyVASA",
    kind="motion",
    folder="joyvasa",
    files=(
        _joyvasa(
            "motion_generator/motion_generator_hubert_chinese.pt",
            None,
            "9dd869329725caedf5f0c13dd383abec1e385f566d8afe2047b141f604844e80",
        ),
        _joyvasa(
            "motion_template/motion_template.pkl",
            None,
            "294ce67350b18031b375361756f654c76d5e14c8f1e319cf9ed07f759ef81a98",
        ),
    ),
    licence="MIT licence",
    holder="JD Health International",
    home="https://huggingface.co/jdh-algo/JoyVASA",
    code="https://github.com/jdh-algo/JoyVASA",
    note="Speech to motion for LivePortrait. It holds a fine-tuned chinese-hubert-base (TencentGameMate, MIT licence).",
)

SYNCNET = ReleasedModel(
    name="syncnet",
    title="SyncNet",
    kind="metric",
    folder="syncnet",
    files=(
        ReleasedFile(
            "ByteDance/LatentSync-1.5",  # a copy: the authors' own server tells no hash
            "32a20d29aead0498e3e885e90dbbe8027da1b61b",
            "auxiliary/syncnet_v2.model",
            54573114,
            "961e8696f888fce4f3f3a6c3d5b3267cf5b343100b238e79b2659bff2c605442",
        ),
    ),
    licence="MIT licence of its published code, none being stated for the weights",
    holder="the University of Oxford",
    home="https://www.robots.ox.ac.uk/~vgg/software/lipsync/",
    code="https://github.com/joonson/syncnet_python",
    note="Measures lip sync: S_C and S_D.",
)

MODELS: dict[str, ReleasedModel] = {model.name: model for model in (LIVEPORTRAIT, JOYVASA, SYNCNET)}
