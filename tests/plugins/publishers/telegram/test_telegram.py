from __future__ import annotations

import asyncio
import io
import logging
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from pydantic import JsonValue, ValidationError
from tests.plugins.publishers.telegram.conftest import GROUP, PRIVATE, PUBLIC, TOKEN, Network

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
    Asset,
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
    Role,
)
from reelwork_plugins.publishers.post_text import fitted, utf16_units
from reelwork_plugins.publishers.telegram import Telegram
from reelwork_plugins.publishers.telegram.api import MOST_BYTES_OWN_SERVER
from reelwork_plugins.publishers.telegram.config import TelegramConfig
from reelwork_plugins.publishers.telegram.media import MOST_BYTES, streams, thumbnail
from reelwork_plugins.publishers.telegram.text import LONGEST, caption

SECRET = TOKEN.partition(":")[2]


@pytest.fixture
def settings(network: Network, monkeypatch: pytest.MonkeyPatch) -> Mapping[str, Any]:
    monkeypatch.setenv("TELEGRAM_TOKEN", TOKEN)
    return {
        "token": "env:TELEGRAM_TOKEN",
        "chat": "@rehearsal",
        "base_url": network.url,
        "link_base": network.url,
    }


@pytest.fixture(scope="session")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("telegram") / "clip.mp4"
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


def plugin(settings: Mapping[str, Any], folder: Path) -> Telegram:
    return Telegram(TelegramConfig.model_validate(settings), SampleContext(folder))


def sent(settings: Mapping[str, Any], folder: Path, given: Post) -> Receipt:
    """Prepare and publish once, and raise what the plugin raises."""
    telegram = plugin(settings, folder)

    async def both() -> Receipt:
        prepared = await telegram.prepare_publish(given, sample_job())
        return await telegram.publish(given, sample_job(), Effect("k", prepared=prepared))

    return asyncio.run(both())


# --- what is sent ------------------------------------------------------------------------------------------


def test_a_video_is_posted_with_all_it_says(
    network: Network, settings: Mapping[str, Any], clip: Path, tmp_path: Path
) -> None:
    picture = tmp_path / "still.png"
    Image.new("RGB", (1280, 720), "teal").save(picture)
    still = Asset.from_file(picture, Role.THUMBNAIL)
    options = {"silent": True, "protect": True, "spoiler": True, "caption_above": True}
    given = post(clip, options=options)
    given = given.replace(clip=given.clip.adding(still), thumbnail=still)
    published = call_hook(Telegram, "publish", settings=settings, post=given)
    [message] = network.messages
    assert (published.state, published.receipt.id) == ("published", str(message.id))
    assert published.receipt.url == f"{network.url}/rehearsal/{message.id}"
    assert published.receipt.details["chat"] == PUBLIC
    fields = network.the_post()
    assert fields["video"]["bytes"] == clip.stat().st_size
    assert message.thumbnail == fields["thumbnail"]["bytes"] > 0
    assert message.caption == "First light\n\nNobody is up yet.\n\n#dawn\n\nMade with AI"
    video = given.clip.video
    assert {name: value for name, value in fields.items() if isinstance(value, str)} == {
        "chat_id": PUBLIC,
        "caption": message.caption,
        "width": str(video.width),
        "height": str(video.height),
        "duration": str(round(video.duration or 0)),
        "disable_notification": "true",
        "protect_content": "true",
        "has_spoiler": "true",
        "show_caption_above_media": "true",
        **({"supports_streaming": "true"} if streams(clip) else {}),
    }


def test_a_private_chat_is_linked_by_its_number(
    network: Network, settings: Mapping[str, Any], clip: Path, tmp_path: Path
) -> None:
    receipt = sent({**settings, "chat": GROUP}, tmp_path, post(clip, privacy="private", options={"topic": 7}))
    assert receipt.url == f"{network.url}/c/{GROUP.removeprefix('-100')}/{receipt.id}"
    assert network.the_post()["message_thread_id"] == "7"
    with pytest.raises(Rejected, match="message thread not found"):
        sent({**settings, "chat": GROUP}, tmp_path, post(clip, options={"topic": 8}))


