from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from discord_webhook import DiscordWebhook
from pydantic import JsonValue, ValidationError
from tests.plugins.publishers.discord.conftest import FORUM, TEXT, TOKEN, Network

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
    Disclosure,
    Effect,
    Idempotency,
    InvalidInput,
    NotSent,
    OutcomeUnknown,
    Post,
    PostCopy,
    Receipt,
    ReelworkError,
    Rejected,
)
from reelwork_plugins.publishers.discord import LONGEST_ALT, LONGEST_TEXT, Discord
from reelwork_plugins.publishers.discord.api import Address
from reelwork_plugins.publishers.discord.config import DiscordConfig
from reelwork_plugins.simulator import SimulatorSettings, run_simulator

PREPARED: Mapping[str, JsonValue] = {"guild": "1", "text": "Dawn", "alt": "A boat", "title": ""}


@pytest.fixture
def settings(network: Network, monkeypatch: pytest.MonkeyPatch) -> Mapping[str, Any]:
    monkeypatch.setenv("DISCORD_WEBHOOK", network.webhook())
    monkeypatch.setenv("DISCORD_FORUM", network.webhook(FORUM.id))
    return {"webhook": "env:DISCORD_WEBHOOK"}


@pytest.fixture(scope="session")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("discord") / "clip.mp4"
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


def plugin(settings: Mapping[str, Any], folder: Path) -> Discord:
    return Discord(DiscordConfig.model_validate(settings), SampleContext(folder))


def sent(settings: Mapping[str, Any], folder: Path, given: Post) -> Receipt:
    """Prepare and publish once, and raise what the plugin raises."""
    discord = plugin(settings, folder)

    async def both() -> Receipt:
        prepared = await discord.prepare_publish(given, sample_job())
        return await discord.publish(given, sample_job(), Effect("k", prepared=prepared))

    return asyncio.run(both())


# --- what is sent ------------------------------------------------------------------------------------------


def test_a_video_is_posted_with_all_it_says(network: Network, settings: Mapping[str, Any], clip: Path) -> None:
    options = {"silent": True, "spoiler": True, "thread": TEXT.threads[0]}
    given = post(clip, alt_text="A boat at dawn", options=options)
    published = call_hook(Discord, "publish", settings={**settings, "username": "Boats"}, post=given)
    [message] = network.messages
    assert (published.state, published.receipt.id) == ("published", message.id)
    assert published.receipt.url == f"{network.url}{network.simulator.posts()[0]['url']}"
    request = network.the_post()
    assert request["query"] == {"wait": "true", "thread_id": TEXT.threads[0]}
    assert request["payload"] == {
        "content": "First light\n\nNobody is up yet.\n\n#dawn\n\nMade with AI",
        "attachments": [{"id": 0, "filename": "SPOILER_video.mp4", "description": "A boat at dawn"}],
        "allowed_mentions": {"parse": []},
        "flags": 4096,
        "username": "Boats",
    }
    assert request["files"]["files[0]"]["bytes"] == clip.stat().st_size
    [file] = message.files
    assert (file.alt, file.name, message.channel) == ("A boat at dawn", "SPOILER_video.mp4", TEXT.threads[0])
    assert file.film is not None


def test_nobody_is_notified_unless_that_is_asked_for(
    network: Network, settings: Mapping[str, Any], clip: Path, tmp_path: Path
) -> None:
    sent(settings, tmp_path, post(clip, caption="@everyone look"))
    sent({**settings, "mentions": True}, tmp_path, post(clip, caption="@everyone look"))
    assert [one.mentions for one in reversed(network.messages)] == [(), ("everyone", "roles", "users")]


def test_a_forum_needs_a_thread(network: Network, settings: Mapping[str, Any], clip: Path, tmp_path: Path) -> None:
    forum = {"webhook": "env:DISCORD_FORUM"}
    with pytest.raises(NotSent, match="220001") as raised:
        sent(forum, tmp_path, post(clip))
    assert raised.value.lasting
    assert "set new_thread" in raised.value.hint
    sent({**forum, "new_thread": "{title} {title}"}, tmp_path, post(clip, title="A line\nand more " * 9))
    [message] = network.messages
    assert message.title.startswith("A line and more")
    assert len(message.title) <= 100
    # A post that goes to a thread begins none.
    own = post(clip, options={"thread": FORUM.threads[0]})
    sent({**forum, "new_thread": "{title}"}, tmp_path, own)
    assert network.messages[0].channel == FORUM.threads[0]
    with pytest.raises(NotSent, match="220003"):
        sent({**settings, "new_thread": "{title}"}, tmp_path, post(clip))
    with pytest.raises(NotSent, match="Unknown Channel"):
        sent({**settings, "thread": "1" * 18}, tmp_path, post(clip))


