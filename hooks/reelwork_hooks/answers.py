"""Reads what any HTTP service answers: JSON, errors, numbers, times, pauses. Nothing here raises."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from reelwork_hooks.http import HttpResponse

_LONGEST_WAIT = 3600.0
"""Seconds. No server is believed when it asks us to stay away for longer."""
_DEEPEST, _MOST = 4, 20
"""Levels of an error that are read, and entries of each list in it."""
_RESETS = ("x-ratelimit-reset", "x-rate-limit-reset", "ratelimit-reset")


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer, read safely: what is missing in it, or of another kind than expected, reads as nothing."""

    status: int
    """The HTTP status."""
    body: object = None
    """The body, parsed as JSON; None when it is not JSON."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """The headers, by name in any case."""
    text: str = ""
    """The body, decoded."""

    @classmethod
    def of(cls, response: HttpResponse) -> Answer:
        """Return an answer of the client."""
        try:
            body = response.json()
        except ValueError:
            body = None
        return cls(response.status_code, body, response.headers, response.text)

    @property
    def ok(self) -> bool:
        """True if the status says that the call was carried out."""
        return 200 <= self.status < 300

    @property
    def refused(self) -> bool:
        """True if the status says that no work was done, and none will be later."""
        # 408, 425 and a proxy's 499 may come after the request was passed on, and 409 may be about an earlier one.
        return 400 <= self.status < 500 and self.status not in (408, 409, 425, 429, 499)

    @property
    def passing(self) -> bool:
        """True if the same call may well succeed a little later."""
        return self.status in (408, 425, 429) or self.status >= 500

    @property
    def is_html(self) -> bool:
        """True for a web page: a proxy's error or a wrong address, not the service's answer."""
        kind = self.headers.get("content-type", "").lower()
        return "html" in kind or self.text[:15].lstrip().lower().startswith(("<!doctype", "<html"))

    @property
    def object(self) -> Mapping[str, Any]:
        """The body if it is an object, else an empty one."""
        return self.body if isinstance(self.body, dict) else {}

    def at(self, *steps: str | int) -> Any:
        """Return the value that is reached by these keys and indexes; None when there is none."""
        return value_at(self.body, *steps)

    def text_at(self, *steps: str | int) -> str:
        """Return the text that is reached by these keys and indexes; empty when there is none."""
        return text_at(self.body, *steps)

    @property
    def code(self) -> str:
        """The service's own word or number for what is wrong; empty when it gives none."""
        return _error_in(self.body, _DEEPEST)[0]

    # Not shortened: secrets are masked further on, and half a key would not be recognised.
    @property
    def message(self) -> str:
        """The service's own words for what is wrong, in one line, wherever it puts them; empty when it has none."""
        return " ".join(_error_in(self.body, _DEEPEST)[1].split())

    @property
    def words(self) -> str:
        """Status, code and message in one line, such as `422 (bad_prompt): too long`."""
        code = f" ({self.code})" if self.code and self.code != str(self.status) else ""
        said = self.message.rstrip(". ") or ("a page of HTML" if self.is_html else "")
        return f"{self.status}{code}{f': {said}' if said else ''}"

    @property
    def date(self) -> datetime | None:
        """The server's `Date`."""
        return _http_date(self.headers.get("date"))

    @property
    def age(self) -> float | None:
        """Seconds for which a cache has held the answer, by its `Age`; None when no cache gave one."""
        text = self.headers.get("age")
        # One that cannot be read was written by a cache all the same: the answer is not fresh.
        return None if text is None else float(text) if text.strip().isdecimal() else 1.0

    @property
    def retry_after(self) -> float | None:
        """Seconds the server asked us to wait, an hour at most; None when it did not ask.

        From `retry-after-ms`, `Retry-After` or `RateLimit-Reset`, as a number, a date, or seconds since 1970.
        """
        milliseconds = number_of(self.headers.get("retry-after-ms"))
        if milliseconds is not None:
            return _bounded(milliseconds / 1000)
        for name in ("retry-after", *_RESETS):
            if (seconds := self._until(self.headers.get(name), epoch=name in _RESETS)) is not None:
                return _bounded(seconds)
        return None

    def _until(self, text: str | None, *, epoch: bool) -> float | None:
        number = number_of(text)
        if number is not None and not (epoch and number > 1e9):
            return number
        moment = _http_date(text) or time_of(text)
        # By the server's own clock where it tells it: ours may be wrong.
        return None if moment is None else (moment - (self.date or datetime.now(UTC))).total_seconds()


