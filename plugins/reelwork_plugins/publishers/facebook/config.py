"""Settings and options of `facebook`."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from reelwork_hooks import Config
from reelwork_plugins.publishers.post_text import Template


class FacebookConfig(Config):
    """Settings of `facebook`."""

    account: Annotated[str, Field(min_length=1)] = "facebook"
    """The page's account, as `reelwork accounts add facebook` has stored it."""
    text: Template = "{title}\n\n{caption}\n\n{hashtags}"
    """The text. May use {title}, {caption}, {hashtags}, {prompt} and {platform}; what is empty leaves no gap."""
    kind: Literal["auto", "reel", "video"] = "auto"
    """`auto` posts a reel where the video is one by its shape and length, and a plain video otherwise. With `reel`
    another video is refused before it is made, or brought into that form by a plugin such as `reframe`."""
