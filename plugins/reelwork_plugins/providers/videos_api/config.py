"""The settings of a `videos-api` instance, checked when the workflow is read."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, JsonValue, ValidationInfo, field_validator

from reelwork_hooks import ProviderConfig, SecretRef
from reelwork_plugins.providers.videos_api.dialects import DIALECTS, Dialect


def normal_base_url(value: str) -> str:
    """Return the address above `/v1`, with or without `/v1` or `/v1/videos` at the end of `value`.

    Raises `ValueError` when it is not an http(s) address, or holds a user name, a query or a fragment.
    """
    parts = urlsplit(value.strip())
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError(f"{value!r} is not an http(s) address such as http://127.0.0.1:8000")
    # The address is shown in messages and stored with each request: a password in it would be, too.
    if parts.username is not None or parts.password is not None:
        raise ValueError("leave the user name and password out of base_url; give a key as api_key")
    if parts.query or parts.fragment:
        raise ValueError("base_url must not have a query or a fragment: give only the part before /v1/videos")
    path = parts.path.rstrip("/").removesuffix("/videos").rstrip("/").removesuffix("/v1").rstrip("/")
    return f"{parts.scheme}://{parts.netloc}{path}"


def _known_dialect(value: str) -> str:
    if value in DIALECTS:
        return value
    near = difflib.get_close_matches(value.lower().replace("_", "-"), DIALECTS, n=1)
    guess = f"; did you mean {near[0]!r}?" if near else ""
    raise ValueError(f"no dialect {value!r}{guess} There are: {', '.join(DIALECTS)}")


class VideosApiConfig(ProviderConfig):
    """Settings of one server or gateway that speaks the Videos protocol."""

    base_url: Annotated[str, AfterValidator(normal_base_url)]
    """The server's address, with or without `/v1` at the end."""
    dialect: Annotated[str, AfterValidator(_known_dialect)] = "sora"
    """The server's dialect of the protocol: `sora`, `vllm-omni`, `litellm`, `sglang` or `openrouter`."""
    # Never OPENAI_API_KEY by itself, as the openai package does: `base_url` may be anyone's server.
    api_key: SecretRef | None = None
    """The server's key. It is never taken from the environment unasked."""
    auth_header: Annotated[str, Field(pattern=r"^[A-Za-z0-9-]+$")] = "Authorization"
    """The header the key goes in: `Authorization` (as a bearer token), or for example Azure's `api-key`."""
    organization: str | None = None
    project: str | None = None
    durations: tuple[float, ...] | None = None
    """Possible lengths in seconds, when you know better than the model data."""
    sizes: tuple[str, ...] | None = None
    """Possible frame sizes, such as `1280x720`, when you know better than the model data."""
    fps: tuple[int, ...] | None = None
    """Possible frame rates, when you know that the server takes `fps`."""
    extra: Mapping[str, JsonValue] = {}
    """More parameters that the server understands, sent with every create."""
    multipart: bool | None = None
    """True or false to force the form of a create: multipart or JSON."""
    idempotency_header: Annotated[str, Field(pattern=r"^[A-Za-z0-9-]+$")] | None = None
    """Set it, for example to `Idempotency-Key`, only if the server's makers document that it repeats nothing
    when it sees the same key again."""
    key_seconds: Annotated[float, Field(gt=0)] = 86_400
    """With `idempotency_header`: seconds for which the server's makers say that it knows a key."""
    # Some servers make the video within the create, so it is long. The engine ends the call at 660 seconds, and our
    # own error comes first and says more.
    submit_timeout: Annotated[float, Field(gt=0)] = 600
    """Seconds to wait for the answer to a create."""
    # Too short a time lets a request that is still on its way look as if it had never arrived.
    settle_seconds: Annotated[float, Field(ge=0)] = 15
    """Seconds a request may take to show up in the server's list."""

    @field_validator("sizes")
    @classmethod
    def _sizes_are_sizes(cls, sizes: tuple[str, ...] | None) -> tuple[str, ...] | None:
        for size in sizes or ():
            width, _, height = size.partition("x")
            if not (width.isdecimal() and height.isdecimal()):
                raise ValueError(f"{size!r} is not a size such as 1280x720")
        return sizes

    @field_validator("extra")
    @classmethod
    def _extra_is_extra(cls, extra: Mapping[str, JsonValue], info: ValidationInfo) -> Mapping[str, JsonValue]:
        # `extra` comes last in a create: a length in it would be paid for and never planned.
        taken = sorted(DIALECTS[info.data.get("dialect", "sora")].own_fields & set(extra))
        if taken:
            raise ValueError(f"{', '.join(taken)} comes from the brief: take it out of extra")
        return extra

    @field_validator("multipart")
    @classmethod
    def _form_is_understood(cls, multipart: bool | None, info: ValidationInfo) -> bool | None:
        dialect = DIALECTS[info.data.get("dialect", "sora")]
        if multipart and dialect.json_only:
            raise ValueError(f"{dialect.name} takes JSON only; leave multipart out")
        return multipart

    @property
    def speaks(self) -> Dialect:
        """The table row of the dialect."""
        return DIALECTS[self.dialect]

    @property
    def videos_url(self) -> str:
        """The address of the collection of videos."""
        return f"{self.base_url}/v1/videos"

    @property
    def origin(self) -> str:
        """Scheme, host and port of the server."""
        parts = urlsplit(self.base_url)
        return f"{parts.scheme}://{parts.netloc}"

    @property
    def host(self) -> str:
        """The server's name, in lower case and without a port."""
        return urlsplit(self.base_url).hostname or ""
