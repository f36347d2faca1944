"""Appeals against refusals by moderation: a person overrules exactly one verdict about exactly one content."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.core.engine.conftest import Shop

from reelwork.cli.views.reviews import page
from reelwork.errors import MovedOn, WorkflowInvalid
from reelwork.planning.job_state import JobData
from reelwork.plugins.pipeline import Pipeline
from reelwork.store.commands import SetJob
from reelwork.store.holds import HoldReason
from reelwork.store.records import ACTIVE, DONE, FAILED, HELD, REJECTED, JobRow
from reelwork.studio.advice import Action, next_step
from reelwork.studio.appeals import appeals_of, file_appeal, new_appeal
from reelwork.studio.post_review import Answer, approve
from reelwork.studio.review_view import post_review_of, review_as_json, waiting_reviews
from reelwork.testing.fake_remote import rejected
from reelwork_hooks import (
    Config,
    Content,
    Plugin,
    PluginVersion,
    Post,
    PostCopy,
    Prompt,
    Receipt,
    Stage,
    Verdict,
    hookimpl,
)
from reelwork_plugins.moderation.rules import Rules

PROMPT = "A lighthouse in the rain at night"
BECAUSE = "It is a film title"
BEN = Answer(by="Ben")
DAY = 86_400.0


class Watch(Config):
    stages: tuple[str, ...] = ()
    only: str = ""
    final: bool = False
    model: str = "watch-1"
    who: str = "watch"


class Seen:
    """What the plugins of a studio were asked, and what was posted."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str]] = []
        self.posts: list[str] = []


def watcher(seen: Seen) -> type[Plugin]:
    class Watcher(Plugin):
        """Rejects what it is told to reject."""

        Config = Watch
        config: Watch
        moderates = tuple(Stage)
        clip_frames = 0

        @hookimpl
        def pre_moderate(self, content: Content) -> Verdict | None:
            name = f"{content.stage}{f' {content.destination}' if content.destination else ''}"
            seen.asked.append((self.config.who, name))
            if content.stage not in self.config.stages or self.config.only not in name:
                return None
            verdict = Verdict.reject("it shows violence", "violence", final=self.config.final)
            return verdict.replace(scores={"violence": 0.9}, thresholds={"violence": 0.5}, flagged=("frame 2",))

    return Watcher


def publisher(seen: Seen) -> type[Plugin]:
    class Settings(Config):
        who: str = "@shop"

    class Publisher(Plugin):
        """Posts to a wall."""

        Config = Settings
        public = False

        @property
        def identity(self) -> str:
            return str(self.config.who)  # type: ignore[attr-defined]

        @hookimpl
        def publish(self, post: Post) -> Receipt:
            seen.posts.append(f"{post.destination}: {post.caption}")
            return Receipt(id=f"post_{len(seen.posts)}")

    return Publisher


class Style(Plugin):
    """Changes the prompt, so that moderation sees it again."""

    @hookimpl
    def prompt_transform(self, prompt: Prompt) -> Prompt:
        return prompt.replace(text=f"{prompt.text}, in style")


@pytest.fixture
def seen(lab: Any) -> Seen:
    made = Seen()
    lab.catalog.add("watch", watcher(made))
    lab.catalog.add("wall", publisher(made))
    lab.add_plugin("style", Style, "prompt_transform")
    lab.workflow["plugin"] = {"shop": {"use": "wall"}, "club": {"use": "wall", "who": "@club"}, "watch": {}}
    lab.workflow["plugins"] |= {"publish": ["shop"], "pre_moderate": ["watch"]}
    lab.workflow["brief"]["caption"] = "Rain"
    return made


def refused(lab: Any, *stages: str, **settings: Any) -> Any:
    """Return a job that is refused at these stages."""
    lab.workflow["plugin"]["watch"] = {"stages": list(stages), **settings}
    (job,) = lab.studio().run_sync(PROMPT).jobs
    return job


def row_of(lab: Any, job: Any) -> JobRow:
    row = lab.studio().store.job(job.id)
    assert row is not None
    return row  # type: ignore[no-any-return]


