"""Content Credentials: signed with a certificate made here, read back, and found broken once the file was changed."""

from __future__ import annotations

import datetime
import json
from pathlib import Path

import numpy as np
import pytest

from vasa_core.cli import main
from vasa_core.errors import BadInput, MissingPackage
from vasa_core.media.provenance import SYNTHETIC, provenance
from vasa_core.media.write import VideoWriter

ORIGIN = {"face_model": "mesh", "motion_model": "starter.safetensors sha256:abc", "seed": "7"}
NODES = [{"type": "VASA_DecodeFrames"}, {"type": "CreateVideo"}]


def write_video(path: Path, tags: dict[str, str]) -> Path:
    with VideoWriter(path, 25, metadata=tags) as writer:
        writer.write(np.random.default_rng(0).integers(0, 255, (5, 64, 64, 3), dtype=np.uint8))
    return path


@pytest.fixture(scope="module")
def signer(tmp_path_factory) -> tuple[Path, Path]:
    """A certificate chain and a key, as a signer of media has them, but by an authority nobody knows."""
    pytest.importorskip("c2pa", reason="Content Credentials need the optional package c2pa-python")
    x509 = pytest.importorskip("cryptography.x509", reason="the test's certificate needs the package cryptography")
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

    now = datetime.datetime.now(datetime.timezone.utc)

    def named(name: str) -> x509.Name:
        return x509.Name([
            x509.NameAttribute(NameOID.COMMON_NAME, name), x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Test")
        ])  # fmt: skip

    def certificate(name: str, key, authority: bool) -> x509.Certificate:
        uses = {use: False for use in ("content_commitment", "key_encipherment", "data_encipherment", "key_agreement",
                                       "encipher_only", "decipher_only")}  # fmt: skip
        usage = x509.KeyUsage(digital_signature=not authority, key_cert_sign=authority, crl_sign=authority, **uses)
        builder = x509.CertificateBuilder().subject_name(named(name)).issuer_name(named("Authority"))
        builder = builder.public_key(key.public_key()).serial_number(x509.random_serial_number())
        builder = builder.not_valid_before(now).not_valid_after(now + datetime.timedelta(days=2))
        builder = builder.add_extension(x509.BasicConstraints(authority, None), True).add_extension(usage, True)
        known = x509.AuthorityKeyIdentifier.from_issuer_public_key(root.public_key())
        own = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
        builder = builder.add_extension(known, False).add_extension(own, False)
        if not authority:
            builder = builder.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION]), True)
        return builder.sign(root, hashes.SHA256())

    root, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    pem = serialization.Encoding.PEM
    chain = [
        certificate("Studio", key, False).public_bytes(pem),
        certificate("Authority", root, True).public_bytes(pem),
    ]
    folder = tmp_path_factory.mktemp("signer")
    (folder / "chain.pem").write_bytes(b"".join(chain))
    plain = serialization.NoEncryption()
    (folder / "key.pem").write_bytes(key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain))
    return folder / "chain.pem", folder / "key.pem"


def test_signed_and_read_back(tmp_path, signer):
    from vasa_core.media.credentials import read_credentials, sign

    video = write_video(tmp_path / "v.mp4", provenance(ORIGIN))
    assert read_credentials(video) is None
    sign(video, tmp_path / "signed.mp4", *signer)
    told = read_credentials(tmp_path / "signed.mp4")
    assert told.valid and not told.trusted and told.signer == "Studio"
    assert told.source_type == SYNTHETIC and told.generator.startswith("VASA for ComfyUI")
    assert {name: told.made_with[name] for name in ORIGIN} == ORIGIN


def test_a_changed_file_is_found(tmp_path, signer):
    from vasa_core.media.credentials import read_credentials, sign

    sign(write_video(tmp_path / "v.mp4", provenance(ORIGIN)), tmp_path / "signed.mp4", *signer)
    data = bytearray((tmp_path / "signed.mp4").read_bytes())
    place = data.find(b"mdat") + 200
    data[place] ^= 0xFF
    (tmp_path / "changed.mp4").write_bytes(data)
    assert not read_credentials(tmp_path / "changed.mp4").valid


def test_what_cannot_be_signed(tmp_path, signer):
    from vasa_core.media.credentials import sign

    chain, key = signer
    ours = write_video(tmp_path / "ours.mp4", provenance())
    foreign = write_video(tmp_path / "foreign.mp4", {})
    out = tmp_path / "out.mp4"
    for video, certificate, secret, said in (
        (foreign, chain, key, "foreign.mp4 does not say that it is made by this pack"),
        (ours, tmp_path / "none.pem", key, "The certificate .*none.pem cannot be read"),
        (ours, chain, chain, "ours.mp4 cannot be signed"),
    ):
        with pytest.raises(BadInput, match=said):
            sign(video, out, certificate, secret)
    assert not out.exists() and len(list(tmp_path.iterdir())) == 2


def test_the_command_reads_it_all_back(tmp_path, signer, capsys):
    video = write_video(tmp_path / "v.mp4", provenance(ORIGIN) | {"workflow": json.dumps({"nodes": NODES})})
    chain, key = map(str, signer)
    assert main(["sign", str(video), "-o", str(tmp_path / "s.mp4"), "--certificate", chain, "--key", key]) == 0
    assert main(["inspect", str(tmp_path / "s.mp4")]) == 0
    told = capsys.readouterr().out
    told = dict(line.split(maxsplit=1) for line in told.splitlines() if line[20:].strip())
    assert (told["synthetic"], told["seed"], told["prompt"]) == ("yes", "7", "none")
    assert told["workflow"].startswith("2 nodes") and told["credentials"].startswith("valid") and "encoder" not in told
    assert told["signed"].endswith("Studio")


@pytest.mark.parametrize(
    ("prompt", "said"),
    [
        ({str(k): {"class_type": node["type"]} for k, node in enumerate(NODES)}, "made with VASA_DecodeFrames"),
        ({"1": {"class_type": "CreateVideo"}}, "not said"),
        ([1, 2], "not said"),
    ],
)
def test_inspect_of_a_video_that_other_nodes_made_of_our_frames(tmp_path, capsys, prompt, said):
    """Images carry no tags; the graph inside the file is what tells."""
    assert main(["inspect", str(write_video(tmp_path / "v.mp4", {"prompt": json.dumps(prompt)}))]) == 0
    (line,) = (line for line in capsys.readouterr().out.splitlines() if line.startswith("synthetic"))
    assert said in line


def test_inspect_without_the_library_says_so(tmp_path, monkeypatch, capsys):
    from vasa_core.media import credentials

    def missing():
        raise MissingPackage("Content Credentials need the package c2pa-python.")

    monkeypatch.setattr(credentials, "_library", missing)
    assert main(["inspect", str(write_video(tmp_path / "v.mp4", {}))]) == 0
    told = capsys.readouterr().out
    assert "not said" in told and "workflow            none" in told and "not read: Content Credentials" in told


def test_inspect_of_no_video(tmp_path, capsys):
    (tmp_path / "v.mp4").write_text("no video")
    assert main(["inspect", str(tmp_path / "v.mp4")]) == 2
    assert "v.mp4 cannot be read as a video" in capsys.readouterr().err
