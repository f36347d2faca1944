"""The channels of the simulated Discord, and the rules by which a webhook's posts are taken.

https://discord.com/developers/docs/resources/webhook and /topics/rate-limits; the codes and words of its refusals
are Discord's own.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from reelwork_plugins.simulator.networks.films import Film
from reelwork_plugins.simulator.refusals import Refused

LONGEST_TEXT, LONGEST_ALT, LONGEST_NAME, LONGEST_THREAD = 2000, 1024, 80, 100
LARGEST_FILE, MOST_FILES = 10_485_760, 10
POSTS, SPAN = 5, 2.0
"""Posts of one webhook that are taken in so many seconds."""
GUILD = "1300000000000000000"
_EPOCH = 1_420_070_400_000
"""Milliseconds since 1970 from which Discord counts (snowflakes)."""


@dataclass(frozen=True, slots=True)
class Hook:
    """A webhook and its channel."""

    id: str
    channel: str
    name: str
    forum: bool
    threads: tuple[str, ...]


HOOKS = (
    Hook("1300000000000000001", "1300000000000000011", "Rehearsal", False, ("1300000000000000021",)),
    Hook("1300000000000000002", "1300000000000000012", "Rehearsal forum", True, ("1300000000000000022",)),
)
"""A webhook of a text channel, and one of a forum, each with a thread."""


@dataclass(frozen=True, slots=True)
class Attached:
    """A file of a message."""

    name: str
    media_type: str
    path: Path
    bytes: int
    alt: str
    film: Film | None


@dataclass(frozen=True, slots=True)
class Message:
    """A message of a webhook."""

    id: str
    hook: Hook
    channel: str
    at: float
    text: str
    username: str
    files: tuple[Attached, ...]
    flags: int
    mentions: tuple[str, ...]
    """The kinds of mentions that notify."""
    title: str = ""
    """The title of the thread that it began."""


@dataclass
class Channel:
    """What was posted. May be used from several threads."""

    messages: dict[str, Message] = field(default_factory=dict)
    lock: threading.RLock = field(default_factory=threading.RLock)
    threads: dict[str, str] = field(default_factory=dict)
    """Threads that were begun, with the webhook that began each."""
    _sent: dict[str, deque[float]] = field(default_factory=dict)
    _last: int = 0

    def take_turn(self, hook: Hook, now: float) -> dict[str, str]:
        """Count a post, and return the headers that tell where it stands. Raises `Refused` with 429."""
        with self.lock:
            times = self._sent.setdefault(hook.id, deque())
            while times and times[0] <= now - SPAN:
                times.popleft()
            late = len(times) >= POSTS
            if not late:
                times.append(now)
            wait = times[0] + SPAN - now
            headers = {
                "X-RateLimit-Limit": str(POSTS), "X-RateLimit-Remaining": str(POSTS - len(times)),
                "X-RateLimit-Reset": f"{now + wait:.3f}", "X-RateLimit-Reset-After": f"{wait:.3f}",
                "X-RateLimit-Bucket": "simulated",
            }  # fmt: skip
            if late:
                asked = {**headers, "retry-after": f"{wait:.3f}", "X-RateLimit-Scope": "user"}
                raise Refused(429, "You are being rate limited.", headers=asked)
            return headers

    def new_id(self, now: float) -> str:
        """Return an id that is larger than all before it, as Discord's are: made of the time."""
        with self.lock:
            self._last = max(self._last + 1, int(now * 1000) - _EPOCH << 22)
            return str(self._last)

    def add(self, message: Message) -> None:
        """Post a message."""
        with self.lock:
            self.messages[message.id] = message
            if message.title:
                self.threads[message.channel] = message.hook.id

    def thread_of(self, hook: Hook, wanted: str) -> str:
        """Return a thread of the webhook's channel. Raises `Refused` with 404."""
        if wanted not in hook.threads and self.threads.get(wanted) != hook.id:
            raise Refused(404, "Unknown Channel", code="10003")
        return wanted

    def posted(self) -> list[Message]:
        """Return all messages, newest first."""
        with self.lock:
            return sorted(self.messages.values(), key=lambda one: int(one.id), reverse=True)

    def get(self, hook: Hook, id_: str) -> Message:
        """Return a message of a webhook. Raises `Refused` with 404."""
        found = self.messages.get(id_)
        if found is None or found.hook != hook:
            raise Refused(404, "Unknown Message", code="10008")
        return found

    def delete(self, hook: Hook, id_: str) -> None:
        """Remove a message. Raises `Refused` with 404."""
        with self.lock:
            del self.messages[self.get(hook, id_).id]


def too_long(name: str, text: str, most: int) -> None:
    """Raise `Refused` where a text has more code points than are allowed."""
    if len(text) > most:
        raise Refused(400, "Invalid Form Body", code="50035", param=f"{name}: Must be {most} or fewer in length.")


def check_place(hook: Hook, thread: str, title: str) -> None:
    """Raise `Refused` where a forum has no thread, or a channel that is none is to get one."""
    if hook.forum and not (thread or title):
        words = "Webhooks posted to forum channels must have a thread_name or thread_id"
        raise Refused(400, words, code="220001")
    if thread and title:
        words = "Webhooks posted to forum channels cannot have both a thread_name and thread_id"
        raise Refused(400, words, code="220002")
    if title and not hook.forum:
        raise Refused(400, "Webhooks can only create threads in forum channels", code="220003")


def message_json(message: Message, here: str) -> dict[str, Any]:
    """Return a message."""
    at = datetime.fromtimestamp(message.at, UTC).isoformat(timespec="microseconds")
    author = {
        "id": message.hook.id,
        "username": message.username,
        "bot": True,
        "discriminator": "0000",
        "avatar": None,
    }
    return {
        "id": message.id, "type": 0, "content": message.text, "channel_id": message.channel, "author": author,
        "attachments": _attachments(message.files, message.id, here), "embeds": [], "mentions": [],
        "mention_roles": [], "mention_everyone": "everyone" in message.mentions and "@everyone" in message.text,
        "pinned": False, "tts": False, "timestamp": at, "edited_timestamp": None, "flags": message.flags,
        "components": [], "webhook_id": message.hook.id,
    }  # fmt: skip


def _attachments(files: Sequence[Attached], id_: str, here: str) -> list[Mapping[str, Any]]:
    shown: list[Mapping[str, Any]] = []
    for number, file in enumerate(files):
        url = f"{here}/attachments/{id_}/{number}/{file.name}"
        shape = {} if file.film is None else {"width": file.film.width, "height": file.film.height}
        alt = {"description": file.alt} if file.alt else {}
        shown.append(
            {
                "id": str(int(id_) + number + 1),
                "filename": file.name,
                "size": file.bytes,
                "url": url,
                "proxy_url": url,
                "content_type": file.media_type,
                **shape,
                **alt,
            }
        )
    return shown


def hook_json(hook: Hook, token: str, here: str) -> dict[str, Any]:
    """Return a webhook, as who has its token sees it."""
    return {
        "id": hook.id, "type": 1, "guild_id": GUILD, "channel_id": hook.channel, "name": hook.name, "avatar": None,
        "application_id": None, "token": token, "url": f"{here}/api/webhooks/{hook.id}/{token}",
    }  # fmt: skip
