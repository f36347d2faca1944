from __future__ import annotations

import asyncio
from contextlib import closing
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from reelwork.store.commands import Intend, NewJob, Refuse, Send, SettleMoney
from reelwork.store.records import Lease, RunRow
from reelwork.store.spending import By, Spending, total
from reelwork.store.sqlite.reader import SqliteReader
from reelwork.store.sqlite.store import SqliteStore

DAY = 86_400.0
FIRST = 20_000 * DAY
"""2024-10-04, midnight UTC."""


class Clock:
    now = FIRST

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A store with a reserved, a charged, a released and an unknown render, over two days and two runs."""
    clock = Clock()
    store = SqliteStore(tmp_path / "store.db", clock=clock)
    asyncio.run(_fill(store, clock))
    store.close()
    return store.path


async def _fill(store: SqliteStore, clock: Clock) -> None:
    await store.add_run(RunRow("a", None, "first", "{}", 0.0))
    await store.add_run(RunRow("b", None, "second", "{}", 0.0))
    await store.add_jobs("a", [NewJob(f"j{at}", f"j{at}", "submit", "{}") for at in (1, 2)])
    lease = await _leased(store)
    await store.apply(lease, [Intend("k1", "submit", "here", "here", reserve=400_000), Send("k1", "here")])
    await store.apply(lease, [Intend("post", "publish", "gallery", "gallery"), Send("post", "gallery")])
    lease = await _leased(store)
    await store.apply(lease, [Intend("k2", "submit", "here", "here", reserve=500_000), Send("k2", "here")])
    await store.apply(lease, [SettleMoney("k2", 350_000)])
    clock.now = FIRST + DAY
    await store.add_jobs("b", [NewJob(f"j{at}", f"j{at}", "submit", "{}") for at in (3, 4)])
    lease = await _leased(store)
    await store.apply(lease, [Intend("k3", "submit", "there", "there", reserve=600_000), Send("k3", "there")])
    await store.apply(lease, [Refuse("k3", "no")])
    lease = await _leased(store)
    await store.apply(lease, [Intend("k4", "submit", "there", "there"), Send("k4", "there")])


async def _leased(store: SqliteStore) -> Lease:
    (row,) = await store.claim_jobs("me", 1e9, 1, None)
    return Lease(row.id, row.fence, "me")


def spending(path: Path, by: By, **days: date) -> list[Spending]:
    with closing(SqliteReader(path)) as reader:
        return reader.spending(by, **days)


def by_name(found: list[Spending]) -> dict[str, Spending]:
    return {one.name: one for one in found}


def test_money_is_told_apart_by_what_became_of_it(path: Path) -> None:
    found = by_name(spending(path, "provider"))
    here, there = found["here"], found["there"]
    assert (here.renders, here.charged, here.reserved) == (2, Decimal("0.35"), Decimal("0.4"))
    assert (there.renders, there.released, there.unknown) == (2, Decimal("0.6"), 1)
    assert (here.released, here.unknown, there.charged, there.reserved) == (0, 0, 0, 0)


@pytest.mark.parametrize(
    ("by", "names"),
    [
        ("day", ["2024-10-04", "2024-10-05"]),
        ("provider", ["here", "there"]),
        ("workflow", ["first", "second"]),
        ("run", ["a", "b"]),
    ],
)
def test_groups_come_oldest_first(path: Path, by: str, names: list[str]) -> None:
    assert [one.name for one in spending(path, by)] == names  # type: ignore[arg-type]


def test_days_are_included_at_both_ends(path: Path) -> None:
    def days(**limits: date) -> list[str]:
        return [one.name for one in spending(path, "day", **limits)]

    first, second = date(2024, 10, 4), date(2024, 10, 5)
    assert days(since=second) == ["2024-10-05"]
    assert days(until=first) == ["2024-10-04"]
    assert days(since=first, until=second) == ["2024-10-04", "2024-10-05"]
    assert days(since=date(2025, 1, 1)) == []


def test_the_total_adds_everything_up(path: Path) -> None:
    summed = total(spending(path, "day"))
    assert (summed.renders, summed.charged, summed.reserved, summed.released, summed.unknown) == (
        4,
        Decimal("0.35"),
        Decimal("0.4"),
        Decimal("0.6"),
        1,
    )