def test_the_engine_holds_it_without_a_second_request(
    network: Network, settings: Mapping[str, Any], clip: Path
) -> None:
    network.fails("publish:accept-then-drop@nth=1")
    published = call_hook(Telegram, "publish", settings=settings, post=post(clip))
    assert (published.state, published.attempts) == ("held", 1)
    assert network.asked.count("publish") == 1
    assert Telegram.idempotency is Idempotency.NONE
    assert not hasattr(Telegram, "find_post")


# --- what answers mean -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fault", "kind", "words"),
    [
        ("publish:401", NotSent, "Unauthorized"),
        ("publish:404", NotSent, "Not Found"),
        ("publish:403", NotSent, "Forbidden"),
        ("publish:429:retry-after=7", NotSent, "too many requests"),
        ("publish:400", Rejected, "Bad Request"),
        ("publish:413", Rejected, "too large"),
        ("publish:500", OutcomeUnknown, "500"),
        ("publish:502", OutcomeUnknown, "502"),
        ("publish:409", OutcomeUnknown, "409"),
        ("publish:html", OutcomeUnknown, "not as Telegram answers"),
        ("publish:no-id", OutcomeUnknown, "not as Telegram answers"),
        ("publish:accept-then-html", OutcomeUnknown, "not as Telegram answers"),
        ("publish:accept-then-drop", OutcomeUnknown, "no clear answer"),
        ("publish:drop-before", OutcomeUnknown, "no clear answer"),
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
    if "429" in fault:
        assert isinstance(raised.value, NotSent)
        assert (raised.value.retry_after, raised.value.lasting) == (7, False)
    elif kind is NotSent:
        assert isinstance(raised.value, NotSent)
        assert raised.value.lasting


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        # Words of a gateway on the way, which may have passed the video on.
        (403, {"error": "blocked by policy"}, OutcomeUnknown),
        (400, {"ok": True, "result": {}}, OutcomeUnknown),
        (400, {"ok": False, "error_code": 500, "description": "?"}, OutcomeUnknown),
        (200, {"ok": False, "error_code": 400, "description": "Bad Request: chat not found"}, OutcomeUnknown),
        (400, {"ok": False, "error_code": 400, "description": "Bad Request: not enough rights"}, NotSent),
        (
            400,
            {
                "ok": False,
                "error_code": 400,
                "description": "Bad Request: group chat was upgraded to a supergroup chat",
                "parameters": {"migrate_to_chat_id": -100123},
            },
            NotSent,
        ),
        (429, {"ok": False, "error_code": 429, "description": "x", "parameters": {"retry_after": "soon"}}, NotSent),
        (
            400,
            {"ok": False, "error_code": 400, "description": "Bad Request: message already exists"},
            OutcomeUnknown,
        ),
    ],
)
def test_only_what_telegram_itself_says_proves_that_nothing_was_posted(
    clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, status: int, body: Any, kind: type[Exception]
) -> None:
    monkeypatch.setenv("TELEGRAM_TOKEN", TOKEN)

    def answer(asked: Asked) -> tuple[int, Any]:
        return status, body

    with serving(answer) as url:
        telegram = plugin({"token": "env:TELEGRAM_TOKEN", "chat": PRIVATE, "base_url": url}, tmp_path)
        prepared: JsonValue = {"chat": PRIVATE, "name": "", "caption": ""}
        with pytest.raises(kind):
            asyncio.run(telegram.publish(post(clip), sample_job(), Effect("k", prepared=prepared)))


# --- before anything is sent -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("rights:missing", "chat not found"),
        ("rights:left", "it is not a member"),
        ("rights:silenced", "not an administrator with the right to post"),
        ("account:401", "Unauthorized"),
        ("chat:html", "a page of HTML"),
    ],
)
def test_what_stands_in_the_way_is_found_before_anything_is_sent(
    network: Network, settings: Mapping[str, Any], clip: Path, tmp_path: Path, fault: str, words: str
) -> None:
    network.fails(fault)
    with pytest.raises(Exception, match=words):
        sent(settings, tmp_path, post(clip))
    assert "publish" not in network.asked


