"""Calls of the Telegram Bot API, and the meaning of its answers. The token is part of every address."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from reelwork_hooks import (
    Answer,
    Context,
    HttpFiles,
    InvalidInput,
    Meaning,
    OutcomeUnknown,
    ReelworkError,
    Refusals,
    Rejected,
    Service,
    Unavailable,
    origin_of,
)
from reelwork_plugins.publishers.telegram.config import API

# https://core.telegram.org/bots/api#sending-files and #using-a-local-bot-api-server.
MOST_BYTES, MOST_BYTES_OWN_SERVER = 50_000_000, 2_000_000_000
UPLOAD_SECONDS = 300.0
"""Seconds for which a server may stay silent after an upload, while it hands the video on."""
NOTHING_POSTED = "Nothing was posted; the video is kept."
SIGN_IN = "Store the token that @BotFather shows: reelwork accounts add telegram --replace"
MAY_NOT = "Make the bot an administrator of the channel, with the right to post, or a member of the group."
NEW_ID = "The group became a supergroup and has a new id. Add the account again, or change chat."
_TOKEN = re.compile(r"[0-9]{1,20}:[A-Za-z0-9_-]{1,100}")
_NO_RIGHT = re.compile(r"(?i)not enough rights|administrator rights|chat not found|have no rights|CHAT_.*FORBIDDEN")
NO_RIGHT, MOVED = "no right", "moved"
REFUSALS = Refusals(
    codes={NO_RIGHT: Meaning("lasting", hint=MAY_NOT), MOVED: Meaning("lasting", hint=NEW_ID)},
    statuses={
        401: Meaning("lasting", hint=SIGN_IN),
        403: Meaning("lasting", hint=MAY_NOT),
        404: Meaning("lasting", hint=SIGN_IN),
    },
    no_funds=None,
    pause=30.0,
    money=NOTHING_POSTED,
)
"""What the Bot API's answers mean for a post."""


def checked_token(token: str) -> str:
    """Return a token that can stand in an address. Raises `InvalidInput`, without showing it."""
    bare = token.strip()
    if not _TOKEN.fullmatch(bare):
        hint = "Copy the token that @BotFather shows, such as 123456:ABC."
        raise InvalidInput("telegram: this is not the token of a bot.", hint=hint)
    return bare


class Bot:
    """One bot at one Bot API server."""

    def __init__(self, context: Context, token: str, base_url: str = API) -> None:
        self._service = Service(context, [origin_of(base_url)])
        self._address = f"{base_url}/bot{checked_token(token)}"

    async def read(self, method: str, **query: str | int) -> Answer:
        """Read, with retries. Raises `Unavailable` when no answer came."""
        return await self._service.get(f"{self._address}/{method}", query)

    async def send_video(self, fields: Mapping[str, str], files: HttpFiles, progress: Any) -> Answer:
        """Send a video, once. Raises `NotSent` or `OutcomeUnknown`."""
        url = f"{self._address}/sendVideo"
        return await self._service.request(
            "POST", url, data=fields, files=files, timeout=UPLOAD_SECONDS, progress=progress
        )


def is_result(answer: Answer) -> bool:
    """Return whether an answer is the Bot API's own, of success."""
    return answer.ok and answer.at("ok") is True


def refusal(answer: Answer, what: str) -> ReelworkError:
    """Return what to raise for an answer to a post that is no success."""
    if answer.status == 413:
        # A server that finds a body too large does not read it.
        hint = "Make a shorter or smaller video, or set base_url to your own Bot API server."
        words = f"telegram: {what} was answered 413: the video is too large"
        return Rejected(words, code="413", money=NOTHING_POSTED, hint=hint)
    # Only Telegram itself knows that it posted nothing. A gateway's words prove nothing, whatever their status.
    if not _is_refusal(answer):
        return OutcomeUnknown(f"telegram: {what} was answered {answer.words}, and not as Telegram answers")
    own = _readable(answer)
    return REFUSALS.of(own, f"telegram: {what} was answered {own.words}", code=_code(answer))


def read_refusal(answer: Answer, what: str) -> ReelworkError:
    """Return what to raise for an answer to a read that is no success."""
    if not _is_refusal(answer):
        wait = answer.retry_after
        return Unavailable(f"telegram: {what} was answered {answer.words}", retry_after=wait, money=NOTHING_POSTED)
    own = _readable(answer)
    return REFUSALS.of_repeatable(own, f"telegram: {what} was answered {own.words}", code=_code(answer))


def _is_refusal(answer: Answer) -> bool:
    return answer.at("ok") is False and answer.at("error_code") == answer.status


def _code(answer: Answer) -> str:
    if isinstance(answer.at("parameters", "migrate_to_chat_id"), int):
        return MOVED
    return NO_RIGHT if _NO_RIGHT.search(answer.text_at("description")) else str(answer.status)


def _readable(answer: Answer) -> Answer:
    """Return the answer with its words, and the pause it asks for, where other services have them."""
    pause = answer.at("parameters", "retry_after")
    headers = {**answer.headers, "retry-after": str(pause)} if isinstance(pause, int | float) else answer.headers
    return replace(answer, body={"message": answer.text_at("description")}, headers=headers)
