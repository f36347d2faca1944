"""`reelwork store backup`: copies a store at one moment, whole or not at all, while others write."""

from __future__ import annotations

import os
import secrets
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from reelwork.errors import StoreInvalid
from reelwork.files import make_private_folder, private, sync_folder
from reelwork.store.sqlite.maintenance.files import Needed, needed
from reelwork.store.sqlite.maintenance.read_only import reading
from reelwork.store.sqlite.paths import files_of
from reelwork.store.sqlite.schema import KEEPS_REMOVED, migrate
from reelwork.store.sqlite.witness import TAKEN
from reelwork.store.sqlite.workers import living
from reelwork.store.statuses import GOES_ON

try:
    import fcntl
except ImportError:  # Windows: what a killed backup left behind then stays.
    fcntl = None  # type: ignore[assignment]

NOT_MADE = "No backup was made; nothing else was changed."


@dataclass(frozen=True)
class Backup:
    """A copy that is in its place."""

    path: Path
    bytes: int
    jobs: int
    open_jobs: int
    """Jobs that had not ended: the copy does not know what happens to them afterwards."""
    taken: str
    files: int
    """Files copied or already there; 0 when they were not asked for."""
    file_bytes: int


def backup(store: Path, to: Path, *, force: bool = False, with_files: bool = False) -> Backup:
    """Copy the store as it is at this moment to `to`, checked and safe on disk. Others may work meanwhile.

    With `with_files` the videos that jobs refer to are copied to `TO.files`. An existing backup is overwritten
    only with `force`. Raises `StoreInvalid` when no complete copy could be made; then `to` is as it was.
    """
    _check_target(store, to, force)
    try:
        with temporary(to) as part:
            taken = _copy(store, part)
            with closing(sqlite3.connect(part)) as db:
                jobs = dict(db.execute("SELECT status, count(*) FROM jobs GROUP BY status").fetchall())
                wanted = needed(db)
            copied = _copy_files(store, to, wanted) if with_files else []
            # Before it takes the name: after a power cut the name must not stand for an empty file.
            _sync_file(part)
            size = part.stat().st_size
            _into_place(part, to, force=force)
    except (OSError, sqlite3.Error) as error:
        why = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise StoreInvalid(
            f"The backup {to} could not be made: {why}.",
            money=NOT_MADE,
            hint="Make room or name another place, then run it again.",
        ) from error
    still_open = sum(count for status, count in jobs.items() if status in GOES_ON)
    return Backup(to, size, sum(jobs.values()), still_open, taken, len(copied), sum(copied))


def taken_at(db: sqlite3.Connection, version: int) -> str | None:
    """Return when this store was copied as a backup; None for a store in use."""
    if version < KEEPS_REMOVED:
        return None
    row = db.execute("SELECT value FROM facts WHERE name = ?", (TAKEN,)).fetchone()
    return None if row is None else str(row[0])


def _check_target(store: Path, to: Path, force: bool) -> None:
    if to.is_dir() or not to.parent.is_dir():
        problem = "is a folder" if to.is_dir() else "lies in a folder that is not there"
        raise StoreInvalid(f"{to} {problem}.", money=NOT_MADE, hint="Name the file to be made.")
    if not to.exists():
        return
    if store.exists() and to.samefile(store):
        raise StoreInvalid(f"{to} is the store itself.", money=NOT_MADE, hint="Name another file.")
    if not force:
        hint = "Name another file, or overwrite it with --force."
        raise StoreInvalid(f"{to} already exists.", money=NOT_MADE, hint=hint)
    with reading(to) as (db, version):
        is_backup = taken_at(db, version) is not None
    if not is_backup:
        # It may be the only record of what was paid.
        raise StoreInvalid(f"{to} is a store, not a backup.", money=NOT_MADE, hint="Name another file.")
    log = to.with_name(to.name + "-wal")
    # The copy would take the file's name and leave its WAL: SQLite would then replay the old changes into the
    # copy.
    if living(to) or (log.exists() and log.stat().st_size):
        hint = "Name another file. If nothing uses it, open and close it once: reelwork --store FILE jobs list"
        raise StoreInvalid(f"{to} is in use.", money=NOT_MADE, hint=hint)