def test_a_group_in_which_the_bot_may_not_send_videos(
    network: Network, settings: Mapping[str, Any], clip: Path, tmp_path: Path
) -> None:
    network.fails("rights:silenced")
    with pytest.raises(NotSent, match="may not send videos"):
        sent({**settings, "chat": GROUP}, tmp_path, post(clip))


@pytest.mark.parametrize("privacy", ["unlisted", "private"])
def test_a_post_that_is_not_public_stays_out_of_public_chats(
    network: Network, settings: Mapping[str, Any], clip: Path, tmp_path: Path, privacy: str
) -> None:
    brief = sample_brief(privacy=privacy)
    [problem] = plugin(settings, tmp_path).check_brief(brief, sample_job(), None)
    assert problem.message == f"this post is {privacy}, and everyone can read @rehearsal"
    # By its id nobody knows beforehand that everyone can read it.
    by_id = {**settings, "chat": PUBLIC}
    assert plugin(by_id, tmp_path).check_brief(brief, sample_job(), None) == []
    with pytest.raises(Rejected, match="everyone can read @rehearsal"):
        sent(by_id, tmp_path, post(clip, privacy=privacy))
    assert "publish" not in network.asked
    assert sent({**settings, "chat": PRIVATE}, tmp_path, post(clip, privacy=privacy)).id


def test_a_destination_may_have_a_privacy_of_its_own(settings: Mapping[str, Any], tmp_path: Path) -> None:
    telegram = plugin(settings, tmp_path)
    name = telegram.context.name
    narrow = sample_brief(privacy="public", destinations={name: PostCopy(privacy="private")})
    wide = sample_brief(privacy="private", destinations={name: PostCopy(privacy="public")})
    assert len(telegram.check_brief(narrow, sample_job(), None)) == 1
    assert telegram.check_brief(wide, sample_job(), None) == []


def test_a_post_that_must_have_a_label_is_refused(
    network: Network, settings: Mapping[str, Any], clip: Path, tmp_path: Path
) -> None:
    with pytest.raises(Rejected, match="no AI label"):
        sent(settings, tmp_path, post(clip, disclosure=Disclosure(label="refuse")))
    assert network.asked == []


def test_a_video_that_is_no_mp4_is_refused(
    network: Network, settings: Mapping[str, Any], clip: Path, tmp_path: Path
) -> None:
    given = post(clip)
    webm = given.clip.with_video(given.clip.video.replace(media_type="video/webm"))
    with pytest.raises(Rejected, match="plays video/mp4 only"):
        sent(settings, tmp_path, given.replace(clip=webm))


