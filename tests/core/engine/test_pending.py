"""Hooks that wait for another side: a row that is due later, which holds no slot and survives its process."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from reelwork.engine.timing import LONGEST_PENDING
from reelwork.store.records import ACTIVE
from reelwork.testing import fake_provider, sample_request
from reelwork_hooks import (
    Clip,
    InvalidInput,
    Pending,
    Plugin,
    Provider,
    Receipt,
    Rejected,
    RenderRequest,
    Verdict,
    hookimpl,
)

JOBS = 30
STEPS = ("prepare", "post_download", "prepare_publish")
STANDS = {
    "prepare": "Nothing was sent or paid for. `reelwork resume` waits again.",
    "post_download": "The download is kept. `reelwork resume` waits again.",
    "prepare_publish": "Nothing was posted there.",
}
"""What a person reads of money and posts once it has taken too long."""


class Elsewhere:
    """The other side: it takes some calls to finish what was begun, and says what it was asked."""

    def __init__(self, calls: int = 3) -> None:
        self.calls = calls
        self.begun = 0
        self.asked: list[Any] = []
        self.looked_at = 0
        self.got: Any = None
        self.raises: list[Exception] = []
        """What is raised once it has begun, the last first."""
        self.answer: Callable[[int], Pending] = lambda seen: Pending(
            after=30, state={"id": "upload-1", "seen": seen}, percent=100 * seen / self.calls
        )

    def ask(self, pending: Pending | None) -> Pending | None:
        self.asked.append(pending)
        if self.raises and pending is not None:
            raise self.raises.pop()
        if pending is None:
            self.begun += 1
        state: Any = {"seen": 0} if pending is None else pending.state
        seen: int = state["seen"] + 1
        return self.answer(seen) if seen < self.calls else None


def plugins(lab: Any, other: Elsewhere, step: str) -> None:
    """Give the workflow a plugin, or a provider, that waits in this step."""

    class Moderator(Plugin):
        """Counts the posts it is shown."""

        @hookimpl
        def pre_moderate(self, content: Any) -> Verdict:
            other.looked_at += content.stage == "post"
            return Verdict.allow()

    class Wall(Plugin):
        """Posts, and may have to wait before."""

        public = False

        @hookimpl
        def prepare_publish(self, job: Any) -> Any:
            return "ready" if step != "prepare_publish" else other.ask(job.pending) or "ready"

        @hookimpl
        def publish(self, effect: Any) -> Receipt:
            other.got = effect.prepared
            return Receipt(id="post_1")

    class Slow(Plugin):
        """Finishes a video elsewhere."""

        @hookimpl
        def post_download(self, clip: Clip, job: Any) -> Clip | Pending | None:
            return other.ask(job.pending)

    lab.add_plugin("moderator", Moderator, "pre_moderate")
    lab.add_plugin("wall", Wall, "publish")
    if step == "post_download":
        lab.add_plugin("slow", Slow, "post_download")
    if step == "prepare":
        lab.catalog.add("slow-provider", providing(lab.remote, other))
        lab.workflow["provider"]["use"] = "slow-fake"


def providing(remote: Any, other: Elsewhere) -> type:
    class Slow(fake_provider(remote)):  # type: ignore[misc]
        """Prepares a request for a while."""

        async def prepare(self, request: RenderRequest) -> Any:
            return other.ask(request.pending) or "uploaded"

    class Bringing:
        """Brings the slow provider."""

        @staticmethod
        @hookimpl
        def register_providers() -> dict[str, type[Provider]]:
            return {"slow-fake": Slow}

    return Bringing


@pytest.mark.parametrize("step", STEPS)
def test_each_call_gets_its_last_answer_back_and_waits_as_long_as_it_asked(
    shop: Any, remote: Any, step: str
) -> None:
    other = Elsewhere()
    plugins(shop.lab, other, step)

    async def scenario() -> None:
        async with shop.process() as (store, session, worker):
            (id_,) = await shop.add(store, session, "A lighthouse at night")
            began = shop.clock.now
            await worker.advance(id_)
            while not other.asked:
                shop.clock.now = max(shop.clock.now, await store.next_due(None)) + 0.001
                await worker.advance(id_)
            row = store.job(id_)
            assert "is still working on it (33 %)" in row.reason
            assert await store.next_due(None) == pytest.approx(shop.clock.now + 30, abs=0.01)
            assert [event.name for event in store.events(id_)].count("waiting") == 1
            # Not asked before its time, however often the job is looked at.
            await worker.advance(id_)
            assert len(other.asked) == 1
        # Another process goes on where this one stopped.
        async with shop.process() as (store, _, worker):
            await shop.advance(store, worker, id_)
            assert shop.clock.now - began >= 60
            assert [event.name for event in store.events(id_)].count("waiting") == 1

    asyncio.run(scenario())
    assert [asked and asked.state for asked in other.asked] == [
        None,
        {"id": "upload-1", "seen": 1},
        {"id": "upload-1", "seen": 2},
    ]
    assert (other.begun, other.looked_at, len(remote.creates)) == (1, 1, 1)
    assert other.got == "ready"


@pytest.mark.parametrize("step", STEPS)
def test_what_is_never_ready_stops_and_goes_on_when_it_is_resumed(shop: Any, remote: Any, step: str) -> None:
    other = Elsewhere(calls=10_000)
    other.answer = lambda seen: Pending(after=LONGEST_PENDING / 4, state={"seen": seen})
    plugins(shop.lab, other, step)

    async def scenario() -> None:
        async with shop.process() as (store, session, worker):
            (id_,) = await shop.add(store, session, "A lighthouse at night")
            for _ in range(40):
                await worker.advance(id_)
                due = await store.next_due(None)
                if due is None:
                    break
                shop.clock.now = max(shop.clock.now, due) + 0.001
            row = store.job(id_)
            assert row.status == "failed"
            assert "was not ready after 24 hours. " + STANDS[step] in row.reason
            assert other.begun == 1

    asyncio.run(scenario())
    other.calls = 0
    (job,) = shop.lab.studio().resume_sync("run").jobs
    assert job.status == "done", job.reason
    assert (other.begun, len(remote.creates)) == (1, 1)


@pytest.mark.parametrize("step", STEPS)
def test_what_was_begun_stays_whatever_is_raised(shop: Any, remote: Any, step: str) -> None:
    other = Elsewhere(calls=2)
    other.answer = lambda seen: Pending(after=1, state={"id": "upload-1", "seen": seen})
    other.raises = [InvalidInput("not today")]
    plugins(shop.lab, other, step)
    (job,) = shop.lab.studio().run_sync("A lighthouse at night").jobs
    assert (job.status, len(other.asked)) == ("failed", 2), job.reason
    (job,) = shop.lab.studio().resume_sync(job.run).jobs
    assert job.status == "done", job.reason
    state = {"id": "upload-1", "seen": 1}
    assert [asked and asked.state for asked in other.asked] == [None, state, state]
    assert (other.begun, len(remote.creates)) == (1, 1)


@pytest.mark.parametrize("step", ["prepare", "prepare_publish"])
def test_a_refusal_ends_what_was_begun(lab: Any, remote: Any, step: str) -> None:
    other = Elsewhere(calls=2)
    other.answer = lambda seen: Pending(after=1, state={"id": "upload-1", "seen": seen})
    other.raises = [Rejected("it is too long")]
    plugins(lab, other, step)
    (job,) = lab.studio().run_sync("A lighthouse at night").jobs
    assert job.status == "rejected", job.reason
    (job,) = lab.studio().retry_sync(job.id).jobs
    assert job.status == "done", job.reason
    state = {"id": "upload-1", "seen": 1}
    assert [asked and asked.state for asked in other.asked] == [None, state, None, state]
    assert (other.begun, len(remote.creates)) == (2, 1)


def test_jobs_that_wait_hold_no_slot(shop: Any) -> None:
    """With one slot, a job that waited in it would keep all others from beginning."""
    other = Elsewhere(calls=2)
    other.answer = lambda seen: Pending(after=3600, state={"seen": seen})
    plugins(shop.lab, other, "prepare_publish")

    async def scenario() -> None:
        async with shop.process() as (store, session, _):
            await shop.add(store, session, *(f"A lighthouse at night, {number}" for number in range(JOBS)))
            engine = session.engine(None, ["run"])
            engine.slots = 1

            async def all_wait() -> bool:
                # The renders fall due as soon as the clock moves; what waits does not within these seconds.
                shop.clock.now += 0.05
                return len(other.asked) >= JOBS

            await engine.drive(all_wait)
            assert store.counts() == {ACTIVE: JOBS}

    asyncio.run(scenario())
    assert other.asked == [None] * JOBS


def test_a_state_that_cannot_be_stored_is_the_plugins_fault(lab: Any) -> None:
    other = Elsewhere()
    other.answer = lambda seen: Pending(after=1, state={"half": "\ud83d"})
    plugins(lab, other, "prepare_publish")
    (job,) = lab.studio().run_sync("A lighthouse at night").jobs
    assert job.status == "failed"
    assert "'wall'" in job.reason
    assert "cannot be kept as JSON" in job.reason


@pytest.mark.parametrize("after", [-1.0, float("inf"), float("nan")])
def test_a_wait_that_is_no_time_is_refused_where_it_is_made(after: float) -> None:
    with pytest.raises(ValueError, match="after"):
        Pending(after=after)


def test_a_request_that_waited_is_the_same_request() -> None:
    request = sample_request()
    assert request.replace(pending=Pending(after=1)).model_dump() == request.model_dump()
