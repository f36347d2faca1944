"""The interface of a place that stores objects for `storage`, and the errors that can occur there."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

from reelwork_hooks import Asset, ReelworkError

Labels = Mapping[str, str]
"""User metadata: identifiers to ASCII text."""

Progress = Callable[[int], None]
"""Told how many bytes have been handed over."""


class NotStored(ReelworkError):
    """A video could not be put where it stays."""

    money = "The video is paid for and its download is kept; nothing was posted."


class Exists(Exception):
    """A create-only write met an object of that name."""


@dataclass(frozen=True)
class Stored:
    """An object that is there."""

    bytes: int
    sha256: str | None = None
    """What its metadata says; None when it says nothing."""


class Bucket(Protocol):
    """A place that keeps objects by key. Every method raises `NotStored` when the place does not answer."""

    def address(self, key: str) -> str:
        """Return the URL of an object, without credentials."""
        ...

    def look(self, key: str) -> Stored | None:
        """Return the object stored under a key, without its contents; None if there is none."""
        ...

    def read(self, key: str) -> bytes | None:
        """A small object's bytes."""
        ...

    def digest(self, key: str) -> str:
        """The SHA-256 of an object, by reading all of it."""
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
        """A presigned address from which anyone can read the object for that long."""
        ...
