"""The holders of leases, and the file locks that show whether they are alive.

The operating system releases a lock however its process ends. So a dead process's leases are taken over at once,
and a paused process is never mistaken for a dead one.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import IO

from reelwork.errors import StoreUnwritable
from reelwork.files import make_private_folder
from reelwork.store.sqlite.paths import files_of

try:
    import fcntl
except ImportError:  # Windows: leases then simply run out.
    fcntl = None  # type: ignore[assignment]


SERVES = "serves="
"""The beginning of the note that tells where a process answers over HTTP. The other notes are runs."""
_KEPT: list[Owner] = []
"""Owners of which a thread that cannot be stopped still runs in this process."""


class Owner:
    """This process, as a holder of leases in one store. Raises `StoreUnwritable`."""

    def __init__(self, store: Path) -> None:
        import secrets

        self._folder = _folder(store)
        self.name = f"{os.getpid()}-{secrets.token_hex(4)}"
        try:
            # Downloads, plugins' work and locks are the person's own, whatever the umask says.
            make_private_folder(self._folder)
            self._file = _locked(self._folder / self.name)
        except OSError as error:
            unwritable = StoreUnwritable(
                f"The folder {self._folder} cannot be written: {error.strerror}.",
                hint="Make room on the disk or check its rights, then: reelwork resume",
            )
            unwritable.passing = True
            raise unwritable from error

    def close(self) -> None:
        """Let go of everything this process holds."""
        (self._folder / self.name).unlink(missing_ok=True)
        self._file.close()

    def works_on(self, runs: Iterable[str]) -> None:
        """Tell other processes which runs' jobs this one drives, even while they wait and nobody holds them."""
        self._note(runs)

    def serves_at(self, address: str) -> None:
        """Tell other processes where this one answers over HTTP."""
        self._note([f"{SERVES}{address}"])

    def _note(self, lines: Iterable[str]) -> None:
        # Only for messages: a full disk must not stop the run for it.
        with suppress(OSError):
            self._file.write("".join(f"{line}\n" for line in lines).encode())
            self._file.flush()

    def keep(self) -> None:
        """Count as alive for as long as this process lives, instead of closing."""
        # Only a reference keeps the file open, and with it the lock. Collected, it would say that this process is
        # dead.
        _KEPT.append(self)


def is_dead(store: Path, owner: str) -> bool:
    """Return whether an owner's process has surely ended; False if that is not known.

    The lock file of a dead process is deleted.
    """
    if fcntl is None:
        return False
    path = _folder(store) / owner
    try:
        file = path.open("rb+")
    # An owner's file is unlinked only by its own close or by whoever found it dead.
    except FileNotFoundError:
        return True
    except OSError:
        # A file that cannot be read is no proof of death. A living sender taken for a dead one would be paid
        # twice.
        return False
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return False
        path.unlink(missing_ok=True)
        return True


def living(store: Path) -> list[str]:
    """Return the processes that work on a store now. Nothing is changed.

    Where file locks are missing, those that did not end properly are among them.
    """
    folder = _folder(store)
    names = sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []
    return [name for name in names if is_alive(store, name)]


def processes(store: Path) -> list[str]:
    """Return the ids of the processes that work on a store now, each once. Nothing is changed."""
    # A server holds leases under one name, and answers requests under another.
    return sorted({name.partition("-")[0] for name in living(store)})


def runs_at_work(store: Path) -> set[str]:
    """Return the runs whose jobs a living process drives now, as far as known. Nothing is changed."""
    return {note for note in _notes(store) if not note.startswith(SERVES)}


def served_at(store: Path) -> list[str]:
    """Return where living processes answer over HTTP for a store, each address once. Nothing is changed."""
    found = (note.removeprefix(SERVES) for note in _notes(store) if note.startswith(SERVES))
    return list(dict.fromkeys(found))


def _notes(store: Path) -> Iterator[str]:
    for name in living(store):
        with suppress(OSError):
            yield from (_folder(store) / name).read_text().split()


def is_alive(store: Path, owner: str) -> bool:
    """Return whether an owner's process holds its lock. Changes nothing, not even the file of a dead process."""
    try:
        file = (_folder(store) / owner).open("rb")
    except OSError:
        return False
    with file:
        if fcntl is None:
            return True
        try:
            # Shared, and given back at once: a process that is just starting must be able to take its own lock.
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except OSError:
            return True
        return False


def _folder(store: Path) -> Path:
    return files_of(store) / "owners"


def _locked(path: Path) -> IO[bytes]:
    file = path.open("wb")
    if fcntl is not None:
        fcntl.flock(file, fcntl.LOCK_EX)
    return file