def value_at(data: Any, *steps: str | int) -> Any:
    """Return the value in JSON that is reached by keys and indexes; None when there is none.

    >>> value_at({"items": [{"id": "v1"}]}, "items", 0, "id")
    'v1'
    """
    for step in steps:
        if isinstance(step, str):
            data = data.get(step) if isinstance(data, Mapping) else None
        else:
            data = data[step] if isinstance(data, list) and -len(data) <= step < len(data) else None
    return data


def text_at(data: Any, *steps: str | int) -> str:
    """Return the text in JSON that is reached by keys and indexes; empty when there is none.

    >>> text_at({"id": 7}, "id")
    ''
    """
    value = value_at(data, *steps)
    return value if isinstance(value, str) else ""


def number_of(value: Any) -> float | None:
    """Return a finite number, also from text such as `4.04s` or `35%`; None for anything else."""
    if value is None or isinstance(value, bool):
        return None
    try:
        number = float(value) if isinstance(value, int | float) else float(str(value).strip().rstrip("%s"))
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def time_of(value: Any) -> datetime | None:
    """Return a time from seconds or milliseconds since 1970, or from an ISO date; None for anything else.

    A date without a zone is in UTC.
    """
    number = number_of(value)
    try:
        if number is not None:
            # In milliseconds 1e11 was 1973; in seconds it is the year 5138.
            return datetime.fromtimestamp(number / 1000 if number > 1e11 else number, UTC)
        moment = datetime.fromisoformat(value.strip()) if isinstance(value, str) else None
        return moment if moment is None or moment.tzinfo else moment.replace(tzinfo=UTC)
    except (OverflowError, OSError, ValueError):
        return None


def _bounded(seconds: float) -> float:
    return min(max(seconds, 0.0), _LONGEST_WAIT)


def _http_date(text: str | None) -> datetime | None:
    try:
        moment = parsedate_to_datetime(text or "")
    except (TypeError, ValueError):
        return None
    # `-0000` is parsed to a time without a zone, which means UTC.
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


_CODES = ("error_type", "reason", "code", "type")
_WORDS = ("detail", "error", "message", "msg", "errors")


def _error_in(value: Any, deepest: int) -> tuple[str, str]:
    """Return code and message of an error: text, an object, FastAPI's list, or an error within an error."""
    if isinstance(value, str):
        return "", value
    if not deepest or not isinstance(value, dict | list):
        return "", ""
    if isinstance(value, list):
        parts = [_error_in(one, deepest - 1) for one in value[:_MOST]]
        return next((code for code, _ in parts if code), ""), "; ".join(said for _, said in parts if said)
    own = next(_words_of(value, _CODES), "")
    parts = [_error_in(value.get(name), deepest - 1) for name in _WORDS]
    inner, said = next((code for code, _ in parts if code), ""), next((said for _, said in parts if said), "")
    if isinstance(value.get("loc"), list) and said:
        said = f"{'.'.join(str(step) for step in value['loc'] if step != 'body')}: {said}"
    # OAuth: a word, and a sentence about it.
    more = value.get("error_description")
    said = f"{said}: {more}" if said and isinstance(more, str) and more else said
    # A number beside a word is mostly the HTTP status again.
    return (inner or own) if own.isdecimal() else (own or inner), said


def _words_of(value: Mapping[str, Any], names: tuple[str, ...]) -> Iterator[str]:
    for name in names:
        found = value.get(name)
        if isinstance(found, str | int) and not isinstance(found, bool) and found:
            yield str(found)
