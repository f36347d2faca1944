"""Bare `sqlite3`: the statements of Reelwork's engine, in the groups in which it committed them.

The engine is run once with a connection that records them, which is not timed. Then the same statements, with the
same values and the same BEGINs and COMMITs, are executed on a new file by a plain loop: no event loop, no threads,
no steps. The rest is the time of SQLite and the disk.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from statistics import mean
from typing import Any

from benchmarks import own_engine
from benchmarks.peers.measured import STEPS, WARM_UP, Clock, Report, Task, answer, one_at_a_time
from reelwork.store.sqlite.writer import connect


@dataclass(frozen=True)
class Statement:
    """One call of `execute` or `executemany`."""

    text: str
    values: Any
    many: bool = False


@dataclass(frozen=True)
class Group:
    """The statements of one commit."""

    statements: tuple[Statement, ...]
    rows: int
    """Rows it changed; a group that only read costs no flush."""


class NotingConnection:
    """A connection that records its statements."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.groups: list[Group] = []
        self._connection = connection
        self._statements: list[Statement] = []
        self._rows = connection.total_changes

    def execute(self, text: str, values: Any = ()) -> sqlite3.Cursor:
        self._statements.append(Statement(text, values))
        cursor = self._connection.execute(text, values)
        if text == "COMMIT":
            rows = self._connection.total_changes
            self.groups.append(Group(tuple(self._statements), rows - self._rows))
            self._rows = rows
            self._statements = []
        return cursor

    def executemany(self, text: str, values: Iterable[Any]) -> sqlite3.Cursor:
        rows = list(values)
        self._statements.append(Statement(text, rows, many=True))
        return self._connection.executemany(text, rows)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)


def new_folder(task: Task, name: str) -> Path:
    folder = Path(task.folder) / name
    folder.mkdir()
    return folder


async def noted(task: Task, folder: Path) -> tuple[list[Group], list[list[Group]]]:
    """Return the groups of all the jobs together, the run's own first, and the groups of each single job."""
    async with own_engine.opened(folder) as (store, engine):
        noting = NotingConnection(store._db._connection)
        store._db._connection = noting  # type: ignore[assignment]
        await own_engine.run_all(store, engine(task.at_once), task.jobs)
        together = len(noting.groups)
        marks: list[int] = []
        ends = own_engine.Ends()
        async with own_engine.idle(store, engine(task.at_once, ends), ends) as single:

            async def marked(number: int) -> None:
                marks.append(len(noting.groups))
                await single(number)

            await one_at_a_time(task.singles, marked)
    slices = zip(marks, [*marks[1:], len(noting.groups)], strict=True)
    # An idle engine wakes now and then, and its reads are no part of a job.
    singles = [[group for group in noting.groups[start:end] if group.rows] for start, end in slices]
    return noting.groups[:together], singles


def make_again(db: sqlite3.Connection, groups: Iterable[Group]) -> None:
    for group in groups:
        for statement in group.statements:
            if statement.many:
                db.executemany(statement.text, statement.values)
            else:
                # Fetched, as the engine does, whatever they return.
                db.execute(statement.text, statement.values).fetchall()


async def measure(task: Task) -> Report:
    groups, singles = await noted(task, new_folder(task, "noted"))
    folder = new_folder(task, "bare")
    async with own_engine.opened(folder):
        pass
    with closing(connect(folder / "store.db")) as db:
        clock = Clock()
        make_again(db, groups)
        seconds, cpu = clock.read()
        done, steps = own_engine.counts(folder)

        async def single(number: int) -> None:
            make_again(db, singles[number])

        latencies = await one_at_a_time(task.singles, single)
    writing = [group.rows for group in groups if group.rows]
    details = {
        "commits": len(writing),
        "rows per commit": mean(writing),
        "commits of a single job": mean(len(single) for single in singles[WARM_UP:]),
        "steps per commit": task.jobs * STEPS / len(writing),
    }
    return Report(seconds, done, steps, latencies, cpu, details)


if __name__ == "__main__":
    answer(measure)
