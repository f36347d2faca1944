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
            f"{text!r} is no id of Discord's: in its developer mode, copy the thread's id, of digits alone"
        )
    return text


Id = Annotated[str, AfterValidator(_checked_id)]


class DiscordPostOptions(Config):
    """The options of a post under `[destination.NAME]`, beyond those that every post has."""

    thread: Id | None = None
    """The id of the thread for this post; that of `[plugin.NAME]` when left out."""
    silent: bool = False
    """Notifies nobody."""
    spoiler: bool = False
    """Hides the video until the reader asks for it."""


class DiscordConfig(Config):
    """Settings of `discord`: an account by its name, or a webhook."""

    account: Annotated[str, Field(min_length=1)] | None = None
    """An account that `reelwork accounts add discord` has stored. `discord` when nothing else is given."""
    webhook: SecretRef | None = None
    """The webhook's URL, by reference, in place of an account: whoever has it can post."""
    thread: Id | None = None
    """The id of a thread of the webhook's channel that gets the posts."""
    new_thread: Template = ""
    """The title of a new thread for each post, such as `{title}`: a forum needs that, or a `thread`."""
    largest: Annotated[int, Field(gt=0, le=500)] = 10
    """Mebibytes that the server takes of one file: 10, or 50 and 100 with boosts of level 2 and 3."""
    invited_only: bool = False
    """True if only people who were let in can read the channel: unlisted and private posts may then go there."""
    mentions: bool = False
    """Lets `@everyone`, roles and people in the text be notified."""
    username: Annotated[str, Field(max_length=80)] = ""
    """The name that posts have; the webhook's own when empty."""
    text: Template = "{title}\n\n{caption}\n\n{hashtags}"
    """The text above the video. May use {title}, {caption}, {hashtags}, {prompt} and {platform}; what is empty
    leaves no gap."""
    alt: Template = "{prompt}"
    """A description for people who cannot see the video. The same names. A post's own `alt_text` goes before it."""
    disclosure: Annotated[str, Field(max_length=100)] = DEFAULT_DISCLOSURE
    """Words at the end of the text that say how the video was made; empty turns them off."""

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.account is not None and self.webhook is not None:
            raise ValueError("give either account or webhook: an account brings its own")
        if self.thread and self.new_thread:
            raise ValueError("give either thread or new_thread")
        return self
