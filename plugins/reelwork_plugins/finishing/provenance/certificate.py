"""The certificate by which videos are signed, checked before anything is paid for."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes
    from cryptography.x509 import Certificate as Issued

_CURVES = {"secp256r1": "es256", "secp384r1": "es384", "secp521r1": "es512"}
_LEAST_RSA = 2048
_TAKEN = "Keys on the curves P-256, P-384 and P-521, Ed25519 and RSA from 2048 bits are taken"


class Unusable(Exception):
    """Videos cannot be signed with this certificate and key."""


@dataclass(frozen=True)
class Certificate:
    """A signer's certificate, with those that lead to its root."""

    chain: bytes
    """PEM, the signer's own certificate first."""
    issued: tuple[Issued, ...]
    """The same, read."""
    algorithm: str
    """As the library names it, such as `es256`."""

    @property
    def signer(self) -> Issued:
        """The certificate that the key belongs to."""
        return self.issued[0]

    @property
    def expires(self) -> datetime:
        """The time from which one of them no longer counts."""
        return min(one.not_valid_after_utc for one in self.issued)

    @property
    def pem(self) -> str:
        """The chain as a text."""
        # Words between certificates may be in any encoding.
        return self.chain.decode("ascii", "replace")

    @property
    def public_key(self) -> PublicKeyTypes:
        """The key that signatures are checked with."""
        return self.signer.public_key()

    @property
    def fingerprint(self) -> str:
        """The hash of the chain: a file that was signed with another one is not used again."""
        return hashlib.sha256(self.chain).hexdigest()


def certificate(chain: bytes, now: datetime) -> Certificate:
    """Return the certificate in a chain in PEM. Raises `Unusable`."""
    issued = certificates(chain, "the certificate")
    _check_dates(issued[0], now)
    return Certificate(chain, issued, _algorithm(issued[0].public_key()))


def certificates(pem: bytes, what: str) -> tuple[Issued, ...]:
    """Return the certificates in PEM, at least one. Raises `Unusable`, which names `what`."""
    from cryptography.x509 import load_pem_x509_certificates

    try:
        return tuple(load_pem_x509_certificates(pem))
    except ValueError as error:
        raise Unusable(f"{what} cannot be read as PEM") from error


def _check_dates(signer: Issued, now: datetime) -> None:
    if now > signer.not_valid_after_utc:
        raise Unusable(f"the certificate expired on {signer.not_valid_after_utc:%Y-%m-%d}")
    if now < signer.not_valid_before_utc:
        raise Unusable(f"the certificate is valid only from {signer.not_valid_before_utc:%Y-%m-%d}")


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
