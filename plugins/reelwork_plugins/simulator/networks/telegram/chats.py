"""The chats of the simulated Telegram, and the rules by which the Bot API takes videos.

https://core.telegram.org/bots/api#sendvideo and https://core.telegram.org/bots/faq; the words of its refusals are
the Bot API's own.
"""

from __future__ import annotations

import math
import threading
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from reelwork_plugins.simulator.networks.films import Film
from reelwork_plugins.simulator.refusals import Refused

LONGEST_CAPTION, LARGEST_VIDEO, LARGEST_THUMBNAIL = 1024, 50_000_000, 200_000
PER_MINUTE_IN_GROUP, PER_SECOND_IN_CHAT, PER_SECOND = 20, 1, 30
BOT_ID, BOT_NAME = 1_000_000_001, "rehearsal_bot"
_FIRST_SECOND = 1_700_000_000
"""Seconds since 1970 from which numbers of messages are counted."""


@dataclass(frozen=True, slots=True)
class Chat:
    """A chat that the bot can see."""

    id: int
    kind: str
    title: str
    username: str = ""
    topics: tuple[int, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """Return it as messages name it."""
        name = {"username": self.username} if self.username else {}
        forum = {"is_forum": True} if self.topics else {}
        return {"id": self.id, "type": self.kind, "title": self.title, **name, **forum}


CHATS = (
    Chat(-1_009_000_000_001, "channel", "Rehearsal", "rehearsal"),
    Chat(-1_009_000_000_002, "channel", "Private rehearsal"),
    Chat(-1_009_000_000_003, "supergroup", "Rehearsal group", topics=(7,)),
)
"""A public channel, a private one, and a private group with a topic. Telegram's own ids are not as high."""


@dataclass(frozen=True, slots=True)
class Message:
    """A message with a video."""

    id: int
    chat: Chat
    at: float
    caption: str
    path: Path
    name: str
    bytes: int
    film: Film | None
    wishes: Mapping[str, str]
    """What else was asked for, such as `has_spoiler`."""
    thumbnail: int = 0
    """Bytes of a picture that was given and taken."""


@dataclass
class Chats:
    """What was posted. May be used from several threads."""

    messages: dict[tuple[int, int], Message] = field(default_factory=dict)
    lock: threading.RLock = field(default_factory=threading.RLock)
    _sent: dict[int, deque[float]] = field(default_factory=dict)
    _last: int = 0

    def take_turn(self, chat: Chat, now: float) -> None:
        """Count a post. Raises `Refused` with 429 where there were too many."""
        limit, span = (
            (PER_MINUTE_IN_GROUP, 60.0) if chat.kind.endswith("group") else (PER_SECOND_IN_CHAT, 1.0)
        )  # fmt: skip
        with self.lock:
            times = self._sent.setdefault(chat.id, deque())
            while times and times[0] <= now - span:
                times.popleft()
            everywhere = sum(at > now - 1 for some in self._sent.values() for at in some)
            if len(times) >= limit or everywhere >= PER_SECOND:
                wait = max(math.ceil((times[0] if times else now) + span - now), 1)
                words = f"Too Many Requests: retry after {wait}"
                raise Refused(429, words, headers={"retry-after": str(wait)})
            times.append(now)

    def new_id(self, now: float) -> int:
        """Return a number that is larger than all before it, also those of an earlier run."""
        with self.lock:
            self._last = max(self._last + 1, int(now) - _FIRST_SECOND)
            return self._last

    def add(self, message: Message) -> None:
        """Post a message."""
        with self.lock:
            self.messages[message.chat.id, message.id] = message

    def delete(self, chat: Chat, message: int) -> bool:
        """Remove a message; return whether it was there."""
        with self.lock:
            return self.messages.pop((chat.id, message), None) is not None

    def posted(self) -> list[Message]:
        """Return all messages, newest first."""
        with self.lock:
            return sorted(self.messages.values(), key=lambda one: one.id, reverse=True)


def chat_of(wanted: str) -> Chat:
    """Return a chat by its id or `@name`. Raises `Refused` with 400."""
    if not wanted:
        raise Refused(400, "Bad Request: chat_id is empty")
    for chat in CHATS:
        if wanted == str(chat.id) or (chat.username and wanted.lower() == f"@{chat.username}"):
            return chat
    raise Refused(400, "Bad Request: chat not found")


def units(text: str) -> int:
    """Return how many characters Telegram counts."""
    return sum(2 if ord(letter) > 0xFFFF else 1 for letter in text)


def checked_caption(text: str) -> str:
    """Return a caption as it is kept. Raises `Refused` when it is too long."""
    kept = text.strip()
    if units(kept) > LONGEST_CAPTION:
        raise Refused(400, "Bad Request: message caption is too long")
    return kept


def message_json(message: Message) -> dict[str, Any]:
    """Return a message."""
    film, kind = message.film, message.chat.kind
    sender: dict[str, Any] = {"sender_chat": message.chat.as_json()} if kind == "channel" else {"from": bot_json()}
    file = {
        "file_id": f"simulated-{message.chat.id}-{message.id}", "file_unique_id": f"u{message.id}",
        "file_name": message.name, "mime_type": "video/mp4", "file_size": message.bytes,
    }  # fmt: skip
    shape = {} if film is None else {"width": film.width, "height": film.height, "duration": round(film.seconds)}
    flags = {
        "has_media_spoiler": "has_spoiler", "has_protected_content": "protect_content",
        "show_caption_above_media": "show_caption_above_media",
    }  # fmt: skip
    topic = message.wishes.get("message_thread_id")
    return {
        "message_id": message.id, "date": int(message.at), "chat": message.chat.as_json(), **sender,
        **({"message_thread_id": int(topic), "is_topic_message": True} if topic else {}),
        **({"caption": message.caption} if message.caption else {}),
        **{name: True for name, wish in flags.items() if message.wishes.get(wish) == "true"},
        # What it cannot play is a file to download.
        **({"document": file} if film is None else {"video": {**file, **shape}}),
    }  # fmt: skip


def bot_json() -> dict[str, Any]:
    """Return the bot."""
    return {"id": BOT_ID, "is_bot": True, "first_name": "Rehearsal", "username": BOT_NAME}


def member_json(chat: Chat, rights: str) -> dict[str, Any]:
    """Return the bot's rights in a chat: all that it needs, or as `rights` says."""
    if rights == "left":
        return {"user": bot_json(), "status": "left"}
    if chat.kind == "channel":
        no = (
            "can_be_edited", "is_anonymous", "can_manage_chat", "can_delete_messages", "can_manage_video_chats",
            "can_restrict_members", "can_promote_members", "can_change_info", "can_invite_users",
            "can_post_stories", "can_edit_stories", "can_delete_stories",
        )  # fmt: skip
        may = {"can_post_messages": rights != "silenced", "can_edit_messages": False}
        return {"user": bot_json(), "status": "administrator", **dict.fromkeys(no, False), **may}
    if rights != "silenced":
        return {"user": bot_json(), "status": "member"}
    kinds = ("messages", "audios", "documents", "photos", "videos", "video_notes", "voice_notes", "polls")
    may_not = {f"can_send_{one}": one == "messages" for one in (*kinds, "other_messages")}
    other = (
        "can_add_web_page_previews",
        "can_change_info",
        "can_invite_users",
        "can_pin_messages",
        "can_manage_topics",
    )
    rest = dict.fromkeys((*other, "can_edit_tag", "can_react_to_messages"), False)
    return {
        "user": bot_json(), "status": "restricted", "is_member": True, "until_date": 0, **may_not, **rest,
    }  # fmt: skip