@contextmanager
def temporary(to: Path) -> Iterator[Path]:
    """Make a new file beside the target, and remove it at the end if it was not moved into place."""
    # Beside the target, since only a rename within one file system is atomic. The lock tells a file that is being
    # written from one that a killed backup left behind.
    for torn in to.parent.glob(f".{to.name}.*.part*"):
        _remove_if_torn(torn)
    part = to.with_name(f".{to.name}.{secrets.token_hex(4)}.part")
    try:
        with open(part, "xb", opener=private) as file:
            if fcntl is not None:
                fcntl.flock(file, fcntl.LOCK_EX)
            yield part
    finally:
        for name in (part.name, part.name + "-journal"):
            part.with_name(name).unlink(missing_ok=True)


def _remove_if_torn(path: Path) -> None:
    if fcntl is None:
        return
    with path.open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return
        path.unlink(missing_ok=True)


def _copy(store: Path, part: Path) -> str:
    """Copy the database at one moment and mark it as a backup; return when it was taken."""
    # Before the copy: after a restore, lookups reach back to this time.
    taken = datetime.now(UTC).isoformat(timespec="seconds")
    copy_whole(store, part)
    with closing(sqlite3.connect(part)) as copy:
        copy.execute("INSERT OR REPLACE INTO facts VALUES (?, ?)", (TAKEN, taken))
        copy.commit()
    return taken


def copy_whole(store: Path, part: Path) -> None:
    """Copy the database at one moment into one file, of the current version, and check it."""
    with reading(store) as (source, _), closing(sqlite3.connect(part, isolation_level=None)) as copy:
        # All pages in one step: a reader in WAL mode blocks no writer, and a change cannot make the copy start
        # again.
        source.backup(copy)
        # A copy in WAL mode would need the files beside it to be complete.
        copy.execute("PRAGMA journal_mode = DELETE")
        copy.row_factory = sqlite3.Row
        migrate(copy, str(part))
        damage = copy.execute("PRAGMA integrity_check(1)").fetchone()[0]
        if damage != "ok":
            raise StoreInvalid(
                f"The store {store} is damaged: {damage}.",
                money=NOT_MADE,
                hint="reelwork store check says more.",
            )


def _copy_files(store: Path, to: Path, wanted: Needed) -> list[int]:
    """Copy the files that jobs refer to, unless they are there in the same size; return their sizes."""
    source, target = files_of(store), files_of(to)
    if wanted.paths or wanted.names or wanted.hashes:
        make_private_folder(target)
    sizes = []
    for path in sorted((*source.glob("assets/*/*"), *source.glob("work/*/*"))):
        relative = path.relative_to(source)
        used = relative.as_posix() in wanted.paths or path.name.partition(".")[0] in wanted.names
        if path.is_file() and (used or path.stem in wanted.hashes):
            copy_file(path, target / relative)
            sizes.append(path.stat().st_size)
    return sizes


def copy_file(path: Path, target: Path) -> None:
    """Copy a file whole or not at all, unless one of that size is there."""
    if target.exists() and target.stat().st_size == path.stat().st_size:
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(f".{target.name}.part")
    with path.open("rb") as reading, open(part, "wb", opener=private) as writing:
        shutil.copyfileobj(reading, writing)
    _sync_file(part)
    os.replace(part, target)
    # The rename itself is in the folder, and is on disk only when that is.
    sync_folder(target.parent)


def _sync_file(path: Path) -> None:
    with path.open("rb+") as file:
        os.fsync(file.fileno())


def _into_place(part: Path, to: Path, *, force: bool) -> None:
    if force:
        os.replace(part, to)
    else:
        _link(part, to)
    sync_folder(to.parent)


def _link(part: Path, to: Path) -> None:
    try:
        # Unlike a rename, a link refuses if another process has made the file meanwhile.
        os.link(part, to)
    except FileExistsError:
        hint = "Name another file, or overwrite it with --force."
        raise StoreInvalid(f"{to} already exists.", money=NOT_MADE, hint=hint) from None
    except OSError:
        # A file system without hard links.
        os.replace(part, to)