def test_the_engine_holds_it_without_a_second_request(
    network: Network, settings: Mapping[str, Any], clip: Path
) -> None:
    network.fails("publish:accept-then-drop@nth=1")
    published = call_hook(Discord, "publish", settings=settings, post=post(clip))
    assert (published.state, published.attempts) == ("held", 1)
    assert network.asked.count("publish") == 1
    assert Discord.idempotency is Idempotency.NONE
    assert not hasattr(Discord, "find_post")


def test_the_request_is_as_another_client_sends_it(
    network: Network, settings: Mapping[str, Any], clip: Path, tmp_path: Path
) -> None:
    sent(settings, tmp_path, post(clip))
    ours = network.the_post()
    network.simulator.simulation.log.clear()
    other = DiscordWebhook(
        url=network.webhook(),
        content=ours["payload"]["content"],
        allowed_mentions={"parse": []},
        attachments=ours["payload"]["attachments"],
    )
    other.add_file(file=clip.read_bytes(), filename="video.mp4")
    assert other.execute().status_code == 200
    theirs = network.the_post()
    assert theirs["query"]["wait"].lower() == ours["query"]["wait"]
    # That client writes what is not given as null, and its own names for files.
    told = {name: value for name, value in theirs["payload"].items() if value and name in ours["payload"]}
    assert told == {name: value for name, value in ours["payload"].items() if value}
    assert [one["sha256"] for one in theirs["files"].values()] == [one["sha256"] for one in ours["files"].values()]


# --- what answers mean -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fault", "kind", "words"),
    [
        ("publish:401", NotSent, "Unauthorized"),
        ("publish:403", NotSent, "Forbidden"),
        ("publish:404", NotSent, "Not Found"),
        ("publish:429:retry-after=0.7", NotSent, "too many requests"),
        ("publish:400", Rejected, "Bad Request"),
        ("publish:413", Rejected, "too large for this server"),
        ("publish:500", OutcomeUnknown, "500"),
        ("publish:409", OutcomeUnknown, "409"),
        ("publish:html", OutcomeUnknown, "not as Discord answers"),
        ("publish:no-id", OutcomeUnknown, "not as Discord answers"),
        ("publish:accept-then-html", OutcomeUnknown, "not as Discord answers"),
        ("publish:accept-then-drop", OutcomeUnknown, "no clear answer"),
        ("publish:drop-before", OutcomeUnknown, "no clear answer"),
        ("rights:missing", InvalidInput, "the webhook was deleted"),
        ("account:401", InvalidInput, "Unauthorized"),
    ],
)
def test_what_an_answer_means(
    network: Network,
    settings: Mapping[str, Any],
    clip: Path,
    tmp_path: Path,
    fault: str,
    kind: type[Exception],
    words: str,
) -> None:
    network.fails(fault)
    with pytest.raises(kind, match=words) as raised:
        sent(settings, tmp_path, post(clip))
    assert type(raised.value) is kind
    if isinstance(raised.value, NotSent):
        passes = "429" in fault
        assert (raised.value.lasting, raised.value.retry_after) == (not passes, 0.7 if passes else None)
    if kind is InvalidInput:
        assert "publish" not in network.asked


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        # Words of a gateway on the way, which may have passed the video on.
        (403, {"error": "blocked by policy"}, OutcomeUnknown),
        (400, {"message": "no code"}, OutcomeUnknown),
        (429, {"message": "slow down"}, OutcomeUnknown),
        (204, None, OutcomeUnknown),
        (200, {"message": "Unknown Webhook", "code": 10015}, OutcomeUnknown),
        (404, {"message": "Unknown Webhook", "code": 10015}, NotSent),
        (401, {"message": "Invalid Webhook Token", "code": 50027}, NotSent),
        (429, {"message": "You are being rate limited.", "retry_after": 1.5, "global": True}, NotSent),
        (400, {"message": "Invalid Form Body", "code": 50035, "errors": {}}, Rejected),
        (413, {"message": "Request entity too large", "code": 40005}, Rejected),
        (400, {"message": "The message already exists", "code": 1}, OutcomeUnknown),
    ],
)
def test_only_what_discord_itself_says_proves_that_nothing_was_posted(
    clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, status: int, body: Any, kind: type[Exception]
) -> None:
    def answer(asked: Asked) -> tuple[int, Any]:
        return status, body

    with serving(answer) as url:
        monkeypatch.setenv("DISCORD_WEBHOOK", f"{url}/api/webhooks/{TEXT.id}/{TOKEN}")
        discord = plugin({"webhook": "env:DISCORD_WEBHOOK"}, tmp_path)
        with pytest.raises(kind):
            asyncio.run(discord.publish(post(clip), sample_job(), Effect("k", prepared=dict(PREPARED))))


