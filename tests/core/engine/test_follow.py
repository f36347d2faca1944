"""What becomes of a post that a network has accepted: followed without a slot, and never posted again."""

from __future__ import annotations

import asyncio
import json
import os
from contextlib import closing, suppress
from dataclasses import replace
from typing import Any

import pytest

from reelwork.cli.views.job_page import story
from reelwork.cli.views.job_table import lines_of
from reelwork.engine.timing import LONGEST_PENDING
from reelwork.planning.job_state import JobData
from reelwork.store.commands import NewJob
from reelwork.store.records import ACTIVE
from reelwork.store.sqlite.store import SqliteStore
from reelwork.studio.job_json import story_as_json
from reelwork.studio.job_view import view_of
from reelwork.testing import sample_clip, sample_job, sample_prompt
from reelwork_hooks import Idempotency, Pending, Plugin, Receipt, Shown, Unavailable, Unsure, hookimpl

JOBS = int(os.environ.get("REELWORK_FOLLOWED", "20"))
"""Posts that are followed at once; `REELWORK_FOLLOWED=1000` is the promise, and takes a minute."""


class Network:
    """The other side: it counts the posts, and answers in turn what became of them."""

    def __init__(self, *answers: Any) -> None:
        self.answers: list[Any] = list(answers)
        self.posted = 0
        self.asked: list[tuple[str, Any]] = []
        self.loses_its_answer = False
        self.accepted = Receipt(id="post_1", url="https://net.example/1", details={"media": "m1"})

    def follow(self, job: Any, receipt: Receipt) -> Any:
        self.asked.append((receipt.id, None if job.pending is None else job.pending.state))
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer


def plugins(lab: Any, network: Network, against_twice: Idempotency = Idempotency.LOOKUP) -> None:
    class Net(Plugin):
        """Posts once, and says later what became of it."""

        public = False
        idempotency = against_twice
        settle_seconds = 0.0

        @hookimpl
        def publish(self) -> Receipt:
            network.posted += 1
            if network.loses_its_answer:
                raise RuntimeError("the connection broke")
            return network.accepted.replace(id=f"post_{network.posted}")

        @hookimpl
        def find_post(self) -> Unsure:
            return Unsure("it has no list")

        @hookimpl
        def follow_post(self, job: Any, receipt: Receipt) -> Receipt | Pending:
            return network.follow(job, receipt)

    lab.add_plugin("net", Net, "publish")


PROCESSED = Pending(after=30, state={"step": 1}, percent=50)
LIVE = Receipt(id="post_1", state="live", url="https://net.example/watch/1")


async def _to_the_end(shop: Any, store: Any, worker: Any, id_: str) -> Any:
    """Bring a job as far as it goes by itself, with the clock put forward instead of waited for."""
    for _ in range(200):
        await worker.advance(id_)
        due = await store.next_due(None)
        if due is None:
            break
        shop.clock.now = max(shop.clock.now, due) + 0.001
    return store.job(id_)


def followed(shop: Any) -> Any:
    """Run one job to its end; returns its row."""

    async def scenario() -> Any:
        async with shop.process() as (store, session, worker):
            (id_,) = await shop.add(store, session, "A lighthouse at night")
            return await _to_the_end(shop, store, worker, id_)

    return asyncio.run(scenario())


def post_of(row: Any) -> Any:
    return JobData.model_validate_json(row.data).posts["net"]


def events_of(shop: Any, name: str) -> list[Any]:
    (job,) = shop.lab.studio().jobs()
    with closing(SqliteStore(shop.lab.folder / "store.db")) as store:
        return [json.loads(event.details) for event in store.events(job.id) if event.name == name]


