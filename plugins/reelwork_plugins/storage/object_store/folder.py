"""A folder of this machine, or a mounted one, used like a bucket."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

from reelwork_hooks import Asset
from reelwork_plugins.files import copy_verified, why, write_whole
from reelwork_plugins.storage.object_store.bucket import Exists, Labels, NotStored, Progress, Stored


@dataclass(frozen=True)
class FolderBucket:
    """Keys are paths below `root`. Metadata is not stored: a file's own bytes are read for its SHA-256."""

    root: Path

    def address(self, key: str) -> str:
        """Return the file:// address of a file."""
        return (self.root / key).as_uri()

    def head(self, key: str) -> Stored | None:
        """Return the file stored under a key, without its contents; None if there is none. Raises `NotStored`."""
        with self._explained_errors():
            try:
                return Stored((self.root / key).stat().st_size)
            except FileNotFoundError:
                return None

    def read(self, key: str) -> bytes | None:
        """Return a small file's bytes; None if there is none. Raises `NotStored`."""
        with self._explained_errors():
            try:
                return (self.root / key).read_bytes()
            except FileNotFoundError:
                return None

    def digest(self, key: str) -> str:
        """Return the SHA-256 of a file. Raises `NotStored`."""
        with self._explained_errors():
            return _digest(self.root / key)

    def write(self, key: str, data: bytes, media_type: str, *, replace: bool) -> None:
        """Write a small file. Raises `Exists` unless `replace`, and `NotStored`."""
        self._arrive(key, lambda part: write_whole(part, data), replace=replace)

    def upload(self, key: str, asset: Asset, labels: Labels, *, replace: bool, progress: Progress) -> None:
        """Copy a file, whole or not at all. Raises `Exists` unless `replace`, and `NotStored`."""
        self._arrive(key, lambda part: copy_verified(asset.path, part, asset.sha256), replace=replace)
        progress(asset.bytes)

    def link(self, key: str, life: timedelta) -> str:
        """Raise `NotStored`: a folder has no links that expire."""
        raise NotStored(f"storage: {self.address(key)}: a folder has no presigned links")

    def _arrive(self, key: str, fill: Callable[[Path], None], *, replace: bool) -> None:
        target = self.root / key
        part = target.with_name(f".{uuid4().hex}.part")
        with self._explained_errors():
            try:
                fill(part)
                _put_in_place(part, target, replace=replace)
            except FileExistsError:
                raise Exists(key) from None
            finally:
                part.unlink(missing_ok=True)

    @contextmanager
    def _explained_errors(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise NotStored(
                f"storage: the video could not be stored in {self.root}: {why(error)}",
                hint="Fix that, then resume the job: it continues from here.",
            ) from error


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _put_in_place(part: Path, target: Path, *, replace: bool) -> None:
    if replace:
        part.replace(target)
        return
    try:
        # A hard link is refused where a file is; a rename would replace it.
        os.link(part, target)
    except FileExistsError:
        raise
    except OSError:
        # Some file systems have no hard links. There, another process can still take the name between these two
        # lines.
        if target.exists():
            raise FileExistsError(target) from None
        part.replace(target)
