"""A post waits for its time as a row of the store, and is then made once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, closing
from datetime import UTC, datetime
from typing import Any

import pytest
from tests.core.engine.conftest import Shop
from tests.core.engine.test_review import Wall, publisher

from reelwork.clock import UNTRUSTED, Clock, Timeline
from reelwork.engine.stages.post_time import LONGEST_WAIT, ON_TIME
from reelwork.engine.worker import Worker
from reelwork.plugins.freezing import freeze
from reelwork.settings.workflow import load
from reelwork.store.commands import Command, Intend, Reopen
from reelwork.store.holds import HoldReason
from reelwork.store.outbox import TargetRow
from reelwork.store.post_stops import EVERYTHING, PostStop
from reelwork.store.protocol import Store
from reelwork.store.records import ACTIVE, DONE, HELD, REJECTED, JobRow, Lease, RunRow
from reelwork.store.sqlite.store import SqliteStore
from reelwork.studio.launch import launch_brief
from reelwork.studio.post_edits import edit
from reelwork.studio.post_review import Answer, approve
from reelwork.studio.session import Session
from reelwork_hooks import Config, Effect, Idempotency, Plugin, Post, Receipt, hookimpl
from reelwork_hooks.models import Brief, PostCopy

HOUR = 3600.0


@pytest.fixture
def wall(lab: Any) -> Wall:
    made = Wall()
    lab.catalog.add("wall", publisher(made))
    lab.workflow["plugin"] = {"shop": {"use": "wall"}, "club": {"use": "wall", "who": "@club"}}
    lab.workflow["plugins"]["publish"] = ["shop"]
    return made


def at(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


async def added(shop: Shop, store: Store, session: Session, **brief: Any) -> str:
    options = {**shop.lab.workflow, "out": str(shop.lab.folder / "out")}
    pipeline = session.build(load(environ={}, cwd=shop.lab.folder, options=options))
    await store.add_run(RunRow("run", None, "w", freeze(pipeline), shop.clock()))
    asked = Brief(prompt="A lighthouse", duration=1, resolution="480p", **brief)
    rows = await store.add_jobs("run", list(launch_brief(pipeline, asked, "run").jobs))
    await pipeline.close()
    return rows[0].id


async def until_it_waits(shop: Shop, store: Store, worker: Worker, id_: str) -> JobRow:
    """Advance a job until it ends, or waits for longer than a poll does."""
    for _ in range(60):
        await worker.advance(id_)
        row = store.job(id_)
        assert row is not None
        if row.status != ACTIVE or (row.due_at or 0) - shop.clock() > 60:
            return row
        shop.clock.now = max(shop.clock.now, row.due_at or 0) + 0.001
    raise AssertionError(store.job(id_))


@pytest.fixture
def begun(lab: Any, wall: Wall) -> Callable[..., tuple[Shop, str]]:
    """Make a job whose video is ready at once."""

    def begin(**brief: Any) -> tuple[Shop, str]:
        shop = Shop(lab)

        async def work() -> str:
            async with shop.process() as (store, session, _):
                return await added(shop, store, session, **brief)

        return shop, asyncio.run(work())

    return begin


def looks(shop: Shop, id_: str, when: float | None = None) -> JobRow:
    """Let a new process go on with a job at a time."""

    async def work() -> JobRow:
        async with shop.process() as (store, _, worker):
            return await until_it_waits(shop, store, worker, id_)

    if when is not None:
        shop.clock.now = when
    return asyncio.run(work())


def test_a_post_waits_as_a_row_and_is_made_once_at_its_time(wall: Wall, begun: Any) -> None:
    shop, id_ = begun(publish_at=at(1_790_000_000 + 2.5 * HOUR))
    time = 1_790_000_000 + 2.5 * HOUR
    row = looks(shop, id_)
    assert (row.status, wall.uploads, wall.posts) == (ACTIVE, [], [])
    assert row.reason == f"shop: ready; is posted {at(time):%a %Y-%m-%d %H:%M} (UTC+0000)"
    assert row.due_at == pytest.approx(shop.clock.now + LONGEST_WAIT, abs=1)
    # Another process after another, each of which may be the last one before its time.
    row = looks(shop, id_, time - 60.1)
    assert (row.due_at, wall.posts) == (time, [])
    assert looks(shop, id_, time + 1).status == DONE
    assert (wall.uploads, wall.posts) == (["shop"], [("shop", "")])
    assert looks(shop, id_, time + 100).status == DONE
    assert len(wall.posts) == 1


def test_each_destination_has_its_own_time_or_none(lab: Any, wall: Wall, begun: Any) -> None:
    lab.workflow["plugins"]["publish"] = ["shop", "club"]
    time = 1_790_000_000 + HOUR
    shop, id_ = begun(destinations={"shop": PostCopy(publish_at=at(time))})
    assert looks(shop, id_).status == ACTIVE
    assert [name for name, _ in wall.posts] == ["club"]
    assert looks(shop, id_, time).status == DONE
    assert [name for name, _ in wall.posts] == ["club", "shop"]


def test_a_network_that_can_wait_gets_the_post_at_once_with_its_time(lab: Any, begun: Any) -> None:
    given: list[datetime | None] = []

    class Films(Plugin):
        """Shows a video at a time by itself."""

        Config = Config
        idempotency = Idempotency.NONE
        public = False
        post_fields = ("publish_at",)

        @hookimpl
        def publish(self, post: Post, effect: Effect) -> Receipt:
            given.append(post.publish_at)
            return Receipt(id="film-1")

    lab.catalog.add("films", Films)
    lab.workflow["plugins"]["publish"] = ["films"]
    time = at(1_790_000_000 + HOUR)
    shop, id_ = begun(destinations={"films": PostCopy(publish_at=time)})
    assert looks(shop, id_).status == DONE
    assert given == [time]


@pytest.mark.parametrize("late", [ON_TIME - 60, ON_TIME + 60])
def test_what_is_ready_too_late_is_held_for_a_person(wall: Wall, begun: Any, late: float) -> None:
    time = 1_790_000_000 + HOUR
    shop, id_ = begun(publish_at=at(time))
    row = looks(shop, id_, time + late)
    if late < ON_TIME:
        assert row.status == DONE
        return
    assert (row.status, wall.posts, wall.uploads) == (HELD, [], [])
    assert "16 min after its time" in row.reason
    studio = shop.lab.studio()
    (job,) = studio.resume_sync(id_).jobs
    assert (job.hold, wall.posts) == (HoldReason.LATE, [])
    assert studio.resolve_sync(id_, decision="approve").status == DONE
    assert len(wall.posts) == 1


@pytest.mark.parametrize(("rule", "status", "posts"), [("post", DONE, 1), ("skip", REJECTED, 0)])
def test_late_says_what_becomes_of_what_is_too_late(
    lab: Any, wall: Wall, begun: Any, rule: str, status: str, posts: int
) -> None:
    lab.workflow["posts"] = {"late": rule}
    shop, id_ = begun(publish_at=at(1_790_000_000))
    row = looks(shop, id_, 1_790_000_000 + HOUR)
    assert (row.status, len(wall.posts)) == (status, posts)


@pytest.mark.parametrize(("stopped_for", "status"), [(300.0, DONE), (HOUR, HELD)])
def test_a_stop_holds_at_its_time_and_a_long_one_makes_it_late(
    wall: Wall, begun: Any, stopped_for: float, status: str
) -> None:
    time = 1_790_000_000 + HOUR
    shop, id_ = begun(publish_at=at(time))
    looks(shop, id_)

    async def ask(change: Callable[[Store], Awaitable[Any]]) -> None:
        async with shop.process() as (store, _, _worker):
            await change(store)

    asyncio.run(ask(lambda store: store.stop_posts(PostStop(EVERYTHING, shop.clock(), "Ana"))))
    row = looks(shop, id_, time + 1)
    assert (row.status, row.reason, wall.uploads) == (ACTIVE, "shop: posts are stopped by Ana", [])
    shop.clock.now = time + stopped_for
    asyncio.run(ask(lambda store: store.start_posts(EVERYTHING)))
    assert looks(shop, id_).status == status
    assert len(wall.posts) == (1 if status == DONE else 0)


async def answered(shop: Shop, id_: str, **changes: str) -> None:
    """Approve the posts of a job, with other words if any are given."""
    async with shop.process() as (store, session, _):
        row = store.job(id_)
        assert row is not None
        if not changes:
            await approve(store, row, Answer(by="Ana"), shop.clock())
            return
        pipeline = session.pipeline_of(row.run_id)
        await edit(store, row, pipeline, Answer(by="Ana"), changes, shop.clock(), approve=True)


@pytest.fixture
def let_out(lab: Any, wall: Wall, begun: Any) -> Callable[..., tuple[Shop, str, float]]:
    """Make a post whose network asks for a pause when it is about to leave."""

    def make(pause: float, **workflow: Any) -> tuple[Shop, str, float]:
        lab.workflow.update(workflow)
        time = 1_790_000_000 + HOUR
        shop, id_ = begun(publish_at=at(time))
        row = looks(shop, id_)
        if row.status == HELD:
            asyncio.run(answered(shop, id_))
            looks(shop, id_)
        wall.busy, wall.pause = 1, pause
        row = looks(shop, id_, time + 1)
        assert (row.status, row.due_at, wall.uploads) == (ACTIVE, pytest.approx(time + 1 + pause, abs=9), ["shop"])
        return shop, id_, time

    return make


@pytest.mark.parametrize(
    ("rule", "looked", "status", "posts"),
    [
        ("skip", 2 * ON_TIME - 60, DONE, 1),
        ("skip", 2 * ON_TIME + 60, REJECTED, 0),
        ("skip", 72 * HOUR, REJECTED, 0),
        ("hold", 72 * HOUR, HELD, 0),
        ("post", 72 * HOUR, DONE, 1),
    ],
)
def test_a_pause_of_the_network_excuses_some_minutes_and_no_days(
    wall: Wall, let_out: Any, rule: str, looked: float, status: str, posts: int
) -> None:
    shop, id_, time = let_out(ON_TIME, posts={"late": rule})
    row = looks(shop, id_, time + looked)
    assert (row.status, len(wall.posts)) == (status, posts)
    if status == HELD:
        assert shop.lab.studio().resolve_sync(id_, decision="approve").status == DONE
        assert len(wall.posts) == 1


@pytest.mark.parametrize(("stopped_for", "status"), [(ON_TIME, DONE), (72 * HOUR, REJECTED)])
def test_a_stop_counts_until_the_post_leaves(wall: Wall, let_out: Any, stopped_for: float, status: str) -> None:
    shop, id_, time = let_out(300.0, posts={"late": "skip"})

    async def ask(change: Callable[[Store], Awaitable[Any]]) -> None:
        async with shop.process() as (store, _, _worker):
            await change(store)

    asyncio.run(ask(lambda store: store.stop_posts(PostStop(EVERYTHING, shop.clock(), "Ana"))))
    row = looks(shop, id_, time + 310)
    assert (row.status, row.reason, wall.posts) == (ACTIVE, "shop: posts are stopped by Ana", [])
    shop.clock.now = time + stopped_for
    asyncio.run(ask(lambda store: store.start_posts(EVERYTHING)))
    assert looks(shop, id_).status == status
    assert len(wall.posts) == (1 if status == DONE else 0)


def test_a_post_that_is_edited_is_let_out_anew(wall: Wall, let_out: Any) -> None:
    shop, id_, time = let_out(300.0, review={"always": True})
    asyncio.run(answered(shop, id_, caption="Fog"))
    row = looks(shop, id_, time + ON_TIME + 60)
    assert (row.status, wall.posts) == (HELD, [])
    assert "after its time" in row.reason


def test_run_and_resume_do_not_keep_a_person_waiting_for_it(lab: Any, wall: Wall) -> None:
    result = lab.studio().run_sync("A lighthouse", publish_at="2999-12-24T18:00 Europe/Berlin")
    (job,) = result.jobs
    assert (job.status, result.exit_code, wall.posts) == (ACTIVE, 3, [])
    assert "ready; is posted Tue 2999-12-24 18:00 (UTC+0100)" in job.reason
    (again,) = lab.studio().resume_sync(job.id).jobs
    assert (again.status, wall.posts) == (ACTIVE, [])


class Moving:
    """A machine whose clock is set by hand, beside one that is not."""

    def __init__(self, now: float) -> None:
        self.passed, self.ahead, self.boot = 1000.0, now - 1000.0, "one"

    def clock(self) -> Clock:
        return Clock(wall=lambda: self.passed + self.ahead, steady=lambda: self.passed, boot=lambda: self.boot)


@asynccontextmanager
async def on(machine: Moving, lab: Any) -> AsyncIterator[tuple[SqliteStore, Worker, Timeline, Session]]:
    timeline = Timeline(machine.clock())
    with closing(SqliteStore(lab.folder / "store.db", clock=timeline)) as store:
        async with Session(store, lab.catalog, clock=timeline) as session:
            yield store, session.worker(), timeline, session


def test_a_clock_that_is_set_neither_posts_early_nor_late(lab: Any, wall: Wall) -> None:
    begin = 1_790_000_000.0
    machine, shop = Moving(begin), Shop(lab)
    time = begin + 2 * HOUR

    async def scenario() -> None:
        async with on(machine, lab) as (store, worker, timeline, session):
            shop.clock = timeline  # type: ignore[assignment]
            id_ = await added(shop, store, session, publish_at=at(time))

            async def passes(seconds: float) -> JobRow:
                return await passes_of(machine, store, worker, timeline, id_, seconds)

            row = await passes(0)
            assert "is posted" in row.reason
            machine.ahead += 3 * HOUR
            row = await passes(60)
            assert ("clock that was just set forward" in row.reason, wall.posts) == (True, [])
            assert timeline.doubt == pytest.approx(UNTRUSTED, abs=70)
            machine.ahead -= 3 * HOUR
            row = await passes(120)
            assert ("is posted" in row.reason, wall.posts) == (True, [])
            # Set back for good: its time comes when the clock shows it.
            machine.ahead -= HOUR
            row = await passes(time - begin)
            assert ("is posted" in row.reason, wall.posts) == (True, [])
            row = await passes(time - timeline() + 1)
            assert (row.status, len(wall.posts)) == (DONE, 1)

    asyncio.run(scenario())


@pytest.mark.parametrize("booted", [False, True])
def test_a_post_that_was_late_by_a_clock_two_days_ahead_waits_again_when_it_is_set_back(
    lab: Any, wall: Wall, booted: bool
) -> None:
    begin = 1_790_000_000.0
    machine, shop = Moving(begin), Shop(lab)
    time, days = begin + 24 * HOUR, 48 * HOUR

    async def scenario() -> None:
        async with on(machine, lab) as (store, worker, timeline, session):
            shop.clock = timeline  # type: ignore[assignment]
            id_ = await added(shop, store, session, publish_at=at(time))
            assert "is posted" in (await passes_of(machine, store, worker, timeline, id_, 0)).reason
            machine.ahead += days
            for seconds in (60, UNTRUSTED):
                row = await passes_of(machine, store, worker, timeline, id_, seconds)
            assert (row.status, "after its time" in row.reason, wall.posts) == (HELD, True, [])
            told = store.events(id_)
            await store.keep_targets([TargetRow("ours", "http://127.0.0.1:9", ("*",), timeline())])
        machine.ahead -= days
        if booted:
            machine.boot, machine.passed, machine.ahead = "two", 5.0, machine.ahead + machine.passed - 5.0
        async with on(machine, lab) as (store, worker, timeline, session):
            shop.clock = timeline  # type: ignore[assignment]
            row = await passes_of(machine, store, worker, timeline, id_, 60)
            assert (row.status, "is posted" in row.reason, wall.posts) == (ACTIVE, True, [])
            assert [event.name for event in store.events(id_)[len(told) :]] == ["resumed", "waiting"]
            announced = await store.claim_deliveries("ours", 60.0, 10)
            assert [delivery.name for delivery in announced] == ["resumed", "waiting"]
            row = await passes_of(machine, store, worker, timeline, id_, time - timeline() + ON_TIME + 60)
            # What is late by the right clock is late, whatever becomes of the clock.
            assert (row.status, wall.posts) == (HELD, [])
            told = store.events(id_)
            machine.passed += HOUR
            machine.ahead -= HOUR / 2
            row = await passes_of(machine, store, worker, timeline, id_, 60)
            assert (row.status, store.events(id_)) == (HELD, told)

    asyncio.run(scenario())


async def passes_of(
    machine: Moving, store: SqliteStore, worker: Worker, timeline: Timeline, id_: str, seconds: float
) -> JobRow:
    """Let time pass, and a job go on until it ends or waits for long."""
    machine.passed += seconds
    await store.keep_time()
    for _ in range(60):
        if not await worker.advance(id_):
            row = store.job(id_)
            assert row is not None
            if row.status != ACTIVE or (row.due_at or 0) - timeline() > 20:
                return row
            machine.passed += max((row.due_at or 0) - timeline(), 0) + 0.001
    raise AssertionError(store.jobs())


def keyed(wall: Wall, how: Idempotency) -> type[Plugin]:
    class Publisher(Plugin):
        """Posts to a wall that cannot be asked what is on it."""

        idempotency = how
        public = False

        @hookimpl
        def publish(self, post: Post, effect: Effect) -> Receipt:
            if wall.busy:
                wall.busy -= 1
                raise ConnectionError("the connection was cut")
            wall.posts.append((post.destination, effect.key))
            return Receipt(id=f"post_{len(wall.posts)}")

    return Publisher


def is_about_to_leave(command: Command) -> bool:
    return isinstance(command, Intend) and command.kind == "publish"


def is_about_to_leave_again(command: Command) -> bool:
    return isinstance(command, Reopen)


@pytest.mark.parametrize(
    ("how", "dies", "rule", "looked", "status"),
    [
        (Idempotency.KEY, is_about_to_leave, "skip", ON_TIME - 60, DONE),
        (Idempotency.KEY, is_about_to_leave, "post", 12 * HOUR, DONE),
        (Idempotency.KEY, is_about_to_leave, "skip", 12 * HOUR, HELD),
        (Idempotency.KEY, is_about_to_leave, "hold", 12 * HOUR, HELD),
        (Idempotency.NONE, is_about_to_leave, "skip", 12 * HOUR, HELD),
        (Idempotency.KEY, is_about_to_leave_again, "skip", ON_TIME - 60, DONE),
        (Idempotency.KEY, is_about_to_leave_again, "post", 12 * HOUR, DONE),
        (Idempotency.KEY, is_about_to_leave_again, "skip", 12 * HOUR, HELD),
        (Idempotency.KEY, is_about_to_leave_again, "hold", 12 * HOUR, HELD),
    ],
)
def test_a_post_in_doubt_is_not_sent_again_hours_after_its_time(
    lab: Any, wall: Wall, begun: Any, crash: Any, how: Idempotency, dies: Any, rule: str, looked: float, status: str
) -> None:
    killed = crash()

    class Dying(SqliteStore):
        """Ends its process when a post is about to leave, for the first time or again."""

        async def apply(self, lease: Lease, commands: Sequence[Command]) -> Any:
            done = await super().apply(lease, commands)
            if any(map(dies, commands)):
                raise killed
            return done

    lab.catalog.add("keyed", keyed(wall, how))
    lab.workflow["posts"] = {"late": rule}
    lab.workflow["plugin"] = {"shop": {"use": "keyed"}}
    time = 1_790_000_000 + HOUR
    shop, id_ = begun(publish_at=at(time))
    looks(shop, id_)
    wall.busy = int(dies is is_about_to_leave_again)

    async def until_it_dies() -> None:
        async with shop.process(Dying) as (store, _, worker):
            shop.clock.now = time + 1
            with pytest.raises(killed):
                await until_it_waits(shop, store, worker, id_)

    asyncio.run(until_it_dies())
    assert (wall.busy, wall.posts) == (0, [])
    row = looks(shop, id_, time + looked)
    assert (row.status, len(wall.posts)) == (status, 1 if status == DONE else 0), row.reason
    if status == HELD:
        assert "The outcome of the post to shop is unknown" in row.reason
        # Asked again, it is held again: nothing of it leaves without a person.
        assert (shop.lab.studio().resume_sync(id_).jobs[0].status, wall.posts) == (HELD, [])
        # What a person says did not happen is as late as any other.
        settled = shop.lab.studio().resolve_sync(id_, decision="not-happened")
        assert (settled.status, wall.posts) == (REJECTED if rule == "skip" else HELD, []), settled.reason
        assert "after its time" in settled.reason
