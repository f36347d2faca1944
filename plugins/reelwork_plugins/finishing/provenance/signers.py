"""What signs: a private key on this machine, or a service that has it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from reelwork_plugins.finishing.provenance.certificate import Certificate, Unusable
from reelwork_plugins.finishing.provenance.signatures import as_cose

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes, PublicKeyTypes

Ask = Callable[[bytes], bytes]
"""Returns the signature of bytes, as a key service gives it."""


class Signs(Protocol):
    """Signs with the key of a certificate."""

    @property
    def certificate(self) -> Certificate:
        """The certificate that belongs to the key."""
        ...

    def signer(self, ta_url: str | None) -> AbstractContextManager[Any]:
        """Return the library's signer, for `with`. `ta_url` is the address of a time-stamp service."""
        ...


@dataclass(frozen=True)
class LocalKey:
    """A private key on this machine."""

    certificate: Certificate
    pem: bytes
    """The key in PEM, not encrypted."""

    @contextmanager
    def signer(self, ta_url: str | None) -> Iterator[Any]:
        """Return the library's signer, for `with`."""
        import c2pa

        by = self.certificate
        info = c2pa.C2paSignerInfo(by.algorithm.encode(), by.chain, self.pem, ta_url)
        with c2pa.Signer.from_info(info) as signer:
            yield signer


@dataclass(frozen=True)
class KeyAway:
    """A private key that a service has, and that never comes to this machine."""

    certificate: Certificate
    ask: Ask

    @contextmanager
    def signer(self, ta_url: str | None) -> Iterator[Any]:
        """Return the library's signer, for `with`. Raises what the service's refusal raises within."""
        import c2pa

        failed: list[Exception] = []

        def sign(data: bytes) -> bytes:
            # The library swallows what a callback raises, and takes empty bytes for a failure.
            try:
                return as_cose(self.ask(data), data, self.certificate)
            except Exception as error:
                failed.append(error)
                return b""

        by = self.certificate
        algorithm = c2pa.C2paSigningAlg[by.algorithm.upper()]
        with c2pa.Signer.from_callback(sign, algorithm, by.pem, ta_url) as signer:
            try:
                yield signer
            except c2pa.C2paError:
                if failed:
                    raise failed[0] from None
                raise


def local_key(by: Certificate, key: str, password: str | None) -> LocalKey:
    """Return the private key in a text in PEM. Raises `Unusable`, also when it is another certificate's."""
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    private = _private(key, password)
    if _raw(private.public_key()) != _raw(by.public_key):
        raise Unusable("the key does not belong to the certificate: their public keys differ")
    return LocalKey(by, private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))


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


def _raw(public: PublicKeyTypes) -> bytes:
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    return public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
