"""Settings and options of `tiktok`."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from reelwork_hooks import Config
from reelwork_plugins.publishers.post_text import Template

NOTHING_POSTED = "Nothing was posted; the video is kept."


class TiktokConfig(Config):
    """Settings of `tiktok`."""

    account: Annotated[str, Field(min_length=1)] = "tiktok"
    """The account that `reelwork accounts add tiktok` has stored."""
    direct: bool = False
    """Posts at once, for which TikTok must have audited the account's app. Otherwise the video goes to the inbox of
    the account as a draft, without text and label, and a person posts it in TikTok."""
    text: Template = "{title}\n\n{caption}\n\n{hashtags}"
    """The text. May use {title}, {caption}, {hashtags}, {prompt} and {platform}; what is empty leaves no gap."""
    chunk: Annotated[int, Field(ge=5, le=60)] = 16
    """Mebibytes of one request of the upload."""


class TiktokOptions(Config):
    """Options of a post at `tiktok`; a draft has none of them."""

    audience: Literal["friends", "followers"] | None = None
    """Shows the post to these people only, where TikTok offers that to the account."""
    comments: bool = False
    """Whether people may comment."""
    duet: bool = False
    """Whether people may make duets with it."""
    stitch: bool = False
    """Whether people may use parts of it."""
    paid_partnership: bool = False
    """Whether it advertises for somebody else, who pays for it."""
    own_brand: bool = False
    """Whether it advertises the account's own business."""
    cover_ms: Annotated[int, Field(ge=0)] | None = None
    """The time of the frame that is the cover, in milliseconds. TikTok's choice when not given."""
