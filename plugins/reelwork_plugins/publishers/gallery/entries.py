"""The gallery's entries for posts: one JSON file for each effect."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, ValidationError

from reelwork_hooks import Asset, Frozen, Job, Post
from reelwork_hooks.frozen import Grown

ENDINGS = re.compile(r"\.[a-z0-9]{1,5}")


class Medium(Frozen):
    """A file of the gallery, with the facts that a page shows."""

    # Read back from a file and written into the page: only names of the gallery's own files fit.
    path: Annotated[str, Field(pattern=r"^media/[0-9a-f]{64}\.[a-z0-9]{1,5}$")]
    """Relative to the gallery's folder."""
    media_type: str
    bytes: int
    width: int | None = None
    height: int | None = None
    duration: float | None = None
    """Seconds."""

    @classmethod
    def of(cls, asset: Asset) -> Self:
        """Return the gallery's file for an asset, named by its hash."""
        ending = asset.path.suffix.lower()
        return cls(
            path=f"media/{asset.sha256}{ending if ENDINGS.fullmatch(ending) else '.bin'}",
            media_type=asset.media_type,
            bytes=asset.bytes,
            width=asset.width,
            height=asset.height,
            duration=asset.duration,
        )


class Entry(Grown, Frozen):
    """One post, as it stands on the page."""

    # An older version reads the entries of a newer one, and knows no more fields than it wrote.
    _later: ClassVar[tuple[str, ...]] = ("alt_text", "ai", "target")

    key: str
    job: str
    run: str
    workflow: str
    destination: str
    idea: str
    """The brief's prompt."""
    sent: str
    """The prompt as it went to the provider."""
    platform: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]*$")] | None = None
    title: str = ""
    caption: str = ""
    hashtags: tuple[str, ...] = ()
    alt_text: str = ""
    ai_generated: bool = True
    ai: Literal["yes", "partly"] = "yes"
    """How far AI made it, if it did."""
    target: str = ""
    """The shape or limit that its video was finished for, where that is not the render as it is."""
    provider: str
    render: str = ""
    """The generation's id at the provider: several posts may show one."""
    cost: Decimal | None = None
    """US dollars for the render; None when unknown."""
    row: str | None = None
    take: int = 1
    takes: int = 1
    video: Medium
    poster: Medium | None = None
    created_at: datetime
    published_at: datetime

    @classmethod
    def of(
        cls, post: Post, job: Job, key: str, video: Medium, poster: Medium | None, published_at: datetime
    ) -> Self:
        """Return the entry for a post whose files are in place."""
        platform = post.platform or job.platform
        return cls(
            key=key,
            job=job.id,
            run=job.run,
            workflow=job.workflow,
            destination=post.destination,
            idea=job.brief.prompt,
            sent=job.prompt.text if job.prompt else job.brief.prompt,
            platform=platform.name if platform else None,
            title=post.title,
            caption=post.caption,
            hashtags=post.hashtags,
            alt_text=post.alt_text,
            ai_generated=post.ai_generated,
            ai="partly" if post.disclosure.ai == "partly" else "yes",
            target=job.target.aspect_ratio or job.target.label,
            provider=job.provider,
            render=job.render.remote_id if job.render else "",
            cost=job.render.cost if job.render else None,
            row=job.row,
            take=job.take,
            takes=job.takes,
            video=video,
            poster=poster,
            created_at=job.created_at,
            published_at=published_at,
        )

    @property
    def id(self) -> str:
        """The card's name on the page."""
        return f"post-{_digest(self.key)[:16]}"

    def to_json(self) -> bytes:
        """Return the contents of the entry's file."""
        return (self.model_dump_json(indent=2) + "\n").encode()


def entry_path(folder: Path, key: str) -> Path:
    """Return the path of the entry for the effect with this key."""
    return folder / "entries" / f"{_digest(key)}.json"


def read_entry(path: Path) -> Entry | None:
    """Return the entry, or None when there is none that can be read."""
    # A broken entry counts as missing: it costs its own card, and publishing again writes it.
    try:
        return Entry.model_validate_json(path.read_bytes())
    except (FileNotFoundError, NotADirectoryError, ValidationError):
        return None


def read_entries(folder: Path) -> Iterator[Entry]:
    """Yield every entry of a gallery that can be read."""
    for path in sorted((folder / "entries").glob("*.json")):
        entry = read_entry(path)
        if entry is not None:
            yield entry


def _digest(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()[:40]
