"""The store on SQLite: the `Store` protocol, put together from its parts."""

from __future__ import annotations

import sqlite3
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from reelwork.clock import Timeline
from reelwork.errors import StoreInvalid
from reelwork.store.sqlite import clock_steps, witness, workers
from reelwork.store.sqlite.batches import SqliteBatches
from reelwork.store.sqlite.causes import SqliteCauses
from reelwork.store.sqlite.effect_store import SqliteEffects
from reelwork.store.sqlite.job_store import SqliteJobs
from reelwork.store.sqlite.outbox import SqliteOutbox
from reelwork.store.sqlite.paths import files_of
from reelwork.store.sqlite.payments import SqlitePayments
from reelwork.store.sqlite.plugin_state import SqlitePluginState
from reelwork.store.sqlite.post_stops import SqlitePostStops
from reelwork.store.sqlite.read_connections import ReadConnections
from reelwork.store.sqlite.reader import SqliteReader
from reelwork.store.sqlite.render_store import SqliteRenders
from reelwork.store.sqlite.requests import SqliteRequests
from reelwork.store.sqlite.review_links import SqliteReviewLinks
from reelwork.store.sqlite.schedule_store import SqliteSchedules
from reelwork.store.sqlite.store_evidence import SqliteEvidence
from reelwork.store.sqlite.tokens import SqliteTokens
from reelwork.store.sqlite.webhooks import SqliteWebhooks
from reelwork.store.sqlite.writer import Database


class SqliteStore(
    SqliteJobs,
    SqliteEffects,
    SqliteRenders,
    SqliteEvidence,
    SqlitePluginState,
    SqlitePayments,
    SqliteSchedules,
    SqliteTokens,
    SqliteRequests,
    SqliteReviewLinks,
    SqlitePostStops,
    SqliteWebhooks,
    SqliteOutbox,
    SqliteCauses,
    SqliteReader,
):
    """Runs, jobs, renders and effects in one SQLite file."""

    def __init__(self, path: Path, *, clock: Callable[[], float] = time.time, home: Path | None = None) -> None:
        """Open the file, creating it if needed. Raises `StoreInvalid`.

        The locks, downloads and the witness lie beside `home`: beside the file itself, unless it is a copy.
        """
        self.path = home or path
        self._clock = clock
        self._timekeeper = clock_steps.Timekeeper(clock) if isinstance(clock, Timeline) else None
        self._db = Database(path, self._timekeeper)
        # After the writer: by then the file is there, in WAL mode and of this version.
        self._reads = ReadConnections(path)
        self._listeners: tuple[Callable[[], None], ...] = ()

    def close(self) -> None:
        """Finish pending writes and close the file."""
        # The writer last: whoever closes the file last empties the write-ahead log into it.
        self._reads.close()
        self._db.close()

    @property
    def files(self) -> Path:
        """The folder on this machine for what belongs to the jobs of this store: downloads and plugins' work."""
        return files_of(self.path)

    def register(self) -> workers.Owner:
        """Take part as a process that can hold leases. Raises `StoreUnwritable`."""
        return workers.Owner(self.path)

    async def worker_is_dead(self, name: str) -> bool:
        """Return whether a lease holder's process has surely ended; False if that is not known."""
        return workers.is_dead(self.path, name)

    @contextmanager
    def snapshot(self) -> Iterator[SqliteStore]:
        """Copy the store as it is at this moment, to try things on. The copy is removed afterwards."""
        with tempfile.TemporaryDirectory(prefix="reelwork-") as folder:
            path = Path(folder) / "copy.db"
            with closing(sqlite3.connect(self._db.path)) as source, closing(sqlite3.connect(path)) as target:
                source.backup(target)
            # Who is alive is told by the locks beside the store itself.
            copied = SqliteStore(path, home=self.path)
            try:
                yield copied
            finally:
                copied.close()

    def check_in_use(self) -> None:
        """Refuse a backup, which does not know what was paid after it was taken. Raises `StoreInvalid`."""
        taken = self.backup_taken_at()
        if taken is not None:
            raise StoreInvalid(
                f"{self.path} is a backup, taken {taken}; it does not know what was paid after that.",
                money="Nothing was sent, so nothing is paid or posted twice.",
                hint="Use the store itself. To put the backup in its place: "
                f"reelwork --store STORE store restore {self.path}",
            )

    def check_whole(self) -> None:
        """Refuse a store from which nothing may be sent: one that forgot what was sent, a copy or a backup.

        Raises `StoreInvalid`.
        """
        self._db.run_now(lambda db: witness.check(self.path, db))

    async def try_writing(self) -> None:
        """Write something that changes nothing else. Raises `StoreUnwritable`."""
        # A row, and not only a transaction: an empty one is committed on a full disk, too.
        now = str(self._clock())
        text = "INSERT OR REPLACE INTO facts VALUES ('written_at', ?)"
        await self._db.run(lambda db: db.execute(text, (now,)).rowcount)

    async def keep_time(self) -> float:
        """Move what waits by as much as the wall clock was set since it was last asked; return the seconds."""
        if self._timekeeper is None:
            return 0.0
        await self._db.run(lambda db: None)
        return self._timekeeper.told()

    def on_work(self, tell: Callable[[], None]) -> Callable[[], None]:
        """Call `tell` whenever jobs were added or woken through this store; return a function that ends that."""
        self._listeners = (*self._listeners, tell)

        def forget() -> None:
            self._listeners = tuple(listener for listener in self._listeners if listener is not tell)

        return forget

    @property
    def batches(self) -> SqliteBatches:
        """The jobs of batch files."""
        return SqliteBatches(self._reads.ask, self._run_and_tell, self._clock)