def test_it_waits_as_a_row_and_another_process_continues(shop: Any) -> None:
    network = Network(PROCESSED, PROCESSED, LIVE.replace(disclosure=Shown(value=True, by="read")))
    plugins(shop.lab, network)

    async def scenario() -> None:
        async with shop.process() as (store, session, worker):
            (id_,) = await shop.add(store, session, "A lighthouse at night")
            while not network.asked:
                await worker.advance(id_)
                shop.clock.now = max(shop.clock.now, await store.next_due(None)) + 0.001
            row = store.job(id_)
            assert (row.status, post_of(row).state, post_of(row).receipt.id) == (ACTIVE, "published", "post_1")
            assert "net is still working on it (50 %)" in row.reason
        async with shop.process() as (store, _, worker):
            await shop.advance(store, worker, id_)
            post = post_of(store.job(id_))
            names = [event.name for event in store.events(id_)]
        assert post.receipt.model_dump(exclude={"at"}) == {
            "id": "post_1",
            "url": "https://net.example/watch/1",
            "details": {"media": "m1"},
            "state": "live",
            "disclosure": {"value": True, "by": "read"},
        }
        assert post.receipt.at is not None
        assert (post.following, post.waited, post.reason) == (None, None, "")
        assert [names.count(name) for name in ("published", "followed", "waiting")] == [1, 1, 1]

    asyncio.run(scenario())
    assert network.posted == 1
    assert network.asked == [("post_1", None), ("post_1", {"step": 1}), ("post_1", {"step": 1})]
    (told,) = events_of(shop, "followed")
    assert (told["state"], told["url"], told["label"]) == ("live", "https://net.example/watch/1", True)


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (RuntimeError("no idea"), "it could not be followed"),
        (Unavailable("the network is away"), "it could not be followed: the network is away"),
        (Unavailable("busy", retry_after=7200), "it could not be followed: busy"),
        (Receipt(id="post_2", state="live"), "which does not replace that of the post"),
        ("nonsense", "it must return Receipt"),
        (Pending(after=3600), "it was still being processed after 24 hours"),
        (Pending(after=1, state={"half": "\ud83d"}), "cannot be kept as JSON"),
    ],
)
def test_what_cannot_be_followed_ends_with_what_is_known(shop: Any, answer: Any, told: str) -> None:
    network = Network(answer)
    plugins(shop.lab, network)
    row = followed(shop)
    assert row.status == "done", row.reason
    assert "net: the post was accepted, but its state is not known" in row.reason
    assert told in row.reason
    assert (network.posted, post_of(row).receipt.id, post_of(row).state) == (1, "post_1", "published")
    assert 2 < len(network.asked) < 150
    assert post_of(row).following is None


def test_a_network_that_is_away_for_hours_is_asked_until_it_is_back(shop: Any) -> None:
    network = Network(*[Unavailable("away")] * 30, LIVE)
    plugins(shop.lab, network)
    began = shop.clock.now
    row = followed(shop)
    assert (row.status, post_of(row).receipt.state, network.posted) == ("done", "live", 1)
    assert 3 * 3600 < shop.clock.now - began < LONGEST_PENDING


@pytest.mark.parametrize(
    ("state", "told"),
    [
        ("failed", "net: the post post_1 failed there after it was accepted (bad codec). It is not posted again"),
        ("removed", "net: the post post_1 was removed there after it was accepted (bad codec). It is not posted"),
    ],
)
def test_a_post_that_is_gone_stops_the_job_and_is_only_looked_at(shop: Any, state: Any, told: str) -> None:
    gone = Receipt(id="post_1", state=state, details={"reason": "bad codec"})
    network = Network(PROCESSED, gone)
    plugins(shop.lab, network)
    row = followed(shop)
    assert row.status == "failed"
    assert told in row.reason
    # Resumed as often as a person likes: it is looked at, and never posted.
    for _ in range(2):
        (job,) = shop.lab.studio().resume_sync("run").jobs
        assert (job.status, job.receipts["net"].state) == ("failed", state)
    asked = len(network.asked)
    network.answers = [LIVE]
    (job,) = shop.lab.studio().resume_sync("run").jobs
    assert (job.status, job.receipts["net"].state, job.reason) == ("done", "live", "")
    assert (network.posted, asked, len(network.asked)) == (1, 4, 5)


def test_a_post_that_publish_itself_says_is_gone_stops_the_job(lab: Any) -> None:
    class Strict(Plugin):
        """Knows at once, and has nothing to follow."""

        public = False

        @hookimpl
        def publish(self) -> Receipt:
            return Receipt(id="post_1", state="failed")

    lab.add_plugin("strict", Strict, "publish")
    (job,) = lab.studio().run_sync("A lighthouse at night").jobs
    (again,) = lab.studio().resume_sync(job.run).jobs
    told = "strict: the post post_1 failed there after it was accepted. It is not posted again."
    assert (job.status, again.status) == ("failed", "failed")
    assert (job.reason, again.reason) == (told, told)


