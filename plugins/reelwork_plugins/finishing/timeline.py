"""Where the render is in a video that was joined with others: a file beside the video says it."""

from __future__ import annotations

import json

from pydantic import BaseModel, ValidationError

from reelwork_hooks import Asset, Clip

MEDIA_TYPE = "application/vnd.reelwork.timeline+json"
"""By which plugins find the file."""


class Span(BaseModel):
    """A piece of the video, in seconds."""

    role: str
    """`clip` is the render."""
    start: float
    end: float

    def later(self, seconds: float) -> Span:
        """Return it moved by so many seconds."""
        return Span(role=self.role, start=round(self.start + seconds, 6), end=round(self.end + seconds, 6))


class Timeline(BaseModel):
    """The pieces of a video, in their order."""

    pieces: tuple[Span, ...] = ()

    @property
    def render_starts(self) -> float:
        """The second of the video at which the render begins."""
        return next((piece.start for piece in self.pieces if piece.role == "clip"), 0.0)

    def with_inner(self, inner: Timeline) -> Timeline:
        """Return it with the pieces of which its `clip` was joined before, if it was."""
        if not inner.pieces:
            return self
        moved = [one.later(self.render_starts) for one in inner.pieces]
        groups = (moved if piece.role == "clip" else [piece] for piece in self.pieces)
        return Timeline(pieces=tuple(one for group in groups for one in group))

    def as_json(self) -> bytes:
        """Return the content of the file."""
        return (json.dumps(self.model_dump(mode="json"), indent=2) + "\n").encode()


def is_timeline(asset: Asset) -> bool:
    """Return whether a file is a timeline."""
    return asset.media_type == MEDIA_TYPE


def timeline_of(clip: Clip) -> Timeline:
    """Return the timeline of a clip, without pieces if it was never joined. Raises `OSError`."""
    for asset in filter(is_timeline, clip.assets):
        try:
            return Timeline.model_validate_json(asset.path.read_bytes())
        except ValidationError:
            # Another package's file of this type.
            continue
    return Timeline()
