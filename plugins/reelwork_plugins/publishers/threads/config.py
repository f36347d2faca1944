"""Settings and options of `threads`."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from reelwork_hooks import Config
from reelwork_plugins.publishers.post_text import DEFAULT_DISCLOSURE, Template


class ThreadsConfig(Config):
    """Settings of `threads`."""

    account: Annotated[str, Field(min_length=1)] = "threads"
    """The account that `reelwork accounts add threads` has stored."""
    text: Template = "{title}\n\n{caption}\n\n{hashtags}"
    """The post. May use {title}, {caption}, {hashtags}, {prompt} and {platform}; empty ones leave no gap."""
    disclosure: Annotated[str, Field(max_length=100)] = DEFAULT_DISCLOSURE
    """Words at the end of the post that say AI made the video. Empty turns them off."""


class ThreadsOptions(Config):
    """The options of a post under `[destination.NAME]`, beyond those that every post has."""

    replies: (
        Literal["everyone", "accounts_you_follow", "mentioned_only", "parent_post_author_only", "followers_only"]
        | None
    ) = None
    """Who may reply. By default the account's own setting."""
    topic: Annotated[str, Field(pattern=r"^[^.&]{1,50}$")] | None = None
    """The topic of the post, at most 50 characters, without `.` and `&`."""
