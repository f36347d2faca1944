"""`reelwork store check`: checks that a store is whole and that its rules hold. Only reads."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from reelwork.store.sqlite.maintenance.backup import taken_at
from reelwork.store.sqlite.maintenance.files import Video, needed, referenced, size_of, unneeded
from reelwork.store.sqlite.maintenance.findings import Finding, Report
from reelwork.store.sqlite.maintenance.invariants import broken_rules
from reelwork.store.sqlite.maintenance.read_only import reading
from reelwork.store.sqlite.paths import files_of
from reelwork.store.sqlite.schema import KEEPS_REMOVED, VERSION
from reelwork.store.sqlite.workers import is_alive, processes

MOST_PROBLEMS = 20
"""Lines of SQLite's own report that are shown."""
OWNERS = "SELECT owner FROM jobs WHERE owner IS NOT NULL UNION SELECT owner FROM renders WHERE owner IS NOT NULL"
SAVE_IT = (
    "Stop every Reelwork process, keep a copy of the file as it is, and put a backup in its place "
    "(docs/operations.md says what to mind), or recover what can be read with: sqlite3 STORE .recover"
)


def check(store: Path, now: float) -> Report:
    """Check a store without changing anything, even while others work on it. Raises `StoreInvalid`."""
    with reading(store) as (db, version):
        damage = tuple(_damage(db))
        # What a damaged file answers to further queries means nothing.
        if damage:
            return _report(store, version, {}, 0, damage)
        jobs = Counter(dict(db.execute("SELECT status, count(*) FROM jobs GROUP BY status").fetchall()))
        removed = db.execute("SELECT count(*) FROM removed_jobs").fetchone()[0] if version >= KEEPS_REMOVED else 0
        wanted, files = needed(db), list(referenced(db))
        findings = [*_foreign_keys(db), *broken_rules(db, version), *_origin(db, version, store)]
    # After the snapshot is closed: an open one keeps SQLite's WAL from being emptied while many files are looked
    # at.
    findings += _missing(files)
    findings += _dead_leases(store)
    waste = list(unneeded(store, wanted, now))
    findings += _left_over(waste)
    return _report(store, version, dict(jobs), removed, tuple(findings))


def _report(store: Path, version: int, jobs: dict[str, int], removed: int, found: tuple[Finding, ...]) -> Report:
    size, files = store.stat().st_size, size_of(files_of(store))
    return Report(str(store), version, size, files, jobs, removed, len(processes(store)), found)


def _damage(db: sqlite3.Connection) -> Iterator[Finding]:
    try:
        lines = [row[0] for row in db.execute(f"PRAGMA integrity_check({MOST_PROBLEMS})")]
    except sqlite3.DatabaseError as error:
        lines = [str(error)]
    if lines != ["ok"]:
        means = "Some of what was paid and posted may no longer be known. Do not run anything with this store."
        yield Finding("damaged", "trouble", "The file is damaged.", means, SAVE_IT, tuple(lines))


def _foreign_keys(db: sqlite3.Connection) -> Iterator[Finding]:
    rows = db.execute("PRAGMA foreign_key_check").fetchall()
    if rows:
        names = tuple(f"{row[0]} {row[1]}" for row in rows)
        what = f"Rows that refer to a row that is not there: {len(rows)}."
        yield Finding(
            "broken-reference", "trouble", what, "These jobs cannot continue; nothing is sent.", SAVE_IT, names
        )


def _origin(db: sqlite3.Connection, version: int, store: Path) -> Iterator[Finding]:
    if version < VERSION:
        what = f"The store has version {version}; this Reelwork writes version {VERSION}."
        means = "Nothing is lost: the next command that writes brings it up to date."
        yield Finding("older-version", "note", what, means, "Back it up first if older Reelworks still use it.")
    taken = taken_at(db, version)
    if taken is not None:
        what = f"This store is a backup, taken {taken}."
        means = "It does not know what was paid and posted after that: to continue with it may pay or post again."
        hint = f"To put it in use: reelwork --store STORE store restore {store}"
        yield Finding("backup", "note", what, means, hint)


def _missing(files: list[Video]) -> Iterator[Finding]:
    bad = [file for file in files if not file.path.exists()]
    torn = [file for file in files if not file.ended and file.path.exists() and _is_torn(file)]
    open_ = tuple(f"{file.job} {file.path}" for file in bad if not file.ended)
    if open_:
        what = f"Files that unfinished jobs need and that are missing: {len(open_)}."
        means = (
            "These renders are paid for. The jobs stop when they need the file; nothing is paid or posted again."
        )
        hint = "Put them back, from `store backup --with-files` or the provider, then: reelwork resume"
        yield Finding("file-missing", "trouble", what, means, hint, open_)
    if torn:
        names = tuple(f"{file.job} {file.path}" for file in torn)
        what = f"Files that have another size than was written down: {len(torn)}."
        means = "They were changed or cut off after the job had made them. They are paid for."
        hint = "Put them back from `store backup --with-files`, or fetch the video at the provider."
        yield Finding("file-changed", "trouble", what, means, hint, names)
    done = tuple(f"{file.job} {file.path}" for file in bad if file.ended)
    if done:
        what = f"Missing files of ended jobs: {len(done)}."
        means = "Nothing needs them; what plugins stored or posted elsewhere is not touched."
        yield Finding("file-gone", "note", what, means, "Nothing to do.", done)


def _is_torn(file: Video) -> bool:
    return file.bytes is not None and file.path.stat().st_size != file.bytes


def _dead_leases(store: Path) -> Iterator[Finding]:
    """Yield a finding if dead processes hold leases."""
    # Read twice: a process may have ended properly between the list of owners and the look at its lock.
    with reading(store) as (db, _):
        dead = [row[0] for row in db.execute(OWNERS) if not is_alive(store, row[0])]
    with reading(store) as (db, _):
        still = {row[0] for row in db.execute(OWNERS)}
    names = tuple(owner for owner in dead if owner in still)
    if names:
        what = f"Processes that ended without letting go of their jobs: {len(names)}."
        means = "Nothing is lost: what they had sent is looked up before anything is sent again."
        yield Finding("dead-owner", "note", what, means, "The next `reelwork resume` takes the jobs over.", names)


def _left_over(waste: list[Path]) -> Iterator[Finding]:
    if waste:
        what = f"Files that no job needs: {len(waste)}."
        means = "They only take up room."
        hint = "To remove them: reelwork store vacuum"
        yield Finding("left-over", "note", what, means, hint, tuple(map(str, sorted(waste))))
