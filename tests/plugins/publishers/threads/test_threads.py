"""`threads` against the simulator: one post a container, whatever is lost on the way."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.plugins.publishers.threads.conftest import Bench, account

from reelwork.testing import sample_brief, sample_job, sample_post
from reelwork.testing.contexts import SampleContext
from reelwork_hooks import (
    AlreadyThere,
    Asset,
    Credentials,
    Disclosure,
    Found,
    InvalidInput,
    NotDone,
    NotSent,
    OutcomeUnknown,
    OutOfFunds,
    Pending,
    PostCopy,
    Rejected,
)
from reelwork_plugins.publishers.threads import Threads
from reelwork_plugins.publishers.threads.text import LONGEST, counted, post_text
from reelwork_plugins.simulator.networks.threads import rules
from reelwork_plugins.simulator.networks.tokens import ANYONE, Token

TEMPLATE = "{title}\n\n{caption}\n\n{hashtags}"


def test_a_video_is_fetched_out_of_sight_and_published_once(bench: Bench) -> None:
    options = {"replies": "mentioned_only", "topic": "Sea"}
    bench.post = bench.post.replace(alt_text="A boat at dawn", options=options)
    prepared = bench.prepared()
    [container] = bench.network.accounts.containers.values()
    assert {name: value for name, value in container.fields.items() if name != "video_url"} == {
        "media_type": "VIDEO",
        "text": "Dawn\n\nA sea.\n\n#sea\n\nMade with AI",
        "alt_text": "A boat at dawn",
        "reply_control": "mentioned_only",
        "topic_tag": "Sea",
    }
    assert container.path.read_bytes() == bench.post.clip.video.path.read_bytes()
    assert bench.network.accounts.posts == {}
    receipt = bench.publish(prepared=prepared)
    live = bench.follow(receipt)
    [post] = bench.network.accounts.posts.values()
    assert (live.id, live.state) == (post.id, "live")
    assert live.url == f"{bench.network.simulator.base_url}/@{ANYONE}/post/{post.id}"
    assert live.disclosure is None


@pytest.mark.parametrize("fault", ["accept-then-drop", "accept-then-500", "no-id"])
def test_a_lost_answer_is_told_by_the_container(bench: Bench, fault: str) -> None:
    prepared = bench.prepared()
    bench.network.fails(f"publish:{fault}")
    with pytest.raises(OutcomeUnknown):
        bench.publish(prepared=prepared)
    found = bench.find(prepared=prepared)
    assert isinstance(found, Found)
    live = bench.follow(found.candidates[0])
    [post] = bench.network.accounts.posts.values()
    assert (live.id, live.replaces) == (post.id, prepared["container"])
    with pytest.raises(AlreadyThere):
        bench.publish(prepared=prepared, attempt=2)


def test_what_was_not_published_says_so(bench: Bench) -> None:
    prepared = bench.prepared()
    bench.network.fails("publish:drop-before")
    with pytest.raises(OutcomeUnknown):
        bench.publish(prepared=prepared)
    assert bench.find(prepared=prepared) == NotDone(final=True, why="the container is FINISHED")
    bench.network.fails("container:expired")
    with pytest.raises(NotSent, match="EXPIRED") as caught:
        bench.publish(prepared=prepared)
    assert caught.value.prepare_again


def test_a_video_that_cannot_be_fetched_is_tried_with_another_container(bench: Bench) -> None:
    async def nowhere(asset: Asset, seconds: float) -> str:
        return "http://127.0.0.1:1/film.mp4"

    bench.context.give_address = nowhere
    for _ in range(2):
        answer = bench.prepared()
        assert isinstance(answer, Pending), answer
        bench.job = bench.job.replace(pending=answer)
    with pytest.raises(Rejected, match="FAILED_DOWNLOADING_VIDEO"):
        bench.prepared()
    assert len(bench.network.accounts.containers) == 3


def test_a_video_that_threads_cannot_use_is_refused(bench: Bench) -> None:
    bench.network.fails("video:fail=codec")
    with pytest.raises(Rejected, match="FAILED_PROCESSING_VIDEO"):
        bench.prepared()


def test_the_day_s_posts_are_asked_for_before_anything_is_made(bench: Bench) -> None:
    for _ in range(rules.POSTS_A_DAY):
        made = bench.network.accounts.create(ANYONE, {}, Path(), limited=False)
        bench.network.accounts.change(made.id, ready_at=0.0)
        bench.network.accounts.publish(made.id, ANYONE, most=None)
    with pytest.raises(OutOfFunds, match="250 of 250"):
        bench.prepare()
    assert bench.network.asked == ["account"]


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"privacy": "unlisted"}, "as public as its account"),
        ({"disclosure": Disclosure(label="refuse")}, "no AI label"),
    ],
)
def test_what_threads_has_no_way_to_take_is_refused(bench: Bench, changes: dict[str, Any], told: str) -> None:
    bench.post = bench.post.replace(**changes)
    with pytest.raises(Rejected, match=told):
        bench.prepare()
    assert bench.network.asked == []


def test_a_brief_is_checked_before_it_is_paid_for(bench: Bench) -> None:
    def problems(**brief: Any) -> list[str]:
        return [one.message for one in bench.plugin.check_brief(sample_brief(**brief), sample_job(), None)]

    assert problems(privacy="public") == []
    assert "should be private" in problems(privacy="private")[0]
    assert problems(privacy="private", destinations={"threads": PostCopy(privacy="public")}) == []


@pytest.mark.parametrize(
    ("text", "count"),
    [("Dawn", 4), ("Ångström", 8), ("夜明け", 3), ("🌊", 4), ("👩‍🚀", 11), ("❤️", 6), ("a👍🏽", 9), ("€ + ~", 5)],
)
def test_an_emoji_counts_as_its_bytes(text: str, count: int) -> None:
    assert counted(text) == count
    assert rules.counted(text) == count


@pytest.mark.parametrize("words", ["word " * 300, "🌊" * 300, "x" * 900])
def test_a_text_is_cut_and_the_words_on_ai_are_kept(words: str) -> None:
    text = post_text(sample_post(title="", caption=words, hashtags=()), sample_job(), TEMPLATE, "Made with AI")
    assert counted(text) <= LONGEST
    assert counted(text) > LONGEST - 50
    assert text.endswith("…\n\nMade with AI")


def test_a_token_is_renewed_while_it_is_valid(bench: Bench) -> None:
    now, kept = bench.context.now().timestamp(), account(bench.network.simulator.base_url)

    def with_token(ends: float) -> Credentials:
        token = Token("threads", ANYONE, ("threads_basic",), ends).written()
        return Credentials(kept.shown, {"access_token": token}, kept.identity)

    after = asyncio.run(Threads.refreshed(with_token(now + 50 * 86_400), bench.context))
    assert after.expires_at is not None
    assert timedelta(days=59) < after.expires_at - bench.context.now() < timedelta(days=61)
    with pytest.raises(InvalidInput, match="has ended") as caught:
        asyncio.run(Threads.refreshed(with_token(now - 1), bench.context))
    assert "accounts add threads --replace" in caught.value.hint


def test_at_threads_the_address_is_pasted(tmp_path: Path) -> None:
    context = SampleContext(tmp_path, "threads")
    made = asyncio.run(Threads.oauth({}, "http://127.0.0.1:1/", context))
    assert (made.redirect, made.redirect_uri, made.pkce) == ("paste", "https://localhost/", "none")
    assert made.authorize_url == "https://threads.net/oauth/authorize"
    with pytest.raises(InvalidInput, match="simulator on this machine"):
        asyncio.run(Threads.oauth({"service": "https://evil.example"}, "http://127.0.0.1:1/", context))
