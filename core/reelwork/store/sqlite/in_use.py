"""The check that a store is in use: a backup must not be worked with."""

from __future__ import annotations

from reelwork.errors import StoreInvalid
from reelwork.store.sqlite.store import SqliteStore


def check_in_use(store: SqliteStore) -> None:
    """Raises `StoreInvalid` for a backup, which does not know what was paid after it was taken."""
    taken = store.backup_taken_at()
    if taken is not None:
        raise StoreInvalid(
            f"{store.path} is a backup, taken {taken}; what was paid after that it does not know.",
            money="Nothing was sent, so nothing is paid or posted twice.",
            hint="Use the store itself. To put the backup in its place: "
            f"reelwork --store STORE store restore {store.path}",
        )
