"""Copies the write-ahead log into the file, beside the writer: a commit then waits for the disk once, not thrice.

See https://www.sqlite.org/wal.html, "Avoiding Excessively Large WAL Files".
"""

from __future__ import annotations

import logging
import sqlite3
import threading
from contextlib import closing
from contextvars import Context
from pathlib import Path

# A commit of a busy server writes some ten pages.
COMMITS = 100
"""Commits after which the log is copied."""
# SQLite's own is 1000. The writer still copies it itself where the thread falls behind, so it stays small.
MOST_PAGES = 8000
"""Pages in the log before the writer copies it: 32 MB."""

log = logging.getLogger("reelwork.store")


class Checkpoints:
    """Copies the log of one file from time to time, in a thread of its own that starts with the first copy."""

    def __init__(self, path: Path, writer: sqlite3.Connection) -> None:
        """Leave to the writer what this falls behind with."""
        self._path = path
        self._commits = 0
        self._due = threading.Event()
        self._thread: threading.Thread | None = None
        self._closing = False
        writer.execute(f"PRAGMA wal_autocheckpoint = {MOST_PAGES}")

    def committed(self) -> None:
        """Count a commit. Called by the writer alone."""
        self._commits += 1
        if self._commits < COMMITS:
            return
        self._commits = 0
        if self._thread is None:
            work = Context().run
            self._thread = threading.Thread(
                target=work, args=(self._work,), name="reelwork-checkpoints", daemon=True
            )
            self._thread.start()
        self._due.set()

    def close(self) -> None:
        """End the thread. Called before the writer's connection is closed, which copies the rest."""
        if self._thread is not None:
            self._closing = True
            self._due.set()
            self._thread.join()
            self._thread = None

    def _work(self) -> None:
        try:
            # `rw` and not `rwc`: a store that is gone must not be begun anew.
            uri = f"{self._path.absolute().as_uri()}?mode=rw"
            with closing(sqlite3.connect(uri, uri=True, timeout=0, isolation_level=None)) as connection:
                self._copy(connection)
        except sqlite3.Error as error:
            # Nothing is lost: the log holds what was committed, and the writer copies it.
            log.debug("the log of %s is not copied beside the writer: %s", self._path, error)

    def _copy(self, connection: sqlite3.Connection) -> None:
        connection.execute("PRAGMA synchronous = FULL")
        while self._due.wait() and not self._closing:
            self._due.clear()
            # It waits for nobody, and nobody waits for it.
            connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
