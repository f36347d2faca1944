"""`reelwork store restore`: puts a backup in use, in doubt about everything that may have happened after it.

A backup does not know what was paid and posted after it was taken. So each effect that it holds as still to be sent
becomes `unknown`: it is looked up, sent again with the same key, or held for a person.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterable
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from reelwork.errors import StoreInvalid
from reelwork.files import make_private_folder, sync_folder
from reelwork.store.holds import HoldReason
from reelwork.store.records import PAID_AGAIN
from reelwork.store.sqlite import witness
from reelwork.store.sqlite.maintenance.backup import copy_file, copy_whole, taken_at, temporary
from reelwork.store.sqlite.maintenance.read_only import reading, there
from reelwork.store.sqlite.maintenance.restored_schedules import pass_over
from reelwork.store.sqlite.paths import files_of
from reelwork.store.sqlite.sql_list import sql_list
from reelwork.store.sqlite.witness import HOME, SENT, TAKEN
from reelwork.store.sqlite.workers import processes
from reelwork.store.statuses import BEFORE_SUBMIT, GOES_ON

DestinationsIn = Callable[[str], Iterable[str]]
"""Returns the destinations to which a run publishes, given its frozen workflow."""
NOT_DONE = "Nothing was changed."
_OPEN = f"jobs.status IN {sql_list(GOES_ON)}"


@dataclass(frozen=True)
class Restored:
    """The result of a restore."""

    taken: str
    """The time at which the backup was taken."""
    set_aside: Path | None
    """The present path of the store that was there before."""
    held: int
    """Jobs whose render may have been requested since: a person checks at the provider."""
    doubted: int
    """Effects that are looked up before they are sent."""
    files: int
    """Files put back."""


def restore(store: Path, backup: Path, now: float, destinations_in: DestinationsIn) -> Restored:
    """Put a backup in the place of the store, which is set aside if it is there. Raises `StoreInvalid`.

    Until the last step, which is atomic, the store is as it was.
    """
    there(backup)
    if store.exists() and store.samefile(backup):
        raise StoreInvalid(
            f"{backup} is the store itself.", money=NOT_DONE, hint="Say where it is to be put in use: --store STORE"
        )
    working = processes(store)
    if working:
        raise StoreInvalid(
            f"{len(working)} at work on the store {store}: {', '.join(working)}.",
            money=NOT_DONE,
            hint="Stop every Reelwork process that uses it, then restore.",
        )
    make_private_folder(store.parent)
    try:
        return _restore(store, backup, now, destinations_in)
    except (OSError, sqlite3.Error) as error:
        why = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise StoreInvalid(f"{backup} could not be restored: {why}.", money=NOT_DONE) from error


def _restore(store: Path, backup: Path, now: float, destinations_in: DestinationsIn) -> Restored:
    with reading(backup) as (db, version):
        taken = taken_at(db, version) or _written(backup)
    with temporary(store) as part:
        copy_whole(backup, part)
        with closing(sqlite3.connect(part, isolation_level=None)) as db:
            db.execute("BEGIN IMMEDIATE")
            doubted, held = doubt(
                db, f"the store was put back from a backup of {taken}", taken, now, destinations_in
            )
            # So that it counts as new when it is first used: its number is no measure of what was sent since.
            db.execute("DELETE FROM facts WHERE name IN (?, ?, ?)", (TAKEN, SENT, HOME))
            db.execute("INSERT OR REPLACE INTO facts VALUES ('restored_from', ?)", (taken,))
            db.execute("COMMIT")
        with part.open("rb+") as file:
            os.fsync(file.fileno())
        # Before the store is replaced: a job must never refer to a file that is still to come.
        files = _put_back_files(backup, store)
        set_aside = _set_aside(store, now) if store.exists() else None
        os.replace(part, store)
        # After the replacement: until then the old store needs its number. A kill in between makes the restored
        # store refuse to send, which is safe.
        witness.forget(store)
        sync_folder(store.parent)
    return Restored(taken, set_aside, held, doubted, files)


def _written(backup: Path) -> str:
    """Return when a copy was written that `store backup` did not make."""
    # The file cannot hold changes that are newer.
    return datetime.fromtimestamp(backup.stat().st_mtime, UTC).isoformat(timespec="seconds")


def doubt(
    db: sqlite3.Connection, why: str, since: str, now: float, destinations_in: DestinationsIn
) -> tuple[int, int]:
    """Doubt everything that may have been sent after `since`, an ISO time.

    Returns how many effects are looked up first, and how many jobs are held for a person.
    """
    pass_over(db, why, now)
    doubted = _doubt_what_was_to_be_sent(db, f"{why}: it may have been sent after that", now)
    _as_if_sent_now(db)
    doubted += _doubt_posts(db, f"{why}: it may have been sent after that", since, now, destinations_in)
    return doubted, _hold_what_was_to_be_paid(db, why, now)


def _as_if_sent_now(db: sqlite3.Connection) -> None:
    """Number what is in doubt as if it were sent now."""
    # It may have been sent after everything that the backup knows of. So no request in the backup counts as later,
    # and none of them shows that a list is fresh.
    numbered = db.execute("SELECT 1 FROM pragma_table_info('effects') WHERE name = 'sent_no'").fetchone()
    if numbered:
        db.execute(
            "UPDATE effects SET sent_no = 1 + coalesce((SELECT value FROM counters WHERE name = 'acts'), 0)"
            " WHERE state = 'unknown' AND sent_no IS NOT NULL"
        )


def _doubt_what_was_to_be_sent(db: sqlite3.Connection, reason: str, now: float) -> int:
    return db.execute(
        # Its money counts again, even if it was released: after the backup it may have been paid.
        "UPDATE effects SET state = 'unknown', attempt = max(attempt, 1), sent_at = coalesce(sent_at, created_at),"
        " settle_at = :now, sender = NULL, reason = :reason, updated_at = :now,"
        " money = CASE WHEN money = 'none' THEN 'none' ELSE 'reserved' END"
        " WHERE state = 'intended' AND kind <> 'plugin'",
        {"now": now, "reason": reason},
    ).rowcount


def _hold_what_was_to_be_paid(db: sqlite3.Connection, why: str, now: float) -> int:
    """Hold the jobs that had not requested their render yet; return how many."""
    # There is no effect, so nothing is known by which a render could be looked up. Only a person can.
    reason = (
        f"{why[0].upper()}{why[1:]}. This render may have been asked for and paid after "
        "that: look for it at the provider. If it is not there, reelwork jobs retry makes it."
    )
    marks = ", ".join("?" * len(BEFORE_SUBMIT))
    return db.execute(
        f"UPDATE jobs SET status = 'held', step = ?, due_at = NULL, blocked_on = NULL, owner = NULL,"
        f" fence = fence + 1, reason = ?, data = json_set(data, '$.hold', ?), updated_at = ?, ended_at = NULL"
        f" WHERE {_OPEN} AND step IN ({marks}) AND NOT EXISTS ("
        "   SELECT 1 FROM effects WHERE effects.key ="
        "     'reelwork-' || jobs.id || '-render-' || coalesce(json_extract(jobs.data, '$.generation'), 1))",
        (PAID_AGAIN, reason, HoldReason.STORE_BEHIND, now, *BEFORE_SUBMIT),
    ).rowcount


def _doubt_posts(
    db: sqlite3.Connection, reason: str, taken: str, now: float, destinations_in: DestinationsIn
) -> int:
    """Doubt the posts that open jobs have not made yet; return how many."""
    since = datetime.fromisoformat(taken).timestamp()
    doubted = 0
    for run_id, frozen in db.execute("SELECT id, frozen FROM runs WHERE frozen <> ''").fetchall():
        # `INSERT OR IGNORE`: a post that the backup knows keeps what it knows.
        for destination in destinations_in(frozen):
            doubted += db.execute(
                "INSERT OR IGNORE INTO effects(key, kind, job_id, run_id, subject, account, fingerprint, state,"
                " attempt, created_at, sent_at, settle_at, reason, money, updated_at)"
                " SELECT 'reelwork-' || id || '-post-' || :to, 'publish', id, run_id, :to, 'publish ' || :to, '',"
                " 'unknown', 1, :since, :since, :now, :reason, 'none', :now FROM jobs"
                f" WHERE run_id = :run AND {_OPEN}",
                {"to": destination, "since": since, "now": now, "reason": reason, "run": run_id},
            ).rowcount
    return doubted


def _put_back_files(backup: Path, store: Path) -> int:
    """Copy back the files of the backup that are no longer beside the store; return how many."""
    source, target = files_of(backup), files_of(store)
    put = 0
    for path in sorted((*source.glob("assets/*/*"), *source.glob("work/*/*"))):
        to = target / path.relative_to(source)
        if path.is_file() and not to.exists():
            copy_file(path, to)
            put += 1
    return put


def _set_aside(store: Path, now: float) -> Path:
    """Give the old store a second name, with all it knows in one file."""
    # It keeps its first name until the backup takes that over. Without any store, a run would begin an empty one.
    aside = store.with_name(f"{store.name}.before-{datetime.fromtimestamp(now, UTC):%Y%m%dT%H%M%SZ}")
    try:
        with closing(sqlite3.connect(store, timeout=30, isolation_level=None)) as db:
            busy = db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
            db.execute("PRAGMA journal_mode = DELETE")
    except sqlite3.DatabaseError:
        busy = True
    log = store.with_name(store.name + "-wal")
    if busy or (log.exists() and log.stat().st_size):
        raise StoreInvalid(
            f"The store {store} cannot be set aside whole: it is damaged, or a process has it open.",
            money=NOT_DONE,
            hint=f"Move {store.name}, {store.name}-wal and {store.name}-shm away together, then restore.",
        )
    try:
        os.link(store, aside)
    except OSError:
        # A file system without hard links.
        copy_file(store, aside)
    # They belong to the old store. Beside the restored one, SQLite would replay them into it.
    for end in ("-wal", "-shm"):
        store.with_name(store.name + end).unlink(missing_ok=True)
    return aside
