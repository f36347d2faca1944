"""Calls of the X API v2, and the meaning of its refusals.

https://docs.x.com/x-api/fundamentals/response-codes-and-errors
"""

from __future__ import annotations

from reelwork_hooks import (
    Answer,
    Context,
    InvalidInput,
    Meaning,
    NotSent,
    OutOfFunds,
    ReelworkError,
    Refusals,
    Rejected,
    Service,
    Unavailable,
    errors_as,
    text_at,
)
from reelwork_plugins.publishers.x.config import NOTHING_POSTED

_AGAIN = "Sign in again: reelwork accounts add x --replace"
_APP = "Give the app read and write permission at console.x.com. " + _AGAIN
_CREDITS = Meaning("funds", "there are no credits left", "Buy credits at console.x.com, then resume the job.")
_REFUSALS = Refusals(
    codes={
        "usage-capped": _CREDITS,
        "credits-depleted": _CREDITS,
        "client-forbidden": Meaning("lasting", "the app may not do this", _APP),
        "unsupported-authentication": Meaning("lasting", "the token is not one of a person", _AGAIN),
        "rate-limit-exceeded": Meaning("wait", "too many requests", seconds=900.0),
    },
    statuses={401: Meaning("lasting", "the token is not accepted", _AGAIN)},
    no_funds=_CREDITS,
    # X counts in spans of a quarter of an hour.
    pause=900.0,
    money=NOTHING_POSTED,
)


class Api(Service):
    """The API, signed in with an account."""

    def __init__(self, context: Context, base_url: str, account: str) -> None:
        super().__init__(context, [base_url], account=account)
        self.base_url = base_url

    async def read(self, path: str, what: str, **params: str | int) -> Answer:
        """Read an object. Raises `Unavailable`."""
        answer = await self.get(f"{self.base_url}{path}", params)
        if not answer.ok or not answer.object:
            with errors_as(Unavailable, (Rejected, OutOfFunds, InvalidInput)):
                raise refusal(answer, what)
        return answer


def refusal(answer: Answer, what: str) -> ReelworkError:
    """Return the error for an answer that is no success, to a call that posts nothing."""
    return _REFUSALS.of_repeatable(answer, f"x: {what} was answered {words_of(answer)}", code=code_of(answer))


def unposted(answer: Answer) -> ReelworkError:
    """Return the error for an answer that is no success, to the call that posts."""
    said = f"x: the post was answered {words_of(answer)}"
    # X says so of an upload that has ended. An upload that is in a post already it takes a second time.
    if answer.status == 400 and "media ids are invalid" in answer.text.casefold():
        return NotSent(said, prepare_again=True, money=NOTHING_POSTED)
    return _REFUSALS.of(answer, said, code=code_of(answer))


def code_of(answer: Answer) -> str:
    """Return the name of the problem, such as `usage-capped`: the end of the address that stands for it."""
    return answer.text_at("type").rstrip("/").rpartition("/")[2]


def words_of(answer: Answer) -> str:
    """Return the status, the problem and X's own words for it, in one line."""
    # `detail` only says that something was wrong; what that is stands in `errors`.
    inner = answer.at("errors")
    told = [text_at(one, "message") for one in inner[:3]] if isinstance(inner, list) else []
    words = "; ".join(filter(None, told)) or answer.text_at("detail") or answer.text_at("title")
    if not words:
        return answer.words
    code = code_of(answer)
    named = f" ({code})" if code and ":" not in code else ""
    return f"{answer.status}{named}: {' '.join(words.split())}".rstrip(". ")
