"""Opens the configured store. Credentials are read here, each time again."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from datetime import timedelta
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from reelwork_hooks import InvalidInput
from reelwork_plugins.storage.object_store.bucket import Bucket, NotStored
from reelwork_plugins.storage.object_store.config import Kind, StorageConfig
from reelwork_plugins.storage.object_store.errors import explained_errors
from reelwork_plugins.storage.object_store.folder import FolderBucket
from reelwork_plugins.storage.object_store.obstore_bucket import ObjectBucket

if TYPE_CHECKING:
    from obstore.store import AzureStore, GCSStore, S3Store

Secret = Callable[[str], str]
"""Reads the secret behind a reference."""

CONNECT_SECONDS = 10
_SCHEME: dict[Kind, str] = {"s3": "s3", "gcs": "gs", "azure": "az"}


def open_bucket(config: StorageConfig, secret: Secret) -> Bucket:
    """Return the configured store. May wait for credentials, so call it in a thread.

    Raises `InvalidInput` when a setting or secret is missing, `NotStored` when the client cannot be made.
    """
    place = config.place
    if place.folder is not None:
        return FolderBucket(place.folder)
    bucket = _plain(place.bucket, "bucket")
    root = f"{_SCHEME[place.kind]}://{bucket}"
    with explained_errors(root):
        opened = _OPENERS[place.kind](bucket, config, secret)
    return ObjectBucket(opened, root, place.prefix)


def _plain(value: str, setting: str) -> str:
    """Return a setting that is no secret, or the value of the environment variable it names."""
    match = re.fullmatch(r"env:([A-Za-z_]\w*)", value)
    if match is None:
        return value
    found = os.environ.get(match[1], "").strip()
    if not found:
        raise InvalidInput(
            f"storage: the environment variable {match[1]}, which {setting} names, is not set",
            money=NotStored.money,
            hint=f"Set it: export {match[1]}=…, then resume the job.",
        )
    return found


def _given(config: StorageConfig, secret: Secret, names: dict[str, str]) -> Any:
    """Read the configured credentials. Return them under obstore's names for them."""
    references = {theirs: getattr(config, ours) for ours, theirs in names.items()}
    return {theirs: secret(reference) for theirs, reference in references.items() if reference is not None}


def _client(config: StorageConfig) -> Any:
    return {
        "client_options": {
            "allow_http": config.allow_http,
            "connect_timeout": timedelta(seconds=CONNECT_SECONDS),
            "timeout": timedelta(seconds=config.request_seconds),
            "user_agent": "reelwork",
        },
        "retry_config": {
            # The time bounds them, not their number.
            "max_retries": 100 if config.retry_seconds else 0,
            "retry_timeout": timedelta(seconds=config.retry_seconds),
            "backoff": {"init_backoff": timedelta(seconds=0.2), "max_backoff": timedelta(seconds=5), "base": 2},
        },
    }


def _open_s3(bucket: str, config: StorageConfig, secret: Secret) -> S3Store:
    from obstore.store import S3Store

    names = {name: name for name in ("access_key_id", "secret_access_key", "session_token")}
    options = _given(config, secret, names)
    if config.region is not None:
        options["region"] = _plain(config.region, "region")
    if config.endpoint is not None:
        options["endpoint"] = config.endpoint
    if config.checksum:
        options["checksum_algorithm"] = "SHA256"
    provider = None if config.access_key_id else _aws_default_chain()
    return S3Store(bucket, config=options, credential_provider=provider, **_client(config))


def _aws_default_chain() -> Any:
    """Return the credentials that boto3 finds: profiles, single sign-on, roles. Raises `InvalidInput`.

    None when the environment holds a key, or without boto3.
    """
    # obstore alone knows the environment and roles only.
    if os.environ.get("AWS_ACCESS_KEY_ID") or find_spec("boto3") is None:
        return None
    from obstore.auth.boto3 import Boto3CredentialProvider

    try:
        return Boto3CredentialProvider()
    except ValueError as error:
        raise InvalidInput(
            "storage: no AWS credentials were found",
            money=NotStored.money,
            hint="Give access_key_id and secret_access_key as secret references, or set up a profile or "
            "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, then resume the job.",
        ) from error


def _open_gcs(bucket: str, config: StorageConfig, secret: Secret) -> GCSStore:
    from obstore.store import GCSStore

    options = _given(config, secret, {"service_account": "service_account_key"})
    if config.endpoint is not None:
        options["base_url"] = config.endpoint
    provider: Any = None
    if config.token is not None:
        token = secret(config.token)
        provider = lambda: {"token": token, "expires_at": None}  # noqa: E731
    return GCSStore(bucket, config=options, credential_provider=provider, **_client(config))


def _open_azure(container: str, config: StorageConfig, secret: Secret) -> AzureStore:
    from obstore.store import AzureStore

    options = _given(config, secret, {"account_key": "account_key", "sas": "sas_key"})
    if config.account_name is not None:
        options["account_name"] = _plain(config.account_name, "account_name")
    elif not os.environ.get("AZURE_STORAGE_ACCOUNT_NAME"):
        raise InvalidInput(
            "storage: no Azure storage account is named",
            money=NotStored.money,
            hint="Set account_name, or AZURE_STORAGE_ACCOUNT_NAME in the environment, then resume the job.",
        )
    if config.endpoint is not None:
        options["endpoint"] = config.endpoint
    return AzureStore(container, config=options, **_client(config))


_OPENERS: dict[Kind, Callable[[str, StorageConfig, Secret], S3Store | GCSStore | AzureStore]] = {
    "s3": _open_s3,
    "gcs": _open_gcs,
    "azure": _open_azure,
}
