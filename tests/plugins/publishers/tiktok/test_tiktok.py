"""`tiktok` against the simulator: one post an upload, whatever is lost on the way."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.plugins.publishers.tiktok.conftest import Bench

from reelwork.testing import sample_brief, sample_job
from reelwork_hooks import (
    AlreadyThere,
    Disclosure,
    Found,
    NotDone,
    NotSent,
    OutcomeUnknown,
    OutOfFunds,
    Pending,
    PostCopy,
    Rejected,
    Shown,
    Unavailable,
    Unsure,
)
from reelwork_plugins.publishers.tiktok import DRAFT, Tiktok, TiktokConfig
from reelwork_plugins.publishers.tiktok.chunks import Chunks, upload_address
from reelwork_plugins.publishers.tiktok.standing import standing_of


def test_a_post_begins_with_what_the_account_may_do_and_is_made_by_its_last_piece(bench: Bench, film: Path) -> None:
    prepared = bench.prepared()
    assert bench.network.asked == ["account", "begin"]
    size = film.stat().st_size
    assert bench.network.sent("begin") == {
        "post_info": {
            "title": "Dawn\n\nA sea.\n\n#sea",
            "privacy_level": "PUBLIC_TO_EVERYONE",
            "disable_comment": True,
            "disable_duet": True,
            "disable_stitch": True,
            "brand_content_toggle": False,
            "brand_organic_toggle": False,
            "is_aigc": True,
        },
        "source_info": {"source": "FILE_UPLOAD", "video_size": size, "chunk_size": size, "total_chunk_count": 1},
    }
    assert bench.network.store.accepted() == []
    receipt = bench.publish(prepared=prepared)
    post = bench.network.post()
    assert post.path.read_bytes() == film.read_bytes()
    assert (receipt.id, receipt.state) == (post.id, "processing")
    assert receipt.disclosure == Shown(value=True, by="sent")
    live = bench.follow(receipt)
    assert (live.state, live.url) == ("live", f"{bench.network.url}/@rehearsal/video/{post.number}")


def test_pieces_are_counted_as_tiktok_counts_them(bench: Bench, large: Path) -> None:
    bench.takes(large)
    prepared = bench.prepared()
    assert bench.network.asked == ["account", "begin", "processing", "upload", "upload"]
    told = bench.network.sent("begin")["source_info"]
    assert (told["chunk_size"], told["total_chunk_count"]) == (5 << 20, 3)
    assert bench.network.store.accepted() == []
    bench.publish(prepared=prepared)
    assert bench.network.post().path.read_bytes() == large.read_bytes()


@pytest.mark.parametrize(
    ("size", "chunk", "count", "last"),
    [(3, 10, 1, 0), (10, 10, 1, 0), (19, 10, 1, 0), (20, 10, 2, 10), (50_000_123, 10_000_000, 5, 40_000_000)],
)
def test_the_last_piece_has_what_is_left(size: int, chunk: int, count: int, last: int) -> None:
    made = Chunks.of(size, chunk)
    assert (made.count, made.last) == (count, last)
    spans = list(made.spans(0))
    assert [start for start, _ in spans] == [0, *(end for _, end in spans[:-1])]
    assert spans[-1] == (last, size)


def test_a_piece_whose_answer_was_lost_is_not_sent_into_the_wrong_place(bench: Bench, large: Path) -> None:
    bench.takes(large)
    bench.network.fails("upload:accept-then-drop@nth=1")
    with pytest.raises(Unavailable):
        bench.prepared()
    bench.publish(prepared=bench.prepared())
    assert bench.network.asked.count("begin") == 1
    assert bench.network.post().path.read_bytes() == large.read_bytes()


def test_an_upload_whose_hour_is_over_is_begun_anew(bench: Bench, large: Path) -> None:
    bench.takes(large)
    bench.network.fails("upload:expired@nth=2")
    prepared = bench.prepared()
    assert bench.network.asked.count("begin") == 2
    bench.publish(prepared=prepared)
    assert len(bench.network.store.accepted()) == 1
    bench.network.fails("upload:expired")
    bench.job = bench.job.replace(pending=None)
    with pytest.raises(Rejected, match="did not come to its end"):
        bench.prepared()


def test_an_answer_to_the_beginning_that_was_lost_leaves_an_upload_that_nobody_can_end(bench: Bench) -> None:
    bench.network.fails("begin:accept-then-drop@nth=1")
    with pytest.raises(Unavailable):
        bench.prepare()
    bench.publish(prepared=bench.prepared())
    assert len(bench.network.store.every) == 2
    assert len(bench.network.store.accepted()) == 1


@pytest.mark.parametrize("fault", ["accept-then-drop", "accept-then-500", "accept-then-html"])
def test_a_lost_answer_is_told_by_the_posts_own_id(bench: Bench, fault: str) -> None:
    prepared = bench.prepared()
    bench.network.fails(f"publish:{fault}")
    with pytest.raises(OutcomeUnknown):
        bench.publish(prepared=prepared)
    found = bench.find(prepared=prepared)
    assert isinstance(found, Found)
    assert [one.id for one in found.candidates] == [bench.network.post().id]
    with pytest.raises(AlreadyThere):
        bench.publish(prepared=prepared, attempt=2)
    assert len(bench.network.store.accepted()) == 1


@pytest.mark.parametrize("fault", ["drop-before", "503"])
def test_a_last_piece_that_did_not_come_is_sent_again_into_the_same_upload(bench: Bench, fault: str) -> None:
    prepared = bench.prepared()
    bench.network.fails(f"publish:{fault}")
    with pytest.raises(OutcomeUnknown):
        bench.publish(prepared=prepared)
    assert bench.find(prepared=prepared) == NotDone(final=True, why="the post is PROCESSING_UPLOAD")
    bench.network.fails()
    bench.publish(prepared=prepared, attempt=2)
    assert (len(bench.network.store.every), len(bench.network.store.accepted())) == (1, 1)


def test_a_status_that_lags_makes_no_second_post(bench: Bench) -> None:
    prepared = bench.prepared()
    bench.network.fails("publish:accept-then-drop*1", "container:stale")
    with pytest.raises(OutcomeUnknown):
        bench.publish(prepared=prepared)
    # It believes that nothing came, and sends the piece once more: TikTok turns it away, which proves nothing.
    with pytest.raises(OutcomeUnknown):
        bench.publish(prepared=prepared, attempt=2)
    assert len(bench.network.store.accepted()) == 1


def test_a_piece_that_is_turned_away_at_first_posts_nothing(bench: Bench) -> None:
    prepared = bench.prepared()
    bench.network.fails("publish:expired")
    with pytest.raises(NotSent) as caught:
        bench.publish(prepared=prepared)
    assert caught.value.prepare_again
    with pytest.raises(OutcomeUnknown):
        bench.publish(prepared=prepared, attempt=2)
    assert bench.network.store.accepted() == []


def test_an_upload_that_can_never_be_ended_is_prepared_again(bench: Bench) -> None:
    prepared = bench.prepared()
    long_ago = {**prepared, "begun": prepared["begun"] - 4000}
    with pytest.raises(NotSent) as caught:
        bench.publish(prepared=long_ago, attempt=2)
    assert caught.value.prepare_again
    assert "publish" not in bench.network.asked


def test_a_forgotten_address_is_waited_for_where_an_earlier_attempt_may_use_it(bench: Bench) -> None:
    prepared = bench.prepared()
    state: Any = bench.context.state
    key = f"upload {bench.job.id} tiktok"
    kept = asyncio.run(state.get(key))
    asyncio.run(state.set(key, None, expect=kept))
    with pytest.raises(NotSent) as first:
        bench.publish(prepared=prepared)
    with pytest.raises(NotSent) as second:
        bench.publish(prepared=prepared, attempt=2)
    assert first.value.prepare_again
    assert not second.value.prepare_again
    assert 3000 < (second.value.retry_after or 0) <= 3900


def test_a_post_that_tiktok_does_not_know_proves_nothing(bench: Bench) -> None:
    prepared = bench.prepared()
    bench.network.fails("container:forgotten")
    with pytest.raises(OutcomeUnknown):
        bench.publish(prepared=prepared)
    assert bench.find(prepared=prepared) == NotDone(final=False, why="the post is missing")
    assert isinstance(bench.find(prepared=None), Unsure)


def test_without_an_audit_a_video_goes_to_the_inbox_and_the_receipt_says_so(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    bench.configured(direct=False)
    prepared = bench.prepared()
    assert bench.network.asked == ["begin"]
    assert list(bench.network.sent("begin")) == ["source_info"]
    receipt = bench.publish(prepared=prepared)
    assert receipt.disclosure == Shown(value=None, by="unreadable")
    told = bench.follow(receipt)
    assert (told.state, dict(told.details)) == ("private", {"kind": "draft", "draft": DRAFT})
    assert bench.network.post().info is None
    assert DRAFT in caplog.text
    assert (bench.plugin.post_fields, "as a draft" in (bench.plugin.post_note or "")) == ((), True)
    bench.configured()
    assert bench.plugin.post_note is None


def test_the_account_says_who_may_see_it_and_what_may_be_done_with_it(bench: Bench, film: Path) -> None:
    bench.network.fails("creator:private")
    with pytest.raises(Rejected, match="PUBLIC_TO_EVERYONE") as caught:
        bench.prepare()
    assert "FOLLOWER_OF_CREATOR" in caught.value.hint
    bench.says(options={"audience": "followers", "comments": True, "duet": True})
    bench.network.fails("creator:private")
    bench.prepare()
    told = bench.network.sent("begin")["post_info"]
    assert (told["privacy_level"], told["disable_comment"], told["disable_duet"]) == (
        "FOLLOWER_OF_CREATOR",
        False,
        True,
    )
    bench.says(options={"comments": True})
    bench.network.fails("creator:closed")
    bench.prepare()
    assert bench.network.sent("begin")["post_info"]["disable_comment"] is True
    bench.network.fails("creator:short=60")
    bench.takes(film, duration=61)
    with pytest.raises(Rejected, match=r"the video has 61 s; this account may post 60 s"):
        bench.prepare()


def test_a_private_post_stays_private_and_has_no_address(bench: Bench) -> None:
    bench.says(privacy="private", options={"audience": "friends"}, disclosure=Disclosure(ai="no"))
    receipt = bench.publish(prepared=bench.prepared())
    told = bench.network.post().info or {}
    assert (told["privacy_level"], told["is_aigc"]) == ("SELF_ONLY", False)
    live = bench.follow(receipt)
    assert (live.state, live.url) == ("private", "")
    bench.says(options={"paid_partnership": True})
    with pytest.raises(Rejected, match="no private posts that are paid for"):
        bench.prepare()


def test_a_video_that_tiktok_would_not_take_is_not_sent(bench: Bench, film: Path) -> None:
    bench.takes(film, width=320, height=640)
    with pytest.raises(Rejected, match=r"320x640"):
        bench.prepare()
    bench.takes(film, fps=12)
    with pytest.raises(Rejected, match="12 frames a second"):
        bench.prepare()
    bench.takes(film)
    bench.job = bench.job.replace(marked_by=("logo",))
    with pytest.raises(Rejected, match="no video with a watermark"):
        bench.prepare()
    assert bench.network.asked == []


@pytest.mark.parametrize(
    ("code", "kind", "words"),
    [
        ("spam_risk_too_many_posts", OutOfFunds, "today's posts are used up"),
        ("unaudited_client_can_only_post_to_private_accounts", Exception, "has not audited the app"),
        ("scope_not_authorized", Exception, "did not allow this"),
        ("privacy_level_option_mismatch", Rejected, "privacy_level_option_mismatch"),
        ("rate_limit_exceeded", Unavailable, "rate_limit_exceeded"),
        ("internal_error", Unavailable, "internal_error"),
    ],
)
def test_refusals_say_what_they_mean(bench: Bench, code: str, kind: type[Exception], words: str) -> None:
    bench.network.fails(f"begin:refusal={code}")
    with pytest.raises(kind, match=words):
        bench.prepare()
    assert bench.network.store.every == {}


def test_a_post_is_followed_to_its_end(bench: Bench) -> None:
    bench.network.fails("video:fail=frame_rate_check_failed")
    receipt = bench.publish(prepared=bench.prepared())
    failed = bench.follow(receipt)
    assert failed.state == "failed"
    assert "from 23 to 60 (frame_rate_check_failed)" in failed.details["reason"]
    bench.network.changes(failure="", seconds=1e9)
    assert isinstance(bench.follow(receipt), Pending)
    bench.network.fails("container:forgotten")
    assert isinstance(bench.follow(receipt), Pending)
    old = receipt.replace(at=bench.context.now() - timedelta(hours=1))
    assert bench.follow(old).state is None


def test_a_public_post_that_is_looked_at_is_done_without_its_address(bench: Bench) -> None:
    receipt = bench.publish(prepared=bench.prepared())
    [post] = bench.network.store.every.values()
    # Posted, and not looked at yet.
    bench.network.changes(seconds=1e3, whole_at=(post.whole_at or 0) - 1.5e3)
    assert isinstance(bench.follow(receipt), Pending)
    late = receipt.replace(at=bench.context.now() - timedelta(minutes=6))
    assert (bench.follow(late).state, bench.follow(late).url) == ("live", "")


def test_what_a_status_means() -> None:
    def word(status: str, sent: int | None = None) -> str:
        return standing_of({"status": status, **({} if sent is None else {"uploaded_bytes": sent})}, 10).word

    assert [word("PROCESSING_UPLOAD", sent) for sent in (None, 9, 10)] == ["unclear", "uploading", "taken"]
    assert [word("FAILED", sent) for sent in (None, 9, 10)] == ["failed", "broken", "failed"]
    assert [word(one) for one in ("PROCESSING_DOWNLOAD", "NEW_WORD")] == ["taken", "unclear"]


def test_the_bytes_go_to_tiktok_and_nowhere_else() -> None:
    there = "https://open-upload.tiktokapis.com/video/?upload_id=1"
    assert upload_address("", there) == there
    assert upload_address("http://127.0.0.1:1", "http://10.0.0.1/video/?a=b") == "http://127.0.0.1:1/video/?a=b"
    with pytest.raises(Unavailable, match="not TikTok's"):
        upload_address("", "https://tiktokapis.com.evil.example/video/")


def test_a_brief_is_told_what_tiktok_has_not(bench: Bench) -> None:
    def told(brief: Any, **settings: Any) -> list[str]:
        plugin = Tiktok(TiktokConfig(**settings), bench.context)
        return [one.message for one in plugin.check_brief(brief, sample_job(), None)]

    unlisted = sample_brief(privacy="unlisted")
    assert told(unlisted, direct=True) == ["tiktok: TikTok has no posts that are unlisted."]
    assert told(unlisted) == []
    friends = unlisted.replace(destinations={"tiktok": PostCopy.model_validate({"audience": "friends"})})
    assert told(friends, direct=True) == []
    caption = sample_brief(destinations={"tiktok": PostCopy(disclosure=Disclosure(label="caption"))})
    assert "a draft takes no text" in told(caption)[0]
    assert told(caption, direct=True) == []


def test_a_long_text_gives_way_in_its_caption_and_says_that_it_is_ai(bench: Bench) -> None:
    bench.says(caption="🎬" * 2000, disclosure=Disclosure(label="caption"))
    bench.prepare()
    info = next(iter(bench.network.store.every.values())).info or {}
    said = str(info["title"])
    assert len(said.encode("utf-16-le")) // 2 <= 2200
    assert said.endswith("#sea\n\nMade with AI")
