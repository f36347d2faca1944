"""`facebook` against the simulator: one post an upload, whatever is lost on the way."""

from __future__ import annotations

import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.plugins.publishers.facebook.conftest import Bench, Network, account

from reelwork.testing import sample_brief, sample_job
from reelwork_hooks import (
    AlreadyThere,
    Disclosure,
    Found,
    NotDone,
    NotSent,
    OutcomeUnknown,
    Pending,
    PostCopy,
    Receipt,
    Rejected,
    Unavailable,
    Unsure,
)
from reelwork_plugins.publishers.facebook import Facebook, FacebookConfig
from reelwork_plugins.simulator.networks.tokens import ANYONE


def test_a_reel_is_uploaded_out_of_sight_and_published_once(bench: Bench, film: Path) -> None:
    prepared = bench.prepared()
    assert bench.network.asked == ["begin", "processing", "upload", "processing"]
    assert bench.network.pages.published == {}
    receipt = bench.publish(prepared=prepared)
    post = bench.network.post()
    assert dict(post.form) == {
        "upload_phase": "finish",
        "video_id": post.id,
        "video_state": "PUBLISHED",
        "is_ai_generated": "true",
        "title": "Dawn",
        "description": "Dawn\n\nA sea.\n\n#sea",
    }
    assert post.path.read_bytes() == film.read_bytes()
    assert (receipt.id, receipt.state, dict(receipt.details)) == (post.id, "processing", {"kind": "reel"})
    live = bench.follow(receipt)
    assert (live.id, live.state, live.url) == (post.id, "live", f"{bench.network.url}/reel/{post.id}/")
    assert (live.disclosure.value, live.disclosure.by) == (True, "read")


def test_what_is_no_reel_is_a_plain_video_in_pieces(bench: Bench, wide: Path) -> None:
    bench.takes(wide)
    prepared = bench.prepared()
    assert bench.network.asked.count("upload") > 2
    receipt = bench.publish(prepared=prepared)
    post = bench.network.post()
    assert (post.kind, post.form["published"]) == ("video", "true")
    assert post.path.read_bytes() == wide.read_bytes()
    live = bench.follow(receipt)
    assert (live.state, live.url) == ("live", f"{bench.network.url}/videos/{post.id}/")


def test_a_piece_whose_answer_was_lost_is_not_sent_into_the_wrong_place(bench: Bench, wide: Path) -> None:
    bench.takes(wide)
    bench.begun()
    bench.network.fails("upload:accept-then-drop*1")
    prepared = bench.prepared()
    bench.publish(prepared=prepared)
    assert bench.network.post().path.read_bytes() == wide.read_bytes()


def test_a_session_that_has_ended_is_begun_anew(bench: Bench, wide: Path) -> None:
    bench.takes(wide)
    bench.begun()
    bench.network.pages.videos.clear()
    bench.publish(prepared=bench.prepared())
    assert bench.network.asked.count("begin") == 2
    bench.network.fails("upload:refusal=100")
    bench.job = bench.job.replace(pending=None)
    with pytest.raises(Rejected, match=r"could not use the video.*100"):
        bench.prepared()


def test_a_reel_that_broke_off_goes_on_where_it_was(bench: Bench, film: Path) -> None:
    bench.begun()
    [video] = bench.network.pages.videos.values()
    video.path.write_bytes(film.read_bytes()[:1000])
    bench.network.pages.change(video.id, size=film.stat().st_size)
    bench.publish(prepared=bench.prepared())
    sent = next(one for one in bench.network.simulator.requests() if one["operation"] == "upload")
    assert sent["headers"]["offset"] == "1000"
    assert bench.network.post().path.read_bytes() == film.read_bytes()


def test_the_label_follows_what_is_disclosed_and_may_be_hidden(bench: Bench) -> None:
    bench.says(disclosure=Disclosure(ai="no"))
    receipt = bench.publish(prepared=bench.prepared())
    live = bench.follow(receipt)
    assert bench.network.post().form["is_ai_generated"] == "false"
    assert (live.disclosure.value, live.disclosure.by) == (False, "read")
    bench.network.fails("label:hidden")
    told = bench.follow(receipt)
    assert (told.state, told.disclosure.value, told.disclosure.by) == ("live", False, "sent")


