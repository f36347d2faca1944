"""The key services that there are."""

from __future__ import annotations

from reelwork_hooks import Context
from reelwork_plugins.finishing.provenance.aws_kms import AwsKms
from reelwork_plugins.finishing.provenance.config import KeyAddress, Kind
from reelwork_plugins.finishing.provenance.http_service import HttpService
from reelwork_plugins.finishing.provenance.key_service import KeyService
from reelwork_plugins.finishing.provenance.vault import Vault

# A new kind is also one of `Kind` in `config.py`, where its address is read.
_SERVICES: dict[Kind, type[KeyService]] = {"http": HttpService, "vault": Vault, "aws-kms": AwsKms}


def key_service(place: KeyAddress, context: Context, token: str | None) -> KeyService:
    """Return the service that has a key. `token` is the reference to its token."""
    return _SERVICES[place.kind](place, context, token)
