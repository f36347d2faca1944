"""The work of each method of the Bot API when nothing goes wrong."""

from __future__ import annotations

import asyncio
import hmac
import time
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from pathlib import PurePath
from typing import Any
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse

from reelwork_plugins.simulator.dialects import Dialect
from reelwork_plugins.simulator.faults import Fault
from reelwork_plugins.simulator.forms import Form, Upload
from reelwork_plugins.simulator.handlers import Handler, Reply
from reelwork_plugins.simulator.networks.films import Film, look_at
from reelwork_plugins.simulator.networks.page import CONTENT_POLICY, Shown, posts_page
from reelwork_plugins.simulator.networks.telegram import chats as rules
from reelwork_plugins.simulator.networks.telegram.chats import Chat, Chats, Message
from reelwork_plugins.simulator.networks.tokens import OPEN_TOKEN
from reelwork_plugins.simulator.refusals import Refused
from reelwork_plugins.simulator.simulation import Simulation

NAME = "telegram"
TOKEN = f"{rules.BOT_ID}:{OPEN_TOKEN}"
"""The bot's token where the simulator has no key."""
OPERATIONS = {
    "getme": "account", "getchat": "chat", "getchatmember": "member", "sendvideo": "publish",
    "deletemessage": "delete",
}  # fmt: skip
"""What a method is called among faults, by its name in small letters."""
_WISHES = (
    "supports_streaming", "disable_notification", "protect_content", "has_spoiler", "show_caption_above_media",
    "message_thread_id", "width", "height", "duration",
)  # fmt: skip
Fields = Mapping[str, Any]
Work = Callable[[Simulation, Fields, Form], Awaitable[Reply]]


class Telegram:
    """The simulated Bot API, with one bot."""

    def __init__(self, sim: Simulation) -> None:
        self.chats = Chats()
        self._methods: dict[str, Work] = {
            "getme": self.get_me,
            "getchat": self.get_chat,
            "getchatmember": self.get_chat_member,
            "sendvideo": self.send_video,
            "deletemessage": self.delete_message,
        }

    def posts(self) -> list[dict[str, Any]]:
        """Return everything that was posted, oldest first."""
        return [self._shown(one).as_json() for one in reversed(self.chats.posted())]

    @property
    def handler(self) -> Handler:
        """The handler of all methods, which may be asked with GET and POST, in any case."""

        async def handle(sim: Simulation, dialect: Dialect, request: Request, form: Form) -> Reply:
            _admit(sim, request.path_params["token"])
            work = self._methods.get(request.path_params["method"].lower())
            if work is None:
                raise Refused(404, "Not Found: method not found")
            if form.problem:
                large = "larger" in form.problem
                raise Refused(413 if large else 400, "Request Entity Too Large" if large else "Bad Request")
            return await work(sim, {**request.query_params, **form.fields}, form)

        return handle

    async def get_me(self, sim: Simulation, fields: Fields, form: Form) -> Reply:
        """Return the bot."""
        more = {"can_join_groups": True, "can_read_all_group_messages": False, "supports_inline_queries": False}
        return _result({**rules.bot_json(), **more})

    async def get_chat(self, sim: Simulation, fields: Fields, form: Form) -> Reply:
        """Return a chat."""
        chat, _ = self._chat(sim, fields)
        extra = {"accent_color_id": 0, "max_reaction_count": 11}
        gifts = dict.fromkeys(
            ("unlimited_gifts", "limited_gifts", "unique_gifts", "premium_subscription", "gifts_from_channels"),
            False,
        )
        return _result({**chat.as_json(), **extra, "accepted_gift_types": gifts})

    async def get_chat_member(self, sim: Simulation, fields: Fields, form: Form) -> Reply:
        """Return the bot's rights in a chat."""
        chat, rights = self._chat(sim, fields)
        if str(fields.get("user_id", "")) != str(rules.BOT_ID):
            raise Refused(400, "Bad Request: user not found")
        return _result(rules.member_json(chat, rights))

    async def send_video(self, sim: Simulation, fields: Fields, form: Form) -> Reply:
        """Post a video."""
        chat, rights = self._chat(sim, fields)
        _refuse_without_right(chat, rights)
        video = _video(form, fields)
        caption = rules.checked_caption(str(fields.get("caption") or ""))
        topic = str(fields.get("message_thread_id") or "")
        if topic and topic not in map(str, chat.topics):
            raise Refused(400, "Bad Request: message thread not found")
        now = time.time()
        if sim.settings.rate_limits:
            self.chats.take_turn(chat, now)
        id_ = self.chats.new_id(now)
        path = sim.folder / f"{id_}.mp4"
        await asyncio.to_thread(path.write_bytes, video.content)
        film = await _looked(path, video)
        name = PurePath(video.name.replace("\\", "/")).name or "video.mp4"
        wishes = {name: str(fields[name]) for name in _WISHES if fields.get(name)}
        picture = _file(form, fields, "thumbnail")
        taken = len(picture.content) if picture and _is_thumbnail(picture) else 0
        made = Message(id_, chat, now, caption, path, name, len(video.content), film, wishes, taken)
        self.chats.add(made)
        payload = {"ok": True, "result": rules.message_json(made)}
        return Reply(payload, job_id=str(id_), alter=_without_id)

    async def delete_message(self, sim: Simulation, fields: Fields, form: Form) -> Reply:
        """Remove a message."""
        chat, _ = self._chat(sim, fields)
        number = str(fields.get("message_id", ""))
        if not (number.isdecimal() and self.chats.delete(chat, int(number[:18]))):
            raise Refused(400, "Bad Request: message to delete not found")
        return _result(True)

    def _chat(self, sim: Simulation, fields: Fields) -> tuple[Chat, str]:
        """Return the chat that is meant, and what is wrong with the bot's rights there. Raises `Refused`."""
        fault = sim.switchboard.pick("rights")
        if fault is not None and fault.kind == "missing":
            raise Refused(400, "Bad Request: chat not found")
        return rules.chat_of(str(fields.get("chat_id") or "")), fault.kind if fault else ""

    async def file(self, sim: Simulation, dialect: Dialect, request: Request, form: Form) -> Reply:
        """Return the video of a message, for the page."""
        wanted = request.path_params["id"]
        found = next((one for one in self.chats.posted() if str(one.id) == wanted), None)
        if found is None:
            raise Refused(404, "Not Found")
        return Reply(file=FileResponse(found.path, media_type="video/mp4"))

    async def page(self, sim: Simulation, dialect: Dialect, request: Request, form: Form) -> Reply:
        """Show one message, or all, to a person."""
        id_ = request.path_params.get("id")
        found = [one for one in self.chats.posted() if id_ in (None, str(one.id))]
        if id_ is not None and not found:
            raise Refused(404, "Not Found")
        page = posts_page("Simulated Telegram", map(self._shown, found))
        return Reply(raw=HTMLResponse(page, headers=CONTENT_POLICY))

    def _shown(self, message: Message) -> Shown:
        chat = message.chat
        asked = {name.replace("_", " "): value for name, value in message.wishes.items()}
        facts = {"chat": chat.title, **asked, "bytes": message.bytes}
        facts |= {"thumbnail": f"{message.thumbnail} bytes"} if message.thumbnail else {}
        at = datetime.fromtimestamp(message.at, UTC).isoformat(timespec="seconds")
        where = chat.username or f"c/{str(chat.id).removeprefix('-100')}"
        film = f"/file/{message.id}/{quote(message.name, safe='')}"
        return Shown(str(message.id), rules.BOT_NAME, at, message.caption, facts, film, f"/{where}/{message.id}")


