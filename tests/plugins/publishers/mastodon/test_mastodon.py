from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from tests.plugins.publishers.mastodon.conftest import TOKEN, Network, crowd

from reelwork.credentials import principal
from reelwork.credentials.accounts import Accounts
from reelwork.net.client import Http
from reelwork.plugins.context import PluginContext
from reelwork.redaction.redactor import Redactor
from reelwork.testing import (
    Asked,
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
    InvalidInput,
    Listing,
    NotSent,
    OutcomeUnknown,
    Pending,
    Post,
    Rejected,
    Unavailable,
)
from reelwork_plugins.publishers.mastodon import Mastodon
from reelwork_plugins.publishers.mastodon.api import limits_of
from reelwork_plugins.publishers.mastodon.config import MastodonConfig
from reelwork_plugins.publishers.mastodon.text import counted, post_text
from reelwork_plugins.publishers.noted_keys import note_key
from reelwork_plugins.simulator.networks.tokens import Token

MASTODON = "https://github.com/mastodon/mastodon"


@pytest.fixture
def settings(network: Network, monkeypatch: pytest.MonkeyPatch) -> Mapping[str, Any]:
    monkeypatch.setenv("MASTODON_TOKEN", TOKEN)
    return {"instance": network.url, "access_token": "env:MASTODON_TOKEN"}


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


def test_a_video_is_posted_with_all_it_says(network: Network, settings: Mapping[str, Any], clip: Path) -> None:
    options = {"content_warning": "Bright light", "language": "en", "sensitive": True}
    given = post(clip, alt_text="A boat at dawn", privacy="unlisted", options=options)
    published = call_hook(Mastodon, "publish", settings=settings, post=given)
    assert (published.state, published.receipt.id) == ("published", network.log()[0])
    assert published.receipt.url == f"{network.url}/@rehearsal/{network.log()[0]}"
    [upload] = network.uploads()
    assert (upload["description"], upload["file"]["bytes"]) == ("A boat at dawn", clip.stat().st_size)
    [sent] = network.requests()
    [media] = network.instance.media
    assert sent["fields"] == {
        "status": "First light\n\nNobody is up yet.\n\n#dawn\n\nMade with AI",
        "media_ids": [media],
        "visibility": "unlisted",
        "sensitive": True,
        "spoiler_text": "Bright light",
        "language": "en",
    }
    assert sent["idempotency_key"].startswith("reelwork-")


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
    network: Network, settings: Mapping[str, Any], clip: Path, privacy: str, options: Any, visibility: str
) -> None:
    call_hook(Mastodon, "publish", settings=settings, post=post(clip, privacy=privacy, options=options))
    assert network.simulator.posts()[0]["visibility"] == visibility


