"""What commands show of very many jobs: how many there are, and what happens, but not each of them."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from reelwork.cli.views.board import NAMED, Board
from reelwork.engine.events import Happening, RenderSeen
from reelwork.planning.job_state import JobData
from reelwork.store.commands import NewJob, SetJob
from reelwork.store.records import ACTIVE, DONE, Lease, RunRow
from reelwork.store.sqlite.store import SqliteStore
from reelwork.studio.job_names import JobRows
from reelwork_hooks import Brief, Spec

DATA = {"brief": {"prompt": "a kite"}, "provider": "preview", "take": 1, "takes": 1}


def name(number: int) -> str:
    return f"0000000job{number:06d}"


def fill(path: Path, count: int, done: int = 0) -> SqliteStore:
    """A store with this many jobs, the first of them done, the others waiting."""
    store = SqliteStore(path)

    async def act() -> None:
        await store.add_run(RunRow("run", None, "w", "{}", 0.0))
        data = [json.dumps({**DATA, "row": str(number)}) for number in range(count)]
        jobs = [NewJob(name(number), f"k{number}", "render", data[number]) for number in range(count)]
        await store.add_jobs("run", jobs)
        for row in await store.claim_jobs("me", 60, count, None):
            ended = int(row.id[-6:]) < done
            change = SetJob(DONE, "publish", None) if ended else SetJob(ACTIVE, "render", None)
            await store.apply(Lease(row.id, row.fence, "me"), [change])

    asyncio.run(act())
    return store


def happening(number: int, status: str) -> Happening:
    spec = Spec(width=64, height=64, aspect_ratio="16:9", resolution="480p", duration=1)
    data = JobData(workflow="w", provider="p", brief=Brief(prompt="a kite"), spec=spec, row=str(number))
    job: Any = SimpleNamespace(id=name(number), status=status, step="publish")
    return Happening(job, data, "done", {})


@pytest.mark.parametrize("count", [3, NAMED + 1])
def test_the_board_counts_and_names_what_moves(tmp_path: Path, count: int) -> None:
    store, board = fill(tmp_path / "store.db", count, done=1), Board()
    board.begin(JobRows(store, [name(number) for number in range(count)]))
    store.close()
    assert (board.before, board.open(), board.ended()) == (1, count - 1, 1)
    board.seen(RenderSeen(name(2), "running", 40.0, overdue=False))
    first, *others = board.active(2)
    assert (first.percent, len(others)) == (40.0, 1)
    board.happened(happening(2, DONE))
    assert board.counts() == {"active": count - 2, "done": 2} if count > 2 else {"done": 2}
    assert board.lines[name(2)].label == "row 2"
    assert board.lines[name(2)] not in board.active(count)
    assert len(board.active(count)) == board.open()


def test_watching_many_jobs_tells_how_they_ended_and_how_many_there_are(cli: Any, tmp_path: Path) -> None:
    path = tmp_path / "many.db"
    fill(path, 250, done=250).close()
    watched = cli("--store", str(path), "jobs", "watch", "run")
    assert watched.code == 0
    assert watched.err.count(": done") == 250
    assert "250 jobs: 250 done." in watched.out
    assert "… and 220 more" in watched.out
    listed = cli("--store", str(path), "jobs", "watch", "run", "--json").json
    assert (listed["counts"], len(listed["jobs"])) == ({"done": 250}, 250)


def test_resuming_reads_only_what_tells_jobs_apart(tmp_path: Path) -> None:
    store = fill(tmp_path / "store.db", 5, done=2)
    rows = JobRows(store, [name(number) for number in (4, 0, 9)])
    assert [(head.id, head.status) for head in rows.heads()] == [(name(4), ACTIVE), (name(0), DONE)]
    assert [row.id for row in rows] == [name(4), name(0)]
    assert rows[0].id == rows[:1][0].id == name(4)
    assert len(rows) == 3
    store.close()
