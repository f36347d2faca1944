"""Stores of every earlier version become current ones, whole or not at all."""

from __future__ import annotations

import os
import re
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from reelwork.errors import StoreInvalid
from reelwork.planning.job_state import JobData
from reelwork.store.sqlite.migrations import MIGRATIONS
from reelwork.store.sqlite.opening import connect
from reelwork.store.sqlite.schema import VERSION
from reelwork.store.sqlite.store import SqliteStore

VERSIONS = tuple(range(1, VERSION))
"""Each has its `version_N.sql`, frozen."""
Make = Callable[[int], Path]
Rows = dict[str, list[tuple[object, ...]]]


def contents(path: Path) -> tuple[dict[str, list[str]], Rows]:
    """The columns and rows of every table."""
    db = sqlite3.connect(path)
    try:
        tables = [row[0] for row in db.execute("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name")]
        columns = {table: [row[1] for row in db.execute(f"PRAGMA table_info({table})")] for table in tables}
        return columns, {table: db.execute(f"SELECT * FROM {table} ORDER BY 1").fetchall() for table in tables}
    finally:
        db.close()


def lost(before: tuple[dict[str, list[str]], Rows], path: Path) -> list[str]:
    """Tables whose rows are not what they were, in the columns that are still there."""
    columns, rows = before
    columns_now, rows_now = contents(path)

    def shared(table: str, there: dict[str, list[str]], found: Rows) -> list[list[object]]:
        both = [name for name in columns[table] if name in columns_now[table]]
        return [[row[there[table].index(name)] for name in both] for row in found[table]]

    return [table for table in columns if shared(table, columns, rows) != shared(table, columns_now, rows_now)]


