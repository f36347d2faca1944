"""A store that is lost must never be begun anew unasked: it would pay and post everything again."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from reelwork.errors import StoreInvalid, StoreUnwritable
from reelwork.store.sqlite.store import SqliteStore
from reelwork.studio.studio import Studio

WORDS = "A quiet harbour at dawn, boats and gulls"


@pytest.fixture
def used(tmp_path: Path) -> Path:
    """A store with a job in it."""
    store = tmp_path / "store.db"
    with Studio({"plugins": {"publish": []}}, store=store, out=tmp_path / "out") as studio:
        assert studio.run_sync(WORDS).exit_code == 0
    return store


def empty(store: Path) -> None:
    store.write_bytes(b"")


def remove(store: Path) -> None:
    store.unlink()


@pytest.mark.parametrize(("lose", "state"), [(empty, "is empty"), (remove, "is missing")])
def test_a_used_store_that_is_lost_is_not_begun_anew(used: Path, lose: Callable[[Path], None], state: str) -> None:
    lose(used)
    before = used.exists()
    with pytest.raises(StoreInvalid, match=state) as caught, Studio(store=used, out=used.parent / "out") as studio:
        studio.run_sync(WORDS)
    assert "reelwork store restore" in caught.value.hint
    assert used.exists() == before
    assert not before or used.stat().st_size == 0


def test_a_lost_store_can_be_begun_anew_on_purpose(used: Path) -> None:
    remove(used)
    used.with_name("store.db.files").rename(used.with_name("old"))
    with Studio({"plugins": {"publish": []}}, store=used, out=used.parent / "out") as studio:
        assert studio.run_sync(WORDS).exit_code == 0


@pytest.mark.skipif(os.name == "nt", reason="an open file cannot be removed there")
@pytest.mark.parametrize("replaced", [False, True])
def test_nothing_is_written_into_a_store_that_was_removed(tmp_path: Path, *, replaced: bool) -> None:
    path = tmp_path / "store.db"
    store = SqliteStore(path)
    try:
        path.rename(tmp_path / "moved.db")
        if replaced:
            path.write_bytes((tmp_path / "moved.db").read_bytes())
        with pytest.raises(StoreUnwritable, match="removed, moved or replaced"):
            store._db.run_now(lambda connection: connection.execute("SELECT 1"))
    finally:
        store.close()