@pytest.mark.parametrize("stage", list(Stage))
def test_an_overruled_job_goes_on_where_it_was_refused_and_pays_once(lab: Any, seen: Seen, stage: str) -> None:
    job = refused(lab, stage)
    assert (job.status, next_step(job).action, job.appealable) == (REJECTED, Action.APPEAL, True)
    paid = len(lab.remote.creates)
    assert paid == (0 if stage in (Stage.BRIEF, Stage.PROMPT) else 1)
    review = lab.studio().appeal_sync(job.id, BECAUSE, by="Ann")
    (appeal,) = review.appealed
    assert (appeal.refusal.stage, appeal.refusal.verdict.plugin, appeal.appeal.because) == (stage, "watch", BECAUSE)
    assert (appeal.refusal.model, appeal.refusal.verdict.scores) == ("watch-1", {"violence": 0.9})
    # Neither a resume nor a retry is an answer, and moderation is not asked meanwhile.
    before = len(seen.asked)
    for again in (lab.studio().resume_sync, lab.studio().retry_sync):
        (waits,) = again(job.id).jobs
        assert (waits.status, waits.hold, next_step(waits).action) == (HELD, HoldReason.APPEAL, Action.REVIEW)
    assert (len(seen.asked), seen.posts, len(lab.remote.creates)) == (before, [], paid)
    (done,) = lab.studio().approve_posts_sync(job.id, BEN).jobs
    assert (done.status, seen.posts, len(lab.remote.creates)) == (DONE, ["shop: Rain"], 1)
    stages = [name.partition(" ")[0] for _, name in seen.asked]
    assert stages == list(Stage), "each stage is moderated once, and the overruled one is not asked again"
    told = [(one.name, json.loads(one.details)) for one in lab.studio().store.events(job.id)]
    (decided,) = [details for name, details in told if name == "reviewed"]
    assert (decided["by"], decided["decision"], decided["appeals"][0]["plugin"]) == ("Ben", "approved", "watch")
    assert [name for name, _ in told].count("appealed") == 1


def test_each_stage_that_refuses_needs_an_answer_of_its_own(lab: Any, seen: Seen) -> None:
    job, asked = refused(lab, *Stage), []
    while job.status != DONE:
        asked.append(lab.studio().appeal_sync(job.id, BECAUSE).appealed[0].refusal.stage)
        (job,) = lab.studio().approve_posts_sync(job.id, BEN).jobs
    assert (asked, seen.posts, len(lab.remote.creates)) == (list(Stage), ["shop: Rain"], 1)


def test_another_plugin_is_asked_about_what_was_overruled(lab: Any, seen: Seen) -> None:
    lab.workflow["plugin"]["other"] = {"use": "watch", "stages": ["brief"], "who": "other"}
    lab.workflow["plugins"]["pre_moderate"] = ["watch", "other"]
    job = refused(lab, "brief")
    lab.studio().appeal_sync(job.id, BECAUSE)
    (again,) = lab.studio().approve_posts_sync(job.id, BEN).jobs
    assert (again.status, again.appealable, again.reason) == (
        REJECTED,
        True,
        "the brief is rejected by 'other': it shows violence",
    )
    assert seen.asked == [("watch", "brief"), ("other", "brief")]


def test_other_settings_of_the_plugin_void_an_overruling(lab: Any, seen: Seen) -> None:
    job = refused(lab, "brief")
    lab.studio().appeal_sync(job.id, BECAUSE)
    (woken,) = lab.studio().approve_posts_sync(job.id, BEN, wait=False).jobs
    assert woken.status == ACTIVE
    asyncio.run(lab.studio().store.decide(job.id, _held(row_of(lab, job))))
    (again,) = lab.studio().resume_sync(job.id, settings={"plugin": {"watch": {"model": "watch-2"}}}).jobs
    assert (again.status, [name for _, name in seen.asked]) == (REJECTED, ["brief", "brief"])
    assert lab.studio().appeal_sync(job.id, BECAUSE).appealed[0].refusal.model == "watch-2"


def _held(row: JobRow) -> SetJob:
    return SetJob(HELD, row.step, None, "held")


