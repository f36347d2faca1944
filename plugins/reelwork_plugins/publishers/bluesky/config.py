"""Settings of `bluesky`."""

from __future__ import annotations

import re
from typing import Annotated, Any, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, field_validator, model_validator

from reelwork_hooks import Config, SecretRef, is_loopback
from reelwork_plugins.publishers.bluesky.graphemes import length
from reelwork_plugins.publishers.post_text import DEFAULT_DISCLOSURE, Template

DEFAULT_SERVICE = "https://bsky.social"
DEFAULT_ACCOUNT = "bluesky"
VIDEO_SERVICE = "https://video.bsky.app"
LONGEST_DISCLOSURE = 100


def checked_service(address: str) -> str:
    """Return a service's address without a slash at its end. Raises `ValueError`."""
    parts = urlsplit(address.strip())
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username or parts.query:
        raise ValueError(f"{address!r} is not an address such as https://bsky.social")
    if parts.scheme == "http" and not is_loopback(address):
        raise ValueError(f"{address!r} must begin with https://: over http:// anyone on the way can read passwords")
    return address.strip().rstrip("/")


def _video_service(name: str) -> str:
    if name in ("pds", "bsky"):
        return name
    try:
        return checked_service(name)
    except ValueError:
        raise ValueError(f"{name!r} is neither pds, bsky nor the address of a video service") from None


def _disclosure(text: str) -> str:
    if length(text) > LONGEST_DISCLOSURE:
        raise ValueError(f"at most {LONGEST_DISCLOSURE} characters, to leave room for the post itself")
    return text.strip()


Languages = Annotated[
    tuple[Annotated[str, Field(pattern=r"^[a-zA-Z]{2,3}(-[a-zA-Z0-9]+)*$")], ...],
    Field(max_length=3),
]


class BlueskyPostOptions(Config):
    """The options of a post under `[destination.NAME]`, beyond those that every post has."""

    languages: Languages | None = None
    """The languages of this post's text; by default those of `[plugin.NAME]`."""

    @field_validator("languages", mode="before")
    @classmethod
    def _listed(cls, given: Any) -> Any:
        # A batch's cells are texts.
        return [part for part in re.split(r"[\s,;|]+", given) if part] if isinstance(given, str) else given


class BlueskyConfig(Config):
    """Settings of `bluesky`: an account by its name, or an identifier and a password."""

    account: Annotated[str, Field(min_length=1)] | None = None
    """The name of an account that `reelwork accounts add bluesky` has stored. By default `bluesky`."""
    service: Annotated[str, AfterValidator(checked_service)] = DEFAULT_SERVICE
    """The server to sign in to, with `identifier`. An account knows its own."""
    identifier: Annotated[str, Field(min_length=1)] | None = None
    """A handle such as `me.bsky.social`, without an account."""
    password: SecretRef | None = None
    """An app password, by reference: `env:NAME` or `file:PATH`."""
    text: Template = "{title}\n\n{caption}\n\n{hashtags}"
    """The post: by default title, caption and hashtags, a paragraph each. May use {title}, {caption}, {hashtags},
    {prompt} and {platform}; empty ones leave no gap."""
    alt: Template = "{prompt}"
    """A description for people who cannot see the video. May use the same names. A post's own `alt_text` comes
    first."""
    disclosure: Annotated[str, AfterValidator(_disclosure)] = DEFAULT_DISCLOSURE
    """Words at the end of the post that say AI made the video. Empty turns them off."""
    languages: Languages = ()
    """The languages of the text, such as `en`."""
    video_service: Annotated[str, AfterValidator(_video_service)] = "pds"
    """`pds` gives the video to the account's own server as it is; `bsky` to Bluesky's video service, which
    encodes it again and has larger limits. Or the address of another video service."""

    @model_validator(mode="after")
    def _one_way_to_sign_in(self) -> Self:
        given = {name for name in ("identifier", "password") if getattr(self, name) is not None}
        if self.account is not None and (given or "service" in self.model_fields_set):
            other = sorted(given | {"service"} & self.model_fields_set)[0]
            raise ValueError(f"give either account or {other}, not both")
        if len(given) == 1:
            missing = ({"identifier", "password"} - given).pop()
            raise ValueError(f"{given.pop()} needs {missing} as well")
        if "service" in self.model_fields_set and not given:
            raise ValueError("service goes with identifier and password; an account brings its own")
        return self

    @property
    def account_name(self) -> str:
        """The account to use, when there is no identifier."""
        return self.account or DEFAULT_ACCOUNT
