"""Settings of `telegram`."""

from __future__ import annotations

import ipaddress
import re
from typing import Annotated, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, model_validator

from reelwork_hooks import Config, HttpAddress, SecretRef, http_address, is_loopback
from reelwork_plugins.publishers.post_text import DEFAULT_DISCLOSURE, Template

API = "https://api.telegram.org"
LINKS = "https://t.me"
DEFAULT_ACCOUNT = "telegram"
_CHAT = re.compile(r"@[A-Za-z][A-Za-z0-9_]{3,31}|-?[1-9][0-9]{0,15}")


def checked_chat(text: str) -> str:
    """Return a chat as the Bot API takes it: `@name` or an id. Raises `ValueError`."""
    chat = text.strip()
    if not _CHAT.fullmatch(chat):
        raise ValueError(f"{text!r} is not a chat: give @name of a public one, or an id such as -1001234567890")
    return chat


def checked_server(address: str) -> str:
    """Return the address of a Bot API server. Raises `ValueError`."""
    whole = http_address(address)
    if whole.startswith("http://") and not _is_near(whole):
        raise ValueError(f"{address!r} must begin with https://: over http:// anyone on the way can read the token")
    return whole


def _is_near(address: str) -> bool:
    """Return whether an address cannot lead out of the local network, as that of a container."""
    host = urlsplit(address).hostname or ""
    try:
        return ipaddress.ip_address(host).is_private
    except ValueError:
        return is_loopback(address) or "." not in host


class TelegramPostOptions(Config):
    """The options of a post under `[destination.NAME]`, beyond those that every post has."""

    silent: bool = False
    """Notifies readers without a sound."""
    protect: bool = False
    """Keeps readers from forwarding or saving the video."""
    spoiler: bool = False
    """Covers the video until the reader opens it."""
    caption_above: bool = False
    """Shows the text above the video."""
    topic: Annotated[int, Field(gt=0)] | None = None
    """The id of a topic, in a group that has topics."""


class TelegramConfig(Config):
    """Settings of `telegram`: an account by its name, or a bot's token and a chat."""

    account: Annotated[str, Field(min_length=1)] | None = None
    """The name of an account that `reelwork accounts add telegram` has stored. By default `telegram`."""
    token: SecretRef | None = None
    """The bot's token, by reference. With `chat`, it takes the place of an account."""
    chat: Annotated[str, AfterValidator(checked_chat)] | None = None
    """The channel or group, with `token`: `@name` if it is public, else its id."""
    base_url: Annotated[HttpAddress, AfterValidator(checked_server)] | None = None
    """Your own Bot API server, with `token`. It takes videos of up to 2000 MB."""
    link_base: HttpAddress = LINKS
    """The beginning of links to posts. Change it only to rehearse."""
    text: Template = "{title}\n\n{caption}\n\n{hashtags}"
    """The text below the video. May use {title}, {caption}, {hashtags}, {prompt} and {platform}; empty ones leave
    no gap."""
    disclosure: Annotated[str, Field(max_length=100)] = DEFAULT_DISCLOSURE
    """Words at the end of the text that say AI made the video. Empty turns them off."""

    @model_validator(mode="after")
    def _one_way_to_sign_in(self) -> Self:
        given = [name for name in ("token", "chat", "base_url") if getattr(self, name) is not None]
        if given and self.account is not None:
            raise ValueError(f"give either account or {given[0]}, not both")
        missing = [name for name in ("token", "chat") if name not in given]
        if given and missing:
            raise ValueError(f"{given[0]} needs {missing[0]} as well")
        return self