def test_another_word_list_voids_an_overruling(lab: Any, seen: Seen) -> None:
    words = lab.folder / "words.txt"
    words.write_text("[weapons]\nblock: lighthouse\n")
    lab.catalog.add("rules", Rules)
    lab.workflow["plugins"]["pre_moderate"] = ["rules"]
    lab.workflow["plugin"] = {"shop": {"use": "wall"}, "rules": {"lists": [str(words)], "final": ["harm"]}}
    (job,) = lab.studio().run_sync(PROMPT).jobs
    lab.studio().appeal_sync(job.id, BECAUSE)
    words.write_text("[weapons]\nblock: lighthouse\n[harm]\nblock: rain\n")
    (again,) = lab.studio().approve_posts_sync(job.id, BEN).jobs
    # What nobody can overrule is in the list by now, and nobody was shown it.
    assert (again.status, again.appealable, len(lab.remote.creates), seen.posts) == (REJECTED, False, 0, [])


def test_other_words_of_a_post_void_an_overruling(lab: Any, seen: Seen) -> None:
    lab.workflow["review"] = {"always": True}
    job = refused(lab, "post")
    lab.studio().appeal_sync(job.id, BECAUSE)
    (waits,) = lab.studio().approve_posts_sync(job.id, BEN).jobs
    assert (waits.status, waits.hold) == (HELD, HoldReason.REVIEW)
    (edited,) = lab.studio().edit_posts_sync(job.id, BEN, {"caption": "Storm"}, approve=True).jobs
    assert (edited.status, edited.appealable, seen.posts) == (REJECTED, True, [])
    lab.studio().appeal_sync(job.id, BECAUSE)
    (done,) = lab.studio().approve_posts_sync(job.id, BEN).jobs
    # The words were approved with the edit; the appeal was about moderation alone.
    assert (done.status, seen.posts, len(lab.remote.creates)) == (DONE, ["shop: Storm"], 1)


@pytest.mark.parametrize("stage", list(Stage))
def test_a_rejected_appeal_ends_it_for_good(lab: Any, seen: Seen, stage: str) -> None:
    job = refused(lab, stage)
    lab.studio().appeal_sync(job.id, BECAUSE, by="Ann")
    (rejected,) = lab.studio().reject_posts_sync(job.id, BEN, "too brutal").jobs
    assert (rejected.status, rejected.appealable, next_step(rejected).action) == (REJECTED, False, Action.CHANGE)
    assert "the appeal was rejected by Ben: too brutal" in rejected.reason
    with pytest.raises(WorkflowInvalid, match="Ben has rejected an appeal against just this: too brutal"):
        lab.studio().appeal_sync(job.id, BECAUSE)
    # Asked again, the plugin says the same, and so does the person.
    (again,) = lab.studio().retry_sync(job.id).jobs
    assert again.status == REJECTED
    with pytest.raises(WorkflowInvalid, match="Ben has rejected an appeal against just this"):
        lab.studio().appeal_sync(job.id, BECAUSE)
    assert (seen.posts, lab.studio().post_reviews()) == ([], [])


def test_a_score_that_a_person_overruled_still_asks_for_a_review(lab: Any, seen: Seen) -> None:
    lab.workflow["review"] = {"score_above": 0.5}
    job = refused(lab, "clip")
    lab.studio().appeal_sync(job.id, BECAUSE)
    (waits,) = lab.studio().approve_posts_sync(job.id, BEN).jobs
    assert (waits.status, waits.hold, seen.posts) == (HELD, HoldReason.REVIEW, [])
    assert lab.studio().post_review(job.id).waiting[0].review.why.startswith("moderation gave it a score of 0.90")
    (done,) = lab.studio().approve_posts_sync(job.id, BEN).jobs
    assert (done.status, seen.posts) == (DONE, ["shop: Rain"])


def test_a_reviewer_sees_all_the_words_that_were_judged(lab: Any, seen: Seen) -> None:
    lab.workflow["brief"]["hashtags"] = ["storm"]
    job = refused(lab, "post")
    (appeal,) = lab.studio().appeal_sync(job.id, BECAUSE).appealed
    row = row_of(lab, job)
    data = JobData.model_validate_json(row.data)
    warned = data.replace(copies={"shop": PostCopy(options={"warning": "Strong winds"})})
    assert appeals_of(row, warned, 0.0)[0].text == "Rain\n#storm\nStrong winds"
    brief = appeal.refusal.replace(stage=Stage.BRIEF, destination="", appeal=appeal.appeal)
    words = data.replace(refusals=(brief,), brief=data.brief.replace(negative_prompt="blood"))
    assert appeals_of(row, words, 0.0)[0].text == f"{PROMPT}\nnot in it: blood"


