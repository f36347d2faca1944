"""A reservation counts in the period in which it is made: by UTC, whatever this machine's zone is."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.ports import free_port
from tests.strangers.conftest import Desk
from tests.strangers.server import Answer, Asked, VideoServer

from reelwork.errors import BudgetExceeded
from reelwork.store.ceilings import Budget
from reelwork.store.commands import Command, Doubt, Intend, NewJob, Reopen, Send, SettleMoney
from reelwork.store.notes import DID_NOT_HAPPEN, IN_DOUBT
from reelwork.store.records import Lease, RunRow
from reelwork.store.sqlite.store import SqliteStore

DAY = 86_400.0
MIDNIGHT = 20_780 * DAY
"""A day in UTC begins, and it is not the first of a month."""


class Books:
    """A store with a clock of its own, whose jobs ask for renders of 40 cents."""

    def __init__(self, path: Path) -> None:
        self.now = MIDNIGHT + DAY / 2
        self.store = SqliteStore(path, clock=lambda: self.now)

    def does(self, job: str, *commands: Command) -> None:
        async def apply() -> None:
            await self.store.add_run(RunRow("run", "run", "flow", "{}", self.now))
            await self.store.add_jobs("run", [NewJob(job, job, "submit", "{}")])
            await self.store.claim_jobs("me", 60, 100, None)
            (row,) = self.store.some([job])
            await self.store.apply(Lease(job, row.fence, "me"), commands)

        asyncio.run(apply())

    def intend(self, job: str, budget: Budget) -> None:
        self.does(job, Intend(job, "submit", "p", "a", reserve=400_000, budget=budget))

    def sends(self, job: str, budget: Budget) -> None:
        self.intend(job, budget)
        self.does(job, Send(job, "a"))


@pytest.fixture
def books(tmp_path: Path) -> Iterator[Books]:
    made = Books(tmp_path / "store.db")
    yield made
    made.store.close()


DOLLAR_A_DAY = Budget(per_day=1_000_000)


@pytest.mark.parametrize("give_up", [True, False])
def test_what_never_left_yesterday_counts_today(books: Books, give_up: bool) -> None:
    """Also a reservation that was kept overnight, as for a server that was busy all day."""
    for number in range(4):
        books.sends(f"old{number}", Budget())
        books.does(f"old{number}", Reopen(f"old{number}", "busy", give_up=give_up))
    books.now += DAY
    books.sends("old0", DOLLAR_A_DAY)
    books.sends("old1", DOLLAR_A_DAY)
    with pytest.raises(BudgetExceeded, match="per_day"):
        books.sends("old2", DOLLAR_A_DAY)
    assert books.store.counted(DOLLAR_A_DAY) == {"per_day": 800_000}


def test_a_request_that_waits_a_moment_is_counted_once(books: Books) -> None:
    for _ in range(5):
        books.sends("a", DOLLAR_A_DAY)
        books.does("a", Reopen("a", "busy"))
    assert books.store.counted(DOLLAR_A_DAY) == {"per_day": 400_000}


def test_jobs_in_doubt_since_yesterday_leave_today_alone(books: Books) -> None:
    for number in range(3):
        books.sends(f"old{number}", Budget())
        books.does(f"old{number}", Doubt(f"old{number}", "no answer", None))
    books.now += DAY
    assert books.store.counted(DOLLAR_A_DAY) == {"per_day": 0}
    books.sends("new", DOLLAR_A_DAY)
    month = Budget(per_month=1_700_000)
    assert books.store.counted(month) == {"per_month": 1_600_000}
    with pytest.raises(BudgetExceeded, match="per_month"):
        books.sends("more", month)


def test_what_may_have_left_yesterday_and_is_sent_again_with_its_key_still_counts_yesterday(books: Books) -> None:
    """Its money is held where it may have been spent. Today's budget must not stop what settles it."""
    books.sends("old", Budget())
    books.store.note("old", {IN_DOUBT: 1})
    books.does("old", Doubt("old", "no answer", None), Reopen("old", "again with its key"))
    books.now += DAY
    books.sends("old", Budget(per_day=1))
    assert books.store.counted(DOLLAR_A_DAY) == {"per_day": 0}


def test_what_was_given_up_counts_again_once_it_is_in_doubt(books: Books) -> None:
    """Where it may have been spent: on the day on which it was sent."""
    books.sends("old", Budget())
    books.store.note("old", {IN_DOUBT: 1})
    books.does("old", Reopen("old", "given up", give_up=True))
    assert books.store.counted(DOLLAR_A_DAY) == {"per_day": 0}
    books.does("old", Doubt("old", "its key may be too old", None, earlier=True))
    assert books.store.counted(DOLLAR_A_DAY) == {"per_day": 400_000}
    books.now += DAY
    assert books.store.counted(DOLLAR_A_DAY) == {"per_day": 0}


