"""A store opened for upkeep: read only, never created, and upgraded only by those who write to it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from reelwork.errors import StoreInvalid
from reelwork.store.sqlite.schema import version_of


def there(store: Path) -> Path:
    """Return the store, which must exist. Raises `StoreInvalid`."""
    if not store.exists():
        raise StoreInvalid(
            f"There is no store {store}.",
            money="Nothing was changed.",
            hint="Name the right one with --store, REELWORK_STORE or reelwork.toml. It is made by the first run.",
        )
    if store.is_dir():
        raise StoreInvalid(
            f"{store} is a folder, not a store.", money="Nothing was changed.", hint="Name the file with --store."
        )
    return store


@contextmanager
def reading(store: Path) -> Iterator[tuple[sqlite3.Connection, int]]:
    """Open the store as it is at this moment, with its version. Nothing is written; others may write meanwhile.

    Raises `StoreInvalid` when it is not there, not a store, or written by a newer Reelwork.
    """
    there(store)
    try:
        # Read only: a store that is removed at this very moment must not be begun anew, empty.
        connection = sqlite3.connect(f"{store.absolute().as_uri()}?mode=ro", uri=True, isolation_level=None)
    except sqlite3.Error as error:
        raise unreadable(store, error) from error
    with closing(connection):
        connection.execute("PRAGMA busy_timeout = 30000")
        try:
            version = version_of(connection, str(store))
        except sqlite3.Error as error:
            raise unreadable(store, error) from error
        if not version:
            raise StoreInvalid(f"{store} is an empty file, not a Reelwork store.", money="It was not touched.")
        try:
            # One snapshot for all queries: what others write meanwhile would look like contradictions.
            connection.execute("BEGIN")
            yield connection, version
        finally:
            if connection.in_transaction:
                connection.execute("ROLLBACK")


def unreadable(store: Path, error: Exception) -> StoreInvalid:
    """Return the error for a store that the disk or SQLite refuses to read."""
    why = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return StoreInvalid(
        f"The store {store} cannot be read: {why}.",
        money="Nothing was changed.",
        hint="Make room on the disk and check the rights of the file and its folder; if it is damaged, put a "
        "backup in use: reelwork store restore BACKUP",
    )