def test_a_secret_that_is_gone_leaves_no_doubt(
    network: Network, settings: Mapping[str, Any], clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    telegram = plugin(settings, tmp_path)
    prepared = asyncio.run(telegram.prepare_publish(post(clip), sample_job()))
    monkeypatch.delenv("TELEGRAM_TOKEN")
    with pytest.raises(NotSent, match="TELEGRAM_TOKEN is not set"):
        asyncio.run(telegram.publish(post(clip), sample_job(), Effect("k", prepared=prepared)))
    assert "publish" not in network.asked


def test_what_was_made_ready_for_one_chat_is_not_posted_to_another(
    network: Network, settings: Mapping[str, Any], clip: Path, tmp_path: Path
) -> None:
    prepared: JsonValue = {"chat": PUBLIC, "name": "rehearsal", "caption": ""}
    other = plugin({**settings, "chat": PRIVATE}, tmp_path)
    with pytest.raises(NotSent, match="prepared for the chat"):
        asyncio.run(other.publish(post(clip), sample_job(), Effect("k", prepared=prepared)))
    assert network.messages == []


# --- text, size and picture --------------------------------------------------------------------------------


def test_a_caption_is_cut_as_telegram_counts(
    network: Network, settings: Mapping[str, Any], clip: Path, tmp_path: Path
) -> None:
    # 600 emoji are 600 characters and 1200 units: too long for Telegram.
    sent(settings, tmp_path, post(clip, title="", hashtags=(), caption="🚢" * 600))
    [message] = network.messages
    assert message.caption.endswith("…\n\nMade with AI")
    assert LONGEST - 1 <= utf16_units(message.caption) <= LONGEST
    config = TelegramConfig.model_validate(settings)
    words = " ".join(["harbour"] * 300)
    text = caption(post(clip, caption=words), sample_job(), config)
    assert text.endswith("harbour…\n\nMade with AI")
    fits = caption(post(clip, title="", hashtags=(), caption="x" * (LONGEST - 14)), sample_job(), config)
    assert utf16_units(fits) == LONGEST
    assert "…" not in fits


def test_the_words_about_ai_are_never_cut_and_in_the_language_of_the_settings(
    settings: Mapping[str, Any], clip: Path
) -> None:
    config = TelegramConfig.model_validate({**settings, "disclosure": "Mit KI erstellt"})
    assert caption(post(clip, caption="y" * 5000), sample_job(), config).endswith("…\n\nMit KI erstellt")
    assert caption(post(clip, ai_generated=False), sample_job(), config).endswith("#dawn")
    once = post(clip, caption="Mit KI erstellt")
    assert caption(once, sample_job(), config).count("Mit KI erstellt") == 1


@pytest.mark.parametrize("text", ["a b", "👩‍👩‍👧 x", "", "日本語の長い文章です" * 5, "word " * 40])
def test_a_cut_text_is_as_long_as_allowed_and_no_longer(text: str) -> None:
    for longest in range(utf16_units(text) + 2):
        cut = fitted(text, longest, utf16_units)
        assert utf16_units(cut) <= longest
        assert cut == text or cut == "" or cut.endswith("…")
        assert not cut.removesuffix("…").endswith("‍")


def test_a_server_of_ones_own_takes_larger_videos(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TELEGRAM_TOKEN", TOKEN)
    direct = {"token": "env:TELEGRAM_TOKEN", "chat": "@rehearsal"}
    assert plugin(direct, tmp_path).accepts.most_bytes == 50_000_000
    own = plugin({**direct, "base_url": "http://telegram-bot-api:8081"}, tmp_path)
    assert own.accepts.most_bytes == MOST_BYTES_OWN_SERVER == 2_000_000_000


def test_a_thumbnail_is_made_small(tmp_path: Path) -> None:
    path = tmp_path / "large.png"
    Image.effect_noise((900, 600), 200).save(path)
    small = thumbnail(path)
    assert small is not None
    assert len(small) < MOST_BYTES
    with Image.open(io.BytesIO(small)) as picture:
        assert (picture.format, picture.size) == ("JPEG", (320, 213))
    path.write_bytes(path.read_bytes()[:200])
    assert thumbnail(path) is None
    assert thumbnail(tmp_path / "none.png") is None


def box(kind: bytes, size: int = 8) -> bytes:
    return struct.pack(">I4s", size, kind) + bytes(max(size - 8, 0))


@pytest.mark.parametrize(
    ("data", "can"),
    [
        (box(b"ftyp", 24) + box(b"moov", 40), True),
        (box(b"ftyp", 24) + box(b"free") + box(b"mdat", 40) + box(b"moov", 40), False),
        (struct.pack(">I4sQ", 1, b"free", 32) + bytes(16) + box(b"moov", 40), True),
        (struct.pack(">I4s", 0, b"skip") + bytes(100), False),
        (b"short", False),
    ],
)
def test_a_video_whose_index_stands_first_can_be_streamed(tmp_path: Path, data: bytes, can: bool) -> None:
    path = tmp_path / "clip.mp4"
    path.write_bytes(data)
    assert streams(path) is can


# --- settings and accounts ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"token": "env:T"}, "token needs chat as well"),
        ({"chat": "@boats"}, "chat needs token as well"),
        ({"base_url": "https://bots.example"}, "base_url needs token as well"),
        ({"account": "a", "chat": "@boats"}, "give either account or chat"),
        ({"token": TOKEN, "chat": "@boats"}, "not the secret itself"),
        ({"token": "env:T", "chat": "boats"}, "is not a chat"),
        ({"token": "env:T", "chat": "@bo/ats"}, "is not a chat"),
        ({"token": "env:T", "chat": "@boats", "base_url": "http://bots.example"}, "must begin with https"),
    ],
)
def test_settings_that_do_not_fit_together(given: dict[str, str], words: str) -> None:
    with pytest.raises(ValidationError, match=words) as raised:
        TelegramConfig.model_validate(given)
    assert SECRET not in str(raised.value)


