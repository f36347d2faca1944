"""The errors of a store, in words: what cannot be read or written, and what a store can never take."""

from __future__ import annotations

import errno
import os
import sqlite3
from pathlib import Path

from reelwork.errors import StoreUnwritable, Unstorable


def identity(path: Path) -> tuple[int, int] | None:
    """Return the device and inode of a file, following links; None if there is no file."""
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_dev, found.st_ino


def gone(path: Path) -> StoreUnwritable:
    """Return the error for a store whose file is another one than it was when it was opened."""
    return StoreUnwritable(
        f"The store {path} was removed, moved or replaced while it was in use. Nothing more is sent.",
        hint="Put it back, or a backup: reelwork store restore BACKUP. Then: reelwork resume. Do not start "
        "another store: only this one knows what was paid and posted.",
    )


# These would fail each time. Taken for the disk's trouble, one bad value would end the whole run.
_OF_THE_VALUE = (sqlite3.DataError, sqlite3.InterfaceError, sqlite3.ProgrammingError, ValueError, TypeError)
_UNCOUNTABLE = (OverflowError, RecursionError, sqlite3.IntegrityError)


_PASSING = {
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_PERM,
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_LOCKED,
}


def judged(error: Exception, path: Path, done: str = "written") -> Exception:
    """Return the error of what failed alone: the store's trouble, the value's, or its own."""
    code = getattr(error, "sqlite_errorcode", None)
    if isinstance(error, sqlite3.OperationalError) and code != sqlite3.SQLITE_ERROR:
        return explained(error, path, done)
    if type(error) is sqlite3.DatabaseError:
        # Such as a page that is damaged.
        return explained(error, path, done)
    if isinstance(error, (*_OF_THE_VALUE, *_UNCOUNTABLE, sqlite3.OperationalError)):
        unstorable = Unstorable(f"the store cannot take it: {error}")
        unstorable.__cause__ = error
        return unstorable
    return error


def explained(error: sqlite3.Error, path: Path, done: str = "written") -> StoreUnwritable:
    """Return the error for a store that could not be written, or read."""
    if done == "read":
        return StoreUnwritable(
            f"The store {path} could not be read: {error}.",
            hint="Check the rights of the file and its folder; if the file is damaged, see: reelwork store check. "
            "Do not use another store: this one knows what was paid and posted.",
        )
    unwritable = StoreUnwritable(
        f"The store {path} could not be {done}: {error}.",
        hint="Make room on the disk or check its rights, then: reelwork resume. It continues what was begun; "
        "a prompt or workflow that is run again is made and paid for again.",
    )
    unwritable.passing = passes(error)
    return unwritable


def passes(error: Exception) -> bool:
    """Return whether what SQLite or the system refused may pass by itself. A damaged file, for one, does not."""
    if isinstance(error, OSError):
        return error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EROFS)
    # The low byte of an extended code is the code itself.
    return (getattr(error, "sqlite_errorcode", None) or 0) & 0xFF in _PASSING
