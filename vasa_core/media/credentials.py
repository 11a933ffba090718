"""Content Credentials (C2PA): a signed statement inside a video that it is synthetic, for whoever has a certificate.

Uses the Content Authenticity Initiative's own library, the optional extra `credentials`. The statement names IPTC's
digital source type of generated media, this pack's version, and what the video's tags say of models and seed. Nothing
is fetched: no time stamp, no remote manifest.
"""

from __future__ import annotations

import json
import os
import secrets
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from .. import __version__
from ..errors import BadInput, MissingPackage, OutputError
from .provenance import SYNTHETIC, read_tags

MADE_WITH = "vasa.made_with"  # label of the assertion that holds models and seed
TOLD = ("generator", "face_model", "motion_model", "seed")
ALGORITHMS = ("es256", "es384", "es512", "ps256", "ps384", "ps512", "ed25519")
OFFLINE = {"verify": {"remote_manifest_fetch": False, "ocsp_fetch": False}}


@dataclass(frozen=True)
class Credentials:
    """What a signed video states. valid: the signature fits the file, whoever signed; trusted: by a known authority."""

    signer: str
    generator: str
    source_type: str
    made_with: dict[str, str]
    valid: bool
    trusted: bool


def sign(video: Path, output: Path, certificate: Path, key: Path, algorithm: str = "es256") -> None:
    """Write `output`, the same video with Content Credentials; whole or not at all.

    certificate: chain in PEM, the signer's own first. key: its private key in PEM. algorithm: one of ALGORITHMS.
    Raises BadInput for a wrong certificate or key, MissingPackage without the library, OutputError.
    """
    library = _library()
    tags = read_tags(video)
    if tags.get("digital_source_type") != SYNTHETIC:
        raise BadInput(f"{video.name} does not say that it is made by this pack. Sign the file that Save Video wrote.")
    told = {name: tags[name] for name in TOLD if name in tags}
    agent = {"name": "VASA for ComfyUI", "version": __version__}
    created = {"action": "c2pa.created", "digitalSourceType": SYNTHETIC, "softwareAgent": agent}
    manifest = {
        "claim_generator_info": [agent],
        "title": output.name,
        "format": "video/mp4",
        "assertions": [
            {"label": "c2pa.actions", "data": {"actions": [created]}},
            {"label": MADE_WITH, "data": told},
        ],
    }
    chain, secret = _bytes(certificate, "certificate"), _bytes(key, "key")
    temporary = output.with_name(f".{output.stem}.{secrets.token_hex(4)}.mp4")
    try:
        if algorithm not in ALGORITHMS:
            raise BadInput(f"The algorithm '{algorithm}' is not one of {', '.join(ALGORITHMS)}. Use the key's own.")
        info = library.C2paSignerInfo(algorithm.encode(), chain, secret, None)
        library.Builder(json.dumps(manifest), _offline(library)).sign_file(
            video, temporary, library.Signer.from_info(info)
        )
        os.replace(temporary, output)
    except library.C2paError as error:
        raise BadInput(
            f"{video.name} cannot be signed ({error}). Check --certificate, --key and --algorithm."
        ) from error
    except OSError as error:
        raise OutputError(f"Cannot write {output} ({error.strerror}). Choose a folder that can be written.") from error
    finally:
        temporary.unlink(missing_ok=True)


def read_credentials(video: Path) -> Credentials | None:
    """The Content Credentials of a video; None where it has none."""
    library = _library()
    try:
        reader = library.Reader.try_create(video, context=_offline(library))
    except (library.C2paError, OSError) as error:
        raise BadInput(f"The credentials of {video.name} cannot be read ({error}). Name an MP4 file.") from error
    if reader is None:
        return None
    store, state = json.loads(reader.json()), reader.get_validation_state()
    manifest = store["manifests"][store["active_manifest"]]
    assertions = {assertion["label"].removesuffix(".v2"): assertion["data"] for assertion in manifest["assertions"]}
    actions = assertions.get("c2pa.actions", {}).get("actions", [])
    generator = (manifest.get("claim_generator_info") or [{}])[0]
    signature = manifest.get("signature_info", {})
    return Credentials(
        signer=signature.get("common_name") or signature.get("issuer", ""),
        generator=f"{generator.get('name', '')} {generator.get('version', '')}".strip(),
        source_type=next((a["digitalSourceType"] for a in actions if "digitalSourceType" in a), ""),
        made_with=assertions.get(MADE_WITH, {}),
        valid=state in ("Valid", "Trusted"),
        trusted=state == "Trusted",
    )


def _library() -> ModuleType:
    try:
        import c2pa  # an optional extra
    except ImportError as error:
        raise MissingPackage(
            "Content Credentials need the package c2pa-python. Run: pip install c2pa-python"
        ) from error
    return c2pa


def _offline(library: ModuleType):
    return library.Context(settings=library.Settings.from_dict(OFFLINE))


def _bytes(path: Path, what: str) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise BadInput(f"The {what} {path} cannot be read ({error.strerror}). Name a PEM file.") from error