def test_names_and_reasons_steer_no_terminal(lab: Any, seen: Seen) -> None:
    job = refused(lab, "brief")
    lab.studio().appeal_sync(job.id, "A play\x1b[31m\nnext  pay", by="\x1b[2JAnn\nnext  pay")
    assert row_of(lab, job).reason.startswith("�[2JAnn next pay appeals: A play�[31m next pay.")
    lab.studio().reject_posts_sync(job.id, replace(BEN, by="Ben\x1b[31m\nnext  pay"), "no\x1b[31m\nnext  pay")
    assert row_of(lab, job).reason.startswith("the appeal was rejected by Ben�[31m next pay: no�[31m next pay.")
    told = [json.loads(one.details) for one in lab.studio().store.events(job.id)]
    assert not any(sign in f"{value}" for details in told for value in details.values() for sign in "\x1b\n")


def test_a_final_verdict_cannot_be_appealed(lab: Any, seen: Seen) -> None:
    job = refused(lab, "brief", final=True)
    assert (job.appealable, next_step(job).action) == (False, Action.CHANGE)
    with pytest.raises(WorkflowInvalid, match="is final, so no person can overrule it: it shows violence") as error:
        lab.studio().appeal_sync(job.id, BECAUSE)
    assert error.value.money == "Nothing was changed; nothing more is spent or posted."


def test_only_a_refusal_by_moderation_can_be_appealed(lab: Any, seen: Seen) -> None:
    lab.remote.faults = [rejected]
    job = refused(lab)
    assert job.status == REJECTED
    with pytest.raises(WorkflowInvalid, match="Moderation has refused nothing of the job"):
        lab.studio().appeal_sync(job.id, BECAUSE)


def test_a_refusal_that_an_earlier_version_stored_is_asked_about_again_first(lab: Any, seen: Seen) -> None:
    job = refused(lab, "brief")
    row = row_of(lab, job)
    earlier = {name: value for name, value in json.loads(row.data).items() if name not in ("refusals", "refused")}
    change = SetJob(REJECTED, row.step, None, row.reason, data=json.dumps(earlier))
    asyncio.run(lab.studio().store.decide(job.id, change))
    with pytest.raises(WorkflowInvalid, match="An earlier version of Reelwork refused the job") as error:
        lab.studio().appeal_sync(job.id, BECAUSE)
    assert f"reelwork jobs retry {job.id[-8:]}" in (error.value.hint or "")
    assert lab.studio().retry_sync(job.id).jobs[0].appealable
    assert lab.studio().appeal_sync(job.id, BECAUSE).waits


def test_an_appeal_is_made_once_and_needs_a_reason(lab: Any, seen: Seen) -> None:
    job = refused(lab, "brief")
    with pytest.raises(WorkflowInvalid, match="An appeal needs a reason"):
        lab.studio().appeal_sync(job.id, " \n ")
    store, row = lab.studio().store, row_of(lab, job)

    async def both() -> list[Any]:
        made = [new_appeal(store, row, who, BECAUSE, 1_790_000_000.0) for who in ("Ann", "Eve")]
        return await asyncio.gather(*(file_appeal(store, row, one) for one in made), return_exceptions=True)

    answers = asyncio.run(both())
    assert [type(one) for one in answers if one] == [MovedOn]
    with pytest.raises(WorkflowInvalid, match="has appealed already"):
        lab.studio().appeal_sync(job.id, BECAUSE)


def test_of_two_who_decide_one_is_heard_and_of_another_version_none(lab: Any, seen: Seen) -> None:
    job = refused(lab, "clip")
    lab.studio().appeal_sync(job.id, BECAUSE)
    with pytest.raises(MovedOn, match="was changed since it was shown"):
        lab.studio().approve_posts_sync(job.id, replace(BEN, version="another"))

    async def both() -> list[Any]:
        studio = lab.studio()
        answers = (studio.approve_posts(job.id, BEN, wait=False), studio.reject_posts(job.id, BEN, wait=False))
        return await asyncio.gather(*answers, return_exceptions=True)

    assert sum(isinstance(one, MovedOn) for one in asyncio.run(both())) == 1


