"""`youtube` against the simulator: one video a post, whatever is lost on the way."""

from __future__ import annotations

import asyncio
import json
import logging
import os
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from tests.plugins.publishers.bench import PostBench
from tests.plugins.publishers.youtube.conftest import TOKEN, Network

from reelwork.testing import sample_clip, sample_job, sample_post
from reelwork.testing.contexts import SampleContext
from reelwork_hooks import (
    Asset,
    Candidate,
    Clip,
    Credentials,
    Found,
    InvalidInput,
    Listing,
    NotDone,
    NotSent,
    OutcomeUnknown,
    OutOfFunds,
    Pending,
    Receipt,
    Rejected,
    Role,
    Unavailable,
)
from reelwork_plugins.publishers.youtube import Youtube, YoutubeConfig
from reelwork_plugins.publishers.youtube.resource import resource
from reelwork_plugins.simulator.networks.youtube.channel import Fate

FILM = os.urandom(5 * (1 << 20) // 2)
"""Two pieces of a mebibyte, and half of one."""


@dataclass
class Bench(PostBench):
    """A post, and the plugin that is to post it."""

    plugin: Youtube
    network: Network

    def follow(self, receipt: Receipt, job: Any = None) -> Any:
        return asyncio.run(self.plugin.follow_post(self.post, job or self.job, receipt))

    def again(self) -> Bench:
        """The same in another process, which shares the store."""
        return Bench(Youtube(self.plugin.config, self.context), self.context, self.network, self.post, self.job)


@pytest.fixture
def bench(tmp_path: Path, network: Network) -> Bench:
    context = SampleContext(tmp_path, "youtube")
    context._accounts.add("youtube", "youtube", Credentials({"channel": "UC1"}, {"access_token": TOKEN}))
    film = tmp_path / "film.mp4"
    film.write_bytes(FILM)
    clip = Clip(video=Asset.from_file(film, Role.VIDEO, media_type="video/mp4"))
    post = sample_post(destination="youtube", clip=clip, title="Dawn <1>", caption="A sea.", hashtags=("sea",))
    plugin = Youtube(YoutubeConfig(base_url=network.url, chunk=1), context)
    return Bench(plugin, context, network, post, sample_job())


def test_a_video_is_uploaded_in_pieces_and_made_by_the_last(bench: Bench) -> None:
    prepared = bench.prepare()
    assert bench.network.asked == ["begin", "upload", "upload"]
    assert bench.network.videos == {}
    receipt = bench.publish(prepared=prepared)
    [video] = bench.network.videos.values()
    assert video.path.read_bytes() == FILM
    assert bench.network.asked[3:] == ["ask", "publish"]
    assert (receipt.id, receipt.state) == (video.id, "processing")
    assert receipt.url == f"{bench.network.url}/watch?v={video.id}"
    assert receipt.disclosure is not None
    assert (receipt.disclosure.value, receipt.disclosure.by) == (True, "read")
    assert video.snippet["title"] == "Dawn ‹1›"
    assert video.snippet["description"] == "A sea.\n\n#sea"
    assert video.asked["privacyStatus"] == bench.post.privacy


def test_the_sessions_address_is_shown_nowhere(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    prepared = bench.prepare()
    [session] = bench.network.sessions
    bench.network.fails("publish:accept-then-drop@nth=1", "ask:503@nth=2")
    with pytest.raises(OutcomeUnknown) as caught:
        bench.publish(prepared=prepared)
    logged = [record.getMessage() for record in caplog.records if record.name.startswith("reelwork")]
    told = f"{json.dumps(prepared)} {caught.value.explained()} {logged}"
    assert session not in told
    assert "upload_id" not in told


@pytest.mark.parametrize("silent", [0, 1, 3])
def test_a_lost_answer_to_the_last_piece_makes_no_second_video(bench: Bench, silent: int) -> None:
    prepared = bench.prepare()
    silence = [f"ask:503@nth=2*{silent}"] if silent else []
    bench.network.fails("publish:accept-then-drop@nth=1", *silence)
    if not silent:
        receipt = bench.publish(prepared=prepared)
    else:
        with pytest.raises(OutcomeUnknown):
            bench.publish(prepared=prepared)
        bench.network.fails()
        found = bench.again().find(prepared=prepared)
        assert isinstance(found, Found)
        receipt = bench.again().publish(prepared=prepared, attempt=2)
        assert [one.id for one in found.candidates] == [receipt.id]
    assert list(bench.network.videos) == [receipt.id]
    assert bench.network.asked.count("begin") == 1


def test_an_answer_of_5xx_to_the_last_piece_is_asked_of_the_session(bench: Bench) -> None:
    prepared = bench.prepare()
    bench.network.fails("publish:502@nth=1")
    bench.publish(prepared=prepared)
    assert bench.network.asked[-4:] == ["ask", "publish", "ask", "publish"]
    assert len(bench.network.videos) == 1


def test_a_video_that_is_made_later_than_the_answer_is_one(bench: Bench) -> None:
    prepared = bench.prepare()
    bench.network.fails("publish:accept-late=0.3@nth=1")
    receipt = bench.publish(prepared=prepared)
    bench.network.waits_for_late_work()
    assert list(bench.network.videos) == [receipt.id]
    assert bench.network.asked[-4:] == ["ask", "publish", "ask", "publish"]


def test_after_a_kill_the_same_session_goes_on(bench: Bench) -> None:
    prepared = bench.prepare()
    assert bench.again().prepare() == prepared
    assert bench.network.asked == ["begin", "upload", "upload", "ask"]
    found = bench.find(prepared=prepared)
    assert found == NotDone(why=f"{2 << 20} of {len(FILM)} bytes have arrived")
    assert [bench.again().publish(prepared=prepared, attempt=2).id] == list(bench.network.videos)
    assert len(bench.network.sessions) == 1


def test_a_session_that_is_gone_after_its_last_piece_is_never_followed_by_another(bench: Bench) -> None:
    prepared = bench.prepare()
    bench.network.fails("publish:accept-then-drop@nth=1", "ask:expired@nth=2*9")
    with pytest.raises(OutcomeUnknown, match="gone"):
        bench.publish(prepared=prepared)
    with pytest.raises(OutcomeUnknown, match="gone"):
        bench.again().publish(prepared=prepared, attempt=2)
    assert len(bench.network.sessions) == 1
    listing = bench.find(prepared=prepared)
    assert isinstance(listing, Listing)
    [one] = listing.candidates
    assert isinstance(one, Candidate)
    assert ([one.result.id], one.fields) == (list(bench.network.videos), {"title": "Dawn <1>", "caption": "A sea."})
    assert (listing.complete, listing.total) == (True, 1)


@pytest.mark.parametrize("asked", ["account", "list"])
def test_a_list_that_is_lost_or_refused_says_nothing_of_a_post_whose_session_is_gone(
    bench: Bench, asked: str
) -> None:
    prepared = bench.prepare()
    bench.network.fails(
        "publish:accept-then-drop@nth=1", "ask:expired@nth=2*9", f"{asked}:401*1", f"{asked}:drop*9"
    )
    with pytest.raises(OutcomeUnknown):
        bench.publish(prepared=prepared)
    for error in (InvalidInput, Unavailable):
        with pytest.raises(error):
            bench.find(prepared=prepared)
    bench.network.fails("ask:expired")
    assert isinstance(bench.find(prepared=prepared), Listing)
    assert len(bench.network.videos) == 1


def test_a_session_that_refuses_to_tell_is_looked_up_in_the_list(bench: Bench) -> None:
    prepared = bench.prepare()
    bench.network.fails("publish:accept-then-drop@nth=1", "ask:reason=forbidden@nth=2*3")
    with pytest.raises(OutcomeUnknown):
        bench.publish(prepared=prepared)
    assert isinstance(bench.find(prepared=prepared), Listing)
    with pytest.raises(OutcomeUnknown):
        bench.again().publish(prepared=prepared, attempt=2)
    assert len(bench.network.sessions) == 1


def test_a_slow_upload_is_continued_in_the_next_call(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reelwork_plugins.publishers.youtube.UPLOAD_SECONDS", -1.0)
    assert bench.prepare() == Pending(after=1, percent=0)
    monkeypatch.undo()
    bench.publish(prepared=bench.prepare())
    assert len(bench.network.sessions) == 1
    assert bench.network.posted() == FILM


def test_after_a_last_piece_no_refusal_of_an_earlier_one_is_believed(bench: Bench) -> None:
    prepared = bench.prepare()
    bench.network.fails("publish:accept-then-drop@nth=1", "ask:503@nth=2")
    with pytest.raises(OutcomeUnknown):
        bench.publish(prepared=prepared)
    # The server has lost the video and half of its bytes, as it says, and then refuses.
    [upload] = bench.network.sessions.values()
    upload.video, upload.received = "", 1 << 20
    bench.network.fails("upload:reason=forbidden")
    with pytest.raises(OutcomeUnknown, match="forbidden"):
        bench.again().publish(prepared=prepared, attempt=2)


def test_what_made_the_video_is_known_until_the_receipt_is_stored(bench: Bench) -> None:
    prepared = bench.prepare()
    receipt = bench.publish(prepared=prepared)
    # The process was killed before it could store the receipt.
    assert bench.again().publish(prepared=prepared, attempt=2).id == receipt.id
    bench.follow(receipt)
    assert isinstance(bench.find(prepared=prepared), Listing)
    with pytest.raises(OutcomeUnknown, match="is gone"):
        bench.again().publish(prepared=prepared, attempt=2)
    assert list(bench.network.videos) == [receipt.id]


def test_a_session_that_is_gone_before_its_last_piece_is_begun_anew(bench: Bench) -> None:
    prepared = bench.prepare()
    bench.network.sessions.clear()
    assert [bench.publish(prepared=prepared).id] == list(bench.network.videos)
    assert bench.network.posted() == FILM


def test_changed_words_begin_another_session_while_nothing_was_posted(bench: Bench) -> None:
    bench.prepare()
    bench.post = bench.post.replace(title="Dusk")
    bench.publish(prepared=bench.prepare())
    [video] = bench.network.videos.values()
    assert video.snippet["title"] == "Dusk"


@pytest.mark.parametrize(
    ("place", "reason", "error"),
    [
        ("begin", "quotaExceeded", OutOfFunds),
        ("begin", "uploadLimitExceeded", OutOfFunds),
        ("begin", "invalidTitle", Rejected),
        ("upload", "forbidden", Rejected),
    ],
)
def test_refusals_while_preparing(bench: Bench, place: str, reason: str, error: type) -> None:
    bench.network.fails(f"{place}:reason={reason}@nth=1")
    with pytest.raises(error, match=reason):
        bench.prepare()
    bench.publish(prepared=bench.prepare())
    assert len(bench.network.videos) == 1


def test_a_refused_last_piece_is_a_refusal_and_then_another_session_may_begin(bench: Bench) -> None:
    prepared = bench.prepare()
    bench.network.fails("publish:reason=quotaExceeded@nth=1")
    with pytest.raises(OutOfFunds):
        bench.publish(prepared=prepared)
    assert [bench.publish(prepared=prepared, attempt=2).id] == list(bench.network.videos)


def test_a_refused_session_that_was_continued_after_a_backup_is_not_followed_by_another(bench: Bench) -> None:
    prepared = bench.prepare()
    bench.network.fails("publish:reason=quotaExceeded@nth=1")
    with pytest.raises(OutOfFunds):
        bench.publish(prepared=prepared)
    state: Any = bench.context._state
    backup = dict(state._values._kept)
    receipt = bench.again().publish(prepared=prepared, attempt=2)
    state._values._kept = backup
    assert bench.again().publish(prepared=prepared, attempt=2).id == receipt.id
    assert list(bench.network.videos) == [receipt.id]


@pytest.mark.parametrize("asked", ["404", "reason=forbidden"])
def test_a_refused_session_that_is_of_no_more_use_is_begun_anew(bench: Bench, asked: str) -> None:
    prepared = bench.prepare()
    bench.network.fails("publish:reason=forbidden*2")
    for attempt in (1, 2):
        with pytest.raises(Rejected, match="forbidden"):
            bench.publish(prepared=prepared, attempt=attempt)
    bench.network.fails("ask:503@nth=1", f"ask:{asked}@nth=2")
    with pytest.raises(NotSent):
        bench.publish(prepared=prepared, attempt=3)
    assert [bench.publish(prepared=prepared, attempt=4).id] == list(bench.network.videos)
    assert len(bench.network.sessions) == 2


def test_a_video_that_is_there_before_its_last_piece_is_not_made_again(bench: Bench) -> None:
    bench.prepare()
    [upload] = bench.network.sessions.values()
    upload.path.write_bytes(FILM)
    upload.received = len(FILM)
    bench.network.channels.make(upload, Fate(0), None)
    prepared = bench.prepare()
    bench.network.sessions.clear()
    with pytest.raises(OutcomeUnknown, match="gone"):
        bench.publish(prepared=prepared)
    assert (len(bench.network.videos), bench.network.asked.count("begin")) == (1, 1)


def test_another_channel_does_not_go_on_with_an_upload(bench: Bench) -> None:
    bench.prepare()
    bench.context._accounts.remove("youtube")
    other = Credentials({"channel": "UC2"}, {"access_token": TOKEN}, identity="UC2")
    bench.context._accounts.add("youtube", "youtube", other)
    bench.publish(prepared=bench.prepare())
    [begun, used] = bench.network.sessions.values()
    assert ([begun.video], [used.video]) == ([""], list(bench.network.videos))


def test_what_fails_before_the_last_piece_was_not_sent(bench: Bench) -> None:
    prepared = bench.prepare()
    for fault in ("ask:503@nth=1", "ask:drop@nth=1"):
        bench.network.fails(fault)
        with pytest.raises(NotSent):
            bench.publish(prepared=prepared)
    assert [bench.publish(prepared=prepared).id] == list(bench.network.videos)
    assert len(bench.network.sessions) == 1


def test_a_video_that_is_processed_has_its_thumbnail_and_its_label(bench: Bench) -> None:
    picture = sample_clip().video.path.with_name("picture.jpg")
    picture.write_bytes(b"\xff\xd8picture")
    bench.post = bench.post.replace(thumbnail=Asset.from_file(picture, Role.THUMBNAIL, media_type="image/jpeg"))
    receipt = bench.publish(prepared=bench.prepare())
    bench.network.fails("thumbnail:500@nth=1")
    waiting = bench.follow(receipt)
    assert isinstance(waiting, Pending)
    assert bench.network.videos[receipt.id].thumbnail == ("image/jpeg", b"\xff\xd8picture")
    later = bench.job.replace(pending=waiting)
    bench.network.process(containsSyntheticMedia=False)
    done = bench.follow(receipt, later)
    assert (done.id, done.state) == (receipt.id, "private" if bench.post.privacy == "private" else "live")
    # As YouTube shows it, whatever was sent.
    assert (done.disclosure.value, done.disclosure.by) == (False, "read")
    bench.network.process(rejection="copyright")
    assert bench.follow(receipt, later).details["reason"] == "copyright"
    assert bench.network.asked.count("thumbnail") == 2
    bench.network.videos.clear()
    assert isinstance(bench.follow(receipt.replace(at=bench.context.now()), later), Pending)
    assert bench.follow(receipt.replace(at=datetime(2026, 1, 1, tzinfo=UTC)), later).state == "removed"


def test_captions_are_added_to_the_video_in_each_language(
    bench: Bench, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    words = "WEBVTT\n\n00:00.000 --> 00:00.400\nΚαλημέρα.\n"
    files = []
    for name in ("a.el.vtt", "b.pt-BR.srt", "c.vtt"):
        media_type = "text/vtt" if name.endswith("vtt") else "application/x-subrip"
        (tmp_path / name).write_text(words)
        files.append(Asset.from_file(tmp_path / name, Role.CAPTIONS, media_type=media_type))
    bench.post = bench.post.replace(captions=tuple(files))
    receipt = bench.publish(prepared=bench.prepare())
    # The answer to the first is lost, and that to the second is given by a busy server.
    bench.network.fails("captions:accept-then-drop@nth=1", "captions:503@nth=3")
    assert isinstance(bench.follow(receipt), Pending)
    there = {"el": words.encode(), "pt-BR": words.encode()}
    assert bench.network.videos[receipt.id].captions == there
    assert "The video is posted. YouTube gets no captions from c.vtt: their language is not known" in caplog.text
    assert "captions = yes" not in caplog.text
    waiting = bench.follow(receipt)
    assert isinstance(waiting, Pending)
    assert bench.network.videos[receipt.id].captions == there
    bench.network.process()
    (told,) = bench.follow(receipt, bench.job.replace(pending=waiting)).details["left_out"]
    assert told.startswith("YouTube gets no captions from c.vtt: ")


def test_captions_that_are_refused_do_not_stop_the_post(
    bench: Bench, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "a.en.vtt").write_text("WEBVTT\n")
    captions = Asset.from_file(tmp_path / "a.en.vtt", Role.CAPTIONS, media_type="text/vtt")
    bench.post = bench.post.replace(captions=(captions,))
    receipt = bench.publish(prepared=bench.prepare())
    bench.network.fails("captions:403*9")
    assert isinstance(bench.follow(receipt), Pending)
    (told,) = (one.getMessage() for one in caplog.records if one.name.endswith("youtube"))
    assert told.startswith("The video is posted. youtube: adding the captions in 'en' was answered 403")
    assert told.endswith(". Is the account signed in with captions = yes?")
    # Of a busy server, and of a picture, no permission is asked about.
    caplog.clear()
    bench.network.fails("captions:503*99", "thumbnail:403*9")
    picture = tmp_path / "picture.jpg"
    picture.write_bytes(b"\xff\xd8picture")
    bench.post = bench.post.replace(thumbnail=Asset.from_file(picture, Role.THUMBNAIL, media_type="image/jpeg"))
    assert isinstance(bench.follow(receipt), Pending)
    busy, refused = (one.getMessage() for one in caplog.records if one.name.endswith("youtube"))
    assert busy.endswith(". Add them in YouTube Studio.")
    assert refused.endswith(". YouTube chooses a picture.")


def test_captions_take_a_permission_that_is_asked_for_by_name() -> None:
    def scopes(**given: str) -> tuple[str, ...]:
        return tuple(one.rpartition("/")[2] for one in asyncio.run(Youtube.oauth(given, "", None)).scopes)  # type: ignore[arg-type]

    assert scopes() == scopes(captions="no") == ("youtube.upload", "youtube.readonly")
    assert scopes(captions="Yes") == ("youtube.force-ssl",)
    with pytest.raises(InvalidInput, match="neither yes nor no"):
        scopes(captions="maybe")


def test_a_project_without_an_audit_is_said_so(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    bench.network.fails("video:locked")
    bench.post = bench.post.replace(privacy="public")
    receipt = bench.publish(prepared=bench.prepare())
    assert receipt.details["privacy"] == "private"
    assert "has not audited" in caplog.text


def test_times_and_options_of_a_post(bench: Bench) -> None:
    at = datetime(2026, 12, 24, 18, tzinfo=UTC)
    made = resource(
        bench.post.replace(privacy="public", publish_at=at, options={"category": "28", "tags": ["a b"]})
    )
    assert made["status"]["privacyStatus"] == "private"
    assert made["status"]["publishAt"] == "2026-12-24T18:00:00Z"
    assert (made["snippet"]["categoryId"], made["snippet"]["tags"]) == ("28", ["a b"])
    with pytest.raises(Rejected, match="this post is unlisted"):
        resource(bench.post.replace(privacy="unlisted", publish_at=at))
    long = resource(bench.post.replace(title="x" * 200, caption="é" * 4000))
    assert len(long["snippet"]["title"]) == 100
    assert len(long["snippet"]["description"].encode()) <= 5000


def test_an_upload_goes_nowhere_but_to_google(bench: Bench) -> None:
    from reelwork_plugins.publishers.youtube.session import _safe

    google = "https://www.googleapis.com"
    assert _safe(google, "https://upload.googleapis.com/x?upload_id=1").startswith("https://upload")
    for address in (
        "https://evil.example/x",
        "http://www.googleapis.com/x",
        "https://googleapis.com.evil.example/",
    ):
        with pytest.raises(Unavailable, match="not Google's"):
            _safe(google, address)


@pytest.mark.parametrize(
    "address",
    ["https://example.com", "http://www.googleapis.com", "https://x@www.googleapis.com", "http://10.0.0.1"],
)
def test_a_workflow_cannot_send_the_token_elsewhere(address: str) -> None:
    with pytest.raises(ValueError, match="the account's token is sent there"):
        YoutubeConfig(base_url=address)
