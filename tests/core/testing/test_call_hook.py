"""`call_hook` runs a hook as the engine does: its checks, its threads, its ledger."""

from __future__ import annotations

import asyncio
import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar

import pytest

from reelwork.errors import HookFailed, HookTimedOut, NotFound, WorkflowInvalid
from reelwork.testing import (
    SampleContext,
    call_hook,
    call_hook_async,
    sample_clip,
    sample_content,
    sample_job,
    sample_post,
    sample_prompt,
    write_video,
)
from reelwork_hooks import (
    Absent,
    Asset,
    Clip,
    Config,
    Content,
    Credentials,
    Effect,
    Found,
    Idempotency,
    InvalidInput,
    Job,
    NotSent,
    Pending,
    Plugin,
    PluginInvalid,
    Post,
    Prompt,
    Receipt,
    Rejected,
    Role,
    Stage,
    Unsure,
    Verdict,
    hookimpl,
)


class StyleConfig(Config):
    """Settings of `Style`."""

    word: str = "soft"
    """What is added."""


class Style(Plugin):
    """Adds a word, and says on which thread."""

    Config = StyleConfig
    threads: ClassVar[list[str]] = []

    @hookimpl
    def prompt_transform(self, prompt: Prompt) -> Prompt:
        self.threads.append(threading.current_thread().name)
        return prompt.replace(text=f"{prompt.text} {self.config.word}")


def test_a_class_is_made_with_checked_settings_and_runs_in_a_thread() -> None:
    Style.threads.clear()
    assert call_hook(Style, "prompt_transform", settings={"word": "loud"}).text.endswith(" loud")
    assert Style.threads == ["sample.prompt_transform"]
    with pytest.raises(WorkflowInvalid, match="unknown key 'wrod'") as caught:
        call_hook(Style, "prompt_transform", settings={"wrod": "loud"})
    assert "Did you mean 'word'?" in caught.value.hint


def test_an_instance_is_used_as_it_is(reelwork_context: SampleContext) -> None:
    style = Style(StyleConfig(word="dark"), reelwork_context)
    assert call_hook(style, "prompt_transform", prompt=sample_prompt(text="A fox")).text == "A fox dark"
    with pytest.raises(InvalidInput, match="has its settings and context already"):
        call_hook(style, "prompt_transform", settings={})


def test_what_is_refused_at_loading_is_refused_here() -> None:
    class Defaulted(Plugin):
        """Has an argument pluggy would never pass."""

        @hookimpl
        def prompt_transform(self, prompt: Prompt, job: Any = None) -> None: ...

    with pytest.raises(PluginInvalid, match="gives job a default"):
        call_hook(Defaulted, "prompt_transform")


def test_a_hook_it_lacks_and_an_argument_there_is_not_are_named() -> None:
    with pytest.raises(NotFound, match="no hook named 'publish'") as caught:
        call_hook(Style, "publish")
    assert "Style implements: prompt_transform" in caught.value.hint
    with pytest.raises(NotFound, match=r"no argument named 'promt'\. Did you mean 'prompt'"):
        call_hook(Style, "prompt_transform", promt=sample_prompt())


def test_a_wrong_answer_and_a_late_one_stop_the_job() -> None:
    class Wrong(Plugin):
        """Answers with what is not asked for."""

        @hookimpl
        def prompt_transform(self) -> Any:
            return "text"

        @hookimpl
        async def pre_moderate(self) -> Any:
            await asyncio.sleep(60)

        @hookimpl
        def find_post(self) -> Any:
            return True

        @hookimpl
        def prepare_publish(self) -> Any:
            return object()

    with pytest.raises(HookFailed, match="returned str; it must return Prompt or None"):
        call_hook(Wrong, "prompt_transform")
    with pytest.raises(HookTimedOut, match=r"no answer within 0\.05 s"):
        call_hook(Wrong, "pre_moderate", time_limit=0.05)
    with pytest.raises(HookFailed, match="it must return Found, Absent, Unsure"):
        call_hook(Wrong, "find_post")
    with pytest.raises(HookFailed, match="cannot be kept as JSON"):
        call_hook(Wrong, "prepare_publish")


def test_a_veto_carries_the_instance_s_name_and_an_approval_is_none() -> None:
    class Strict(Plugin):
        """Rejects foxes."""

        @hookimpl
        def pre_moderate(self, content: Any) -> Verdict:
            return Verdict.reject("no foxes") if "fox" in content.text else Verdict.allow()

    assert call_hook(Strict, "pre_moderate") is None
    verdict = call_hook(Strict, "pre_moderate", content=sample_content(text="a fox"))
    assert verdict == Verdict.reject("no foxes").replace(plugin="sample")