def test_one_post_of_several_is_appealed_while_the_others_are_out(lab: Any, seen: Seen) -> None:
    lab.workflow["plugins"]["publish"] = ["shop", "club"]
    job = refused(lab, "post", only="club")
    assert (job.status, seen.posts, job.appealable) == (REJECTED, ["shop: Rain"], True)
    lab.studio().appeal_sync(job.id, BECAUSE)
    (held,) = lab.studio().resume_sync(job.id).jobs
    assert (held.status, held.hold, "Published to shop" in held.reason) == (HELD, HoldReason.APPEAL, True)
    (done,) = lab.studio().approve_posts_sync(job.id, replace(BEN, destinations=("club",))).jobs
    assert (done.status, seen.posts) == (DONE, ["shop: Rain", "club: Rain"])


def test_of_several_refused_posts_one_is_named(lab: Any, seen: Seen) -> None:
    lab.workflow["plugins"]["publish"] = ["shop", "club"]
    job = refused(lab, "post")
    with pytest.raises(WorkflowInvalid, match="several posts of the job"):
        lab.studio().appeal_sync(job.id, BECAUSE)
    with pytest.raises(WorkflowInvalid, match="has not refused the post to blog"):
        lab.studio().appeal_sync(job.id, BECAUSE, destination="blog")
    for name in ("club", "shop"):
        lab.studio().appeal_sync(job.id, BECAUSE, destination=name)
    (one,) = lab.studio().reject_posts_sync(job.id, replace(BEN, destinations=("shop",))).jobs
    assert (one.status, one.hold) == (HELD, HoldReason.APPEAL)
    (both,) = lab.studio().approve_posts_sync(job.id, BEN).jobs
    assert (both.status, seen.posts) == (REJECTED, ["club: Rain"])


def test_a_video_that_was_changed_since_is_not_approved_unseen(lab: Any, seen: Seen) -> None:
    job = refused(lab, "clip")
    lab.studio().appeal_sync(job.id, BECAUSE)
    clip = lab.studio().post_review(job.id).data.clip
    assert clip is not None
    Path(clip.video.path).write_bytes(b"other")
    with pytest.raises(MovedOn, match="is not the file that was made"):
        lab.studio().approve_posts_sync(job.id, BEN)
    (fetched,) = lab.studio().resume_sync(job.id).jobs
    assert (fetched.status, len(lab.remote.creates)) == (FAILED, 1)
    (waits,) = lab.studio().resume_sync(job.id).jobs
    assert (waits.status, waits.hold, len(lab.remote.creates)) == (HELD, HoldReason.APPEAL, 1)
    (done,) = lab.studio().approve_posts_sync(job.id, BEN).jobs
    assert (done.status, seen.posts) == (DONE, ["shop: Rain"])


def test_a_no_to_the_whole_job_is_a_no_to_its_appeal(lab: Any, seen: Seen) -> None:
    job = refused(lab, "brief")
    lab.studio().appeal_sync(job.id, BECAUSE)
    lab.studio().resolve_sync(job.id, decision="reject", by="Ben")
    with pytest.raises(WorkflowInvalid, match="Ben has rejected an appeal against just this"):
        lab.studio().appeal_sync(job.id, BECAUSE)


def test_an_appeal_of_a_job_that_was_cancelled_is_void(lab: Any, seen: Seen) -> None:
    job = refused(lab, "post")
    lab.studio().appeal_sync(job.id, BECAUSE)
    lab.studio().cancel_sync(job.id)
    review = lab.studio().post_review(job.id)
    assert (review.waits, [one.state for one in review.appeals]) == (False, ["void"])
    assert "  nobody is asked any more: its content was changed" in "\n".join(page(review_as_json(review), 0.0))


