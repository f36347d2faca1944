"""What every store must do with webhooks that came in: each is heard once, and only makes a poll due."""

from __future__ import annotations

import asyncio
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.contract.conftest import Clock

from reelwork.store import webhooks
from reelwork.store.commands import AddRender, Doubt, Intend, NewJob, RenderUpdate, Send, SetJob, StillWaiting
from reelwork.store.notes import MOST_NAMED, named_in
from reelwork.store.records import ACTIVE, Lease, RunRow
from reelwork.store.webhooks import Heard, Received, job_of_token, render_token

LATE = 600.0
"""Seconds after which a render is polled without webhooks."""


async def job(store: Any, name: str = "job") -> Lease:
    """A job that asks for a render."""
    await store.add_run(RunRow("run", "run", "flow", "{}", 0.0))
    await store.add_jobs("run", [NewJob(name, f"key-{name}", "submit", "{}")])
    [row] = await store.claim_jobs("worker", 60, 1, None)
    return Lease(row.id, row.fence, "worker")


async def waiting(store: Any, clock: Clock, remote_id: str = "v1", lease: Lease | None = None) -> str:
    """A render that was accepted, under the id `render-REMOTE`."""
    lease = lease or await job(store)
    render = AddRender(
        f"render-{remote_id}", "fake", "account", remote_id, "{}", "{}", clock.now + LATE, clock.now + 7200
    )
    await store.apply(lease, [render, SetJob(ACTIVE, "render", None, render_id=render.id)])
    return render.id


def hint(*remote_ids: str, id_: str = "", job_id: str = "") -> Received:
    return Received("fake", id_, remote_ids, job_id)


async def due(store: Any, owner: str = "poller") -> list[str]:
    return [row.id for row in await store.claim_renders(owner, 60, 10, None)]


def test_a_webhook_makes_its_render_due_for_every_process_and_changes_nothing_else(
    open_store: Any, clock: Clock
) -> None:
    async def scenario() -> None:
        one, other = open_store(), open_store()
        render = await waiting(one, clock)
        before = await one.render(render)
        assert await due(other) == []
        assert await one.hear(hint("v1", id_="m1")) == Heard.KNOWN
        after = await other.render(render)
        assert after.due_at == clock.now
        assert (after.state, after.details, after.ended_at) == (before.state, before.details, before.ended_at)
        assert await due(other) == [render]

    asyncio.run(scenario())


def test_one_that_came_before_is_not_heard_again(open_store: Any, clock: Clock) -> None:
    async def scenario() -> None:
        one, other = open_store(), open_store()
        render = await waiting(one, clock)
        assert await one.hear(hint("v1", id_="m1")) == Heard.KNOWN
        [row] = await one.claim_renders("poller", 60, 10, None)
        await one.update_renders("poller", (), [StillWaiting(clock.now + LATE, ((render, row.fence),))])
        clock.now += 60
        assert await other.hear(hint("v1", id_="m1")) == Heard.AGAIN
        assert await due(other) == []
        # Another sender may use the same words for its webhooks.
        assert await other.hear(Received("second", "m1", ("v1",))) == Heard.KNOWN
        assert await due(other) == [render]

    asyncio.run(scenario())


def test_one_that_is_faster_than_the_answer_to_its_request_is_not_lost(open_store: Any, clock: Clock) -> None:
    async def scenario() -> None:
        store = open_store()
        assert await store.hear(hint("v1", id_="m1")) == Heard.EARLY
        clock.now += webhooks.HINT_SECONDS - 1
        render = await waiting(store, clock)
        assert await due(store) == [render]
        # It is used once.
        assert await waiting(store, clock, "v2", await job(store, "second")) not in await due(store)

    asyncio.run(scenario())


def test_one_by_a_token_is_kept_for_the_job_until_it_has_its_render(open_store: Any, clock: Clock) -> None:
    async def scenario() -> None:
        store = open_store()
        lease = await job(store)
        assert await store.hear(hint(job_id="job")) == Heard.EARLY
        render = await waiting(store, clock, "v1", lease)
        assert await due(store) == [render]
        [row] = [await store.render(render)]
        await store.update_renders("poller", (), [StillWaiting(clock.now + LATE, ((render, row.fence),))])
        clock.now += webhooks.EXTRA_POLL_SECONDS
        assert await store.hear(hint(job_id="job")) == Heard.KNOWN
        assert await due(store) == [render]

    asyncio.run(scenario())


def test_a_hint_is_forgotten_after_a_while(open_store: Any, clock: Clock) -> None:
    async def scenario() -> None:
        store = open_store()
        await store.hear(hint("v1"))
        clock.now += webhooks.HINT_SECONDS
        await waiting(store, clock)
        assert await due(store) == []

    asyncio.run(scenario())


