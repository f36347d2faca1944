"""Calls of a Discord webhook, and the meaning of its answers. The webhook's token is part of its address."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlsplit

from reelwork_hooks import (
    Answer,
    Asset,
    Context,
    InvalidInput,
    Meaning,
    OutcomeUnknown,
    ReelworkError,
    Refusals,
    Rejected,
    Service,
    Unavailable,
    is_loopback,
    origin_of,
)

UPLOAD_SECONDS = 120.0
"""Seconds for which Discord may stay silent after an upload."""
NOTHING_POSTED = "Nothing was posted; the video is kept."
ADD_AGAIN = "Make a webhook in the channel's settings: reelwork accounts add discord --replace"
_PATH = re.compile(r"/api(?:/v[0-9]+)?/webhooks/([0-9]{15,20})/([A-Za-z0-9_-]{1,200})/?")
_HOSTS = ("discord.com", "discordapp.com")
# https://discord.com/developers/docs/topics/opcodes-and-status-codes#json
REFUSALS = Refusals(
    codes={
        "10003": Meaning("lasting", hint="Check the thread's id: the thread must be in the webhook's channel."),
        "10015": Meaning("lasting", "the webhook was deleted", ADD_AGAIN),
        "50027": Meaning("lasting", "the webhook's token is not valid", ADD_AGAIN),
        "220001": Meaning("lasting", hint='The channel is a forum: set new_thread = "{title}", or thread.'),
        "220003": Meaning("lasting", hint="The channel is not a forum: remove new_thread."),
    },
    statuses={
        401: Meaning("lasting", hint=ADD_AGAIN),
        403: Meaning("lasting", hint=ADD_AGAIN),
        404: Meaning("lasting", hint=ADD_AGAIN),
    },
    no_funds=None,
    pause=5.0,
    money=NOTHING_POSTED,
)
"""What Discord's answers mean for a post."""


@dataclass(frozen=True, slots=True)
class Address:
    """The parts of a webhook's URL."""

    server: str
    """Scheme, host and port."""
    id: str
    token: str

    @classmethod
    def of(cls, url: str) -> Address:
        """Take a webhook's URL apart. Raises `InvalidInput`, without showing it."""
        parts = urlsplit(url.strip())
        host, found = parts.hostname or "", _PATH.fullmatch(parts.path)
        known = parts.scheme == "https" and (host in _HOSTS or host.endswith(".discord.com"))
        # A simulator on this machine. Anywhere else the token would be given to a stranger.
        if found is None or not (known or (parts.scheme in ("http", "https") and is_loopback(url.strip()))):
            hint = "Copy it from the channel's settings, such as https://discord.com/api/webhooks/ID/TOKEN."
            raise InvalidInput("discord: this is not the URL of a webhook.", hint=hint)
        return cls(origin_of(url.strip()), found[1], found[2])


@dataclass(frozen=True, slots=True)
class About:
    """A webhook as Discord knows it."""

    name: str
    channel: str
    guild: str


class Webhook:
    """One webhook."""

    def __init__(self, context: Context, address: Address) -> None:
        self.address = address
        self._service = Service(context, [address.server])
        self._url = f"{address.server}/api/v10/webhooks/{address.id}/{address.token}"

    async def look(self) -> About:
        """Ask what the webhook is. Raises `InvalidInput` when it is gone, and `Unavailable`."""
        answer = await self._service.get(self._url)
        if not answer.ok or answer.text_at("id") != self.address.id:
            raise read_refusal(answer, "the lookup of the webhook")
        return About(answer.text_at("name"), answer.text_at("channel_id"), answer.text_at("guild_id"))

    async def post(self, payload: Mapping[str, Any], name: str, video: Asset, thread: str, progress: Any) -> Answer:
        """Post a video, once, and wait for the message. Raises `NotSent` or `OutcomeUnknown`."""
        # Without `wait` Discord answers before the message is there, and tells nothing when it never is.
        query = {"wait": "true", **({"thread_id": thread} if thread else {})}
        form = {"payload_json": json.dumps(payload)}
        return await self._service.request(
            "POST", self._url, params=query, data=form, files={"files[0]": (name, video.path, video.media_type)},
            timeout=UPLOAD_SECONDS, progress=progress,
        )  # fmt: skip


def refusal(answer: Answer, what: str) -> ReelworkError:
    """Return what to raise for an answer to a post that is no success."""
    if answer.status == 413:
        # A server that finds a body too large does not read it.
        hint = "Make a shorter or smaller video, or set largest to what the server takes."
        words = f"discord: {what} was answered {answer.words}: the video is too large for this server"
        return Rejected(words, code="413", money=NOTHING_POSTED, hint=hint)
    # Only Discord itself knows that it posted nothing. A gateway's words prove nothing, whatever their status.
    if not _is_refusal(answer):
        return OutcomeUnknown(f"discord: {what} was answered {answer.words}, and not as Discord answers")
    return REFUSALS.of(_with_pause(answer), f"discord: {what} was answered {answer.words}")


def read_refusal(answer: Answer, what: str) -> ReelworkError:
    """Return what to raise for an answer to a read that is no success."""
    if not _is_refusal(answer):
        wait = answer.retry_after
        return Unavailable(f"discord: {what} was answered {answer.words}", retry_after=wait, money=NOTHING_POSTED)
    return REFUSALS.of_repeatable(_with_pause(answer), f"discord: {what} was answered {answer.words}")


def _is_refusal(answer: Answer) -> bool:
    if answer.ok or not answer.text_at("message"):
        return False
    # A limit has no code, and says how long it lasts.
    return isinstance(answer.at("code"), int) or (answer.status == 429 and answer.at("retry_after") is not None)


def _with_pause(answer: Answer) -> Answer:
    """Return the answer with the pause that its body asks for, which is the exact one, in its header."""
    pause = answer.at("retry_after")
    if answer.status != 429 or not isinstance(pause, int | float):
        return answer
    return replace(answer, headers={**answer.headers, "retry-after": str(pause)})


def pause_after(answer: Answer) -> float:
    """Return the seconds after which Discord takes another post of this webhook; 0 for at once."""
    left, wait = answer.headers.get("x-ratelimit-remaining"), answer.headers.get("x-ratelimit-reset-after", "")
    try:
        return max(float(wait), 0.0) if left == "0" else 0.0
    except ValueError:
        return 0.0
