"""Settings and options of `x`."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from reelwork_hooks import Config
from reelwork_plugins.publishers.post_text import Template

NOTHING_POSTED = "Nothing was posted; the video is kept."


class XOptions(Config):
    """Options of a post at `x`."""

    replies: Literal["everyone", "following", "mentioned", "subscribers", "verified"] = "everyone"
    """Who may reply: everyone, whom the account follows, whom it mentions, its subscribers, or verified people."""
    paid_partnership: bool = False
    """Whether the post says that it was paid for."""


class XConfig(Config):
    """Settings of `x`."""

    account: Annotated[str, Field(min_length=1)] = "x"
    """The account that `reelwork accounts add x` has stored."""
    text: Template = "{title}\n\n{caption}\n\n{hashtags}"
    """The post. May use {title}, {caption}, {hashtags}, {prompt} and {platform}; what is empty leaves no gap."""
    premium: bool = False
    """True if the account pays for X Premium, and so may post longer texts and videos."""
