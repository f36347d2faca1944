"""What all publishers share: the account they post with, captions to send, and the progress of an upload."""

from __future__ import annotations

from pathlib import Path

import pytest

from reelwork.plugins.account_kinds import kind_named
from reelwork.testing import SampleContext, sample_job, sample_post
from reelwork_hooks import Asset, Credentials, InvalidInput, Plugin, Role
from reelwork_plugins.publishers.captions import Limits, to_send
from reelwork_plugins.publishers.facebook import Facebook
from reelwork_plugins.publishers.instagram import Instagram
from reelwork_plugins.publishers.linkedin import Linkedin
from reelwork_plugins.publishers.mastodon import Mastodon
from reelwork_plugins.publishers.own_account import own_account
from reelwork_plugins.publishers.threads import Threads
from reelwork_plugins.publishers.tiktok import Tiktok
from reelwork_plugins.publishers.upload_progress import upload_progress
from reelwork_plugins.publishers.webhook import WebhookPublisher
from reelwork_plugins.publishers.x import X
from reelwork_plugins.publishers.youtube import Youtube


def test_an_account_of_another_network_is_refused(tmp_path: Path) -> None:
    context = SampleContext(tmp_path)
    context.keep({"main": Credentials({"id": "1"}, {"access_token": "secret"})}, kind_named("x"))
    assert own_account(context, "main", "x").read()["id"] == "1"
    with pytest.raises(InvalidInput, match=r"The account 'main' is for x, not for tiktok\.") as raised:
        own_account(context, "main", "tiktok")
    assert raised.value.hint == "Name another `account`, or add one: reelwork accounts add tiktok --name NAME"


def test_captions_that_a_network_does_not_take_are_named(tmp_path: Path) -> None:
    def captions(name: str, media_type: str = "text/vtt") -> Asset:
        path = tmp_path / name
        path.write_text("WEBVTT\n")
        return Asset.from_file(path, Role.CAPTIONS, media_type=media_type)

    files = (
        captions("a.en.vtt"),
        captions("b.srt", "application/x-subrip"),
        captions("c.vtt"),
        captions("d.el.vtt"),
    )
    sent, left_out = to_send(sample_post(captions=files), Limits("Net", ("text/vtt",), 100, most=1), ["en"])
    assert [(one.asset.path.name, one.language) for one in sent] == [("a.en.vtt", "en")]
    assert left_out == [
        "Net gets no captions from b.srt: it does not take application/x-subrip.",
        "Net gets no captions from c.vtt: there are others in 'en'.",
        "Net gets no captions from d.el.vtt: a post has at most 1 of them.",
    ]


@pytest.mark.parametrize("kind", [Facebook, Instagram, Linkedin, Threads, Tiktok, WebhookPublisher, X, Youtube])
def test_no_date_counts_where_an_index_or_a_handle_answers(kind: type[Plugin]) -> None:
    assert not kind.dated_lookups
    assert Mastodon.dated_lookups


def test_progress_is_of_the_whole_file_and_never_above_100(tmp_path: Path) -> None:
    context, job = SampleContext(tmp_path), sample_job()
    piece = upload_progress(context, job, "uploading to X", total=200, offset=100)
    piece(50, 100)
    piece(150, 100)
    whole = upload_progress(context, job, "uploading to Discord")
    whole(10, 40)
    whole(10, None)
    assert context.progressed == [
        (job.id, 75.0, "uploading to X"), (job.id, 100.0, "uploading to X"), (job.id, 25.0, "uploading to Discord"),
    ]  # fmt: skip