def test_a_changed_video_is_looked_at_as_in_a_job(tmp_path: Path) -> None:
    class Cutting(Plugin):
        """Puts a shorter video in its place, and says nothing of it."""

        @hookimpl
        def post_download(self, clip: Clip) -> Clip:
            path = write_video(self.context.work_dir / "cut.mp4", seconds=0.5, width=32, height=48)
            return clip.with_video(Asset.from_file(path, Role.VIDEO, media_type="video/mp4"))

    video = call_hook(Cutting, "post_download").video
    assert (video.width, video.height, video.duration) == (32, 48, 0.5)
    assert video.path.exists(), "what a hook wrote outlives the call"
    assert call_hook(Cutting, "post_download", context=SampleContext(tmp_path)).video.path.is_relative_to(tmp_path)


def test_samples_can_be_changed_and_are_checked() -> None:
    assert sample_job(take=2, takes=3).take == 2
    assert sample_post(caption="x").clip == sample_clip()
    with pytest.raises(ValueError, match="tkae"):
        sample_job(tkae=2)


def test_within_an_event_loop_it_says_what_to_call_instead() -> None:
    async def inside() -> Any:
        with pytest.raises(RuntimeError, match="await call_hook_async"):
            call_hook(Style, "prompt_transform")
        return await call_hook_async(Style, "prompt_transform")

    assert asyncio.run(inside()).text.endswith("soft")


# --- publish --------------------------------------------------------------------------------------------------


def poster(*outcomes: Any, finds: Any = None, kind: Idempotency = Idempotency.NONE) -> type[Plugin]:
    """A publisher that does these things, one for each call; the last one again and again."""
    keys: list[str] = []

    class Poster(Plugin):
        """Does as told."""

        idempotency = kind
        settle_seconds = 30.0
        calls = keys

        @hookimpl
        def publish(self, effect: Any) -> Any:
            keys.append(effect.key)
            effect.note(seen=len(keys))
            outcome = outcomes[min(len(keys), len(outcomes)) - 1]
            if isinstance(outcome, Exception):
                raise outcome
            return outcome

    class Finding(Poster):
        """And looks."""

        @hookimpl
        def find_post(self) -> Any:
            return finds

    return Finding if finds is not None else Poster


MADE = Receipt(id="p1")


@pytest.mark.parametrize(
    ("plugin", "state", "effect", "calls"),
    [
        (poster(MADE), "published", "confirmed", 1),
        (poster(Rejected("too long")), "rejected", "rejected", 1),
        (poster(ValueError("bug")), "held", "unknown", 1),
        (poster(ValueError("bug"), MADE, finds=Found.one(MADE)), "published", "confirmed", 1),
        (poster(ValueError("bug"), MADE, finds=Absent()), "held", "unknown", 1),
        (poster(ValueError("bug"), finds=Unsure("cannot tell")), "held", "unknown", 1),
        (poster(ValueError("bug"), MADE, kind=Idempotency.KEY), "published", "confirmed", 2),
        (poster(NotSent("busy"), NotSent("busy"), MADE), "published", "confirmed", 3),
        (poster("no receipt"), "held", "unknown", 1),
        (poster(ValueError("bug"), kind=Idempotency.KEY), "held", "unknown", 13),
    ],
    ids=[
        "posted",
        "rejected",
        "lost",
        "found",
        "absent",
        "unsure",
        "key",
        "not sent",
        "junk",
        "key, given up",
    ],
)
def test_a_post_becomes_what_the_ledger_makes_of_it(plugin: Any, state: str, effect: str, calls: int) -> None:
    published = call_hook(plugin, "publish")
    assert published.state == state
    assert (published.effect, published.attempts, len(plugin.calls)) == (effect, calls, calls)
    assert published.evidence["seen"] == calls
    assert len(set(plugin.calls)) == 1, "the key is the same for every attempt"


def test_the_reason_of_a_held_post_is_the_person_s() -> None:
    reason = call_hook(poster(ValueError("bug")), "publish").reason
    assert reason.startswith(
        "The outcome of the post to sample is unknown: plugin 'sample', hook publish: ValueError: bug."
    )


def test_the_effect_is_the_ledger_s_own() -> None:
    with pytest.raises(InvalidInput, match="gets its effect from the ledger"):
        call_hook(poster(MADE), "publish", effect=None)


def test_a_failed_preparation_never_reaches_publish() -> None:
    class Uploading(Plugin):
        """Cannot upload."""

        @hookimpl
        def prepare_publish(self) -> None:
            raise OSError("disk full")

        @hookimpl
        def publish(self) -> Receipt:
            raise AssertionError("must not be called")

    published = call_hook(Uploading, "publish")
    assert (published.state, published.effect, published.attempts) == ("failed", "", 0)
    assert "disk full. Nothing was posted." in published.reason


# --- the context ----------------------------------------------------------------------------------------------


