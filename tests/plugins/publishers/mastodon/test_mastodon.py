from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from tests.plugins.publishers.mastodon.instance import TOKEN, Instance

from reelwork.credentials import principal
from reelwork.credentials.accounts import Accounts
from reelwork.net.client import Http
from reelwork.plugins.context import PluginContext
from reelwork.redaction.redactor import Redactor
from reelwork.testing import (
    SampleContext,
    call_hook,
    sample_brief,
    sample_clip,
    sample_job,
    sample_post,
    serving,
    write_video,
)
from reelwork_hooks import (
    AlreadyThere,
    Credentials,
    Disclosure,
    Effect,
    Idempotency,
    Listing,
    NotSent,
    OutcomeUnknown,
    Pending,
    Post,
    Rejected,
    Unavailable,
)
from reelwork_plugins.publishers.mastodon import Mastodon
from reelwork_plugins.publishers.mastodon.api import Answer, limits_of
from reelwork_plugins.publishers.mastodon.config import MastodonConfig
from reelwork_plugins.publishers.mastodon.listing import note_key
from reelwork_plugins.publishers.mastodon.text import counted, post_text

MASTODON = "https://github.com/mastodon/mastodon"


@pytest.fixture
def instance() -> Instance:
    return Instance()


@pytest.fixture
def settings(instance: Instance, monkeypatch: pytest.MonkeyPatch) -> Iterator[Mapping[str, Any]]:
    monkeypatch.setenv("MASTODON_TOKEN", TOKEN)
    with serving(instance) as url:
        yield {"instance": url, "access_token": "env:MASTODON_TOKEN"}


@pytest.fixture(scope="session")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("mastodon") / "clip.mp4"
    write_video(path)
    return path


def post(clip: Path, **changes: Any) -> Post:
    said = {
        "title": "First light",
        "caption": "Nobody is up yet.",
        "hashtags": ("dawn",),
        "privacy": "public",
        **changes,
    }
    return sample_post(clip=sample_clip(clip), **said)


def test_a_video_is_posted_with_all_it_says(instance: Instance, settings: Mapping[str, Any], clip: Path) -> None:
    options = {"content_warning": "Bright light", "language": "en", "sensitive": True}
    given = post(clip, alt_text="A boat at dawn", privacy="unlisted", options=options)
    published = call_hook(Mastodon, "publish", settings=settings, post=given)
    assert (published.state, published.receipt.id) == ("published", instance.log[0])
    assert published.receipt.url == f"https://m.example/@ada/{instance.log[0]}"
    [media] = instance.media.values()
    assert (media["description"], media["bytes"]) == ("A boat at dawn", clip.stat().st_size)
    assert instance.posts() == [
        {
            "status": "First light\n\nNobody is up yet.\n\n#dawn\n\nMade with AI",
            "media_ids": [media["id"]],
            "visibility": "unlisted",
            "sensitive": True,
            "spoiler_text": "Bright light",
            "language": "en",
        }
    ]
    [sent] = [one for one in instance.asked if one.path == "/api/v1/statuses"]
    assert sent.headers["idempotency-key"].startswith("reelwork-")


@pytest.mark.parametrize(
    ("privacy", "options", "visibility"),
    [
        ("public", {}, "public"),
        ("unlisted", {"followers": True}, "unlisted"),
        ("private", {}, "direct"),
        ("private", {"followers": True}, "private"),
    ],
)
def test_who_sees_it(
    instance: Instance, settings: Mapping[str, Any], clip: Path, privacy: str, options: Any, visibility: str
) -> None:
    call_hook(Mastodon, "publish", settings=settings, post=post(clip, privacy=privacy, options=options))
    assert instance.posts()[0]["visibility"] == visibility