@pytest.mark.parametrize("fault", ["accept-then-drop", "accept-then-500", "accept-then-html", "no-id"])
def test_a_lost_answer_is_told_by_the_video(bench: Bench, fault: str) -> None:
    prepared = bench.prepared()
    bench.network.fails(f"publish:{fault}")
    with pytest.raises(OutcomeUnknown):
        bench.publish(prepared=prepared)
    found = bench.find(prepared=prepared)
    assert isinstance(found, Found)
    assert [one.id for one in found.candidates] == [bench.network.post().id]
    with pytest.raises(AlreadyThere):
        bench.publish(prepared=prepared, attempt=2)
    assert len(bench.network.pages.published) == 1


@pytest.mark.parametrize(("fault", "word"), [("drop-before", "upload_complete"), ("503", "upload_complete")])
def test_bytes_that_were_not_finished_are_no_post(bench: Bench, fault: str, word: str) -> None:
    prepared = bench.prepared()
    bench.network.fails(f"publish:{fault}")
    with pytest.raises(OutcomeUnknown):
        bench.publish(prepared=prepared)
    told = f"the video is {word}, and not in the page's list"
    assert bench.find(prepared=prepared) == NotDone(final=True, why=told)
    bench.network.fails()
    bench.publish(prepared=prepared, attempt=2)
    assert len(bench.network.pages.published) == 1


def test_a_status_that_lags_is_caught_by_the_list(bench: Bench) -> None:
    prepared = bench.prepared()
    bench.network.fails("publish:accept-then-drop", "container:stale@nth=2*1")
    with pytest.raises(OutcomeUnknown):
        bench.publish(prepared=prepared)
    assert isinstance(bench.find(prepared=prepared), Found)


def test_a_plain_video_that_facebook_shows_as_a_reel_is_found(bench: Bench, wide: Path) -> None:
    bench.takes(wide)
    prepared = bench.prepared()
    bench.network.fails("publish:accept-then-drop", "container:stale@nth=2*1")
    with pytest.raises(OutcomeUnknown):
        bench.publish(prepared=prepared)
    bench.network.changes(kind="reel")
    assert isinstance(bench.find(prepared=prepared), Found)


def test_what_is_forgotten_proves_nothing(bench: Bench) -> None:
    prepared = bench.prepared()
    bench.network.fails("publish:accept-then-drop")
    with pytest.raises(OutcomeUnknown):
        bench.publish(prepared=prepared)
    bench.network.fails("container:forgotten", "list:empty")
    assert bench.find(prepared=prepared).final is False
    with pytest.raises(OutcomeUnknown, match="missing"):
        bench.publish(prepared=prepared, attempt=2)
    assert isinstance(bench.find(prepared=None), Unsure)


def test_an_upload_that_expired_is_made_anew(bench: Bench) -> None:
    prepared = bench.prepared()
    bench.network.changes(at=time.time() - 90_000)
    with pytest.raises(NotSent, match="expired") as caught:
        bench.publish(prepared=prepared)
    assert caught.value.prepare_again
    assert "publish" not in bench.network.asked
    bench.job = bench.job.replace(pending=None)
    bench.publish(prepared=bench.prepared())
    assert len(bench.network.pages.videos) == 2


