"""Moderation of the finished video, before it is signed, stored or posted."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from reelwork.store.records import FAILED, HELD, REJECTED
from reelwork.testing import write_video
from reelwork_hooks import Asset, Clip, Content, Phase, Plugin, Receipt, Role, Stage, Verdict, hookimpl

PROMPT = "A lighthouse in the rain at night"
CUES = "WEBVTT\n\n1\n00:00.000 --> 00:01.000\nHello, <i>lighthouse</i>\n"


def watcher(
    answers: list[Any], seen: list[Content], *, at: tuple[Stage, ...] = (Stage.CLIP,), paid: bool = False
) -> type:
    """A plugin that gives these answers, one for each call, and then lets everything pass."""

    class Watcher(Plugin):
        """Looks at clips."""

        moderates = at
        clip_frames = 3
        costs = paid

        @hookimpl
        def pre_moderate(self, content: Content) -> Verdict | None:
            seen.append(content)
            assert all(path.is_file() for path in content.images)
            answer = answers.pop(0) if answers else None
            if isinstance(answer, BaseException):
                raise answer
            return answer

    return Watcher


def finisher(name: str, in_phase: Phase, ran: list[str], change: Any = None) -> type:
    class Finisher(Plugin):
        """Notes that it ran."""

        phase = in_phase

        @hookimpl
        def post_download(self, clip: Clip) -> Clip | None:
            ran.append(name)
            return change(self, clip) if change else None

    return Finisher


def poster(ran: list[str]) -> type:
    class Poster(Plugin):
        """Publishes nowhere."""

        public = False

        @hookimpl
        def prepare_publish(self) -> None:
            ran.append("prepared")

        @hookimpl
        def publish(self) -> Receipt:
            ran.append("posted")
            return Receipt(id="1")

    return Poster


def with_captions(plugin: Plugin, clip: Clip) -> Clip:
    path = plugin.context.work_dir / "captions.vtt"
    path.write_text(CUES, encoding="utf-8")
    return clip.adding(Asset.from_file(path, Role.CAPTIONS))


def another(plugin: Plugin, clip: Clip) -> Clip:
    """The clip with other bytes that show another film."""
    path = write_video(plugin.context.work_dir / f"{clip.video.sha256[:8]}.mp4", width=854, height=480, fps=12)
    return clip.with_video(Asset.from_file(path, Role.VIDEO))


@pytest.fixture
def ran(lab: Any) -> list[str]:
    """The names of what has run: `edit` before `sign` before `store`, then a post."""
    ran: list[str] = []
    lab.add_plugin("edit", finisher("edit", Phase.EDIT, ran, with_captions), "post_download")
    lab.add_plugin("sign", finisher("sign", Phase.SIGN, ran, another), "post_download")
    lab.add_plugin("store", finisher("store", Phase.STORE, ran), "post_download")
    lab.add_plugin("poster", poster(ran), "publish")
    return ran


def test_it_sees_the_edited_video_before_it_is_signed_stored_or_posted(lab: Any, ran: list[str]) -> None:
    seen: list[Content] = []
    sizes: list[tuple[int, int]] = []

    class Looks(watcher([], seen)):  # type: ignore[misc]
        """Opens the frames."""

        @hookimpl
        def pre_moderate(self, content: Content) -> None:
            seen.append(content)
            ran.append("moderated")
            for path in content.images:
                with Image.open(path) as picture:
                    sizes.append(picture.size)

    lab.add_plugin("looks", Looks, "pre_moderate")
    (job,) = lab.studio().run_sync(PROMPT).jobs
    assert job.status == "done"
    assert ran == ["edit", "moderated", "sign", "store", "prepared", "posted"]
    (content,) = seen
    assert (content.stage, content.text) == (Stage.CLIP, "Hello, lighthouse")
    assert sizes == [(854, 480)] * 3
    assert content.clip is not None
    assert [asset.role for asset in content.clip.assets] == [Role.CAPTIONS]
    # The frames are there during the call only.
    assert not any(path.exists() for path in content.images)
    assert [event.name for event in lab.studio().store.events(job.id)].count("moderated") == 1


def test_a_plugin_that_does_not_say_is_asked_at_the_old_three_stages(lab: Any, ran: list[str]) -> None:
    seen: list[str] = []

    class Old:
        """A plugin of the first contract, without a base class."""

        def __init__(self, config: Any, context: Any) -> None:
            pass

        @hookimpl
        def pre_moderate(self, content: Content) -> None:
            assert content.stage in ("brief", "prompt", "post"), "a stage it does not know"
            seen.append(content.stage)

    lab.add_plugin("old", Old, "pre_moderate")
    (job,) = lab.studio().run_sync(PROMPT).jobs
    assert job.status == "done"
    assert seen == ["brief", "post"]
    assert not (lab.studio().store.files / "frames").exists()


def test_a_plugin_may_be_asked_at_all_stages(lab: Any, ran: list[str]) -> None:
    seen: list[Content] = []
    lab.add_plugin("looks", watcher([], seen, at=tuple(Stage)), "pre_moderate")
    assert lab.studio().run_sync(PROMPT).ok
    assert [content.stage for content in seen] == ["brief", "clip", "post"]


@pytest.mark.parametrize(
    ("answer", "status", "hold"),
    [
        (Verdict.reject("blood"), REJECTED, None),
        (Verdict.hold("blood"), HELD, "moderation"),
        (RuntimeError("down"), HELD, "moderation-silent"),
    ],
)
def test_what_does_not_pass_is_not_stored_and_not_posted(
    lab: Any, ran: list[str], answer: Any, status: str, hold: str | None
) -> None:
    lab.add_plugin("looks", watcher([answer], []), "pre_moderate")
    (job,) = lab.studio().run_sync(PROMPT).jobs
    assert (job.status, job.hold, job.step) == (status, hold, "moderate-clip")
    assert "nothing was stored or posted" in job.reason
    assert ran == ["edit"]


def test_moderation_that_was_silent_is_asked_again(lab: Any, ran: list[str]) -> None:
    seen: list[Content] = []
    lab.add_plugin("looks", watcher([RuntimeError("down")], seen), "pre_moderate")
    lab.studio().run_sync(PROMPT)
    assert lab.studio().resume_sync().ok
    assert len(seen) == 2
    assert ran == ["edit", "sign", "store", "prepared", "posted"]
    assert len(lab.remote.creates) == 1


def test_an_approval_is_for_this_clip_only(lab: Any, ran: list[str]) -> None:
    seen: list[Content] = []
    lab.add_plugin("looks", watcher([Verdict.hold("blood"), Verdict.hold("blood")], seen), "pre_moderate")
    studio = lab.studio()
    (job,) = studio.run_sync(PROMPT).jobs
    (question,) = studio.review(job.id).questions
    assert ("held", "the video") in question.facts
    job = studio.resolve_sync(job.id, decision="approve")
    assert job.status == "done"
    assert len(seen) == 1
    # Another video of the same prompt has not been approved.
    lab.remote.video = write_video(lab.folder / "other.mp4", width=854, height=480, fps=15)
    (job,) = studio.run_sync(PROMPT).jobs
    assert job.status == HELD
    assert len(seen) == 2


@pytest.mark.parametrize("verdict", [Verdict.hold("blood"), Verdict.reject("blood")])
def test_a_paid_answer_is_not_paid_for_again(lab: Any, ran: list[str], verdict: Verdict) -> None:
    first: list[Content] = []
    paid: list[Content] = []
    lab.add_plugin("first", watcher([], first, paid=True), "pre_moderate")
    lab.add_plugin("second", watcher([verdict], paid, paid=True), "pre_moderate")
    (job,) = lab.studio().run_sync(PROMPT).jobs
    (again,) = lab.studio().retry_sync(job.id).jobs
    assert (again.status, again.reason) == (job.status, job.reason)
    assert (len(first), len(paid)) == (1, 1)
    if verdict.decision == "hold":
        assert "'second' costs money, and is asked again with other settings only" in job.reason
        assert lab.studio().resolve_sync(job.id, decision="approve").status == "done"
        assert (len(first), len(paid)) == (1, 1)


def test_a_free_answer_is_asked_for_again(lab: Any, ran: list[str]) -> None:
    seen: list[Content] = []
    lab.add_plugin("looks", watcher([Verdict.hold("blood")], seen), "pre_moderate")
    lab.studio().run_sync(PROMPT)
    assert lab.studio().resume_sync().ok
    assert len(seen) == 2


def test_other_settings_are_another_question(lab: Any, ran: list[str]) -> None:
    seen: list[Content] = []

    class Strict(watcher([Verdict.hold("blood")], seen, paid=True)):  # type: ignore[misc]
        """Has a setting."""

        class Config(Plugin.Config):
            level: int = 1

    lab.add_plugin("strict", Strict, "pre_moderate")
    (job,) = lab.studio().run_sync(PROMPT).jobs
    assert job.status == HELD
    assert lab.studio().resume_sync(job.id, settings={"plugin": {"strict": {"level": 2}}}).ok
    assert len(seen) == 2


def test_no_committed_answer_is_asked_for_again_after_a_crash(lab: Any, shop: Any, crash: Any) -> None:
    killed = crash()
    counts = {"first": 0, "second": 0}

    def counting(name: str) -> type:
        class Counting(Plugin):
            """Counts its calls."""

            moderates = (Stage.CLIP,)
            costs = True

            @hookimpl
            async def pre_moderate(self) -> None:
                counts[name] += 1

        return Counting

    lab.add_plugin("first", counting("first"), "pre_moderate")
    lab.add_plugin("second", counting("second"), "pre_moderate")

    async def until_killed() -> None:
        async with shop.process() as (store, session, worker):
            (job_id,) = await shop.add(store, session, PROMPT)
            run = worker.steps.run

            async def dies(work: Any) -> Any:
                if work.row.step == "moderate-clip" and "first" in work.data.looked:
                    raise killed
                return await run(work)

            worker.steps.run = dies
            with pytest.raises(killed):
                await shop.advance(store, worker, job_id)
        async with shop.process() as (store, _, worker):
            shop.clock.now += 3600
            await shop.advance(store, worker, job_id)

    asyncio.run(until_killed())
    assert counts == {"first": 1, "second": 1}


def test_captions_that_nobody_can_read_are_for_a_person(lab: Any, ran: list[str]) -> None:
    def odd(plugin: Plugin, clip: Clip) -> Clip:
        path = plugin.context.work_dir / "captions.srt"
        path.write_bytes(b"1\n00:00:00,000 --> 00:00:01,000\nGr\xfc\xdfe\n")
        return clip.adding(Asset.from_file(path, Role.CAPTIONS))

    seen: list[Content] = []
    lab.workflow["plugins"]["post_download"] = []
    lab.add_plugin("odd", finisher("odd", Phase.EDIT, ran, odd), "post_download")
    lab.add_plugin("looks", watcher([], seen), "pre_moderate")
    (job,) = lab.studio().run_sync(PROMPT).jobs
    assert (job.status, job.hold) == (HELD, "moderation")
    assert "'reelwork': it cannot be shown to looks: captions.srt is no text in UTF-8 or UTF-16" in job.reason
    assert seen == []
    assert lab.studio().resolve_sync(job.id, decision="approve").status == "done"


def test_a_video_that_is_gone_is_fetched_again(lab: Any, ran: list[str]) -> None:
    seen: list[Content] = []
    lab.add_plugin("looks", watcher([Verdict.hold("blood")], seen), "pre_moderate")
    (job,) = lab.studio().run_sync(PROMPT).jobs
    assert job.video is not None
    Path(job.video).unlink()
    (job,) = lab.studio().resume_sync().jobs
    assert (job.status, job.step) == (FAILED, "download")
    assert lab.studio().resume_sync().ok
    assert len(lab.remote.creates) == 1


def test_a_job_that_was_finished_before_is_looked_at_before_its_post(lab: Any, ran: list[str]) -> None:
    seen: list[Content] = []
    held: list[Content] = []
    lab.add_plugin("words", watcher([RuntimeError("down")], held, at=(Stage.POST,)), "pre_moderate")
    (job,) = lab.studio().run_sync(PROMPT).jobs
    assert (job.status, ran) == (HELD, ["edit", "sign", "store"])
    # The package is upgraded meanwhile: now it wants to see clips.
    lab.catalog.add("words", watcher([Verdict.hold("blood")], seen, at=(Stage.CLIP,)))
    (job,) = lab.studio().resume_sync().jobs
    assert (job.status, job.step) == (HELD, "moderate-clip")
    assert "nothing was posted" in job.reason
    assert lab.studio().resolve_sync(job.id, decision="approve").status == "done"
    assert ran == ["edit", "sign", "store", "prepared", "posted"]


@pytest.mark.parametrize("wrong", ["clip", (), ("brief", "clpi"), 3])
def test_a_stage_that_does_not_exist_is_refused_before_anything_is_sent(lab: Any, wrong: Any) -> None:
    from reelwork_hooks import PluginInvalid

    lab.add_plugin("looks", watcher([], [], at=wrong), "pre_moderate")
    with pytest.raises(PluginInvalid, match=r"'looks'.*moderates"):
        lab.studio().run_sync(PROMPT)
    assert lab.remote.calls == 0


def test_plan_says_who_will_look(lab: Any, ran: list[str]) -> None:
    lab.add_plugin("looks", watcher([], [], paid=True), "pre_moderate")
    lab.add_plugin("all", watcher([], [], at=tuple(Stage), paid=True), "pre_moderate")
    rehearsal = lab.studio().rehearse_sync(PROMPT)
    assert [(look.plugin, look.frames, look.costs) for look in rehearsal.looks] == [
        ("looks", 3, True),
        ("all", 3, True),
    ]
    # The first has nothing to be asked about before there is a video.
    assert rehearsal.skipped == ("all (pre_moderate)",)
    assert ran == []


@pytest.mark.parametrize(("captions", "status"), [(True, REJECTED), (False, "done")])
def test_rules_read_captions_when_they_are_told_to(lab: Any, ran: list[str], captions: bool, status: str) -> None:
    # The word stands in the captions alone, which the first plugin adds.
    lab.workflow["plugins"]["pre_moderate"] = ["rules"]
    lab.workflow["plugin"] = {"rules": {"block": ["hello"], "captions": captions}}
    (job,) = lab.studio().run_sync(PROMPT).jobs
    assert job.status == status
    assert ("posted" in ran) is not captions
