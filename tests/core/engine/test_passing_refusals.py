"""What a destination refuses today it may take tomorrow: such a post waits, is held or can be asked for again."""

from __future__ import annotations

import json
from typing import Any

import pytest

from reelwork.engine.stages import publish as publish_stage
from reelwork.engine.stages import tools as tools_stage
from reelwork.ledger import timing
from reelwork_hooks import (
    Idempotency,
    InvalidInput,
    NotSent,
    OutcomeUnknown,
    OutOfFunds,
    Phase,
    Plugin,
    Receipt,
    ReelworkError,
    Rejected,
    Unavailable,
    Verdict,
    hookimpl,
)

PROMPT = "A lighthouse in the rain at night"
FULL = OutOfFunds("the day's 10 posts are used up", hint="Resume the job tomorrow.")


class Wall:
    """The other side: what was posted there, and what it says before it takes anything."""

    def __init__(self, *, says: list[Exception], where: str = "publish") -> None:
        self.says, self.where = list(says), where
        self.posts: list[str] = []
        self.prepared = 0

    def ask(self, where: str) -> None:
        if where == self.where and self.says:
            raise self.says.pop(0)

    def plugin(self) -> type:
        wall = self

        class Publisher(Plugin):
            """Posts to a wall."""

            public = False

            @hookimpl
            def prepare_publish(self) -> dict[str, int]:
                wall.prepared += 1
                wall.ask("prepare")
                return {"upload": wall.prepared}

            @hookimpl
            def publish(self, effect: Any) -> Receipt:
                wall.ask("publish")
                wall.posts.append(effect.key)
                return Receipt(id=f"post_{len(wall.posts)}")

        return Publisher


@pytest.mark.parametrize("where", ["prepare", "publish"])
def test_retry_asks_a_destination_again_that_refused(lab: Any, where: str) -> None:
    wall = Wall(says=[Rejected("the daily limit is reached")], where=where)
    lab.add_plugin("wall", wall.plugin(), "publish")
    (job,) = lab.studio().run_sync(PROMPT).jobs
    assert job.status == "rejected"
    assert wall.posts == []
    (job,) = lab.studio().retry_sync(job.id).jobs
    assert job.status == "done"
    assert len(wall.posts) == 1
    (job,) = lab.studio().resume_sync(job.id).jobs
    assert len(wall.posts) == 1


def test_each_time_it_is_asked_again_is_an_act_of_its_own(lab: Any) -> None:
    wall = Wall(says=[Rejected("not today"), Rejected("nor today")])
    lab.add_plugin("wall", wall.plugin(), "publish")
    (job,) = lab.studio().run_sync(PROMPT).jobs
    for status in ("rejected", "done"):
        (job,) = lab.studio().retry_sync(job.id).jobs
        assert job.status == status
    assert wall.posts == [f"reelwork-{job.id}-post-wall-3"]


def test_a_day_that_is_used_up_is_held_and_resumed(lab: Any) -> None:
    wall = Wall(says=[FULL], where="prepare")
    lab.add_plugin("wall", wall.plugin(), "publish")
    (job,) = lab.studio().run_sync(PROMPT).jobs
    assert job.status == "held"
    assert "the day's 10 posts are used up" in job.reason
    assert "tomorrow" in job.reason
    (job,) = lab.studio().resume_sync(job.id).jobs
    assert (job.status, len(wall.posts)) == ("done", 1)


@pytest.mark.parametrize("passing", [Unavailable("busy", retry_after=0), NotSent("busy", retry_after=0)])
def test_a_pause_that_is_asked_for_before_posting_is_kept(lab: Any, passing: Exception) -> None:
    wall = Wall(says=[passing, passing], where="prepare")
    lab.add_plugin("wall", wall.plugin(), "publish")
    (job,) = lab.studio().run_sync(PROMPT).jobs
    assert (job.status, wall.prepared, len(wall.posts)) == ("done", 3, 1)


