"""A store with many waiting renders is made from one with a single render, whatever tables a store has."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from benchmarks.in_flight import start_with


def test_a_process_starts_with_a_backlog(tmp_path: Path) -> None:
    assert start_with(20, tmp_path).resident > 0
    with closing(sqlite3.connect(tmp_path / "store.db")) as db:
        assert db.execute("SELECT count(*), count(DISTINCT render_id) FROM jobs").fetchone() == (20, 20)
