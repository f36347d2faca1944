"""The settings of `storage`, checked when the workflow is loaded."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Literal, Self
from urllib.parse import unquote, urlsplit

from pydantic import AfterValidator, Field, model_validator

from reelwork_hooks import Config, SecretRef
from reelwork_plugins.storage.object_store.key import DEFAULT_KEY, check_template

Kind = Literal["s3", "gcs", "azure", "file"]

# The limit of Amazon and Google for a presigned link (their Signature Version 4 references).
LONGEST_LINK = timedelta(days=7)

SCHEMES: dict[str, Kind] = {"s3": "s3", "gs": "gcs", "az": "azure", "file": "file"}
OPTIONS: dict[str, Kind] = {
    "access_key_id": "s3",
    "secret_access_key": "s3",
    "session_token": "s3",
    "region": "s3",
    "account_name": "azure",
    "account_key": "azure",
    "sas": "azure",
    "service_account": "gcs",
    "token": "gcs",
}
"""Settings of one kind of store only."""

_BUCKET = r"[A-Za-z0-9][A-Za-z0-9._-]*"
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


@dataclass(frozen=True)
class Place:
    """The destination of objects: the kind of store, its bucket (or container), and the prefix of every key."""

    kind: Kind
    bucket: str
    """A name, or `env:NAME` that holds it; empty for `file`."""
    prefix: str = ""
    folder: Path | None = None
    """The folder, for `file`."""


def link_life(text: str) -> timedelta:
    """Return the lifetime of a presigned link, from a text such as `7d`. Raises `ValueError`."""
    match = re.fullmatch(r"([1-9][0-9]{0,5})([smhd])", text)
    if match is None:
        raise ValueError("presign is a number and s, m, h or d, such as 12h or 7d")
    life = timedelta(**{_UNITS[match[2]]: int(match[1])})
    if life > LONGEST_LINK:
        raise ValueError("presign: a link works for 7d at most")
    return life


def _checked_life(text: str) -> str:
    link_life(text)
    return text


class StorageConfig(Config):
    """Settings of `storage`. Give either `url`, or `provider` and `bucket`."""

    url: str | None = None
    """`s3://bucket/prefix`, `gs://bucket/prefix`, `az://container/prefix` or `file:///folder`."""
    provider: Literal["s3", "gcs", "azure"] | None = None
    """The kind of store, with `bucket` another way to write `url`."""
    bucket: Annotated[str, Field(pattern=rf"^({_BUCKET}|env:[A-Za-z_]\w*)$")] | None = None
    """The bucket or container, or `env:NAME` that holds its name."""
    region: str | None = None
    """The bucket's region (s3), or `env:NAME` that holds it; `AWS_REGION`, else us-east-1, when not given."""
    endpoint: Annotated[str, Field(pattern=r"^https?://")] | None = None
    """The address of a store that is not the vendor's own."""
    allow_http: bool = False
    """Allow an endpoint that is http://, unencrypted."""
    access_key_id: SecretRef | None = None
    """Reference to the access key's id (s3); the environment's credentials when not given."""
    secret_access_key: SecretRef | None = None
    """Reference to the access key itself (s3)."""
    session_token: SecretRef | None = None
    """Reference to the token of temporary credentials (s3)."""
    account_name: str | None = None
    """The storage account (azure), or `env:NAME` that holds it."""
    account_key: SecretRef | None = None
    """Reference to the account's key (azure)."""
    sas: SecretRef | None = None
    """Reference to a shared access signature (azure)."""
    service_account: SecretRef | None = None
    """Reference to the JSON key of a service account (gcs), such as `file:key.json`."""
    token: SecretRef | None = None
    """Reference to an OAuth access token (gcs)."""
    key: Annotated[str, AfterValidator(check_template)] = DEFAULT_KEY
    """The object's name below the prefix, made from `{fields}`."""
    metadata: bool = True
    """Give an object the job's facts as user metadata, its SHA-256 among them."""
    verify: Literal["head", "read"] = "head"
    """The check of an upload: `head` by size and stored SHA-256, `read` by reading all of it back."""
    checksum: bool = True
    """Give an S3 store a SHA-256 of each request to check (s3)."""
    overwrite: bool = False
    """Replace an object with other content instead of stopping."""
    presign: Annotated[str, AfterValidator(_checked_life)] | None = None
    """The life of a presigned link to the video, such as `7d`; no link when not given."""
    # Less than five minutes: obstore repeats a request as it was signed, and credentials may expire (its
    # `RetryConfig`).
    retry_seconds: Annotated[float, Field(ge=0, le=280)] = 60
    """Seconds for which a request is repeated while the store cannot be reached or answers 5xx."""
    request_seconds: Annotated[float, Field(gt=0, le=3600)] = 120
    """Seconds that one request, of 5 MiB of a large file or of a whole small one, may take."""

    @property
    def place(self) -> Place:
        """The destination of objects."""
        if self.url is None:
            assert self.provider is not None
            assert self.bucket is not None
            return Place(self.provider, self.bucket)
        return _parsed(self.url)

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        named = self.provider is not None or self.bucket is not None
        if (self.url is not None) == named or (named and not (self.provider and self.bucket)):
            raise ValueError("give either url, such as s3://bucket/prefix, or both provider and bucket")
        kind = self.place.kind
        for name, meant in OPTIONS.items():
            if getattr(self, name) is not None and meant != kind:
                raise ValueError(f"{name} is a setting of {meant}, and this store is {kind}: take it out")
        self._check_endpoint(kind)
        self._check_credentials()
        self._check_link()
        return self

    def _check_endpoint(self, kind: Kind) -> None:
        if self.endpoint is None:
            return
        if kind == "file":
            raise ValueError("endpoint has no meaning for a folder: take it out")
        if self.endpoint.startswith("http://") and not self.allow_http:
            raise ValueError("the endpoint is http://, unencrypted: add allow_http = true to allow it")

    def _check_credentials(self) -> None:
        if (self.access_key_id is None) != (self.secret_access_key is None):
            raise ValueError("access_key_id and secret_access_key belong together: give both or neither")
        if self.session_token is not None and self.access_key_id is None:
            raise ValueError("session_token belongs to access_key_id and secret_access_key: give all three")
        if self.account_key is not None and self.sas is not None:
            raise ValueError("give account_key or sas, not both")
        if self.service_account is not None and self.token is not None:
            raise ValueError("give service_account or token, not both")

    def _check_link(self) -> None:
        if self.presign is not None and self.unsigned:
            raise ValueError(f"presign: {self.unsigned}")

    @property
    def unsigned(self) -> str:
        """The reason why no links can be signed; empty if they can."""
        if self.place.kind == "file":
            return "a folder has no presigned links"
        if self.sas is not None:
            return "a link needs account_key: a shared access signature cannot sign one"
        if self.token is not None:
            return "a link needs service_account: an access token cannot sign one"
        return ""


def _parsed(url: str) -> Place:
    parts = urlsplit(url)
    kind = SCHEMES.get(parts.scheme)
    if kind is None:
        raise ValueError("url begins with s3://, gs://, az:// or file:///")
    # The address is shown, and stored with the job: a key in it would be, too.
    if parts.query or parts.fragment or "@" in parts.netloc:
        raise ValueError("url must not hold credentials or options: they have settings of their own")
    if kind == "file":
        if parts.netloc or not parts.path.startswith("/"):
            raise ValueError("a folder is given as file:///folder, with three slashes")
        return Place("file", "", folder=Path(unquote(parts.path)))
    if not re.fullmatch(_BUCKET, parts.netloc):
        raise ValueError(f"url names no bucket: write {parts.scheme}://BUCKET/prefix")
    prefix = parts.path.strip("/")
    if prefix:
        check_prefix(prefix)
    return Place(kind, parts.netloc, prefix)


def check_prefix(prefix: str) -> None:
    """Refuse a prefix that no key may begin with. Raises `ValueError`."""
    if "{" in prefix:
        raise ValueError("the prefix in url has no {fields}: write them in key")
    check_template(prefix)