def test_posts_wait_for_their_turn(clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with run_simulator(SimulatorSettings(network="discord")) as simulator:
        monkeypatch.setenv("DISCORD_WEBHOOK", Network(simulator).webhook())
        discord = plugin({"webhook": "env:DISCORD_WEBHOOK"}, tmp_path)

        async def until_refused() -> None:
            for _ in range(50):
                await discord.publish(post(clip), sample_job(), Effect("k", prepared=dict(PREPARED)))

        with pytest.raises(NotSent, match="at its rate limit") as raised:
            asyncio.run(until_refused())
        assert raised.value.retry_after is not None
        assert 0 < raised.value.retry_after <= 2
        # Never turned away by Discord: an answer says when there is room for the next one.
        assert {one["status"] for one in simulator.requests() if one["operation"] == "publish"} == {200}


# --- before anything is sent -------------------------------------------------------------------------------


@pytest.mark.parametrize("privacy", ["unlisted", "private"])
def test_a_post_that_is_not_public_needs_a_closed_channel(
    network: Network, settings: Mapping[str, Any], clip: Path, tmp_path: Path, privacy: str
) -> None:
    discord = plugin(settings, tmp_path)
    [problem] = discord.check_brief(sample_brief(privacy=privacy), sample_job(), None)
    assert "does not say who can read its channel" in problem.message
    own = {discord.context.name: PostCopy(privacy="public")}
    assert discord.check_brief(sample_brief(privacy=privacy, destinations=own), sample_job(), None) == []
    with pytest.raises(Rejected, match=f"this post is {privacy}"):
        sent(settings, tmp_path, post(clip, privacy=privacy))
    assert network.asked == []
    closed = {**settings, "invited_only": True}
    assert plugin(closed, tmp_path).check_brief(sample_brief(privacy=privacy), sample_job(), None) == []
    assert sent(closed, tmp_path, post(clip, privacy=privacy)).id


def test_a_post_that_must_have_a_label_is_refused(
    network: Network, settings: Mapping[str, Any], clip: Path, tmp_path: Path
) -> None:
    with pytest.raises(Rejected, match="no AI label"):
        sent(settings, tmp_path, post(clip, disclosure=Disclosure(label="refuse")))
    assert network.asked == []


def test_a_secret_that_is_gone_leaves_no_doubt(
    network: Network, settings: Mapping[str, Any], clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DISCORD_WEBHOOK")
    with pytest.raises(NotSent, match="DISCORD_WEBHOOK is not set"):
        asyncio.run(
            plugin(settings, tmp_path).publish(post(clip), sample_job(), Effect("k", prepared=dict(PREPARED)))
        )
    assert network.asked == []


def test_text_is_cut_as_discord_counts(
    network: Network, settings: Mapping[str, Any], clip: Path, tmp_path: Path
) -> None:
    # Code points: 1986 emoji are 3972 units of UTF-16, and just fit.
    fits = "🚢" * (LONGEST_TEXT - 14)
    sent(settings, tmp_path, post(clip, title="", hashtags=(), caption=fits, alt_text="x" * 2000))
    sent(settings, tmp_path, post(clip, title="", hashtags=(), caption=fits + "🚢🚢"))
    cut, whole = network.messages
    assert whole.text == f"{fits}\n\nMade with AI"
    assert len(whole.files[0].alt) == LONGEST_ALT
    assert cut.text.endswith("🚢…\n\nMade with AI")
    assert len(cut.text) == LONGEST_TEXT


def test_the_size_is_that_of_the_server(settings: Mapping[str, Any], tmp_path: Path) -> None:
    assert plugin(settings, tmp_path).accepts.most_bytes == 10_485_760
    assert plugin({**settings, "largest": 100}, tmp_path).accepts.most_bytes == 104_857_600


# --- settings and accounts ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"account": "a", "webhook": "env:W"}, "give either account or webhook"),
        ({"thread": "1" * 18, "new_thread": "{title}"}, "give either thread or new_thread"),
        ({"webhook": "https://discord.com/api/webhooks/1/secret"}, "not the secret itself"),
        ({"thread": "general"}, "is not a Discord id"),
    ],
)
def test_settings_that_do_not_fit_together(given: dict[str, str], words: str) -> None:
    with pytest.raises(ValidationError, match=words) as raised:
        DiscordConfig.model_validate(given)
    assert "/secret" not in str(raised.value)