def test_a_secret_that_is_gone_leaves_no_doubt(
    instance: Instance, settings: Mapping[str, Any], clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def answer(asked: Any) -> tuple[int, Any]:
        if asked.path == "/api/v2/media":
            monkeypatch.delenv("MASTODON_TOKEN")
        return instance(asked)

    with serving(answer) as url:
        published = call_hook(Mastodon, "publish", settings={**settings, "instance": url}, post=post(clip))
    assert (published.state, instance.log) == ("failed", [])
    assert "MASTODON_TOKEN is not set" in published.reason


def test_a_lost_answer_is_found_by_the_upload(instance: Instance, settings: Mapping[str, Any], clip: Path) -> None:
    def answer(asked: Any) -> tuple[int, Any]:
        status, body = instance(asked)
        return (502, {}) if asked.path == "/api/v1/statuses" else (status, body)

    with serving(answer) as url:
        given = {**settings, "instance": url}
        published = call_hook(Mastodon, "publish", settings=given, post=post(clip))
    assert (published.state, published.receipt.id) == ("published", instance.log[0])
    assert len(instance.log) == 1


@pytest.mark.parametrize("made", [True, False])
def test_a_post_in_doubt_is_sent_again_with_its_key_where_its_upload_is_in_no_post(
    instance: Instance, settings: Mapping[str, Any], clip: Path, monkeypatch: pytest.MonkeyPatch, made: bool
) -> None:
    monkeypatch.setattr(Mastodon, "settle_seconds", 0.0)
    instance.honours_key = True
    lost = iter([True])

    def answer(asked: Any) -> tuple[int, Any]:
        if asked.path != "/api/v1/statuses" or not next(lost, False):
            return instance(asked)
        if made:
            instance(asked)
        return 502, {}

    with serving(answer) as url:
        given = {**settings, "instance": url, "idempotency_key": True}
        published = call_hook(Mastodon, "publish", settings=given, post=post(clip))
    assert (published.state, published.attempts, len(instance.log)) == ("published", 2, 1)
    assert len(instance.posts()) == 1


def test_a_destination_may_be_named_in_any_script(
    instance: Instance, settings: Mapping[str, Any], clip: Path, tmp_path: Path
) -> None:
    plugin = Mastodon(MastodonConfig.model_validate(settings), SampleContext(tmp_path, "新闻"))

    async def posted() -> None:
        prepared: Any = await plugin.prepare_publish(post(clip), sample_job())
        await plugin.publish(post(clip), sample_job(), Effect("reelwork-j1-post-新闻", prepared=prepared))

    asyncio.run(posted())
    assert instance.asked[-1].headers["idempotency-key"].startswith("reelwork-")
    assert len(instance.log) == 1


@pytest.mark.parametrize("knows_keys", [True, False])
@pytest.mark.parametrize(
    ("answers", "error"),
    [([401, 429], Rejected), ([502, 429], AlreadyThere), ([429, 502], AlreadyThere)],
)
def test_an_upload_that_is_gone_is_made_again_where_nothing_was_accepted(
    instance: Instance,
    settings: Mapping[str, Any],
    clip: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    knows_keys: bool,
    answers: list[int],
    error: type[Exception],
) -> None:
    monkeypatch.setattr(Mastodon, "settle_seconds", 0.0)
    config = MastodonConfig.model_validate({**settings, "idempotency_key": knows_keys})
    plugin = Mastodon(config, SampleContext(tmp_path))
    noted: dict[str, Any] = {}

    async def publish(attempt: int) -> None:
        effect = Effect("k", attempt, prepared, dict(noted), on_note=noted.update)
        await plugin.publish(post(clip), sample_job(), effect)

    prepared: Any = asyncio.run(plugin.prepare_publish(post(clip), sample_job()))
    for attempt, status in enumerate(answers, 1):
        instance.answers["/api/v1/statuses"] = [(status, {})]
        with pytest.raises((NotSent, OutcomeUnknown)):
            asyncio.run(publish(attempt))
    instance.media.clear()
    with pytest.raises(error):
        asyncio.run(publish(3))


def test_a_key_that_was_not_noted_makes_no_second_post(
    instance: Instance, settings: Mapping[str, Any], clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Mastodon, "settle_seconds", 0.0)
    instance.honours_key = instance.forgets_keys = instance.posts_text_alone = True
    given = {**settings, "idempotency_key": True}
    published = call_hook(Mastodon, "publish", settings=given, post=post(clip))
    assert (published.state, published.receipt.id) == ("published", instance.log[0])
    assert len(instance.log) == 1


def test_a_post_that_is_still_being_made_is_not_sent_again(
    instance: Instance, settings: Mapping[str, Any], clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    instance.honours_key = True
    under_way: list[Any] = []

    def answer(asked: Any) -> tuple[int, Any]:
        if asked.path == "/api/v1/statuses" and not instance.log and not under_way:
            under_way.append(asked)
            return 502, {}
        return instance(asked)

    async def slept(seconds: float) -> None:
        instance(under_way[0])

    monkeypatch.setattr("reelwork_plugins.publishers.mastodon.sleep", slept)
    with serving(answer) as url:
        given = {**settings, "instance": url, "idempotency_key": True}
        published = call_hook(Mastodon, "publish", settings=given, post=post(clip))
    assert (published.state, len(instance.log), len(instance.posts())) == ("published", 1, 1)


@pytest.mark.parametrize(
    ("answer", "state"),
    [
        ((422, {"error": "Validation failed: Text character limit of 500 exceeded"}), "rejected"),
        ((403, {"error": "This action is outside the authorized scopes"}), "rejected"),
        ((401, {"error": "The access token was revoked"}), "failed"),
    ],
)
def test_a_refusal_ends_it_in_the_servers_words(
    instance: Instance, settings: Mapping[str, Any], clip: Path, answer: tuple[int, Any], state: str
) -> None:
    instance.answers["/api/v1/statuses"] = [answer]
    published = call_hook(Mastodon, "publish", settings=settings, post=post(clip))
    assert published.state == state
    assert answer[1]["error"] in published.reason
    assert instance.log == []


def prepare(settings: Mapping[str, Any], given: Post, **job: Any) -> Any:
    return call_hook(Mastodon, "prepare_publish", settings=settings, post=given, job=sample_job(**job))


def test_processing_is_waited_for_without_a_slot(
    instance: Instance, settings: Mapping[str, Any], clip: Path
) -> None:
    instance.looks = 2
    first = prepare(settings, post(clip))
    assert isinstance(first, Pending)
    second = prepare(settings, post(clip), pending=first)
    assert isinstance(second, Pending)
    assert second.after > first.after
    prepared = prepare(settings, post(clip), pending=second)
    assert prepared["media"] in instance.media
    assert len(instance.media) == 1


def test_each_post_uploads_under_a_name_of_its_own(
    instance: Instance, settings: Mapping[str, Any], clip: Path
) -> None:
    # Some servers know an upload by its name: another one would take its place in the post that has it.
    for job, destination in (("j1", "mastodon"), ("j2", "mastodon"), ("j1", "brand-b"), ("j1", "mastodon")):
        prepare(settings, post(clip, destination=destination), id=job)
    bodies = [one.body for one in instance.asked if one.path == "/api/v2/media"]
    names = [re.findall(rb'filename="([^"]+)"', body)[0] for body in bodies]
    assert (len(names), len(set(names)), names[0]) == (4, 3, names[3])


def test_a_video_that_cannot_be_used_is_said(instance: Instance, settings: Mapping[str, Any], clip: Path) -> None:
    instance.looks = 1
    first = prepare(settings, post(clip))
    instance.fails = True
    with pytest.raises(Rejected, match="Error processing"):
        prepare(settings, post(clip), pending=first)
    instance.answers[f"/api/v1/media/{next(iter(instance.media))}"] = [(500, {})] * 4
    with pytest.raises(Unavailable):
        prepare(settings, post(clip), pending=first)


def test_what_an_instance_does_not_take_is_not_uploaded(
    instance: Instance, settings: Mapping[str, Any], clip: Path
) -> None:
    media = {"supported_mime_types": ["image/png"]}
    instance.answers["/api/v2/instance"] = [(200, {"configuration": {"media_attachments": media}})]
    with pytest.raises(Rejected, match="takes no video/mp4"):
        prepare(settings, post(clip))
    media = {"video_size_limit": 1000}
    instance.answers["/api/v2/instance"] = [(200, {"configuration": {"media_attachments": media}})]
    with pytest.raises(Rejected, match=r"at most 0\.0 are allowed"):
        prepare(settings, post(clip))
    with pytest.raises(Rejected, match="no label for AI"):
        prepare(settings, post(clip, disclosure=Disclosure(label="refuse")))
    assert instance.media == {}


def find(
    settings: Mapping[str, Any], clip: Path, folder: Path, noted: Mapping[str, str] | None = None, **effect: Any
) -> Listing[Any]:
    """What a lookup lists, where these keys were sent with these uploads."""
    context = SampleContext(folder)

    async def note() -> None:
        for media, key in (noted or {}).items():
            await note_key(context.state, media, key)

    asyncio.run(note())
    plugin = Mastodon(MastodonConfig.model_validate(settings), context)
    listing: Listing[Any] = call_hook(plugin, "find_post", post=post(clip), effect=Effect("k", **effect))
    return listing


def test_the_list_is_read_to_its_end(
    instance: Instance, settings: Mapping[str, Any], clip: Path, tmp_path: Path
) -> None:
    call_hook(Mastodon, "publish", settings=settings, post=post(clip))
    [media] = instance.media
    instance.crowd()
    listing = find(settings, clip, tmp_path, {media: "my-key"})
    assert (len(listing.candidates), listing.complete) == (51, True)
    assert listing.date is not None
    [ours] = [one for one in listing.candidates if one.ref == "my-key"]
    assert ours.result.id == instance.log[0]
    assert all(one.ref for one in listing.candidates)


def test_a_post_is_known_by_its_upload_where_the_note_of_it_is_lost(
    instance: Instance, settings: Mapping[str, Any], clip: Path, tmp_path: Path
) -> None:
    call_hook(Mastodon, "publish", settings=settings, post=post(clip))
    [media] = instance.media
    [ours] = find(settings, clip, tmp_path, prepared={"media": media, "text": ""}).candidates
    assert (ours.ref, ours.result.id) == ("k", instance.log[0])


def test_a_server_that_shows_one_page_again_and_again_has_not_shown_its_end(
    instance: Instance, settings: Mapping[str, Any], clip: Path, tmp_path: Path
) -> None:
    instance.crowd()
    full = [dict(one) for one in reversed(instance.statuses)]
    instance.answers["/api/v1/accounts/7/statuses"] = [(200, full), (200, full)]
    listing = find(settings, clip, tmp_path)
    assert (listing.complete, listing.why) == (False, "the server shows the same page again")
    # One that fits on a page is all there is, even where the next page is asked for in vain.
    instance.answers["/api/v1/accounts/7/statuses"] = [(200, full[:3]), (200, full[:3])]
    assert find(settings, clip, tmp_path / "other").complete


@pytest.mark.parametrize(
    ("privacy", "knows_keys", "complete"),
    [
        ("public", False, True),
        ("unlisted", False, False),
        ("private", False, False),
        ("private", True, True),
    ],
)
def test_a_list_of_public_posts_proves_nothing_about_others(
    settings: Mapping[str, Any], clip: Path, tmp_path: Path, privacy: str, knows_keys: bool, complete: bool
) -> None:
    config = MastodonConfig.model_validate({**settings, "idempotency_key": knows_keys})
    plugin = Mastodon(config, SampleContext(tmp_path))
    given = post(clip, privacy=privacy)
    assert call_hook(plugin, "find_post", post=given, effect=Effect(key="k")).complete is complete


def test_an_upload_may_be_listed_by_its_address_alone(
    instance: Instance, settings: Mapping[str, Any], clip: Path, tmp_path: Path
) -> None:
    attachment = {"id": "https://s.example/ada/p/1_0", "url": "https://s.example/ada/s/0b53.mp4"}
    one = {"id": "1", "created_at": "2026-11-29T06:54:45.000Z", "media_attachments": [attachment]}
    instance.answers["/api/v1/accounts/7/statuses"] = [(200, [one]), (200, [])]
    [found] = find(settings, clip, tmp_path, {"0b53.mp4": "my-key"}).candidates
    assert (found.ref, found.created_at) == ("my-key", datetime(2026, 11, 29, 6, 54, 45, tzinfo=UTC))


def test_a_list_that_cannot_be_read_is_no_absence(
    instance: Instance, settings: Mapping[str, Any], clip: Path, tmp_path: Path
) -> None:
    instance.answers["/api/v1/accounts/7/statuses"] = [(200, {"error": "maintenance"})]
    with pytest.raises(Unavailable):
        find(settings, clip, tmp_path)


@pytest.mark.parametrize(
    ("told", "honours"),
    [
        ({"version": "4.4.3", "source_url": MASTODON}, True),
        ({"version": "4.0.0 (not true; really snac/2.75)", "source_url": "https://comam.es"}, False),
        (
            {"version": "2.7.2 (compatible; Pleroma 2.9)", "source_url": "https://github.com/mastodon/mastodon"},
            False,
        ),
        ({"version": "4.4.3+glitch", "source_url": "https://github.com/glitch-soc/mastodon"}, False),
        ({}, False),
    ],
)
def test_only_mastodon_itself_is_known_to_honour_keys(told: Mapping[str, Any], honours: bool) -> None:
    assert limits_of(told).honours_key is honours


@pytest.mark.parametrize("known", ["yes", "no"])
def test_the_account_says_whether_keys_are_honoured(tmp_path: Path, known: str) -> None:
    accounts = Accounts(tmp_path / "accounts.json")
    shown = {"service": "https://m.example", "identifier": "@ada@m.example", "id": "7", "idempotency_key": known}
    accounts.add("mastodon", "mastodon", Credentials(shown, {"access_token": TOKEN}, "https://m.example 7"))
    http = Http()
    context = PluginContext(
        "mastodon",
        work_dir=tmp_path,
        output_dir=tmp_path,
        base_dir=tmp_path,
        http_factory=http.trusting,
        redactor=Redactor(),
        accounts=accounts,
    )
    made = Mastodon(MastodonConfig(), context)
    assert made.idempotency is (Idempotency.KEY if known == "yes" else Idempotency.LOOKUP)
    assert Mastodon.idempotency is Idempotency.LOOKUP
    asyncio.run(http.aclose())


def test_another_text_makes_no_other_destination(settings: Mapping[str, Any], tmp_path: Path) -> None:
    def who(**changes: str) -> str:
        config = MastodonConfig.model_validate({**settings, **changes})
        return principal.destination("mastodon", Mastodon(config, SampleContext(tmp_path)), config)

    assert who() == who(text="{caption}", language="en", disclosure="")
    assert len({who(), who(instance="https://m.example"), who(access_token="env:OTHER")}) == 3
    assert TOKEN not in who()


def test_text_is_cut_and_what_is_said_of_ai_is_not() -> None:
    job = sample_job(brief=sample_brief(prompt="a boat"))
    long = sample_post(title="", caption="word " * 200, hashtags=())
    text = post_text(long, job, MastodonConfig(), 100, 23)
    assert counted(text, 23) <= 100
    assert text.endswith("word…\n\nMade with AI")
    partly = sample_post(title="", caption="Hi", hashtags=(), disclosure=Disclosure(ai="partly"))
    assert post_text(partly, job, MastodonConfig(), 500, 23) == "Hi\n\nPartly made with AI"
    off = sample_post(title="", caption="Hi", hashtags=(), disclosure=Disclosure(label="caption"))
    assert post_text(off, job, MastodonConfig(disclosure=""), 500, 23).endswith("Made with AI")
    none = sample_post(title="", caption="Hi", hashtags=(), disclosure=Disclosure(ai="no"))
    assert post_text(none, job, MastodonConfig(), 500, 23) == "Hi"
    assert counted("see https://example.com/a/very/long/address/indeed.", 23) == len("see .") + 23


def test_a_pause_is_as_long_as_the_server_says() -> None:
    now = datetime(2026, 11, 29, 7, 0, tzinfo=UTC)
    assert Answer(429, {}, {"retry-after": "30"}).retry_after(now) == 30.0
    assert Answer(429, {}, {"x-ratelimit-reset": "2026-11-29T07:05:00.000Z"}).retry_after(now) == 300.0
    assert Answer(429, {}, {"x-ratelimit-reset": "soon"}).retry_after(now) is None


@pytest.mark.parametrize(
    "wrong",
    [
        {"instance": "http://mastodon.social", "access_token": "env:T"},
        {"instance": "https://mastodon.social"},
        {"instance": "https://m.example", "access_token": "env:T", "account": "me"},
        {"text": "{nothing}"},
    ],
)
def test_settings_that_cannot_be_meant_are_refused(wrong: Mapping[str, Any]) -> None:
    with pytest.raises(ValueError, match="validation error"):
        MastodonConfig.model_validate(wrong)
