"""Opens the store for commands that only read. Where there is none, there are no jobs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from reelwork.cli.shared import shared

if TYPE_CHECKING:
    from reelwork.store.reader import SyncReader
    from reelwork.store.records import JobRow


@contextmanager
def store_if_there() -> Iterator[SyncReader | None]:
    """Open the store; None if there is none yet."""
    # Not made here: an empty store at a mistyped path would hide the one that knows what was paid.
    from reelwork.settings.paths import store_path

    path = store_path(shared().store)
    if not path.exists():
        yield None
        return
    from reelwork.store.open import open_reader

    store = open_reader(path)
    try:
        yield store
    finally:
        store.close()


def of_brand(store: SyncReader, brand: str | None) -> SyncReader:
    """Return a store limited to the brand that is given, if one is. Raises `NotFound` for one that there is not."""
    if brand is None:
        return store
    from reelwork.errors import NotFound
    from reelwork.store.post_stops import brand_of
    from reelwork.studio.stopping import brands_in_use

    # Of a mistyped brand the list would be empty, and look like good news.
    if brand not in (known := [brand_of(one) for one in brands_in_use(store)]):
        raise NotFound("brand", brand, known)
    return store.of_brand(brand)


class _NoJobs:
    def jobs(self, **which: object) -> list[JobRow]:
        return []


NO_JOBS = _NoJobs()
"""Stands for the store where there is none yet."""