def operation(request: Request) -> str:
    """Return what a method is called among faults."""
    return OPERATIONS.get(request.path_params["method"].lower(), "unknown")


def _admit(sim: Simulation, token: str) -> None:
    """Raise `Refused` for a token that is not the bot's."""
    bot, colon, secret = token.partition(":")
    if not (colon and secret and bot.isdecimal()):
        raise Refused(404, "Not Found")
    known = sim.settings.api_key or TOKEN
    if not hmac.compare_digest(token.encode("utf-8", "replace"), known.encode()):
        raise Refused(401, "Unauthorized")


def _refuse_without_right(chat: Chat, rights: str) -> None:
    if rights == "left":
        raise Refused(403, f"Forbidden: bot is not a member of the {chat.kind} chat")
    if rights == "silenced":
        words = "need administrator rights in the channel chat"
        missing = "not enough rights to send videos to the chat"
        raise Refused(400, f"Bad Request: {words if chat.kind == 'channel' else missing}")


def _video(form: Form, fields: Fields) -> Upload:
    """Return the video that was sent. Raises `Refused`."""
    video = _file(form, fields, "video")
    if video is None and fields.get("video"):
        raise Refused(400, "Bad Request: wrong file identifier/HTTP URL specified")
    if video is None:
        raise Refused(400, "Bad Request: there is no video in the request")
    if not video.content:
        raise Refused(400, "Bad Request: file must be non-empty")
    if len(video.content) > rules.LARGEST_VIDEO:
        raise Refused(413, "Request Entity Too Large")
    return video


def _file(form: Form, fields: Fields, name: str) -> Upload | None:
    """Return a file of the request, which may stand under another name: `attach://NAME`."""
    attached = str(fields.get(name) or "")
    return form.files.get(attached.removeprefix("attach://") if attached.startswith("attach://") else name)


async def _looked(path: Any, video: Upload) -> Film | None:
    try:
        return await asyncio.to_thread(look_at, path)
    except ValueError:
        return None


def _is_thumbnail(picture: Upload) -> bool:
    return picture.content.startswith(b"\xff\xd8\xff") and len(picture.content) < rules.LARGEST_THUMBNAIL


def _result(value: Any) -> Reply:
    return Reply({"ok": True, "result": value}, alter=lambda fault, payload: payload)


def _without_id(fault: Fault, payload: Any) -> Any:
    if fault.kind != "no-id":
        return payload
    return {"ok": True, "result": {name: one for name, one in payload["result"].items() if name != "message_id"}}
