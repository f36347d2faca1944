"""Outcomes in doubt that the random soak found to be settled wrongly, or never; each as small as it can be."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Any

import pytest

from reelwork.owner import Owner
from reelwork.store.rows import Doubt, Intend, JobRow, Lease, Send, SetJob
from reelwork.store.sqlite import SqliteStore
from reelwork.testing import accepted_then_lost, refused_connection, rejected
from reelwork_hooks import Absent, Idempotency, Plugin, Receipt, hookimpl

PROMPT = "A lighthouse in the rain at night"


def effect_of(lab: Any, job_id: str) -> Any:
    (effect,) = lab.studio().store.effects_of(job_id)
    return effect


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
    (job,) = lab.studio().resume_sync(job.id).jobs
    assert job.status == "done"
    assert len(lab.remote.creates) == 1


def test_unreachable_for_long_after_a_lost_answer_is_held_with_its_money(
    lab: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("reelwork.ledger.backoff", lambda failures: 0.01)
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
    job = lab.studio().resolve_sync(job.id, decision="not-happened")
    assert job.status == "rejected"
    assert effect_of(lab, job.id).money == "released"


# --- a thread that is stuck outlives the studio ---------------------------------------------------------------


def test_a_stuck_thread_counts_as_alive_when_its_studio_is_closed(
    lab: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("reelwork.ledger.backoff", lambda failures: 0.01)
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
    from reelwork.store.rows import NewJob

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
