"""Settings of `discord`."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import AfterValidator, Field, model_validator

from reelwork_hooks import Config, SecretRef
from reelwork_plugins.publishers.post_text import DEFAULT_DISCLOSURE, Template

DEFAULT_ACCOUNT = "discord"


def _checked_id(text: str) -> str:
    if not (text.isascii() and text.isdecimal() and 15 <= len(text) <= 20):
        raise ValueError(
            f"{text!r} is not a Discord id: turn on Discord's developer mode, and copy the thread's id"
        )
    return text


Id = Annotated[str, AfterValidator(_checked_id)]


class DiscordPostOptions(Config):
    """The options of a post under `[destination.NAME]`, beyond those that every post has."""

    thread: Id | None = None
    """The id of the thread for this post; by default that of `[plugin.NAME]`."""
    silent: bool = False
    """Notifies nobody."""
    spoiler: bool = False
    """Covers the video until the reader opens it."""


class DiscordConfig(Config):
    """Settings of `discord`: an account by its name, or a webhook."""

    account: Annotated[str, Field(min_length=1)] | None = None
    """The name of an account that `reelwork accounts add discord` has stored. By default `discord`."""
    webhook: SecretRef | None = None
    """The webhook's URL, by reference, in place of an account. Anyone who has it can post."""
    thread: Id | None = None
    """The id of a thread in the webhook's channel. Posts go there."""
    new_thread: Template = ""
    """The title of a new thread for each post, such as `{title}`. A forum needs this or `thread`."""
    largest: Annotated[int, Field(gt=0, le=500)] = 10
    """The largest file that the server takes, in MiB: 10, or 50 and 100 with boosts of level 2 and 3."""
    invited_only: bool = False
    """Set it if only invited people can read the channel. Unlisted and private posts may then go there."""
    mentions: bool = False
    """Lets `@everyone`, roles and names in the text notify people."""
    username: Annotated[str, Field(max_length=80)] = ""
    """The name shown above posts. Empty for the webhook's own."""
    text: Template = "{title}\n\n{caption}\n\n{hashtags}"
    """The text above the video. May use {title}, {caption}, {hashtags}, {prompt} and {platform}; empty ones leave
    no gap."""
    alt: Template = "{prompt}"
    """A description for people who cannot see the video. May use the same names. A post's own `alt_text` comes
    first."""
    disclosure: Annotated[str, Field(max_length=100)] = DEFAULT_DISCLOSURE
    """Words at the end of the text that say AI made the video. Empty turns them off."""

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.account is not None and self.webhook is not None:
            raise ValueError("give either account or webhook, not both")
        if self.thread and self.new_thread:
            raise ValueError("give either thread or new_thread")
        return self
