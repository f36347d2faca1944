"""An unfinished download: its bytes on disk, their hash so far, and what is needed to resume it."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
from collections.abc import Callable
from dataclasses import asdict, dataclass
from io import FileIO
from pathlib import Path
from typing import ParamSpec, TypeVar

from reelwork.errors import NoVideo
from reelwork.files import make_private_folder, sync_folder
from reelwork.media.container import HEAD, container_of
from reelwork.media.probe import text_instead_of_video
from reelwork.media.unpacking import is_packed, unpack
from reelwork_hooks.errors import Unavailable

P = ParamSpec("P")
R = TypeVar("R")

_READ = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Version:
    """The version of an address's content that the bytes belong to."""

    validator: str = ""
    """The value for `If-Range` (RFC 9110, 13.1.5): a strong `ETag` or `Last-Modified`. Empty: no resuming."""
    total: int | None = None
    """Bytes of the whole content, when the other side said so."""
    origin: str = ""
    """A hash of the address it came from: two ways to one video may use the same tag for different bytes."""


@dataclass(frozen=True, slots=True)
class Kept:
    """A finished file."""

    path: Path
    sha256: str
    bytes: int
    media_type: str


class PartialFile:
    """`NAME.part` and, beside it, `NAME.part.json` with the `Version` its bytes belong to.

    Everything that touches the disk runs in a thread. Methods raise `Unavailable` when the disk refuses.
    """

    def __init__(self, folder: Path, name: str) -> None:
        # A name with a separator would lead out of the folder.
        if not name or Path(name).name != name:
            raise ValueError(f"{name!r} is not a plain file name")
        self.path = folder / f"{name}.part"
        self._sidecar = folder / f"{name}.part.json"
        self.version = Version()
        self.size = 0
        self._hash = hashlib.sha256()
        self._file: FileIO | None = None

    async def open(self) -> None:
        """Take up and hash what an earlier attempt left, or begin with nothing."""
        await _on_disk(self._open)

    async def restart(self, version: Version) -> None:
        """Drop the bytes, and note which version comes now."""
        await _on_disk(self._restart, version)

    async def append(self, batch: list[bytes]) -> None:
        """Add these pieces."""
        await _on_disk(self._append, batch)

    async def keep_as(self, folder: Path, limit: int) -> Kept:
        """Sync the bytes and move them to `HASH[:2]/HASH.mp4`, or another ending by their kind.

        A film that came packed is unpacked, to `limit` bytes at most: then the hash is the film's.
        Raises `TooLarge`.
        """
        return await _on_disk(self._keep_as, folder, limit)

    def close(self) -> None:
        """Close the file; its bytes stay for the next attempt."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def remove(self) -> None:
        """Delete the bytes and the note."""
        self.close()
        self.path.unlink(missing_ok=True)
        self._sidecar.unlink(missing_ok=True)

    def _open(self) -> None:
        make_private_folder(self.path.parent)
        try:
            self.version = Version(**json.loads(self._sidecar.read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):
            # Bytes of which nobody knows where they came from are worth nothing.
            self._restart(Version())
            return
        # Unbuffered: size and hash count what the system has, not what is lost when the process is killed.
        self._file = self.path.open("a+b", buffering=0)
        self._file.seek(0)
        # A hash in progress cannot be stored, so what an earlier process left is hashed again.
        while piece := self._file.read(_READ):
            self._hash.update(piece)
            self.size += len(piece)

    def _restart(self, version: Version) -> None:
        self.close()
        # First the bytes, then the note: a crash in between leaves no bytes under a wrong note.
        self._file = self.path.open("w+b", buffering=0)
        self._sidecar.write_text(json.dumps(asdict(version)), encoding="utf-8")
        self.version, self.size, self._hash = version, 0, hashlib.sha256()

    def _append(self, batch: list[bytes]) -> None:
        assert self._file is not None, "open() comes first"
        for piece in batch:
            rest = memoryview(piece)
            while rest:
                written = self._file.write(rest)
                # Hashed as far as it was written, so that a full disk leaves size and hash true.
                self._hash.update(rest[:written])
                self.size += written
                rest = rest[written:]

    def _keep_as(self, folder: Path, limit: int) -> Kept:
        assert self._file is not None, "open() comes first"
        if os.fstat(self._file.fileno()).st_size != self.size:
            # The hash is that of the bytes written here, so it would be wrong.
            raise OSError(f"{self.path.name} was changed by someone else meanwhile")
        # Before the rename: after a power cut, a file under its hash must have the bytes of that hash. The provider
        # may have deleted the render by then.
        os.fsync(self._file.fileno())
        self.close()
        path, digest, head = self.path, self._hash.hexdigest(), _head(self.path)
        if is_packed(head):
            path = self.path.with_suffix(".unpacked")
            unpack(self.path, path, limit)
            digest, head = _hashed(path), _head(path)
            if text := text_instead_of_video(head):
                path.unlink()
                self.remove()
                raise NoVideo(f"what arrived is not a video but text: {text}")
        kind = container_of(head)
        target = folder / digest[:2] / f"{digest}{kind.ending}"
        make_private_folder(target.parent)
        os.replace(path, target)
        sync_folder(target.parent)
        self.remove()
        return Kept(target, digest, target.stat().st_size, kind.media_type)


def _head(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(HEAD)


def _hashed(path: Path) -> str:
    """Return the hash of a file whose bytes are safe on disk."""
    with path.open("rb") as file:
        os.fsync(file.fileno())
        return hashlib.file_digest(file, "sha256").hexdigest()


async def _on_disk(work: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    writing = asyncio.ensure_future(asyncio.to_thread(work, *args, **kwargs))
    try:
        return await asyncio.shield(writing)
    except asyncio.CancelledError:
        # The thread runs on: nobody may take up the file while it writes.
        await asyncio.wait([writing])
        raise
    except OSError as error:
        raise Unavailable(
            f"the download cannot be written to disk: {error.strerror or error}",
            hint="Make room on the disk, or check its permissions. The download then resumes.",
        ) from error
