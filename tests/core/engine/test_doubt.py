"""Outcomes in doubt that the random soak found to be settled wrongly, or never; each as small as it can be."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from reelwork.errors import LeaseLost, WorkflowInvalid
from reelwork.ledger import ENDED, Act, Ledger
from reelwork.store.commands import Doubt, Intend, NewJob, Send, SetJob
from reelwork.store.records import JobRow, Lease, RunRow
from reelwork.store.sqlite.store import SqliteStore
from reelwork.store.sqlite.workers import Owner
from reelwork.testing import accepted_then_lost, refused_connection, rejected
from reelwork_hooks import Absent, Found, Idempotency, OutcomeUnknown, Plugin, Receipt, hookimpl

PROMPT = "A lighthouse in the rain at night"


def effect_of(lab: Any, job_id: str) -> Any:
    (effect,) = lab.studio().store.effects_of(job_id)
    return effect


class Passing:
    """Time that is put forward instead of waited for."""

    now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.01)


# --- the same key again: what the later attempt comes to proves nothing about the earlier one -----------------


def test_a_refusal_of_the_second_attempt_does_not_free_the_first_ones_money(lab: Any) -> None:
    lab.remote.idempotency = Idempotency.KEY
    lab.remote.faults = [accepted_then_lost, rejected]
    (job,) = lab.studio().run_sync(PROMPT).jobs
    assert job.status == "held"
    assert "may have been carried out" in job.reason
    effect = effect_of(lab, job.id)
    assert (effect.state, effect.money) == ("unknown", "reserved")
    told = [event.details for event in lab.studio().store.events(job.id) if event.name == "waiting"]
    assert "it is sent again with the same key" in told[0]
    assert not any("looked up" in one for one in told)
    (job,) = lab.studio().resume_sync(job.id).jobs
    assert job.status == "done"
    assert len(lab.remote.creates) == 1


def test_unreachable_for_long_after_a_lost_answer_is_held_with_its_money(
    lab: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("reelwork.ledger.timing.backoff", lambda failures: 0.01)
    lab.remote.idempotency = Idempotency.KEY
    lab.remote.faults = [accepted_then_lost, *[refused_connection] * 20]
    (job,) = lab.studio().run_sync(PROMPT).jobs
    assert job.status == "held"
    assert effect_of(lab, job.id).money == "reserved"
    lab.remote.faults.clear()
    (job,) = lab.studio().resume_sync(job.id).jobs
    assert (job.status, len(lab.remote.creates)) == ("done", 1)


def test_a_person_can_end_the_doubt_about_a_key(lab: Any) -> None:
    lab.remote.idempotency = Idempotency.KEY
    lab.remote.faults = [accepted_then_lost, rejected, rejected]
    lab.remote.accept = lambda request, key: "never"  # type: ignore[method-assign]
    (job,) = lab.studio().run_sync(PROMPT).jobs
    assert job.status == "held"
    job = lab.studio().resolve_sync(job.id, decision="not-happened", attempt=2)
    assert job.status == "rejected"
    assert effect_of(lab, job.id).money == "released"


# --- a thread that is stuck outlives the studio ---------------------------------------------------------------


def test_a_stuck_thread_counts_as_alive_when_its_studio_is_closed(
    lab: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("reelwork.ledger.timing.backoff", lambda failures: 0.01)
    calls: list[str] = []
    release = threading.Event()

    class Slow(Plugin):
        """Blocks in its thread, and posts when it is let go."""

        public = False
        idempotency = Idempotency.LOOKUP
        settle_seconds = 0.0

        @hookimpl
        def publish(self, effect: Any) -> Any:
            calls.append(effect.key)
            release.wait(20)
            return Receipt(id="late")

        @hookimpl
        def find_post(self) -> Any:
            return Absent()

    lab.add_plugin("slow", Slow, "publish")
    lab.workflow["plugin"] = {"slow": {"time_limit": 0.1}}
    with lab.studio() as first:
        (job,) = first.run_sync(PROMPT).jobs
    assert job.status == "held"
    assert "still runs in this process" in job.reason

    async def again() -> None:
        studio = lab.studio()
        going_on = asyncio.create_task(studio.resume(job.id))
        await until(lambda: "still alive" in studio.store.job(job.id).data)
        studio.stop()
        await going_on

    asyncio.run(again())
    release.set()
    assert len(calls) == 1


# --- a sender that wakes after the settle time ----------------------------------------------------------------


class _Late:
    """A request that is sent when its sender wakes, answered to nobody, and listed a while later."""

    def __init__(self, store: SqliteStore, clock: Any) -> None:
        self.store, self.clock = store, clock
        self.awake, self.listed, self.sent = asyncio.Event(), False, 0

    def act(self) -> Act[str]:
        return Act(
            key="k",
            kind="submit",
            subject="there",
            account="there",
            idempotency=Idempotency.LOOKUP,
            settle_seconds=30.0,
            time_limit=60.0,
            call=self._call,
            find=self._find,
            identify=str,
            dump=str,
            load=str,
            what="the request",
        )

    async def _call(self, effect: Any) -> str:
        await self.awake.wait()
        self.sent += 1
        raise OutcomeUnknown("no answer came in time")

    async def _find(self, effect: Any) -> Any:
        return Found(("late",)) if self.listed else Absent()

    async def step(self, owner: Owner, ledger: Ledger) -> Any:
        (row,) = await self.store.claim_jobs(owner.name, 60, 1, None)
        lease = Lease(row.id, row.fence, owner.name)
        outcome = await ledger.perform(lease, self.act(), 0)
        await self.store.apply(lease, [*outcome.commands, SetJob("active", "submit", self.clock.now)])
        return outcome


def test_what_a_woken_sender_sent_is_given_its_time_to_be_listed(tmp_path: Path) -> None:
    clock = Passing()
    store = SqliteStore(tmp_path / "store.db", clock=clock)
    asleep, other = Owner(store.path), Owner(store.path)

    async def scenario() -> None:
        await store.add_run(RunRow("run", None, "w", "{}", 0.0))
        await store.add_jobs("run", [NewJob("job", "job", "submit", "{}")])
        late = _Late(store, clock)
        first = asyncio.create_task(late.step(asleep, Ledger(store, asleep, clock)))
        await until(lambda: bool(store.effects_of("job")))
        clock.now += 61
        ledger = Ledger(store, other, clock)
        await late.step(other, ledger)
        clock.now += 31
        assert "still alive" in (await late.step(other, ledger)).why
        late.awake.set()
        with pytest.raises(LeaseLost):
            await first
        store.note_end("k", asleep.name, ENDED)
        outcome = await late.step(other, ledger)
        assert (outcome.until, store.effects_of("job")[0].state) == (clock.now + 30, "unknown")
        late.listed = True
        clock.now += 31
        assert (await late.step(other, ledger)).result == "late"
        assert late.sent == 1

    asyncio.run(scenario())
    asleep.close()
    other.close()
    store.close()


def test_a_person_is_not_believed_while_the_sender_may_still_act(lab: Any) -> None:
    job_id = with_sibling(lab, "unknown", dies=False)
    with lab.studio() as studio:
        (sibling,) = [row for row in studio.store.jobs() if row.id != job_id]
        with pytest.raises(WorkflowInvalid, match="is still there and may do so"):
            studio.resolve_sync(sibling.id, decision="not-happened")


# --- identical requests ---------------------------------------------------------------------------------------


class _Sibling:
    """An identical request of another job, sent by another process."""

    def __init__(self, lab: Any, like: str) -> None:
        self.store = SqliteStore(lab.folder / "store.db")
        self.owner = Owner(self.store.path)
        self.like = self.store.effects_of(like)[0]

    async def send(self, row: JobRow, state: str) -> None:
        (mine,) = [one for one in await self.store.claim_jobs(self.owner.name, 60, 9, None) if one.id == row.id]
        lease = Lease(mine.id, mine.fence, self.owner.name)
        key, account = f"reelwork-{row.id}-render-1", self.like.account
        sent = [Intend(key, "submit", "fake", account, self.like.fingerprint), Send(key, account)]
        await self.store.apply(lease, sent)
        if state == "unknown":
            await self.store.apply(lease, [Doubt(key, "lost", self._past(), self.owner.name)])
        await self.store.apply(lease, [SetJob("cancelled", "submit", None, "cancelled by a person")])

    def _past(self) -> float:
        return self.like.created_at - 1_000

    def close(self, *, dies: bool) -> None:
        self.owner.close() if dies else self.owner.keep()
        self.store.close()


def with_sibling(lab: Any, state: str, *, dies: bool) -> str:
    """A job in doubt, accepted, beside an identical one that is cancelled; returns the job's id."""
    lab.remote.settle_seconds = 0.0
    lab.remote.listing = "unsure"
    lab.remote.faults = [accepted_then_lost]
    (job,) = lab.studio().run_sync(PROMPT).jobs
    assert job.status == "held"
    lab.remote.listing = "complete"
    studio = lab.studio()
    (other,) = [row for row in _added(lab, studio, job.id) if row.id != job.id]
    sibling = _Sibling(lab, job.id)
    asyncio.run(sibling.send(other, state))
    sibling.close(dies=dies)
    return str(job.id)


def _added(lab: Any, studio: Any, like: str) -> list[JobRow]:
    row = studio.store.job(like)
    new = NewJob("sibling" + "0" * 9, "sibling", "submit", row.data)
    return [*asyncio.run(studio.store.add_jobs(row.run_id, [new])), row]


@pytest.mark.parametrize("state", ["sent", "unknown"])
def test_a_dead_sender_of_an_identical_request_is_not_waited_for(lab: Any, state: str) -> None:
    job_id = with_sibling(lab, state, dies=True)
    (job,) = lab.studio().resume_sync(job_id).jobs
    assert (job.status, job.remote_id) == ("done", "fake_1")


@pytest.mark.parametrize("state", ["sent", "unknown"])
def test_a_living_sender_of_an_identical_request_is_waited_for(lab: Any, state: str) -> None:
    job_id = with_sibling(lab, state, dies=False)

    async def resumed() -> str:
        studio = lab.studio()
        going_on = asyncio.create_task(studio.resume(job_id))
        await until(lambda: "identical request" in studio.store.job(job_id).reason)
        studio.stop()
        await going_on
        return str(effect_of(lab, job_id).state)

    assert asyncio.run(resumed()) == "unknown"
