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
    """The caption. May use {title}, {caption}, {hashtags}, {prompt} and {platform}; what is empty leaves no gap."""


class InstagramOptions(Config):
    """The options of a post under `[destination.NAME]`, beyond those that every post has."""

    cover_at: Annotated[float, Field(ge=0, le=900)] | None = None
    """The second of the video that is its cover; Instagram chooses one when left out."""
    share_to_feed: bool = True
    """Shows the reel in the feed of the account's followers, too."""
    collaborators: Annotated[tuple[Annotated[str, Field(pattern=r"^[\w.]{1,30}$")], ...], Field(max_length=3)] = ()
    """Accounts that are asked to be shown as authors beside this one."""
    audio_name: Annotated[str, Field(max_length=100)] = ""
    """The name of the reel's sound."""
    location_id: Annotated[str, Field(pattern=r"^\d+$")] | None = None
    """The id of a Facebook page with a place."""