async def signed_in(folder: Path, **given: str) -> Any:
    redactor = Redactor()
    http = Http(redactor=redactor)
    try:
        context = PluginContext(
            "telegram", work_dir=folder, output_dir=folder, base_dir=folder, http_factory=http.trusting,
            redactor=redactor, accounts=Accounts(folder / "accounts.json"),
        )  # fmt: skip
        return await Telegram.sign_in(given, context)
    finally:
        await http.aclose()


def test_an_account_is_a_bot_at_a_chat(network: Network, tmp_path: Path) -> None:
    made = asyncio.run(signed_in(tmp_path, token=TOKEN, chat="@Rehearsal", service=network.url))
    assert made.shown == {
        "service": network.url,
        "identifier": "@rehearsal_bot in @rehearsal",
        "chat": PUBLIC,
        "public_name": "@rehearsal",
    }
    assert (made.secret, made.identity) == ({"token": TOKEN}, f"chat {PUBLIC}")


@pytest.mark.parametrize(
    ("changes", "fault", "words"),
    [
        ({}, "rights:left", "it is not a member"),
        ({"chat": "@nobody"}, "", "chat not found"),
        ({"chat": "nobody"}, "", "is not a chat"),
        ({"token": "1:other"}, "", "Unauthorized"),
        ({"token": "no token"}, "", "not the token of a bot"),
        ({"service": "ftp://bots.example"}, "", "not an http"),
    ],
)
def test_only_an_account_that_can_post_is_kept(
    network: Network, tmp_path: Path, changes: dict[str, str], fault: str, words: str
) -> None:
    network.fails(*filter(None, [fault]))
    with pytest.raises(InvalidInput, match=words) as raised:
        asyncio.run(signed_in(tmp_path, **{"token": TOKEN, "chat": PUBLIC, "service": network.url, **changes}))
    assert SECRET not in raised.value.explained()


def test_the_destination_is_the_chat_whoever_posts(
    settings: Mapping[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTHER", "2:other")
    one = plugin({**settings, "chat": PRIVATE}, tmp_path)
    changes = {"token": "env:OTHER", "base_url": "https://bots.example", "disclosure": "KI"}
    other = plugin({**settings, "chat": PRIVATE, **changes}, tmp_path)
    named = principal.destination("telegram", one, one.config)
    assert named == principal.destination("telegram", other, other.config) == f"telegram chat {PRIVATE}"
    assert plugin({**settings, "chat": "@Boats"}, tmp_path).identity == "chat @boats"


# --- the token stands in every address ---------------------------------------------------------------------


@pytest.mark.parametrize(
    "fault",
    [
        "publish:accept-then-drop",
        "publish:html",
        "publish:401",
        "publish:500",
        "chat:drop@nth=1 publish:500",
        "account:404",
    ],
)
def test_the_token_is_shown_nowhere(
    network: Network,
    settings: Mapping[str, Any],
    clip: Path,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    fault: str,
) -> None:
    network.fails(*fault.split())
    with caplog.at_level(logging.DEBUG, "reelwork"), pytest.raises(ReelworkError) as raised:
        sent(settings, tmp_path, post(clip))
    told = [repr(raised.value), raised.value.explained(), caplog.text]
    log = str(network.simulator.requests())
    assert "/bot" in log
    assert not [one for one in (*told, log) if SECRET in one]


def test_a_second_video_is_not_sent_to_be_turned_away(
    network: Network, settings: Mapping[str, Any], clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Longer than any machine takes for a post.
    monkeypatch.setattr("reelwork_plugins.publishers.telegram.SPACING", 3600.0)
    telegram = plugin(settings, tmp_path)
    prepared: JsonValue = {"chat": PUBLIC, "name": "rehearsal", "caption": ""}

    async def two() -> None:
        for number in range(2):
            await telegram.publish(post(clip), sample_job(), Effect(f"k{number}", prepared=prepared))

    with pytest.raises(NotSent, match="one post a second") as raised:
        asyncio.run(two())
    assert raised.value.retry_after is not None
    assert 0 < raised.value.retry_after <= 3600
    assert (network.asked.count("publish"), len(network.messages)) == (1, 1)