@pytest.mark.parametrize(("times", "status"), [(2, "done"), (6, "failed")])
def test_a_destination_that_is_away_while_a_post_is_prepared_is_tried_for_a_while(
    lab: Any, monkeypatch: pytest.MonkeyPatch, times: int, status: str
) -> None:
    monkeypatch.setattr(publish_stage, "backoff", lambda failures: 0.01 * (failures + 1))
    moderated: list[str] = []

    class Looks(Plugin):
        """Counts the posts it is asked about."""

        @hookimpl
        def pre_moderate(self, content: Any) -> Verdict:
            moderated.append(content.stage)
            return Verdict(decision="allow")

    wall = Wall(says=[Unavailable("away")] * times, where="prepare")
    lab.add_plugin("looks", Looks, "pre_moderate")
    lab.add_plugin("wall", wall.plugin(), "publish")
    (job,) = lab.studio().run_sync(PROMPT).jobs
    assert (job.status, len(wall.posts)) == (status, int(status == "done"))
    assert wall.prepared == min(times + 1, 6)
    assert moderated.count("post") == 1, "each call may cost money"
    if status == "failed":
        assert "away. Nothing was posted." in job.reason
        (job,) = lab.studio().resume_sync(job.id).jobs
        assert (job.status, len(wall.posts)) == ("done", 1)


@pytest.mark.parametrize(("times", "status"), [(2, "done"), (9, "failed")])
def test_what_was_prepared_and_has_expired_is_prepared_again(
    lab: Any, monkeypatch: pytest.MonkeyPatch, times: int, status: str
) -> None:
    monkeypatch.setattr(timing, "backoff", lambda failures: 0.01)
    given: list[Any] = []

    class Expires(Plugin):
        """Holds an upload for a while only."""

        public = False

        @hookimpl
        def prepare_publish(self) -> int:
            return len(given) + 1

        @hookimpl
        def publish(self, effect: Any) -> Receipt:
            given.append(effect.prepared)
            if len(given) <= times:
                raise NotSent("the upload has expired", prepare_again=True)
            return Receipt(id=f"post of upload {effect.prepared}")

    lab.add_plugin("wall", Expires, "publish")
    (job,) = lab.studio().run_sync(PROMPT).jobs
    assert job.status == status, job.reason
    assert given == list(range(1, len(given) + 1)), "each try has an upload of its own"
    if status == "failed":
        assert "the upload has expired" in job.reason
        assert len(given) == 6
        (job,) = lab.studio().resume_sync(job.id).jobs
        assert job.status == "done"
        assert given[-1] == 10


@pytest.mark.slow
def test_an_upload_that_expired_while_the_outcome_is_unknown_is_not_replaced(lab: Any) -> None:
    given: list[Any] = []

    class Silent(Plugin):
        """Gives no answer at first, and knows nothing of it later."""

        public = False
        idempotency = Idempotency.KEY

        @hookimpl
        def prepare_publish(self) -> int:
            return len(given) + 1

        @hookimpl
        def publish(self, effect: Any) -> Receipt:
            given.append(effect.prepared)
            if len(given) == 1:
                raise OutcomeUnknown("no answer")
            raise NotSent("the upload has expired", prepare_again=True, lasting=True, retry_after=None)

    lab.add_plugin("wall", Silent, "publish")
    (job,) = lab.studio().run_sync(PROMPT).jobs
    assert set(given) == {1}
    assert job.status in ("held", "failed")
    assert "may have been" in job.reason or job.status == "held", job.reason


def test_a_lasting_fault_while_a_post_is_prepared_is_not_tried_again(lab: Any) -> None:
    wall = Wall(says=[NotSent("no such address", lasting=True)], where="prepare")
    lab.add_plugin("wall", wall.plugin(), "publish")
    (job,) = lab.studio().run_sync(PROMPT).jobs
    assert (job.status, wall.prepared) == ("failed", 1)
    assert job.reason.lower().count("nothing was posted") == 1


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (Rejected("the bot may not post here", hint="Make it an admin."), "rejected"),
        (InvalidInput("the bot may not post here", hint="Make it an admin."), "failed"),
        (NotSent("the bot may not post here", hint="Make it an admin.", lasting=True), "failed"),
    ],
    ids=["rejected", "invalid", "not-sent"],
)
def test_the_advice_of_an_error_while_a_post_is_prepared_reaches_the_person(
    lab: Any, error: ReelworkError, status: str
) -> None:
    wall = Wall(says=[error], where="prepare")
    lab.add_plugin("wall", wall.plugin(), "publish")
    (job,) = lab.studio().run_sync(PROMPT).jobs
    assert job.status == status
    assert "the bot may not post here" in job.reason
    assert job.reason.count("Make it an admin.") == 1
    assert wall.posts == []


def test_the_advice_of_a_refusal_reaches_the_person(lab: Any) -> None:
    wall = Wall(says=[NotSent("the key may not post", lasting=True, hint="Give it the right to post.")])
    lab.add_plugin("wall", wall.plugin(), "publish")
    (job,) = lab.studio().run_sync(PROMPT).jobs
    assert "the key may not post. Give it the right to post" in job.reason
    assert ".." not in job.reason


