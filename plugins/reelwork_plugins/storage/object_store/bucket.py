"""The interface of a store of objects, and the errors that can occur there."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

from reelwork_hooks import Asset, ReelworkError

Labels = Mapping[str, str]
"""User metadata: identifiers to ASCII text."""

Progress = Callable[[int], None]
"""Called with the number of bytes uploaded so far."""


class NotStored(ReelworkError):
    """A video could not be stored."""

    money = "The video is paid for and its download is kept; nothing was posted."


class Answered(NotStored):
    """The store was reached and did not do it. Another process may have done it meanwhile."""


class Exists(Exception):
    """A create-only write met an object of that name."""


@dataclass(frozen=True)
class Stored:
    """An object in the store."""

    bytes: int
    sha256: str | None = None
    """The hash in its metadata; None when there is none."""


class Bucket(Protocol):
    """A store of objects by key. Every method raises `NotStored` when the store does not answer."""

    def address(self, key: str) -> str:
        """Return the URL of an object, without credentials."""
        ...

    def head(self, key: str) -> Stored | None:
        """Return the object stored under a key, without its contents; None if there is none."""
        ...

    def read(self, key: str) -> bytes | None:
        """Return a small object's bytes; None if there is none."""
        ...

    def digest(self, key: str) -> str:
        """Return the SHA-256 of an object, by reading all of it."""
        ...

    def write(self, key: str, data: bytes, media_type: str, *, replace: bool) -> None:
        """Write a small object. Raises `Exists` unless `replace`; then nothing was changed."""
        ...

    def upload(self, key: str, asset: Asset, labels: Labels, *, replace: bool, progress: Progress) -> None:
        """Upload a file, whole or not at all. Raises `Exists` unless `replace`; then nothing was changed.

        Raises `NotStored` when the file no longer has the asset's SHA-256.
        """
        ...

    def link(self, key: str, life: timedelta) -> str:
        """Return a presigned address from which anyone can read the object for that long."""
        ...
