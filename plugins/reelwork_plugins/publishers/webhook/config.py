"""Settings and options of `webhook`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, JsonValue, model_validator

from reelwork_hooks import Config, SecretRef
from reelwork_plugins.endpoints import is_private
from reelwork_plugins.publishers.post_text import DEFAULT_DISCLOSURE

ID = "{id}"
"""Stands in `lookup` for the post's `webhook-id`."""
_OURS = frozenset(
    {"host", "content-length", "content-type", "transfer-encoding", "connection", "expect", "upgrade"}
)


def _checked_address(url: str) -> str:
    try:
        parts = urlsplit(url)
        sound = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        parts, sound = urlsplit(""), False
    # Not shown in a message: who knows the address may be able to write there.
    if not sound or not (url.isascii() and url.isprintable()) or " " in url:
        raise ValueError("this is not an address; write it like https://videos.example.com/posts")
    if "@" in parts.netloc or parts.fragment:
        raise ValueError("leave out user name, password and fragment; give what signs in under headers")
    return url


def _checked_lookup(url: str) -> str:
    if url.count(ID) != 1 or ID not in urlsplit(url).path + urlsplit(url).query:
        raise ValueError(f"write {ID} once, where the id of the post stands: https://videos.example.com/posts/{ID}")
    _checked_address(url)
    return url


def _checked_header(name: str) -> str:
    if name.lower() in _OURS or name.lower().startswith("webhook-"):
        raise ValueError(f"the header {name} is the request's own")
    return name


Address = Annotated[str, AfterValidator(_checked_address)]
HeaderName = Annotated[str, Field(pattern=r"^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}$"), AfterValidator(_checked_header)]


class WebhookPostOptions(Config):
    """The options of a post under `[destination.NAME]`, beyond those that every post has."""

    fields: Mapping[str, JsonValue] = {}
    """Values for the receiver alone: they are passed on as they are written."""


class WebhookConfig(Config):
    """Settings of `webhook`."""

    url: Address
    """The address that gets the posts."""
    secret: SecretRef
    """Signs the posts: `whsec_` and 24 random bytes in base64, by reference."""
    old_secret: SecretRef | None = None
    """While `secret` is being changed: the one before. Both sign then."""
    private: bool = False
    """Allows an address in this network, or on this machine, and `http`."""
    headers: Mapping[HeaderName, SecretRef] = {}
    """More headers of each request, such as an API key, each by reference."""
    send: Literal["file", "link"] = "file"
    """`file`: a form with the post and the video. `link`: the post as JSON, with an address of the video from a
    storage plugin that gives public ones."""
    link_hours: Annotated[int, Field(gt=0, le=168)] = 24
    """With `send = "link"`: hours for which the address is good."""
    repeatable: bool = False
    """True if the receiver passes over a `webhook-id` that it has seen: a post whose answer is lost is then sent
    again with the same one."""
    key_seconds: Annotated[float, Field(gt=0)] = 86_400.0
    """With `repeatable`: seconds for which the receiver knows a `webhook-id`."""
    lookup: Annotated[str, AfterValidator(_checked_lookup)] | None = None
    """An address, with `{id}` in it, that tells whether there is a post with this `webhook-id`."""
    settle_seconds: Annotated[float, Field(ge=0, le=3600)] = 60.0
    """With `lookup`: seconds that a post may take to be told of there."""
    answer_seconds: Annotated[float, Field(gt=0, le=500)] = 120.0
    """Seconds for which the receiver may stay silent."""
    keeps_time: bool = False
    """True if the receiver keeps a post until its `publish_at`; else Reelwork waits, and sends it then."""
    disclosure: Annotated[str, Field(max_length=100)] = DEFAULT_DISCLOSURE
    """Words at the end of the caption that say how the video was made, for posts with `label = "caption"`. Others
    say it in a field."""

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        for name, url in (("url", self.url), ("lookup", self.lookup)):
            if url is not None and not self.private and (url.startswith("http://") or is_private(url)):
                raise ValueError(
                    f"{name} must begin with https:// and lead out of this network; "
                    "or set private = true for an address in it"
                )
        if len({name.lower() for name in self.headers}) < len(self.headers):
            raise ValueError("headers has a name twice: small and capital letters are the same there")
        return self
