"""Calls of an AT Protocol server (https://atproto.com/specs/xrpc) and the meaning of its answers."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from reelwork_hooks import HttpClient, HttpResponse, NotSent, OutcomeUnknown, Unavailable, refusals

ATTEMPTS = 3
# A longer pause is reported instead: the engine waits for it without keeping a slot busy.
LONGEST_PAUSE = 30.0
"""Seconds that a repeatable call waits by itself when the server asks for a pause."""
LONGEST_ANSWER = 200
"""Characters of a server's message that are passed on."""

_DAY_IS_FULL = re.compile(r"(?i)daily|per[ _-]day|today|quota|too[ _-]many|remaining")
# Both statuses are used for it: the reference server answers 400, its specification says 401.
_TOKEN_ERRORS = frozenset({"ExpiredToken", "InvalidToken", "AuthMissing", "AuthenticationRequired"})


@dataclass(frozen=True, slots=True)
class Answer:
    """A server's answer, whatever its status."""

    status: int
    body: Mapping[str, Any] = field(default_factory=dict)
    retry_after: float | None = None
    """Seconds until the server takes requests again, when it said so."""

    @property
    def ok(self) -> bool:
        """True if the call was carried out."""
        return 200 <= self.status < 300

    @property
    def error(self) -> str:
        """The server's own word for what is wrong, such as `InvalidRequest`."""
        word = self.body.get("error")
        return word if isinstance(word, str) else ""

    @property
    def token_refused(self) -> bool:
        """True if the call was refused, without work, for its token alone."""
        return self.status in (400, 401) and self.error in _TOKEN_ERRORS

    @property
    def blob_missing(self) -> bool:
        """True if the record names a video that the server does not have."""
        said = str(self.body.get("message", "")).casefold()
        return self.error == "BlobNotFound" or (self.status == 400 and "could not find blob" in said)

    @property
    def refused(self) -> bool:
        """True if the status says that no work was done."""
        # 409 may say that the key is taken; 408, 425 and a proxy's 499 may come after the request was passed on.
        return 400 <= self.status < 500 and self.status not in (408, 409, 425, 429, 499)

    @property
    def says_exists(self) -> bool:
        """True if the answer says that what was asked for is there already."""
        return not self.ok and refusals.says_exists(self.status, self.error, self._message)

    @property
    def says_day_is_full(self) -> bool:
        """True if the call was refused because the account's allowance for the day is used up."""
        return not self.ok and self.status < 500 and bool(_DAY_IS_FULL.search(f"{self.error} {self._message}"))

    @property
    def _message(self) -> str:
        message = self.body.get("message")
        return message if isinstance(message, str) else ""

    @property
    def passing(self) -> bool:
        """True if the same call may well succeed a little later."""
        return self.status in (408, 429) or self.status >= 500

    @property
    def words(self) -> str:
        """The answer in one line."""
        message = self.body.get("message")
        said = " ".join(message.split())[:LONGEST_ANSWER] if isinstance(message, str) else ""
        return f"{self.status} {': '.join(part for part in (self.error, said) if part)}".strip()


class Server:
    """One server. Reads are retried by the client; `call` sends once."""

    def __init__(self, http: HttpClient, address: str, clock: Callable[[], float]) -> None:
        self._http, self.address, self._clock = http, address, clock

    async def query(
        self, name: str, parameters: Mapping[str, str | int] | None = None, token: str | None = None
    ) -> Answer:
        """Read. Raises `Unavailable` when no answer came."""
        response = await self._http.get(self._url(name), params=parameters, headers=_headers(token))
        return self._answer(response)

    async def call(self, name: str, body: Mapping[str, Any] | None, token: str | None = None) -> Answer:
        """Write, once. Raises `NotSent` or `OutcomeUnknown`."""
        response = await self._http.post(self._url(name), json=body, headers=_headers(token))
        return self._answer(response)

    async def upload(
        self, name: str, file: Path, token: str, *, timeout: float | None = None, media_type: str = "video/mp4"
    ) -> Answer:
        """Send a file, once. Raises `NotSent` or `OutcomeUnknown`."""
        headers = {**_headers(token), "Content-Type": media_type}
        response = await self._http.post(self._url(name), content=file, headers=headers, timeout=timeout)
        return self._answer(response)

    def _url(self, name: str) -> str:
        return f"{self.address}/xrpc/{name}"

    def _answer(self, response: HttpResponse) -> Answer:
        try:
            body = response.json()
        except ValueError:
            body = None
        wait = self._wait(response) if response.status_code in (429, 503) else None
        return Answer(response.status_code, body if isinstance(body, dict) else {}, wait)

    def _wait(self, response: HttpResponse) -> float | None:
        """Return seconds, from `Retry-After` or from `RateLimit-Reset`, a time (seconds since the epoch)."""
        for name, since in (("retry-after", 0.0), ("ratelimit-reset", self._clock())):
            try:
                return max(float(response.headers.get(name, "")) - since, 1.0)
            except ValueError:
                continue
        return None


def _headers(token: str | None) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"} if token else {}


async def repeated(call: Callable[[], Awaitable[Answer]], what: str, *, pause: float = 1.0) -> Answer:
    """Send a write that may be repeated, until it is answered with a success or a lasting refusal.

    Raises `Unavailable` when there is none after three attempts, or when the server asks for a long pause.
    """
    problem, wait = "", None
    for attempt in range(ATTEMPTS):
        try:
            answer = await call()
        except (NotSent, OutcomeUnknown) as error:
            problem, wait = error.message, None
        else:
            if not answer.passing:
                return answer
            problem, wait = f"the server answered {answer.words}", answer.retry_after
        if wait is not None and wait > LONGEST_PAUSE:
            break
        if attempt + 1 < ATTEMPTS:
            await asyncio.sleep(wait or pause * 2**attempt)
    raise Unavailable(f"bluesky: {what} did not succeed: {problem}", retry_after=wait)