@pytest.mark.parametrize(
    ("code", "error", "told"),
    [
        ("190.463", NotSent, "token is not accepted"),
        ("200", NotSent, "did not allow"),
        ("210", NotSent, "not one of a page"),
        ("613", NotSent, "613"),
        ("100.1390008", NotSent, "too fast"),
        ("368.1404006", NotSent, "limited"),
        ("100.1404078", NotSent, "authorised"),
        ("100.1404102", Rejected, "break its rules"),
        ("100", Rejected, "100"),
        ("1.1363047", OutcomeUnknown, "1363047"),
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
    assert bench.network.pages.published == {}


@pytest.mark.parametrize("operation", ["begin", "upload", "processing"])
@pytest.mark.parametrize("fault", ["503", "drop"])
def test_trouble_before_the_post_is_tried_again(bench: Bench, operation: str, fault: str) -> None:
    if operation != "begin":
        bench.begun()
    bench.network.fails(f"{operation}:{fault}")
    with pytest.raises(Unavailable):
        bench.prepare()
    bench.network.fails()
    bench.publish(prepared=bench.prepared())
    assert len(bench.network.pages.published) == 1


def test_a_file_that_is_no_video_is_given_up_after_three_uploads(bench: Bench, tmp_path: Path) -> None:
    path = tmp_path / "no.mp4"
    path.write_bytes(b"no video" * 100)
    clip = bench.post.clip
    changed = clip.video.replace(path=path, bytes=path.stat().st_size)
    bench.says(clip=clip.with_video(changed))
    with pytest.raises(Rejected, match="The file is no video"):
        bench.prepared()
    assert bench.network.asked.count("upload") == 3


def test_a_video_that_fails_after_it_was_taken_is_said_and_never_posted_again(bench: Bench) -> None:
    bench.network.fails("video:fail=codec")
    prepared = bench.prepared()
    receipt = bench.publish(prepared=prepared)
    failed = bench.follow(receipt)
    assert (failed.state, failed.details["reason"]) == ("failed", "The video could not be processed (codec).")
    assert isinstance(bench.find(prepared=prepared), Found)


def test_it_is_followed_until_it_is_shown(bench: Bench) -> None:
    bench.network.fails("video:slow=3600")
    receipt = bench.publish(prepared=bench.prepared())
    assert isinstance(bench.follow(receipt), Pending)
    bench.network.changes(seconds=0.0)
    assert bench.follow(receipt).state == "live"


def test_a_post_that_is_gone_is_said_to_be_removed(bench: Bench) -> None:
    receipt = bench.publish(prepared=bench.prepared())
    bench.network.pages.delete(receipt.id, ANYONE)
    assert isinstance(bench.follow(receipt), Pending)
    old = receipt.replace(at=bench.context.now() - timedelta(hours=1))
    assert bench.follow(old).state == "removed"


@pytest.mark.parametrize("kind", ["reel", "video"])
def test_a_later_post_is_put_on_facebook_s_schedule(bench: Bench, wide: Path, kind: str) -> None:
    if kind == "video":
        bench.takes(wide)
    at = (bench.context.now() + timedelta(hours=2)).replace(microsecond=0)
    bench.says(publish_at=at)
    prepared = bench.prepared()
    bench.network.fails("publish:accept-then-drop")
    with pytest.raises(OutcomeUnknown):
        bench.publish(prepared=prepared)
    [receipt] = bench.find(prepared=prepared).candidates
    post = bench.network.post()
    assert post.due == pytest.approx(at.timestamp(), abs=1)
    told = ("video_state", "SCHEDULED") if kind == "reel" else ("published", "false")
    assert post.form[told[0]] == told[1]
    kept = bench.follow(receipt)
    assert (kept.state, kept.details["publish_at"]) == ("private", at.isoformat())


def test_what_is_due_before_facebook_would_keep_it_waits_here(bench: Bench) -> None:
    prepared = bench.prepared()
    bench.says(publish_at=bench.context.now() + timedelta(minutes=4))
    with pytest.raises(NotSent, match="not time") as caught:
        bench.publish(prepared=prepared)
    assert caught.value.retry_after == pytest.approx(240, abs=20)
    bench.job = bench.job.replace(pending=None)
    waits = bench.prepare()
    assert isinstance(waits, Pending)
    assert waits.after == pytest.approx(240, abs=20)
    assert bench.network.asked.count("begin") == 1
    bench.says(publish_at=bench.context.now() - timedelta(seconds=1))
    bench.publish(prepared=prepared)
    assert bench.network.post().form["video_state"] == "PUBLISHED"


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"privacy": "unlisted"}, "is public, and this one is unlisted"),
        ({"ahead": timedelta(days=40)}, "30 days ahead"),
    ],
)
def test_what_facebook_does_not_take_is_refused_before_anything_is_sent(
    bench: Bench, film: Path, changes: dict[str, Any], told: str
) -> None:
    if ahead := changes.pop("ahead", None):
        changes["publish_at"] = bench.context.now() + ahead
    bench.says(**changes)
    with pytest.raises(Rejected, match=told):
        bench.prepare()
    assert bench.network.asked == []


