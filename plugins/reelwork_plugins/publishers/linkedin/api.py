"""Calls of LinkedIn's API, and the meaning of its refusals.

https://learn.microsoft.com/en-us/linkedin/shared/api-guide/concepts/error-handling
"""

from __future__ import annotations

import re
from typing import Any

from reelwork_hooks import (
    Answer,
    Context,
    InvalidInput,
    Meaning,
    OutOfFunds,
    ReelworkError,
    Refusals,
    Rejected,
    Service,
    Unavailable,
    errors_as,
)
from reelwork_plugins.publishers.linkedin.config import NOTHING_POSTED, VERSION

DUPLICATE = "DUPLICATE_POST"
_AGAIN = "Sign in again: reelwork accounts add linkedin --replace"
_TOKEN = Meaning("lasting", "the token is not accepted", _AGAIN)
_RIGHTS = Meaning(
    "lasting",
    "the app or the person may not do this",
    f"Add the product to the app at linkedin.com/developers, and for a page its role to the person. {_AGAIN}",
)
_ENDED = Meaning(
    "lasting",
    "LinkedIn has ended this version of its API",
    "Set version under [plugin.linkedin] to a newer year and month; learn.microsoft.com/linkedin lists them.",
)
_REFUSALS = Refusals(
    codes={
        **dict.fromkeys(("INVALID_ACCESS_TOKEN", "EXPIRED_ACCESS_TOKEN", "REVOKED_ACCESS_TOKEN"), _TOKEN),
        "ACCESS_DENIED": _RIGHTS,
        **dict.fromkeys(("NONEXISTENT_VERSION", "VERSION_MISSING"), _ENDED),
        DUPLICATE: Meaning(
            "exists",
            hint="Look at the post that LinkedIn names. It may be this one, or another one with the same text.",
        ),
    },
    statuses={401: _TOKEN, 403: _RIGHTS, 426: _ENDED},
    no_funds=None,
    # Its limits are those of a day, and it does not say when one ends.
    pause=3600.0,
    money=NOTHING_POSTED,
)
_POST = re.compile(r"urn:li:(?:share|ugcPost):\d+")


class Api(Service):
    """The API, signed in with an account."""

    def __init__(self, context: Context, base_url: str, account: str, version: str = VERSION) -> None:
        super().__init__(context, [base_url], account=account)
        self.base_url, self._version = base_url, version

    async def call(self, method: str, path: str, **rest: Any) -> Answer:
        """Send a request. Raises what `Service.request` raises."""
        return await self.request(method, f"{self.base_url}{path}", headers=headers(self._version), **rest)

    async def read(self, path: str, what: str) -> Answer:
        """Read an object. Raises `Unavailable`."""
        with errors_as(Unavailable, (Rejected, OutOfFunds, InvalidInput)):
            answer = await self.request(
                "GET",
                f"{self.base_url}{path}",
                # An old copy of a list does not show a new post, which would then be taken for absent.
                headers={**headers(self._version), "Cache-Control": "no-cache"},
            )
            if not answer.ok or not answer.object:
                raise refusal(answer, what)
        return answer


def headers(version: str = VERSION) -> dict[str, str]:
    """Return what LinkedIn wants beside the token."""
    return {"LinkedIn-Version": version, "X-Restli-Protocol-Version": "2.0.0"}


def refusal(answer: Answer, what: str) -> ReelworkError:
    """Return the error for an answer that is no success, to a call that posts nothing."""
    said = f"linkedin: {what} was answered {words_of(answer)}"
    return _REFUSALS.of_repeatable(answer, said, code=code_of(answer))


def unposted(answer: Answer) -> ReelworkError:
    """Return the error for an answer that is no success, to the call that posts."""
    said = f"linkedin: the post was answered {words_of(answer)}"
    return _REFUSALS.of(answer, said, code=code_of(answer), remote_id=first_post(answer))


def first_post(answer: Answer) -> str:
    """Return the post of which LinkedIn says that the new one is a duplicate; empty if it names none."""
    found = _POST.search(answer.message) if code_of(answer) == DUPLICATE else None
    return found[0] if found else ""


def code_of(answer: Answer) -> str:
    """Return LinkedIn's word for what is wrong: beside the message, or with the field that is wrong."""
    return answer.text_at("errorDetails", "inputErrors", 0, "code") or answer.text_at("code")


def words_of(answer: Answer) -> str:
    """Return the status, the code and LinkedIn's own words, in one line."""
    said, code = answer.text_at("message"), code_of(answer)
    if not said:
        return answer.words
    # Such as `com.linkedin.content.common.exception.BadRequestResponseException: …`.
    plain = re.sub(r"^com\.linkedin\.[\w.]+: ", "", " ".join(said.split()))
    return f"{answer.status}{f' ({code})' if code else ''}: {plain}".rstrip(". ")
