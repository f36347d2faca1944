"""Calls of the YouTube Data API, and the meaning of its refusals."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reelwork_hooks import (
    Asset,
    Context,
    HttpResponse,
    InvalidInput,
    OutOfFunds,
    ReelworkError,
    Rejected,
    Unavailable,
)
from reelwork_plugins.publishers.youtube.config import NOTHING_POSTED

# `uploadLimitExceeded` is the channel's, for 24 hours; the others are the project's, until midnight Pacific time.
_USED_UP = frozenset({"quotaExceeded", "dailyLimitExceeded", "uploadLimitExceeded"})
_TOO_FAST = frozenset({"rateLimitExceeded", "userRateLimitExceeded"})
LONGEST_WORDS = 200
PAGE = 50
MOST_PAGES = 10


class SignInRefused(InvalidInput):
    """Google does not accept the account's tokens."""

    money = "Nothing was posted."


class Api:
    """The API, signed in with an account."""

    def __init__(self, context: Context, base_url: str, account: str) -> None:
        self._context, self.base_url, self._account = context, base_url, account
        self.http = context.http(trust=[base_url])

    async def read(self, what: str, **params: str | int) -> Mapping[str, Any]:
        """Read a list of the API. Raises `Unavailable`, `OutOfFunds` or `SignInRefused`."""
        url = f"{self.base_url}/youtube/v3/{what}"
        answer = await self.http.get(url, params=params, headers=await self.bearer())
        if answer.status_code == 401:
            answer = await self.http.get(url, params=params, headers=await self.bearer(again=True))
        if answer.status_code != 200:
            raise refusal(answer, f"reading {what}")
        body = body_of(answer)
        # Every list has them. What has none is some other page, and proves nothing.
        if not isinstance(body.get("items"), list):
            raise Unavailable(f"youtube: reading {what} was answered with something else than a list")
        return body

    async def set_thumbnail(self, video: str, picture: Asset) -> None:
        """Give a video its still picture. May be repeated. Raises what `refusal` returns."""
        answer = await self.http.request(
            "POST",
            f"{self.base_url}/upload/youtube/v3/thumbnails/set",
            params={"videoId": video, "uploadType": "media"},
            content=picture.path,
            headers={**await self.bearer(), "Content-Type": picture.media_type},
            repeatable=True,
        )
        if answer.status_code != 200:
            raise refusal(answer, "setting the thumbnail")

    async def bearer(self, *, again: bool = False) -> dict[str, str]:
        """Return the header with a token; `again`: with another one than that, which was refused."""
        account = self._context.account(self._account)
        token = account.read().get("access_token", "")
        values = await account.fresh(refused=token if again else "")
        return {"Authorization": f"Bearer {values.get('access_token', '')}"}


def body_of(answer: HttpResponse) -> Mapping[str, Any]:
    """Return an answer's object; an empty one when it has none."""
    try:
        body = answer.json()
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}


def _words(answer: HttpResponse) -> tuple[str, str]:
    """Return the reason, such as `quotaExceeded`, and the message of a refusal."""
    error = body_of(answer).get("error")
    if not isinstance(error, dict):
        return "", ""
    listed = error.get("errors")
    first = listed[0] if isinstance(listed, list) and listed and isinstance(listed[0], dict) else {}
    return str(first.get("reason", "")), " ".join(str(error.get("message", "")).split())[:LONGEST_WORDS]


def refusal(answer: HttpResponse, what: str) -> ReelworkError:
    """Return the error for an answer that is no success, to a call that posts nothing."""
    reason, message = _words(answer)
    problem = f"youtube: {what} was answered {answer.status_code} {reason}: {message}".rstrip(": ")
    if reason in _USED_UP:
        hint = "Resume the job tomorrow."
        return OutOfFunds(problem, money=NOTHING_POSTED, hint=hint)
    # A success without what belongs to it is the page of something on the way.
    if (
        answer.status_code < 400
        or answer.status_code in (408, 429)
        or answer.status_code >= 500
        or reason in _TOO_FAST
    ):
        return Unavailable(problem, retry_after=60.0 if reason in _TOO_FAST else None, money=NOTHING_POSTED)
    if answer.status_code == 401:
        hint = "Sign in again: reelwork accounts add youtube --replace"
        return SignInRefused(problem, hint=hint)
    return Rejected(problem, code=reason, money=NOTHING_POSTED)
