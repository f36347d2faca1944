"""Signatures of a key service: checked with the certificate, and written as COSE has them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import TYPE_CHECKING

from reelwork_plugins.finishing.provenance.certificate import Certificate, Unusable

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
    from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes

HASHES = {"es256": "sha256", "es384": "sha384", "es512": "sha512", "ps256": "sha256"}
"""The hash of each algorithm that signs one, as `hashlib` names it. Ed25519 signs the bytes themselves."""


def digest(algorithm: str, data: bytes) -> bytes:
    """Return the hash that an algorithm signs."""
    return hashlib.new(HASHES[algorithm], data).digest()


def as_cose(signature: bytes, data: bytes, by: Certificate) -> bytes:
    """Return a service's signature of `data` as COSE has it: for curves the two numbers, one after the other.

    Such a signature is taken in this form and in DER. Raises `Unusable` when it does not fit the certificate.
    """
    public = by.public_key
    for form in _forms(signature, public):
        if _fits(form, data, public):
            return form
    problem = "the signature of the key service does not fit the certificate: it was made with another key"
    raise Unusable(f"{problem}, or is damaged")


def zeros(by: Certificate) -> bytes:
    """Return bytes of the length of a signature."""
    from cryptography.hazmat.primitives.asymmetric import ec, rsa

    public = by.public_key
    if isinstance(public, rsa.RSAPublicKey):
        return bytes(public.key_size // 8)
    return bytes(2 * _number_size(public) if isinstance(public, ec.EllipticCurvePublicKey) else 64)


def _number_size(public: EllipticCurvePublicKey) -> int:
    return (public.curve.key_size + 7) // 8


def _forms(signature: bytes, public: PublicKeyTypes) -> Iterator[bytes]:
    """Yield a signature as it may be meant, in the form of COSE."""
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

    yield signature
    if not isinstance(public, ec.EllipticCurvePublicKey):
        return
    size = _number_size(public)
    try:
        yield b"".join(number.to_bytes(size, "big") for number in decode_dss_signature(signature))
    # Not DER, or numbers of another curve.
    except (ValueError, OverflowError):
        return


def _fits(signature: bytes, data: bytes, public: PublicKeyTypes) -> bool:
    from cryptography.exceptions import InvalidSignature

    try:
        _verify(signature, data, public)
    except (InvalidSignature, ValueError):
        return False
    return True


def _verify(signature: bytes, data: bytes, public: PublicKeyTypes) -> None:
    """Raise `InvalidSignature` for a signature that does not fit."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
    from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

    if isinstance(public, ed25519.Ed25519PublicKey):
        public.verify(signature, data)
    elif isinstance(public, rsa.RSAPublicKey):
        # The length of the salt that COSE has (RFC 8230); some services take the longest by default.
        salted = padding.PSS(padding.MGF1(hashes.SHA256()), padding.PSS.DIGEST_LENGTH)
        public.verify(signature, data, salted, hashes.SHA256())
    elif isinstance(public, ec.EllipticCurvePublicKey) and len(signature) == 2 * _number_size(public):
        half = len(signature) // 2
        numbers = (int.from_bytes(part, "big") for part in (signature[:half], signature[half:]))
        kinds: dict[int, hashes.HashAlgorithm] = {32: hashes.SHA256(), 48: hashes.SHA384(), 66: hashes.SHA512()}
        public.verify(encode_dss_signature(*numbers), data, ec.ECDSA(kinds[half]))
    else:
        raise InvalidSignature