def test_a_post_whose_answer_was_lost_is_followed_once_it_is_known(shop: Any) -> None:
    network = Network(LIVE)
    network.loses_its_answer = True
    plugins(shop.lab, network)
    assert followed(shop).status == "held"
    assert network.asked == []
    studio = shop.lab.studio()
    (held,) = studio.jobs()
    studio.resolve_sync(held.id, decision="happened", remote_id="post_1")
    (job,) = studio.resume_sync("run").jobs
    assert (job.status, job.receipts["net"].state, network.posted) == ("done", "live", 1)


def test_a_new_id_of_the_same_post_belongs_to_its_effect(shop: Any) -> None:
    network = Network(Receipt(id="final_1", replaces="post_1", state="live"))
    plugins(shop.lab, network)

    async def scenario() -> None:
        async with shop.process() as (store, session, worker):
            (id_,) = await shop.add(store, session, "A lighthouse at night")
            row = await _to_the_end(shop, store, worker, id_)
            assert row.status == "done", row.reason
            (effect,) = [one for one in store.effects_of(id_) if one.kind == "publish"]
            assert (effect.state, effect.remote_id) == ("confirmed", "final_1")
            assert Receipt.model_validate_json(effect.result).replaces == "post_1"
            other = next(one for one in store.effects_of(id_) if one.kind == "publish")
            # Whoever looks for a post of another effect takes neither for it.
            assert await store.is_claimed(replace(other, key="another"), "final_1")

    asyncio.run(scenario())
    assert network.posted == 1


async def add_posts(shop: Any, store: Any, session: Any, count: int) -> list[str]:
    """Add jobs whose video is there and that only have to post it."""
    await shop.add(store, session)
    job = sample_job()
    data = JobData(
        workflow="w",
        provider="fake",
        brief=job.brief,
        spec=job.spec,
        prompt=sample_prompt(),
        render=job.render,
        clip=sample_clip(),
    ).model_dump_json()
    new = [NewJob(f"job-{number:05}", f"key-{number}", "publish", data) for number in range(count)]
    return [row.id for row in await store.add_jobs("run", new)]


@pytest.mark.parametrize("count", range(1, 7))
def test_a_kill_after_any_commit_posts_once_and_the_post_is_followed_on(shop: Any, crash: Any, count: int) -> None:
    network = Network(PROCESSED, LIVE)
    plugins(shop.lab, network)
    killed = crash()

    class Mortal(SqliteStore):
        """Ends its process right after a commit."""

        left = count

        async def apply(self, lease: Any, commands: Any) -> Any:
            sent = await super().apply(lease, commands)
            self.left -= 1
            if not self.left:
                raise killed
            return sent

    async def first() -> str:
        async with shop.process(Mortal) as (store, session, worker):
            (id_,) = await add_posts(shop, store, session, 1)
            with suppress(killed):
                await _to_the_end(shop, store, worker, id_)
            return id_

    async def second(id_: str) -> Any:
        async with shop.process() as (store, _, worker):
            # A lease of a process that ended without a word runs out.
            shop.clock.now += 120
            return await _to_the_end(shop, store, worker, id_)

    row = asyncio.run(second(asyncio.run(first())))
    if row.status == "held":
        # Its answer was lost with the process, or it never left: a person decides, and it is not posted again.
        assert (count, network.posted <= 1) == (2, True), row.reason
        assert "may have been carried out" in row.reason
    else:
        assert (row.status, post_of(row).receipt.state, network.posted) == ("done", "live", 1), row.reason


def test_the_jobs_page_shows_what_became_of_its_posts(shop: Any) -> None:
    shown = Shown(value=False, by="sent")
    details: dict[str, Any] = {"left_out": ["net gets no captions from words.srt: it does not take them."]}
    network = Network(Receipt(id="final_1", replaces="post_1", state="private", disclosure=shown, details=details))
    plugins(shop.lab, network)
    row = followed(shop)
    with closing(SqliteStore(shop.lab.folder / "store.db")) as store:
        page = "\n".join(story(store, row))
        document = story_as_json(store, row)
    assert "net: published, private" in page
    assert "its id before was post_1" in page
    assert "its AI label: not shown (sent, not read back)" in page
    assert "net gets no captions from words.srt: it does not take them." in page
    receipt = document["receipts"]["net"]
    assert (receipt["state"], receipt["replaces"], receipt["disclosure"]["value"]) == ("private", "post_1", False)
    assert document["effects"][-1]["remote_id"] == "final_1"


