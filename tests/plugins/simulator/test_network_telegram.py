"""The simulated Telegram, asked by a client of others: python-telegram-bot. And by a person who rehearses."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

import httpx
import pytest
from PIL import Image
from telegram import Bot, Message
from telegram.constants import ChatMemberStatus, ChatType
from telegram.error import BadRequest, Forbidden, InvalidToken, NetworkError, RetryAfter, TelegramError
from tests.plugins.simulator.person import Person

from reelwork.testing import write_video
from reelwork_plugins.simulator import RunningSimulator, SimulatorSettings, run_simulator
from reelwork_plugins.simulator.networks.telegram.chats import BOT_ID, CHATS, LARGEST_VIDEO
from reelwork_plugins.simulator.networks.telegram.handlers import TOKEN

SETTINGS = SimulatorSettings(network="telegram", rate_limits=False)
CHANNEL, _, GROUP = (chat.id for chat in CHATS)
FLOW = """
[brief]
prompt = "A small boat leaves a quiet harbour at dawn"
duration = 1
resolution = "480p"
title = "First light"

[provider]
use = "preview"

[plugins]
publish = ["telegram"]

[plugin.telegram]
account = "rehearsal"
link_base = "{url}"
"""


@pytest.fixture(autouse=True)
def _with_its_newer_times(monkeypatch: pytest.MonkeyPatch) -> None:
    # Without it the client warns of a change to come, which is an error in tests.
    monkeypatch.setenv("PTB_TIMEDELTA", "1")


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("film") / "film.mp4"
    write_video(path)
    return path.read_bytes()


def asking(simulator: RunningSimulator, work: Callable[[Bot], Awaitable[Any]], token: str = TOKEN) -> Any:
    """Return what a bot gets for an answer."""

    async def ask() -> Any:
        bot = Bot(token, base_url=f"{simulator.base_url}/bot")
        async with bot._request[0], bot._request[1]:
            return await work(bot)

    return asyncio.run(ask())


def test_a_client_looks_around_posts_and_deletes(simulator: RunningSimulator, film: bytes) -> None:
    me = asking(simulator, lambda bot: bot.get_me())
    assert (me.id, me.username, me.is_bot) == (BOT_ID, "rehearsal_bot", True)
    chat = asking(simulator, lambda bot: bot.get_chat("@Rehearsal"))
    assert (chat.id, chat.type, chat.username) == (CHANNEL, ChatType.CHANNEL, "rehearsal")
    member = asking(simulator, lambda bot: bot.get_chat_member(CHANNEL, BOT_ID))
    assert (member.status, member.can_post_messages) == (ChatMemberStatus.ADMINISTRATOR, True)
    assert asking(simulator, lambda bot: bot.get_chat_member(GROUP, BOT_ID)).status == ChatMemberStatus.MEMBER
    picture = BytesIO()
    Image.new("RGB", (320, 180), "teal").save(picture, "JPEG")
    posted: Message = asking(
        simulator,
        lambda bot: bot.send_video(
            CHANNEL,
            film,
            caption="  Dawn <3 ",
            thumbnail=picture.getvalue(),
            has_spoiler=True,
            protect_content=True,
        ),
    )
    assert (posted.caption, posted.chat.id, posted.link) == (
        "Dawn <3",
        CHANNEL,
        f"https://t.me/rehearsal/{posted.id}",
    )
    assert posted.video is not None
    assert (posted.video.file_size, posted.video.mime_type) == (len(film), "video/mp4")
    assert posted.has_media_spoiler
    assert posted.has_protected_content
    page = httpx.get(f"{simulator.base_url}/rehearsal/{posted.id}")
    assert "Dawn &lt;3" in page.text
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert httpx.get(f"{simulator.base_url}/file/{posted.id}/video.mp4").content == film
    [shown] = [one for one in simulator.posts() if one["id"] == str(posted.id)]
    assert shown["thumbnail"] == f"{len(picture.getvalue())} bytes"
    assert asking(simulator, lambda bot: bot.delete_message(CHANNEL, posted.id))
    with pytest.raises(BadRequest, match="to delete not found"):
        asking(simulator, lambda bot: bot.delete_message(CHANNEL, posted.id))


def test_a_topic_of_a_group_and_a_file_that_is_no_video(simulator: RunningSimulator, film: bytes) -> None:
    posted: Message = asking(simulator, lambda bot: bot.send_video(GROUP, film, message_thread_id=7))
    assert (posted.message_thread_id, posted.from_user and posted.from_user.id) == (7, BOT_ID)
    assert asking(simulator, lambda bot: bot.send_video(GROUP, b"no film")).document is not None


@pytest.mark.parametrize(
    ("given", "kind", "words"),
    [
        ({"chat_id": "@nobody"}, BadRequest, "Chat not found"),
        ({"chat_id": 12345}, BadRequest, "Chat not found"),
        ({"caption": "x" * 1025}, BadRequest, "caption is too long"),
        ({"caption": "🚢" * 513}, BadRequest, "caption is too long"),
        ({"video": b""}, BadRequest, "non-empty"),
        ({"video": "https://example.com/film.mp4"}, BadRequest, "wrong file identifier"),
        ({"message_thread_id": 9}, BadRequest, "thread not found"),
        ({"video": bytes(LARGEST_VIDEO + 1)}, NetworkError, "Too Large"),
        ({"video": bytes(LARGEST_VIDEO + (9 << 20))}, NetworkError, "Too Large"),
    ],
)
def test_what_telegram_refuses(
    simulator: RunningSimulator, film: bytes, given: dict[str, Any], kind: type[TelegramError], words: str
) -> None:
    before = len(simulator.posts())
    with pytest.raises(kind, match=f"(?i){words}"):
        asking(simulator, lambda bot: bot.send_video(**{"chat_id": GROUP, "video": film, **given}))
    assert len(simulator.posts()) == before


@pytest.mark.parametrize(
    ("fault", "chat", "kind", "words"),
    [
        ("publish:401", CHANNEL, InvalidToken, "Unauthorized"),
        ("rights:left", CHANNEL, Forbidden, "not a member of the channel chat"),
        ("rights:silenced", CHANNEL, BadRequest, "need administrator rights"),
        ("rights:silenced", GROUP, BadRequest, "not enough rights to send videos"),
        ("rights:missing", GROUP, BadRequest, "Chat not found"),
        ("publish:429:retry-after=7", GROUP, RetryAfter, "Retry in 0:00:07"),
        ("publish:502", GROUP, NetworkError, "Bad Gateway"),
    ],
)
def test_faults_are_answered_as_the_bot_api_answers(
    simulator: RunningSimulator, film: bytes, fault: str, chat: int, kind: type[TelegramError], words: str
) -> None:
    simulator.set_faults([fault])
    before = len(simulator.posts())
    with pytest.raises(kind, match=f"(?i){words}"):
        asking(simulator, lambda bot: bot.send_video(chat, film))
    assert len(simulator.posts()) == before


@pytest.mark.parametrize(("token", "status"), [("1000000001:other", 401), ("other", 404), (f"{TOKEN}x", 401)])
def test_a_token_of_nobody(simulator: RunningSimulator, token: str, status: int) -> None:
    answer = httpx.get(f"{simulator.base_url}/bot{token}/getMe")
    assert answer.status_code == status
    assert answer.json() == {
        "ok": False,
        "error_code": status,
        "description": "Unauthorized" if status == 401 else "Not Found",
    }


def test_a_method_in_any_case_and_one_that_there_is_not(simulator: RunningSimulator) -> None:
    assert httpx.post(f"{simulator.base_url}/bot{TOKEN}/GETME").json()["ok"] is True
    answer = httpx.post(f"{simulator.base_url}/bot{TOKEN}/sendMoney")
    assert (answer.status_code, answer.json()["description"]) == (404, "Not Found: method not found")


def test_too_many_posts_are_told_when_to_come_back(film: bytes) -> None:
    with run_simulator(SimulatorSettings(network="telegram")) as simulator:

        async def send_twenty(bot: Bot) -> None:
            for _ in range(20):
                await bot.send_video(GROUP, b"no film")

        asking(simulator, send_twenty)
        with pytest.raises(RetryAfter) as raised:
            asking(simulator, lambda bot: bot.send_video(GROUP, b"no film"))
        assert isinstance(raised.value.retry_after, timedelta)
        assert timedelta(0) < raised.value.retry_after <= timedelta(minutes=1)


def test_the_token_is_in_no_log(film: bytes, tmp_path: Path) -> None:
    path = tmp_path / "requests.jsonl"
    with run_simulator(SimulatorSettings(network="telegram", log_file=path)) as simulator:
        asking(simulator, lambda bot: bot.get_me())
        httpx.get(f"{simulator.base_url}/bot{TOKEN}/a/b/c")
        shown = httpx.get(f"{simulator.base_url}/_simulator/requests").text
    assert "/botsha256:" in shown
    assert TOKEN not in shown + path.read_text()


@pytest.mark.slow
def test_a_person_adds_an_account_and_posts_and_an_answer_is_lost(
    simulator: RunningSimulator, person: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    def says(*words: str, code: int = 0) -> str:
        done = person.runs(*words)
        assert done.exit_code == code, done.output
        assert TOKEN not in done.output
        return done.output

    monkeypatch.setenv("BOT", TOKEN)
    fields = ("token=env:BOT", "chat=@rehearsal", f"service={simulator.base_url}")
    given = [part for field in fields for part in ("--field", field)]
    assert "@rehearsal_bot in @rehearsal" in says("accounts", "add", "telegram", "--name", "rehearsal", *given)
    assert "posts would work" in says("accounts", "check", "rehearsal")
    (person.folder / "flow.toml").write_text(FLOW.replace("{url}", simulator.base_url))
    assert "telegram cannot be asked what was posted" in says("plan", "flow.toml")
    before = len(simulator.posts())
    assert f"published  telegram: {simulator.base_url}/rehearsal/" in says("run", "flow.toml", "--yes")
    simulator.set_faults(["publish:accept-then-drop"])
    held = says("run", "flow.toml", "--yes", "--set", "brief.seed=7", code=3)
    assert "It may have been carried out, so it is not sent again" in held
    simulator.set_faults([])
    says("resume", code=3)
    assert len(simulator.posts()) == before + 2
    kept = [path.read_bytes() for path in person.folder.glob("store.db*") if path.is_file()]
    assert kept
    assert not [one for one in kept if TOKEN.encode() in one]
    simulator.set_faults(["rights:silenced"])
    assert "it is not an administrator with the right to post" in says("doctor", "flow.toml", code=1)
