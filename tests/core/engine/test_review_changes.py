"""Posts that a person changes before they are made: other words, or another render."""

from __future__ import annotations

import json
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from reelwork.errors import WorkflowInvalid
from reelwork.store.holds import HoldReason
from reelwork.store.records import ACTIVE, DONE, HELD, REJECTED
from reelwork.studio.post_review import Answer
from reelwork_hooks import (
    Config,
    Effect,
    Idempotency,
    Pending,
    Plugin,
    Post,
    Problem,
    Receipt,
    Stage,
    Verdict,
    hookimpl,
)

PROMPT = "A lighthouse in the rain at night"
ANA, BEN = Answer(by="Ana"), Answer(by="Ben")


class Wall:
    """The other side: what was posted there."""

    def __init__(self) -> None:
        self.posts: list[tuple[str, str, str]] = []
        self.pending = 0


class Mood(Config):
    mood: str = ""


def publisher(wall: Wall) -> type[Plugin]:
    class Settings(Config):
        who: str = "@shop"

    class Publisher(Plugin):
        """Posts to a wall."""

        Config = Settings
        PostOptions = Mood
        idempotency = Idempotency.NONE
        public = False

        @property
        def identity(self) -> str:
            return str(self.config.who)  # type: ignore[attr-defined]

        @hookimpl
        def prepare_publish(self) -> str | Pending:
            if wall.pending:
                wall.pending -= 1
                return Pending(after=1)
            return "ready"

        @hookimpl
        def publish(self, post: Post, effect: Effect) -> Receipt:
            wall.posts.append((post.destination, post.caption, str(post.options.get("mood", ""))))
            return Receipt(id=f"post_{len(wall.posts)}")

    return Publisher


@pytest.fixture
def wall(lab: Any) -> Wall:
    made = Wall()
    lab.catalog.add("wall", publisher(made))
    lab.workflow["plugin"] = {"shop": {"use": "wall"}, "club": {"use": "wall", "who": "@club"}}
    lab.workflow["plugins"]["publish"] = ["shop", "club"]
    lab.workflow["brief"]["caption"] = "Rain"
    lab.workflow["review"] = {"always": True}
    return made


class Watching(Plugin):
    """Looks at the words of posts."""

    moderates = (Stage.POST,)

    @hookimpl
    def pre_moderate(self, content: Any) -> Verdict | None:
        return Verdict.reject("no blood") if "blood" in content.text else None


def test_other_words_for_one_post_void_its_approval_and_leave_the_other_alone(lab: Any, wall: Wall) -> None:
    (job,) = lab.studio().run_sync(PROMPT).jobs
    before = lab.studio().post_review(job.id).version
    lab.studio().approve_posts_sync(job.id, ANA, wait=False)
    shop = replace(BEN, destinations=("shop",))
    (asked,) = lab.studio().edit_posts_sync(job.id, shop, {"caption": "Fog", "mood": "calm"}).jobs
    assert (asked.status, asked.hold) == (HELD, HoldReason.REVIEW)
    assert wall.posts == [("club", "Rain", "")]
    review = lab.studio().post_review(job.id)
    assert (review.version != before, [one.post.caption for one in review.waiting]) == (True, ["Fog"])
    (line,) = [one for one in lab.studio().store.events(job.id) if one.name == "edited"]
    told = json.loads(line.details)
    assert (told["by"], told["changes"]["shop"]["caption"]) == ("Ben", ["Rain", "Fog"])
    (done,) = lab.studio().approve_posts_sync(job.id, replace(ANA, version=review.version)).jobs
    assert (done.status, wall.posts[1:]) == (DONE, [("shop", "Fog", "calm")])


def test_saving_and_approving_is_one_act_and_moderation_still_sees_the_words(lab: Any, wall: Wall) -> None:
    lab.add_plugin("watching", Watching, "pre_moderate")
    (job,) = lab.studio().run_sync(PROMPT).jobs
    club, shop = (replace(ANA, destinations=(name,)) for name in ("club", "shop"))
    lab.studio().edit_posts_sync(job.id, club, {"caption": "Fog"}, approve=True)
    assert wall.posts == [("club", "Fog", "")]
    (refused,) = lab.studio().edit_posts_sync(job.id, shop, {"caption": "blood"}, approve=True).jobs
    assert (refused.status, len(wall.posts)) == (REJECTED, 1)
    assert "no blood" in refused.reason


