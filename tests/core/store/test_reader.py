"""Reading beside the writer: no read waits for a commit, and none begins or changes anything."""

from __future__ import annotations

import asyncio
import gc
import sqlite3
import threading
import warnings
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from reelwork.errors import StoreUnwritable, Unstorable
from reelwork.store.commands import NewJob
from reelwork.store.records import ACTIVE, RunRow
from reelwork.store.sqlite.reader import SqliteReader
from reelwork.store.sqlite.store import SqliteStore

PATIENCE = 60.0
"""Seconds after which a thread counts as stuck. Nothing here takes as long unless it is."""


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteStore]:
    with closing(SqliteStore(tmp_path / "store.db")) as opened:
        asyncio.run(_fill(opened))
        yield opened


async def _fill(store: SqliteStore) -> None:
    await store.add_run(RunRow("run", None, "w", "{}", 0.0))
    await store.add_jobs("run", [NewJob("one", "one", "first", "{}")])


def test_reads_answer_while_a_transaction_of_the_writer_is_open(store: SqliteStore) -> None:
    begun, may_end = threading.Event(), threading.Event()

    def slow(db: sqlite3.Connection) -> None:
        db.execute("UPDATE jobs SET reason = 'not committed yet'")
        begun.set()
        assert may_end.wait(PATIENCE)

    async def scenario() -> None:
        writing = asyncio.create_task(store._db.run(slow))
        assert await asyncio.to_thread(begun.wait, PATIENCE)
        # Each of these would wait for ever if it were handed to the writer.
        row = store.job("one")
        assert row is not None
        assert row.reason == ""
        assert store.counts() == {ACTIVE: 1}
        assert await store.render("none") is None
        with closing(SqliteReader(store.path)) as beside:
            assert [one.reason for one in beside.jobs()] == [""]
        assert not writing.done()
        may_end.set()
        await writing
        assert [one.reason for one in store.jobs()] == ["not committed yet"], "an awaited change is seen"

    try:
        asyncio.run(scenario())
    finally:
        may_end.set()


def test_a_reader_cannot_write(store: SqliteStore) -> None:
    with pytest.raises(StoreUnwritable, match="could not be read: attempt to write a readonly database"):
        store._reads.ask(lambda db: db.execute("DELETE FROM jobs"))
    assert store.job("one") is not None


def test_what_one_question_reads_is_of_one_moment(store: SqliteStore) -> None:
    def twice(db: sqlite3.Connection) -> tuple[int, int]:
        count = "SELECT count(*) FROM jobs"
        (before,) = db.execute(count).fetchone()
        asyncio.run(store.add_jobs("run", [NewJob("two", "two", "first", "{}")]))
        return before, db.execute(count).fetchone()[0]

    assert store._reads.ask(twice) == (1, 1)
    assert store.counts() == {ACTIVE: 2}


def test_each_thread_reads_for_itself_and_its_connection_ends_with_it(store: SqliteStore) -> None:
    assert store.counts() == {ACTIVE: 1}
    found: list[object] = []
    threads = [threading.Thread(target=lambda: found.append(store.counts())) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
    assert found == [{ACTIVE: 1}] * 8
    assert len(store._reads._open) == 1, "only this thread's is left"


def test_a_store_and_a_reader_that_nobody_closes_are_closed_without_a_word(tmp_path: Path) -> None:
    for kind in (SqliteStore, SqliteReader):
        left = kind(tmp_path / "store.db")
        assert left.counts() == {}
        circle: list[object] = [left]
        circle.append(circle)
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            del left, circle
            gc.collect()
        assert [one for one in said if one.category is ResourceWarning] == []


def test_a_store_that_was_replaced_is_not_read_on(store: SqliteStore, tmp_path: Path) -> None:
    assert store.counts() == {ACTIVE: 1}
    (tmp_path / "store.db").rename(tmp_path / "away.db")
    with pytest.raises(StoreUnwritable, match="was removed, moved or replaced while it was in use"):
        store.counts()
    assert not (tmp_path / "store.db").exists(), "a question makes no store"


def test_a_value_that_no_store_can_look_for_is_named(store: SqliteStore) -> None:
    with pytest.raises(Unstorable):
        store.jobs(limit=2**70)
    with pytest.raises(Unstorable):
        store.job("half of a character: \ud83d")
    assert store.counts() == {ACTIVE: 1}, "the next question is answered"


def test_the_log_is_emptied_when_store_and_reader_are_closed(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    with closing(SqliteStore(path)) as store, closing(SqliteReader(path)) as reader:
        asyncio.run(_fill(store))
        assert reader.counts() == store.counts() == {ACTIVE: 1}
    assert [one.name for one in tmp_path.iterdir() if one.is_file()] == ["store.db"]
