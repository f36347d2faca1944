"""A copy of a store, to try things on."""

from __future__ import annotations

import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from reelwork.store.sqlite.store import SqliteStore


@contextmanager
def copy_of(store: SqliteStore) -> Iterator[SqliteStore]:
    """A copy of a store as it is at this moment, to try things on."""
    with tempfile.TemporaryDirectory(prefix="reelwork-") as folder:
        path = Path(folder) / "copy.db"
        with closing(sqlite3.connect(store.path)) as source, closing(sqlite3.connect(path)) as target:
            source.backup(target)
        copied = SqliteStore(path)
        # Who is alive is told by the locks beside the store itself.
        copied.path = store.path
        try:
            yield copied
        finally:
            copied.close()