def test_moderation_is_asked_once_about_words_that_are_approved_as_they_are_written(lab: Any, wall: Wall) -> None:
    seen: list[str] = []

    class Counting(Watching):
        """Counts what it is asked."""

        @hookimpl
        def pre_moderate(self, content: Any) -> Verdict | None:
            seen.append(content.text)
            return super().pre_moderate(content)

    lab.add_plugin("counting", Counting, "pre_moderate")
    (job,) = lab.studio().run_sync(PROMPT).jobs
    seen.clear()
    wall.pending = 3
    (done,) = lab.studio().edit_posts_sync(job.id, BEN, {"caption": "Fog"}, approve=True).jobs
    assert (done.status, len(wall.posts), wall.pending) == (DONE, 2, 0)
    # Once for each destination, however often its network is not ready.
    assert ["Fog" in text for text in seen] == [True, True]


def test_words_that_a_network_does_not_take_are_refused_before_they_are_written_down(lab: Any, wall: Wall) -> None:
    class Polite(Plugin):
        """Checks briefs."""

        @hookimpl
        def check_brief(self, brief: Any, job: Any) -> list[Problem]:
            rude = [name for name, copy in brief.destinations.items() if copy.caption == "Hey"]
            return [Problem(field=f"destination.{name}.caption", message="it is rude") for name in rude]

    lab.add_plugin("polite", Polite)
    lab.workflow["plugins"]["add"] = ["polite"]
    lab.workflow["platform"] = {"tiny": {"aspect_ratio": "16:9", "longest_duration": 9, "caption_limit": 20}}
    lab.workflow["brief"]["platforms"] = ["tiny"]
    (job,) = lab.studio().run_sync(PROMPT).jobs
    before = lab.studio().post_review(job.id).version
    for changes, why in (
        ({"caption": "x" * 21}, "takes at most 20"),
        ({"mod": "calm"}, "destination.shop.mod"),
        ({"privacy": "secret"}, "privacy"),
        ({"caption": "Hey"}, "it is rude"),
    ):
        with pytest.raises(WorkflowInvalid, match=why) as refused:
            lab.studio().edit_posts_sync(job.id, ANA, changes)
        assert "Nothing was" in str(refused.value.money)
    assert lab.studio().post_review(job.id).version == before
    assert wall.posts == []


def test_what_is_posted_is_neither_edited_nor_rejected_nor_made_again(lab: Any, wall: Wall) -> None:
    (job,) = lab.studio().run_sync(PROMPT).jobs
    lab.studio().approve_posts_sync(job.id, replace(ANA, destinations=("club",)))
    for destination in ("club",):
        about = replace(ANA, destinations=(destination,))
        with pytest.raises(WorkflowInvalid, match="club"):
            lab.studio().edit_posts_sync(job.id, about, {"caption": "Fog"})
        with pytest.raises(WorkflowInvalid, match="club"):
            lab.studio().reject_posts_sync(job.id, about)
    with pytest.raises(WorkflowInvalid, match="posted to club"):
        lab.studio().redo_posts_sync(job.id, ANA)
    assert (len(wall.posts), len(lab.remote.creates)) == (1, 1)


def test_a_new_render_has_its_price_and_is_not_made_of_a_job_that_moved_on(lab: Any, wall: Wall) -> None:
    lab.workflow["provider"]["price_per_second"] = 0.1
    (job,) = lab.studio().run_sync(PROMPT).jobs
    shown = lab.studio().new_render(job.id, ANA)
    assert (shown.needs_consent, shown.cost, len(lab.remote.creates)) == (True, Decimal("0.1"), 1)
    lab.studio().approve_posts_sync(job.id, ANA, wait=False)
    with pytest.raises(WorkflowInvalid, match="has changed"):
        lab.studio().redo_posts_sync(job.id, ANA, shown=shown.shown)
    assert lab.studio().find(job.id).status == ACTIVE


def test_settings_that_no_longer_ask_do_not_let_a_new_render_through(lab: Any, wall: Wall) -> None:
    (job,) = lab.studio().run_sync(PROMPT).jobs
    shown = lab.studio().new_render(job.id, ANA).shown
    lab.studio().redo_posts_sync(job.id, ANA, shown=shown, wait=False)
    (again,) = lab.studio().resume_sync(job.id, settings={"review": {"always": False}}).jobs
    assert (again.status, again.hold, wall.posts, len(lab.remote.creates)) == (HELD, HoldReason.REVIEW, [], 2)
    (done,) = lab.studio().approve_posts_sync(job.id, ANA).jobs
    assert (done.status, len(wall.posts)) == (DONE, 2)