def test_one_that_comes_during_a_poll_asks_for_another_after_it(open_store: Any, clock: Clock) -> None:
    async def scenario() -> None:
        store = open_store()
        render = await waiting(store, clock)
        clock.now += LATE
        [row] = await store.claim_renders("poller", 60, 10, None)
        # The answer to this poll may have left the provider before the video was done.
        assert await store.hear(hint("v1", id_="m1")) == Heard.KNOWN
        assert await due(store, "another") == []
        await store.update_renders("poller", (), [StillWaiting(clock.now + LATE, ((render, row.fence),))])
        assert await due(store) == [render]

    asyncio.run(scenario())


def test_a_render_that_has_ended_stays_ended(open_store: Any, clock: Clock) -> None:
    async def scenario() -> None:
        store = open_store()
        render = await waiting(store, clock)
        clock.now += LATE
        [row] = await store.claim_renders("poller", 60, 10, None)
        assert await store.hear(hint("v1", id_="m1")) == Heard.KNOWN
        await store.update_renders("poller", [RenderUpdate(render, row.fence, None, "completed")])
        ended = await store.render(render)
        assert await store.hear(hint("v1", id_="m2")) == Heard.KNOWN
        assert await store.render(render) == ended
        assert (ended.state, ended.due_at) == ("completed", None)
        assert await due(store) == []

    asyncio.run(scenario())


def test_many_webhooks_make_no_more_than_one_poll_in_a_while(open_store: Any, clock: Clock) -> None:
    async def scenario() -> None:
        store = open_store()
        render = await waiting(store, clock)
        polls, begun = 0, clock.now
        for second in range(60):
            clock.now = begun + second
            await store.hear(hint("v1", id_=f"m{second}"))
            for row in await store.claim_renders("poller", 60, 10, None):
                polls += 1
                await store.update_renders("poller", (), [StillWaiting(clock.now + LATE, ((render, row.fence),))])
        assert polls == 60 / webhooks.EXTRA_POLL_SECONDS

    asyncio.run(scenario())


def test_a_webhook_puts_no_poll_off(open_store: Any, clock: Clock) -> None:
    async def scenario() -> None:
        store = open_store()
        render = await waiting(store, clock)
        await store.hear(hint("v1", id_="m1"))
        [row] = await store.claim_renders("poller", 60, 10, None)
        await store.update_renders("poller", (), [StillWaiting(clock.now + 2, ((render, row.fence),))])
        await store.hear(hint("v1", id_="m2"))
        assert (await store.render(render)).due_at == clock.now + 2

    asyncio.run(scenario())


def test_a_clock_that_was_set_back_puts_no_poll_off(open_store: Any, clock: Clock) -> None:
    async def scenario() -> None:
        store = open_store()
        render = await waiting(store, clock)
        await store.hear(hint("v1", id_="m1"))
        [row] = await store.claim_renders("poller", 60, 10, None)
        await store.update_renders("poller", (), [StillWaiting(clock.now + LATE, ((render, row.fence),))])
        clock.now -= 3600
        await store.hear(hint("v1", id_="m2"))
        assert await due(store) == [render]

    asyncio.run(scenario())


def test_only_what_makes_a_poll_due_wakes_those_who_drive(open_store: Any, clock: Clock) -> None:
    async def scenario() -> None:
        store = open_store()
        woken: list[str] = []
        await waiting(store, clock)
        store.on_work(lambda: woken.append("work"))
        await store.hear(hint("somebody else's", id_="m1"))
        assert woken == []
        await store.hear(hint("v1", id_="m2"))
        assert woken == ["work"]
        await store.hear(hint("v1", id_="m2"))
        [_] = await store.claim_renders("poller", 60, 10, None)
        await store.hear(hint("v1", id_="m3"))
        assert woken == ["work"]

    asyncio.run(scenario())


def test_what_is_kept_is_bounded(open_store: Any, clock: Clock, monkeypatch: Any) -> None:
    import reelwork.store.sqlite.webhooks as of_sqlite

    monkeypatch.setattr(of_sqlite, "MOST_SEEN", 10)
    monkeypatch.setattr(of_sqlite, "MOST_HINTS", 3)

    async def scenario() -> None:
        store = open_store()
        for at in range(40):
            clock.now += 1
            assert await store.hear(hint(f"early-{at}", id_=f"m{at}")) == Heard.EARLY
        assert await store.hear(hint("v1", id_="m39")) == Heard.AGAIN
        assert await store.hear(hint("v1", id_="m0")) == Heard.EARLY
        for at, kept in (("early-0", False), ("early-39", True)):
            render = await waiting(store, clock, at, await job(store, f"job-{at}"))
            assert (render in await due(store)) is kept
        clock.now += webhooks.SEEN_SECONDS + 1
        assert await store.hear(hint("v1", id_="m39")) == Heard.EARLY

    asyncio.run(scenario())


