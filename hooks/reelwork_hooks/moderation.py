"""What moderation is shown, and what it answers."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Literal, Self

from reelwork_hooks.frozen import Frozen


class Stage(StrEnum):
    """The stage of moderation: content as requested, as sent to the provider, or as it will be posted."""

    BRIEF = "brief"
    PROMPT = "prompt"
    POST = "post"


class Content(Frozen):
    """The content that moderation checks."""

    stage: Stage
    text: str
    negative_text: str = ""
    images: tuple[Path, ...] = ()
    """Pictures to look at: references before a render, the thumbnail before a post."""
    destination: str | None = None
    """The publisher instance, at the stage `post`."""


class Verdict(Frozen):
    """A moderation answer. Build it with `allow`, `hold` or `reject`."""

    decision: Literal["allow", "hold", "reject"]
    reason: str = ""
    categories: tuple[str, ...] = ()
    plugin: str = ""
    """Filled in by the engine with the instance's name."""

    @classmethod
    def allow(cls) -> Self:
        """Let it pass; the next plugin is asked."""
        return cls(decision="allow")

    @classmethod
    def hold(cls, reason: str, *categories: str) -> Self:
        """Hold it until a person has looked at it. Nothing is spent or posted meanwhile."""
        return cls(decision="hold", reason=reason, categories=categories)

    @classmethod
    def reject(cls, reason: str, *categories: str) -> Self:
        """Forbid making or posting it."""
        return cls(decision="reject", reason=reason, categories=categories)
