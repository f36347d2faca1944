"""A post that waits for a person: nothing goes out before exactly it was approved, and then once."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from reelwork.errors import WorkflowInvalid
from reelwork.planning.job_state import JobData
from reelwork.store.holds import HoldReason
from reelwork.store.records import ACTIVE, DONE, HELD, REJECTED
from reelwork.studio.advice import Action, next_step
from reelwork.studio.post_review import Answer, approve
from reelwork.studio.review_view import post_review_of, waiting_reviews
from reelwork_hooks import Config, Effect, Idempotency, NotSent, Plugin, Post, Receipt, Stage, Verdict, hookimpl

PROMPT = "A lighthouse in the rain at night"
ANA = Answer(by="Ana")
DAY = 86_400.0


class Wall:
    """The other side: what was posted there, and what was uploaded before."""

    def __init__(self) -> None:
        self.posts: list[tuple[str, str]] = []
        self.uploads: list[str] = []
        self.busy = 0
        self.pause = 0.01


def publisher(wall: Wall) -> type[Plugin]:
    class Settings(Config):
        who: str = "@shop"

    class Publisher(Plugin):
        """Posts to a wall."""

        Config = Settings
        idempotency = Idempotency.NONE
        public = False

        @property
        def identity(self) -> str:
            return str(self.config.who)  # type: ignore[attr-defined]

        @hookimpl
        def prepare_publish(self, post: Post) -> str:
            wall.uploads.append(post.destination)
            return "uploaded"

        @hookimpl
        def publish(self, post: Post, effect: Effect) -> Receipt:
            if wall.busy:
                wall.busy -= 1
                raise NotSent("busy", retry_after=wall.pause)
            wall.posts.append((post.destination, post.caption))
            return Receipt(id=f"post_{len(wall.posts)}")

    return Publisher


@pytest.fixture
def wall(lab: Any) -> Wall:
    made = Wall()
    lab.catalog.add("wall", publisher(made))
    lab.workflow["plugin"] = {"shop": {"use": "wall"}, "club": {"use": "wall", "who": "@club"}}
    lab.workflow["plugins"]["publish"] = ["shop"]
    lab.workflow["brief"]["caption"] = "Rain"
    lab.workflow["review"] = {"always": True}
    return made


def test_a_post_waits_until_it_is_approved_and_is_then_made_once(lab: Any, wall: Wall) -> None:
    result = lab.studio().run_sync(PROMPT)
    (job,) = result.jobs
    assert (job.status, job.hold, result.exit_code) == (HELD, HoldReason.REVIEW, 3)
    assert "every post is reviewed" in job.reason
    # Neither a resume nor a retry is an answer, and nothing is uploaded for what may be rejected.
    for again in (lab.studio().resume_sync, lab.studio().retry_sync):
        assert again(job.id).jobs[0].status == HELD
    assert (wall.uploads, wall.posts) == ([], [])
    (done,) = lab.studio().approve_posts_sync(job.id, ANA).jobs
    assert (done.status, wall.posts, wall.uploads) == (DONE, [("shop", "Rain")], ["shop"])
    (line,) = [one for one in lab.studio().store.events(job.id) if one.name == "reviewed"]
    told = json.loads(line.details)
    assert (told["by"], told["decision"], list(told["seen"])) == ("Ana", "approved", ["shop"])
    with pytest.raises(WorkflowInvalid, match="waits for a review"):
        lab.studio().approve_posts_sync(job.id, ANA)
    assert len(wall.posts) == 1


def test_an_approval_of_one_process_is_acted_on_by_another(lab: Any, wall: Wall) -> None:
    (job,) = lab.studio().run_sync(PROMPT).jobs
    (recorded,) = lab.studio().approve_posts_sync(job.id, ANA, wait=False).jobs
    assert (recorded.status, wall.posts) == (ACTIVE, [])
    (done,) = lab.studio().resume_sync().jobs
    assert (done.status, len(wall.posts)) == (DONE, 1)


def test_a_rejected_post_is_never_made_and_can_be_asked_for_again(lab: Any, wall: Wall) -> None:
    (job,) = lab.studio().run_sync(PROMPT).jobs
    (rejected,) = lab.studio().reject_posts_sync(job.id, ANA, "too dark").jobs
    assert (rejected.status, wall.posts) == (REJECTED, [])
    assert "rejected by Ana: too dark" in rejected.reason
    (again,) = lab.studio().retry_sync(job.id).jobs
    assert (again.status, again.hold, wall.posts) == (HELD, HoldReason.REVIEW, [])
    lab.studio().approve_posts_sync(job.id, ANA)
    assert (len(wall.posts), len(lab.remote.creates)) == (1, 1)


def test_each_post_is_decided_by_itself(lab: Any, wall: Wall) -> None:
    lab.workflow["plugins"]["publish"] = ["shop", "club"]
    (job,) = lab.studio().run_sync(PROMPT).jobs
    (one,) = lab.studio().approve_posts_sync(job.id, replace(ANA, destinations=("club",))).jobs
    assert (one.status, [name for name, _ in wall.posts]) == (HELD, ["club"])
    (both,) = lab.studio().reject_posts_sync(job.id, replace(ANA, destinations=("shop",))).jobs
    assert (both.status, [name for name, _ in wall.posts]) == (REJECTED, ["club"])
    assert "Published to club" in both.reason


def test_of_a_job_that_is_held_for_several_reasons_the_review_comes_next(lab: Any, wall: Wall) -> None:
    class Watching(Plugin):
        """Holds posts of the club."""

        moderates = (Stage.POST,)

        @hookimpl
        def pre_moderate(self, content: Any) -> Verdict | None:
            return Verdict.hold("a look, please") if content.destination == "club" else None

    lab.add_plugin("watching", Watching, "pre_moderate")
    lab.workflow["plugins"]["publish"] = ["shop", "club"]
    (job,) = lab.studio().run_sync(PROMPT).jobs
    assert (job.hold, job.in_review, next_step(job).action) == (HoldReason.SEVERAL, True, Action.REVIEW)
    (job,) = lab.studio().approve_posts_sync(job.id, ANA).jobs
    assert (job.hold, job.in_review, len(wall.posts)) == (HoldReason.MODERATION, False, 1)


def test_of_two_reviewers_one_is_heard(lab: Any, wall: Wall) -> None:
    (job,) = lab.studio().run_sync(PROMPT).jobs
    store = lab.studio().store
    row = store.job(job.id)

    async def both() -> list[Any]:
        answers = (approve(store, row, Answer(by=who), row.updated_at) for who in ("Ana", "Ben"))
        return await asyncio.gather(*answers, return_exceptions=True)

    heard, refused = sorted(asyncio.run(both()), key=lambda one: isinstance(one, Exception))
    assert heard == ("shop",)
    assert isinstance(refused, WorkflowInvalid)
    assert "has changed" in refused.message
    lab.studio().resume_sync()
    assert len(wall.posts) == 1


def test_another_version_than_the_one_that_was_seen_is_refused(lab: Any, wall: Wall) -> None:
    (job,) = lab.studio().run_sync(PROMPT).jobs
    seen = lab.studio().post_review(job.id)
    with pytest.raises(WorkflowInvalid, match=seen.version):
        lab.studio().approve_posts_sync(job.id, replace(ANA, version="0" * 12))
    lab.studio().approve_posts_sync(job.id, replace(ANA, version=seen.version))
    assert len(wall.posts) == 1


def test_a_file_that_was_changed_voids_the_approval(lab: Any, wall: Wall) -> None:
    (job,) = lab.studio().run_sync(PROMPT).jobs
    video = Path(str(job.video))
    whole = video.read_bytes()
    video.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    with pytest.raises(WorkflowInvalid, match="not the file that was made"):
        lab.studio().approve_posts_sync(job.id, ANA)
    video.write_bytes(whole)
    lab.studio().approve_posts_sync(job.id, ANA, wait=False)
    video.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    (stopped,) = lab.studio().resume_sync(job.id).jobs
    assert (stopped.status, wall.posts, wall.uploads) == ("failed", [], [])
    assert "nothing was posted" in stopped.reason
    # Fetched again it is what was approved, by its hash.
    (done,) = lab.studio().resume_sync(job.id).jobs
    assert (done.status, len(wall.posts), len(lab.remote.creates)) == (DONE, 1, 1)


def test_settings_that_no_longer_ask_do_not_answer(lab: Any, wall: Wall) -> None:
    (job,) = lab.studio().run_sync(PROMPT).jobs
    (still,) = lab.studio().resume_sync(job.id, settings={"review": {"always": False}}).jobs
    assert (still.status, still.hold, wall.posts) == (HELD, HoldReason.REVIEW, [])


def test_an_approval_is_for_one_account(lab: Any, wall: Wall) -> None:
    (job,) = lab.studio().run_sync(PROMPT).jobs
    lab.studio().approve_posts_sync(job.id, ANA, wait=False)
    other = {"plugin": {"shop": {"who": "@other"}}}
    (asked,) = lab.studio().resume_sync(job.id, settings=other).jobs
    assert (asked.status, wall.posts) == (HELD, [])
    assert "it has changed since it was approved" in asked.reason
    assert lab.studio().post_review(job.id).posts[0].review.account.endswith("@other")
    lab.studio().approve_posts_sync(job.id, ANA)
    assert len(wall.posts) == 1


def test_what_waits_for_a_busy_network_stays_approved(lab: Any, wall: Wall) -> None:
    wall.busy = 2
    (job,) = lab.studio().run_sync(PROMPT).jobs
    (done,) = lab.studio().approve_posts_sync(job.id, ANA).jobs
    assert (done.status, len(wall.posts), wall.uploads) == (DONE, 1, ["shop"])


@pytest.mark.parametrize(
    ("rules", "why"),
    [
        ({"destinations": ["shop"]}, "posts to shop are reviewed"),
        ({"price_above": 0.05}, "it costs $0.10, and above $0.05 it is reviewed"),
        ({"first_post": True}, "it is the first post to this account"),
        ({"destinations": ["club"]}, ""),
        ({"price_above": 0.5}, ""),
        ({}, ""),
    ],
)
def test_a_rule_that_applies_asks(lab: Any, wall: Wall, rules: Any, why: str) -> None:
    lab.workflow["plugins"]["publish"] = ["shop", "club"]
    lab.workflow["review"] = rules
    lab.workflow["provider"]["price_per_second"] = 0.1
    (job,) = lab.studio().run_sync(PROMPT).jobs
    asked = {one.destination: one.review.why for one in lab.studio().post_review(job.id).posts}
    assert asked.get("shop", "") == why
    if "first_post" in rules:
        assert asked.get("club") == why
        lab.studio().approve_posts_sync(job.id, ANA)
        assert lab.studio().run_sync("Another lighthouse").jobs[0].status == DONE
    assert len([name for name, _ in wall.posts if name == "shop"]) == (2 if "first_post" in rules else not why)


@pytest.mark.parametrize(
    ("stage", "limit", "waits"), [(Stage.BRIEF, 0.3, True), (Stage.POST, 0.3, True), (Stage.POST, 0.6, False)]
)
def test_a_score_of_moderation_asks(lab: Any, wall: Wall, stage: Stage, limit: float, waits: bool) -> None:
    class Scoring(Plugin):
        """Lets everything pass, with a score."""

        moderates = (stage,)

        @hookimpl
        def pre_moderate(self, content: Any) -> Verdict:
            return Verdict.allow(score=0.4)

    lab.add_plugin("scoring", Scoring, "pre_moderate")
    lab.workflow["review"] = {"score_above": limit}
    (job,) = lab.studio().run_sync(PROMPT).jobs
    assert (job.status == HELD, len(wall.posts)) == (waits, not waits)
    if waits:
        assert "a score of 0.40, and above 0.30" in lab.studio().post_review(job.id).posts[0].review.why
        lab.studio().approve_posts_sync(job.id, ANA)
        assert len(wall.posts) == 1


def test_moderation_comes_before_the_person_and_is_not_asked_again(lab: Any, wall: Wall) -> None:
    asked = []

    class Watching(Plugin):
        """Looks at the words of posts."""

        moderates = (Stage.POST,)

        @hookimpl
        def pre_moderate(self, content: Any) -> Verdict | None:
            asked.append(content.text)
            return Verdict.reject("no") if "blood" in content.text else None

    lab.add_plugin("watching", Watching, "pre_moderate")
    (job,) = lab.studio().run_sync(PROMPT).jobs
    assert (job.hold, asked) == (HoldReason.REVIEW, ["Rain"])
    lab.studio().resume_sync(job.id)
    lab.studio().approve_posts_sync(job.id, ANA)
    assert (len(asked), len(wall.posts)) == (1, 1)
    lab.workflow["brief"]["caption"] = "blood"
    (refused,) = lab.studio().run_sync("Another").jobs
    assert (refused.status, refused.hold) == (REJECTED, None)


def test_a_job_of_an_earlier_version_goes_by_the_workflow_it_is_resumed_with(lab: Any, wall: Wall) -> None:
    lab.workflow["review"] = {}
    wall.busy = 10**6
    lab.workflow["plugins"]["publish"] = ["shop", "club"]
    watcher = StopsWhenItWaits()
    watcher.studio = lab.studio(watchers=[watcher])
    watcher.studio.run_sync(PROMPT)
    with closing(sqlite3.connect(lab.folder / "store.db")) as db, db:
        # As it was written before there were reviews.
        for name in ("shop", "club"):
            db.execute(f"UPDATE jobs SET data = json_remove(data, '$.posts.{name}.review', '$.copies')")
        db.execute("UPDATE runs SET frozen = json_remove(frozen, '$.workflow.review')")
    wall.busy = 0
    (asked,) = lab.studio().resume_sync(settings={"review": {"always": True}}).jobs
    assert (asked.status, asked.hold, wall.posts) == (HELD, HoldReason.REVIEW, [])
    (done,) = lab.studio().approve_posts_sync(asked.id, ANA).jobs
    assert (done.status, len(wall.posts)) == (DONE, 2)


class StopsWhenItWaits:
    """Ends a studio's work once a post waits for its network."""

    def __init__(self) -> None:
        self.studio: Any = None

    def happened(self, happening: Any) -> None:
        if happening.name == "waiting":
            self.studio.stop()


