"""Publishing: each destination on its own, each post at most once."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from reelwork.cli.views.dry_run import _job
from reelwork.engine.stages.ending import held_as
from reelwork.errors import NotFound, WorkflowInvalid
from reelwork.planning.job_state import PostState
from reelwork.store.holds import HoldReason
from reelwork_hooks import (
    Absent,
    Candidate,
    Config,
    Effect,
    Found,
    Idempotency,
    Listing,
    NotSent,
    Plugin,
    Receipt,
    Rejected,
    Unsure,
    hookimpl,
)

PROMPT = "A lighthouse in the rain at night"


class Wall:
    """The other side: what was posted there."""

    def __init__(self) -> None:
        self.posts: list[str] = []
        self.calls = 0
        self.faults: list[Any] = []

    def post(self, key: str) -> Receipt:
        self.calls += 1
        if self.faults:
            self.faults.pop(0)(self, key)
        return self.accept(key)

    def accept(self, key: str) -> Receipt:
        self.posts.append(key)
        return Receipt(id=f"post_{len(self.posts)}", url="https://wall.example/1")


def accept_and_raise(wall: Wall, key: str) -> None:
    wall.accept(key)
    raise ConnectionResetError("no answer")


def raise_only(wall: Wall, key: str) -> None:
    raise ConnectionResetError("no answer")


def not_sent(wall: Wall, key: str) -> None:
    raise NotSent("busy", retry_after=0.01)


def refuse(wall: Wall, key: str) -> None:
    raise Rejected("too long")


def publisher(wall: Wall, kind: Idempotency = Idempotency.NONE) -> type:
    class Publisher(Plugin):
        """Posts to a wall."""

        idempotency = kind
        settle_seconds = 0.0
        public = False

        @hookimpl
        def publish(self, post: Any, job: Any, effect: Any) -> Receipt:
            return wall.post(effect.key)

    class Finding(Publisher):
        """Posts to a wall, and can look."""

        @hookimpl
        async def find_post(self, effect: Any) -> Any:
            where = [f"post_{at}" for at, key in enumerate(wall.posts, 1) if key == effect.key]
            return Found(tuple(Receipt(id=id_) for id_ in where)) if where else Absent()

    return Finding if kind is Idempotency.LOOKUP else Publisher


@pytest.mark.parametrize("kind", list(Idempotency))
def test_a_clear_answer_is_one_post(lab: Any, kind: Idempotency) -> None:
    wall = Wall()
    lab.add_plugin("wall", publisher(wall, kind), "publish")
    (job,) = lab.studio().run_sync(PROMPT).jobs
    assert job.status == "done"
    assert job.receipts["wall"].id == "post_1"
    assert job.receipts["wall"].at is not None
    assert lab.studio().resume_sync(job.id).jobs[0].status == "done"
    assert wall.posts == [f"reelwork-{job.id}-post-wall"]


def test_without_a_way_to_look_a_lost_answer_is_held(lab: Any) -> None:
    wall = Wall()
    wall.faults = [accept_and_raise]
    lab.add_plugin("wall", publisher(wall), "publish")
    result = lab.studio().run_sync(PROMPT)
    (job,) = result.jobs
    assert (job.status, result.exit_code) == ("held", 3)
    assert "ConnectionResetError" in job.reason
    assert lab.studio().resume_sync(job.id).jobs[0].status == "held"
    assert wall.calls == 1


@pytest.mark.parametrize("kind", list(Idempotency))
def test_the_plan_says_beforehand_what_would_be_held(lab: Any, kind: Idempotency) -> None:
    lab.add_plugin("wall", publisher(Wall(), kind), "publish")
    (job,) = lab.studio().rehearse_sync(PROMPT).jobs
    held = kind is Idempotency.NONE
    assert job.posts[0].held_in_doubt is held
    assert ("if its answer is lost, it is held: wall cannot be asked" in "\n".join(_job(job, 1))) is held


def test_the_plan_says_what_a_publisher_says_of_its_posts(lab: Any) -> None:
    told = "as a draft, which a person posts"
    lab.add_plugin("wall", type("Drafts", (publisher(Wall()),), {"post_note": told}), "publish")
    (job,) = lab.studio().rehearse_sync(PROMPT).jobs
    assert job.posts[0].note == told
    assert f"    {told}" in "\n".join(_job(job, 1)).splitlines()


def test_the_plan_names_captions_that_a_destination_does_not_take(lab: Any) -> None:
    def planned(taken: tuple[str, ...], made: str, *, none: bool = False) -> str:
        said = {"post_note": "as a draft", "caption_types": taken, "no_captions": none}
        drafts = type("Drafts", (publisher(Wall()),), said)
        lab.add_plugin("wall", drafts, "publish")
        lab.workflow["plugin"] = {"captions": {"text": "0 - 1 Good morning.", "format": made}}
        (job,) = lab.studio().rehearse_sync(PROMPT).jobs
        return job.posts[0].note

    lab.workflow["plugins"]["add"] = ["captions"]
    left_out = "as a draft; without captions in application/x-subrip: it takes text/vtt"
    assert planned(("text/vtt",), "srt") == left_out
    # One that takes them, or that does not say.
    assert planned(("text/vtt",), "vtt") == planned((), "srt") == "as a draft"
    assert planned((), "srt", none=True) == "as a draft; without the captions: it takes none"


@pytest.mark.parametrize("faults", [[], [accept_and_raise]], ids=["answered", "answer lost"])
def test_the_receipt_tells_of_captions_that_a_destination_does_not_take(lab: Any, faults: list[Any]) -> None:
    wall = Wall()
    wall.faults = [*faults]
    lab.add_plugin("wall", type("Bare", (publisher(wall, Idempotency.LOOKUP),), {"no_captions": True}), "publish")
    lab.workflow["plugins"]["add"] = ["captions"]
    lab.workflow["plugin"] = {"captions": {"text": "0 - 1 Good morning.", "language": "en"}}
    studio = lab.studio()
    (job,) = studio.run_sync(PROMPT).jobs
    assert (job.status, len(wall.posts)) == ("done", 1)
    assert job.receipts["wall"].details == {"left_out": ["wall gets no captions: it takes none."]}


def test_with_a_way_to_look_a_lost_answer_is_looked_up(lab: Any) -> None:
    wall = Wall()
    wall.faults = [accept_and_raise]
    lab.add_plugin("wall", publisher(wall, Idempotency.LOOKUP), "publish")
    (job,) = lab.studio().run_sync(PROMPT).jobs
    assert job.status == "done"
    assert (len(wall.posts), wall.calls) == (1, 1)


def test_a_post_that_never_arrived_is_made_again_when_others_are_found_by_the_same_look(lab: Any) -> None:
    wall = Wall()
    lab.add_plugin("wall", publisher(wall, Idempotency.LOOKUP), "publish")
    lab.control()
    wall.faults = [raise_only]
    (job,) = lab.studio().run_sync(PROMPT).jobs
    assert (job.status, len(wall.posts)) == ("held", 1)
    lab.control()
    (job,) = lab.studio().resume_sync(job.id).jobs
    assert job.status == "done"
    assert (len(wall.posts), wall.calls) == (3, 4)


class Owned(Plugin):
    """Posts for one account, whatever the instance is called."""

    idempotency = Idempotency.NONE
    public = False
    wall: Wall

    @property
    def identity(self) -> str:
        return "the account"

    @hookimpl
    async def publish(self, effect: Any) -> Any:
        return self.wall.post(effect.key)


def test_a_destination_that_is_listed_twice_is_one(lab: Any) -> None:
    wall = Wall()
    lab.add_plugin("wall", type("Owner", (Owned,), {"wall": wall}))
    lab.workflow["plugin"] = {"brand-a": {"use": "wall"}, "brand-b": {"use": "wall"}}
    lab.workflow["plugins"]["publish"] = ["brand-a", "brand-b"]
    (job,) = lab.studio().run_sync(PROMPT).jobs
    assert (job.status, len(wall.posts)) == ("done", 1)
    assert {name: receipt.id for name, receipt in job.receipts.items()} == {
        "brand-a": "post_1",
        "brand-b": "post_1",
    }


@pytest.mark.parametrize("own", [{"aspect_ratio": "9:16"}, {"title": "For the others"}])
def test_two_different_posts_to_one_account_are_refused_before_money_is_spent(lab: Any, own: Any) -> None:
    wall = Wall()
    lab.add_plugin("wall", type("Owner", (Owned,), {"wall": wall}))
    lab.workflow["plugin"] = {"brand-a": {"use": "wall"}, "brand-b": {"use": "wall"}}
    lab.workflow["plugins"]["publish"] = ["brand-a", "brand-b"]
    lab.workflow["destination"] = {"brand-b": own}
    for launched in (lab.studio().run_sync, lab.studio().rehearse_sync):
        with pytest.raises(WorkflowInvalid, match="brand-a and brand-b post to one account") as refused:
            launched(PROMPT)
        assert refused.value.money == "Nothing was sent."
    assert (wall.posts, lab.remote.creates) == ([], [])
    lab.workflow["destination"] = {name: {"title": "For all"} for name in ("brand-a", "brand-b")}
    (job,) = lab.studio().run_sync(PROMPT).jobs
    assert (job.status, len(wall.posts)) == ("done", 1)


def test_one_account_has_one_post_though_one_of_its_destinations_refused_at_first(lab: Any) -> None:
    wall = Wall()
    refusals = ["brand-b"]

    class Owner(Owned):
        """Turns one post away before it is sent."""

        @hookimpl
        def prepare_publish(self, post: Any) -> None:
            if post.destination in refusals:
                refusals.remove(post.destination)
                raise Rejected("too long")

    Owner.wall = wall
    lab.add_plugin("wall", Owner)
    lab.workflow["plugin"] = {"brand-a": {"use": "wall"}, "brand-b": {"use": "wall"}}
    lab.workflow["plugins"]["publish"] = ["brand-a", "brand-b"]
    (job,) = lab.studio().run_sync(PROMPT).jobs
    assert (job.status, len(wall.posts)) == ("rejected", 1)
    (job,) = lab.studio().retry_sync(job.id).jobs
    assert (job.status, len(wall.posts)) == ("done", 1)


def test_a_destination_that_was_renamed_is_not_posted_to_again(lab: Any) -> None:
    wall = Wall()
    wall.faults = [accept_and_raise]
    lab.add_plugin("wall", type("Owner", (Owned,), {"wall": wall}))
    lab.workflow["plugin"] = {"brand-a": {"use": "wall"}}
    lab.workflow["plugins"]["publish"] = ["brand-a"]
    (job,) = lab.studio().run_sync(PROMPT).jobs
    assert (job.status, len(wall.posts)) == ("held", 1)
    renamed = {"plugin": {"brand-b": {"use": "wall"}}, "plugins": {"publish": ["brand-b"]}}
    (job,) = lab.studio().resume_sync(job.id, settings=renamed).jobs
    assert (job.status, len(wall.posts)) == ("held", 1)


@pytest.mark.parametrize(("dated", "lookups"), [(True, 4), (False, 0)])
def test_a_publisher_says_whether_it_is_looked_up_around_its_first_posts(
    lab: Any, dated: bool, lookups: int
) -> None:
    wall, asked = Wall(), []

    class Listed(publisher(wall, Idempotency.LOOKUP)):  # type: ignore[misc]
        """Posts to a wall, and lists what is there."""

        dated_lookups = dated

        @hookimpl
        def find_post(self, effect: Any) -> Any:
            asked.append(effect.key)
            there = tuple(Candidate(Receipt(id=f"post_{at}"), ref=key) for at, key in enumerate(wall.posts, 1))
            return Listing(there, complete=True, date=datetime.now(UTC))

    lab.add_plugin("listed", Listed, "publish")
    for prompt in (PROMPT, f"{PROMPT}, again", f"{PROMPT}, once more"):
        (job,) = lab.studio().run_sync(prompt).jobs
        assert job.status == "done"
    assert (len(wall.posts), len(asked)) == (3, lookups)


def test_one_destination_that_fails_does_not_stop_another(lab: Any) -> None:
    first, second = Wall(), Wall()
    first.faults = [refuse]
    lab.add_plugin("first", publisher(first), "publish")
    lab.add_plugin("second", publisher(second), "publish")
    (job,) = lab.studio().run_sync(PROMPT).jobs
    assert job.status == "rejected"
    assert "first: too long" in job.reason
    assert "Published to second" in job.reason
    assert len(second.posts) == 1


def test_proof_that_nothing_went_out_is_tried_again(lab: Any) -> None:
    wall = Wall()
    wall.faults = [not_sent, not_sent]
    lab.add_plugin("wall", publisher(wall), "publish")
    (job,) = lab.studio().run_sync(PROMPT).jobs
    assert job.status == "done"
    assert (len(wall.posts), wall.calls) == (1, 3)


def test_junk_instead_of_a_receipt_is_an_unknown_outcome(lab: Any) -> None:
    class Junk(Plugin):
        """Answers with a text."""

        public = False

        @hookimpl
        def publish(self, post: Any) -> Any:
            return "done!"

    lab.add_plugin("junk", Junk, "publish")
    (job,) = lab.studio().run_sync(PROMPT).jobs
    assert job.status == "held"
    assert "returned str; it must return Receipt" in job.reason


def test_a_sync_hook_over_its_time_may_act_yet_and_is_not_called_again(lab: Any) -> None:
    import threading

    calls, release = [], threading.Event()

    class Slow(Plugin):
        """Blocks in its thread."""

        public = False
        idempotency = Idempotency.LOOKUP
        settle_seconds = 0.0

        @hookimpl
        def publish(self, effect: Any) -> Any:
            calls.append(effect.key)
            release.wait(5)
            return Receipt(id="late")

        @hookimpl
        def find_post(self) -> Any:
            if calls:
                release.set()
            return Unsure("cannot tell")

    lab.add_plugin("slow", Slow, "publish")
    lab.workflow["plugin"] = {"slow": {"time_limit": 0.1}}
    (job,) = lab.studio().run_sync(PROMPT).jobs
    assert job.status == "held"
    assert len(calls) == 1


def test_what_prepare_returned_is_kept_and_given_to_publish(lab: Any) -> None:
    prepared, given = [], []

    class Uploading(Plugin):
        """Uploads before it posts."""

        public = False

        @hookimpl
        async def prepare_publish(self, post: Any) -> Any:
            prepared.append(post.destination)
            return {"blob": "abc"}

        @hookimpl
        async def publish(self, effect: Any) -> Receipt:
            given.append(effect.prepared)
            if len(given) == 1:
                raise NotSent("busy", retry_after=0.01)
            return Receipt(id="1")

    lab.add_plugin("uploading", Uploading, "publish")
    (job,) = lab.studio().run_sync(PROMPT).jobs
    assert job.status == "done"
    assert prepared == ["uploading"]
    assert given == [{"blob": "abc"}] * 2


def test_takes_are_published_as_the_brief_says(lab: Any) -> None:
    wall = Wall()
    lab.add_plugin("wall", publisher(wall), "publish")
    first = lab.studio().run_sync(PROMPT, takes=3, publish_takes="first")
    assert first.ok
    assert len(wall.posts) == 1
    assert lab.studio().run_sync(PROMPT + " again", takes=3, publish_takes="all").ok
    assert len(wall.posts) == 4


def test_beside_a_post_that_is_there_a_held_one_says_of_itself_alone_that_nothing_was_posted() -> None:
    why = "waits for a review: every post is reviewed; nothing was posted"
    posts = {"wall": PostState(state="held", reason=why, hold=HoldReason.REVIEW)}
    for others, told in (
        ({}, "posted."),
        ({"net": PostState(state="published")}, "posted there. Published to net."),
    ):
        held = held_as({**posts, **others})
        assert held is not None
        assert held.reason == f"wall: waits for a review: every post is reviewed; nothing was {told}"


@pytest.mark.parametrize("listed", ["poster", "mine"])
def test_a_missing_account_is_added_by_the_name_of_its_plugin(lab: Any, listed: str) -> None:
    class Settings(Config):
        account: str = "me"

    class Poster(Plugin):
        """Signs in."""

        Config = Settings
        public = False

        @hookimpl
        def publish(self, effect: Effect) -> Receipt:
            return Receipt(id=effect.key)

    lab.catalog.add("poster", Poster)
    lab.workflow["plugins"]["publish"] = [listed]
    lab.workflow["plugin"] = {"mine": {"use": "poster"}} if listed == "mine" else {}
    with pytest.raises(NotFound, match="no account named 'me'") as refused:
        lab.studio().run_sync("A lighthouse in the rain at night")
    assert "reelwork accounts add poster --name me" in refused.value.hint
