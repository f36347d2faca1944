"""Detects that a store has lost its journal, was replaced by an older copy, or is a copy.

SQLite cannot tell. A database whose `-wal` was removed is whole and merely knows less, and whoever continues with
it pays again for what it forgot. So the number of effects ever sent is stored twice: in the database and in a file
beside it.
"""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from reelwork.errors import StoreInvalid
from reelwork.files import make_private_folder
from reelwork.store.sqlite.paths import files_of

try:
    import fcntl
except ImportError:  # Windows: two processes may then write the number at once, and the lower one may stay.
    fcntl = None  # type: ignore[assignment]

SENT = "effects_sent"
HOME = "home"
TAKEN = "backup_taken_at"
"""The fact by which a backup says that it is one."""
RECOVER = "reelwork store recover  (what may have been sent is looked up or held, not sent again)"


@dataclass(frozen=True)
class Home:
    """The location of a database. A copy differs in both path and file."""

    path: str
    file: int
    """The file's number in its file system."""

    @classmethod
    def of(cls, store: Path) -> Home:
        """Return where the store is now."""
        real = Path(os.path.realpath(store))
        return cls(str(real), real.stat().st_ino)

    def is_elsewhere(self, other: Home) -> bool:
        """Return whether the two differ both in path and in file."""
        # Both: a renamed store keeps its file's number, and some file systems give a new number at each mount.
        return self.path != other.path and self.file != other.file


def count_send(db: sqlite3.Connection) -> int:
    """Count one more effect that is about to be sent; return the number of all."""
    # In the transaction of `sent`, so that the database's number is right even if the process dies right after it.
    db.execute(
        "INSERT INTO facts VALUES (?, '1') ON CONFLICT(name) DO UPDATE SET value = cast(value AS INTEGER) + 1",
        (SENT,),
    )
    return _sent(db) or 0


def saw(store: Path, sent: int) -> None:
    """Store outside the database how many effects were sent."""
    # After the commit, so the file can only lag behind: if it is ahead, the database has forgotten something.
    # Without room on the disk a loss may go unnoticed, which is no reason to stop.
    with suppress(OSError), _locked(_file(store)) as handle:
        # Processes commit in one order and come here in another. The number must not go back.
        if sent > _read(handle):
            _write(handle, sent)


def check(store: Path, db: sqlite3.Connection) -> None:
    """Refuse to send anything from a store that has forgotten what was sent, or that is a copy.

    A new store, and one of an older version, is taken as it is. Raises `StoreInvalid`.
    """
    sent, noted, home = _sent(db), _noted(store), Home.of(store)
    if _fact(db, TAKEN) is not None:
        raise _is_backup(store)
    _check_one_name(store)
    # Before a store without a number is taken for new: one that was emptied has a file beside it that knows
    # better.
    if noted is not None and noted > (sent or 0):
        raise _forgot(store, noted - (sent or 0))
    if sent is None:
        adopt(store, db)
        return
    known = _home(db)
    # It has sent something and has no file beside it, or another place: it was copied without its folder.
    if sent and (noted is None or (known is not None and known.is_elsewhere(home))):
        raise _is_copy(store, known)
    if known != home or noted is None:
        adopt(store, db)


def adopt(store: Path, db: sqlite3.Connection) -> None:
    """Accept the store as it is as the one that was used last."""
    home = Home.of(store)
    sent = _sent(db) or 0
    for name, value in ((SENT, str(sent)), (HOME, json.dumps([home.path, home.file]))):
        db.execute("INSERT OR REPLACE INTO facts VALUES (?, ?)", (name, value))
    path = _file(store)
    make_private_folder(path.parent)
    with _locked(path) as handle:
        _write(handle, sent)


def _check_one_name(store: Path) -> None:
    """Refuse a store with a second name."""
    # Whoever uses that name finds other locks, takes this process for dead, and sends the same beside it.
    real = store.resolve()
    # A restore that was killed leaves such a link. Nobody uses it as a store, so it does not count.
    aside = [path for path in real.parent.glob(f"{real.name}.before-*") if path.samefile(real)]
    if real.stat().st_nlink > 1 + len(aside) or _is_mounted(real):
        raise StoreInvalid(
            f"The store {store} has a second name (a hard link, or a mount of the file alone).",
            money="Nothing was sent. Two processes that use both names cannot see each other.",
            hint="Remove the other name. In a container, mount the folder instead of the file.",
        )


def _is_mounted(file: Path) -> bool:
    with suppress(OSError):
        mounts = Path("/proc/self/mountinfo").read_text(errors="replace").splitlines()
        return any(line.split(" ")[4] == str(file) for line in mounts)
    return False


def forget(store: Path) -> None:
    """Remove the number that belongs to the store that was here before."""
    _file(store).unlink(missing_ok=True)


def _file(store: Path) -> Path:
    return files_of(store) / "effects-sent"


@contextmanager
def _locked(path: Path) -> Iterator[int]:
    handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        if fcntl is not None:
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield handle
    finally:
        os.close(handle)


def _read(handle: int) -> int:
    text = os.pread(handle, 20, 0)
    return int(text) if text.strip().isdigit() else 0


def _write(handle: int, sent: int) -> None:
    # Always of one length: a shorter number would leave digits of the longer one behind it.
    os.pwrite(handle, b"%019d\n" % sent, 0)


def _noted(store: Path) -> int | None:
    try:
        return int(_file(store).read_bytes().strip() or 0)
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return None


def _fact(db: sqlite3.Connection, name: str) -> str | None:
    row = db.execute("SELECT value FROM facts WHERE name = ?", (name,)).fetchone()
    return None if row is None else str(row[0])


def _sent(db: sqlite3.Connection) -> int | None:
    value = _fact(db, SENT)
    return None if value is None else int(value)


def _home(db: sqlite3.Connection) -> Home | None:
    value = _fact(db, HOME)
    return None if value is None else Home(*json.loads(value))


def _is_backup(store: Path) -> StoreInvalid:
    return StoreInvalid(
        f"The store {store} is a backup: it does not know what was sent after it was taken.",
        money="Nothing was sent.",
        hint=f"Put it in use with: reelwork store restore {store} --store STORE",
    )


def _forgot(store: Path, many: int) -> StoreInvalid:
    what = "request or post" if many == 1 else "requests and posts"
    return StoreInvalid(
        f"The store {store} has forgotten {many} {what}: its journal {store.name}-wal was removed, or an older "
        "copy was put in its place.",
        money="Nothing was sent. Used as it is, it might pay and post again.",
        hint=f"Put {store.name}-wal or the newer file back. If there is none: {RECOVER}",
    )


def _is_copy(store: Path, known: Home | None) -> StoreInvalid:
    original = f" of {known.path}" if known is not None and known.path != str(store) else ""
    return StoreInvalid(
        f"The store {store} is a copy{original} that `reelwork store backup` did not make. The original may have "
        "sent more since.",
        money="Nothing was sent.",
        hint=f"If it was moved, and the original was not used since: reelwork store recover --moved. "
        f"Else: {RECOVER}",
    )
