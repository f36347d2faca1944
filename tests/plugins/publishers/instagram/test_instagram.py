"""`instagram` against the simulator: one post a container, whatever is lost on the way."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.plugins.publishers.instagram.conftest import Bench, Network, account

from reelwork.testing import sample_brief, sample_job, sample_post, serving
from reelwork.testing.contexts import SampleContext
from reelwork_hooks import (
    AlreadyThere,
    Asset,
    Credentials,
    Disclosure,
    Found,
    InvalidInput,
    Listing,
    NotDone,
    NotSent,
    OutcomeUnknown,
    OutOfFunds,
    Pending,
    PostCopy,
    Receipt,
    Rejected,
    Tokens,
    Unavailable,
)
from reelwork_plugins.publishers.instagram import Instagram, InstagramConfig
from reelwork_plugins.publishers.instagram.caption import caption, counted, hashtags_in, mentions_in
from reelwork_plugins.simulator.networks.meta.store import account_id
from reelwork_plugins.simulator.networks.tokens import ANYONE, Token


def test_a_reel_is_made_out_of_sight_and_published_once(bench: Bench, film: Path) -> None:
    bench.says(options={"cover_at": 1.5, "collaborators": ["ada"], "share_to_feed": False})
    first = bench.prepare()
    assert bench.network.asked == ["account", "begin", "upload"]
    assert bench.network.form == {
        "media_type": "REELS",
        "is_ai_generated": "true",
        "share_to_feed": "false",
        "caption": "Dawn\n\nA sea.\n\n#sea",
        "thumb_offset": "1500",
        "collaborators": '["ada"]',
        "upload_type": "resumable",
    }
    bench.waits(first)
    second = bench.prepare()
    assert isinstance(second, Pending)
    assert second.after > first.after
    bench.network.ends_its_look()
    prepared = bench.prepare()
    assert bench.network.accounts.posts == {}
    receipt = bench.publish(prepared=prepared)
    [post] = bench.network.accounts.posts.values()
    assert post.container.path.read_bytes() == film.read_bytes()
    assert (receipt.id, receipt.state) == (post.id, "processing")
    live = bench.follow(receipt)
    assert (live.state, live.url) == ("live", f"{bench.network.url}/reel/{post.id}/")
    assert (live.disclosure.value, live.disclosure.by) == (True, "read")


def test_the_label_follows_what_is_disclosed(bench: Bench) -> None:
    bench.says(disclosure=Disclosure(ai="no"))
    live = bench.follow(bench.publish(prepared=bench.prepared()))
    assert bench.network.form["is_ai_generated"] == "false"
    assert (live.disclosure.value, live.disclosure.by) == (False, "read")
    bench.says(disclosure=Disclosure(ai="partly", label="caption"))
    assert bench.plugin.text(bench.post, bench.job).endswith("#sea\n\nPartly made with AI")
    assert dict(bench.plugin.form(bench.post, bench.job))["is_ai_generated"] == "true"


@pytest.mark.parametrize("fault", ["accept-then-drop", "accept-then-500", "accept-then-html", "no-id"])
def test_a_lost_answer_is_told_by_the_container(bench: Bench, fault: str) -> None:
    prepared = bench.prepared()
    bench.network.fails(f"publish:{fault}")
    with pytest.raises(OutcomeUnknown):
        bench.publish(prepared=prepared)
    found = bench.find(prepared=prepared)
    assert isinstance(found, Found)
    [receipt] = found.candidates
    [post] = bench.network.accounts.posts.values()
    # By the container at first: its post is found by its caption, and takes its place.
    assert receipt.id == prepared["container"]
    live = bench.follow(receipt)
    assert (live.id, live.replaces, live.state) == (post.id, receipt.id, "live")
    assert bench.find(prepared=prepared).candidates[0].id == post.id


def test_a_post_that_is_older_than_the_container_is_not_ours(bench: Bench) -> None:
    prepared = bench.prepared()
    bench.network.fails("publish:accept-then-drop")
    with pytest.raises(OutcomeUnknown):
        bench.publish(prepared=prepared)
    [receipt] = bench.find(prepared=prepared).candidates
    accounts = bench.network.accounts
    # Somebody wrote the same an hour ago, and the list does not show ours yet.
    [ours] = accounts.posts
    accounts.posts[ours] = replace(accounts.posts[ours], at=time.time() - 3600)
    bench.job = bench.job.replace(created_at=bench.context.now() - timedelta(hours=2))
    assert isinstance(bench.follow(receipt.replace(at=bench.context.now())), Pending)


def test_a_limit_that_cannot_be_read_is_in_nobody_s_way(bench: Bench) -> None:
    bench.network.fails("account:refusal=100")
    assert isinstance(bench.prepare(), Pending)


def test_a_container_that_is_published_is_not_published_again(bench: Bench) -> None:
    prepared = bench.prepared()
    receipt = bench.publish(prepared=prepared)
    for attempt in (1, 2):
        with pytest.raises(AlreadyThere, match="has been published"):
            bench.publish(prepared=prepared, attempt=attempt)
    assert bench.find(prepared=prepared).candidates[0].id == receipt.id
    assert list(bench.network.accounts.posts) == [receipt.id]


def test_of_two_posts_that_look_alike_neither_is_taken_for_the_other(bench: Bench) -> None:
    prepared: Any = None
    for _ in range(2):
        bench.job = bench.job.replace(pending=None)
        prepared = bench.prepared()
        bench.network.fails("publish:accept-then-drop")
        with pytest.raises(OutcomeUnknown):
            bench.publish(prepared=prepared)
    bench.network.fails()
    [receipt] = bench.find(prepared=prepared).candidates
    assert receipt.id == prepared["container"]
    assert isinstance(bench.follow(receipt), Pending)
    late = bench.follow(receipt.replace(at=bench.context.now() - timedelta(hours=1)))
    assert (late.id, late.state, late.url) == (receipt.id, "live", "")
    assert "did not say which" in late.details["reason"]


@pytest.mark.parametrize(
    ("ages", "final", "word"),
    [(False, True, "FINISHED"), (True, True, "EXPIRED")],
)
def test_a_container_that_was_not_published_says_so(bench: Bench, ages: bool, final: bool, word: str) -> None:
    prepared = bench.prepared()
    bench.network.fails("publish:drop-before")
    with pytest.raises(OutcomeUnknown):
        bench.publish(prepared=prepared)
    if ages:
        bench.network.is_a_day_older()
    found = bench.find(prepared=prepared)
    assert found == NotDone(final=final, why=f"the container is {word}")


def test_a_status_that_lags_behind_the_post_is_no_proof(bench: Bench) -> None:
    prepared = bench.prepared()
    bench.network.fails("publish:accept-then-drop", "container:stale@nth=2*2")
    with pytest.raises(OutcomeUnknown):
        bench.publish(prepared=prepared)
    told = NotDone(why="the container is FINISHED, and a post with its text is there")
    assert bench.find(prepared=prepared) == told
    [post] = bench.network.accounts.posts
    bench.find(prepared=prepared)
    assert isinstance(bench.find(prepared=prepared), Found)
    assert list(bench.network.accounts.posts) == [post]


def test_a_container_that_is_still_worked_on_proves_nothing(bench: Bench) -> None:
    bench.waits(bench.prepare())
    [container] = bench.network.accounts.containers
    assert bench.find(prepared={"container": container}) == NotDone(why="the container is IN_PROGRESS")
    with pytest.raises(NotSent, match="IN_PROGRESS") as caught:
        bench.publish(prepared={"container": container})
    assert caught.value.retry_after == 30


def test_a_container_that_expired_is_made_anew(bench: Bench) -> None:
    prepared = bench.prepared()
    bench.network.is_a_day_older()
    with pytest.raises(NotSent, match="EXPIRED") as caught:
        bench.publish(prepared=prepared)
    assert caught.value.prepare_again
    assert "publish" not in bench.network.asked
    again = bench.prepare()
    assert isinstance(again, Pending)
    bench.waits(again)
    assert isinstance(bench.prepare(), Pending)
    assert len(bench.network.accounts.containers) == 2


def test_a_container_that_is_forgotten_is_looked_up_in_the_list(bench: Bench) -> None:
    prepared = bench.prepared()
    bench.network.fails("publish:accept-then-drop")
    with pytest.raises(OutcomeUnknown):
        bench.publish(prepared=prepared)
    bench.network.fails("container:forgotten")
    found = bench.find(prepared=prepared)
    assert isinstance(found, Listing)
    [candidate] = found.candidates
    assert (candidate.result.id, found.complete) == (next(iter(bench.network.accounts.posts)), True)
    assert dict(candidate.fields) == {"caption": "A sea."}
    with pytest.raises(OutcomeUnknown, match="does not know"):
        bench.publish(prepared=prepared)


@pytest.mark.parametrize(
    ("code", "error", "told"),
    [
        ("190.463", NotSent, "token is not accepted"),
        ("10", NotSent, "did not allow"),
        ("4", NotSent, "request limit"),
        ("9.2207042", OutOfFunds, "maximum number of posts"),
        ("9007.2207027", NotSent, "not ready"),
        ("-2.2207020", NotSent, "expired"),
        ("25.2207050", NotSent, "restricted"),
        ("4.2207051", NotSent, "spam"),
        ("100", Rejected, "100"),
        ("-1.2207001", OutcomeUnknown, "server error"),
        ("2", OutcomeUnknown, "2"),
        ("36999", OutcomeUnknown, "36999"),
    ],
)
def test_what_is_documented_as_a_refusal_is_one(bench: Bench, code: str, error: type[Exception], told: str) -> None:
    prepared = bench.prepared()
    bench.network.fails(f"publish:refusal={code}")
    with pytest.raises(error, match=told) as caught:
        bench.publish(prepared=prepared)
    assert type(caught.value) is error
    assert bench.network.accounts.posts == {}


def test_the_day_s_posts_are_asked_for_before_anything_is_made(bench: Bench) -> None:
    for _ in range(100):
        made = bench.network.accounts.create(ANYONE, {}, Path(), limited=False)
        bench.network.accounts.change(made.id, ready_at=0.0)
        bench.network.accounts.publish(made.id, ANYONE, most=None)
    with pytest.raises(OutOfFunds, match="100 of 100"):
        bench.prepare()
    assert bench.network.asked == ["account"]


@pytest.mark.parametrize("operation", ["account", "begin", "upload", "processing"])
@pytest.mark.parametrize("fault", ["503", "429", "drop", "html"])
def test_trouble_before_the_post_is_tried_again(bench: Bench, operation: str, fault: str) -> None:
    if (operation, fault) == ("upload", "html") or (operation == "upload" and fault == "drop"):
        fault = "accept-then-drop"
    if operation == "processing":
        bench.waits(bench.prepare())
    bench.network.fails(f"{operation}:{fault}")
    with pytest.raises(Unavailable):
        bench.prepare()
    bench.network.fails()
    prepared = bench.prepared() if operation != "processing" else None
    if prepared is None:
        bench.network.ends_its_look()
        prepared = bench.prepare()
    bench.publish(prepared=prepared)
    assert len(bench.network.accounts.posts) == 1


def test_a_video_that_instagram_cannot_use_is_refused_and_one_that_did_not_arrive_tried_again(
    bench: Bench,
) -> None:
    bench.network.fails("video:fail=codec")
    bench.waits(bench.prepare())
    bench.network.ends_its_look()
    with pytest.raises(Rejected, match="2207026"):
        bench.prepare()
    [container] = bench.network.accounts.containers
    for _ in range(2):
        newest = list(bench.network.accounts.containers)[-1]
        bench.network.accounts.change(newest, failure="Error: … error code 2207052", ready_at=0.0)
        again = bench.prepare()
        assert isinstance(again, Pending)
        bench.waits(again)
        bench.waits(bench.prepare())
    newest = list(bench.network.accounts.containers)[-1]
    assert newest != container
    bench.network.accounts.change(newest, failure="Error: … error code 2207052", ready_at=0.0)
    with pytest.raises(Rejected, match="2207052"):
        bench.prepare()


def test_without_a_page_the_video_is_fetched_from_its_public_address(bench: Bench, film: Path) -> None:
    with serving(lambda asked: (200, film.read_bytes())) as files:

        async def give(asset: Asset, seconds: float) -> str:
            return f"{files}/film.mp4"

        bench.context.give_address = give
        bench.context._accounts.remove("instagram")
        bench.context._accounts.add("instagram", "instagram", account(bench.network.url, "instagram"))
        assert bench.plugin.needs_public_address
        receipt = bench.publish(prepared=bench.prepared())
    [post] = bench.network.accounts.posts.values()
    assert (post.id, post.container.path.read_bytes()) == (receipt.id, film.read_bytes())
    assert "upload" not in bench.network.asked


def test_a_post_that_is_gone_is_said_to_be_removed(bench: Bench) -> None:
    receipt = bench.publish(prepared=bench.prepared())
    bench.network.accounts.posts.clear()
    assert isinstance(bench.follow(receipt), Pending)
    old = receipt.replace(at=bench.context.now() - timedelta(hours=1))
    assert bench.follow(old).state == "removed"


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"privacy": "unlisted"}, "as public as its account"),
        ({"caption": " ".join(f"@friend{n}" for n in range(21))}, "mentions 21 accounts"),
    ],
)
def test_what_instagram_does_not_take_is_refused_before_anything_is_sent(
    bench: Bench, changes: dict[str, Any], told: str
) -> None:
    bench.says(**changes)
    with pytest.raises(Rejected, match=told):
        bench.prepare()
    assert bench.network.asked == []


def test_a_brief_is_checked_before_it_is_paid_for(bench: Bench) -> None:
    def problems(**brief: Any) -> list[str]:
        given = sample_brief(**{"privacy": "public", "duration": 5, **brief})
        return [one.message for one in bench.plugin.check_brief(given, sample_job(), None)]

    assert problems() == []
    assert "at least 3 s" in problems(duration=2)[0]
    assert "should be private" in problems(privacy="private")[0]
    assert problems(privacy="private", destinations={"instagram": PostCopy(privacy="public")}) == []
    assert "21 accounts" in problems(caption="@a " * 21)[0]


@pytest.mark.parametrize(
    ("words", "most"),
    [("word " * 900, 2200), ("🌊" * 1500, 2200), ("x" * 5000, 2200)],
)
def test_a_caption_is_cut_and_its_hashtags_are_kept(words: str, most: int) -> None:
    tags = tuple(f"tag{number}" for number in range(40))
    post = sample_post(title="Dawn", caption=words, hashtags=tags, disclosure=Disclosure(label="caption"))
    text = caption(post, sample_job(), InstagramConfig().text)
    assert counted(text) <= most
    assert hashtags_in(text) == 30
    assert text.startswith("Dawn\n\n")
    assert text.endswith("#tag29\n\nMade with AI")
    assert "…" in text


@pytest.mark.parametrize(
    ("text", "tags", "named"),
    [("#a #b@c me@example.com @d.e #é", 3, 1), ("a#b &#39; /@x", 0, 0), ("#1 @ada, @ada", 1, 2)],
)
def test_hashtags_and_mentions_are_counted(text: str, tags: int, named: int) -> None:
    assert (hashtags_in(text), mentions_in(text)) == (tags, named)


def test_an_upload_goes_to_meta_and_nowhere_else(bench: Bench) -> None:
    there = "https://rupload.facebook.com/ig-api-upload/v26.0/1"
    assert bench.plugin.upload_address({}, there) == there
    for place in ("https://evil.example/ig-api-upload/1", "http://rupload.facebook.com/1", ""):
        with pytest.raises(Unavailable, match="not Meta's"):
            bench.plugin.upload_address({}, place)


def test_an_account_of_another_plugin_is_not_used(bench: Bench) -> None:
    bench.context._accounts.add("other", "youtube", Credentials({"id": "1"}, {"access_token": "x"}, "UC1"))
    plugin = Instagram(InstagramConfig(account="other"), bench.context)
    with pytest.raises(InvalidInput, match="is for youtube"):
        asyncio.run(plugin.prepare_publish(bench.post, bench.job))


def test_a_token_is_renewed_while_it_is_valid(bench: Bench) -> None:
    now = bench.context.now().timestamp()
    kept = account(bench.network.url, "instagram")

    def with_token(ends: float) -> Credentials:
        token = Token("instagram", ANYONE, ("instagram_business_basic",), ends).written()
        return Credentials(kept.shown, {"access_token": token}, kept.identity)

    after = asyncio.run(Instagram.refreshed(with_token(now + 50 * 86_400), bench.context))
    assert after.secret["access_token"] != ""
    assert after.expires_at is not None
    assert after.refresh_from is not None
    assert timedelta(days=59) < after.expires_at - bench.context.now() < timedelta(days=61)
    assert after.refresh_from < after.expires_at
    with pytest.raises(InvalidInput, match=r"has ended.*Session has expired"):
        asyncio.run(Instagram.refreshed(with_token(now - 1), bench.context))
    with pytest.raises(Unavailable, match="24 hours"):
        asyncio.run(Instagram.refreshed(with_token(now + 60 * 86_400 - 5), bench.context))
    by_page = account(bench.network.url, "facebook")
    with pytest.raises(InvalidInput, match="cannot be renewed"):
        asyncio.run(Instagram.refreshed(by_page, bench.context))


def test_a_personal_account_is_told_to_become_a_professional_one(tmp_path: Path, network: Network) -> None:
    network.fails("account:refusal=10")
    short = Token("instagram", "ada", ("instagram_business_basic",), bench_end()).written()
    tokens = Tokens(
        access=short, given={"service": network.url, "login": "instagram"}, client={"client_secret": "s"}
    )
    with pytest.raises(InvalidInput) as caught:
        asyncio.run(Instagram.signed_in(tokens, SampleContext(tmp_path, "instagram")))
    assert "professional account" in caught.value.hint


def bench_end() -> float:
    return 4e9


def test_a_service_elsewhere_never_gets_a_token(tmp_path: Path) -> None:
    given = {"service": "https://evil.example", "login": "instagram"}
    with pytest.raises(InvalidInput, match="simulator on this machine"):
        asyncio.run(Instagram.oauth(given, "http://127.0.0.1:1/", SampleContext(tmp_path, "instagram")))


def test_at_instagram_the_address_is_pasted_and_at_facebook_this_machine_listens(tmp_path: Path) -> None:
    context = SampleContext(tmp_path, "instagram")

    def asked(login: str, back: str = "http://127.0.0.1:1/") -> tuple[str, str, str]:
        made = asyncio.run(Instagram.oauth({"login": login}, back, context))
        return made.redirect, made.redirect_uri, made.authorize_url

    assert asked("instagram") == ("paste", "https://localhost/", "https://www.instagram.com/oauth/authorize")
    assert asked("facebook") == ("localhost", "", "https://www.facebook.com/v26.0/dialog/oauth")
    assert asked("facebook", "urn:ietf:wg:oauth:2.0:oob")[:2] == ("paste", "https://localhost/")
    with pytest.raises(InvalidInput, match="neither instagram nor facebook"):
        asked("meta")


def test_an_account_that_may_not_post_has_a_problem(bench: Bench) -> None:
    stored = bench.context.account("instagram")
    assert asyncio.run(Instagram.check_account(stored, bench.context)) == []
    bench.network.fails("account:refusal=190.463")
    [problem] = asyncio.run(Instagram.check_account(stored, bench.context))
    assert "token is not accepted" in problem.message
    assert "accounts add instagram --replace" in problem.hint


def test_a_receipt_is_known_by_its_account(bench: Bench) -> None:
    receipt = bench.publish(prepared=bench.prepared())
    assert isinstance(receipt, Receipt)
    assert account(bench.network.url, "facebook").identity.endswith(account_id(ANYONE))
