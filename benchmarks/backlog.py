"""Makes a store with very many waiting renders from one with a single render, and a service that knows them."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

Change = Callable[[int], dict[str, Any]]
OLDEST_FIRST = 0.001
"""Seconds between the creation of two videos."""


def multiply(store: Path, service: Path, count: int) -> None:
    """Repeat the only job of a store, and the only video of a simulator's `jobs.jsonl`, until there are `count`."""
    (line,) = service.read_text().splitlines()
    event = json.loads(line)
    video, created = event["job"]["id"], event["job"]["created_at"]
    with service.open("w") as file:
        for number in range(count):
            event["job"] |= {"id": name_of(video, number), "created_at": created + number * OLDEST_FIRST}
            file.write(json.dumps({**event, "at": event["job"]["created_at"]}) + "\n")
    repeat(store, 1, video, count)


def repeat(store: Path, job: int, video: str, count: int) -> None:
    """Repeat the job of this number, all that names it, and its video, until there are `count`."""
    with sqlite3.connect(store) as db:
        for table in _tables(db):
            _repeat(db, table, job, video, count)
    db.close()


def _tables(db: sqlite3.Connection) -> list[str]:
    rows = db.execute("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite%'")
    return [row[0] for row in rows if row[0] != "runs"]


def _repeat(db: sqlite3.Connection, table: str, job: int, video: str, count: int) -> None:
    """Copy each row of a table that names the job or its video, with other ids in each copy."""
    ids = db.execute("SELECT id, key, render_id FROM jobs WHERE seq = ?", (job,)).fetchone()
    own = {text for text in (*ids, video) if text}
    cursor = db.execute(f"SELECT * FROM {table}")
    names = [column[0] for column in cursor.description]
    # The others are the store's own, such as its counters.
    rows = [row for row in cursor if any(isinstance(value, str) and _names(value, own) for value in row)]
    kept = [at for at, name in enumerate(names) if name != "seq"]
    columns, marks = ", ".join(names[at] for at in kept), ", ".join("?" * len(kept))

    def copies() -> Iterator[list[Any]]:
        for number in range(1, count):
            for row in rows:
                yield [_renamed(row[at], own, number) for at in kept]

    # What was seen of a video may be known of one with such an id already.
    db.executemany(f"INSERT OR IGNORE INTO {table}({columns}) VALUES ({marks})", copies())


def _names(text: str, own: set[str]) -> bool:
    return any(name in text for name in own)


def _renamed(value: Any, own: set[str], number: int) -> Any:
    if not isinstance(value, str):
        return value
    for name in own:
        if name in value:
            value = value.replace(name, name_of(name, number))
    return value


def name_of(name: str, number: int) -> str:
    """Return the id itself for the first copy, another of the same length for each other one."""
    return name if number == 0 else name[: -len(tail := f"{number:06d}")] + tail
