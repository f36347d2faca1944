"""Targets: the shape, length and size of video that a destination takes."""

from __future__ import annotations

from hashlib import sha256
from typing import Annotated, Any, Self

from pydantic import Field

from reelwork_hooks.briefs import AspectRatio
from reelwork_hooks.clips import Asset
from reelwork_hooks.frozen import Frozen

# A model's 21:9 is 64:27 at one provider and 7:3 at another, and sides are even numbers of pixels.
_NEAR_ENOUGH = 0.02
"""The part by which a video's shape may differ from an aspect ratio and still have it."""
# A file says a frame or a piece of sound more than was asked for.
_MOMENT = 0.1
"""Seconds by which a video may be longer than `Target.longest`."""


_LONGEST_LABEL = 60


class Target(Frozen):
    """The video that some of a job's destinations take. What is None or empty is left as it was rendered."""

    aspect_ratio: AspectRatio | None = None
    """Such as `9:16`."""
    longest: Annotated[float, Field(gt=0)] | None = None
    """Seconds."""
    most_bytes: Annotated[int, Field(gt=0)] | None = None
    """The largest file."""
    codecs: tuple[Annotated[str, Field(pattern=r"^[a-z0-9]+$")], ...] = ()
    """Video codecs, any of which will do, as FFmpeg calls them: `h264`, `hevc`, `av1`."""

    @property
    def ratio(self) -> float | None:
        """Width by height; None if any shape will do."""
        if self.aspect_ratio is None:
            return None
        across, up = map(int, self.aspect_ratio.split(":"))
        return across / up

    @property
    def label(self) -> str:
        """A short text of it for a file's name, such as `9x16-60s`, of its own; empty if it asks for nothing."""
        parts = (
            "" if self.aspect_ratio is None else self.aspect_ratio.replace(":", "x"),
            "" if self.longest is None else f"{self.longest!r}".removesuffix(".0") + "s",
            "" if self.most_bytes is None else f"{self.most_bytes}b",
            "_".join(self.codecs),
        )
        label = "-".join(part for part in parts if part)
        if len(label) <= _LONGEST_LABEL:
            return label
        # Part of the name of a file that is paid for: no file system may refuse it for its length.
        return f"{label[: _LONGEST_LABEL - 17]}-{sha256(label.encode()).hexdigest()[:16]}"

    def unmet(self, video: Asset) -> tuple[str, ...]:
        """Return the names of the fields that a video does not fit. A fact that is not known counts as fitting."""
        shape = video.width / video.height if video.width and video.height else None
        wrong = {
            "aspect_ratio": self.ratio and shape and abs(shape / self.ratio - 1) > _NEAR_ENOUGH,
            "longest": self.longest and video.duration and video.duration > self.longest + _MOMENT,
            "most_bytes": self.most_bytes and video.bytes > self.most_bytes,
            "codecs": self.codecs and video.codec and video.codec not in self.codecs,
        }
        return tuple(name for name, is_wrong in wrong.items() if is_wrong)

    def beyond(self, *, aspect_ratio: str, duration: float) -> Self:
        """Return what is left of it for a video that is made in this shape and length."""
        other = type(self)(aspect_ratio=aspect_ratio)
        met: dict[str, Any] = {}
        if self.ratio is not None and self.ratio == other.ratio:
            met["aspect_ratio"] = None
        if self.longest is not None and duration <= self.longest:
            met["longest"] = None
        return self.replace(**met) if met else self
