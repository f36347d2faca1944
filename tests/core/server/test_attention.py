"""The first page and the notices about what a person must do: schedules, accounts and failures."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from tests.core.server.test_pages import Dashboard

from reelwork.credentials.accounts import Accounts
from reelwork.credentials.ended import ended_accounts
from reelwork.schedules import keeping
from reelwork.schedules.not_fired import not_fired, refused_last
from reelwork.schedules.spec import Spec, found_in
from reelwork.server.notices import Notices
from reelwork.server.recipients import Recipient
from reelwork.store.causes import GATHERING_SECONDS, NOTICE_SECONDS
from reelwork.store.commands import NewJob, SetJob, Tell
from reelwork.store.records import PAID_AGAIN, Lease, RunRow
from reelwork.store.schedules import Decided, SlotRow, SlotState
from reelwork.store.sqlite.store import SqliteStore
from reelwork_hooks import Credentials

NOW = datetime(2027, 3, 15, tzinfo=UTC).timestamp()
DAY = 86_400.0
USED = "All 8 rows of ideas.csv were used. Add rows to /studio/ideas.csv."
SHORT = "The budget per_month of bolt = $6.00 has ${} in it, $0.00 is left: too little."


class Studio:
    """A store at a time that is moved by hand, with its dashboard."""

    def __init__(self, folder: Path) -> None:
        self.now = NOW
        self.store = SqliteStore(folder / "store.db", clock=lambda: self.now)
        self.accounts = Accounts(folder / "accounts.json")
        self.dashboard = Dashboard(self.store)
        self.told: list[str] = []

    def schedule(self, name: str) -> None:
        spec = Spec(file="/studio/flow.toml", cron="0 9 * * *", tz="UTC")
        asyncio.run(keeping.add(self.store, name, spec, self.now - 7 * DAY))

    def slot(self, name: str, days_ago: float, state: SlotState, reason: str = "") -> None:
        at = self.now - days_ago * DAY
        row = found_in(self.store.schedules(), name).row
        slot = SlotRow(name, f"{datetime.fromtimestamp(at, UTC):%Y-%m-%dT%H:%M}", at, state, reason, at)
        asyncio.run(self.store.settle(Decided(name, row.version, row.decided_until, row.decided_until, (slot,))))

    def job(self, name: str, status: str, reason: str, step: str = "submit", **data: str) -> None:
        told = json.dumps({"brief": {"prompt": "fog"}, "provider": "preview", **data})

        async def add() -> None:
            await self.store.add_run(RunRow("run", "run", "flow", "{}", 0.0))
            await self.store.add_jobs("run", [NewJob(name, name, step, told)])
            row = await self.store.hold(name, "worker", 60)
            assert row is not None
            await self.store.apply(Lease(name, row.fence, "worker"), [SetJob(status, step, None, reason)])

        asyncio.run(add())

    def page(self, path: str = "/") -> str:
        return " ".join(self.dashboard.page(path).split())

    def look(self, after: float) -> None:
        """Let time pass, and a server look at what needs people."""
        self.now += after

        def send(title: str, text: str) -> bool:
            self.told.append(title)
            return True

        people = [Recipient(send)]
        asyncio.run(Notices(self.store, people, "http://x", accounts=self.accounts, clock=lambda: self.now).look())


@pytest.fixture
def studio(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Studio]:
    monkeypatch.setenv("REELWORK_ACCOUNTS", str(tmp_path / "accounts.json"))
    made = Studio(tmp_path)
    made.dashboard.now = lambda: made.now
    yield made
    made.store.close()


def test_schedules_that_were_refused_need_a_person_until_they_fire(studio: Studio) -> None:
    for name in ("teasers", "daily", "slots"):
        studio.schedule(name)
        studio.slot(name, 6, SlotState.FIRED)
    studio.slot("teasers", 2, SlotState.REFUSED, USED)
    studio.slot("daily", 3, SlotState.REFUSED, SHORT.format("5.90"))
    studio.slot("daily", 1, SlotState.REFUSED, SHORT.format("6.00"))
    studio.slot("slots", 1, SlotState.REFUSED, SHORT.format("6.00"))
    text = studio.page()
    assert "2 things need you" in text
    assert USED in text
    # One reason is one card, whatever the amounts.
    assert "Schedules daily, slots" in text
    assert "3 times, last Sun 2027-03-14 00:00 UTC" in text
    asyncio.run(keeping.pause(studio.store, "teasers", studio.now, until=None, note="new ideas first"))
    for name in ("daily", "slots"):
        studio.slot(name, 0, SlotState.FIRED)
    text = studio.page()
    assert "Nothing needs you" in text
    assert ("Paused" in text, "new ideas first" in text) == (True, True)
    assert "Not fired in the last 7 days" in text


def test_only_the_last_times_count_as_refused(studio: Studio) -> None:
    studio.schedule("daily")
    schedule = found_in(studio.store.schedules(), "daily")
    assert refused_last(studio.store, schedule, NOW) is None
    for days_ago, state in ((9, "refused"), (4, "fired"), (3, "refused"), (2, "missed"), (1, "paused")):
        studio.slot("daily", days_ago, SlotState(state))
    assert refused_last(studio.store, schedule, NOW) is None
    told = {str(one.newest.state): one.count for one in not_fired(studio.store, schedule, NOW - 7 * DAY)}
    assert told == {"missed": 1, "refused": 1}


def test_an_account_is_signed_out_only_where_nothing_renews_its_token(studio: Studio) -> None:
    ended, ahead = (datetime.fromtimestamp(NOW + after, UTC) for after in (-DAY, 8 * DAY))
    for name, secret, at in (
        ("shop", {"access_token": "a"}, ended),
        ("renewed", {"access_token": "b", "refresh_token": "c"}, ended),
        ("signed-in", {"access_token": "d"}, ahead),
    ):
        studio.accounts.add(name, "youtube", Credentials({}, secret, expires_at=at))
    own = Credentials({}, {"access_token": "e"}, expires_at=ended, refresh_from=ended - timedelta(days=7))
    studio.accounts.add("own", "threads", own)
    [one] = ended_accounts(studio.accounts, NOW)
    assert (one.name, one.command) == ("shop", "reelwork accounts add youtube --name shop --replace")
    text = studio.page()
    assert ("1 thing needs you" in text, "Account shop" in text, one.command in text) == (True, True, True)
    assert "renewed automatically" in studio.page("/accounts")
    studio.look(0)
    studio.look(GATHERING_SECONDS)
    assert studio.told == ["Reelwork: The token of shop has ended"]


def test_a_token_that_ends_soon_is_told_before_and_again_when_it_has_ended(studio: Studio) -> None:
    at = datetime.fromtimestamp(NOW + 3 * DAY, UTC)
    studio.accounts.add("shop", "youtube", Credentials({}, {"access_token": "a"}, expires_at=at))
    command = "reelwork accounts add youtube --name shop --replace"
    for path, told in (("/", "Its token ends in 3 d"), ("/accounts", "ends in 3 d")):
        text = studio.page(path)
        assert (told in text, command in text) == (True, True)
    assert "1 thing needs you" in studio.page()
    soon, ended = f"Reelwork: The token of shop ends on {at.date()}", "Reelwork: The token of shop has ended"
    studio.look(0)
    studio.look(GATHERING_SECONDS)
    assert studio.told == [soon]
    studio.look(4 * DAY)
    studio.look(GATHERING_SECONDS)
    assert studio.told == [soon, ended]
    later = datetime.fromtimestamp(NOW + 90 * DAY, UTC)
    studio.accounts.add("shop", "youtube", Credentials({}, {"access_token": "b"}, expires_at=later), replace=True)
    studio.look(GATHERING_SECONDS)
    assert studio.told[2:] == ["Reelwork: Mended"] * 2
    assert "Nothing needs you" in studio.page()


def test_failures_need_a_person_and_are_resumed_together(studio: Studio) -> None:
    for number in range(3):
        studio.job(f"job-{number}0000000", "failed", f"try {number} was refused")
    studio.job("job-paid0000", "failed", "try 4 was refused", step=PAID_AGAIN)
    assert "4 things need you" in studio.page()
    # Signing in goes by the real clock.
    studio.now = time.time()
    studio.dashboard.sign_in("approve")
    text = studio.page()
    assert "Resume all 3" in text
    fields = dict(zip(("cause", "until"), text.partition("/failures/resume")[2].split('value="')[1:3], strict=True))
    cause, until = (value.partition('"')[0] for value in fields.values())
    assert studio.dashboard.press("/failures/resume", cause=cause, until="1.0").status_code == 422
    assert studio.dashboard.press("/failures/resume", cause="x", until=until).status_code == 422
    assert studio.dashboard.press("/failures/resume", cause=cause, until=until).status_code == 303
    # A new render is a payment: that one has a button of its own, which says so.
    assert {row.id: row.status for row in studio.store.jobs()} == {
        **{f"job-{number}0000000": "active" for number in range(3)}, "job-paid0000": "failed",
    }  # fmt: skip


def test_a_review_says_when_its_post_is_meant(studio: Studio) -> None:
    studio.job("job-10000000", "held", "waits for a review", post_at="2027-03-15T18:00+00:00")
    text = studio.page()
    assert ("Posts in 18 h" in text, "Posts: <time" in studio.page("/jobs/job-10000000")) == (True, True)
    studio.now += DAY
    assert "It was to be posted 6 h ago" in studio.page()
    assert "that time is over" in studio.page("/jobs/job-10000000")


def test_the_story_of_several_days_has_their_dates(studio: Studio) -> None:
    studio.job("job-10000000", "held", "waits for a review", hold="review")
    told = SetJob("held", "publish", None, reason="waits for a review", data="{}")

    def tell(name: str) -> str:
        row = studio.store.job("job-10000000")
        assert row is not None
        asyncio.run(
            studio.store.decide(row.id, SetJob(told.status, told.step, None, row.reason, row.data), Tell(name))
        )
        return studio.page("/jobs/job-10000000")

    assert ">00:00:00<" in tell("review-asked")
    studio.now += 2 * DAY
    text = tell("review-reminder")
    assert (">03-15 00:00:00<" in text, ">03-17 00:00:00<" in text) == (True, True)


def test_the_page_of_a_schedule_names_its_zone_once_and_no_row_by_its_hash(studio: Studio) -> None:
    studio.schedule("daily")
    row = found_in(studio.store.schedules(), "daily").row
    rows = ("row:1b2936fa5de842ae:1", "harbour")
    slots = [
        SlotRow("daily", f"k{at}", studio.now - at * DAY, SlotState.FIRED, "", studio.now, row=known)
        for at, known in enumerate(rows, 1)
    ]
    asyncio.run(
        studio.store.settle(Decided("daily", row.version, row.decided_until, row.decided_until, tuple(slots)))
    )
    text = studio.page("/schedules/daily")
    assert "<p>0 9 * * * UTC</p>" in text
    assert ("row harbour" in text, "1b2936fa" in text) == (True, False)


def test_a_post_that_is_late_is_posted_now_by_a_button_that_says_so(studio: Studio) -> None:
    reason = "ready 3.3 days after its time; nothing was posted"
    verdict = {"decision": "hold", "plugin": "reelwork", "reason": reason, "stage": "post", "content": "abc"}
    studio.job("job-10000000", "held", "youtube: late", hold="late", post_at="2027-03-10T18:00+00:00")
    row = studio.store.job("job-10000000")
    assert row is not None
    again = SetJob("held", "publish", None, reason=row.reason, data=row.data)
    asyncio.run(studio.store.decide(row.id, again, Tell("verdict", verdict)))
    # Signing in goes by the real clock.
    studio.now = time.time()
    studio.dashboard.sign_in("approve")
    assert "Post it now</button>" in studio.page("/jobs/job-10000000")


def test_what_failed_long_ago_is_told_as_mended_only_when_it_is(studio: Studio) -> None:
    studio.job("job-10000000", "failed", "the disk is full")
    studio.look(0)
    studio.look(GATHERING_SECONDS)
    studio.look(2 * DAY)
    studio.look(2 * DAY)
    assert studio.told == ["Reelwork: 1 job failed"]
    asyncio.run(studio.store.wake(["job-10000000"], ("failed",)))
    studio.look(1)
    assert studio.told == ["Reelwork: 1 job failed", "Reelwork: Mended"]


def test_a_firing_that_was_refused_as_foreseen_has_mended_nothing(studio: Studio) -> None:
    studio.schedule("daily")
    at = studio.now + DAY
    reason = "will not fire: the budget per_month = $6.00 will have $6.00 in it"
    key = f"{datetime.fromtimestamp(at, UTC):%Y-%m-%dT%H:%M}"
    ahead = SlotRow("daily", key, at, SlotState.FORESEEN, reason, NOW)
    assert asyncio.run(studio.store.foresee("daily", ahead))
    studio.look(0)
    studio.look(GATHERING_SECONDS)
    assert studio.told == [f"Reelwork: Schedule daily will not fire at {key}"]
    studio.now = at
    studio.slot("daily", 0, SlotState.REFUSED, SHORT.format("6.00"))
    for _ in range(3):
        studio.look(NOTICE_SECONDS)
    assert len(studio.told) == 1
    studio.slot("daily", 0, SlotState.FIRED)
    studio.look(1)
    assert studio.told[1:] == ["Reelwork: Mended"]
