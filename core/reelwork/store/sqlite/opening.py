"""Opening a store's file: made privately, brought to this version, and refused where one that was used is lost."""

from __future__ import annotations

import os
import sqlite3
import time
from contextlib import suppress
from pathlib import Path

from reelwork.errors import StoreInvalid
from reelwork.files import make_private_folder
from reelwork.store.sqlite.failures import passes
from reelwork.store.sqlite.paths import files_of
from reelwork.store.sqlite.schema import migrate

# Longer than any healthy transaction.
BUSY_SECONDS = 30.0
"""Seconds for which another process may keep the file to itself before it is called locked."""


class Connection(sqlite3.Connection):
    """A connection that is closed when nothing refers to it any more."""

    # Python 3.13 warns of one that was left open. A `Studio` need not be closed, and a thread that reads may be the
    # last to let go of it.
    def __del__(self) -> None:
        # Not open if making it failed.
        with suppress(sqlite3.ProgrammingError):
            self.close()


def connect(path: Path) -> sqlite3.Connection:
    """Open the store, creating or upgrading it. Raises `StoreInvalid`."""
    _check_not_lost(path)
    try:
        make_private_folder(path.parent)
        # SQLite would make it readable for everybody; its -wal and -shm take after it.
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
        # `isolation_level=None`: Python would begin and commit transactions of its own between ours.
        connection = sqlite3.connect(
            path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False, factory=Connection
        )
    except (OSError, sqlite3.Error) as error:
        if path.is_dir():
            hint = f"Name a file in it: --store {path / 'store.db'}"
            raise StoreInvalid(f"{path} is a folder, not a store.", hint=hint) from error
        invalid = StoreInvalid(
            f"The store {path} cannot be opened: {getattr(error, 'strerror', None) or error}.",
            hint="Check the folder and its rights, or choose another store with --store.",
        )
        invalid.passing = passes(error)
        raise invalid from error
    try:
        connection.row_factory = sqlite3.Row
        migrate(connection, str(path))
        _write_ahead(connection)
        # With NORMAL, WAL mode may lose the last commits in a power cut. A lost `sent` would be paid again.
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA foreign_keys = ON")
    except sqlite3.Error as error:
        connection.close()
        invalid = StoreInvalid(
            f"The store {path} cannot be used: {error}.",
            hint="Make room on the disk and check the rights of the file and its folder; if the file is damaged, "
            "see: reelwork store check. Do not use another store: this one knows what was paid and posted.",
        )
        invalid.passing = passes(error)
        raise invalid from error
    except BaseException:
        connection.close()
        raise
    return connection


def _check_not_lost(path: Path) -> None:
    """Refuse a store that is missing or empty beside the files of one that was used."""
    # The folder is made only after the first commit, so a store that is being made has none.
    if (path.exists() and path.stat().st_size > 0) or not files_of(path).exists():
        return
    state = "is empty" if path.exists() else "is missing"
    raise StoreInvalid(
        f"The store {path} {state}, but it was used: its folder {files_of(path).name} is there.",
        money="Nothing was sent. Only the store knew what was paid and posted: a new store would do both again.",
        hint=f"Put a backup in use: reelwork store restore BACKUP. To start a new store all the same, move "
        f"{files_of(path)} away too.",
    )


def _write_ahead(connection: sqlite3.Connection) -> None:
    """Switch a new file to WAL."""
    # SQLite's busy timeout does not cover this change, so two processes that open a new store at once would fail.
    ends = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > ends:
                raise
            time.sleep(0.01)
