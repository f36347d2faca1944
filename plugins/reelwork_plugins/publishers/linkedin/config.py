"""Settings and options of `linkedin`."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from reelwork_hooks import Config
from reelwork_plugins.publishers.post_text import DEFAULT_DISCLOSURE, Template

NOTHING_POSTED = "Nothing was posted; the video is kept."
VERSION = "202605"
"""The version of LinkedIn's API: a year and a month. LinkedIn keeps each for a year at least."""


class LinkedinOptions(Config):
    """Options of a post at `linkedin`."""

    audience: Literal["everyone", "connections"] = "everyone"
    """Who sees it: everyone, or the connections of the person who posts. A post of a page is for everyone."""
    reshares: bool = True
    """Whether people may repost it."""


class LinkedinConfig(Config):
    """Settings of `linkedin`."""

    account: Annotated[str, Field(min_length=1)] = "linkedin"
    """The account that `reelwork accounts add linkedin` has stored: a person, or a page."""
    text: Template = "{title}\n\n{caption}\n\n{hashtags}"
    """The post. May use {title}, {caption}, {hashtags}, {prompt} and {platform}; what is empty leaves no gap."""
    disclosure: str = DEFAULT_DISCLOSURE
    """Words in the text of a video that AI made: LinkedIn has no field for it. Empty: none, unless a post asks."""
    version: Annotated[str, Field(pattern=r"^20\d{4}$")] = VERSION
    """The version of LinkedIn's API, as year and month. LinkedIn ends each about a year later."""