def version_and_tables(path: Path) -> tuple[int, set[str]]:
    db = sqlite3.connect(path)
    try:
        version = db.execute("PRAGMA user_version").fetchone()[0]
        return version, {row[0] for row in db.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")}
    finally:
        db.close()


@pytest.mark.parametrize("version", VERSIONS)
def test_nothing_is_lost_on_the_way_from_an_earlier_version(store_of_version: Make, version: int) -> None:
    path = store_of_version(version)
    before = contents(path)
    assert all(before[1][table] for table in ("runs", "jobs", "renders", "effects", "events"))
    SqliteStore(path).close()
    assert lost(before, path) == []
    assert version_and_tables(path)[0] == VERSION


@pytest.mark.parametrize("version", VERSIONS)
def test_a_migrated_store_can_be_read_and_goes_on(store_of_version: Make, version: int) -> None:
    store = SqliteStore(store_of_version(version))
    try:
        rows = store.jobs()
        assert {row.status for row in rows} == {"done", "active", "held", "rejected"}
        assert all(JobData.model_validate_json(row.data).brief.prompt for row in rows)
        renders = [store.renders([row.render_id]).get(row.render_id) for row in rows if row.render_id]
        assert [render is not None and '"prompt":"A ' in render.request for render in renders] == [True] * 3
        (held,) = [row for row in rows if row.status == "held"]
        assert [effect.state for effect in store.effects_of(held.id)] == ["unknown"]
        assert store.removable(2e9).kept["held"] == 1
    finally:
        store.close()


@pytest.mark.parametrize("version", VERSIONS)
def test_a_migrated_store_has_the_schema_of_a_new_one(store_of_version: Make, tmp_path: Path, version: int) -> None:
    old = store_of_version(version)
    SqliteStore(old).close()
    SqliteStore(tmp_path / "new.db").close()
    assert schema(old) == schema(tmp_path / "new.db")


def schema(path: Path) -> list[str]:
    with closing(sqlite3.connect(path)) as db:
        return sorted(statements(db))


def statements(db: sqlite3.Connection) -> list[str]:
    """The statements of each table and its indexes, in the order they were added, however they are spaced."""
    rows = db.execute("SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY tbl_name, rowid")
    return [re.sub(r" ?([(),]) ?", r"\1", " ".join(row[0].replace('"', "").split())) for row in rows]


def test_a_new_store_has_the_tables_and_indexes_that_all_migrations_make_of_an_empty_one(tmp_path: Path) -> None:
    SqliteStore(tmp_path / "new.db").close()
    with closing(sqlite3.connect(":memory:")) as migrated, closing(sqlite3.connect(tmp_path / "new.db")) as new:
        for migration in MIGRATIONS:
            migrated.executescript(migration)
        assert statements(new) == statements(migrated)
        for (table,) in migrated.execute("SELECT name FROM sqlite_schema WHERE type = 'table'"):
            assert not migrated.execute(f"SELECT 1 FROM {table}").fetchone(), "a new store would lack this row"


KILLING = """
import os, signal, sqlite3, sys
from reelwork.store.sqlite.schema import migrate

def killed(path, at):
    db = sqlite3.connect(path, isolation_level=None)
    seen = []

    def statement(text):
        seen.append(text)
        if len(seen) == at:
            os.kill(os.getpid(), signal.SIGKILL)

    db.set_trace_callback(statement)
    migrate(db, path)
    return len(seen)

# A process for each time, forked from this one: it has imported everything already.
for line in sys.stdin:
    at, path = line.rstrip().split(" ", 1)
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(writing, str(killed(path, int(at))).encode())
        os._exit(0)
    os.close(writing)
    _, status = os.waitpid(child, 0)
    print(os.waitstatus_to_exitcode(status), os.read(reading, 20).decode(), flush=True)
    os.close(reading)
"""


class Killing:
    """Migrates stores, each in a process of its own that is killed at the statement asked for."""

    def __init__(self) -> None:
        pipe = subprocess.PIPE
        self._process = subprocess.Popen([sys.executable, "-c", KILLING], stdin=pipe, stdout=pipe, text=True)

    def __call__(self, path: Path, at: int) -> tuple[int, int]:
        """The exit code, and the number of statements that a process which was not killed has made."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        print(at, path, file=self._process.stdin, flush=True)
        code, *statements = self._process.stdout.readline().split()
        return int(code), int(statements[0]) if statements else 0

    def close(self) -> None:
        self._process.communicate(timeout=60)


@pytest.fixture(scope="module")
def killing() -> Iterator[Killing]:
    killing = Killing()
    yield killing
    killing.close()


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs signals")
@pytest.mark.parametrize("version", VERSIONS)
def test_killed_at_any_statement_of_a_migration_the_next_start_completes_it(
    store_of_version: Make, killing: Killing, version: int
) -> None:
    whole = store_of_version(version)
    code, statements = killing(whole, 0)
    whole.unlink()
    assert (code, statements > 10) == (0, True)
    for at in range(1, statements + 1):
        path = store_of_version(version)
        before = contents(path)
        assert killing(path, at) == (-signal.SIGKILL, 0)
        assert contents(path) == before, f"killed at statement {at}"
        assert version_and_tables(path)[0] == version
        SqliteStore(path).close()
        assert version_and_tables(path)[0] == VERSION
        assert lost(before, path) == []
        path.unlink()


def test_several_processes_migrate_one_store_at_once(store_of_version: Make) -> None:
    path = store_of_version(1)
    before = contents(path)
    code = "import sys; from pathlib import Path; from reelwork.store.sqlite.store import SqliteStore;" + (
        "sys.stdin.read(); SqliteStore(Path(sys.argv[1])).close()"
    )
    started = [
        subprocess.Popen([sys.executable, "-c", code, str(path)], stdin=subprocess.PIPE, stderr=subprocess.PIPE)
        for _ in range(4)
    ]
    # All wait for the end of their input, so that they begin together.
    outcomes = [process.communicate() for process in started]
    assert [process.returncode for process in started] == [0] * 4, outcomes
    assert version_and_tables(path)[0] == VERSION
    assert lost(before, path) == []


def test_one_that_waited_for_a_newer_reelwork_leaves_its_store_alone(store_of_version: Make) -> None:
    path = store_of_version(1)
    newer = sqlite3.connect(path, isolation_level=None)
    newer.execute("PRAGMA journal_mode = WAL")
    newer.execute("BEGIN IMMEDIATE")
    waiting = subprocess.Popen(
        [sys.executable, "-c", WAITING, str(path)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert waiting.stdout is not None
    assert waiting.stdout.readline() == "asked\n"
    newer.execute(f"PRAGMA user_version = {VERSION + 7}")
    newer.execute("COMMIT")
    newer.close()
    out, error = waiting.communicate(timeout=60)
    assert "newer Reelwork" in out, error
    assert version_and_tables(path)[0] == VERSION + 7


WAITING = """
import sqlite3, sys
from reelwork.errors import StoreInvalid
from reelwork.store.sqlite.schema import migrate

db = sqlite3.connect(sys.argv[1], isolation_level=None, timeout=60)

def statement(text):
    if text.startswith("BEGIN IMMEDIATE"):
        print("asked", flush=True)

db.set_trace_callback(statement)
try:
    migrate(db, sys.argv[1])
except StoreInvalid as error:
    print(error)
"""


def test_a_newer_store_is_refused_and_left_as_it_is(store_of_version: Make) -> None:
    path = store_of_version(1)
    db = sqlite3.connect(path)
    db.execute(f"PRAGMA user_version = {VERSION + 1}")
    db.close()
    before = path.read_bytes()
    with pytest.raises(StoreInvalid, match="newer Reelwork") as refused:
        connect(path)
    assert "nothing was sent" in refused.value.money
    assert path.read_bytes() == before
    assert not os.path.exists(f"{path}-wal")


def test_each_migration_is_one_transaction(tmp_path: Path) -> None:
    """A statement that commits by itself would leave a store half way when the process is killed."""
    for migration in MIGRATIONS:
        for word in ("COMMIT", "VACUUM", "PRAGMA", "BEGIN"):
            assert word not in migration.upper().split()