@pytest.mark.parametrize("stage", list(Stage))
def test_an_appeal_is_reminded_of_and_ends_by_itself(lab: Any, seen: Seen, shop: Shop, stage: str) -> None:
    lab.workflow["plugin"]["watch"] = {"stages": [stage]}
    lab.workflow["review"] = {"expires": "2d", "remind": "1d"}

    async def scenario() -> list[str]:
        async with shop.process() as (store, session, worker):
            (id_,) = await shop.add(store, session, PROMPT)
            await _until(shop, store, worker, id_, REJECTED)
            row = _row(store, id_)
            await file_appeal(store, row, new_appeal(store, row, "Ann", BECAUSE, shop.clock()))
            begun = shop.clock.now
            assert store.figures().in_review == 1
            await _at_its_time(shop, store, worker)
            assert (store.counts(), shop.clock.now - begun < 1.1 * DAY) == ({HELD: 1}, True)
            await _at_its_time(shop, store, worker)
            row = _row(store, id_)
            assert (row.status, "nobody decided about the appeal in time" in row.reason) == (REJECTED, True)
            assert waiting_reviews(store, shop.clock()) == []
            # Nobody has said no, so it can be asked for again.
            await file_appeal(store, row, new_appeal(store, row, "Ann", BECAUSE, shop.clock()))
            shop.clock.now += 3 * DAY
            (late,) = waiting_reviews(store, shop.clock())
            assert late.appeals[0].state == "expired"
            return [one.name for one in store.events(id_)]

    names = asyncio.run(scenario())
    assert (names.count("review-reminder"), names.count("review-expired"), names.count("appealed")) == (1, 1, 2)


@pytest.mark.parametrize("stage", [Stage.BRIEF, Stage.PROMPT, Stage.CLIP])
def test_a_reminder_asks_no_plugin_that_was_updated_meanwhile(
    lab: Any, seen: Seen, shop: Shop, stage: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    lab.workflow["plugin"]["watch"] = {"stages": [stage]}
    lab.workflow["review"] = {"expires": "2d", "remind": "1d"}

    async def scenario() -> list[str]:
        async with shop.process() as (store, session, worker):
            (id_,) = await shop.add(store, session, PROMPT)
            await _until(shop, store, worker, id_, REJECTED)
            row = _row(store, id_)
            await file_appeal(store, row, new_appeal(store, row, "Ann", BECAUSE, shop.clock()))
            updated = PluginVersion(package="watch", version="2")
            monkeypatch.setattr(Pipeline, "version_of", lambda *_: updated)
            for status in (HELD, REJECTED):
                await _at_its_time(shop, store, worker)
                assert store.counts() == {status: 1}
            return [one.name for one in store.events(id_)]

    names = asyncio.run(scenario())
    asked = [name for _, name in seen.asked].count(stage)
    assert (asked, names.count("review-reminder"), names.count("review-expired")) == (1, 1, 1)


def _row(store: Any, id_: str) -> JobRow:
    row = store.job(id_)
    assert row is not None
    return row  # type: ignore[no-any-return]


async def _until(shop: Shop, store: Any, worker: Any, id_: str, status: str) -> None:
    for _ in range(100):
        await worker.advance(id_)
        if store.counts() == {status: 1}:
            return
        due = await store.next_due(None)
        assert due is not None, [row.reason for row in store.jobs()]
        shop.clock.now = max(shop.clock.now, due) + 0.001
    raise AssertionError(store.counts())


async def _at_its_time(shop: Shop, store: Any, worker: Any) -> None:
    (row,) = store.jobs()
    assert row.due_at is not None
    shop.clock.now = row.due_at + 1
    (claimed,) = await store.claim_jobs(worker.owner.name, 60, 10, None)
    await worker.carry_on(claimed)


def test_a_process_that_dies_after_the_approval_leaves_it_to_the_next(
    lab: Any, seen: Seen, shop: Shop, crash: Callable[..., type[BaseException]]
) -> None:
    lab.workflow["plugin"]["watch"] = {"stages": ["prompt"]}

    async def scenario() -> None:
        async with shop.process() as (store, session, worker):
            (id_,) = await shop.add(store, session, PROMPT)
            await _until(shop, store, worker, id_, REJECTED)
            row = _row(store, id_)
            await file_appeal(store, row, new_appeal(store, row, "Ann", BECAUSE, shop.clock()))
            await approve(store, _row(store, id_), BEN, shop.clock())
        async with shop.process() as (store, session, worker):
            assert store.counts() == {ACTIVE: 1}
            await shop.advance(store, worker, id_)
            assert not post_review_of(_row(store, id_), shop.clock()).waits

    asyncio.run(scenario())
    assert ([name for _, name in seen.asked], len(lab.remote.creates)) == (
        ["brief", "prompt", "clip", "post shop"],
        1,
    )