def test_nothing_is_said_to_be_unposted_that_may_have_been(lab: Any) -> None:
    wall = Wall(says=[OutcomeUnknown("no answer")])
    lab.add_plugin("wall", wall.plugin(), "publish")
    (job,) = lab.studio().run_sync(PROMPT).jobs
    assert job.status == "held"
    assert "may have been carried out" in job.reason
    assert "othing was posted" not in job.reason


def test_retry_does_not_ask_moderation_again_until_it_agrees(lab: Any) -> None:
    asked: list[str] = []

    class Strict(Plugin):
        """Refuses every post."""

        @hookimpl
        def pre_moderate(self, content: Any) -> Verdict:
            asked.append(content.stage)
            return Verdict(decision="reject" if content.stage == "post" else "allow", reason="no")

    wall = Wall(says=[])
    lab.add_plugin("strict", Strict, "pre_moderate")
    lab.add_plugin("wall", wall.plugin(), "publish")
    (job,) = lab.studio().run_sync(PROMPT).jobs
    assert job.status == "rejected"
    before = len(asked)
    (job,) = lab.studio().retry_sync(job.id).jobs
    assert (job.status, len(asked), wall.posts) == ("rejected", before, [])


@pytest.mark.parametrize(
    ("says", "is_paid", "calls"),
    [
        (Unavailable("away"), False, 3),
        (NotSent("away", retry_after=0), False, 3),
        (NotSent("busy"), True, 3),
        # It may have been paid for before the answer was lost.
        (Unavailable("away"), True, 1),
        (NotSent("no such address", lasting=True), False, 1),
        (ValueError("wrong"), False, 1),
    ],
)
def test_what_passes_after_the_download_is_waited_for(
    lab: Any, monkeypatch: pytest.MonkeyPatch, says: Exception, is_paid: bool, calls: int
) -> None:
    monkeypatch.setattr(tools_stage, "backoff", lambda failures: 0.01)
    called: list[int] = []

    class Stores(Plugin):
        """Keeps videos on a server that is away twice."""

        phase, costs = Phase.STORE, is_paid

        @hookimpl
        def post_download(self, clip: Any) -> None:
            called.append(1)
            if len(called) < 3:
                raise says

    lab.add_plugin("stores", Stores, "post_download")
    (job,) = lab.studio().run_sync(PROMPT).jobs
    assert (job.status, len(called)) == ("done" if calls == 3 else "failed", calls)
    if calls == 1:
        assert "The download is kept; `reelwork resume` continues at 'stores'." in job.reason
    assert len(lab.remote.creates) == 1


@pytest.mark.parametrize(("asked", "pauses"), [(None, [0.1, 0.2]), (0.0, [0.1, 0.2]), (0.15, [0.15, 0.2])])
def test_a_server_that_asks_for_short_pauses_is_not_given_up_sooner(
    lab: Any, monkeypatch: pytest.MonkeyPatch, asked: float | None, pauses: list[float]
) -> None:
    monkeypatch.setattr(tools_stage, "backoff", lambda failures: 0.1 * (failures + 1))
    called: list[int] = []

    class Stores(Plugin):
        """Keeps videos on a server that is away twice."""

        phase = Phase.STORE

        @hookimpl
        def post_download(self, clip: Any) -> None:
            called.append(1)
            if len(called) < 3:
                raise Unavailable("away", retry_after=asked)

    lab.add_plugin("stores", Stores, "post_download")
    (job,) = lab.studio().run_sync(PROMPT).jobs
    assert job.status == "done"
    told = [event for event in lab.studio().store.events(job.id) if event.name == "retry"]
    waits = [json.loads(event.details)["wait"] for event in told]
    assert waits == pytest.approx(pauses)


def test_a_storage_that_stays_away_stops_the_job_at_its_download(lab: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tools_stage, "backoff", lambda failures: 0.01)
    away = [True]

    class Stores(Plugin):
        """Keeps videos on a server that is away."""

        phase = Phase.STORE

        @hookimpl
        def post_download(self, clip: Any) -> None:
            if away:
                raise Unavailable("the server is away.")

    lab.add_plugin("stores", Stores, "post_download")
    (job,) = lab.studio().run_sync(PROMPT).jobs
    assert job.status == "failed"
    assert "'stores'" in job.reason
    assert job.reason.endswith("the server is away. The download is kept. `reelwork resume` tries again.")
    away.clear()
    assert lab.studio().resume_sync(job.id).ok
    assert len(lab.remote.creates) == 1
