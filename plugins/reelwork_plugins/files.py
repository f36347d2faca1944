"""Files put in place whole or not at all: verified copies, hard links, atomic writes."""

from __future__ import annotations

import errno
import hashlib
import os
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import lru_cache
from pathlib import Path
from typing import BinaryIO
from uuid import uuid4

CHUNK = 1 << 20

_PART = re.compile(r"\.[0-9a-f]{32}\.part")
_NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_NOT_ALLOWED = {errno.EACCES, errno.EPERM, errno.EROFS}
_IN_THE_WAY = {errno.ENOTDIR, errno.EEXIST}


class Damaged(OSError):
    """A file is not the one its hash promises."""


def write_whole(target: Path, data: bytes, *, mode: int = 0o666) -> None:
    """Write a file so that a reader sees the old bytes or the new ones, never a part. Raises `OSError`.

    `mode` holds the permissions, of which the umask takes its part.
    """
    # The mode is set when the file is made: between creation and a later chmod, others could open it.
    with _arriving(target) as part, open(part, "xb", opener=lambda path, flags: os.open(path, flags, mode)) as file:
        file.write(data)
        _sync(file)


def copy_verified(source: Path, target: Path, sha256: str) -> None:
    """Copy a file unless the right bytes are there already.

    Raises `Damaged` when the source does not have this hash, `OSError` when it cannot be read or written.
    Whatever is raised, `target` is untouched and nothing is left beside it.
    """
    if holds(target, sha256):
        return
    digest = hashlib.sha256()
    with _arriving(target) as part:
        with source.open("rb") as reading, part.open("xb") as writing:
            # Hashed from the bytes that are written: the source could change between two readings.
            while chunk := reading.read(CHUNK):
                digest.update(chunk)
                writing.write(chunk)
            _sync(writing)
        if digest.hexdigest() != sha256:
            raise Damaged(f"{source} has changed since it was made: its SHA-256 is no longer {sha256}")


def made_once(folder: Path, name: str, ending: str, write: Callable[[Path], None]) -> Path:
    """Return the file of this name, which `write` makes unless it is there as it was made. Raises `OSError`.

    The name is completed by the hash of what is in it: a file that was damaged since is made again.
    """
    for path in folder.glob(f"{name}-*{ending}"):
        if holds(path, path.name.removeprefix(f"{name}-").removesuffix(ending)):
            return path
    clear_torn(folder)
    # The name is chance, since several processes may make the same file.
    part = folder / f".{uuid4().hex}.part"
    try:
        write(part)
        with part.open("r+b") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
            _sync(file)
        path = folder / f"{name}-{digest}{ending}"
        part.replace(path)
        _sync_folder(folder)
    finally:
        part.unlink(missing_ok=True)
    return path


def link_or_copy(source: Path, target: Path, sha256: str) -> None:
    """Give a file a second name: a hard link, or a verified copy where the file system has none.

    Raises `Damaged` and `OSError` as `copy_verified` does.
    """
    if target.exists() and target.samefile(source):
        return
    try:
        with _arriving(target) as part:
            os.link(source, part)
    except OSError:
        copy_verified(source, target, sha256)


def holds(path: Path, sha256: str) -> bool:
    """Return whether a file exists and has this hash."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest() == sha256
    except FileNotFoundError:
        return False


def why(error: OSError) -> str:
    """Return the reason for an error with a file, in words for the person whose disk it is."""
    if isinstance(error, Damaged):
        return str(error)
    if error.errno in _NO_ROOM:
        return "there is no room left on the disk"
    if error.errno in _NOT_ALLOWED:
        return "this user may not write there"
    if error.errno in _IN_THE_WAY:
        return "a file is where a folder is needed"
    return error.strerror or str(error)


# A younger one may belong to a process that is still copying, also on another machine that shares the folder.
TORN_AFTER = 3600.0
"""Seconds without a change after which a file that never got its name counts as left by a process that died."""


@lru_cache(maxsize=1024)
def clear_torn(folder: Path, after: float = TORN_AFTER) -> int:
    """Remove the half-written files that killed processes left in a folder; return their number.

    Done once for each folder.
    """
    removed = 0
    for path in folder.glob(".*.part"):
        # The change time: it moves with every byte written, and with the making of a hard link.
        with suppress(OSError):
            if _PART.fullmatch(path.name) and path.lstat().st_ctime < time.time() - after:
                path.unlink()
                removed += 1
    return removed


@contextmanager
def _arriving(target: Path) -> Iterator[Path]:
    target.parent.mkdir(parents=True, exist_ok=True)
    clear_torn(target.parent)
    # Beside the target, since a rename is atomic within one file system only. The name is chance, since several
    # processes may write the same target.
    part = target.with_name(f".{uuid4().hex}.part")
    try:
        yield part
        part.replace(target)
        # The new name is in the folder, not in the file: without this a power cut may take it back.
        _sync_folder(target.parent)
    finally:
        # Also after success: renaming one hard link over another of the same file leaves both.
        part.unlink(missing_ok=True)


def _sync(file: BinaryIO) -> None:
    file.flush()
    os.fsync(file.fileno())


def _sync_folder(folder: Path) -> None:
    # Windows cannot open a folder, and some network file systems cannot sync one.
    with suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
