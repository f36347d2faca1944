"""Settings and options of `instagram`."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from reelwork_hooks import Config
from reelwork_plugins.publishers.post_text import Template


class InstagramConfig(Config):
    """Settings of `instagram`."""

    account: Annotated[str, Field(min_length=1)] = "instagram"
    """The account that `reelwork accounts add instagram` has stored."""
    text: Template = "{title}\n\n{caption}\n\n{hashtags}"
    """The caption. May use {title}, {caption}, {hashtags}, {prompt} and {platform}; empty ones leave no gap."""


class InstagramOptions(Config):
    """The options of a post under `[destination.NAME]`, beyond those that every post has."""

    cover_at: Annotated[float, Field(ge=0, le=900)] | None = None
    """The second of the video to use as its cover. By default Instagram chooses."""
    share_to_feed: bool = True
    """Shows the reel in the followers' feed as well."""
    collaborators: Annotated[tuple[Annotated[str, Field(pattern=r"^[\w.]{1,30}$")], ...], Field(max_length=3)] = ()
    """Accounts to invite as co-authors, at most 3."""
    audio_name: Annotated[str, Field(max_length=100)] = ""
    """The name of the reel's audio."""
    location_id: Annotated[str, Field(pattern=r"^\d+$")] | None = None
    """The id of a Facebook page that has a location."""