@given(salt=st.text(min_size=1), job_id=st.text(min_size=1), changed=st.text())
def test_a_token_names_its_job_and_nothing_else_does(salt: str, job_id: str, changed: str) -> None:
    token = render_token(salt, job_id)
    assert job_of_token(salt, token) == job_id
    assert job_of_token(f"{salt}.", token) is None
    assert changed == token or job_of_token(salt, changed) is None
    assert job_of_token(salt, f"x{token}") is None


def test_ids_that_come_with_a_jobs_token_are_kept_for_its_request_in_doubt(open_store: Any, clock: Clock) -> None:
    async def scenario() -> None:
        one, other = open_store(), open_store()
        lease = await job(one)
        intend = Intend("key", "submit", "fake", "account", "", "null")
        await one.apply(lease, [intend, Send("key", "account")])
        await other.hear(hint("v1", job_id="job"))
        await other.hear(hint("v1", "v2", job_id="job"))
        # Not about this job, and of no job at all.
        await other.hear(hint("v3", job_id="elsewhere"))
        await other.hear(hint("v4"))
        assert named_in((await one.effect("key")).evidence) == ("v1", "v2")
        for at in range(2 * MOST_NAMED):
            await other.hear(hint(f"w{at}", job_id="job"))
        assert len(named_in((await one.effect("key")).evidence)) == MOST_NAMED
        # While it is worked on, nothing else changes; then it is judged at once.
        later = clock.now + LATE
        await one.apply(lease, [Doubt("key", "lost", later), SetJob(ACTIVE, "submit", later)])
        assert await one.claim_jobs("worker", 60, 1, None) == []
        await other.hear(hint("v9", job_id="job"))
        [row] = await one.claim_jobs("worker", 60, 1, None)
        assert (row.id, (await one.effect("key")).state) == ("job", "unknown")

    asyncio.run(scenario())


@settings(max_examples=40, deadline=None)
@given(
    at=st.floats(1.7e9, 1.9e9),
    hints=st.lists(st.tuples(st.integers(0, 29), st.floats(0, 0.2)), min_size=1, max_size=100),
)
def test_of_many_renders_some_are_polled_at_once_and_the_others_together_soon(
    new_store: Any, at: float, hints: list[tuple[int, float]]
) -> None:
    async def scenario() -> None:
        store, clock = new_store()
        clock.now = at
        for number in range(30):
            await waiting(store, clock, f"v{number}", await job(store, f"job{number}"))
        asked: dict[str, float] = {}
        for number, pause in hints:
            clock.now += pause
            await store.hear(hint(f"v{number}"))
            asked.setdefault(f"render-v{number}", clock.now)
        due = {id_: (await store.render(id_)).due_at for id_ in asked}
        later = {id_: due[id_] - asked[id_] for id_ in asked if due[id_] > asked[id_]}
        # In the order in which they were named, none is passed over: the first of them are those polled at once.
        assert set(list(asked)[: webhooks.MOST_AT_ONCE]).isdisjoint(later)
        assert all(0 < seconds <= webhooks.TOGETHER_SECONDS for seconds in later.values())
        moments = {due[id_] for id_ in later}
        assert all(moment % webhooks.TOGETHER_SECONDS < 1e-3 for moment in moments)

    asyncio.run(scenario())


def test_after_a_quiet_while_webhooks_make_polls_happen_at_once_again(open_store: Any, clock: Clock) -> None:
    async def scenario() -> None:
        store = open_store()
        for number in range(60):
            await waiting(store, clock, f"v{number}", await job(store, f"job{number}"))
        for number in range(50):
            await store.hear(hint(f"v{number}"))
        at_once = await store.claim_renders("poller", 60, 100, None)
        assert len(at_once) == webhooks.MOST_AT_ONCE
        clock.now += webhooks.TOGETHER_SECONDS
        together = await store.claim_renders("poller", 60, 100, None)
        assert len(together) == 50 - webhooks.MOST_AT_ONCE
        clock.now += webhooks.EXTRA_POLL_SECONDS
        await store.hear(hint("v55"))
        assert await due(store) == ["render-v55"]

    asyncio.run(scenario())


def test_many_webhooks_at_one_account_hold_up_no_poll_at_another(open_store: Any, clock: Clock) -> None:
    async def scenario() -> None:
        store = open_store()
        for number in range(30):
            await waiting(store, clock, f"v{number}", await job(store, f"job{number}"))
        lease = await job(store, "elsewhere")
        add = AddRender("other", "fake", "second account", "w1", "{}", "{}", clock.now + LATE, clock.now + 7200)
        await store.apply(lease, [add, SetJob(ACTIVE, "render", None, render_id="other")])
        for number in range(30):
            await store.hear(hint(f"v{number}"))
        await store.hear(hint("w1"))
        assert (await store.render("other")).due_at == clock.now

    asyncio.run(scenario())