def test_once_a_person_says_that_it_did_not_leave_it_counts_where_it_is_sent(books: Books) -> None:
    books.sends("old", Budget())
    books.store.note("old", {IN_DOUBT: 1, DID_NOT_HAPPEN: 1})
    books.does("old", Doubt("old", "no answer", None), Reopen("old", "it did not happen"))
    books.now += DAY
    with pytest.raises(BudgetExceeded, match="per_day"):
        books.sends("old", Budget(per_day=1))
    books.sends("old", DOLLAR_A_DAY)
    assert books.store.counted(DOLLAR_A_DAY) == {"per_day": 400_000}


@pytest.mark.parametrize(("before", "fits"), [(1.0, True), (-1.0, False)])
@pytest.mark.parametrize("zone", ["UTC", "America/New_York", "Pacific/Kiritimati"])
def test_days_end_at_midnight_in_utc(
    books: Books, monkeypatch: pytest.MonkeyPatch, zone: str, before: float, fits: bool
) -> None:
    monkeypatch.setenv("TZ", zone)
    books.now = MIDNIGHT - before
    books.sends("a", DOLLAR_A_DAY)
    books.sends("b", DOLLAR_A_DAY)
    books.now = MIDNIGHT + 2
    if fits:
        books.sends("c", DOLLAR_A_DAY)
    else:
        with pytest.raises(BudgetExceeded):
            books.sends("c", DOLLAR_A_DAY)


def test_a_month_that_ends_frees_its_budget(books: Books) -> None:
    budget = Budget(per_month=500_000)
    books.sends("a", budget)
    with pytest.raises(BudgetExceeded):
        books.sends("b", budget)
    books.now += 31 * DAY
    books.sends("b", budget)
    books.does("b", SettleMoney("b", 450_000))
    assert books.store.counted(budget) == {"per_month": 450_000}


def test_given_up_yesterday_and_sent_today_counts_today(desk: Desk, serve: Callable[..., VideoServer]) -> None:
    """As a person meets it: nobody listened on the first day."""
    faketime = shutil.which("faketime")
    if faketime is None:
        pytest.skip("faketime is not installed")
    origin = f"http://127.0.0.1:{free_port()}"
    desk.write("rows.csv", "id,prompt\n" + "".join(f"r{n},A red fox in the snow {n}\n" for n in range(4)))
    workflow = desk.workflow(origin, rest="[budget]\nper_day = 1\n")
    command = [sys.executable, "-m", "reelwork", "run", "rows.csv", "--workflow", str(workflow), "--yes"]
    env = {"HOME": str(desk.folder), "REELWORK_STORE": str(desk.store), "PATH": "/usr/bin:/bin", "TZ": "UTC"}
    # The boot clock stays right: one that differs between two runs of one boot is a clock that was set.
    env["FAKETIME_DONT_FAKE_MONOTONIC"] = "1"
    yesterday = subprocess.run(
        [faketime, "-f", "-1d", *command], cwd=desk.folder, env=env, capture_output=True, timeout=180, check=False
    )
    assert yesterday.returncode in (1, 3), yesterday.stdout
    server = serve()
    ended = desk.reelwork("resume", "--set", f"provider.base_url={server.origin}")
    assert ended.code == 3, ended.text
    assert server.creates == 2
    assert "per_day" in ended.text


def test_plan_says_what_a_days_budget_would_hold(desk: Desk, serve: Callable[..., VideoServer]) -> None:
    server = serve()
    budget = "[budget]\nper_day = 1\nper_month = 30\n"
    workflow = desk.workflow(server.origin, rest=budget)
    for _ in range(2):
        assert desk.reelwork("run", workflow, "--yes").code == 0
    planned = desk.reelwork("plan", workflow).out
    assert "per_day = $1.00 has $0.80 in it today (UTC); $0.20 is left for $0.40" in planned
    assert "per_month = $30.00 has $0.80 in it this month (UTC); $29.20 is left." in planned


def test_a_budget_without_room_is_not_answered_with_a_ceiling(
    desk: Desk, serve: Callable[..., VideoServer]
) -> None:
    server = serve()
    workflow = desk.workflow(server.origin, rest="[budget]\nper_day = 0.5\n")
    assert desk.reelwork("run", workflow).code == 0
    ended = desk.reelwork("run", workflow)
    assert ended.code not in (0, 124)
    assert "set a ceiling" not in ended.text
    assert "per_day = $0.50 has $0.40 in it" in ended.text
    assert "raise budget.per_day" in ended.text
    assert server.creates == 1


def lost(server: VideoServer, asked: Asked) -> Answer:
    server.accept(asked)
    return Answer(lost=True)


def test_money_in_doubt_is_named_and_not_called_spent(desk: Desk, serve: Callable[..., VideoServer]) -> None:
    server = serve(create=lost, listing=lambda server, asked: Answer({"error": "down"}, 503))
    ended = desk.reelwork("run", desk.workflow(server.origin, provider='dialect = "litellm"'), "--yes")
    assert ended.code == 3, ended.text
    assert "Spent: nothing" in ended.text
    assert "$0.40 in doubt" in ended.text
    assert "IN DOUBT" in desk.reelwork("spend").out
    (job,) = desk.jobs()
    server.instead.pop("create")
    freed = desk.reelwork("jobs", "resolve", job["id"], "--did-not-happen", timeout=120)
    assert "$0.40" in freed.text
