"""A video on this machine, and the files that belong to it."""

from __future__ import annotations

import hashlib
import mimetypes
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import Field

from reelwork_hooks.frozen import Frozen


class Role(StrEnum):
    """The role of a file in its clip."""

    VIDEO = "video"
    THUMBNAIL = "thumbnail"
    CAPTIONS = "captions"
    SIDECAR = "sidecar"


class Asset(Frozen, defer_build=False):
    """A file that belongs to a clip. Its bytes never change: a new file is a new asset."""

    path: Path
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    bytes: int
    media_type: str
    role: Role
    width: int | None = None
    height: int | None = None
    duration: float | None = None
    """Seconds."""
    fps: float | None = None
    codec: str | None = None
    stored_at: tuple[str, ...] = ()
    """Addresses where storage plugins put it."""

    @classmethod
    def from_file(cls, path: Path, role: Role, **facts: Any) -> Self:
        """Return the asset for an existing file: hash it, and guess the media type from its ending.

        Raises `OSError` when the file cannot be read.
        """
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        kind = facts.pop("media_type", None) or mimetypes.guess_type(path.name)[0]
        return cls(
            path=path,
            sha256=digest,
            bytes=path.stat().st_size,
            media_type=kind or "application/octet-stream",
            role=role,
            **facts,
        )


class Clip(Frozen):
    """The video and the files that belong to it."""

    video: Asset
    assets: tuple[Asset, ...] = ()
    """Everything but the video: thumbnail, captions, sidecars."""

    def with_video(self, video: Asset) -> Self:
        """Return the clip with another video in its place."""
        return self.replace(video=video)

    def adding(self, *assets: Asset) -> Self:
        """Return the clip with more files. A thumbnail replaces an earlier thumbnail."""
        # `thumbnail` returns the first one. If the old one stayed, moderation would judge a picture that is not
        # posted.
        new = {asset.role for asset in assets if asset.role is Role.THUMBNAIL}
        kept = tuple(asset for asset in self.assets if asset.role not in new)
        return self.replace(assets=(*kept, *assets))

    @property
    def thumbnail(self) -> Asset | None:
        """The still picture that stands for the video, if a plugin made one."""
        return next((asset for asset in self.assets if asset.role is Role.THUMBNAIL), None)