def test_a_review_is_reminded_of_once_and_then_ends(lab: Any, shop: Any, wall: Wall) -> None:
    async def scenario() -> None:
        async with shop.process() as (store, session, worker):
            (id_,) = await shop.add(store, session, PROMPT)
            while store.counts() != {HELD: 1}:
                await worker.advance(id_)
                shop.clock.now += 0.05
            asked = shop.clock.now

            async def pass_to(when: float) -> None:
                shop.clock.now = when
                due = await store.next_due(None)
                rows = await store.claim_jobs(worker.owner.name, 60, 10, None)
                assert bool(rows) == (due is not None and due <= when)
                for row in rows:
                    await worker.carry_on(row)

            def names() -> list[str]:
                return [one.name for one in store.events(id_)]

            await pass_to(asked + 0.9 * DAY)
            assert names().count("review-reminder") == 0
            await pass_to(asked + 1.1 * DAY)
            await pass_to(asked + 2 * DAY)
            assert (names().count("review-reminder"), store.job(id_).status) == (1, HELD)
            assert [one.row.id for one in waiting_reviews(store, shop.clock.now)] == [id_]
            await pass_to(asked + 7.1 * DAY)
            row = store.job(id_)
            assert row is not None
            assert (row.status, names().count("review-expired")) == (REJECTED, 1)
            assert post_review_of(row, shop.clock.now).posts[0].state == "expired"
            assert waiting_reviews(store, shop.clock.now) == []

    asyncio.run(scenario())
    assert wall.posts == []


def test_an_answer_after_the_end_is_refused_before_any_server_has_seen_the_end(
    lab: Any, shop: Any, wall: Wall
) -> None:
    (job,) = lab.studio().run_sync(PROMPT).jobs
    store = lab.studio().store
    row = store.job(job.id)
    with pytest.raises(WorkflowInvalid, match="ended on"):
        asyncio.run(approve(store, row, ANA, row.updated_at + 8 * DAY))
    assert JobData.model_validate_json(store.job(job.id).data).posts["shop"].waits_for_review