def test_the_context_keeps_to_its_folder_and_remembers_progress(tmp_path: Path) -> None:
    context = SampleContext(tmp_path)
    context.cache.set("a", "b")
    context.progress(sample_job(), 140, "almost")
    assert context.cache.get("a") == "b"
    assert context.progressed == [("0samplejob000001", 100.0, "almost")]
    assert context.work_dir.is_relative_to(tmp_path)
    with pytest.raises(InvalidInput):
        context.account("nobody")


def test_publish_gets_the_options_of_its_post_and_is_followed() -> None:
    seen: list[Any] = []

    class FilmOptions(Config):
        category: str = "film"

    class Films(Plugin):
        """Takes a while to show a post."""

        public = False
        PostOptions = FilmOptions
        post_fields = ("alt_text", "disclosure")

        @hookimpl
        def publish(self, post: Post) -> Receipt:
            seen.append(post)
            return Receipt(id="post_1", state="processing")

        @hookimpl
        def follow_post(self, receipt: Receipt, job: Job) -> Receipt | Pending:
            if job.pending is None:
                return Pending(after=3600)
            return receipt.replace(state="live", url="https://films.example/1")

    post = sample_post(
        options={"category": "news"},
        alt_text="A lighthouse.",
        disclosure={"ai": "partly"},
        receipts={"wall": Receipt(id="w1")},
    )
    made = call_hook(Films, "publish", post=post)
    assert (made.state, made.attempts) == ("published", 1)
    assert (made.receipt.state, made.receipt.url) == ("live", "https://films.example/1")
    (given,) = seen
    assert (given.options, given.alt_text, given.disclosure.ai) == ({"category": "news"}, "A lighthouse.", "partly")
    assert given.receipts["wall"].id == "w1"
    followed = call_hook(Films, "follow_post")
    assert isinstance(followed, Pending)
    refused = call_hook(Films, "publish", post=sample_post(options={"categry": "news"}))
    assert refused.state == "failed"
    assert "unknown key" in refused.reason


def test_a_plugin_that_looks_at_clips_alone_is_shown_one() -> None:
    class Frames(Plugin):
        """Holds every clip, and says what it was shown."""

        moderates = (Stage.CLIP,)
        clip_frames = 2

        @hookimpl
        def pre_moderate(self, content: Content) -> Verdict:
            assert all(path.is_file() for path in content.images)
            return Verdict.hold(f"{content.stage} {len(content.images)}")

    assert call_hook(Frames, "pre_moderate").reason == "clip 2"
    given = sample_content(stage=Stage.CLIP, text="said")
    assert (given.clip, given.text, len(given.images)) == (sample_clip(), "said", Plugin.clip_frames)
    assert call_hook(Frames, "pre_moderate", content=given).reason == "clip 5"


def test_a_moderator_is_not_called_at_a_stage_at_which_nobody_asks_it() -> None:
    class OfPrompts(Plugin):
        moderates = (Stage.PROMPT,)

        @hookimpl
        def pre_moderate(self, content: Content) -> Verdict:
            return Verdict.hold(content.stage)

    verdict = call_hook(OfPrompts, "pre_moderate")
    assert verdict.reason == "prompt"
    with pytest.raises(InvalidInput, match="OfPrompts is never asked at the stage brief"):
        call_hook(OfPrompts, "pre_moderate", content=sample_content(stage=Stage.BRIEF))


class Signed(Plugin):
    """Posts with the token of its account."""

    @property
    def account_name(self) -> str:
        return "mine"

    @staticmethod
    async def refreshed(kept: Credentials, context: Any) -> Credentials:
        if kept.secret["access_token"] == "revoked":
            raise InvalidInput("the network ended the sign-in")
        return Credentials(kept.shown, {"access_token": "fresh"})

    @hookimpl
    def publish(self, effect: Effect) -> Receipt:
        return Receipt(id=self.context.account("mine").read()["access_token"])


def ended(token: str) -> dict[str, Credentials]:
    return {"mine": Credentials({}, {"access_token": token}, expires_at=datetime(2020, 1, 1, tzinfo=UTC))}


def test_the_token_of_the_account_is_refreshed_before_a_hook(tmp_path: Path) -> None:
    assert call_hook(Signed, "publish", accounts=ended("old")).receipt.id == "fresh"
    context = SampleContext(tmp_path)
    assert call_hook(Signed, "publish", context=context, accounts=ended("old")).receipt.id == "fresh"
    # The context keeps the account for the next call.
    assert call_hook(Signed, "publish", context=context).receipt.id == "fresh"
    refused = call_hook(Signed, "publish", accounts=ended("revoked"))
    assert (refused.state, refused.receipt) == ("failed", None)
    assert refused.reason == "the network ended the sign-in"
    with pytest.raises(InvalidInput, match="has its settings and context already"):
        call_hook(Signed(Config(), context), "publish", accounts=ended("old"))