@pytest.mark.parametrize(
    ("url", "server"),
    [
        ("https://discord.com/api/webhooks/130000000000000001/a-B_9", "https://discord.com"),
        (" https://ptb.discord.com/api/v10/webhooks/130000000000000001/a/ ", "https://ptb.discord.com"),
        ("http://127.0.0.1:8765/api/webhooks/130000000000000001/a", "http://127.0.0.1:8765"),
        ("http://discord.com/api/webhooks/130000000000000001/secret", ""),
        ("https://discord.com.example.org/api/webhooks/130000000000000001/secret", ""),
        ("https://example.org/api/webhooks/130000000000000001/secret", ""),
        ("https://discord.com/api/webhooks/130000000000000001", ""),
        ("https://discord.com/api/webhooks/130000000000000001/secret/slack", ""),
        ("secret", ""),
    ],
)
def test_the_token_goes_to_discord_only(url: str, server: str) -> None:
    if server:
        assert Address.of(url).server == server
        return
    with pytest.raises(InvalidInput) as raised:
        Address.of(url)
    assert "secret" not in raised.value.explained()


async def signed_in(folder: Path, **given: str) -> Any:
    redactor = Redactor()
    http = Http(redactor=redactor)
    try:
        context = PluginContext(
            "discord", work_dir=folder, output_dir=folder, base_dir=folder, http_factory=http.trusting,
            redactor=redactor, accounts=Accounts(folder / "accounts.json"),
        )  # fmt: skip
        return await Discord.sign_in(given, context)
    finally:
        await http.aclose()


def test_an_account_is_a_webhook_that_is_there(network: Network, tmp_path: Path) -> None:
    made = asyncio.run(signed_in(tmp_path, webhook=network.webhook()))
    assert made.shown == {
        "service": network.url,
        "identifier": "Rehearsal",
        "webhook": TEXT.id,
        "channel": TEXT.channel,
    }
    assert (made.secret, made.identity) == ({"token": TOKEN}, f"webhook {TEXT.id}")
    for url, words in (
        (network.webhook("1" * 18), "the webhook was deleted"),
        (f"{network.webhook()}x", "token is not valid"),
    ):
        with pytest.raises(InvalidInput, match=words):
            asyncio.run(signed_in(tmp_path, webhook=url))


def test_a_thread_is_a_destination_of_its_own(settings: Mapping[str, Any], tmp_path: Path) -> None:
    whole = plugin(settings, tmp_path).identity
    assert plugin({**settings, "thread": "1" * 18}, tmp_path).identity == f"{whole} thread {'1' * 18}"
    assert plugin({**settings, "username": "Other"}, tmp_path).identity == whole


# --- the token stands in every address ---------------------------------------------------------------------


@pytest.mark.parametrize("fault", ["publish:accept-then-drop", "publish:html", "publish:401", "account:404"])
def test_the_token_is_shown_nowhere(
    network: Network,
    settings: Mapping[str, Any],
    clip: Path,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    fault: str,
) -> None:
    network.fails(fault)
    with caplog.at_level(logging.DEBUG, "reelwork"), pytest.raises(ReelworkError) as raised:
        sent(settings, tmp_path, post(clip))
    log = str(network.simulator.requests())
    assert f"/webhooks/{TEXT.id}/sha256:" in log
    assert not [one for one in (repr(raised.value), raised.value.explained(), caplog.text, log) if TOKEN in one]