def test_a_secret_that_is_gone_leaves_no_doubt(
    network: Network, settings: Mapping[str, Any], clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plugin = Mastodon(MastodonConfig.model_validate(settings), SampleContext(tmp_path))
    prepared: Any = asyncio.run(plugin.prepare_publish(post(clip), sample_job()))
    monkeypatch.delenv("MASTODON_TOKEN")
    with pytest.raises(NotSent, match="MASTODON_TOKEN is not set"):
        asyncio.run(plugin.publish(post(clip), sample_job(), Effect("k", prepared=prepared)))
    assert network.requests() == []


@pytest.mark.parametrize("fault", ["accept-then-drop", "accept-then-500", "accept-then-html", "no-id"])
def test_a_lost_answer_is_found_by_the_upload(
    network: Network, settings: Mapping[str, Any], clip: Path, fault: str
) -> None:
    network.simulator.set_faults([f"publish:{fault}"])
    published = call_hook(Mastodon, "publish", settings=settings, post=post(clip))
    assert (published.state, published.receipt.id) == ("published", network.log()[0])
    assert len(network.log()) == 1


@pytest.mark.parametrize("made", [True, False])
def test_a_post_in_doubt_is_sent_again_with_its_key_where_its_upload_is_in_no_post(
    network: Network, settings: Mapping[str, Any], clip: Path, monkeypatch: pytest.MonkeyPatch, made: bool
) -> None:
    monkeypatch.setattr(Mastodon, "settle_seconds", 0.0)
    network.simulator.set_faults(["publish:accept-then-500@nth=1" if made else "publish:502@nth=1"])
    published = call_hook(Mastodon, "publish", settings={**settings, "idempotency_key": True}, post=post(clip))
    assert (published.state, published.attempts, len(network.log())) == ("published", 2, 1)
    assert len(network.requests()) == (1 if made else 2)


def test_a_destination_may_be_named_in_any_script(
    network: Network, settings: Mapping[str, Any], clip: Path, tmp_path: Path
) -> None:
    plugin = Mastodon(MastodonConfig.model_validate(settings), SampleContext(tmp_path, "新闻"))

    async def posted() -> None:
        prepared: Any = await plugin.prepare_publish(post(clip), sample_job())
        await plugin.publish(post(clip), sample_job(), Effect("reelwork-j1-post-新闻", prepared=prepared))

    asyncio.run(posted())
    [sent] = network.requests()
    assert sent["idempotency_key"].startswith("reelwork-")
    assert sent["idempotency_key"].isascii()
    assert len(network.log()) == 1


@pytest.mark.parametrize("knows_keys", [True, False])
@pytest.mark.parametrize(
    ("answers", "error"),
    [([401, 429], Rejected), ([502, 429], AlreadyThere), ([429, 502], AlreadyThere)],
)
def test_an_upload_that_is_gone_is_made_again_where_nothing_was_accepted(
    network: Network,
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
        network.simulator.set_faults([f"publish:{status}"])
        with pytest.raises((NotSent, OutcomeUnknown)):
            asyncio.run(publish(attempt))
    network.simulator.set_faults([])
    network.instance.media.clear()
    with pytest.raises(error):
        asyncio.run(publish(3))


def test_a_key_that_was_not_noted_makes_no_second_post(
    network: Network, settings: Mapping[str, Any], clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Mastodon, "settle_seconds", 0.0)
    network.simulator.set_faults(["publish:accept-then-500", "keys:ignored", "media:shared"])
    given = {**settings, "idempotency_key": True}
    published = call_hook(Mastodon, "publish", settings=given, post=post(clip))
    assert (published.state, published.receipt.id) == ("published", network.log()[0])
    assert len(network.log()) == 1


def test_a_post_that_is_still_being_made_is_not_sent_again(
    network: Network, settings: Mapping[str, Any], clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    network.simulator.set_faults(["publish:accept-late=0.3@nth=1"])

    async def slept(seconds: float) -> None:
        await asyncio.to_thread(network.waits_for_posts, 1)

    # For as long as it takes, in place of its five seconds.
    monkeypatch.setattr("reelwork_plugins.publishers.mastodon.sleep", slept)
    given = {**settings, "idempotency_key": True}
    published = call_hook(Mastodon, "publish", settings=given, post=post(clip))
    assert (published.state, len(network.log()), len(network.requests())) == ("published", 1, 1)


@pytest.mark.parametrize(("fault", "state"), [("publish:422", "rejected"), ("publish:401", "failed")])
def test_a_refusal_ends_it_in_the_servers_words(
    network: Network, settings: Mapping[str, Any], clip: Path, fault: str, state: str
) -> None:
    network.simulator.set_faults([fault])
    published = call_hook(Mastodon, "publish", settings=settings, post=post(clip))
    assert (published.state, network.log()) == (state, [])
    assert f"simulated: {fault}" in published.reason


def test_a_token_that_may_not_post_is_refused(
    network: Network, settings: Mapping[str, Any], clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MASTODON_TOKEN", Token("mastodon", "ada", ("read", "write:media")).written())
    published = call_hook(Mastodon, "publish", settings=settings, post=post(clip))
    assert (published.state, network.log()) == ("rejected", [])
    assert "This action is outside the authorized scopes" in published.reason


def test_a_warning_and_a_long_text_fit_together(network: Network, settings: Mapping[str, Any], clip: Path) -> None:
    warned = post(clip, caption="word " * 200, options={"content_warning": "Bright light " * 10})
    published = call_hook(Mastodon, "publish", settings=settings, post=warned)
    assert published.state == "published", published.reason
    [one] = network.simulator.posts()
    assert one["text"].endswith("word…\n\nMade with AI")
    with pytest.raises(Rejected, match="leaves no room for the text"):
        prepare(settings, post(clip, options={"content_warning": "Bright light " * 40}))


def prepare(settings: Mapping[str, Any], given: Post, **job: Any) -> Any:
    return call_hook(Mastodon, "prepare_publish", settings=settings, post=given, job=sample_job(**job))


def test_processing_is_waited_for_without_a_slot(network: Network, settings: Mapping[str, Any], clip: Path) -> None:
    network.simulator.set_faults(["video:stuck"])
    first = prepare(settings, post(clip))
    assert isinstance(first, Pending)
    second = prepare(settings, post(clip), pending=first)
    assert isinstance(second, Pending)
    assert second.after > first.after
    network.ends_its_look()
    prepared = prepare(settings, post(clip), pending=second)
    assert list(network.instance.media) == [prepared["media"]]


def test_each_post_uploads_under_a_name_of_its_own(
    network: Network, settings: Mapping[str, Any], clip: Path
) -> None:
    # Some servers know an upload by its name: another one would take its place in the post that has it.
    for job, destination in (("j1", "mastodon"), ("j2", "mastodon"), ("j1", "brand-b"), ("j1", "mastodon")):
        prepare(settings, post(clip, destination=destination), id=job)
    names = [upload["file"]["filename"] for upload in network.uploads()]
    assert (len(names), len(set(names)), names[0]) == (4, 3, names[3])


def test_a_video_that_cannot_be_used_is_said(network: Network, settings: Mapping[str, Any], clip: Path) -> None:
    network.simulator.set_faults(["video:fail=codec"])
    first = prepare(settings, post(clip))
    with pytest.raises(Rejected, match="Error processing"):
        prepare(settings, post(clip), pending=first)
    network.simulator.set_faults(["processing:500"])
    with pytest.raises(Unavailable):
        prepare(settings, post(clip), pending=first)
    # A token that has ended says nothing about the video: after a sign-in it goes on.
    network.simulator.set_faults(["processing:401"])
    with pytest.raises(InvalidInput, match="Unauthorized") as caught:
        prepare(settings, post(clip), pending=first)
    assert "Sign in again" in caught.value.hint


@pytest.mark.parametrize(
    ("media", "problem"),
    [
        ({"supported_mime_types": ["image/png"]}, "takes no video/mp4"),
        ({"video_size_limit": 1000}, r"at most 0\.0 are allowed"),
    ],
)
def test_what_an_instance_does_not_take_is_not_uploaded(
    settings: Mapping[str, Any], clip: Path, media: Mapping[str, Any], problem: str
) -> None:
    # One with limits of its own, which would fail at an upload.
    with (
        serving(lambda asked: (200, {"configuration": {"media_attachments": media}})) as url,
        pytest.raises(Rejected, match=problem),
    ):
        prepare({**settings, "instance": url}, post(clip))


def test_a_label_that_the_network_lacks_is_refused(
    network: Network, settings: Mapping[str, Any], clip: Path
) -> None:
    with pytest.raises(Rejected, match="no AI label"):
        prepare(settings, post(clip, disclosure=Disclosure(label="refuse")))
    assert network.instance.media == {}


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
    network: Network, settings: Mapping[str, Any], clip: Path, tmp_path: Path
) -> None:
    call_hook(Mastodon, "publish", settings=settings, post=post(clip))
    [media] = network.instance.media
    crowd(network.url)
    listing = find(settings, clip, tmp_path, {media: "my-key"})
    assert (len(listing.candidates), listing.complete) == (51, True)
    assert listing.date is not None
    [ours] = [one for one in listing.candidates if one.ref == "my-key"]
    assert ours.result.id == network.log()[0]
    assert all(one.ref for one in listing.candidates)


def test_a_post_is_known_by_its_upload_where_the_note_of_it_is_lost(
    network: Network, settings: Mapping[str, Any], clip: Path, tmp_path: Path
) -> None:
    call_hook(Mastodon, "publish", settings=settings, post=post(clip))
    [media] = network.instance.media
    [ours] = find(settings, clip, tmp_path, prepared={"media": media, "text": ""}).candidates
    assert (ours.ref, ours.result.id) == ("k", network.log()[0])


def listing(*pages: Any) -> Callable[[Asked], tuple[int, Any]]:
    """A server whose list has these pages, whatever is asked for."""
    left = list(pages)

    def answer(asked: Asked) -> tuple[int, Any]:
        return (200, {"id": "7"}) if asked.path.endswith("verify_credentials") else (200, left.pop(0))

    return answer


def listed(id_: int, **attachment: str) -> dict[str, Any]:
    return {"id": str(id_), "created_at": "2026-11-29T06:54:45.000Z", "media_attachments": [attachment]}


@pytest.mark.parametrize(
    ("count", "complete", "why"), [(50, False, "the account's list of posts repeats a page"), (3, True, "")]
)
def test_a_server_that_shows_one_page_again_and_again_has_not_shown_its_end(
    settings: Mapping[str, Any], clip: Path, tmp_path: Path, count: int, complete: bool, why: str
) -> None:
    # One that fits on a page is all there is, even where the next page is asked for in vain.
    full = [listed(number, id=f"m{number}") for number in range(count, 0, -1)]
    with serving(listing(full, full)) as url:
        found = find({**settings, "instance": url}, clip, tmp_path)
    assert (found.complete, found.why) == (complete, why)


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
    settings: Mapping[str, Any], clip: Path, tmp_path: Path
) -> None:
    one = listed(1, id="https://s.example/ada/p/1_0", url="https://s.example/ada/s/0b53.mp4")
    with serving(listing([one], [])) as url:
        [found] = find({**settings, "instance": url}, clip, tmp_path, {"0b53.mp4": "my-key"}).candidates
    assert (found.ref, found.created_at) == ("my-key", datetime(2026, 11, 29, 6, 54, 45, tzinfo=UTC))


@pytest.mark.parametrize("fault", ["list:html", "list:503"])
def test_a_list_that_cannot_be_read_is_no_absence(
    network: Network, settings: Mapping[str, Any], clip: Path, tmp_path: Path, fault: str
) -> None:
    network.simulator.set_faults([fault])
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
