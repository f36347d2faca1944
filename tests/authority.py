"""A certificate authority for tests, and the certificates that it issues for signing videos."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import c2pa
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

AI = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"


def _name(common: str) -> x509.Name:
    company = x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Harbour Films")
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common), company])


def _usage(*, signs: bool) -> x509.KeyUsage:
    return x509.KeyUsage(signs, False, False, False, False, not signs, not signs, False, False)


@dataclass
class Authority:
    """A root certificate with its key."""

    key: Any = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))

    def __post_init__(self) -> None:
        self.root = self._issue(_name("Test root"), _name("Test root"), self.key.public_key(), 30, root=True)

    @property
    def pem(self) -> str:
        return self.root.public_bytes(Encoding.PEM).decode()

    def certificate(self, key: Any, *, days: int = 20, purpose: bool = True, name: str = "Signer") -> bytes:
        """Return a certificate for a key in PEM, which expires in so many days."""
        made = self._issue(_name(name), self.root.subject, key.public_key(), days, purpose=purpose)
        return made.public_bytes(Encoding.PEM)

    def write(self, folder: Path, key: Any = None, **options: Any) -> Path:
        """Write `chain.pem` and `key.pem` into a folder, and return it."""
        key = key or ec.generate_private_key(ec.SECP256R1())
        (folder / "chain.pem").write_bytes(self.certificate(key, **options))
        (folder / "key.pem").write_bytes(pem_of(key))
        return folder

    def _issue(
        self,
        subject: x509.Name,
        issuer: x509.Name,
        public: Any,
        days: int,
        *,
        root: bool = False,
        purpose: bool = True,
    ) -> x509.Certificate:
        now = datetime.now(UTC)
        made = x509.CertificateBuilder().subject_name(subject).issuer_name(issuer).public_key(public)
        made = made.serial_number(x509.random_serial_number())
        made = made.not_valid_before(now - timedelta(days=60)).not_valid_after(now + timedelta(days=days))
        made = made.add_extension(x509.BasicConstraints(root, None), True)
        made = made.add_extension(_usage(signs=not root), True)
        made = made.add_extension(x509.SubjectKeyIdentifier.from_public_key(public), False)
        above = x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key())
        made = made.add_extension(above, False)
        if purpose and not root:
            made = made.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION]), False)
        own = isinstance(self.key, ed25519.Ed25519PrivateKey)
        return made.sign(self.key, None if own else hashes.SHA256())

    def signed(self, video: Path, target: Path, generator: str = "Videos Inc") -> Path:
        """Sign a video as a provider does that says that AI made it. Returns `target`."""
        key = ec.generate_private_key(ec.SECP256R1())
        info = c2pa.C2paSignerInfo(b"es256", self.certificate(key, name="Videos Inc"), pem_of(key), None)
        made = {"action": "c2pa.created", "digitalSourceType": AI}
        manifest = {
            "claim_generator_info": [{"name": generator, "version": "7"}],
            "assertions": [{"label": "c2pa.actions.v2", "data": {"actions": [made]}}],
        }
        with c2pa.Signer.from_info(info) as signer, c2pa.Builder(manifest) as builder:
            builder.sign_file(video, target, signer)
        return target

    def signed_elsewhere(self, video: Path, target: Path, address: str) -> bytes:
        """Write a video that only names an address for its manifest. Returns the manifest."""
        key = ec.generate_private_key(ec.SECP256R1())
        info = c2pa.C2paSignerInfo(b"es256", self.certificate(key, name="Videos Inc"), pem_of(key), None)
        made = {"action": "c2pa.created", "digitalSourceType": AI}
        manifest = {"assertions": [{"label": "c2pa.actions.v2", "data": {"actions": [made]}}]}
        context = c2pa.Context.from_dict({"verify": {"remote_manifest_fetch": False}})
        with c2pa.Signer.from_info(info) as signer, c2pa.Builder(manifest, context=context) as builder:
            builder.set_remote_url(address)
            builder.set_no_embed()
            data: bytes = builder.sign_file(video, target, signer)
        return data

    def read(self, path: Path) -> dict[str, Any] | None:
        """Return what the official library says of a file, with this root trusted; None if it has no manifest."""
        settings = {
            "verify": {"verify_trust": True, "remote_manifest_fetch": False, "ocsp_fetch": False},
            "trust": {"user_anchors": self.pem},
        }
        reader = c2pa.Reader.try_create(path, context=c2pa.Context.from_dict(settings))
        if reader is None:
            return None
        with reader:
            found: dict[str, Any] = json.loads(reader.json())
            return found


def pem_of(key: Any, password: str | None = None) -> bytes:
    """Return a private key in PEM."""
    locked = NoEncryption() if password is None else BestAvailableEncryption(password.encode())
    done: bytes = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, locked)
    return done


def active(found: dict[str, Any] | None) -> dict[str, Any]:
    """Return the manifest of the file itself."""
    assert found is not None
    manifest: dict[str, Any] = found["manifests"][found["active_manifest"]]
    return manifest


def actions(manifest: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the actions in a manifest."""
    lists = [one["data"]["actions"] for one in manifest["assertions"] if one["label"].startswith("c2pa.actions")]
    return [action for one in lists for action in one]
