"""The certificate and private key by which videos are signed, checked before anything is paid for."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes, PublicKeyTypes
    from cryptography.x509 import Certificate

_CURVES = {"secp256r1": "es256", "secp384r1": "es384", "secp521r1": "es512"}
_LEAST_RSA = 2048
_TAKEN = "Keys on the curves P-256, P-384 and P-521, Ed25519 and RSA from 2048 bits are taken"


class Unusable(Exception):
    """Videos cannot be signed with this certificate and key."""


@dataclass(frozen=True)
class Credential:
    """A certificate chain and its private key, as the library takes them."""

    algorithm: str
    """Such as `es256`."""
    chain: bytes
    """PEM, the signer's own certificate first."""
    key: bytes
    """PEM, not encrypted."""

    @property
    def fingerprint(self) -> str:
        """The hash of the chain: a file that was signed with another one is not used again."""
        return hashlib.sha256(self.chain).hexdigest()


def credential(chain: bytes, key: str, password: str | None, now: datetime) -> Credential:
    """Return the credential for a chain and a key in PEM. Raises `Unusable`."""
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    signer = _first(chain)
    _check_dates(signer, now)
    private = _private(key, password)
    algorithm = _algorithm(signer.public_key())
    if _raw(private.public_key()) != _raw(signer.public_key()):
        raise Unusable("the key does not belong to the certificate: their public keys differ")
    whole = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return Credential(algorithm, chain, whole)


def _first(chain: bytes) -> Certificate:
    """Return the signer's certificate. Raises `Unusable`."""
    from cryptography.x509 import load_pem_x509_certificates

    try:
        return load_pem_x509_certificates(chain)[0]
    except (ValueError, IndexError) as error:
        raise Unusable("the certificate cannot be read as PEM") from error


def _check_dates(signer: Certificate, now: datetime) -> None:
    if now > signer.not_valid_after_utc:
        raise Unusable(f"the certificate expired on {signer.not_valid_after_utc:%Y-%m-%d}")
    if now < signer.not_valid_before_utc:
        raise Unusable(f"the certificate is valid only from {signer.not_valid_before_utc:%Y-%m-%d}")


def _private(key: str, password: str | None) -> PrivateKeyTypes:
    """Return the private key. Raises `Unusable`, which never shows it."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        return load_pem_private_key(key.encode(), None if password is None else password.encode())
    except TypeError:
        why = "the key is encrypted: give its `password`" if password is None else "the key is not encrypted"
    except (ValueError, UnsupportedAlgorithm):
        why = "the key cannot be read as a private key in PEM"
        why += " with this password" if password is not None else ""
    # Not chained: the library's error may hold a part of the key.
    raise Unusable(why) from None


def _algorithm(public: PublicKeyTypes) -> str:
    """Return the algorithm for a key. Raises `Unusable`."""
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

    if isinstance(public, ed25519.Ed25519PublicKey):
        return "ed25519"
    if isinstance(public, ec.EllipticCurvePublicKey) and public.curve.name in _CURVES:
        return _CURVES[public.curve.name]
    if isinstance(public, rsa.RSAPublicKey) and public.key_size >= _LEAST_RSA:
        return "ps256"
    raise Unusable(f"C2PA does not take the kind of key that the certificate has. {_TAKEN}")


def _raw(public: PublicKeyTypes) -> bytes:
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    return public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
