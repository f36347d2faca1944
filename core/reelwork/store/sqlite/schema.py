"""How a new store is made, and how an older one becomes a current one."""

from __future__ import annotations

import sqlite3

from reelwork.errors import StoreInvalid
from reelwork.store.sqlite.migrations import MIGRATIONS
from reelwork.store.sqlite.tables import TABLES

APPLICATION_ID = 0x5265656C
"""`Reel`: marks a file as ours (https://www.sqlite.org/pragma.html#pragma_application_id)."""

VERSION = len(MIGRATIONS)
KEEPS_REMOVED = 4
"""The version from which a store knows what was removed from it, and whether it is a backup."""


def migrate(connection: sqlite3.Connection, path: str) -> None:
    """Bring a store to the current version, all or nothing.

    Raises `StoreInvalid` when the file is not a store or was written by a newer Reelwork, and `sqlite3.Error` when
    it cannot be read or written.
    """
    if version_of(connection, path) < VERSION:
        _upgrade(connection, path)


def version_of(connection: sqlite3.Connection, path: str) -> int:
    """Return the version of a store, which is not changed; 0 for an empty file.

    Raises `StoreInvalid` when it is not a store or newer, and `sqlite3.Error` when it cannot be read.
    """
    version, marked = _identity(connection, path)
    if version > VERSION:
        raise _newer(path, version)
    if version and not marked:
        raise _not_ours(path)
    return version


def _identity(connection: sqlite3.Connection, path: str) -> tuple[int, bool]:
    try:
        # One snapshot: another process may be creating the store at this moment.
        connection.execute("BEGIN")
        version = int(connection.execute("PRAGMA user_version").fetchone()[0])
        marked = connection.execute("PRAGMA application_id").fetchone()[0] == APPLICATION_ID
        tables = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]
        connection.execute("COMMIT")
    except sqlite3.DatabaseError as error:
        # A full disk or missing rights say nothing about whose file it is: whoever then named another store would
        # lose sight of what was paid.
        if error.sqlite_errorcode != sqlite3.SQLITE_NOTADB:
            raise
        raise _not_ours(path) from error
    if tables and not marked:
        raise _not_ours(path)
    return version, marked


def _not_ours(path: str) -> StoreInvalid:
    return StoreInvalid(
        f"{path} is not a Reelwork store.",
        money="It was not touched, nothing was sent.",
        hint="Name another file with --store or in reelwork.toml.",
    )


def _newer(path: str, version: int) -> StoreInvalid:
    return StoreInvalid(
        f"The store {path} was written by a newer Reelwork (store version {version}, this one reads "
        f"up to {VERSION}).",
        money="Nothing was changed, nothing was sent.",
        hint="Upgrade with: pip install --upgrade reelwork. Or choose another store with --store.",
    )


def _upgrade(connection: sqlite3.Connection, path: str) -> None:
    connection.execute("BEGIN IMMEDIATE")
    try:
        # Another process, perhaps a newer Reelwork, may have upgraded while this one waited for the lock.
        version = int(connection.execute("PRAGMA user_version").fetchone()[0])
        if version > VERSION:
            raise _newer(path, version)
        for script in MIGRATIONS[version:] if version else (TABLES,):
            # `executescript` would commit first. All statements and the version go into one transaction, so that a
            # kill leaves the old store or the new one.
            for statement in script.split(";"):
                if statement.strip():
                    connection.execute(statement)
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version = {VERSION}")
        connection.execute("COMMIT")
    # Ctrl-C as well: a connection that stays in its transaction would keep the write lock.
    except BaseException:
        connection.execute("ROLLBACK")
        raise
