"""`x` against the simulator: one post an upload, whatever is lost on the way."""

from __future__ import annotations

import time
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from tests.plugins.publishers.x.conftest import SMALL_PIECE, Bench

from reelwork.testing import sample_brief, sample_job
from reelwork_hooks import (
    AlreadyThere,
    Disclosure,
    NotSent,
    OutcomeUnknown,
    OutOfFunds,
    Pending,
    Rejected,
    Shown,
    Unavailable,
)
from reelwork_plugins.publishers.x import X, XConfig
from reelwork_plugins.publishers.x.media import MEBIBYTE, piece_of
from reelwork_plugins.simulator.networks.throttle import Throttle


def test_a_video_is_uploaded_out_of_sight_and_posted_once(bench: Bench, film: Path) -> None:
    prepared = bench.prepared()
    pieces = -(-film.stat().st_size // SMALL_PIECE)
    assert bench.network.asked == ["begin", *["upload"] * pieces, "finish"]
    assert bench.network.timeline.tweets == {}
    receipt = bench.publish(prepared=prepared)
    post = bench.network.post()
    assert dict(post.asked) == {
        "text": "Dawn\n\nA sea.\n\n#sea",
        "media": {"media_ids": [prepared["media"]]},
        "made_with_ai": True,
    }
    [upload] = bench.network.timeline.uploads.values()
    assert upload.path is not None
    assert upload.path.read_bytes() == film.read_bytes()
    told = (receipt.id, receipt.state, receipt.url)
    assert told == (post.id, "live", f"{bench.network.url}/rehearsal/status/{post.id}")
    assert receipt.disclosure == Shown(value=True, by="sent")


def test_alt_text_label_and_options_are_passed_on(bench: Bench) -> None:
    options = {"replies": "mentioned", "paid_partnership": True}
    bench.says(alt_text="Waves " * 300, disclosure=Disclosure(ai="no"), options=options)
    bench.publish(prepared=bench.prepared())
    asked = bench.network.post().asked
    assert (asked["made_with_ai"], asked["reply_settings"], asked["paid_partnership"]) == (
        False,
        "mentionedUsers",
        True,
    )
    [upload] = bench.network.timeline.uploads.values()
    assert upload.alt_text.startswith("Waves Waves")
    assert len(upload.alt_text) <= 1000


def test_words_on_ai_stay_where_the_text_is_cut(bench: Bench) -> None:
    bench.says(caption="日本 " * 200, disclosure=Disclosure(ai="yes", label="caption"))
    bench.publish(prepared=bench.prepared())
    text = bench.network.post().text
    assert text.startswith("Dawn\n\n日本")
    assert text.endswith("…\n\n#sea\n\nMade with AI")


@pytest.mark.parametrize("fault", ["accept-then-drop", "accept-then-500", "accept-then-html", "no-id"])
def test_a_lost_answer_is_told_by_the_list(bench: Bench, fault: str) -> None:
    prepared = bench.prepared()
    bench.network.fails(f"publish:{fault}")
    with pytest.raises(OutcomeUnknown):
        bench.publish(prepared=prepared, key="ours")
    bench.network.fails()
    listing = bench.find(prepared=prepared, key="ours")
    assert listing.complete
    assert [(one.result.id, one.ref) for one in listing.candidates] == [(bench.network.post().id, "ours")]


@pytest.mark.parametrize("fault", ["drop-before", "503"])
def test_what_was_never_posted_is_not_in_the_list(bench: Bench, fault: str) -> None:
    prepared = bench.prepared()
    bench.network.fails(f"publish:{fault}")
    with pytest.raises(OutcomeUnknown):
        bench.publish(prepared=prepared)
    listing = bench.find(prepared=prepared)
    assert (listing.complete, listing.candidates) == (True, ())


def test_posts_of_others_are_listed_with_another_reference(bench: Bench) -> None:
    first = bench.publish(prepared=bench.prepared(), key="first")
    bench.network.timeline.post("rehearsal", "By hand", (), {}, longest=1200, once=False)
    bench.job = bench.job.replace(pending=None)
    bench.says(title="Noon")
    prepared = bench.prepared()
    listing = bench.find(prepared=prepared, key="second")
    assert [one.ref for one in listing.candidates] == ["no upload", "first"]
    assert listing.candidates[1].result.id == first.id


def test_only_the_last_days_are_read_and_each_post_is_paid_for(bench: Bench) -> None:
    timeline = bench.network.timeline
    old = timeline.post("rehearsal", "Last month", (), {}, longest=1200, once=False)
    timeline.tweets[old.id] = old.__class__(old.id, old.account, time.time() - 30 * 86_400, old.text, {}, ())
    new = timeline.post("rehearsal", "Today", (), {}, longest=1200, once=False)
    listing = bench.find(prepared=None)
    assert [one.result.id for one in listing.candidates] == [new.id]
    [paid] = bench.context.payments_made
    assert (paid.amount, paid.what) == (1000, "reading a post at X")


@pytest.mark.parametrize(
    ("fault", "error", "told"),
    [
        ("publish:401", NotSent, "sign-in of the account .x. has ended"),
        ("publish:problem=client-forbidden", NotSent, "may not do this"),
        ("publish:problem=usage-capped", OutOfFunds, "no credits"),
        ("publish:problem=credits-depleted", OutOfFunds, "no credits"),
        ("publish:problem=rate-limit-exceeded", NotSent, "too many requests"),
        ("publish:429", NotSent, "too many requests"),
        ("publish:problem=invalid-request", Rejected, "400"),
        ("publish:403", Rejected, "403"),
        ("publish:problem=duplicate", AlreadyThere, "duplicate"),
        ("publish:problem=internal-error", OutcomeUnknown, "500"),
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
    assert bench.network.timeline.tweets == {}


def test_a_limit_is_waited_for_as_long_as_x_says(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    prepared = bench.prepared()
    spans = {"post": Throttle(0, 900, style="x")}
    monkeypatch.setattr(bench.network.simulator.simulation.network, "limits", spans)
    with pytest.raises(NotSent, match="too many requests") as caught:
        bench.publish(prepared=prepared)
    assert 0 < (caught.value.retry_after or 0) <= 900


def test_an_upload_that_ended_is_made_anew(bench: Bench) -> None:
    prepared = bench.prepared()
    with pytest.raises(NotSent, match="expired") as caught:
        bench.publish(prepared={**prepared, "ends": time.time() + 60})
    assert caught.value.prepare_again
    assert "publish" not in bench.network.asked
    bench.network.fails("container:expired")
    with pytest.raises(NotSent, match="media IDs are invalid") as caught:
        bench.publish(prepared=prepared)
    assert caught.value.prepare_again


@pytest.mark.parametrize("operation", ["upload", "finish"])
def test_an_answer_that_was_lost_on_the_way_up_spoils_nothing(bench: Bench, film: Path, operation: str) -> None:
    bench.begun()
    bench.network.fails(f"{operation}:accept-then-drop*1")
    prepared = bench.prepared()
    bench.publish(prepared=prepared)
    [upload] = bench.network.timeline.uploads.values()
    assert upload.path is not None
    assert upload.path.read_bytes() == film.read_bytes()


def test_a_killed_upload_goes_on_in_the_same_session(bench: Bench, film: Path) -> None:
    bench.begun()
    bench.network.fails("upload:503@nth=2*9")
    with pytest.raises(Unavailable):
        bench.prepare()
    bench.network.fails()
    bench.publish(prepared=bench.prepared())
    assert bench.network.asked.count("begin") == 1
    assert bench.network.post().media == tuple(bench.network.timeline.uploads)


def test_an_upload_that_is_forgotten_is_begun_three_times_at_most(bench: Bench) -> None:
    bench.network.fails("container:forgotten")
    with pytest.raises(Rejected, match="3 uploads were begun"):
        bench.prepared()
    assert bench.network.asked.count("begin") == 3


def test_a_video_that_x_cannot_use_is_refused_before_the_post(bench: Bench) -> None:
    bench.network.fails("video:fail=unsupported codec")
    with pytest.raises(Rejected, match=r"could not use the video.*unsupported codec") as caught:
        bench.prepared()
    assert "Nothing was posted" in caught.value.money


def test_processing_waits_as_a_row(bench: Bench) -> None:
    bench.network.fails("video:slow=3600")
    bench.begun()
    waits = bench.prepare()
    assert isinstance(waits, Pending)
    assert waits.percent == 50
    bench.job = bench.job.replace(pending=waits)
    bench.network.fails("processing:503")
    with pytest.raises(Unavailable):
        bench.prepare()
    bench.network.fails()
    [id_] = bench.network.timeline.uploads
    bench.network.timeline.change(id_, ready_at=0.0)
    assert bench.prepared()["media"] == id_


def test_a_video_that_is_too_long_is_refused_with_the_post(bench: Bench) -> None:
    prepared = bench.prepared()
    [id_] = bench.network.timeline.uploads
    film = bench.network.timeline.uploads[id_].film
    assert film is not None
    longer = film.__class__(film.width, film.height, film.frame_rate, 1300.0)
    bench.network.timeline.change(id_, film=longer)
    with pytest.raises(Rejected, match="not permitted to post videos of this length"):
        bench.publish(prepared=prepared)
    bench.network.fails("premium:paid")
    bench.publish(prepared=prepared)


@pytest.mark.parametrize(
    ("facts", "told"),
    [
        ({"width": 3200, "height": 1000}, "shapes from 1:3 to 3:1"),
        ({"fps": 120.0}, "takes 60"),
        ({"media_type": "video/ogg"}, "takes no video/ogg"),
    ],
)
def test_a_video_that_x_does_not_take_is_never_sent(
    bench: Bench, film: Path, facts: dict[str, Any], told: str
) -> None:
    bench.takes(film, **facts)
    with pytest.raises(Rejected, match=told):
        bench.prepare()
    assert bench.network.asked == []


def test_what_is_not_public_is_refused_before_it_is_paid_for(bench: Bench) -> None:
    [problem] = bench.plugin.check_brief(sample_brief(privacy="unlisted"), sample_job(), None)
    assert (problem.field, "should be unlisted" in problem.message) == ("privacy", True)
    bench.says(privacy="private")
    with pytest.raises(Rejected, match="is public, and this one is private"):
        bench.prepare()


@pytest.mark.parametrize(
    ("changes", "price"),
    [
        ({}, "0.015"),
        ({"alt_text": "Waves"}, "0.020"),
        ({"caption": "More at https://example.com/a"}, "0.20"),
        ({"caption": "More at example.com"}, "0.20"),
        ({"title": "Dr. No, 1.5 times"}, "0.015"),
    ],
)
def test_the_price_is_that_of_each_call(bench: Bench, changes: dict[str, Any], price: str) -> None:
    bench.says(**changes)
    assert bench.plugin.post_price(bench.post).most == Decimal(price)


def test_a_template_that_has_the_prompt_may_have_a_link(bench: Bench) -> None:
    plugin = X(XConfig(text="{prompt}"), bench.context)
    quote = plugin.post_price(bench.post)
    assert (quote.most, quote.basis) == (Decimal("0.20"), "$0.20 with a link, without one $0.015")


def test_premium_takes_longer_videos_and_texts(bench: Bench) -> None:
    bench.plugin = X(XConfig(premium=True), bench.context)
    assert (bench.plugin.accepts.longest, X.accepts.longest) == (7500, 1200)
    bench.says(caption="word " * 200)
    bench.network.fails("premium:paid")
    bench.publish(prepared=bench.prepared())
    assert len(bench.network.post().text) > 900


@pytest.mark.parametrize(("size", "piece"), [(4001 * MEBIBYTE, 5), (1 << 34, 17)])
def test_pieces_grow_where_there_would_be_too_many(size: int, piece: int) -> None:
    assert piece_of(size) == piece * MEBIBYTE
    assert -(-size // piece_of(size)) <= 1000


def test_a_page_that_is_no_list_proves_nothing(bench: Bench) -> None:
    bench.network.fails("list:problem=usage-capped")
    with pytest.raises(Unavailable, match="no credits"):
        bench.find(prepared=None)


def test_the_list_is_read_back_from_when_it_may_have_been_sent(bench: Bench) -> None:
    bench.find(prepared=None, started_at=(bench.context.now() - timedelta(days=5)).timestamp())
    asked = bench.network.simulator.requests()[-1]["query"]["start_time"]
    assert asked[:10] == f"{bench.context.now() - timedelta(days=8):%Y-%m-%d}"
