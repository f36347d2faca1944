"""The settings of `c2pa`, checked when the workflow is loaded."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, model_validator

from reelwork_hooks import Config, SecretRef
from reelwork_hooks.addresses import http_address
from reelwork_plugins.endpoints import is_private

Kind = Literal["http", "vault", "aws-kms"]

_AWS_KEY = re.compile(r"[A-Za-z0-9:/_-]+")
# The names of keys and mounts that Vault takes: `GenericNameRegex` in its sources.
_VAULT_PATH = re.compile(r"(/\w([\w.-]*\w)?){2,}")
_FORMS = "give an https address, vault:https://HOST/MOUNT/KEY or aws-kms:KEY"


@dataclass(frozen=True)
class KeyAddress:
    """The address of a private key that a service keeps."""

    kind: Kind
    address: str
    """The http(s) address; empty for AWS, whose own settings name it."""
    key: str = ""
    """The key's name in Vault, or its ARN, id or alias at AWS."""
    version: int = 0
    """The version of a key in Vault; 0 for its latest."""


def key_address(text: str) -> KeyAddress:
    """Return the address of a key, from a text such as `vault:https://vault.example/transit/films`.

    Raises `ValueError`.
    """
    scheme, _, rest = text.partition(":")
    if scheme == "aws-kms":
        if not _AWS_KEY.fullmatch(rest):
            raise ValueError("give the key's ARN, id or alias, such as aws-kms:alias/films")
        return KeyAddress("aws-kms", "", rest)
    if scheme == "vault":
        return _in_vault(rest)
    if scheme not in ("http", "https"):
        raise ValueError(_FORMS)
    return KeyAddress("http", _encrypted(text))


def _in_vault(rest: str) -> KeyAddress:
    place, marked, version = rest.partition("#")
    address = _encrypted(place)
    parts = urlsplit(address)
    if not _VAULT_PATH.fullmatch(parts.path):
        raise ValueError("give the mount and the key, such as vault:https://vault.example/transit/films")
    if marked and not re.fullmatch(r"[1-9][0-9]{0,8}", version):
        raise ValueError("a version of a key is a number, such as vault:https://vault.example/transit/films#2")
    mount, _, key = parts.path.rpartition("/")
    mount = mount if mount.startswith("/v1/") else f"/v1{mount}"
    return KeyAddress("vault", f"{parts.scheme}://{parts.netloc}{mount}", key, int(version or 0))


def _encrypted(text: str) -> str:
    address = http_address(text)
    # The token would be read on the way.
    if address.startswith("http:") and not is_private(address):
        raise ValueError("the address is http://, unencrypted: give https://")
    return address


def _checked(text: str) -> str:
    key_address(text)
    return text


class C2paConfig(Config):
    """Settings of `c2pa`. Give either `key` or `key_service`."""

    certificate: Path
    """A file with the certificates in PEM, relative to the workflow's folder: the signer's first, then those that
    lead to its root."""
    key: SecretRef | None = None
    """The private key of the first certificate, in PEM."""
    password: SecretRef | None = None
    """The password of an encrypted key."""
    key_service: Annotated[str, AfterValidator(_checked)] | None = None
    """The service that has the private key and signs with it: an https address, `vault:https://HOST/MOUNT/KEY` or
    `aws-kms:KEY`."""
    key_service_token: SecretRef | None = None
    """The token for the key service. Vault needs one, AWS takes none."""
    trust_list: Path | None = None
    """A file with certificates in PEM to which yours should lead, such as the C2PA trust list. `plan` warns if it
    does not: viewers will show the signer as unknown."""
    source: Literal[
        "trainedAlgorithmicMedia", "compositeWithTrainedAlgorithmicMedia", "algorithmicMedia", "compositeSynthetic"
    ] = "trainedAlgorithmicMedia"
    """How the video was made, as an IPTC digital source type. Stated if the provider's file has no manifest of
    its own."""
    ta_url: Annotated[str, Field(pattern=r"^https?://")] | None = None
    """The address of a time-stamp service (RFC 3161), which gets a hash of each signature. It proves the time of
    signing. By default none is asked."""

    @property
    def key_address(self) -> KeyAddress | None:
        """The address of the key, if a service has it."""
        return None if self.key_service is None else key_address(self.key_service)

    @model_validator(mode="after")
    def _one_key(self) -> Self:
        if (self.key is None) == (self.key_service is None):
            raise ValueError("give either key, such as file:signer.key, or key_service")
        if self.password is not None and self.key is None:
            raise ValueError("password is the password of key: take it out, or give key")
        place = self.key_address
        kind = None if place is None else place.kind
        if self.key_service_token is not None and kind in (None, "aws-kms"):
            of = "AWS uses the credentials of its own tools" if kind else "there is no key_service"
            raise ValueError(f"key_service_token has no meaning: {of}")
        if kind == "vault" and self.key_service_token is None:
            raise ValueError('Vault asks for a token: give key_service_token, such as "env:VAULT_TOKEN"')
        return self