def test_a_destination_that_is_held_is_shown_while_another_is_followed(shop: Any) -> None:
    class Lost(Plugin):
        """Loses its answer, and has no way to look."""

        public = False

        @hookimpl
        def publish(self) -> Receipt:
            raise RuntimeError("the connection broke")

    network = Network(PROCESSED)
    shop.lab.add_plugin("lost", Lost, "publish")
    plugins(shop.lab, network)

    async def scenario() -> Any:
        async with shop.process() as (store, session, worker):
            (id_,) = await shop.add(store, session, "A lighthouse at night")
            while len(network.asked) < 2:
                await worker.advance(id_)
                shop.clock.now = max(shop.clock.now, await store.next_due(None)) + 0.001
            row = store.job(id_)
            return (
                row,
                "\n".join(story(store, row)),
                story_as_json(store, row),
                list(lines_of([view_of(row)], head=True)),
            )

    row, page, document, listed = asyncio.run(scenario())
    assert row.status == ACTIVE
    assert "net is still working on it" in page
    assert "lost is held until the rest has ended: " in page
    assert "connection broke" in page
    assert list(document["held_posts"]) == ["lost"]
    assert "publishing (lost held)" in listed[1]


def test_ids_of_another_destination_stay_its_own(shop: Any) -> None:
    network = Network(Receipt(id="final_1", replaces="post_1", state="live"))
    plugins(shop.lab, network)

    class Other(Plugin):
        """Gives its posts the same ids."""

        public = False

        @hookimpl
        def publish(self) -> Receipt:
            return Receipt(id="post_1")

    shop.lab.add_plugin("other", Other, "publish")

    async def scenario() -> None:
        async with shop.process() as (store, session, worker):
            (id_,) = await shop.add(store, session, "A lighthouse at night")
            row = await _to_the_end(shop, store, worker, id_)
            assert row.status == "done", row.reason
            made = {one.subject: one.remote_id for one in store.effects_of(id_) if one.kind == "publish"}
            assert made == {"net": "final_1", "other": "post_1"}

    asyncio.run(scenario())


@pytest.mark.parametrize("answer", [Pending(after=1e12), Unavailable("later", retry_after=1e12)])
def test_no_answer_makes_it_wait_for_more_than_a_day(shop: Any, answer: Any) -> None:
    network = Network(answer, LIVE)
    plugins(shop.lab, network)
    began = shop.clock.now
    row = followed(shop)
    assert row.status == "done", row.reason
    assert shop.clock.now - began < 2 * LONGEST_PENDING


def test_a_label_that_was_wanted_and_is_not_shown_is_told(shop: Any) -> None:
    network = Network(LIVE.replace(disclosure=Shown(value=False, by="read")))
    plugins(shop.lab, network)
    row = followed(shop)
    assert (row.status, row.reason) == ("done", "net: the network shows no AI label on this post.")


def test_posts_that_are_followed_hold_no_slot(shop: Any) -> None:
    """With one slot, a post that waited in it would keep all others from being made."""
    network = Network(Pending(after=3600))
    # With a lookup, the first post there waits until it is listed before the others leave.
    plugins(shop.lab, network, Idempotency.KEY)

    async def scenario() -> None:
        async with shop.process() as (store, session, _):
            await add_posts(shop, store, session, JOBS)
            engine = session.engine(None, ["run"])
            engine.slots = 1

            async def all_wait() -> bool:
                shop.clock.now += 0.05
                return len(network.asked) >= JOBS

            await engine.drive(all_wait)
            assert store.counts() == {ACTIVE: JOBS}

    asyncio.run(scenario())
    assert (network.posted, len(network.asked)) == (JOBS, JOBS)


def test_receipts_of_publishers_that_follow_nothing_are_what_they_were() -> None:
    receipt = Receipt(id="1", url="http://x/1")
    assert receipt.model_dump_json() == '{"id":"1","url":"http://x/1","at":null,"details":{}}'
