"""What is published at one destination, and the proof of it."""

from __future__ import annotations

from datetime import datetime

from pydantic import JsonValue

from reelwork_hooks.briefs import Hashtags, Platform, Privacy
from reelwork_hooks.clips import Clip
from reelwork_hooks.frozen import Frozen, FrozenMapping


class Post(Frozen):
    """A post that will be published at one destination."""

    destination: str
    """The publisher instance's name."""
    clip: Clip
    platform: Platform | None = None
    title: str = ""
    caption: str = ""
    hashtags: Hashtags = ()
    privacy: Privacy = "public"
    ai_generated: bool = True
    """True if the post must say, to the destination or in its text, that the video was made by AI."""


class Receipt(Frozen):
    """A destination's answer: proof of a post."""

    # An empty id is judged by the engine, which blames the plugin and leaves the outcome unknown: the post may be
    # out.
    id: str
    url: str = ""
    at: datetime | None = None
    """Time of publication; the engine fills in the time of the answer."""
    details: FrozenMapping[str, JsonValue] = {}  # noqa: RUF012  (validated, so frozen)
