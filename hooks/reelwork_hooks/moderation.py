"""Content that moderation is shown, and its verdicts."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field

from reelwork_hooks.clips import Clip
from reelwork_hooks.frozen import EMPTY, Frozen, FrozenMapping, Grown


class Stage(StrEnum):
    """The stage of moderation. A plugin names those it is asked at in `Plugin.moderates`."""

    BRIEF = "brief"
    """The content as requested."""
    PROMPT = "prompt"
    """The prompt as it is sent to the provider."""
    CLIP = "clip"
    """The finished video with its captions, after it was edited and before it is signed, stored or posted."""
    POST = "post"
    """The texts and the thumbnail as they will be posted."""


class Content(Frozen):
    """The content that moderation checks."""

    stage: Stage
    text: str
    """The words to judge; of a clip, those of its captions."""
    negative_text: str = ""
    images: tuple[Path, ...] = ()
    """Pictures to look at: references before a render, frames of a clip (`Plugin.clip_frames` of them, in order)
    and its thumbnail, the thumbnail before a post. Frames are there during the call only."""
    destination: str | None = None
    """The publisher instance, at the stage `post`."""
    clip: Clip | None = None
    """The video with its files, at the stage `clip`."""


class Verdict(Grown, Frozen):
    """A moderation answer. Build it with `allow`, `hold` or `reject`."""

    _later: ClassVar[tuple[str, ...]] = ("score", "final", "flagged", "scores", "thresholds")

    decision: Literal["allow", "hold", "reject"]
    reason: str = ""
    categories: tuple[str, ...] = ()
    plugin: str = ""
    """Filled in by the engine with the instance's name."""
    score: Annotated[float, Field(ge=0, le=1)] | None = None
    """Of what passes, how near it came to being stopped, 0 to 1; None when that is not known."""
    final: bool = False
    """Of a rejection: no person can overrule it, so nobody can appeal."""
    flagged: tuple[str, ...] = ()
    """The inputs that were flagged, in words, such as `frame 3`. Without any, all that was shown."""
    scores: FrozenMapping[str, float] = EMPTY
    """The scores of the categories that stopped it, 0 to 1, as far as they are known."""
    thresholds: FrozenMapping[str, float] = EMPTY
    """For categories, the score from which they are stopped, where the settings have one."""

    @classmethod
    def allow(cls, score: float | None = None) -> Self:
        """Let it pass; the next plugin is asked. A workflow can have posts reviewed above a `score`."""
        return cls(decision="allow", score=score)

    @classmethod
    def hold(cls, reason: str, *categories: str) -> Self:
        """Hold it until a person has looked at it. Nothing is spent, stored in public or posted meanwhile."""
        return cls(decision="hold", reason=reason, categories=categories)

    @classmethod
    def reject(cls, reason: str, *categories: str, final: bool = False) -> Self:
        """Forbid making or posting it. A person can appeal, and another can overrule it, unless it is `final`."""
        return cls(decision="reject", reason=reason, categories=categories, final=final)
