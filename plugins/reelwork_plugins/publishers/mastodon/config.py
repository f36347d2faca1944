"""Settings and options of `mastodon`."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import AfterValidator, Field, model_validator

from reelwork_hooks import Config, SecretRef, http_address, is_loopback, origin_of
from reelwork_plugins.publishers.post_text import DEFAULT_DISCLOSURE, Template

DEFAULT_ACCOUNT = "mastodon"


def checked_instance(address: str) -> str:
    """Return an instance's address, with https:// where that was left out. Raises `ValueError`."""
    given = address.strip().rstrip("/")
    whole = given if "://" in given else f"https://{given}"
    if http_address(whole) != origin_of(whole):
        raise ValueError(f"{address!r} is not an address such as https://mastodon.social")
    if whole.startswith("http://") and not is_loopback(whole):
        raise ValueError(f"{address!r} must begin with https://: over http:// anyone on the way can read tokens")
    return whole


Language = Annotated[str, Field(pattern=r"^[a-zA-Z]{2,3}(-[a-zA-Z0-9]+)*$")]


class MastodonPostOptions(Config):
    """The options of a post under `[destination.NAME]`, beyond those that every post has."""

    content_warning: str = ""
    """Words shown in place of the post until the reader opens it."""
    sensitive: bool = False
    """Covers the video until the reader opens it."""
    language: Language | None = None
    """The language of this post's text, such as `en`; by default that of `[plugin.NAME]`."""
    followers: bool = False
    """With `privacy = "private"`: followers see it, too."""


class MastodonConfig(Config):
    """Settings of `mastodon`: an account by its name, or an instance and a token."""

    account: Annotated[str, Field(min_length=1)] | None = None
    """The name of an account that `reelwork accounts add mastodon` has stored. By default `mastodon`."""
    instance: Annotated[str, AfterValidator(checked_instance)] | None = None
    """The server, with `access_token`. An account knows its own."""
    access_token: SecretRef | None = None
    """A token of an application that you have made in the instance's settings: `env:NAME` or `file:PATH`."""
    text: Template = "{title}\n\n{caption}\n\n{hashtags}"
    """The post. May use {title}, {caption}, {hashtags}, {prompt} and {platform}; empty ones leave no gap."""
    alt: Template = "{prompt}"
    """A description for people who cannot see the video. May use the same names. A post's own `alt_text` comes
    first."""
    disclosure: Annotated[str, Field(max_length=100)] = DEFAULT_DISCLOSURE
    """Words at the end of the post that say AI made the video. Empty turns them off."""
    language: Language | None = None
    """The language of the text, such as `en`."""
    idempotency_key: bool | None = None
    """True if the instance knows a repeated post by its key, as Mastodon itself does for an hour. By default what
    the instance said at the sign-in; other software may take the key and ignore it."""

    @model_validator(mode="after")
    def _one_way_to_sign_in(self) -> Self:
        given = [name for name in ("instance", "access_token") if getattr(self, name) is not None]
        if len(given) == 1:
            missing = ({"instance", "access_token"} - set(given)).pop()
            raise ValueError(f"{given[0]} needs {missing} as well")
        if given and self.account is not None:
            raise ValueError(f"give either account or {given[0]}, not both")
        return self
