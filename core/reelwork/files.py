"""Files that only their owner may read, names that survive a power cut, and locks between processes."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

from reelwork_hooks.errors import InvalidInput, Unavailable

LOOK_AGAIN_SECONDS = 0.05
# Longer than one token refresh can take: a process that holds the lock longer hangs.
LOCK_SECONDS = 180.0


def read_private(path: Path) -> str | None:
    """Return the file's text; None when there is none.

    Raises `InvalidInput`, with the command that sets it right, when others may read or replace it.
    """
    try:
        handle = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise InvalidInput(f"{path} cannot be read: {error.strerror}.") from error
    with os.fdopen(handle, encoding="utf-8") as file:
        # `fstat` of the open file: between a check of the name and the reading, the name could be given to another.
        _check_owner_only(path, os.fstat(file.fileno()).st_mode)
        try:
            return file.read()
        except UnicodeDecodeError as error:
            raise InvalidInput(f"{path} is not UTF-8 text (byte {error.start}).") from error


def write_private(path: Path, text: str) -> None:
    """Replace the file whole, so that a crash leaves the old text or the new one. Raises `InvalidInput`."""
    # Here, since every command that opens a store makes folders, and hardly any writes secrets.
    import tempfile

    # `os.replace` would put a plain file in the place of a link. So a link is followed first.
    path = path.resolve()
    part: Path | None = None
    try:
        make_private_folder(path.parent)
        # In the same folder: a rename is atomic only within one file system. `mkstemp` makes the file its owner's.
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".part")
        part = Path(name)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            # Before the rename: else a power cut may leave the new name with no bytes, and the old tokens are gone.
            os.fsync(file.fileno())
        os.replace(part, path)
        sync_folder(path.parent)
    except OSError as error:
        raise InvalidInput(f"{path} cannot be written: {error.strerror}.") from error
    finally:
        if part is not None:
            part.unlink(missing_ok=True)


def private(path: str, flags: int) -> int:
    """Open a file for `open(…, opener=private)`: one that is made is its owner's alone, whatever the umask."""
    return os.open(path, flags, 0o600)


def make_private_folder(folder: Path) -> None:
    """Make a folder that only its owner may enter, and the missing ones above it alike. Raises `OSError`."""
    if not folder.is_dir():
        # `mkdir(parents=True)` would give the missing parents the mode of the umask.
        make_private_folder(folder.parent)
        folder.mkdir(mode=0o700, exist_ok=True)


def _check_owner_only(path: Path, mode: int) -> None:
    # Windows keeps a profile's files from other users by itself, and has no such bits.
    if os.name == "nt":
        return
    if mode & 0o077:
        raise InvalidInput(
            f"{path} holds passwords and tokens, and other users of this machine may read it "
            f"(mode {stat.S_IMODE(mode):04o}).",
            hint=f"Make it yours alone: chmod 600 {path}",
        )
    # Who may write to the folder can put another file in this one's place, whatever the file's own mode.
    folder = path.resolve().parent
    if folder.stat().st_mode & 0o022:
        raise InvalidInput(
            f"{path} holds passwords and tokens, and other users of this machine may replace it.",
            hint=f"Make its folder yours alone: chmod 700 {folder}",
        )


def sync_folder(folder: Path) -> None:
    """Make a new name in a folder survive a power cut as its bytes do, where folders can be opened."""
    if hasattr(os, "O_DIRECTORY"):
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold a lock for a moment's work, waiting for its holder. Raises `InvalidInput`."""
    handle = _open_lock(path)
    try:
        _wait(handle)
        yield
    finally:
        os.close(handle)


@asynccontextmanager
async def held(path: Path, *, seconds: float = LOCK_SECONDS) -> AsyncIterator[None]:
    """Hold a lock while waiting for the network; others in this process and elsewhere wait without blocking.

    The system releases it when its holder ends, however that happens. Raises `Unavailable` after `seconds`.
    """
    # Here, since it takes a fifth of a short command's start, and only refreshing a token waits like this.
    import asyncio

    handle = _open_lock(path)
    loop = asyncio.get_running_loop()
    ends = loop.time() + seconds
    try:
        # Asked again and again: a call that waits for the lock would stop the whole event loop.
        while not _try(handle):
            if loop.time() > ends:
                raise Unavailable(f"another process has held {path} for {seconds:g} s.")
            await asyncio.sleep(LOOK_AGAIN_SECONDS)
        yield
    finally:
        os.close(handle)


def _open_lock(path: Path) -> int:
    try:
        make_private_folder(path.parent)
        # The file is never removed. Were it, one process could lock the removed file and another a new one.
        return os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise InvalidInput(f"{path} cannot be opened: {error.strerror}.") from error


if sys.platform == "win32":
    import msvcrt
    import time

    def _try(handle: int) -> bool:
        try:
            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

    def _wait(handle: int) -> None:
        # LK_LOCK would give up by itself after ten attempts of a second each.
        while not _try(handle):
            time.sleep(LOOK_AGAIN_SECONDS)
else:
    import fcntl

    def _try(handle: int) -> bool:
        try:
            # `lockf` would not do: its locks belong to the process, so two tasks would both get one, and closing
            # any handle of the file would release it.
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def _wait(handle: int) -> None:
        fcntl.flock(handle, fcntl.LOCK_EX)
