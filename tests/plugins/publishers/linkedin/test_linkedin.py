"""`linkedin` against the simulator: one post a video, whatever is lost on the way."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import pytest
from pydantic import JsonValue
from tests.plugins.publishers.linkedin.conftest import ME, OUR_PAGE, SMALL_PART, Bench, account

from reelwork.testing import sample_brief, sample_job
from reelwork_hooks import (
    AlreadyThere,
    Disclosure,
    Idempotency,
    InvalidInput,
    NotSent,
    OutcomeUnknown,
    Pending,
    Rejected,
    Unavailable,
)
from reelwork_plugins.publishers.linkedin import PARTS, Linkedin, LinkedinConfig
from reelwork_plugins.publishers.linkedin.text import LONGEST, escaped
from reelwork_plugins.publishers.linkedin.videos import Part, covers, upload_address
from reelwork_plugins.simulator.networks.throttle import Throttle


def test_a_video_is_uploaded_out_of_sight_and_posted_once(bench: Bench, film: Path) -> None:
    prepared = bench.prepared()
    parts = -(-film.stat().st_size // SMALL_PART)
    assert parts > PARTS
    assert bench.network.asked == ["begin", *["upload"] * parts, "finish", "processing"]
    assert bench.network.feed.shares == {}
    receipt = bench.publish(prepared=prepared)
    post = bench.network.post()
    assert dict(post.asked) == {
        "author": OUR_PAGE,
        "commentary": "Dawn\n\nA sea.\n\n#sea\n\nMade with AI",
        "visibility": "PUBLIC",
        "distribution": {
            "feedDistribution": "MAIN_FEED",
            "targetEntities": [],
            "thirdPartyDistributionChannels": [],
        },
        "content": {"media": {"id": prepared["video"], "title": "Dawn"}},
        "lifecycleState": "PUBLISHED",
        "isReshareDisabledByAuthor": False,
    }
    [upload] = bench.network.feed.uploads.values()
    assert upload.path is not None
    assert upload.path.read_bytes() == film.read_bytes()
    told = (receipt.id, receipt.state, receipt.url)
    assert told == (post.urn, "live", f"{bench.network.url}/feed/update/{post.urn}/")


def test_every_call_says_which_version_it_means(bench: Bench) -> None:
    bench.prepared()
    heads = [one["headers"] for one in bench.network.simulator.requests() if one["operation"] != "upload"]
    assert {one["linkedin-version"] for one in heads} == {LinkedinConfig().version}
    bench.plugin = Linkedin(LinkedinConfig(version="202401"), bench.context)
    bench.job = bench.job.replace(pending=None)
    with pytest.raises(InvalidInput, match="has ended this version") as caught:
        bench.prepare()
    assert "version under" in caught.value.hint


def test_the_token_does_not_go_with_the_bytes(bench: Bench) -> None:
    bench.prepared()
    sent = [one["headers"] for one in bench.network.simulator.requests() if one["operation"] == "upload"]
    assert all("authorization" not in one for one in sent)


def test_options_are_passed_on(person: Bench) -> None:
    person.says(options={"audience": "connections", "reshares": False}, disclosure=Disclosure(ai="no"))
    person.publish(prepared=person.prepared())
    asked = person.network.post().asked
    assert (asked["author"], asked["visibility"], asked["isReshareDisabledByAuthor"]) == (ME, "CONNECTIONS", True)
    assert "AI" not in asked["commentary"]


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("Boats (two) & a_b", "Boats \\(two\\) & a\\_b"),
        ("#dawn, C# and #1", "#dawn, C\\# and \\#1"),
        ("me@example.com <3 ~ [x] {y} | \\ *z*", "me\\@example.com \\<3 \\~ \\[x\\] \\{y\\} \\| \\\\ \\*z\\*"),
        ("日本 #海", "日本 #海"),
    ],
)
def test_signs_mean_themselves(text: str, written: str) -> None:
    assert escaped(text) == written


def test_what_is_escaped_is_seen_as_it_was_written(bench: Bench) -> None:
    bench.says(caption="At 5 (or 6) o'clock: ~10 * 2_000 <gulls> | [loud] {very} \\o/ @home #morning")
    bench.publish(prepared=bench.prepared())
    [post] = bench.network.simulator.posts()
    assert post["text"] == f"Dawn\n\n{bench.post.caption}\n\n#sea\n\nMade with AI"


def test_words_on_ai_stay_where_the_text_is_cut(bench: Bench) -> None:
    bench.says(caption="(日本) " * 1000)
    bench.publish(prepared=bench.prepared())
    text = bench.network.post().text
    assert text.endswith("…\n\n#sea\n\nMade with AI")
    assert LONGEST - 100 < len(text) <= LONGEST


def test_a_post_of_a_page_can_be_looked_up_and_that_of_a_person_cannot(bench: Bench) -> None:
    bench.context._accounts.add("me", "linkedin", account(bench.network.url, ME))
    person = Linkedin(LinkedinConfig(account="me"), bench.context)
    missing = Linkedin(LinkedinConfig(account="missing"), bench.context)
    assert bench.plugin.idempotency is Idempotency.LOOKUP
    assert person.idempotency is missing.idempotency is Idempotency.NONE
    assert person.find_post is missing.find_post is None


@pytest.mark.parametrize("fault", ["accept-then-drop", "accept-then-500", "accept-then-html", "no-id"])
def test_a_lost_answer_is_told_by_the_list(bench: Bench, fault: str) -> None:
    prepared = bench.prepared()
    bench.network.fails(f"publish:{fault}")
    with pytest.raises(OutcomeUnknown):
        bench.publish(prepared=prepared, key="ours")
    bench.network.fails()
    listing = bench.find(prepared=prepared, key="ours")
    assert listing.complete
    assert [(one.result.id, one.ref) for one in listing.candidates] == [(bench.network.post().urn, "ours")]


@pytest.mark.parametrize("fault", ["drop-before", "503"])
def test_what_was_never_posted_is_not_in_the_list(bench: Bench, fault: str) -> None:
    prepared = bench.prepared()
    bench.network.fails(f"publish:{fault}")
    with pytest.raises(OutcomeUnknown):
        bench.publish(prepared=prepared)
    listing = bench.find(prepared=prepared)
    assert (listing.complete, listing.candidates) == (True, ())


def test_every_page_of_the_list_is_read(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reelwork_plugins.publishers.linkedin.listing.PAGE", 2)
    first = bench.publish(prepared=bench.prepared(), key="first")
    [share] = bench.network.feed.shares.values()
    for number in range(4):
        bench.network.feed.post(OUR_PAGE, f"By hand {number}", share.video, share.asked, once=False)
    other = share.__class__("urn:li:share:1", OUR_PAGE, time.time(), "A text", "", {**share.asked, "content": {}})
    bench.network.feed.shares[other.urn] = other
    listing = bench.find(prepared=None, key="second")
    assert (listing.complete, len(listing.candidates)) == (True, 6)
    refs = {one.result.id: one.ref for one in listing.candidates}
    assert (refs[first.id], refs["urn:li:share:1"]) == ("first", "no video")


def test_a_page_that_is_no_list_proves_nothing(bench: Bench) -> None:
    bench.network.fails("list:refusal=ACCESS_DENIED")
    with pytest.raises(Unavailable, match="may not do this"):
        bench.find(prepared=None)


def test_a_duplicate_names_a_post_that_may_be_another_ones(person: Bench) -> None:
    first = person.publish(prepared=person.prepared())
    person.job = person.job.replace(pending=None)
    prepared, noted = person.prepared(), {}
    with pytest.raises(AlreadyThere, match=first.id) as caught:
        person.publish(prepared=prepared, on_note=noted.update)
    assert (caught.value.remote_id, noted) == (first.id, {"duplicate_of": first.id})
    assert "another one with the same text" in caught.value.hint
    assert len(person.network.feed.shares) == 1


@pytest.mark.parametrize(
    ("fault", "error", "told"),
    [
        ("publish:401", NotSent, "sign-in of the account .linkedin. has ended"),
        ("publish:refusal=ACCESS_DENIED", NotSent, "may not do this"),
        ("publish:refusal=NONEXISTENT_VERSION", NotSent, "has ended this version"),
        ("publish:refusal=TOO_MANY_REQUESTS", NotSent, "throttle DAY limit"),
        ("publish:429", NotSent, "429"),
        ("publish:400", Rejected, "400"),
        ("publish:422", Rejected, "422"),
        ("publish:refusal=DUPLICATE_POST", AlreadyThere, "duplicate of urn:li:share:7000000000000000001"),
        ("publish:500", OutcomeUnknown, "500"),
    ],
)
def test_what_is_documented_as_a_refusal_is_one(
    bench: Bench, fault: str, error: type[Exception], told: str
) -> None:
    prepared = bench.prepared()
    bench.network.fails(fault)
    with pytest.raises(error, match=told) as caught:
        bench.publish(prepared=prepared)
    assert type(caught.value) is error
    assert bench.network.feed.shares == {}


def test_a_day_without_room_is_waited_for(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    prepared = bench.prepared()
    monkeypatch.setattr(bench.network.played, "limit", Throttle(0, 86_400))
    with pytest.raises(NotSent, match="DAY limit") as caught:
        bench.publish(prepared=prepared)
    assert caught.value.retry_after == 3600


def test_a_killed_upload_goes_on_with_the_parts_that_are_missing(bench: Bench, film: Path) -> None:
    bench.goes_on()
    waits = bench.goes_on()
    assert waits.percent is not None
    assert bench.network.asked == ["begin", *["upload"] * PARTS]
    bench.network.fails("upload:503*9")
    with pytest.raises(Unavailable):
        bench.prepare()
    bench.network.fails()
    bench.publish(prepared=bench.prepared())
    assert bench.network.asked.count("begin") == 1
    [upload] = bench.network.feed.uploads.values()
    assert upload.path is not None
    assert upload.path.read_bytes() == film.read_bytes()


@pytest.mark.parametrize("operation", ["upload", "finish"])
def test_an_answer_that_was_lost_on_the_way_up_spoils_nothing(bench: Bench, operation: str) -> None:
    bench.goes_on()
    bench.network.fails(f"{operation}:accept-then-drop*1")
    bench.publish(prepared=bench.prepared())
    assert bench.network.asked.count("begin") == 1


def test_addresses_of_parts_are_shown_nowhere_and_are_forgotten(bench: Bench) -> None:
    waits = bench.goes_on()
    assert "dms-uploads" not in str(waits.state)
    note = bench.plugin._note(bench.post, bench.job, 1)
    assert "dms-uploads" in str(asyncio.run(note.read()))
    bench.prepared()
    assert asyncio.run(note.read()) is None


def test_an_upload_whose_addresses_ended_is_begun_anew(bench: Bench) -> None:
    state = cast("Mapping[str, JsonValue]", bench.goes_on().state)
    bench.job = bench.job.replace(pending=Pending(after=0, state={**state, "ends": time.time() + 60}))
    assert bench.goes_on().state == {"tries": 1}
    bench.goes_on()
    [*_, id_] = bench.network.feed.uploads
    bench.network.feed.change(id_, at=time.time() - 86_401)
    # Its own clock may say so first.
    assert bench.goes_on().state == {"tries": 2}


def test_an_upload_that_is_forgotten_is_begun_three_times_at_most(bench: Bench) -> None:
    bench.network.fails("container:forgotten")
    with pytest.raises(Rejected, match="3 uploads were begun"):
        bench.prepared()
    assert bench.network.asked.count("begin") == 3


def test_a_video_that_linkedin_cannot_use_is_refused_before_the_post(bench: Bench) -> None:
    bench.network.fails("video:fail=unsupported codec")
    with pytest.raises(Rejected, match=r"could not use the video.*unsupported codec") as caught:
        bench.prepared()
    assert "Nothing was posted" in caught.value.money


def test_processing_waits_as_a_row(bench: Bench) -> None:
    bench.network.fails("video:slow=3600")
    after = [bench.goes_on().after for _ in range(10)]
    assert after[-1] > 5
    bench.network.fails("processing:503")
    with pytest.raises(Unavailable):
        bench.prepare()
    bench.network.fails()
    [id_] = bench.network.feed.uploads
    bench.network.feed.change(id_, ready_at=0.0)
    assert bench.prepared()["video"] == f"urn:li:video:{id_}"


@pytest.mark.parametrize(
    ("facts", "told"),
    [
        ({"width": 2500, "height": 1000}, r"shapes from 1:2\.4"),
        ({"media_type": "video/webm"}, "only video/mp4"),
        ({"bytes": 1000}, "75,000 or more"),
        ({"duration": 2.0}, "takes 3 s or more"),
    ],
)
def test_a_video_that_linkedin_does_not_take_is_never_sent(
    bench: Bench, film: Path, facts: dict[str, Any], told: str
) -> None:
    bench.takes(film, **facts)
    with pytest.raises(Rejected, match=told):
        bench.prepare()
    assert bench.network.asked == []


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"privacy": "private"}, "is public, and this one is private"),
        ({"options": {"audience": "connections"}}, "a page has no connections"),
        ({"disclosure": Disclosure(ai="yes", label="refuse")}, "has no AI label"),
    ],
)
def test_posts_that_it_cannot_make_are_refused(bench: Bench, changes: dict[str, Any], told: str) -> None:
    bench.says(**changes)
    with pytest.raises(Rejected, match=told):
        bench.prepare()


def test_what_linkedin_would_refuse_is_found_before_it_is_paid_for(bench: Bench) -> None:
    brief = sample_brief(privacy="unlisted", duration=2)
    found = {one.field: one.message for one in bench.plugin.check_brief(brief, sample_job(), None)}
    assert sorted(found) == ["duration", "privacy"]
    assert "should be unlisted" in found["privacy"]


def test_a_post_that_was_prepared_for_another_author_is_prepared_again(bench: Bench) -> None:
    prepared = bench.prepared()
    with pytest.raises(NotSent, match="account has changed") as caught:
        bench.publish(prepared={**prepared, "author": ME})
    assert caught.value.prepare_again
    assert "publish" not in bench.network.asked


def test_bytes_go_to_linkedin_and_nowhere_else() -> None:
    there = "https://www.linkedin.com/dms-uploads/1/2?sau=3"
    assert upload_address("", there) == there
    assert upload_address("http://127.0.0.1:1", "http://127.0.0.1:2/a?b") == "http://127.0.0.1:1/a?b"
    with pytest.raises(Unavailable):
        upload_address("", "https://www.linkedin.com.evil.example/a")


@pytest.mark.parametrize("spans", [[], [(0, 4)], [(0, 4), (6, 9)], [(1, 9)], [(0, 4), (5, 10)], [(0, 9), (10, 9)]])
def test_parts_that_are_not_all_of_a_video_are_not_sent(spans: list[tuple[int, int]]) -> None:
    assert not covers([Part(first, last, "https://a") for first, last in spans], 10)
    assert covers([Part(0, 4, "https://a"), Part(5, 9, "https://b")], 10)