def test_where_only_reels_are_wanted_no_other_video_is_posted(bench: Bench, film: Path) -> None:
    bench.plugin = Facebook(FacebookConfig(kind="reel"), bench.context)
    assert (bench.plugin.accepts.aspect_ratio, bench.plugin.accepts.longest) == ("9:16", 90)
    bench.takes(film, duration=91.0)
    with pytest.raises(Rejected, match="does not fit a reel: it has 91 s; a reel has 3 to 90 s"):
        bench.prepare()
    assert bench.network.asked == []


@pytest.mark.parametrize(
    ("facts", "kind"),
    [
        ({}, "reel"),
        ({"duration": 2.9}, "video"),
        ({"width": 1080, "height": 1920, "fps": 59.94}, "reel"),
        ({"width": 360, "height": 640}, "video"),
        ({"width": 960, "height": 540}, "video"),
        ({"fps": 12.0}, "video"),
        ({"width": None, "height": None, "fps": None, "duration": None}, "reel"),
    ],
)
def test_a_reel_is_told_by_its_shape_and_length(bench: Bench, film: Path, facts: dict[str, Any], kind: str) -> None:
    bench.takes(film, **facts)
    assert bench.plugin.kind(bench.post) == kind


def test_a_brief_is_checked_before_it_is_paid_for(bench: Bench) -> None:
    reels = Facebook(FacebookConfig(kind="reel"), bench.context)

    def problems(plugin: Facebook = bench.plugin, **brief: Any) -> list[str]:
        given = sample_brief(**{"privacy": "public", "duration": 5, **brief})
        return [one.message for one in plugin.check_brief(given, sample_job(), None)]

    assert problems() == []
    assert "should be private" in problems(privacy="private")[0]
    assert problems(privacy="private", destinations={"facebook": PostCopy(privacy="public")}) == []
    assert problems(duration=2) == []
    assert "a reel has at least 3 s" in problems(reels, duration=2)[0]
    later = bench.context.now() + timedelta(days=31)
    assert "30 days ahead" in problems(destinations={"facebook": PostCopy(publish_at=later)})[0]
    # For the time of a brief Reelwork waits itself.
    assert problems(publish_at=later) == []


def test_each_page_has_its_own_posts(bench: Bench, network: Network) -> None:
    bench.context._accounts.add("other", "facebook", account(network.url, "other"))
    bench.publish(prepared=bench.prepared())
    second = Bench(
        Facebook(FacebookConfig(account="other"), bench.context), bench.context, network, bench.post, bench.job
    )
    second.job = second.job.replace(pending=None)
    second.publish(prepared=second.prepared())
    assert [one.page for one in network.pages.published.values()] == [ANYONE, "other"]


def test_the_thumbnail_is_set_and_its_failure_costs_no_post(bench: Bench, tmp_path: Path) -> None:
    from PIL import Image

    from reelwork_hooks import Asset, Role

    Image.new("RGB", (54, 96)).save(tmp_path / "cover.jpg")
    cover = Asset.from_file(tmp_path / "cover.jpg", Role.THUMBNAIL)
    bench.says(thumbnail=cover)
    receipt = bench.publish(prepared=bench.prepared())
    bench.network.fails("thumbnail:503")
    assert bench.follow(receipt).state == "live"
    assert bench.network.post().thumbnail == b""
    bench.network.fails()
    bench.follow(receipt)
    assert bench.network.post().thumbnail == cover.path.read_bytes()


def test_a_receipt_is_the_upload_s_own_id(bench: Bench) -> None:
    prepared = bench.prepared()
    receipt = bench.publish(prepared=prepared)
    assert isinstance(receipt, Receipt)
    assert receipt.id == prepared["video"]
