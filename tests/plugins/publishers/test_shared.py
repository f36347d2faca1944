"""What all publishers share: the account they post with, captions to send, and the progress of an upload."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

import pytest

from reelwork.plugins.account_kinds import kind_named
from reelwork.testing import SampleContext, sample_clip, sample_job, sample_post
from reelwork_hooks import Asset, Credentials, InvalidInput, Plugin, Problem, Role
from reelwork_plugins.publishers.bluesky import Bluesky
from reelwork_plugins.publishers.captions import Limits, to_send
from reelwork_plugins.publishers.discord import Discord
from reelwork_plugins.publishers.facebook import Facebook
from reelwork_plugins.publishers.instagram import Instagram
from reelwork_plugins.publishers.linkedin import Linkedin
from reelwork_plugins.publishers.mastodon import Mastodon
from reelwork_plugins.publishers.own_account import own_account
from reelwork_plugins.publishers.telegram import Telegram
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


@pytest.mark.parametrize("kind", [Bluesky, Discord, Facebook, Instagram, Linkedin, Telegram, Threads, Tiktok, X])
def test_a_caption_that_would_be_cut_is_a_note_of_the_plan(kind: Any, tmp_path: Path) -> None:
    settings = {"direct": True} if kind.__name__ == "Tiktok" else {}
    publisher = kind(kind.Config(**settings), SampleContext(tmp_path))
    wanted = inspect.signature(publisher.check_brief).parameters

    brief, clip = sample_job().brief.replace(privacy="public", duration=4.0), sample_clip()
    clip = clip.with_video(clip.video.replace(bytes=80_000, fps=30.0, duration=4.0))

    def found(caption: str) -> list[Problem]:
        post = sample_post(clip=clip, caption=caption, privacy="public")
        given = {"brief": brief, "job": sample_job(), "post": post}
        return [*publisher.check_brief(**{name: given[name] for name in wanted})]

    assert found("Nobody is up (yet)\n\n\nin the   harbour.") == []
    (problem,) = found("A quiet morning by the sea. " * 3000)
    assert (problem.field, problem.warning) == ("caption", True)
    assert problem.message == "it is too long here, and its end is left out"


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
